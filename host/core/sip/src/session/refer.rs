//! Transfers: REFER and its implicit subscription (RFC 3515), Replaces inside Refer-To (RFC 3891, RFC 5589).

use std::collections::VecDeque;
use std::time::Instant;

use bytes::Bytes;

use super::{Phase, Purpose, Session, try_later};
use crate::endpoint::core::Core;
use crate::endpoint::{CommandError, Event};
use crate::message::{HeaderName, Method, NameAddr, Replaces, Request, StatusCode, Uri};
use crate::transaction::server;

/// How long the subscription of a REFER lasts, told in 202's NOTIFY (RFC 3515 §2.4.4): longer than any ringing.
const SUBSCRIPTION_SECONDS: u32 = 300;

/// The transfers of one session.
#[derive(Debug, Default)]
pub(super) struct Refer {
    /// REFERs of the peer that wait for the switch, oldest first.
    pending: VecDeque<Pending>,
    /// The transfer the peer watches.
    watched: Option<Watched>,
    /// How many REFERs the peer sent: from the second on, NOTIFY names its REFER (RFC 3515 §2.4.6).
    seen: u32,
    /// Whether we asked for a transfer whose NOTIFYs may come.
    asked: bool,
}

#[derive(Debug)]
struct Pending {
    transaction: server::Key,
    cseq: u32,
    /// RFC 4488: the referrer wants no NOTIFY.
    silent: bool,
}

#[derive(Debug)]
struct Watched {
    /// The `id` of the Event header, from the second REFER on.
    id: Option<u32>,
}

impl Refer {
    /// The transactions to answer when the session ends.
    pub(super) fn take_pending(&mut self) -> Vec<server::Key> {
        self.pending.drain(..).map(|pending| pending.transaction).collect()
    }
}

impl Session {
    /// A REFER of the peer (RFC 3515 §2.4.2).
    pub(super) fn on_refer(&mut self, (now, core): (Instant, &mut Core), key: server::Key, request: &Request) {
        if !matches!(self.phase, Phase::Up) || self.refer.pending.len() >= core.config.limits.pending_requests {
            return try_later((now, core), key);
        }
        let mut values = request.headers.list(&HeaderName::ReferTo);
        let only = match (values.next(), values.next()) {
            (Some(Ok(value)), None) => NameAddr::parse(&value).ok(),
            _ => None,
        };
        drop(values);
        let Some(refer_to) = only else {
            return core.answer(now, key, StatusCode::BAD_REQUEST, &[]);
        };
        let replaces = match refer_to.uri().header("Replaces").map(|value| Replaces::parse(&value)) {
            None => None,
            Some(Ok(replaces)) => Some(replaces),
            Some(Err(_)) => return core.answer(now, key, StatusCode::BAD_REQUEST, &[]),
        };
        let silent =
            request.headers.get(&HeaderName::ReferSub).is_some_and(|value| value.eq_ignore_ascii_case(b"false"));
        let cseq = request.headers.cseq().map_or(0, |cseq| cseq.number);
        self.refer.pending.push_back(Pending { transaction: key, cseq, silent });
        let referred_by = request.headers.get(&HeaderName::ReferredBy).cloned();
        let refer_to = NameAddr::new(refer_to.into_uri().without_headers());
        core.io.event(Event::Refer { session: self.id, refer_to, referred_by, replaces });
    }

    /// `Command::AcceptRefer`.
    pub(crate) fn accept_refer(&mut self, (now, core): (Instant, &mut Core)) -> Result<(), CommandError> {
        let pending = self.refer.pending.pop_front().ok_or(CommandError::WrongState)?;
        if pending.silent {
            // RFC 4488 §4.
            core.answer(now, pending.transaction, StatusCode::OK, &[("Refer-Sub", b"false")]);
            return Ok(());
        }
        self.refer.seen += 1;
        core.answer(now, pending.transaction, StatusCode::ACCEPTED, &[]);
        self.refer.watched = Some(Watched { id: (self.refer.seen > 1).then_some(pending.cseq) });
        // RFC 3515 §2.4.4: a NOTIFY follows at once.
        self.notify((now, core), StatusCode::TRYING, false);
        Ok(())
    }

    /// `Command::RejectRefer`.
    pub(crate) fn reject_refer(
        &mut self,
        (now, core): (Instant, &mut Core),
        status: StatusCode,
    ) -> Result<(), CommandError> {
        let pending = self.refer.pending.pop_front().ok_or(CommandError::WrongState)?;
        core.answer(now, pending.transaction, status, &[]);
        Ok(())
    }

    /// `Command::NotifyRefer`.
    pub(crate) fn notify_refer(
        &mut self,
        (now, core): (Instant, &mut Core),
        status: StatusCode,
        last: bool,
    ) -> Result<(), CommandError> {
        if !matches!(self.phase, Phase::Up) || self.refer.watched.is_none() {
            return Err(CommandError::WrongState);
        }
        self.notify((now, core), status, last);
        Ok(())
    }

