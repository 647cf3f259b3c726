//! Sessions we begin: INVITE, forks, CANCEL, ACK (RFC 3261 §13.2, §9.1).

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::reoffer::Exchange;
use super::{Phase, Purpose, Session, Timer, reason, refresh, tagged};
use crate::dialog::Dialog;
use crate::endpoint::core::Core;
use crate::endpoint::write::{self, Writer};
use crate::endpoint::{EndReason, Event, Flow, Originate, Reason, Reliability};
use crate::message::{HeaderName, Method, Response, Uri};
use crate::transaction::client;

/// What only the time before the final response needs.
#[derive(Debug)]
pub(crate) struct Calling {
    /// The running INVITE.
    key: client::Key,
    /// The number of the running INVITE.
    cseq: u32,
    /// Our From with tag.
    local: Bytes,
    /// What was asked, the remote target until a Contact says otherwise.
    uri: Uri,
    /// Without an offer the ACK brings the answer.
    offerless: bool,
    progress: Progress,
    /// Whether the interval was already raised after a 422 (RFC 4028 §7.3).
    raised: bool,
}

/// How far a call to hang up can be cancelled (§9.1).
#[derive(Debug, PartialEq, Eq)]
enum Progress {
    /// No response yet: CANCEL must wait.
    Silent,
    /// A provisional response came.
    Heard,
    /// To be cancelled as soon as a provisional response comes.
    CancelWaits(Option<Reason>),
    /// CANCEL was sent.
    Cancelled,
}

impl Session {
    /// Sends the INVITE of a new session.
    pub(crate) fn originate((now, core): (Instant, &mut Core), originate: Originate) -> Self {
        let id = originate.session;
        let tag = core.tag(id);
        let key = core.client_key();
        let local = tagged(&originate.from.to_bytes(), tag);
        let request = invite(core, key, &local, &originate);
        let calling = Calling {
            key,
            cseq: 1,
            local,
            uri: originate.uri,
            offerless: originate.body.is_none(),
            progress: Progress::Silent,
            raised: false,
        };
        let contact_user = Bytes::from(originate.contact_user);
        let mut session = Self::new(id, tag, true, contact_user, Phase::Calling(Box::new(calling)));
        session.sdp = originate.body.unwrap_or_default();
        session.credentials = originate.credentials;
        let wish = originate.session_expires;
        session.refresh = wish.map(|wish| refresh::Refresh::alone(wish, &core.config.timings));
        session.set_timer(core, Timer::Ringing, now + core.config.timings.ringing);
        let user = client::User::Session(id, Purpose::Invite);
        core.send(now, key, (Method::Invite, user), (originate.destination, request));
        session
    }

    /// A response to the INVITE that made the session.
    pub(super) fn on_invite_response(
        &mut self,
        (now, core): (Instant, &mut Core),
        key: client::Key,
        (response, flow): (&Arc<Response>, Flow),
    ) {
        let Phase::Calling(calling) = &mut self.phase else {
            // §13.2.2.4: a 2xx of another fork after the first.
            let to = response.headers.to();
            let tag = to.as_ref().and_then(|to| to.tag()).unwrap_or_default();
            // A copy of the first while its ACK waits for the switch's answer is no fork.
            let ours = self.dialogs.iter().any(|dialog| dialog.remote_tag == tag.as_bytes());
            if response.status.is_success() && !ours {
                refuse_fork((now, core), key, (response, flow));
            }
            return;
        };
        let status = response.status.code();
        match status {
            ..200 => {
                if calling.progress == Progress::Silent {
                    calling.progress = Progress::Heard;
                }
                self.on_provisional((now, core), (response, flow));
            }
            200..300 => self.on_success((now, core), key, (response, flow)),
            422 if self.raise_interval((now, core), key, response) => {}
            _ => {
                core.io.event(Event::Rejected { session: self.id, status, response: Some(response.clone()) });
                self.forget(core);
            }
        }
    }

    /// No response at all, or the INVITE could not be sent.
    pub(super) fn on_invite_failure(&mut self, (_, core): (Instant, &mut Core), status: u16) {
        if matches!(self.phase, Phase::Calling(_)) {
            core.io.event(Event::Rejected { session: self.id, status, response: None });
            self.forget(core);
        }
    }

