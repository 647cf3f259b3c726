//! Sessions the peer begins: answers to an INVITE, the ACK, CANCEL (RFC 3261 §13.3, §9.2).

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::{Phase, Session, Timer, reason, refresh, reliable, tagged};
use crate::dialog::{Dialog, DialogError};
use crate::endpoint::core::Core;
use crate::endpoint::write::Writer;
use crate::endpoint::{CommandError, EndReason, Event, ExtraHeaders, Flow, Reason, Reliability, SessionId};
use crate::message::{HeaderName, Request, StatusCode};
use crate::transaction::server;

/// What only the time before the final response needs.
#[derive(Debug)]
pub(crate) struct Ringing {
    /// The INVITE's transaction.
    pub(super) transaction: server::Key,
    /// The INVITE.
    pub(super) request: Arc<Request>,
    /// RFC 3262.
    pub(super) reliable: reliable::Sender,
    /// The answer that waits for the PRACK of a reliable response with SDP (RFC 3262 §5).
    pub(super) waiting: Option<(Bytes, ExtraHeaders)>,
    /// Whether the INVITE said itself when it expires (§13.3.1).
    expires: bool,
}

/// A 2xx of ours that waits for its ACK (§13.3.1.4).
#[derive(Debug)]
pub(crate) struct Answer {
    transaction: server::Key,
    cseq: u32,
    bytes: Bytes,
    interval: Duration,
    /// Whether it answers the INVITE that made the session.
    pub(super) initial: bool,
    /// Whether the 2xx had an offer, so that the ACK has the answer.
    offered: bool,
}

impl Answer {
    /// Whether the ACK has to bring an answer to an offer of ours.
    pub(super) fn offers(&self) -> bool {
        self.offered
    }
}

impl Session {
    /// A session from an INVITE that passed every check; the caller starts the transaction.
    pub(crate) fn incoming(
        (now, core): (Instant, &mut Core),
        (id, tag): (SessionId, u64),
        (transaction, request, flow): (server::Key, Arc<Request>, Flow),
    ) -> Result<Self, DialogError> {
        let to = request.headers.get(&HeaderName::To).ok_or(DialogError::Malformed)?;
        let dialog = Dialog::uas(&request, tagged(to, tag), flow)?;
        let expires = request.headers.expires().map(|seconds| Duration::from_secs(u64::from(seconds)));
        let ringing = core.config.timings.ringing;
        let ringing = Ringing {
            transaction,
            reliable: reliable::Sender::new(&request, &mut core.random),
            waiting: None,
            expires: expires.is_some_and(|expires| expires < ringing),
            request: request.clone(),
        };
        let wait = expires.map_or(core.config.timings.ringing, |expires| expires.min(core.config.timings.ringing));
        let contact_user = request.uri.user().map(|user| Bytes::copy_from_slice(user.as_bytes())).unwrap_or_default();
        let mut session = Self::new(id, tag, false, contact_user, Phase::Ringing(Box::new(ringing)));
        session.dialogs.push(dialog);
        session.learn(&request.headers);
        session.refresh = refresh::Refresh::asked_of_uas(&request, &core.config.timings, session.peer.timer, None);
        session.set_timer(core, Timer::Ringing, now + wait);
        Ok(session)
    }

    /// `Command::Progress`.
    pub(crate) fn progress(
        &mut self,
        (now, core): (Instant, &mut Core),
        (status, body): (StatusCode, Bytes),
        (wish, headers): (Reliability, ExtraHeaders),
    ) -> Result<(), CommandError> {
        let bound = core.config.limits.reliable_queue;
        let Phase::Ringing(ringing) = &mut self.phase else { return Err(CommandError::WrongState) };
        if ringing.waiting.is_some() {
            return Err(CommandError::WrongState);
        }
        let news = reliable::News { status, body, headers };
        if ringing.reliable.must_be_reliable(wish)? {
            ringing.reliable.queue(news, bound)?;
            self.send_reliable((now, core));
        } else if let Some(writer) = self.provisional(core, &news) {
            self.remember_sdp(&news.body);
            let transaction = self.ringing_transaction();
            core.server.respond(now, &mut core.io, transaction, status, writer.sdp(&news.body));
        }
        Ok(())
    }

