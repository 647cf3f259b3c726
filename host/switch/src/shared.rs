//! What all calls of a host share: the ports, the tables of what is up, the clock and the random source.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use call::{CallId, Cause, LegId, RequestError, TenantId};
use codec::tone::Tone;
use sha2::{Digest, Sha256};
use tokio::sync::Semaphore;
use tokio::sync::mpsc::error::TrySendError;
use tokio_util::task::TaskTracker;

use crate::call_task::{Full, Inbox, Leg, Message, Moving, call_key, hang_up};
use crate::limit;
use crate::line::Lines;
use crate::port::{MediaPort, SipPort};
use crate::sessions::Sessions;
use crate::table::Table;
use crate::tenant::Tenant;

/// What is made once and used by every call.
pub(crate) struct Shared {
    pub(crate) sip: Arc<dyn SipPort>,
    pub(crate) media: Arc<dyn MediaPort>,
    /// Who hears of which session.
    pub(crate) sessions: Arc<Sessions>,
    /// Sessions that channel drivers have.
    pub(crate) lines: Lines,
    /// Calls by [`call_key`].
    pub(crate) calls: Table<(CallId, TenantId, Inbox)>,
    pub(crate) dialogs: Dialogs,
    /// Every task the switch has started; awaited by a drain.
    pub(crate) tasks: TaskTracker,
    pub(crate) call_config: call::Config,
    pub(crate) media_timeout: Option<Duration>,
    pub(crate) tones: Tones,
    /// Names and addresses under which the host itself is reached, in lower case.
    pub(crate) hosts: Vec<String>,
    /// Places for REGISTERs that wait for the disk.
    pub(crate) commits: Arc<Semaphore>,
    recordings_up: Arc<AtomicUsize>,
    pub(crate) draining: AtomicBool,
    pub(crate) clock: Clock,
    pub(crate) random: Random,
    calls_up: Arc<AtomicUsize>,
    calls_max: usize,
}

/// Where the wall clock comes from. `now` is tokio's, which tests stop.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// The machine's.
    System,
    /// As far from this moment as `now` is: a test's own calendar.
    Virtual {
        /// The wall clock at the start.
        start: SystemTime,
        /// `now` at the start.
        at: Instant,
    },
}

impl Clock {
    /// The wall clock.
    pub(crate) fn now(self) -> SystemTime {
        match self {
            Self::System => SystemTime::now(),
            Self::Virtual { start, at } => start + tokio::time::Instant::now().into_std().saturating_duration_since(at),
        }
    }
}

/// Numbers nobody can guess, without a lock: the hash of a secret and a count.
pub(crate) struct Random {
    seed: [u8; 32],
    count: AtomicU64,
}

impl Random {
    pub(crate) fn new(seed: [u8; 32]) -> Self {
        Self { seed, count: AtomicU64::new(0) }
    }

    fn block(&self) -> [u8; 32] {
        let count = self.count.fetch_add(1, Ordering::Relaxed);
        Sha256::new().chain_update(self.seed).chain_update(count.to_le_bytes()).finalize().into()
    }

    /// 32 bytes for a key of its own.
    pub(crate) fn key(&self) -> [u8; 32] {
        self.block()
    }

    pub(crate) fn u128(&self) -> u128 {
        let block = self.block();
        u128::from_le_bytes(block[..16].try_into().expect("half of 32 bytes are 16"))
    }
}

/// Tones made by the host itself.
pub(crate) struct Tones {
    ring_back: Arc<Tone>,
}

impl Tones {
    pub(crate) fn ring_back(&self) -> Arc<Tone> {
        Arc::clone(&self.ring_back)
    }
}

/// What a switch is told once about itself.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Limits and timers of calls.
    pub call: call::Config,
    /// A leg that hears nothing for so long is ended.
    pub media_timeout: Option<Duration>,
    /// Names and addresses under which the host is reached, in lower case, without port.
    pub hosts: Vec<String>,
    /// The realm of phones that cannot send their tenant's domain.
    pub realm: String,
    /// The digest algorithms that everybody is offered, preferred first: one choice for the host, because a tenant's own would tell
    /// strangers that its domains exist (hostile B4). Old phones give up when they see an algorithm that they do not know, instead
    /// of taking the next (RFC 8760 §2.4 asks them to).
    pub digest: Vec<sip::auth::Algorithm>,
    /// Networks whose calls are let in without authentication and go to the owner of the number dialled (F9).
    pub trunks: Vec<ipnet::IpNet>,
    /// Calls up at once.
    pub calls_max: usize,
    /// Where the wall clock comes from.
    pub clock: Clock,
    /// What sends the requests of plugins to other servers.
    pub http: net::http::Client,
    /// 32 random bytes: names of calls and nonces come from them.
    pub seed: [u8; 32],
}

