//! What happens in a tenant, for the services that have subscribed to it, and their timers.
//!
//! Calls tell what happens and never wait for that: the subscriptions are read without a lock, and what a service has no room for is lost.

use std::cell::LazyCell;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::task::AbortHandle;

use super::{Deployment, Inner, TenantPlugins, TimesOfDay};
use crate::generation::{Generation, lock};
use crate::grant::Capability;
use crate::instance::Bucket;
use crate::limit::{CRON_LOOK, PUBLISH_BURST, PUBLISH_PER_SECOND, SUBSCRIPTIONS, TIMERS};
use crate::port::{BoxFuture, TenantPort};
use crate::slot::ServiceSlot;

/// What is known of an event, by name.
pub(crate) type Data = Vec<(String, String)>;

/// Who wants to know what. Replaced as a whole.
#[derive(Default)]
pub(super) struct Subscribers(ArcSwap<Vec<Subscriber>>);

#[derive(Clone)]
struct Subscriber {
    deployment: Weak<Deployment>,
    prefixes: Vec<String>,
}

/// What a deployment has of events besides its subscriptions.
pub(super) struct Own {
    timers: Mutex<Timers>,
    publishing: Mutex<Bucket>,
}

#[derive(Default)]
struct Timers {
    set: HashMap<String, (u64, AbortHandle)>,
    /// Tells a timer from the one of the same name before it.
    count: u64,
}

/// Why a service was not subscribed, or has no timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("this plugin has no service")]
    NoService,
    #[error("at most {0}")]
    TooMany(usize),
    #[error("at most {PUBLISH_PER_SECOND} events a second")]
    TooFast,
}

/// When a timer comes.
pub(crate) enum When {
    /// Once, after this time.
    In(Duration),
    /// At these times of day, again and again.
    At(TimesOfDay),
}

/// A timer that is set.
struct Timer {
    deployment: Weak<Deployment>,
    name: String,
    data: Data,
}

impl Timer {
    async fn once(self, due: BoxFuture<'static, ()>, number: u64) {
        due.await;
        let Some(service) = self.service() else { return };
        let rung = || {
            if let Some(deployment) = self.deployment.upgrade() {
                deployment.timer_rung(&self.name, number);
            }
        };
        service.tell_for_sure(("timer", &self.name), self.data, rung).await;
    }

    async fn again(self, pattern: TimesOfDay, tenant: Arc<dyn TenantPort>) {
        let mut last = tenant.clock().unix_ms;
        while let Some(due) = pattern.next(&tenant.time_zone(), last) {
            let now = tenant.clock().unix_ms;
            if let Some(left) = due.checked_sub(now).filter(|left| *left > 0) {
                tenant.sleep(Duration::from_millis(left).min(CRON_LOOK)).await;
                continue;
            }
            let Some(service) = self.service() else { return };
            service.tell_for_sure(("timer", &self.name), self.data.clone(), || {}).await;
            // Not `due`, and not before the service had room: what was missed meanwhile is not made up for.
            last = tenant.clock().unix_ms;
        }
    }

    fn service(&self) -> Option<ServiceSlot> {
        self.deployment.upgrade()?.service()
    }
}

impl Default for Own {
    fn default() -> Self {
        Self { timers: Mutex::default(), publishing: Mutex::new(Bucket::new(PUBLISH_BURST, PUBLISH_PER_SECOND)) }
    }
}

impl Drop for Timers {
    fn drop(&mut self) {
        self.set.values().for_each(|(_, task)| task.abort());
    }
}

impl TenantPlugins {
    /// Tells the services of the tenant that something happened: `kind`, to whom, and what is known about it, which is made only if
    /// somebody wants to know. Never waits.
    pub fn tell(&self, kind: &str, source: &str, data: impl FnOnce() -> Vec<(String, String)>) {
        self.0.tell(kind, source, data);
    }
}

impl Inner {
    /// How many were told.
    fn tell(&self, kind: &str, source: &str, data: impl FnOnce() -> Data) -> u32 {
        let data = LazyCell::new(data);
        let subscribers = self.subscribers.0.load();
        let wanting = subscribers.iter().filter(|subscriber| subscriber.wants(kind));
        let told = wanting.filter_map(|subscriber| {
            let deployment = subscriber.deployment.upgrade()?;
            deployment.service()?.notify(kind, source, Data::clone(&data)).ok().or_else(|| deployment.lost(kind))
        });
        u32::try_from(told.count()).unwrap_or(u32::MAX)
    }