    /// A provisional response up to its extra lines (§12.1.1: it makes a dialog).
    pub(super) fn provisional(&self, core: &Core, news: &reliable::News) -> Option<Writer> {
        let Phase::Ringing(ringing) = &self.phase else { return None };
        let mut writer = core.server.response(ringing.transaction, news.status, None)?;
        self.dialog_lines(core, &mut writer, &ringing.request);
        writer.lines(&news.headers);
        Some(writer)
    }

    fn dialog_lines(&self, core: &Core, writer: &mut Writer, request: &Request) {
        for value in request.headers.get_all(&HeaderName::RecordRoute) {
            writer.line("Record-Route", value);
        }
        if let Some(dialog) = self.dialogs.last() {
            self.capabilities(core, writer, &dialog.destination());
        }
        core.product(writer, "Server");
    }

    /// `Command::Answer`.
    pub(crate) fn accept(
        &mut self,
        (now, core): (Instant, &mut Core),
        body: Bytes,
        headers: ExtraHeaders,
    ) -> Result<(), CommandError> {
        let Phase::Ringing(ringing) = &mut self.phase else { return Err(CommandError::WrongState) };
        if ringing.waiting.is_some() {
            return Err(CommandError::WrongState);
        }
        if ringing.reliable.holds_sdp() {
            // RFC 3262 §5: not before the SDP of the provisional response is acknowledged.
            ringing.waiting = Some((body, headers));
            return Ok(());
        }
        self.send_success((now, core), body, &headers);
        Ok(())
    }

    pub(super) fn send_success(&mut self, (now, core): (Instant, &mut Core), body: Bytes, headers: &ExtraHeaders) {
        let Phase::Ringing(ringing) = &self.phase else { return };
        let (transaction, request) = (ringing.transaction, ringing.request.clone());
        let offered = request.body.is_empty() && !body.is_empty();
        let Some(mut writer) = core.server.response(transaction, StatusCode::OK, None) else { return };
        self.dialog_lines(core, &mut writer, &request);
        if let Some(refresh) = &self.refresh {
            refresh.write_as_uas(&mut writer);
        }
        writer.lines(headers);
        self.remember_sdp(&body);
        let bytes = writer.sdp(&body);
        self.phase = Phase::Up;
        self.clear_timers(core);
        let cseq = request.headers.cseq().map_or(0, |cseq| cseq.number);
        self.await_ack((now, core), (transaction, cseq), bytes, (true, offered));
        self.arm_refresh((now, core));
    }

    /// Sends a 2xx and keeps it until its ACK comes (§13.3.1.4).
    pub(super) fn await_ack(
        &mut self,
        (now, core): (Instant, &mut Core),
        (transaction, cseq): (server::Key, u32),
        bytes: Bytes,
        (initial, offered): (bool, bool),
    ) {
        core.server.respond(now, &mut core.io, transaction, StatusCode::OK, bytes.clone());
        let interval = core.config.timings.t1;
        self.answer = Some(Answer { transaction, cseq, bytes, interval, initial, offered });
        self.set_timer(core, Timer::Answer, now + interval);
        self.set_timer(core, Timer::AnswerEnd, now + core.config.timings.t1 * 64);
    }

    /// §13.3.1.4: the 2xx is sent again with doubled intervals up to T2, over every transport.
    pub(super) fn repeat_answer(&mut self, (now, core): (Instant, &mut Core)) {
        let t2 = core.config.timings.t2;
        let Some(answer) = &mut self.answer else { return };
        answer.interval = (answer.interval * 2).min(t2);
        let at = now + answer.interval;
        core.server.respond(now, &mut core.io, answer.transaction, StatusCode::OK, answer.bytes.clone());
        self.set_timer(core, Timer::Answer, at);
    }

