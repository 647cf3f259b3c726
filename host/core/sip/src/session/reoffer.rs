//! Changing a session: re-INVITE (RFC 3261 §14) and UPDATE (RFC 3311), one offer at a time (RFC 3264 §4).

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::{Phase, Purpose, Session, Timer, refresh};
use crate::endpoint::core::Core;
use crate::endpoint::{CommandError, Event, Flow};
use crate::message::{HeaderName, Method, Request, Response, StatusCode};
use crate::transaction::{client, server};

/// How often an offer is tried again after 491 before the switch hears of it.
const GLARE_TRIES: u8 = 5;

/// Whose offer is on its way.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Exchange {
    /// Nobody's.
    Idle,
    /// Ours.
    Ours(Ours),
    /// Ours, when the wait after a 491 is over (§14.1).
    Waiting { body: Option<Bytes>, tries: u8 },
    /// Ours that changes nothing: a refresh by re-INVITE (RFC 4028 §7.4), which is an offer like any other (§14.1).
    Refreshing { key: client::Key },
    /// Theirs, and the switch has to answer.
    Theirs { transaction: server::Key, method: Method, offerless: bool, cseq: u32 },
    /// The peer's offer came in a 2xx, and the switch has to give the answer for the ACK.
    Acknowledge { key: client::Key, cseq: u32 },
}

/// An offer of ours that is on its way.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ours {
    key: client::Key,
    cseq: u32,
    method: Method,
    body: Option<Bytes>,
    tries: u8,
}

impl Exchange {
    pub(super) fn is_idle(&self) -> bool {
        *self == Self::Idle
    }

    /// Whether an offer of ours is on the wire, so that one of theirs is a glare.
    pub(super) fn is_ours(&self) -> bool {
        matches!(self, Self::Ours(_) | Self::Refreshing { .. } | Self::Acknowledge { .. })
    }

    pub(super) fn is_theirs(&self) -> bool {
        matches!(self, Self::Theirs { .. })
    }

    /// Ends an exchange of theirs and gives the transaction to answer.
    pub(super) fn take_theirs(&mut self) -> Option<server::Key> {
        let Self::Theirs { transaction, .. } = *self else { return None };
        *self = Self::Idle;
        Some(transaction)
    }

    /// The request of ours was sent again with another key.
    pub(super) fn moved(&mut self, from: client::Key, to: client::Key, number: u32) {
        match self {
            Self::Ours(Ours { key, cseq, .. }) if *key == from => (*key, *cseq) = (to, number),
            Self::Refreshing { key } if *key == from => *key = to,
            _ => {}
        }
    }
}

impl Session {
    /// `Command::Reoffer`: now, or when what is on its way is done.
    pub(crate) fn reoffer(
        &mut self,
        (now, core): (Instant, &mut Core),
        body: Option<Bytes>,
    ) -> Result<(), CommandError> {
        match self.phase {
            Phase::Up if self.leave_after_ack.is_none() => {}
            // RFC 3311 §5.1: in an early dialog by UPDATE, when the peer allows it and there is a dialog.
            Phase::Calling(_) | Phase::Ringing(_) if self.peer.update && body.is_some() && self.is_settled_early() => {}
            _ => return Err(CommandError::WrongState),
        }
        self.queued_offer = Some(body);
        self.run_queued_offer((now, core));
        Ok(())
    }

    /// Sends the offer that waits when nothing else is on its way.
    pub(super) fn run_queued_offer(&mut self, (now, core): (Instant, &mut Core)) {
        let over = matches!(self.phase, Phase::Leaving(_) | Phase::Over);
        if over || !self.exchange.is_idle() || self.answer.is_some() {
            return;
        }
        if let Some(body) = self.queued_offer.take() {
            self.send_offer((now, core), body, 0);
        }
    }

    fn send_offer(&mut self, (now, core): (Instant, &mut Core), body: Option<Bytes>, tries: u8) {
        let method = if matches!(self.phase, Phase::Up) { Method::Invite } else { Method::Update };
        let Some((key, cseq)) = self.send_refresh_like((now, core), &method, Purpose::Reoffer, body.as_ref()) else {
            return;
        };
        if let Some(body) = &body {
            self.remember_sdp(body);
        }
        self.exchange = Exchange::Ours(Ours { key, cseq, method, body, tries });
    }