    fn notify(&mut self, (now, core): (Instant, &mut Core), status: StatusCode, last: bool) {
        let Some(watched) = &self.refer.watched else { return };
        let event = match watched.id {
            Some(id) => format!("refer;id={id}"),
            None => "refer".to_owned(),
        };
        let Some((key, mut writer)) = self.request_in_dialog(core, &Method::Notify) else { return };
        writer.line("Event", event.as_bytes());
        if last {
            // RFC 3515 §2.4.7.
            writer.line("Subscription-State", b"terminated;reason=noresource");
            self.refer.watched = None;
        } else {
            writer.display("Subscription-State", &format_args!("active;expires={SUBSCRIPTION_SECONDS}"));
        }
        if let Some(dialog) = self.dialogs.last() {
            let user = std::str::from_utf8(&self.contact_user).unwrap_or_default();
            writer.line("Contact", &core.contact(user, &dialog.destination()));
        }
        let body = format!("SIP/2.0 {status} {}\r\n", status.reason());
        let request = writer.body(b"message/sipfrag;version=2.0", body.as_bytes());
        self.send((now, core), key, (Method::Notify, Purpose::Notify), request);
    }

    /// `Command::Refer`.
    pub(crate) fn send_refer(
        &mut self,
        (now, core): (Instant, &mut Core),
        refer_to: Uri,
        (replaces, referred_by): (Option<Replaces>, Option<Bytes>),
    ) -> Result<(), CommandError> {
        if !matches!(self.phase, Phase::Up) {
            return Err(CommandError::WrongState);
        }
        let uri = match replaces {
            Some(replaces) => refer_to.with_header("Replaces", &replaces.to_string()),
            None => refer_to,
        };
        let (key, mut writer) = self.request_in_dialog(core, &Method::Refer).ok_or(CommandError::WrongState)?;
        writer.display("Refer-To", &format_args!("<{uri}>"));
        if let Some(value) = referred_by {
            writer.line("Referred-By", &value);
        }
        if let Some(dialog) = self.dialogs.last() {
            self.capabilities(core, &mut writer, &dialog.destination());
        }
        self.refer.asked = true;
        self.send((now, core), key, (Method::Refer, Purpose::Refer), writer.empty());
        Ok(())
    }

    /// The answer to our REFER.
    pub(super) fn on_refer_response(&mut self, core: &mut Core, status: u16) {
        let accepted = (200..300).contains(&status);
        self.refer.asked &= accepted;
        let status = if accepted { 100 } else { status };
        core.io.event(Event::ReferProgress { session: self.id, status, last: !accepted });
    }

    /// A NOTIFY of the peer: how our transfer goes on.
    pub(super) fn on_notify(&mut self, (now, core): (Instant, &mut Core), key: server::Key, request: &Request) {
        let event = request.headers.get_str(&HeaderName::Event).unwrap_or_default();
        let package = event.split(';').next().unwrap_or_default().trim();
        if !package.eq_ignore_ascii_case("refer") {
            return core.answer(now, key, StatusCode::BAD_EVENT, &[]);
        }
        if !self.refer.asked {
            // RFC 3515 §2.4.4, RFC 6665: no such subscription.
            return core.answer(now, key, StatusCode::CALL_DOES_NOT_EXIST, &[]);
        }
        let state = request.headers.get_str(&HeaderName::SubscriptionState).unwrap_or_default();
        let terminated = state.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("terminated");
        let status = sipfrag_status(&request.body);
        if status.is_none() && !terminated {
            return core.answer(now, key, StatusCode::BAD_REQUEST, &[]);
        }
        core.answer(now, key, StatusCode::OK, &[]);
        let last = terminated || status.is_some_and(|status| status >= 200);
        self.refer.asked = !last;
        core.io.event(Event::ReferProgress { session: self.id, status: status.unwrap_or(500), last });
    }
}

/// The status of a `message/sipfrag` body that is a status line (RFC 3515 §2.4.5).
fn sipfrag_status(body: &[u8]) -> Option<u16> {
    let digits = body.strip_prefix(b"SIP/2.0 ")?.get(..3)?;
    let status = std::str::from_utf8(digits).ok()?.parse().ok()?;
    StatusCode::new(status).map(StatusCode::code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines_of_sipfrag() {
        assert_eq!(sipfrag_status(b"SIP/2.0 200 OK\r\n"), Some(200));
        assert_eq!(sipfrag_status(b"SIP/2.0 100 Trying"), Some(100));
        for bad in [&b""[..], b"SIP/2.0", b"SIP/2.0 9", b"SIP/2.0 999 x", b"SIP/2.0 +20 x", b"INVITE sip:a"] {
            assert_eq!(sipfrag_status(bad), None, "{bad:?}");
        }
    }
}
