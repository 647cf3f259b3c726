//! INVITE sessions: RFC 3261 §13 to §15 with 100rel (RFC 3262), UPDATE (RFC 3311), REFER (RFC 3515) and session timers
//! (RFC 4028).
//!
//! A session is told responses, requests, commands and time-outs and answers through [`Core`]; it never sees a
//! retransmission. One file per concern: `uac` and `uas` set a session up, `requests` is what a peer may ask inside it,
//! `reoffer` changes it, `refer` transfers it, `refresh` keeps it alive.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::auth::Credentials;
use crate::dialog::Dialog;
use crate::endpoint::core::{ALLOW, Core};
use crate::endpoint::write::Writer;
use crate::endpoint::{EndReason, Event, Flow, Reason, SessionId};
use crate::message::{HeaderName, Method, Request, Response, StatusCode};
use crate::transaction::table::TimerKey;
use crate::transaction::{client, server};

mod challenge;
mod reason;
mod refer;
mod refresh;
mod reliable;
mod reoffer;
mod requests;
pub(crate) mod uac;
pub(crate) mod uas;

pub(crate) use challenge::{CHALLENGES, authorize};
pub(crate) use refresh::too_small as interval_too_small;

/// The deadlines a session can have at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// The call rang for too long.
    Ringing,
    /// Send the 2xx again (§13.3.1.4).
    Answer,
    /// No ACK came (§13.3.1.4).
    AnswerEnd,
    /// Send the reliable provisional response again (RFC 3262 §3).
    Reliable,
    /// No PRACK came (RFC 3262 §3).
    ReliableEnd,
    /// No final response after our CANCEL (§9.1).
    Cancel,
    /// Try the offer again after a glare (§14.1).
    Glare,
    /// Refresh the session (RFC 4028 §7.2).
    Refresh,
    /// The session expires (RFC 4028 §10).
    Expiry,
}

/// Every deadline, to clear them all.
const TIMERS: [Timer; 9] = [
    Timer::Ringing,
    Timer::Answer,
    Timer::AnswerEnd,
    Timer::Reliable,
    Timer::ReliableEnd,
    Timer::Cancel,
    Timer::Glare,
    Timer::Refresh,
    Timer::Expiry,
];

/// What a request of ours was for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Purpose {
    /// The INVITE that made the session.
    Invite,
    /// A re-INVITE or UPDATE of `Command::Reoffer`.
    Reoffer,
    /// A refresh (RFC 4028).
    Refresh,
    /// BYE.
    Bye,
    /// PRACK.
    Prack,
    /// INFO.
    Info,
    /// REFER.
    Refer,
    /// NOTIFY of a REFER.
    Notify,
}

/// Where a session stands.
#[derive(Debug)]
enum Phase {
    /// Our INVITE has no final response.
    Calling(Box<uac::Calling>),
    /// Their INVITE has no final response.
    Ringing(Box<uas::Ringing>),
    /// A 2xx was sent or received.
    Up,
    /// Our BYE is on its way. What is to be told when it is over; nothing when the end was our own finding and told at once.
    Leaving(Option<EndReason>),
    /// Nothing is left to do.
    Over,
}

/// What the peer said it can do.
#[derive(Clone, Copy, Debug, Default)]
struct Peer {
    timer: bool,
    update: bool,
}

/// One INVITE session.
#[derive(Debug)]
pub(crate) struct Session {
    id: SessionId,
    /// Our tag in every dialog of this session.
    tag: u64,
    /// Whether the Call-ID is ours, which decides the wait after a glare (§14.1).
    owner: bool,
    /// The user part of our Contact.
    contact_user: Bytes,
    /// The dialog; several while our INVITE is forked, none before the first response with a tag.
    dialogs: SmallVec<[Dialog; 1]>,
    phase: Phase,
    peer: Peer,
    /// Our 2xx that waits for its ACK.
    answer: Option<uas::Answer>,
    /// BYE as soon as the ACK is here (§15).
    leave_after_ack: Option<(Option<Reason>, EndReason)>,
    exchange: reoffer::Exchange,
    /// An offer of the switch that waits for the running one to end.
    queued_offer: Option<Option<Bytes>>,
    /// The last SDP we sent, for refreshes by re-INVITE.
    sdp: Bytes,
    refresh: Option<refresh::Refresh>,
    refer: refer::Refer,
    credentials: Option<Credentials>,
    /// How often a challenge was answered since the last success.
    challenges: u8,
}