    /// Sends a re-INVITE or UPDATE with everything a target refresh carries.
    pub(super) fn send_refresh_like(
        &mut self,
        (now, core): (Instant, &mut Core),
        method: &Method,
        purpose: Purpose,
        body: Option<&Bytes>,
    ) -> Option<(client::Key, u32)> {
        let (key, mut writer) = self.request_in_dialog(core, method)?;
        let dialog = self.dialogs.last()?;
        let cseq = dialog.local_cseq;
        self.capabilities(core, &mut writer, &dialog.destination());
        if let Some(refresh) = &self.refresh {
            refresh.write_as_uac(&mut writer, &core.config.timings);
        }
        let request = writer.sdp(body.map_or(&[][..], |body| body));
        self.send((now, core), key, (method.clone(), purpose), request);
        Some((key, cseq))
    }

    /// A response to our re-INVITE or UPDATE.
    pub(super) fn on_reoffer_response(
        &mut self,
        (now, core): (Instant, &mut Core),
        key: client::Key,
        (response, flow): (&Arc<Response>, Flow),
    ) {
        let status = response.status.code();
        if status < 200 {
            // A peer that asks its user and dies would block every further change.
            return core.client.limit_patience(&mut core.io, key, now + core.config.timings.ringing);
        }
        if !matches!(&self.exchange, Exchange::Ours(ours) if ours.key == key) {
            return;
        }
        if !response.status.is_success() {
            return self.reoffer_failed((now, core), key, status);
        }
        let Exchange::Ours(ours) = std::mem::replace(&mut self.exchange, Exchange::Idle) else { return };
        if let Some(dialog) = self.dialog() {
            dialog.refresh(response.headers.contact(), flow);
        }
        self.refreshed_as_uac((now, core), response);
        if ours.method == Method::Invite {
            if ours.body.is_none() {
                self.exchange = Exchange::Acknowledge { key, cseq: ours.cseq };
            } else {
                self.acknowledge(core, (key, ours.cseq), &[]);
            }
        }
        core.io.event(Event::ReofferAnswered { session: self.id, body: response.body.clone() });
        self.run_queued_offer((now, core));
    }

    /// Our offer was refused, or nobody answered it.
    pub(super) fn reoffer_failed(&mut self, (now, core): (Instant, &mut Core), key: client::Key, status: u16) {
        let Exchange::Ours(ours) = &mut self.exchange else { return };
        if ours.key != key {
            return;
        }
        if status == 491 && ours.tries < GLARE_TRIES {
            // §14.1: the owner of the Call-ID waits 2.1 to 4 s, the other one 0 to 2 s, in steps of 10 ms.
            let (body, tries) = (ours.body.take(), ours.tries + 1);
            let wait = core.tens_of_ms(if self.owner { 210..=400 } else { 0..=200 });
            self.exchange = Exchange::Waiting { body, tries };
            return self.set_timer(core, Timer::Glare, now + wait);
        }
        self.exchange = Exchange::Idle;
        core.io.event(Event::ReofferRejected { session: self.id, status });
        self.run_queued_offer((now, core));
    }

    /// The wait after a glare is over.
    pub(super) fn glare_over(&mut self, (now, core): (Instant, &mut Core)) {
        let Exchange::Waiting { body, tries } = &mut self.exchange else { return };
        let (mut body, tries) = (body.take(), *tries);
        self.exchange = Exchange::Idle;
        // A newer offer of the switch takes the place of the one that was refused.
        if let Some(newer) = self.queued_offer.take() {
            body = newer;
        }
        self.send_offer((now, core), body, tries);
    }

    /// An offer of the peer that may be handled.
    pub(super) fn on_offer(
        &mut self,
        (now, core): (Instant, &mut Core),
        key: server::Key,
        (request, flow): (&Arc<Request>, Flow),
        offer: Option<Bytes>,
    ) {
        if let Some(min_se) = refresh::too_small(request, &core.config.timings) {
            return core.answer(now, key, StatusCode::SESSION_INTERVAL_TOO_SMALL, &[("Min-SE", min_se.as_bytes())]);
        }
        self.yield_to_theirs(core);
        if let Some(dialog) = self.dialog() {
            dialog.refresh(request.headers.contact(), flow);
        }
        self.refreshed_as_uas(request, &core.config.timings);
        self.exchange = Exchange::Theirs {
            transaction: key,
            method: request.method.clone(),
            offerless: offer.is_none(),
            cseq: request.headers.cseq().map_or(0, |cseq| cseq.number),
        };
        core.io.event(Event::Reoffer { session: self.id, body: offer });
    }

    /// §14.2: while ours waits after a glare, theirs goes first and ours again afterwards.
    fn yield_to_theirs(&mut self, core: &mut Core) {
        if let Exchange::Waiting { body, .. } = &mut self.exchange {
            let body = body.take();
            self.queued_offer.get_or_insert(body);
            self.cancel_timer(core, Timer::Glare);
        }
    }

