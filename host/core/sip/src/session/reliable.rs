//! Reliable provisional responses of the answering side (RFC 3262).

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;
use rand::RngExt;
use rand::rngs::StdRng;

use super::{Phase, Session, Timer};
use crate::endpoint::core::Core;
use crate::endpoint::{CommandError, EndReason, Event, ExtraHeaders, Reliability};
use crate::message::{HeaderName, Request, StatusCode};
use crate::transaction::server;

/// A provisional response that waits for its turn.
#[derive(Debug)]
pub(crate) struct News {
    pub(crate) status: StatusCode,
    pub(crate) body: Bytes,
    pub(crate) headers: ExtraHeaders,
}

/// The reliable provisional responses of one INVITE.
#[derive(Debug)]
pub(crate) struct Sender {
    required: bool,
    supported: bool,
    cseq: u32,
    rseq: u32,
    unacknowledged: Option<Unacknowledged>,
    /// Whether SDP of ours was acknowledged, so that UPDATE may bring a new offer.
    pub(super) settled: bool,
    queue: VecDeque<News>,
}

#[derive(Debug)]
struct Unacknowledged {
    rseq: u32,
    bytes: Bytes,
    status: StatusCode,
    interval: Duration,
    sdp: bool,
}

impl Sender {
    pub(super) fn new(request: &Request, random: &mut StdRng) -> Self {
        let required = request.headers.has_token(&HeaderName::Require, "100rel");
        Self {
            required,
            supported: required || request.headers.has_token(&HeaderName::Supported, "100rel"),
            cseq: request.headers.cseq().map_or(0, |cseq| cseq.number),
            // RFC 3262 §3: the first RSeq is between 1 and 2^31 - 1.
            rseq: random.random_range(1..1 << 30),
            unacknowledged: None,
            settled: false,
            queue: VecDeque::new(),
        }
    }

    /// RFC 3262 §3: reliable when the caller requires it, or when both can and we want it.
    pub(super) fn must_be_reliable(&self, wish: Reliability) -> Result<bool, CommandError> {
        match wish {
            Reliability::Unreliable => Ok(self.required),
            Reliability::Preferred => Ok(self.supported),
            Reliability::Required if self.supported => Ok(true),
            Reliability::Required => Err(CommandError::Unsupported),
        }
    }

    pub(super) fn queue(&mut self, news: News, bound: usize) -> Result<(), CommandError> {
        if self.queue.len() >= bound {
            return Err(CommandError::Limit);
        }
        self.queue.push_back(news);
        Ok(())
    }

    /// Whether SDP in a reliable response still waits for its PRACK (RFC 3262 §5).
    pub(super) fn holds_sdp(&self) -> bool {
        self.unacknowledged.as_ref().is_some_and(|waiting| waiting.sdp)
            || self.queue.iter().any(|news| !news.body.is_empty())
    }
}

impl Session {
    /// Sends the next queued reliable response when none waits for its PRACK (RFC 3262 §3).
    pub(super) fn send_reliable(&mut self, (now, core): (Instant, &mut Core)) {
        let Phase::Ringing(ringing) = &mut self.phase else { return };
        if ringing.reliable.unacknowledged.is_some() {
            return;
        }
        let Some(news) = ringing.reliable.queue.pop_front() else { return };
        let (rseq, transaction) = (ringing.reliable.rseq, ringing.transaction);
        ringing.reliable.rseq += 1;
        let Some(mut writer) = self.provisional(core, &news) else { return };
        writer.line("Require", b"100rel");
        writer.display("RSeq", &rseq);
        self.remember_sdp(&news.body);
        let bytes = writer.sdp(&news.body);
        core.server.respond(now, &mut core.io, transaction, news.status, bytes.clone());
        let interval = core.config.timings.t1;
        if let Phase::Ringing(ringing) = &mut self.phase {
            let (status, sdp) = (news.status, !news.body.is_empty());
            ringing.reliable.unacknowledged = Some(Unacknowledged { rseq, bytes, status, interval, sdp });
        }
        self.set_timer(core, Timer::Reliable, now + interval);
        self.set_timer(core, Timer::ReliableEnd, now + core.config.timings.t1 * 64);
    }

    /// RFC 3262 §3: sent again with doubled intervals, over every transport.
    pub(super) fn repeat_reliable(&mut self, (now, core): (Instant, &mut Core)) {
        let Phase::Ringing(ringing) = &mut self.phase else { return };
        let transaction = ringing.transaction;
        let Some(waiting) = &mut ringing.reliable.unacknowledged else { return };
        waiting.interval *= 2;
        let at = now + waiting.interval;
        core.server.respond(now, &mut core.io, transaction, waiting.status, waiting.bytes.clone());
        self.set_timer(core, Timer::Reliable, at);
    }

    /// RFC 3262 §3: no PRACK within 64*T1: the INVITE is refused with a 5xx.
    pub(super) fn never_pracked(&mut self, (now, core): (Instant, &mut Core)) {
        if matches!(self.phase, Phase::Ringing(_)) {
            self.give_up((now, core), StatusCode::SERVER_TIMEOUT, EndReason::Timeout);
        }
    }

    /// A PRACK: answers it, and sends what waited for it.
    pub(super) fn on_prack(&mut self, (now, core): (Instant, &mut Core), key: server::Key, request: &Request) {
        let Some(Ok(rack)) = request.headers.rack() else {
            return core.answer(now, key, StatusCode::BAD_REQUEST, &[]);
        };
        let Phase::Ringing(ringing) = &mut self.phase else {
            return core.answer(now, key, StatusCode::CALL_DOES_NOT_EXIST, &[]);
        };
        let sender = &mut ringing.reliable;
        let invite = rack.cseq.number == sender.cseq && rack.cseq.method == crate::message::Method::Invite;
        let offered = ringing.request.body.is_empty();
        let matching = sender.unacknowledged.take_if(|waiting| invite && waiting.rseq == rack.rseq);
        let Some(acknowledged) = matching else {
            // RFC 3262 §3: 481 when nothing waits for it.
            return core.answer(now, key, StatusCode::CALL_DOES_NOT_EXIST, &[]);
        };
        sender.settled |= acknowledged.sdp;
        self.cancel_timer(core, Timer::Reliable);
        self.cancel_timer(core, Timer::ReliableEnd);
        if !request.body.is_empty() && acknowledged.sdp && offered {
            // RFC 3262 §5: our offer was in the provisional response, the answer is here.
            core.io.event(Event::ReofferConfirmed { session: self.id, body: request.body.clone() });
            core.answer(now, key, StatusCode::OK, &[]);
        } else if !request.body.is_empty() {
            self.offered_by_prack((now, core), key, request);
        } else {
            core.answer(now, key, StatusCode::OK, &[]);
        }
        self.send_reliable((now, core));
        let Phase::Ringing(ringing) = &mut self.phase else { return };
        if !ringing.reliable.holds_sdp()
            && let Some((body, headers)) = ringing.waiting.take()
        {
            self.send_success((now, core), body, &headers);
        }
    }
}