impl Session {
    fn new(id: SessionId, tag: u64, owner: bool, contact_user: Bytes, phase: Phase) -> Self {
        Self {
            id,
            tag,
            owner,
            contact_user,
            dialogs: SmallVec::new(),
            phase,
            peer: Peer::default(),
            answer: None,
            leave_after_ack: None,
            exchange: reoffer::Exchange::Idle,
            queued_offer: None,
            sdp: Bytes::new(),
            refresh: None,
            refer: refer::Refer::default(),
            credentials: None,
            challenges: 0,
        }
    }

    /// Whether the session can be forgotten.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Whether the session may still be replaced as an early one (RFC 3891 §3), and whether it is alive at all.
    pub(crate) fn is_early(&self) -> Option<bool> {
        match self.phase {
            Phase::Calling(_) | Phase::Ringing(_) => Some(true),
            Phase::Up => Some(false),
            Phase::Leaving(_) | Phase::Over => None,
        }
    }

    /// Our tag.
    pub(crate) fn tag(&self) -> u64 {
        self.tag
    }

    /// Whether one of the session's dialogs is the one named.
    pub(crate) fn has_dialog(&self, call_id: &[u8], remote_tag: &[u8]) -> bool {
        self.dialogs.iter().any(|dialog| dialog.matches(call_id, remote_tag))
    }

    /// A response to a request of ours.
    pub(crate) fn on_response(
        &mut self,
        (now, core): (Instant, &mut Core),
        (key, purpose): (client::Key, Purpose),
        (response, flow): (&Arc<Response>, Flow),
    ) {
        let status = response.status.code();
        if matches!(status, 401 | 407) && self.retry_with_credentials((now, core), (key, purpose), response) {
            return;
        }
        if response.status.is_success() {
            self.challenges = 0;
        }
        match purpose {
            Purpose::Invite => self.on_invite_response((now, core), key, (response, flow)),
            Purpose::Reoffer => self.on_reoffer_response((now, core), key, (response, flow)),
            Purpose::Refresh => self.on_refresh_response((now, core), key, (response, flow)),
            Purpose::Bye if status >= 200 => self.left(core),
            Purpose::Refer if status >= 200 => self.on_refer_response(core, status),
            Purpose::Info if status >= 200 => core.io.event(Event::InfoAnswered { session: self.id, status }),
            Purpose::Prack | Purpose::Info | Purpose::Notify | Purpose::Refer | Purpose::Bye => {}
        }
        self.end_if_refused((now, core), purpose, status);
    }

    /// A request of ours got no answer (408) or could not be sent (503), §8.1.3.1.
    pub(crate) fn on_failure(
        &mut self,
        (now, core): (Instant, &mut Core),
        (key, purpose): (client::Key, Purpose),
        status: u16,
    ) {
        match purpose {
            Purpose::Invite => self.on_invite_failure((now, core), status),
            Purpose::Reoffer => self.reoffer_failed((now, core), key, status),
            Purpose::Bye => self.left(core),
            Purpose::Refer => self.on_refer_response(core, status),
            Purpose::Refresh => self.refresh_over((now, core), key),
            Purpose::Info => core.io.event(Event::InfoAnswered { session: self.id, status }),
            Purpose::Prack | Purpose::Notify => {}
        }
        self.end_if_refused((now, core), purpose, status);
    }

