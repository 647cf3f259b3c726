//! One task per call: it owns a [`call::Call`] by value, tells it what happens and does what it asks for.
//!
//! The task is the only writer of everything in it. Others put a [`Message`] into its bounded inbox; what the call asks
//! for is done in `effect`, what signalling and media say is translated in `signalling` and `media`, and the dialplan
//! runs in `run`.

mod effect;
mod keys;
mod leg;
mod media;
mod message;
mod news;
mod plugin_port;
mod record;
mod run;
mod signalling;
#[cfg(test)]
mod tests;
mod transfer;
mod way;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use bytes::Bytes;
use call::{Call, CallId, Cause, Cdr, Hops, Input, LegId, Outcome, Party, PlayId, Request, RequestError, RequestId};
use futures_util::FutureExt as _;
use plugin::Chooser;
use rustc_hash::{FxHashMap, FxHashSet};
use sip::endpoint::SessionId;
use tokio::sync::{mpsc, oneshot};

use self::keys::Keys;
use self::leg::{Refer, Role};
use self::run::Run;
use self::transfer::Adopting;
use self::way::Ways;
use crate::limit;
use crate::sessions::NoPlace;
use crate::shared::Shared;
use crate::tenant::Tenant;
use crate::tenant::definition::Endpoint;
use crate::tenant::device::Occupied;

pub(crate) use self::effect::hang_up;
pub(crate) use self::leg::Leg;
pub use self::message::{Description, LegDescription};
pub(crate) use self::message::{Inbox, Message, Moving, Replacement};
pub(crate) use self::way::Way;

/// How a call begins.
pub(crate) enum Start {
    /// A phone or trunk calls.
    Offered(Box<Offered>),
    /// The API asks for a call.
    Originate { request: Request, reply: oneshot::Sender<Result<Outcome, RequestError>> },
}

/// An authenticated INVITE.
pub(crate) struct Offered {
    pub(crate) session: SessionId,
    pub(crate) endpoint: Option<Arc<Endpoint>>,
    pub(crate) context: String,
    pub(crate) caller: Party,
    pub(crate) dialed: String,
    pub(crate) hops: Hops,
    /// The SDP offer; empty when the caller leaves it to us.
    pub(crate) offer: Bytes,
    /// Where the signalling came from.
    pub(crate) source: IpAddr,
    /// The Call-ID, by which a later transfer names the dialog.
    pub(crate) dialog: Bytes,
    /// Whether the caller allows INFO.
    pub(crate) takes_info: bool,
}

/// The task's whole state.
pub(crate) struct CallTask {
    shared: Arc<Shared>,
    tenant: Arc<Tenant>,
    id: CallId,
    call: Call,
    began: Instant,
    began_wall: SystemTime,
    sender: Inbox,
    legs: FxHashMap<LegId, Leg>,
    runs: FxHashMap<LegId, Run>,
    waiting: HashMap<RequestId, Waiting>,
    /// Runs with an answer to their last question, to be stepped once the call has been drained.
    ready: VecDeque<(LegId, dialplan::Reply)>,
    /// Legs of other calls that this one has not decided about.
    adopting: FxHashMap<(CallId, LegId), Adopting>,
    /// What was taken out of the inbox and not heard yet.
    backlog: VecDeque<Message>,
    inbox: mpsc::Receiver<Message>,
    ways: Ways,
    /// Playbacks whose prompts are being read.
    loading: FxHashSet<(LegId, PlayId)>,
    requests: u64,
    run_count: u64,
    /// The context of the first run and the last application, for the CDR.
    context: String,
    /// What tells which version of a plugin this call uses: the same for all of the call.
    chooser: Chooser,
    plugin: Option<String>,
    /// Services know that the call has begun.
    told: bool,
    cdr_written: bool,
    finished: bool,
}

/// Who gets the answer to a request.
enum Waiting {
    /// A plugin or the API.
    Asker(oneshot::Sender<Result<Outcome, RequestError>>),
    /// The dialplan run of a leg.
    Run(LegId, run::Asked),
}

/// Starts a call's task. Fails when the tenant or the host has as many calls as it may.
pub(crate) fn spawn(shared: &Arc<Shared>, tenant: &Arc<Tenant>, start: Start) -> Result<CallId, Full> {
    let slot = shared.take_call_slot(tenant)?;
    let id = CallId::from_parts(shared.unix_ms(), shared.random_u128());
    let (sender, inbox) = mpsc::channel(limit::CALL_INBOX);
    if let Start::Offered(offered) = &start {
        shared.sessions.insert(offered.session, sender.clone()).map_err(|NoPlace| Full::Sessions)?;
    }
    shared.calls.insert(call_key(id), (id, tenant.id().clone(), sender.clone()));
    let mut task = CallTask::new(Arc::clone(shared), Arc::clone(tenant), id, (sender, inbox));
    shared.tasks.spawn(async move {
        // A panic is this call's alone: its legs end with a cause and its record is written (architecture.md §2).
        let result = AssertUnwindSafe(task.run(start)).catch_unwind().await;
        if result.is_err() {
            task.end_after_panic();
        }
        task.shared.calls.remove(call_key(id));
        drop(slot);
    });
    Ok(id)
}