    /// Changes the prefixes of a deployment; those that are gone are forgotten.
    fn change<T>(&self, deployment: &Arc<Deployment>, change: impl Fn(&mut Vec<String>) -> T) -> T {
        let own = Arc::downgrade(deployment);
        let mut changed = None;
        self.subscribers.0.rcu(|subscribers| {
            let alive = |subscriber: &&Subscriber| subscriber.deployment.strong_count() > 0;
            let mut subscribers: Vec<Subscriber> = subscribers.iter().filter(alive).cloned().collect();
            let at = subscribers.iter().position(|subscriber| subscriber.deployment.ptr_eq(&own));
            let at = at.unwrap_or_else(|| {
                subscribers.push(Subscriber { deployment: own.clone(), prefixes: Vec::new() });
                subscribers.len() - 1
            });
            changed = Some(change(&mut subscribers[at].prefixes));
            subscribers.retain(|subscriber| !subscriber.prefixes.is_empty());
            subscribers
        });
        changed.expect("it was changed at least once")
    }
}

impl Subscriber {
    fn wants(&self, kind: &str) -> bool {
        self.prefixes.iter().any(|prefix| kind.starts_with(prefix.as_str()))
    }
}

impl Deployment {
    /// The service wants to know of events that begin like this.
    pub(crate) fn subscribe(self: &Arc<Self>, prefix: &str) -> Result<(), Refused> {
        let Some(tenant) = self.tenant.upgrade().filter(|_| self.service().is_some()) else {
            return Err(Refused::NoService);
        };
        tenant.change(self, |prefixes| {
            if prefixes.iter().any(|known| known == prefix) {
                return Ok(());
            }
            if prefixes.len() >= SUBSCRIPTIONS {
                return Err(Refused::TooMany(SUBSCRIPTIONS));
            }
            prefixes.push(prefix.into());
            Ok(())
        })
    }

    /// False if it did not want to know of them.
    pub(crate) fn unsubscribe(self: &Arc<Self>, prefix: &str) -> bool {
        let Some(tenant) = self.tenant.upgrade() else { return false };
        tenant.change(self, |prefixes| {
            let before = prefixes.len();
            prefixes.retain(|known| known != prefix);
            prefixes.len() < before
        })
    }

    /// Tells the tenant's services an event of this plugin; how many were told.
    pub(crate) fn publish(&self, topic: &str, data: Data) -> Result<u32, Refused> {
        if !lock(&self.events.publishing).take() {
            return Err(Refused::TooFast);
        }
        let Some(tenant) = self.tenant.upgrade() else { return Ok(0) };
        Ok(tenant.tell(&format!("{}/{topic}", self.id), &self.id, || data))
    }

    /// Sets a timer of the service, in place of the one of that name.
    pub(crate) fn set_timer(
        self: &Arc<Self>,
        generation: &Generation,
        name: String,
        when: When,
        data: Data,
    ) -> Result<(), Refused> {
        if self.service().is_none() {
            return Err(Refused::NoService);
        }
        let mut timers = lock(&self.events.timers);
        if timers.set.len() >= TIMERS && !timers.set.contains_key(&name) {
            return Err(Refused::TooMany(TIMERS));
        }
        timers.count += 1;
        let number = timers.count;
        let key = name.clone();
        let (timer, guests) = (Timer { deployment: Arc::downgrade(self), name, data }, generation.host.guests());
        let task = match when {
            When::In(delay) => guests.spawn(timer.once(generation.tenant.sleep(delay), number)),
            When::At(pattern) => guests.spawn(timer.again(pattern, generation.tenant.clone())),
        };
        if let Some((_, former)) = timers.set.insert(key, (number, task.abort_handle())) {
            former.abort();
        }
        Ok(())
    }

    /// A timer is the service's to hear now; the name may be set anew.
    fn timer_rung(&self, name: &str, number: u64) {
        let mut timers = lock(&self.events.timers);
        if timers.set.get(name).is_some_and(|(set, _)| *set == number) {
            timers.set.remove(name);
        }
    }

    /// False if there is no timer of that name.
    pub(crate) fn cancel_timer(&self, name: &str) -> bool {
        let timer = lock(&self.events.timers).set.remove(name);
        timer.inspect(|(_, task)| task.abort()).is_some()
    }

    /// Another version has taken over: what it may not have is not kept for it.
    pub(super) fn keep_events(self: &Arc<Self>, granted: &BTreeSet<Capability>) {
        if !granted.contains(&Capability::Schedule) {
            *lock(&self.events.timers) = Timers::default();
        }
        if !granted.contains(&Capability::Event)
            && let Some(tenant) = self.tenant.upgrade()
        {
            tenant.change(self, Vec::clear);
        }
    }

    /// The plugin has no service any more.
    pub(super) fn forget_events(self: &Arc<Self>) {
        self.keep_events(&BTreeSet::new());
    }

    /// Counts an event that its service had no room for; the log has the first, the second, the fourth, …
    fn lost(&self, kind: &str) -> Option<()> {
        let lost = self.service()?.lost();
        if lost.is_power_of_two() {
            let tenant = self.tenant.upgrade().map(|tenant| tenant.tenant.to_string()).unwrap_or_default();
            tracing::warn!(tenant, plugin = %self.id, kind, lost, "a service is behind and loses events");
        }
        None
    }
}