    fn on_provisional(&mut self, (now, core): (Instant, &mut Core), (response, flow): (&Arc<Response>, Flow)) {
        let Phase::Calling(calling) = &mut self.phase else { return };
        if let Progress::CancelWaits(reason) = &mut calling.progress {
            // §9.1: now the peer knows the INVITE.
            let reason = reason.take();
            calling.progress = Progress::Heard;
            return self.cancel((now, core), reason);
        }
        let status = response.status.code();
        if status == 100 || calling.progress == Progress::Cancelled {
            return;
        }
        let fresh = match self.early_dialog(core, (response, flow)) {
            Some(index) => self.acknowledge_reliable((now, core), index, response),
            // Without a tag there is no dialog, and over the bound of forks none is made: plain news.
            None => true,
        };
        if !fresh {
            return;
        }
        self.learn(&response.headers);
        let body = response.body.clone();
        core.io.event(Event::Progress { session: self.id, status, body, response: response.clone() });
    }

    /// The early dialog a provisional response belongs to, made when it is new and moved to the end.
    fn early_dialog(&mut self, core: &Core, (response, flow): (&Response, Flow)) -> Option<usize> {
        let Phase::Calling(calling) = &self.phase else { return None };
        let to = response.headers.to()?;
        let tag = to.tag()?;
        if let Some(index) = self.dialogs.iter().position(|dialog| dialog.remote_tag == tag.as_bytes()) {
            if response.headers.contains(&HeaderName::Contact) {
                self.dialogs[index].refresh(response.headers.contact(), flow);
            }
            let last = self.dialogs.len() - 1;
            self.dialogs.swap(index, last);
            return Some(last);
        }
        if self.dialogs.len() >= core.config.limits.early_dialogs {
            return None;
        }
        let dialog = Dialog::uac(response, (calling.local.clone(), calling.cseq), (&calling.uri, flow)).ok()?;
        self.dialogs.push(dialog);
        Some(self.dialogs.len() - 1)
    }

    /// RFC 3262 §4: PRACK for a reliable response that is the next in order; false for one seen before or out of order.
    fn acknowledge_reliable(&mut self, (now, core): (Instant, &mut Core), index: usize, response: &Response) -> bool {
        let required = response.headers.has_token(&HeaderName::Require, "100rel");
        let Some(rseq) = response.headers.rseq().filter(|_| required) else { return true };
        let Some(cseq) = response.headers.cseq() else { return false };
        let dialog = &mut self.dialogs[index];
        if dialog.rseq.is_some_and(|last| rseq != last.wrapping_add(1)) {
            return false;
        }
        dialog.rseq = Some(rseq);
        let Some((key, mut writer)) = self.request_in_dialog(core, &Method::Prack) else { return true };
        writer.display("RAck", &format_args!("{rseq} {} INVITE", cseq.number));
        self.send((now, core), key, (Method::Prack, Purpose::Prack), writer.empty());
        true
    }

    fn on_success(
        &mut self,
        (now, core): (Instant, &mut Core),
        key: client::Key,
        (response, flow): (&Arc<Response>, Flow),
    ) {
        let Phase::Calling(calling) = &self.phase else { return };
        let to = response.headers.to();
        let tag = to.as_ref().and_then(|to| to.tag()).unwrap_or_default().as_bytes();
        let known = self.dialogs.iter().position(|dialog| dialog.remote_tag == tag);
        let made = match known {
            Some(index) => {
                let mut dialog = self.dialogs.swap_remove(index);
                // §13.2.2.4: the route set of the 2xx replaces that of the provisional response.
                dialog.confirm(response, flow);
                Ok(dialog)
            }
            None => Dialog::uac(response, (calling.local.clone(), calling.cseq), (&calling.uri, flow)),
        };
        let Ok(dialog) = made else {
            // Not even an ACK can be addressed: the peer's 2xx runs into its time-out.
            core.io.event(Event::Rejected { session: self.id, status: 502, response: Some(response.clone()) });
            return self.forget(core);
        };
        let (cseq, offerless) = (calling.cseq, calling.offerless);
        let unwanted = matches!(calling.progress, Progress::CancelWaits(_) | Progress::Cancelled);
        self.dialogs.clear();
        self.dialogs.push(dialog);
        self.phase = Phase::Up;
        self.clear_timers(core);
        self.learn(&response.headers);
        if unwanted {
            // The 200 crossed our CANCEL (§9.1): acknowledge it and say BYE.
            self.acknowledge(core, (key, cseq), &[]);
            return self.leave((now, core), None, EndReason::HungUp);
        }
        self.drop_early_exchange(core);
        if offerless {
            self.exchange = Exchange::Acknowledge { key, cseq };
        } else {
            self.acknowledge(core, (key, cseq), &[]);
        }
        self.refresh = refresh::Refresh::agreed_as_uac(response, &core.config.timings, self.refresh);
        self.arm_refresh((now, core));
        core.io.event(Event::Answered { session: self.id, body: response.body.clone(), response: response.clone() });
        self.run_queued_offer((now, core));
    }