    /// Whether the offer of an unanswered INVITE has its answer, by a reliable response, so that another may follow
    /// (RFC 3311 §5.1, RFC 6337 §2.2). Always true when the call is up.
    pub(super) fn is_settled_early(&self) -> bool {
        match &self.phase {
            Phase::Calling(_) => self.dialogs.last().is_some_and(|dialog| dialog.rseq.is_some()),
            Phase::Ringing(ringing) => ringing.reliable.settled,
            Phase::Up | Phase::Leaving(_) | Phase::Over => true,
        }
    }

    /// An offer in a PRACK (RFC 3262 §5): answered like one in an UPDATE.
    pub(super) fn offered_by_prack(&mut self, (now, core): (Instant, &mut Core), key: server::Key, request: &Request) {
        if self.exchange.is_ours() || self.exchange.is_theirs() {
            return core.answer(now, key, StatusCode::REQUEST_PENDING, &[]);
        }
        self.yield_to_theirs(core);
        let cseq = request.headers.cseq().map_or(0, |cseq| cseq.number);
        self.exchange = Exchange::Theirs { transaction: key, method: Method::Prack, offerless: false, cseq };
        core.io.event(Event::Reoffer { session: self.id, body: Some(request.body.clone()) });
    }

    /// `Command::AcceptReoffer`.
    pub(crate) fn accept_offer(&mut self, (now, core): (Instant, &mut Core), body: Bytes) -> Result<(), CommandError> {
        let Exchange::Theirs { transaction, method, offerless, cseq } = &self.exchange else {
            return Err(CommandError::WrongState);
        };
        let (transaction, method, offerless, cseq) = (*transaction, method.clone(), *offerless, *cseq);
        self.exchange = Exchange::Idle;
        let Some(mut writer) = core.server.response(transaction, StatusCode::OK, None) else { return Ok(()) };
        if let Some(dialog) = self.dialogs.last() {
            self.capabilities(core, &mut writer, &dialog.destination());
        }
        if let Some(refresh) = self.refresh.as_ref().filter(|_| method != Method::Prack) {
            refresh.write_as_uas(&mut writer);
        }
        self.remember_sdp(&body);
        let bytes = writer.sdp(&body);
        if method == Method::Invite {
            self.await_ack((now, core), (transaction, cseq), bytes, (false, offerless));
        } else {
            core.server.respond(now, &mut core.io, transaction, StatusCode::OK, bytes);
        }
        self.arm_refresh((now, core));
        self.run_queued_offer((now, core));
        Ok(())
    }

    /// `Command::RejectReoffer`.
    pub(crate) fn reject_offer(
        &mut self,
        (now, core): (Instant, &mut Core),
        status: StatusCode,
    ) -> Result<(), CommandError> {
        let transaction = self.exchange.take_theirs().ok_or(CommandError::WrongState)?;
        core.answer(now, transaction, status, &[]);
        self.run_queued_offer((now, core));
        Ok(())
    }

    /// The CANCEL of a re-INVITE (§9.2): 487, and the session goes on.
    pub(crate) fn on_cancel_of(&mut self, (now, core): (Instant, &mut Core), key: server::Key) {
        if matches!(self.exchange, Exchange::Theirs { transaction, .. } if transaction == key) {
            self.exchange = Exchange::Idle;
            core.answer(now, key, StatusCode::REQUEST_TERMINATED, &[]);
            self.run_queued_offer((now, core));
        }
    }

    /// A 2xx made one of several early dialogs the session: what was exchanged in another one is void.
    pub(super) fn drop_early_exchange(&mut self, core: &mut Core) {
        match std::mem::replace(&mut self.exchange, Exchange::Idle) {
            Exchange::Ours(_) | Exchange::Waiting { .. } => {
                self.cancel_timer(core, Timer::Glare);
                core.io.event(Event::ReofferRejected { session: self.id, status: 487 });
            }
            other @ Exchange::Theirs { .. } => self.exchange = other,
            Exchange::Idle | Exchange::Refreshing { .. } | Exchange::Acknowledge { .. } => {}
        }
    }

    /// Whether a body-less UPDATE of the peer changes who it is reached at.
    pub(super) fn retarget(&mut self, request: &Request, flow: Flow) {
        if request.headers.contains(&HeaderName::Contact)
            && let Some(dialog) = self.dialog()
        {
            dialog.refresh(request.headers.contact(), flow);
        }
    }
}
