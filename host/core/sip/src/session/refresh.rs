//! Session timers (RFC 4028).

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::reoffer::Exchange;
use super::{Phase, Purpose, Session, Timer};
use crate::endpoint::core::Core;
use crate::endpoint::write::Writer;
use crate::endpoint::{Flow, Timings};
use crate::message::{CSeq, Method, Refresher, Request, Response, StatusCode};
use crate::transaction::{client, server};

/// The session timer both sides agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refresh {
    seconds: u32,
    /// Whether we are the one to refresh.
    ours: bool,
    /// Whether the peer knows the extension, so that it can be required (§9).
    peer: bool,
}

impl Refresh {
    /// A timer that we keep by ourselves, whatever the peer knows of it: a peer that is gone answers no refresh.
    pub(super) fn alone(interval: Duration, timings: &Timings) -> Self {
        Self { seconds: seconds(interval.max(timings.min_se)), ours: true, peer: false }
    }

    /// What a 2xx to our request agreed on (§7.2). Without the header the peer will not refresh; what we asked for, if
    /// anything, we then do alone (§4 calls that half of the benefit).
    pub(super) fn agreed_as_uac(response: &Response, timings: &Timings, asked: Option<Self>) -> Option<Self> {
        let Some(Ok(agreed)) = response.headers.session_expires() else {
            return asked.map(|asked| Self { ours: true, peer: false, ..asked });
        };
        // §7.2: a 2xx names the refresher; who does not, leaves it to us. §9: it may not go below our Min-SE, or a peer
        // could make us refresh without pause.
        Some(Self {
            seconds: agreed.seconds.max(seconds(timings.min_se)),
            ours: agreed.refresher != Some(Refresher::Uas),
            peer: true,
        })
    }

    /// What we agree to in our 2xx to a request (§9, table 2): what the caller or a proxy asks for, else what was in force or
    /// what we want, with us as the one who refreshes.
    pub(super) fn asked_of_uas(request: &Request, timings: &Timings, peer: bool, own: Option<Self>) -> Option<Self> {
        let Some(Ok(asked)) = request.headers.session_expires() else {
            let own = own.or_else(|| timings.session_wish.map(|wish| Self::alone(wish, timings)));
            return own.map(|own| Self { ours: true, peer, ..own });
        };
        let least = request.headers.min_se().unwrap_or(0).max(seconds(timings.min_se));
        let seconds = asked.seconds.min(seconds(timings.session_expires)).max(least);
        let ours = match asked.refresher {
            // Table 2: a peer without the extension cannot refresh.
            _ if !peer => true,
            Some(Refresher::Uas) => true,
            Some(Refresher::Uac) | None => false,
        };
        Some(Self { seconds, ours, peer })
    }

    /// The peer wants a longer interval (§7.3, §7.4).
    pub(super) fn raise(&mut self, min_se: u32) {
        self.seconds = self.seconds.max(min_se);
    }

    /// Session-Expires of a 2xx of ours (§9).
    pub(super) fn write_as_uas(&self, writer: &mut Writer) {
        let refresher = if self.ours { "uas" } else { "uac" };
        if self.peer && !self.ours {
            writer.line("Require", b"timer");
        }
        writer.display("Session-Expires", &format_args!("{};refresher={refresher}", self.seconds));
    }

    /// Session-Expires of a re-INVITE or UPDATE of ours (§7.4): the roles stay.
    pub(super) fn write_as_uac(&self, writer: &mut Writer, timings: &Timings) {
        let refresher = if self.ours { "uac" } else { "uas" };
        writer.display("Session-Expires", &format_args!("{};refresher={refresher}", self.seconds));
        writer.display("Min-SE", &seconds(timings.min_se));
    }
}

/// The Min-SE to refuse a request with 422 with, when its interval is too small (§9).
pub(crate) fn too_small(request: &Request, timings: &Timings) -> Option<String> {
    let asked = request.headers.session_expires()?.ok()?;
    let least = seconds(timings.min_se);
    // §9: only a caller that knows the extension can be told; without it the interval is raised in the 2xx.
    let peer = request.headers.has_token(&crate::message::HeaderName::Supported, "timer");
    (asked.seconds < least && peer).then(|| least.to_string())
}

fn seconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

impl Session {
    /// Starts the session timer again (§10): refresh at half the interval, BYE a little before its end.
    pub(super) fn arm_refresh(&mut self, (now, core): (Instant, &mut Core)) {
        self.cancel_timer(core, Timer::Refresh);
        self.cancel_timer(core, Timer::Expiry);
        let Some(refresh) = self.refresh.filter(|_| matches!(self.phase, Phase::Up)) else { return };
        let interval = Duration::from_secs(u64::from(refresh.seconds));
        if refresh.ours {
            self.set_timer(core, Timer::Refresh, now + interval / 2);
        }
        // §10: min(32 s, a third) before the session expires.
        self.set_timer(core, Timer::Expiry, now + interval - Duration::from_secs(32).min(interval / 3));
    }