/// The part of a call's name that tables are keyed by: its random low half.
pub(crate) fn call_key(id: CallId) -> u64 {
    id.as_u128() as u64
}

/// No more calls for now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Full {
    #[error("the tenant has as many calls as it may")]
    Tenant,
    #[error("the host has as many calls as it may")]
    Host,
    #[error("the calls of the host have as many sessions as they may")]
    Sessions,
    #[error("the host is draining")]
    Draining,
}

impl CallTask {
    fn new(
        shared: Arc<Shared>,
        tenant: Arc<Tenant>,
        id: CallId,
        (sender, inbox): (Inbox, mpsc::Receiver<Message>),
    ) -> Self {
        let now = shared.now();
        let call = Call::new(now, id, tenant.id().clone(), shared.call_config.clone());
        Self {
            began: now,
            began_wall: shared.wallclock(),
            shared,
            tenant,
            id,
            call,
            sender,
            legs: FxHashMap::default(),
            runs: FxHashMap::default(),
            waiting: HashMap::new(),
            ready: VecDeque::new(),
            adopting: FxHashMap::default(),
            backlog: VecDeque::new(),
            inbox,
            ways: Ways::default(),
            loading: FxHashSet::default(),
            requests: 0,
            run_count: 0,
            context: String::new(),
            chooser: Chooser { call: id, dialed: String::new(), endpoint: None },
            plugin: None,
            told: false,
            cdr_written: false,
            finished: false,
        }
    }

    async fn run(&mut self, start: Start) {
        match start {
            Start::Offered(offered) => self.begin_offered(*offered),
            Start::Originate { request, reply } => self.ask(request, reply),
        }
        loop {
            self.drain().await;
            if self.finished {
                return self.close().await;
            }
            if let Some(message) = self.backlog.pop_front() {
                self.hear(message);
                continue;
            }
            let deadline = self.next_deadline();
            tokio::select! {
                biased;
                message = self.inbox.recv() => match message {
                    Some(message) => self.hear(message),
                    // The task holds a sender itself, so this end never closes first.
                    None => return,
                },
                () = sleep_until(deadline) => self.handle_timeout(),
            }
        }
    }

    /// Hears what came too late, so that a leg or an INVITE on its way here is refused and not forgotten.
    async fn close(&mut self) {
        self.inbox.close();
        loop {
            let message = match self.backlog.pop_front() {
                Some(message) => message,
                None => match self.inbox.recv().await {
                    Some(message) => message,
                    None => break,
                },
            };
            self.hear(message);
            self.drain().await;
        }
        self.end_legs(Cause::NORMAL_CLEARING);
    }

    /// Ends whatever legs are left.
    fn end_legs(&mut self, cause: Cause) {
        for (_, leg) in std::mem::take(&mut self.legs) {
            self.shared.end_leg(&leg, self.tenant.id(), self.id, cause);
        }
    }

    /// Does everything the call and its runs ask for, until they wait for something.
    async fn drain(&mut self) {
        let mut steps = 0;
        loop {
            if let Some(effect) = self.call.poll_effect() {
                self.perform(effect);
            } else if let Some((leg, reply)) = self.ready.pop_front() {
                self.step(leg, reply);
                steps += 1;
                if steps % limit::STEPS_PER_TURN == 0 {
                    tokio::task::yield_now().await;
                }
            } else {
                return;
            }
        }
    }

    fn next_deadline(&self) -> Option<Instant> {
        let runs = self.runs.values().filter_map(Run::deadline).min();
        [self.call.poll_timeout(), runs].into_iter().flatten().min()
    }

