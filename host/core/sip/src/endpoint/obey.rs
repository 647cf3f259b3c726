//! Commands of the switch.

use std::time::Instant;

use super::write::is_clean;
use super::{Command, CommandError, Endpoint, Event, ExtraHeaders, Originate, ServerTransactionId, SessionId};
use crate::endpoint::core::Core;
use crate::message::{Method, StatusCode};
use crate::session::{Session, uac};

impl Endpoint {
    pub(super) fn obey(&mut self, now: Instant, command: Command) -> Result<(), CommandError> {
        match command {
            Command::Respond { transaction, status, reason, headers, body } => {
                self.respond(now, transaction, status, (reason, headers, body))
            }
            Command::Progress { session, status, body, reliable, headers } => {
                let status = checked(status, 101..=199)?;
                clean(&headers)?;
                self.session(session, |session, core| {
                    session.progress((now, core), (status, body), (reliable, headers))
                })
            }
            Command::Answer { session, body, headers } => {
                clean(&headers)?;
                self.session(session, |session, core| session.accept((now, core), body, headers))
            }
            Command::Reject { session, status, headers } => {
                checked(status, 300..=699)?;
                clean(&headers)?;
                self.session(session, |session, core| {
                    session.reject((now, core), status, &headers);
                    if session.is_over() { Ok(()) } else { Err(CommandError::WrongState) }
                })
            }
            Command::Originate(originate) => self.originate(now, *originate),
            Command::Acknowledge { session, body } => self.session(session, |session, core| {
                if session.send_answer((now, core), body) { Ok(()) } else { Err(CommandError::WrongState) }
            }),
            Command::HangUp { session, status, reason } => self.session(session, |session, core| {
                session.hang_up((now, core), status, reason);
                Ok(())
            }),
            Command::Reoffer { session, body } => {
                self.session(session, |session, core| session.reoffer((now, core), body))
            }
            Command::AcceptReoffer { session, body } => {
                self.session(session, |session, core| session.accept_offer((now, core), body))
            }
            Command::RejectReoffer { session, status } => {
                let status = checked(status, 300..=699)?;
                self.session(session, |session, core| session.reject_offer((now, core), status))
            }
            Command::AcceptRefer { .. }
            | Command::RejectRefer { .. }
            | Command::NotifyRefer { .. }
            | Command::Refer { .. }
            | Command::Info { .. } => self.obey_inside(now, command),
            Command::SendRequest(request) => self.send_request(now, *request),
        }
    }

    /// Commands that send a request inside a dialog and wait for nothing.
    fn obey_inside(&mut self, now: Instant, command: Command) -> Result<(), CommandError> {
        match command {
            Command::AcceptRefer { session } => {
                self.session(session, |session, core| session.accept_refer((now, core)))
            }
            Command::RejectRefer { session, status } => {
                let status = checked(status, 300..=699)?;
                self.session(session, |session, core| session.reject_refer((now, core), status))
            }
            Command::NotifyRefer { session, status, last } => {
                let status = checked(status, 100..=699)?;
                self.session(session, |session, core| session.notify_refer((now, core), status, last))
            }
            Command::Refer { session, refer_to, replaces, referred_by } => {
                if referred_by.as_ref().is_some_and(|value| !is_clean(value)) {
                    return Err(CommandError::Invalid);
                }
                self.session(session, |session, core| {
                    session.send_refer((now, core), refer_to, (replaces, referred_by))
                })
            }
            Command::Info { session, content_type, body } => {
                if !is_clean(&content_type) {
                    return Err(CommandError::Invalid);
                }
                self.session(session, |session, core| session.send_info((now, core), &content_type, &body))
            }
            _ => unreachable!("the caller sends only commands for requests inside dialogs"),
        }
    }

    fn session(
        &mut self,
        id: SessionId,
        act: impl FnOnce(&mut Session, &mut Core) -> Result<(), CommandError>,
    ) -> Result<(), CommandError> {
        self.with_session(id, act).unwrap_or(Err(CommandError::UnknownSession))
    }

    fn respond(
        &mut self,
        now: Instant,
        transaction: ServerTransactionId,
        status: u16,
        (reason, headers, body): (Option<bytes::Bytes>, ExtraHeaders, bytes::Bytes),
    ) -> Result<(), CommandError> {
        let running = self.core.server.get(transaction.key).ok_or(CommandError::UnknownTransaction)?;
        if running.request().is_none() || transaction.shard != self.core.config.shard {
            return Err(CommandError::UnknownTransaction);
        }
        // A 2xx to an INVITE makes a session: that is `Answer`.
        let status = checked(status, if running.is_invite() { 300..=699 } else { 200..=699 })?;
        clean(&headers)?;
        if reason.as_ref().is_some_and(|reason| !is_clean(reason)) {
            return Err(CommandError::Invalid);
        }
        let session = running.session();
        // Who may register has proved who it is; who gets any other answer from here may be anybody.
        let registered = status.is_success() && running.request().is_some_and(|own| own.method == Method::Register);
        let answer = (reason.as_deref(), &headers, &body[..]);
        match registered {
            true => self.core.answer_with(now, transaction.key, status, answer),
            false => self.core.answer_stranger(now, transaction.key, status, answer),
        }
        if let Some(id) = session {
            self.with_session(id, |session, core| session.answered_elsewhere((now, core)));
        }
        Ok(())
    }

    fn originate(&mut self, now: Instant, originate: Originate) -> Result<(), CommandError> {
        let id = originate.session;
        if id.shard() != self.core.config.shard || !id.is_originated() || self.sessions.contains_key(&id) {
            return Err(CommandError::BadSession);
        }
        let refused = if !uac::is_clean(&originate) {
            Some((CommandError::Invalid, 400))
        } else if self.sessions.len() >= self.core.config.limits.sessions || self.core.client.is_full() {
            Some((CommandError::Limit, 503))
        } else {
            None
        };
        if let Some((error, status)) = refused {
            // Whoever dials goes on with the next contact at once instead of waiting for a call that was never sent.
            self.core.io.event(Event::Rejected { session: id, status, response: None });
            return Err(error);
        }
        let session = Session::originate((now, &mut self.core), originate);
        self.sessions.insert(id, Box::new(session));
        Ok(())
    }
}

fn checked(status: u16, range: std::ops::RangeInclusive<u16>) -> Result<StatusCode, CommandError> {
    StatusCode::new(status).filter(|_| range.contains(&status)).ok_or(CommandError::Invalid)
}

fn clean(headers: &ExtraHeaders) -> Result<(), CommandError> {
    if headers.iter().all(|(_, value)| is_clean(value)) { Ok(()) } else { Err(CommandError::Invalid) }
}