    /// Sends the ACK of a 2xx and leaves it with the transaction, which repeats it for every copy (§13.2.2.4).
    pub(super) fn acknowledge(&mut self, core: &mut Core, (key, cseq): (client::Key, u32), body: &[u8]) {
        let branch = core.client_key().branch;
        let Some(dialog) = self.dialogs.last() else { return };
        let destination = dialog.destination();
        let sent_by = core.sent_by(&destination);
        let mut writer = dialog.request(&Method::Ack, cseq, (&sent_by, branch));
        if let Some(transaction) = core.client.get(key) {
            // §13.2.2.4: the same credentials as the INVITE.
            writer.copy(transaction.request(), &["Authorization", "Proxy-Authorization"]);
        }
        let tag = dialog.remote_tag.clone();
        core.client.acknowledge(&mut core.io, key, tag, destination, writer.sdp(body));
    }

    /// Cancels the INVITE, now or as soon as the peer is known to have it (§9.1).
    pub(super) fn cancel(&mut self, (now, core): (Instant, &mut Core), reason: Option<Reason>) {
        let Phase::Calling(calling) = &mut self.phase else { return };
        match calling.progress {
            Progress::Silent => calling.progress = Progress::CancelWaits(reason),
            Progress::CancelWaits(_) | Progress::Cancelled => {}
            Progress::Heard => {
                calling.progress = Progress::Cancelled;
                let Some(transaction) = core.client.get(calling.key) else { return };
                let value = reason.as_ref().map(reason::value);
                let extra: Vec<(&str, &[u8])> = value.iter().map(|value| ("Reason", &value[..])).collect();
                let request = write::derived(transaction.request(), &Method::Cancel, None, &extra);
                let destination = transaction.destination();
                let key = client::Key { cancel: true, ..calling.key };
                core.send(now, key, (Method::Cancel, client::User::Nobody), (destination, request));
                self.cancel_timer(core, Timer::Ringing);
                self.set_timer(core, Timer::Cancel, now + core.config.timings.t1 * 64);
            }
        }
    }

    /// Whether the call is to be given up as soon as its INVITE is answered.
    pub(super) fn is_cancelling(&self) -> bool {
        let Phase::Calling(calling) = &self.phase else { return false };
        matches!(calling.progress, Progress::CancelWaits(_) | Progress::Cancelled)
    }

    /// §9.1: no final response within 64*T1 of the CANCEL: the INVITE counts as cancelled.
    pub(super) fn cancel_unanswered(&mut self, core: &mut Core) {
        if let Phase::Calling(calling) = &self.phase {
            core.client.abandon(&mut core.io, calling.key);
            core.io.event(Event::Rejected { session: self.id, status: 487, response: None });
            self.forget(core);
        }
    }

    /// A call that rings for ever is ended from here (§16.8 does the same with timer C).
    pub(super) fn rang_too_long(&mut self, (now, core): (Instant, &mut Core)) {
        match &self.phase {
            Phase::Calling(calling) if calling.progress == Progress::Heard => self.cancel((now, core), None),
            Phase::Calling(_) => {
                // Timer B is shorter: only a CANCEL that waits for a provisional response gets here.
            }
            Phase::Ringing(_) => self.nobody_answered((now, core)),
            Phase::Up | Phase::Leaving(_) | Phase::Over => {}
        }
    }

    /// RFC 4028 §7.3: after a 422 the INVITE is sent again with the interval the peer wants, once.
    fn raise_interval(&mut self, (now, core): (Instant, &mut Core), key: client::Key, response: &Response) -> bool {
        let Phase::Calling(calling) = &mut self.phase else { return false };
        let Some(min_se) = response.headers.min_se().filter(|_| !calling.raised) else { return false };
        calling.raised = true;
        if let Some(refresh) = &mut self.refresh {
            refresh.raise(min_se);
        }
        let value = min_se.to_string();
        let value = value.as_bytes();
        self.resend(
            (now, core),
            (key, Method::Invite),
            Purpose::Invite,
            &[("Session-Expires", value), ("Min-SE", value)],
        )
    }

