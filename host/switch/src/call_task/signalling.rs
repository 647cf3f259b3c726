//! What the sessions of a call say, translated for its brain.

use bytes::Bytes;
use call::{Carrier, Cause, Input, LegId, Target};
use sip::endpoint::{Command, EndReason, Event, ReasonProtocol, SessionId};
use sip::message::Contacts;

use super::leg::{Refer, Role};
use super::{CallTask, Replacement};

impl CallTask {
    pub(super) fn hear_sip(&mut self, event: Box<Event>) {
        if let Event::Ended { session, .. } | Event::Rejected { session, .. } = *event
            && self.leg_of(session).is_none()
        {
            return self.pass_on(event);
        }
        match *event {
            Event::Progress { session, status, body, .. } => self.heard_progress(session, status, &body),
            Event::Answered { session, body, response } => self.heard_answer(session, &body, &response),
            Event::Rejected { session, status, response } => self.heard_rejection(session, status, response.as_deref()),
            Event::Confirmed { session, body } => self.heard_confirmation(session, &body),
            Event::Ended { session, reason } => {
                if let Some(leg) = self.signalling_over(session) {
                    self.input(Input::LegEnded { leg, cause: cause_of(&reason) });
                }
            }
            Event::Reoffer { session, body } => self.heard_reoffer(session, body),
            Event::ReofferConfirmed { session, body } | Event::ReofferAnswered { session, body } => {
                self.heard_answer_to_reoffer(session, &body);
            }
            Event::ReofferRejected { session, status } => {
                tracing::debug!(call = %self.id, status, "a peer refused a re-INVITE: the session stays as it was");
                if let Some(media) = self.media_of(session) {
                    media.negotiation.reject_offer();
                }
            }
            Event::Refer { session, refer_to, replaces, .. } => self.heard_refer(session, &refer_to, replaces.as_ref()),
            Event::Info { session, content_type, body } => self.heard_info(session, &content_type, &body),
            Event::InfoAnswered { session, status } => self.heard_info_answer(session, status),
            // Out of dialog requests and new calls go to the ingress; nobody here sends REFER or requests of its own.
            Event::Invite { .. } | Event::Request { .. } | Event::Response { .. } | Event::ReferProgress { .. } => {}
        }
    }

    /// Passes the end of a session on to the call that has its leg now, if one does.
    pub(super) fn pass_on(&self, event: Box<Event>) {
        if let Event::Ended { session, .. } | Event::Rejected { session, .. } = *event {
            self.shared.sessions.pass_on(&self.shared.tasks, session, event, &self.sender);
        }
    }

    fn heard_progress(&mut self, session: SessionId, status: u16, body: &Bytes) {
        let Some(leg) = self.leg_of(session) else { return };
        let early_media = !body.is_empty() && self.accept_answer(leg, body);
        if let Some(Role::Calling { early, .. }) = self.legs.get_mut(&leg).map(|leg| &mut leg.role) {
            *early |= early_media;
        }
        // 181 and 182 say nothing that a caller hears; 183 without SDP neither.
        if status == 180 || early_media {
            self.input(Input::LegProgress { leg, early_media });
        }
    }

    fn heard_answer(&mut self, session: SessionId, body: &Bytes, response: &sip::message::Response) {
        let Some(leg) = self.leg_of(session) else { return };
        let dialog = response.headers.call_id_text().map(|text| text.as_bytes().clone());
        if !body.is_empty() && !self.accept_answer(leg, body) {
            return self.fail_leg(leg, Cause::INTERWORKING);
        }
        let Some(state) = self.legs.get_mut(&leg) else { return };
        if crate::address::takes_info(&response.headers) {
            state.keys.takes_info();
        }
        if state.media.as_ref().is_none_or(|media| media.negotiation.stream().is_none()) {
            // A 2xx without SDP anywhere: there is nothing to talk over (RFC 3261 §13.2.1).
            return self.fail_leg(leg, Cause::INTERWORKING);
        }
        state.role = Role::Calling { answered: true, early: false };
        if let Some(occupied) = &mut state.occupied {
            occupied.answered();
        }
        if let Some(dialog) = dialog {
            self.shared.dialogs.insert(&dialog, self.tenant.id(), self.id, leg);
            state.dialog = Some(dialog);
        }
        self.tell_answered(leg, "outbound");
        self.input(Input::LegAnswered { leg });
    }

    /// Ends a leg that cannot go on, telling the peer and the call.
    pub(super) fn fail_leg(&mut self, leg: LegId, cause: Cause) {
        if let Some(state) = self.legs.get_mut(&leg).filter(|state| !state.over) {
            state.over = true;
            let command = super::effect::hang_up(state.session, cause);
            self.sip(command);
        }
        self.input(Input::LegEnded { leg, cause });
    }

    fn heard_rejection(&mut self, session: SessionId, status: u16, response: Option<&sip::message::Response>) {
        let Some(leg) = self.signalling_over(session) else { return };
        let targets: Vec<Target> = match (300..400).contains(&status) {
            true => response.map(|response| self.redirections(response)).unwrap_or_default(),
            false => Vec::new(),
        };
        match targets.is_empty() {
            true => {
                let told = response.and_then(|response| crate::address::q850(&response.headers));
                let cause = told.map_or_else(|| Cause::from_sip_status(status), Cause::from_number);
                self.input(Input::LegEnded { leg, cause });
            }
            false => self.input(Input::LegRedirected { leg, targets }),
        }
    }