    /// RFC 5057 §5.1: 481 and 408 inside a dialog end it; a transport that fails is a peer that is gone.
    fn end_if_refused(&mut self, (now, core): (Instant, &mut Core), purpose: Purpose, status: u16) {
        let ends = match purpose {
            Purpose::Reoffer | Purpose::Refresh => matches!(status, 408 | 481 | 503),
            Purpose::Info | Purpose::Refer | Purpose::Notify => matches!(status, 408 | 481),
            Purpose::Invite | Purpose::Bye | Purpose::Prack => false,
        };
        if !ends || !matches!(self.phase, Phase::Up) {
            return;
        }
        // A NOTIFY may be refused with 481 because only its subscription is gone.
        if purpose == Purpose::Notify && status == 481 {
            return;
        }
        let reason = match status {
            408 => EndReason::Timeout,
            503 => EndReason::Unreachable,
            other => EndReason::Status(other),
        };
        self.leave((now, core), None, reason);
    }

    /// Ends the session as its state demands.
    pub(crate) fn hang_up(&mut self, (now, core): (Instant, &mut Core), status: u16, reason: Option<Reason>) {
        match &self.phase {
            Phase::Calling(_) => self.cancel((now, core), reason),
            Phase::Ringing(_) => {
                let headers = reason.as_ref().map(|reason| (HeaderName::Reason, reason::value(reason)));
                self.reject((now, core), status, &headers.into_iter().collect());
            }
            Phase::Up => self.leave((now, core), reason, EndReason::HungUp),
            Phase::Leaving(_) | Phase::Over => {}
        }
    }

    /// Sends BYE, now or when the ACK of our 2xx is here (§15: the callee must wait for it).
    fn leave(&mut self, (now, core): (Instant, &mut Core), reason: Option<Reason>, end: EndReason) {
        self.refuse_pending((now, core));
        if self.answer.as_ref().is_some_and(|answer| answer.initial) {
            self.leave_after_ack.get_or_insert((reason, end));
            return;
        }
        self.clear_timers(core);
        self.answer = None;
        let value = reason.as_ref().map(reason::value);
        let Some((key, writer)) = self.request_in_dialog(core, &Method::Bye) else {
            return self.finish(core, end);
        };
        let mut writer = writer;
        if let Some(value) = &value {
            writer.line("Reason", value);
        }
        // A peer that is gone takes 64*T1 to not answer a BYE: who pays for the call does not wait for that.
        let tell = match end {
            EndReason::HungUp => Some(end),
            reason => {
                core.io.event(Event::Ended { session: self.id, reason });
                None
            }
        };
        self.phase = Phase::Leaving(tell);
        self.send((now, core), key, (Method::Bye, Purpose::Bye), writer.empty());
    }

    /// The BYE was answered, or never will be.
    fn left(&mut self, core: &mut Core) {
        match &self.phase {
            Phase::Leaving(Some(reason)) => {
                let reason = reason.clone();
                self.finish(core, reason);
            }
            Phase::Leaving(None) => self.forget(core),
            _ => {}
        }
    }

    /// The session is over: tells so and clears every deadline.
    fn finish(&mut self, core: &mut Core, reason: EndReason) {
        core.io.event(Event::Ended { session: self.id, reason });
        self.forget(core);
    }

    /// The session is over, and what there was to tell has been told.
    fn forget(&mut self, core: &mut Core) {
        self.clear_timers(core);
        self.phase = Phase::Over;
    }

    fn clear_timers(&self, core: &mut Core) {
        for timer in TIMERS {
            core.io.timers.cancel(TimerKey::Session(self.id, timer));
        }
    }

    fn set_timer(&self, core: &mut Core, timer: Timer, at: Instant) {
        core.io.timers.set(TimerKey::Session(self.id, timer), at);
    }

    fn cancel_timer(&self, core: &mut Core, timer: Timer) {
        core.io.timers.cancel(TimerKey::Session(self.id, timer));
    }

    /// A deadline came.
    pub(crate) fn on_timer(&mut self, (now, core): (Instant, &mut Core), timer: Timer) {
        match timer {
            Timer::Ringing => self.rang_too_long((now, core)),
            Timer::Answer => self.repeat_answer((now, core)),
            Timer::AnswerEnd => self.never_acknowledged((now, core)),
            Timer::Reliable => self.repeat_reliable((now, core)),
            Timer::ReliableEnd => self.never_pracked((now, core)),
            Timer::Cancel => self.cancel_unanswered(core),
            Timer::Glare => self.glare_over((now, core)),
            Timer::Refresh => self.refresh_now((now, core)),
            // RFC 4028 §10.
            Timer::Expiry => self.leave((now, core), None, EndReason::Expired),
        }
    }