    /// Sends a refused request again with a new branch, the next CSeq and other header lines (§8.1.3.5).
    pub(super) fn resend(
        &mut self,
        (now, core): (Instant, &mut Core),
        (key, method): (client::Key, Method),
        purpose: Purpose,
        lines: &[(&str, &[u8])],
    ) -> bool {
        let Some(transaction) = core.client.get(key) else { return false };
        let destination = transaction.destination();
        let request = transaction.request().clone();
        let fresh = core.client_key();
        let cseq = match &mut self.phase {
            Phase::Calling(calling) if purpose == Purpose::Invite => {
                // A refusal ends the early dialogs of its INVITE (§12.3).
                self.dialogs.clear();
                calling.cseq += 1;
                calling.key = fresh;
                if calling.progress == Progress::Heard {
                    calling.progress = Progress::Silent;
                }
                calling.cseq
            }
            _ => match self.dialog() {
                Some(dialog) => dialog.next_cseq(),
                None => return false,
            },
        };
        let bytes = write::again(&request, (fresh.branch, cseq), lines);
        let user = client::User::Session(self.id, purpose);
        core.send(now, fresh, (method, user), (destination, bytes));
        self.exchange.moved(key, fresh, cseq);
        true
    }

    /// `Command::Acknowledge`: the answer to the offer of a 2xx.
    pub(crate) fn send_answer(&mut self, (now, core): (Instant, &mut Core), body: Bytes) -> bool {
        let Exchange::Acknowledge { key, cseq } = self.exchange else { return false };
        self.exchange = Exchange::Idle;
        self.acknowledge(core, (key, cseq), &body);
        self.sdp = body;
        self.run_queued_offer((now, core));
        true
    }
}

/// A 2xx nobody waits for: of a fork after the first, or of a session that is gone. It is acknowledged and ended with
/// BYE (§13.2.2.4).
pub(crate) fn refuse_fork((now, core): (Instant, &mut Core), key: client::Key, (response, flow): (&Response, Flow)) {
    if core.client.acknowledged(key) > core.config.limits.early_dialogs {
        return;
    }
    let Some(cseq) = response.headers.cseq() else { return };
    let Some(from) = response.headers.get(&HeaderName::From) else { return };
    let Some(asked) = response.headers.to().map(|to| to.into_uri()) else { return };
    let Ok(mut dialog) = Dialog::uac(response, (from.clone(), cseq.number), (&asked, flow)) else { return };
    let destination = dialog.destination();
    let sent_by = core.sent_by(&destination);
    let branch = core.client_key().branch;
    let ack = dialog.request(&Method::Ack, cseq.number, (&sent_by, branch)).empty();
    core.client.acknowledge(&mut core.io, key, dialog.remote_tag.clone(), destination, ack);
    let bye_key = core.client_key();
    let bye_cseq = dialog.next_cseq();
    let bye = dialog.request(&Method::Bye, bye_cseq, (&sent_by, bye_key.branch)).empty();
    core.send(now, bye_key, (Method::Bye, client::User::Nobody), (destination, bye));
}

fn invite(core: &mut Core, key: client::Key, local: &[u8], originate: &Originate) -> Bytes {
    let destination = &originate.destination;
    let mut writer = Writer::request(&Method::Invite, &originate.uri);
    writer.via(destination.transport(), &core.sent_by(destination), key.branch);
    writer.display("Max-Forwards", &originate.max_forwards);
    for route in &originate.routes {
        writer.line("Route", route);
    }
    writer.line("From", local);
    writer.line("To", &originate.to.to_bytes());
    writer.line("Call-ID", &core.call_id());
    writer.line("CSeq", b"1 INVITE");
    writer.line("Contact", &core.contact(&originate.contact_user, destination));
    writer.line("Allow", crate::endpoint::core::ALLOW);
    // Without an offer of ours a reliable response would bring theirs, which only PRACK could answer.
    let reliable = originate.body.is_some() && originate.reliable != Reliability::Unreliable;
    writer.line("Supported", if reliable { b"timer, replaces, 100rel" } else { b"timer, replaces" });
    if reliable && originate.reliable == Reliability::Required {
        writer.line("Require", b"100rel");
    }
    if let Some(interval) = originate.session_expires {
        writer.display("Session-Expires", &interval.max(core.config.timings.min_se).as_secs());
        writer.display("Min-SE", &core.config.timings.min_se.as_secs());
    }
    core.product(&mut writer, "User-Agent");
    writer.lines(&originate.headers);
    writer.sdp(originate.body.as_deref().unwrap_or_default())
}

/// Whether `Originate` may be sent: every value that becomes a line is clean.
pub(crate) fn is_clean(originate: &Originate) -> bool {
    originate.headers.iter().all(|(_, value)| write::is_clean(value))
        && originate.routes.iter().all(|value| write::is_clean(value))
        && write::is_clean(originate.contact_user.as_bytes())
        && !originate.contact_user.contains(['<', '>', '@', ' ', '"'])
}
