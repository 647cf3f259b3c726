//! One version deployed in one tenant: what runs pin.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use crate::error::RunError;
use crate::grant::Capability;
use crate::limit::{self, Limits};
use crate::loader::{Version, World};
use crate::manifest::Manifest;
use crate::port::TenantPort;
use crate::slot::{Reused, ServiceSlot, StrategySlot};
use crate::tail::TailEvent;
use crate::tape::shelf::Shelf;
use crate::tenant::Deployment;
use crate::usage::{Counters, metered};

/// A version, its manifest and its grant, in one tenant.
pub(crate) struct Generation {
    /// Grows with every activation in the deployment.
    pub(crate) number: u64,
    pub(crate) version: Version,
    pub(crate) manifest: Manifest,
    pub(crate) granted: BTreeSet<Capability>,
    pub(crate) limits: Limits,
    pub(crate) tenant: Arc<dyn TenantPort>,
    pub(crate) host: Arc<crate::host::Inner>,
    pub(crate) deployment: Weak<Deployment>,
    /// All versions of the deployment count there.
    pub(crate) usage: Arc<Counters>,
    /// Instances between calls; they hold nothing of a call.
    idle: Mutex<Vec<Reused>>,
    retired: AtomicBool,
    live: AtomicUsize,
    /// How slow its functions were on callers' threads.
    slow: AtomicU32,
    health: Mutex<Health>,
}

impl fmt::Debug for Generation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} #{} {:?}", self.manifest.id, self.number, self.version)
    }
}

/// How the last runs ended.
#[derive(Default)]
struct Health {
    /// The newest last; true is a fault.
    window: VecDeque<bool>,
    in_a_row: u32,
    suspensions: u32,
    until: Option<Instant>,
}

/// What a fault leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Nothing yet.
    Go,
    /// Too many of the last runs: the version before should take over.
    RollBack {
        /// How many.
        faults: usize,
        /// Out of how many.
        runs: usize,
    },
}

/// What a generation is made of.
pub(crate) struct Parts {
    pub(crate) number: u64,
    pub(crate) version: Version,
    pub(crate) manifest: Manifest,
    pub(crate) granted: BTreeSet<Capability>,
    pub(crate) tenant: Arc<dyn TenantPort>,
    pub(crate) host: Arc<crate::host::Inner>,
    pub(crate) deployment: Weak<Deployment>,
    pub(crate) usage: Arc<Counters>,
}

/// A run that counts as long as it lives.
pub(crate) struct Live {
    generation: Arc<Generation>,
    tenant_runs: Option<Arc<AtomicUsize>>,
}