    /// The targets of a 3xx that the tenant may call: its own endpoints. Others would be calls to anywhere at the wish of
    /// the called party (hostile F3).
    fn redirections(&self, response: &sip::message::Response) -> Vec<Target> {
        let Ok(Contacts::List(contacts)) = response.headers.contacts() else { return Vec::new() };
        let definition = self.tenant.definition();
        let targets = contacts.iter().filter_map(|contact| {
            let uri = Some(contact.uri()).filter(|uri| definition.is_own_host(uri, &self.shared.hosts))?;
            definition.endpoint(&crate::address::dialed(uri)?).map(|endpoint| Target::Endpoint(endpoint.name.clone()))
        });
        targets.collect()
    }

    fn heard_confirmation(&mut self, session: SessionId, body: &Bytes) {
        let Some(leg) = self.leg_of(session) else { return };
        if !body.is_empty() && !self.accept_answer(leg, body) {
            return self.fail_leg(leg, Cause::INTERWORKING);
        }
        self.input(Input::LegAnswered { leg });
    }

    /// The session sends nothing more.
    fn signalling_over(&mut self, session: SessionId) -> Option<LegId> {
        let leg = self.leg_of(session)?;
        self.legs.get_mut(&leg)?.over = true;
        Some(leg)
    }

    fn heard_reoffer(&mut self, session: SessionId, body: Option<Bytes>) {
        let Some(leg) = self.leg_of(session) else { return };
        match self.answer_reoffer(leg, body.as_ref()) {
            Some(body) => self.sip(Command::AcceptReoffer { session, body }),
            None => self.sip(Command::RejectReoffer { session, status: 488 }),
        }
        self.tell_hold(leg);
    }

    fn heard_answer_to_reoffer(&mut self, session: SessionId, body: &Bytes) {
        let Some(leg) = self.leg_of(session) else { return };
        if !body.is_empty() && self.accept_answer(leg, body) {
            self.tell_hold(leg);
        }
    }

    /// Tells the call when the peer's direction has changed between hold and talk.
    fn tell_hold(&mut self, leg: LegId) {
        let Some(media) = self.legs.get_mut(&leg).and_then(|leg| leg.media.as_mut()) else { return };
        let held = media.negotiation.remote_hold();
        if std::mem::replace(&mut media.held, held) != held {
            self.input(Input::LegHeld { leg, held });
        }
    }

    fn heard_info(&mut self, session: SessionId, content_type: &Bytes, body: &Bytes) {
        let Some(leg) = self.leg_of(session) else { return };
        if let Some((digit, duration_ms)) = crate::address::info_digit(content_type, body) {
            if let Some(state) = self.legs.get_mut(&leg) {
                // Who sends keys so understands them so.
                state.keys.takes_info();
            }
            self.input(Input::Dtmf { leg, digit, duration_ms, carrier: Carrier::Signalling });
        }
    }

    fn heard_refer(
        &mut self,
        session: SessionId,
        refer_to: &sip::message::NameAddr,
        replaces: Option<&sip::endpoint::Replaces>,
    ) {
        let Some(leg) = self.leg_of(session) else { return };
        if let Some(state) = self.legs.get_mut(&leg) {
            state.refer = Refer::Asked;
        }
        match self.transfer_of(refer_to, replaces) {
            Some(transfer) => self.input(Input::LegTransfer { leg, transfer }),
            None => {
                if let Some(state) = self.legs.get_mut(&leg) {
                    state.refer = Refer::None;
                }
                self.sip(Command::RejectRefer { session, status: 404 });
            }
        }
    }

    pub(super) fn begin_replacement(&mut self, replacement: Replacement) {
        let Replacement { tenant, replaced, offered } = replacement;
        let replaced = self.leg_of(replaced).filter(|_| tenant == *self.tenant.id());
        let Some(replaced) = replaced else {
            // The dialog ended while the INVITE was on its way, or is another tenant's (RFC 3891 §3, hostile E2).
            return self.refuse_replacement(offered.session);
        };
        let leg = self.call.allocate_leg();
        let input = Input::LegReplaced {
            replaced,
            leg,
            endpoint: offered.endpoint.as_ref().map(|endpoint| endpoint.name.clone()),
            caller: offered.caller.clone(),
        };
        self.enter(leg, offered);
        self.input(input);
    }

    /// An INVITE with Replaces for a dialog that is not here any more.
    pub(super) fn refuse_replacement(&self, session: SessionId) {
        self.shared.sessions.remove(session);
        if self.shared.signal(Command::Reject { session, status: 481, headers: Vec::new() }).is_err() {
            tracing::error!(call = %self.id, "an INVITE with Replaces gets no answer: the endpoint is overloaded");
        }
    }
}

/// The Q.850 cause of a session's end.
fn cause_of(reason: &EndReason) -> Cause {
    match reason {
        EndReason::Bye { reason } | EndReason::Cancel { reason } => match reason {
            Some(reason) if reason.protocol == ReasonProtocol::Q850 => Cause::from_number(reason.cause),
            _ => Cause::NORMAL_CLEARING,
        },
        EndReason::HungUp => Cause::NORMAL_CLEARING,
        EndReason::Timeout | EndReason::Expired => Cause::TIMER_EXPIRY,
        EndReason::Status(status) => Cause::from_sip_status(*status),
        EndReason::Unreachable => Cause::DESTINATION_OUT_OF_ORDER,
    }
}