    /// Half of the interval is over and we refresh (§7.4): by UPDATE when the peer has it, else by re-INVITE with the
    /// SDP that is in force.
    pub(super) fn refresh_now(&mut self, (now, core): (Instant, &mut Core)) {
        if !self.exchange.is_idle() || self.answer.is_some() {
            // An offer is on its way, and its 2xx refreshes as well; look again when it must be over.
            return self.set_timer(core, Timer::Refresh, now + core.config.timings.t1 * 8);
        }
        if self.peer.update {
            self.send_refresh_like((now, core), &Method::Update, Purpose::Refresh, None);
            return;
        }
        let sdp = self.sdp.clone();
        let body = (!sdp.is_empty()).then_some(&sdp);
        if body.is_some()
            && let Some((key, _)) = self.send_refresh_like((now, core), &Method::Invite, Purpose::Refresh, body)
        {
            self.exchange = Exchange::Refreshing { key };
        }
    }

    /// The answer to our refresh.
    pub(super) fn on_refresh_response(
        &mut self,
        (now, core): (Instant, &mut Core),
        key: client::Key,
        (response, flow): (&Arc<Response>, Flow),
    ) {
        if response.status.is_provisional() {
            return core.client.limit_patience(&mut core.io, key, now + core.config.timings.ringing);
        }
        let Some(cseq) = response.headers.cseq() else { return };
        self.take_refresh((now, core), (key, cseq), (response, flow));
        self.refresh_over((now, core), key);
    }

    /// The refresh has its final answer, or never will: another offer may follow.
    pub(super) fn refresh_over(&mut self, (now, core): (Instant, &mut Core), key: client::Key) {
        if matches!(self.exchange, Exchange::Refreshing { key: ours } if ours == key) {
            self.exchange = Exchange::Idle;
            self.run_queued_offer((now, core));
        }
    }

    fn take_refresh(
        &mut self,
        (now, core): (Instant, &mut Core),
        (key, cseq): (client::Key, CSeq),
        (response, flow): (&Response, Flow),
    ) {
        if response.status.code() == 422 {
            if let (Some(refresh), Some(min_se)) = (&mut self.refresh, response.headers.min_se()) {
                // §7.4: once more with the interval the peer wants; the expiry in force still bounds the tries.
                refresh.raise(min_se);
                self.set_timer(core, Timer::Refresh, now + core.config.timings.t1);
            }
            return;
        }
        if response.status.code() == 491 {
            let wait = core.tens_of_ms(if self.owner { 210..=400 } else { 0..=200 });
            return self.set_timer(core, Timer::Refresh, now + wait);
        }
        if !response.status.is_success() {
            return;
        }
        if let Some(dialog) = self.dialog() {
            dialog.refresh(response.headers.contact(), flow);
        }
        if cseq.method == Method::Invite {
            self.acknowledge(core, (key, cseq.number), &[]);
        }
        self.refreshed_as_uac((now, core), response);
    }

    /// A 2xx to a re-INVITE or UPDATE of ours agrees on the timer anew (§7.4).
    pub(super) fn refreshed_as_uac(&mut self, (now, core): (Instant, &mut Core), response: &Response) {
        self.refresh = Refresh::agreed_as_uac(response, &core.config.timings, self.refresh);
        self.arm_refresh((now, core));
    }

    /// A re-INVITE or UPDATE of the peer asks for the timer anew (§9).
    pub(super) fn refreshed_as_uas(&mut self, request: &Request, timings: &Timings) {
        self.learn(&request.headers);
        self.refresh = Refresh::asked_of_uas(request, timings, self.peer.timer, self.refresh);
    }

    /// An UPDATE without offer.
    pub(super) fn on_refresh_request(
        &mut self,
        (now, core): (Instant, &mut Core),
        key: server::Key,
        (request, flow): (&Arc<Request>, Flow),
    ) {
        if let Some(min_se) = too_small(request, &core.config.timings) {
            return core.answer(now, key, StatusCode::SESSION_INTERVAL_TOO_SMALL, &[("Min-SE", min_se.as_bytes())]);
        }
        self.retarget(request, flow);
        if matches!(self.phase, Phase::Up) {
            self.refreshed_as_uas(request, &core.config.timings);
        }
        let Some(mut writer) = core.server.response(key, StatusCode::OK, None) else { return };
        if let Some(dialog) = self.dialogs.last() {
            self.capabilities(core, &mut writer, &dialog.destination());
        }
        if let Some(refresh) = &self.refresh {
            refresh.write_as_uas(&mut writer);
        }
        let bytes = writer.empty();
        core.server.respond(now, &mut core.io, key, StatusCode::OK, bytes);
        self.arm_refresh((now, core));
    }
}