impl Shared {
    pub(crate) fn new(settings: &Settings, sip: Arc<dyn SipPort>, media: Arc<dyn MediaPort>) -> Self {
        let calls_max = settings.calls_max.min(limit::CALLS_PER_HOST);
        Self {
            sip,
            media,
            sessions: Arc::new(Sessions::of(calls_max)),
            lines: Lines::default(),
            calls: Table::new(),
            dialogs: Dialogs::default(),
            tasks: TaskTracker::new(),
            call_config: settings.call.clone(),
            media_timeout: settings.media_timeout,
            tones: Tones { ring_back: Arc::new(Tone::ring_back()) },
            hosts: settings.hosts.clone(),
            commits: Arc::new(Semaphore::new(limit::COMMITS_WAITING)),
            recordings_up: Arc::new(AtomicUsize::new(0)),
            draining: AtomicBool::new(false),
            clock: settings.clock,
            random: Random::new(settings.seed),
            calls_up: Arc::new(AtomicUsize::new(0)),
            calls_max,
        }
    }

    pub(crate) fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    pub(crate) fn wallclock(&self) -> SystemTime {
        self.clock.now()
    }

    pub(crate) fn unix_ms(&self) -> u64 {
        crate::cdr::unix_ms(self.wallclock())
    }

    pub(crate) fn random_u128(&self) -> u128 {
        self.random.u128()
    }

    pub(crate) fn random_u64(&self) -> u64 {
        self.random.u128() as u64
    }

    pub(crate) fn calls_up(&self) -> usize {
        self.calls_up.load(Ordering::Relaxed)
    }

    /// Takes a place for a call in its tenant and on the host, given back on drop.
    pub(crate) fn take_call_slot(&self, tenant: &Tenant) -> Result<CallSlot, Full> {
        if self.draining.load(Ordering::Relaxed) {
            return Err(Full::Draining);
        }
        let of_tenant = Place::take(tenant.calls_up(), tenant.definition().calls_max).ok_or(Full::Tenant)?;
        let of_host = Place::take(&self.calls_up, self.calls_max).ok_or(Full::Host)?;
        Ok(CallSlot { _of_tenant: of_tenant, _of_host: of_host })
    }

    /// Takes a place for a recording in its tenant and on the host, given back on drop.
    pub(crate) fn take_recording_place(&self, tenant: &Tenant) -> Result<RecordingPlace, RequestError> {
        let taken = |count, max| Place::take(count, max).ok_or(RequestError::Limit);
        let of_tenant = taken(tenant.recordings_up(), tenant.definition().recordings_max)?;
        let of_host = taken(&self.recordings_up, limit::RECORDINGS)?;
        Ok(RecordingPlace { _of_tenant: of_tenant, _of_host: of_host })
    }

    /// A leg is over: nothing is delivered for it any more.
    pub(crate) fn forget_leg(&self, leg: &Leg, tenant: &TenantId, call: CallId) {
        self.sessions.remove(leg.session);
        if let Some(dialog) = &leg.dialog {
            self.dialogs.remove(dialog, tenant, call);
        }
    }

    /// Ends a leg that no call goes on with.
    pub(crate) fn end_leg(&self, leg: &Leg, tenant: &TenantId, call: CallId, cause: Cause) {
        self.forget_leg(leg, tenant, call);
        if !leg.over && self.signal(hang_up(leg.session, cause)).is_err() {
            tracing::error!(%call, "no hang-up for a leg: the endpoint is overloaded");
        }
    }

    /// Tells a call what became of the leg that it gave away. A leg that is to go back to a call which is over is ended.
    pub(crate) fn answer_adoption(
        self: &Arc<Self>,
        tenant: &TenantId,
        (call, leg): (CallId, LegId),
        back: Inbox,
        (as_leg, returned): (Option<LegId>, Option<Box<Moving>>),
    ) {
        let orphan = move |shared: &Self, tenant: &TenantId, answer: Message| {
            if let Message::HandedOver { returned: Some(moving), .. } = answer {
                shared.end_leg(&moving.leg, tenant, call, Cause::NORMAL_TEMPORARY_FAILURE);
            }
        };
        match back.try_send(Message::HandedOver { leg, as_leg, returned }) {
            Ok(()) => {}
            Err(TrySendError::Closed(answer)) => orphan(self, tenant, answer),
            Err(TrySendError::Full(answer)) => {
                let (shared, tenant) = (Arc::clone(self), tenant.clone());
                self.tasks.spawn(async move {
                    if let Err(error) = back.send(answer).await {
                        orphan(&shared, &tenant, error.0);
                    }
                });
            }
        }
    }