    /// The dialog that requests of ours go through: the only one, or the newest early one.
    fn dialog(&mut self) -> Option<&mut Dialog> {
        self.dialogs.last_mut()
    }

    /// A request inside the dialog up to its CSeq, and the key of its transaction.
    fn request_in_dialog(&mut self, core: &mut Core, method: &Method) -> Option<(client::Key, Writer)> {
        let key = core.client_key();
        let dialog = self.dialogs.last_mut()?;
        let sent_by = core.sent_by(&dialog.destination());
        let cseq = dialog.next_cseq();
        let mut writer = dialog.request(method, cseq, (&sent_by, key.branch));
        core.product(&mut writer, "User-Agent");
        Some((key, writer))
    }

    /// Sends a request inside the dialog.
    fn send(
        &self,
        (now, core): (Instant, &mut Core),
        key: client::Key,
        (method, purpose): (Method, Purpose),
        request: Bytes,
    ) {
        let Some(dialog) = self.dialogs.last() else { return };
        let user = client::User::Session(self.id, purpose);
        core.send(now, key, (method, user), (dialog.destination(), request));
    }

    /// Contact, Allow and Supported, as INVITE, UPDATE and their 2xx have them (§13.2.1, §13.3.1.4).
    fn capabilities(&self, core: &Core, writer: &mut Writer, destination: &crate::endpoint::Destination) {
        let user = std::str::from_utf8(&self.contact_user).unwrap_or_default();
        writer.line("Contact", &core.contact(user, destination));
        writer.line("Allow", ALLOW);
        writer.line("Supported", b"100rel, timer, replaces");
    }

    /// Notes what the peer can do.
    fn learn(&mut self, headers: &crate::message::Headers) {
        if headers.contains(&HeaderName::Allow) {
            self.peer.update = headers.has_token(&HeaderName::Allow, "UPDATE");
        }
        self.peer.timer =
            headers.has_token(&HeaderName::Supported, "timer") || headers.has_token(&HeaderName::Require, "timer");
    }

    /// Answers what the peer asked and we did not answer yet, because the session ends (§15.1.2).
    fn refuse_pending(&mut self, (now, core): (Instant, &mut Core)) {
        let exchange = self.exchange.take_theirs();
        for transaction in exchange.into_iter().chain(self.refer.take_pending()) {
            core.answer(now, transaction, StatusCode::REQUEST_TERMINATED, &[]);
        }
    }
}

/// Answers 500 with a Retry-After of up to ten seconds (§14.2, §12.2.2).
fn try_later((now, core): (Instant, &mut Core), transaction: server::Key) {
    let seconds = (core.tens_of_ms(0..=1000).as_secs()).to_string();
    core.answer(now, transaction, StatusCode::SERVER_INTERNAL_ERROR, &[("Retry-After", seconds.as_bytes())]);
}

/// The To or From value of ours with our tag.
fn tagged(value: &[u8], tag: u64) -> Bytes {
    Bytes::from([value, format!(";tag={tag:016x}").as_bytes()].concat())
}

/// The body of a request when it is SDP, or when nothing else is said.
fn sdp_of(request: &Request) -> Option<Bytes> {
    (!request.body.is_empty()).then(|| request.body.clone())
}

#[cfg(test)]
impl Session {
    /// Makes the peer one that never said it can do UPDATE.
    pub(crate) fn forget_update(&mut self) {
        self.peer.update = false;
    }

    /// How many dialogs there are.
    pub(crate) fn dialogs(&self) -> usize {
        self.dialogs.len()
    }

    /// The first dialog.
    pub(crate) fn first_dialog(&self) -> Option<&Dialog> {
        self.dialogs.first()
    }
}