impl Drop for Live {
    fn drop(&mut self) {
        self.generation.live.fetch_sub(1, Ordering::Relaxed);
        if let Some(runs) = &self.tenant_runs {
            runs.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl Generation {
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        let limits = parts.host.limits_for(&parts.manifest.limits);
        Arc::new(Self {
            number: parts.number,
            version: parts.version,
            manifest: parts.manifest,
            granted: parts.granted,
            limits,
            tenant: parts.tenant,
            host: parts.host,
            deployment: parts.deployment,
            usage: parts.usage,
            idle: Mutex::new(Vec::new()),
            retired: AtomicBool::new(false),
            live: AtomicUsize::new(0),
            slow: AtomicU32::new(0),
            health: Mutex::new(Health::default()),
        })
    }

    /// Begins a run, unless the plugin is suspended or the tenant has too many.
    pub(crate) fn enter(self: &Arc<Self>) -> Result<Live, RunError> {
        self.begin().inspect_err(|_| self.usage.refused())
    }

    /// Runs a guest on a guest thread: it is interrupted by the clock's ticks, and what it computes is counted.
    pub(crate) async fn watch<T>(&self, guest: impl Future<Output = T>) -> T {
        metered(self.host.ticker.watch(guest), |time| self.usage.computed(time)).await
    }

    /// The same, where it is no refusal: it is tried again.
    pub(crate) fn begin(self: &Arc<Self>) -> Result<Live, RunError> {
        if let Some(remaining) = self.suspended_for() {
            return Err(RunError::Suspended { remaining });
        }
        let mut tenant_runs = None;
        if let Some(deployment) = self.deployment.upgrade() {
            let most = self.host.config.runs_per_tenant as usize;
            if deployment.tenant_runs.fetch_add(1, Ordering::Relaxed) >= most {
                deployment.tenant_runs.fetch_sub(1, Ordering::Relaxed);
                return Err(RunError::Exhausted(format!("the tenant has {most} runs already")));
            }
            deployment.runs.fetch_add(1, Ordering::Relaxed);
            // The deployment may be removed before the run is over.
            tenant_runs = Some(deployment.tenant_runs.clone());
        }
        self.live.fetch_add(1, Ordering::Relaxed);
        Ok(Live { generation: self.clone(), tenant_runs })
    }

    /// Where its tenant's runs are kept.
    pub(crate) fn shelf(&self) -> Option<Arc<Shelf>> {
        self.deployment.upgrade()?.shelf()
    }

    /// Runs that are on this version now.
    pub(crate) fn live(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// How much longer it is not tried.
    pub(crate) fn suspended_for(&self) -> Option<Duration> {
        let until = lock(&self.health).until?;
        until.checked_duration_since(Instant::now()).filter(|remaining| !remaining.is_zero())
    }

    /// Remembers how a run ended; a fault is logged and may end the version.
    pub(crate) fn finished(self: &Arc<Self>, run: &str, fault: Option<&RunError>) {
        let fault = fault.filter(|fault| fault.is_fault_of_guest());
        let verdict = self.judge(fault.is_some());
        let Some(fault) = fault else { return };
        tracing::warn!(plugin = %self.manifest.id, version = %self.version.digest().short(), run, %fault, "a plugin failed");
        if let RunError::Trap { backtrace, .. } | RunError::Stack { backtrace } = fault {
            tracing::debug!(plugin = %self.manifest.id, backtrace, "where it failed");
        }
        if let Some(deployment) = self.deployment.upgrade() {
            deployment.fault(self.clone(), run, fault, verdict);
        }
    }

    /// Tells those who watch the deployment of a run that is not told otherwise, where the guest failed; a refusal is no failure.
    pub(crate) fn tell_of_failure(&self, run: &str, fault: Option<&RunError>) {
        if let Some(fault) = fault.filter(|fault| fault.is_fault_of_guest()) {
            self.tell(run, TailEvent::Failed { fault: fault.to_string() });
        }
    }

    /// Tells those who watch the deployment.
    pub(crate) fn tell(&self, run: &str, what: TailEvent) {
        if let Some(deployment) = self.deployment.upgrade() {
            deployment.tail.add(self.tenant.clock().unix_ms, &self.manifest.version, run, what);
        }
    }

    fn judge(&self, fault: bool) -> Verdict {
        let mut health = lock(&self.health);
        if health.window.len() == limit::TRAP_WINDOW {
            health.window.pop_front();
        }
        health.window.push_back(fault);
        if !fault {
            health.in_a_row = 0;
            health.suspensions = 0;
            return Verdict::Go;
        }
        health.in_a_row += 1;
        let faults = health.window.iter().filter(|fault| **fault).count();
        match faults >= limit::TRAPS_TO_ROLL_BACK {
            true => Verdict::RollBack { faults, runs: health.window.len() },
            false => Verdict::Go,
        }
    }

    /// No version to go back to: after several faults in a row it is left alone for a while, longer each time (H17).
    pub(crate) fn suspend_if_hopeless(&self) {
        let mut health = lock(&self.health);
        if health.in_a_row >= limit::TRAPS_TO_SUSPEND {
            let pause = limit::SUSPENSION.saturating_mul(1 << health.suspensions.min(16)).min(limit::MAX_SUSPENSION);
            health.suspensions += 1;
            // One more fault after the pause suspends it again.
            health.in_a_row = limit::TRAPS_TO_SUSPEND - 1;
            health.until = Some(Instant::now() + pause);
        }
    }

    /// Another version took over: instances between calls are of no use any more.
    pub(crate) fn retire(&self) {
        self.retired.store(true, Ordering::Release);
        let idle = std::mem::take(&mut *lock(&self.idle));
        drop(idle);
    }

    pub(crate) fn take_idle(&self, world: World) -> Option<Reused> {
        let mut idle = lock(&self.idle);
        let at = idle.iter().rposition(|instance| instance.world() == world)?;
        Some(idle.swap_remove(at))
    }

    pub(crate) fn put_idle(&self, instance: Reused) {
        let mut idle = lock(&self.idle);
        if !self.retired.load(Ordering::Acquire) && idle.len() < limit::IDLE_INSTANCES {
            idle.push(instance);
        }
    }

    /// Whether a function's call begins on the guest threads, because others were too slow for a caller's. Each one that does
    /// makes it a little better again: a machine that was busy is not held against the plugin for ever.
    pub(crate) fn begins_elsewhere(&self) -> bool {
        let slow = self.slow.load(Ordering::Relaxed) >= limit::SLOW_CALLS * limit::SLOW_CALL_WEIGHT;
        if slow {
            self.slow.fetch_sub(1, Ordering::Relaxed);
        }
        slow
    }

    pub(crate) fn was_slow(&self) {
        self.slow.fetch_add(limit::SLOW_CALL_WEIGHT, Ordering::Relaxed);
    }

    /// How long a service may take for one message.
    pub(crate) fn service_time(&self) -> Duration {
        let more = |capability, time| if self.granted.contains(&capability) { time } else { Duration::ZERO };
        let own = self.limits.function_time;
        own + more(Capability::Http, limit::HTTP_SERVICE_TIME) + more(Capability::Choice, own)
    }

    /// A strategy of the tenant's plugins.
    pub(crate) fn strategy(&self, name: &str) -> Option<StrategySlot> {
        self.deployment.upgrade()?.strategy(name)
    }

    /// The deployment's service, whichever version it is of now.
    pub(crate) fn deployment_service(&self) -> Option<ServiceSlot> {
        self.deployment.upgrade()?.service()
    }
}

/// A lock whose holder cannot have left it half changed: a panic elsewhere does not spread by it.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