    /// Tells a call something. A call that is over has nothing to hear.
    pub(crate) fn tell(&self, call: CallId, message: Message) {
        let Some((_, _, inbox)) = self.calls.get(call_key(call)) else { return };
        // A call that is behind hears it when there is room; these messages are few, and an abort must not be lost.
        if let Err(TrySendError::Full(message)) = inbox.try_send(message) {
            self.tasks.spawn(async move { drop(inbox.send(message).await) });
        }
    }
}

/// A call's place in its tenant and on the host.
pub(crate) struct CallSlot {
    _of_tenant: Place,
    _of_host: Place,
}

/// A recording's place in its tenant and on the host.
pub(crate) struct RecordingPlace {
    _of_tenant: Place,
    _of_host: Place,
}

/// One of so many; given back on drop.
pub(crate) struct Place(Arc<AtomicUsize>);

impl Place {
    /// Takes a place, unless all are taken.
    pub(crate) fn take(count: &Arc<AtomicUsize>, max: usize) -> Option<Self> {
        let taken = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |up| (up < max).then_some(up + 1));
        taken.ok().map(|_| Self(Arc::clone(count)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The legs of calls by the Call-ID of their dialog, for transfers that name one (RFC 3891).
#[derive(Default)]
pub(crate) struct Dialogs {
    legs: Table<(Bytes, TenantId, CallId, LegId)>,
    hasher: std::hash::RandomState,
}

impl Dialogs {
    /// Tenants never meet under one key, and phones, which choose Call-IDs, cannot aim at another's.
    fn key(&self, call_id: &[u8], tenant: &TenantId) -> u64 {
        use std::hash::BuildHasher as _;
        self.hasher.hash_one((tenant, call_id))
    }

    pub(crate) fn insert(&self, call_id: &Bytes, tenant: &TenantId, call: CallId, leg: LegId) {
        self.legs.insert(self.key(call_id, tenant), (call_id.clone(), tenant.clone(), call, leg));
    }

    /// The leg with this Call-ID, if it is this tenant's.
    pub(crate) fn find(&self, call_id: &[u8], tenant: &TenantId) -> Option<(CallId, LegId)> {
        let (found, owner, call, leg) = self.legs.get(self.key(call_id, tenant))?;
        (found == call_id && owner == *tenant).then_some((call, leg))
    }

    fn remove(&self, call_id: &[u8], tenant: &TenantId, call: CallId) {
        self.legs.remove_if(self.key(call_id, tenant), |(_, _, owner, _)| *owner == call);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_refused_at_the_bound_and_free_after_its_drop() {
        let count = Arc::new(AtomicUsize::new(0));
        let first = Place::take(&count, 2);
        let second = Place::take(&count, 2);
        assert!(first.is_some() && second.is_some());
        assert!(Place::take(&count, 2).is_none());
        drop(first);
        assert!(Place::take(&count, 2).is_some());
    }

    #[test]
    fn random_numbers_differ_and_come_from_the_seed() {
        let (a, b) = (Random::new([1; 32]), Random::new([1; 32]));
        let first = a.u128();
        assert_ne!(first, a.u128());
        assert_eq!(first, b.u128());
    }

    #[test]
    fn a_dialog_is_found_by_its_own_tenant_only() {
        let dialogs = Dialogs::default();
        let (acme, globex) = (TenantId::new("acme").unwrap(), TenantId::new("globex").unwrap());
        let call = CallId::from_parts(1, 1);
        let id = Bytes::from_static(b"abc@host");
        dialogs.insert(&id, &acme, call, LegId(0));
        assert_eq!(dialogs.find(&id, &acme), Some((call, LegId(0))));
        assert_eq!(dialogs.find(&id, &globex), None);
        dialogs.remove(&id, &acme, CallId::from_parts(2, 2));
        assert!(dialogs.find(&id, &acme).is_some());
        dialogs.insert(&id, &globex, CallId::from_parts(3, 3), LegId(0));
        assert_eq!(dialogs.find(&id, &acme), Some((call, LegId(0))), "another tenant's phone chose the same Call-ID");
        dialogs.remove(&id, &acme, call);
        assert!(dialogs.find(&id, &acme).is_none());
    }
}