    fn handle_timeout(&mut self) {
        let now = self.shared.now();
        if self.call.poll_timeout().is_some_and(|due| due <= now) {
            self.call.handle_timeout(now);
        }
        self.expire_runs(now);
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Sip(event) => self.hear_sip(event),
            Message::Media(event) => self.hear_media(event),
            Message::Request { request, reply } => self.ask(*request, reply),
            Message::Dialplan { leg, verb } => self.dialplan_verb(leg, verb),
            Message::AppEnded { leg, run, result } => self.app_ended(leg, run, result),
            Message::FunctionEnded { leg, run, reply } => self.function_ended(leg, run, reply),
            Message::PromptsReady { leg, play, sources } => self.prompts_ready(leg, play, sources),
            Message::Replace(replacement) => self.begin_replacement(*replacement),
            Message::Adopt(adoption) => self.begin_adoption(*adoption),
            Message::HandedOver { leg, as_leg, returned } => self.handed_over(leg, as_leg, returned),
            Message::Input(input) => self.input(*input),
            Message::Abort(cause) => self.input(Input::Abort { cause }),
            Message::Describe(reply) => {
                // Whoever asked may have gone.
                drop(reply.send(self.describe()));
            }
        }
    }

    fn input(&mut self, input: Input) {
        let now = self.shared.now();
        self.call.handle_input(now, input);
    }

    fn ask(&mut self, request: Request, reply: oneshot::Sender<Result<Outcome, RequestError>>) {
        self.request(request, Waiting::Asker(reply));
    }

    fn request(&mut self, request: Request, waiting: Waiting) -> RequestId {
        self.requests += 1;
        let id = RequestId(self.requests);
        self.waiting.insert(id, waiting);
        self.input(Input::Request { id, request });
        id
    }

    fn begin_offered(&mut self, offered: Offered) {
        let leg = self.call.allocate_leg();
        let input = Input::LegOffered {
            leg,
            endpoint: offered.endpoint.as_ref().map(|endpoint| endpoint.name.clone()),
            caller: offered.caller.clone(),
            dialed: offered.dialed.clone(),
            hops: offered.hops,
        };
        let endpoint = offered.endpoint.as_ref().map(|endpoint| endpoint.name.as_str());
        self.tell_started("inbound", endpoint, &offered.caller, &offered.dialed);
        self.enter(leg, offered);
        self.input(input);
    }

    /// Takes up an inbound session, whose events come here already, as a leg.
    fn enter(&mut self, leg: LegId, offered: Offered) {
        self.shared.dialogs.insert(&offered.dialog, self.tenant.id(), self.id, leg);
        let role = Role::Called { offer: offered.offer, source: offered.source, sdp: None, answered: false };
        let leg_state = Leg {
            session: offered.session,
            role,
            occupied: offered.endpoint.as_ref().map(|endpoint| Occupied::calling(&self.tenant, endpoint)),
            endpoint: offered.endpoint,
            context: offered.context,
            media: None,
            refer: Refer::None,
            dialog: Some(offered.dialog),
            over: false,
            keys: Keys::new(offered.takes_info),
            recording: None,
        };
        self.legs.insert(leg, leg_state);
    }

    fn leg_of(&self, session: SessionId) -> Option<LegId> {
        self.legs.iter().find(|(_, leg)| leg.session == session).map(|(id, _)| *id)
    }

    fn sip(&mut self, command: sip::endpoint::Command) {
        if self.shared.signal(command).is_err() {
            // The endpoint will end the session by its timers; this call cannot go on without signalling.
            tracing::error!(call = %self.id, tenant = %self.tenant.id(), "the SIP endpoint takes no more commands");
            self.input(Input::Abort { cause: Cause::CONGESTION });
        }
    }

    fn write_cdr(&mut self, mut cdr: Cdr) {
        self.cdr_written = true;
        cdr.context = std::mem::take(&mut self.context);
        cdr.plugin = self.plugin.take();
        self.tell_ended(&cdr);
        self.tenant.write_cdr(self.began_wall, &cdr);
    }

    fn describe(&self) -> Description {
        let legs = self.legs.iter().map(|(id, leg)| {
            let run = self.runs.get(id);
            LegDescription {
                leg: *id,
                endpoint: leg.endpoint.as_ref().map(|endpoint| endpoint.name.clone()),
                kind: if crate::line::is_line(leg.session) { "line" } else { "sip" },
                codec: leg.media.as_ref().and_then(leg::LegMedia::codec).map(codec::Codec::name),
                location: run.and_then(Run::location),
                application: run.and_then(|run| run.application()),
            }
        });
        let mut legs: Vec<_> = legs.collect();
        legs.sort_by_key(|leg| leg.leg);
        let seconds = self.shared.now().saturating_duration_since(self.began).as_secs();
        Description { id: self.id, tenant: self.tenant.id().clone(), seconds, legs }
    }

    /// Ends what a panicking call left behind. The [`Call`] value is not touched: it may be half changed.
    fn end_after_panic(&mut self) {
        tracing::error!(call = %self.id, tenant = %self.tenant.id(), "the call's task panicked: its legs are ended");
        self.end_legs(Cause::NORMAL_TEMPORARY_FAILURE);
        self.inbox.close();
        let adopting = std::mem::take(&mut self.adopting).into_iter();
        let mut refused: Vec<_> = adopting.map(|(from, Adopting { moving, back })| (from, moving, back)).collect();
        let mut waiting = std::mem::take(&mut self.backlog);
        while let Some(message) = waiting.pop_front().or_else(|| self.inbox.try_recv().ok()) {
            match message {
                Message::Adopt(adoption) => refused.push((adoption.from, adoption.moving, adoption.back)),
                Message::HandedOver { returned: Some(moving), .. } => {
                    self.shared.end_leg(&moving.leg, self.tenant.id(), self.id, Cause::NORMAL_TEMPORARY_FAILURE);
                }
                Message::Replace(replacement) => self.refuse_replacement(replacement.offered.session),
                Message::Sip(event) => self.pass_on(event),
                _ => {}
            }
        }
        for (from, moving, back) in refused {
            self.shared.answer_adoption(self.tenant.id(), from, back, (None, Some(Box::new(moving))));
        }
        for (_, run) in std::mem::take(&mut self.runs) {
            run.abort();
        }
        if !self.cdr_written {
            let end = self.shared.now().saturating_duration_since(self.began);
            let cdr = crate::cdr::after_panic(self.id, self.tenant.id().clone(), end);
            self.write_cdr(cdr);
        }
    }
}

/// Sleeps until then, or for ever.
async fn sleep_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}