    /// §13.3.1.4: after 64*T1 without ACK the dialog is confirmed all the same, and ended with BYE (C3).
    pub(super) fn never_acknowledged(&mut self, (now, core): (Instant, &mut Core)) {
        self.answer = None;
        self.cancel_timer(core, Timer::Answer);
        let (reason, end) = self.leave_after_ack.take().unwrap_or((None, EndReason::Timeout));
        self.leave((now, core), reason, end);
    }

    /// An ACK of a 2xx.
    pub(crate) fn on_ack(&mut self, (now, core): (Instant, &mut Core), request: &Request, flow: Flow) {
        let cseq = request.headers.cseq().map(|cseq| cseq.number);
        let Some(answer) = self.answer.take_if(|answer| Some(answer.cseq) == cseq) else { return };
        self.cancel_timer(core, Timer::Answer);
        self.cancel_timer(core, Timer::AnswerEnd);
        if let Some(dialog) = self.dialog() {
            dialog.refresh(None, flow);
        }
        if let Some((reason, end)) = self.leave_after_ack.take() {
            return self.leave((now, core), reason, end);
        }
        let body = if answer.offered { request.body.clone() } else { Bytes::new() };
        if answer.initial {
            core.io.event(Event::Confirmed { session: self.id, body });
        } else if answer.offered {
            core.io.event(Event::ReofferConfirmed { session: self.id, body });
        }
        self.run_queued_offer((now, core));
    }

    /// `Command::Reject`, and `HangUp` before an answer.
    pub(crate) fn reject(&mut self, (now, core): (Instant, &mut Core), status: u16, headers: &ExtraHeaders) {
        let Phase::Ringing(ringing) = &self.phase else { return };
        let transaction = ringing.transaction;
        let status = StatusCode::new(status).filter(|code| code.code() >= 300).unwrap_or(StatusCode::DECLINE);
        self.refuse_pending((now, core));
        core.answer_with(now, transaction, status, (None, headers, &[]));
        self.forget(core);
    }

    /// `Command::Respond` on the INVITE: the switch has answered by itself.
    pub(crate) fn answered_elsewhere(&mut self, (now, core): (Instant, &mut Core)) {
        self.refuse_pending((now, core));
        self.forget(core);
    }

    /// A CANCEL of the INVITE (§9.2); its own 200 is sent by the caller.
    pub(crate) fn on_cancel(&mut self, (now, core): (Instant, &mut Core), request: &Request) {
        if matches!(self.phase, Phase::Ringing(_)) {
            self.give_up(
                (now, core),
                StatusCode::REQUEST_TERMINATED,
                EndReason::Cancel { reason: reason::read(&request.headers) },
            );
        }
    }

    /// The call rang for too long.
    pub(super) fn nobody_answered(&mut self, (now, core): (Instant, &mut Core)) {
        let Phase::Ringing(ringing) = &self.phase else { return };
        // §13.3.1: 487 when the INVITE's own Expires ran out.
        let status = if ringing.expires { StatusCode::REQUEST_TERMINATED } else { StatusCode::REQUEST_TIMEOUT };
        self.give_up((now, core), status, EndReason::Timeout);
    }

    /// Refuses the INVITE for a reason that the switch does not know yet.
    pub(super) fn give_up(&mut self, (now, core): (Instant, &mut Core), status: StatusCode, end: EndReason) {
        let transaction = self.ringing_transaction();
        self.refuse_pending((now, core));
        core.answer(now, transaction, status, &[]);
        self.finish(core, end);
    }

    /// BYE in an early dialog (§15.1.2): 200 was sent, the INVITE gets 487.
    pub(super) fn bye_before_answer(&mut self, (now, core): (Instant, &mut Core), reason: Option<Reason>) {
        self.give_up((now, core), StatusCode::REQUEST_TERMINATED, EndReason::Bye { reason });
    }

    /// The transaction of the unanswered INVITE.
    pub(super) fn ringing_transaction(&self) -> server::Key {
        match &self.phase {
            Phase::Ringing(ringing) => ringing.transaction,
            _ => 0,
        }
    }

    /// Keeps the SDP we sent last, for refreshes by re-INVITE.
    pub(super) fn remember_sdp(&mut self, body: &Bytes) {
        if !body.is_empty() {
            self.sdp = body.clone();
        }
    }
}
