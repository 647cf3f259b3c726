//! What a peer may ask inside a dialog (RFC 3261 §12.2.2).

use std::sync::Arc;
use std::time::Instant;

use super::{Phase, Purpose, Session, reason, sdp_of, try_later};
use crate::endpoint::core::{ALLOW, Core};
use crate::endpoint::{CommandError, EndReason, Event, Flow, ServerTransactionId};
use crate::message::{HeaderName, Method, Request, StatusCode};
use crate::transaction::server;

impl Session {
    /// A new request whose To tag is ours; its transaction runs and waits for an answer.
    pub(crate) fn on_request(
        &mut self,
        (now, core): (Instant, &mut Core),
        key: server::Key,
        (request, flow): (&Arc<Request>, Flow),
    ) {
        let from = request.headers.from_();
        let tag = from.as_ref().and_then(|from| from.tag()).unwrap_or_default();
        let call_id = request.headers.get(&HeaderName::CallId).map_or(&[][..], |value| value);
        let found = self.dialogs.iter().position(|dialog| dialog.matches(call_id, tag.as_bytes()));
        let Some(index) = found else {
            // §12.2.2: a To tag of ours, but no dialog with this peer.
            return core.answer(now, key, StatusCode::CALL_DOES_NOT_EXIST, &[]);
        };
        let cseq = request.headers.cseq().map_or(0, |cseq| cseq.number);
        if self.dialogs[index].admit(cseq).is_err() {
            // §12.2.2 says 500; the Retry-After keeps honest peers from hammering.
            return try_later((now, core), key);
        }
        if index + 1 != self.dialogs.len() {
            let last = self.dialogs.len() - 1;
            self.dialogs.swap(index, last);
        }
        if matches!(self.phase, Phase::Leaving(_) | Phase::Over) && request.method != Method::Bye {
            return core.answer(now, key, StatusCode::CALL_DOES_NOT_EXIST, &[]);
        }
        self.dispatch((now, core), key, (request, flow));
    }

    /// `Command::Info`.
    pub(crate) fn send_info(
        &mut self,
        (now, core): (Instant, &mut Core),
        content_type: &[u8],
        body: &[u8],
    ) -> Result<(), CommandError> {
        if !matches!(self.phase, Phase::Up) {
            return Err(CommandError::WrongState);
        }
        let (key, writer) = self.request_in_dialog(core, &Method::Info).ok_or(CommandError::WrongState)?;
        self.send((now, core), key, (Method::Info, Purpose::Info), writer.body(content_type, body));
        Ok(())
    }

    fn dispatch(
        &mut self,
        (now, core): (Instant, &mut Core),
        key: server::Key,
        (request, flow): (&Arc<Request>, Flow),
    ) {
        match &request.method {
            Method::Bye => self.on_bye((now, core), key, request),
            Method::Invite => self.on_reinvite((now, core), key, (request, flow)),
            Method::Update => self.on_update((now, core), key, (request, flow)),
            Method::Prack if matches!(self.phase, Phase::Ringing(_)) => self.on_prack((now, core), key, request),
            // The PRACK of a response that our 2xx overtook: nothing waits for it, and 481 would end the call (RFC 5057).
            Method::Prack if !self.owner => core.answer(now, key, StatusCode::OK, &[]),
            Method::Prack => core.answer(now, key, StatusCode::CALL_DOES_NOT_EXIST, &[]),
            Method::Info => {
                core.answer(now, key, StatusCode::OK, &[]);
                let content_type = request.headers.get(&HeaderName::ContentType).cloned().unwrap_or_default();
                core.io.event(Event::Info { session: self.id, content_type, body: request.body.clone() });
            }
            Method::Refer => self.on_refer((now, core), key, request),
            Method::Notify => self.on_notify((now, core), key, request),
            // §11.2: what an INVITE would be told.
            Method::Options => {
                let lines: [(&str, &[u8]); 3] =
                    [("Allow", ALLOW), ("Accept", b"application/sdp"), ("Supported", b"100rel, timer, replaces")];
                core.answer(now, key, StatusCode::OK, &lines);
            }
            _ => core.io.event(Event::Request {
                transaction: ServerTransactionId { shard: core.config.shard, key },
                request: request.clone(),
                flow,
            }),
        }
    }

    /// §15.1.2.
    fn on_bye(&mut self, (now, core): (Instant, &mut Core), key: server::Key, request: &Request) {
        core.answer(now, key, StatusCode::OK, &[]);
        let reason = reason::read(&request.headers);
        match &self.phase {
            Phase::Ringing(_) => self.bye_before_answer((now, core), reason),
            // The callee of our INVITE may not end an early dialog with BYE (§15); the INVITE's answer decides.
            Phase::Calling(_) | Phase::Over => {}
            Phase::Up => {
                self.refuse_pending((now, core));
                self.finish(core, EndReason::Bye { reason });
            }
            // Both said BYE at once.
            Phase::Leaving(_) => self.left(core),
        }
    }

    /// A re-INVITE (§14.2).
    fn on_reinvite(
        &mut self,
        (now, core): (Instant, &mut Core),
        key: server::Key,
        (request, flow): (&Arc<Request>, Flow),
    ) {
        if self.exchange.is_theirs() || matches!(self.phase, Phase::Ringing(_)) {
            // §14.2: the one before is not answered yet.
            return try_later((now, core), key);
        }
        if self.exchange.is_ours() || self.answer.is_some() || !matches!(self.phase, Phase::Up) {
            // §14.2 (ours is on its way), RFC 5407 §3.1.4 (our 2xx is not acknowledged yet).
            return core.answer(now, key, StatusCode::REQUEST_PENDING, &[]);
        }
        self.on_offer((now, core), key, (request, flow), sdp_of(request));
    }

    /// An UPDATE (RFC 3311 §5.2).
    fn on_update(
        &mut self,
        (now, core): (Instant, &mut Core),
        key: server::Key,
        (request, flow): (&Arc<Request>, Flow),
    ) {
        let Some(offer) = sdp_of(request) else {
            // No offer: a refresh of the session timer or of the target, which we can answer ourselves.
            return self.on_refresh_request((now, core), key, (request, flow));
        };
        if self.exchange.is_theirs() || matches!(self.phase, Phase::Ringing(_)) && !self.is_settled_early() {
            // RFC 3311 §5.2: an offer of theirs has no answer yet.
            return try_later((now, core), key);
        }
        if self.exchange.is_ours()
            || !self.is_settled_early()
            || self.answer.as_ref().is_some_and(super::uas::Answer::offers)
        {
            return core.answer(now, key, StatusCode::REQUEST_PENDING, &[]);
        }
        self.on_offer((now, core), key, (request, flow), Some(offer));
    }
}
