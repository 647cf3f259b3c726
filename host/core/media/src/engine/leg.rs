//! One leg: what arrives from its peer and what is sent to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use codec::tone::{Generator, Tone};
use codec::{Codec, Encoder, SampleRate};

use super::outgoing::{self, Outgoing};
use super::player::Player;
use super::queue::Queue;
use super::random::Random;
use super::recorder::Recorder;
use super::transcoder::Transcoder;
use super::{Channel, Event, Events, LegKey, LegOptions, RecordEnd, RecordOptions, Source, Statistics};
use crate::dtmf::{self, Digit, Step};
use crate::latch::{Latch, Verdict};
use crate::negotiation::StreamParams;
use crate::rtcp::{self, Item, Report, SenderInfo};
use crate::rtp::{Header, Packet};
use crate::statistics::Reception;

/// A leg of the engine.
#[derive(Debug)]
pub(super) struct Leg {
    key: LegKey,
    options: LegOptions,
    session: Option<Session>,
    /// Who hears this leg, and whom it hears.
    pub(super) peer: Option<LegKey>,
    pub(super) is_echo: bool,
    reception: Option<Reception>,
    incoming_rate: Rate,
    /// Since when nothing has been heard of the peer, or since that was told last.
    silent_since: Instant,
    dtmf: dtmf::Receiver,
    recorder: Option<Recorder>,
    transcoder: Option<Transcoder>,
    outgoing: Outgoing,
    digits: dtmf::Sender,
    /// Somebody wants to know when all digits are sent.
    is_awaited: bool,
    /// The digit being sent.
    sending: Option<Sending>,
    player: Option<Player>,
    ring: Option<(Arc<Tone>, Generator)>,
    /// Packets sent to an address that has proved nothing.
    unproven: u32,
    /// The next beat of what is generated or recorded: from the schedule, not from the clock, so that it cannot drift.
    tick: Option<Instant>,
    report_at: Option<Instant>,
    /// The time this leg has in the engine's queue of timers.
    pub(super) scheduled: Option<Instant>,
    cname: String,
    statistics: Statistics,
    frame: Vec<i16>,
    payload: Vec<u8>,
}

/// What was negotiated and what came of it.
#[derive(Debug)]
struct Session {
    stream: StreamParams,
    latch: Latch,
    /// Where RTCP really comes from.
    remote_rtcp: Option<SocketAddr>,
    encoder: Encoder,
}

/// How many packets came in the current second: a peer that floods us shall not flood its partner through us.
#[derive(Debug)]
struct Rate {
    since: Instant,
    packets: u32,
}

impl Rate {
    fn allows(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= Duration::from_secs(1) {
            *self = Self { since: now, packets: 0 };
        }
        self.packets += 1;
        self.packets <= RATE_MAX
    }
}

/// How a digit is being sent.
#[derive(Debug)]
enum Sending {
    /// As an event, all of whose packets have one timestamp.
    Event { timestamp: u32 },
    /// As sound, to a peer that takes no events.
    Sound(Tone, Generator),
}

/// What a packet of the peer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Audio(Codec),
    Event,
    /// Nothing that anyone hears, but it takes up a sequence number.
    Unknown,
}

/// Longest time a late driver is caught up with; beyond it the rhythm starts anew.
const CATCH_UP_MAX: Duration = Duration::from_millis(100);
/// D6: packets sent to an address that neither sent anything nor is where the signalling comes from: ten seconds.
const UNPROVEN_MAX: u32 = 500;
/// Packets a second from one peer: five times what 10 ms packets need.
const RATE_MAX: u32 = 500;
const REPORT_INTERVAL: Duration = Duration::from_secs(5);
const PTIME_MS_DEFAULT: u32 = 20;

impl Leg {
    pub(super) fn new(now: Instant, key: LegKey, options: LegOptions, random: &mut Random) -> Self {
        Self {
            key,
            options,
            session: None,
            peer: None,
            is_echo: false,
            reception: None,
            incoming_rate: Rate { since: now, packets: 0 },
            silent_since: now,
            dtmf: dtmf::Receiver::default(),
            recorder: None,
            transcoder: None,
            outgoing: Outgoing::new(random),
            digits: dtmf::Sender::default(),
            is_awaited: false,
            sending: None,
            player: None,
            ring: None,
            unproven: 0,
            tick: None,
            report_at: None,
            scheduled: None,
            cname: format!("{:016x}", random.next()),
            statistics: Statistics::default(),
            frame: Vec::new(),
            payload: Vec::new(),
        }
    }

    // === Commands ===

    pub(super) fn update(&mut self, now: Instant, stream: StreamParams, random: &mut Random) {
        let Some(&(codec, _)) = stream.send.first() else { return };
        match &mut self.session {
            Some(session) => {
                session.latch.update(stream.remote, stream.signalling_source);
                if session.stream.remote_rtcp != stream.remote_rtcp {
                    session.remote_rtcp = None;
                }
                if session.encoder.codec() != codec {
                    session.encoder = Encoder::new(codec);
                }
                session.stream = stream;
            }
            None => {
                let latch = Latch::new(stream.remote, stream.signalling_source);
                self.session = Some(Session { stream, latch, remote_rtcp: None, encoder: Encoder::new(codec) });
                self.report_at = Some(now + report_interval(random) / 2);
            }
        }
        // Who has just negotiated is there, and from now on something else may be expected of it.
        self.silent_since = now;
        if let Some(player) = &mut self.player {
            player.set_rate(codec.sample_rate());
        }
        if let Some((_, generator)) = &mut self.ring {
            *generator = Generator::new(codec.sample_rate());
        }
    }

    pub(super) fn play(&mut self, now: Instant, play: u32, sources: Vec<Source>, events: &mut Events) {
        self.stop_player(events);
        self.player = Some(Player::new(play, sources, self.rate()));
        self.start_clock(now);
    }

    pub(super) fn stop_play(&mut self, play: u32, events: &mut Events) {
        if self.player.as_ref().is_some_and(|player| player.play == play) {
            self.stop_player(events);
        }
    }

    pub(super) fn ring(&mut self, now: Instant, tone: Option<Arc<Tone>>) {
        self.ring = tone.map(|tone| (tone, Generator::new(self.rate())));
        self.start_clock(now);
    }

    pub(super) fn send_digits(&mut self, now: Instant, digits: &str, events: &mut Events) {
        self.digits.push(digits);
        self.is_awaited = true;
        if self.digits.is_idle() {
            self.tell_digits_sent(events);
        }
        self.start_clock(now);
    }

    pub(super) fn pass_digit(&mut self, now: Instant, digit: char) {
        self.digits.push(digit.encode_utf8(&mut [0; 4]));
        self.start_clock(now);
    }

    fn tell_digits_sent(&mut self, events: &mut Events) {
        if std::mem::take(&mut self.is_awaited) {
            events.push_back(Event::DigitsSent { leg: self.key });
        }
    }

    pub(super) fn record(&mut self, now: Instant, record: u32, options: RecordOptions, events: &mut Events) {
        self.stop_recorder(RecordEnd::Stopped, events);
        self.recorder = Some(Recorder::new(record, options));
        self.start_clock(now);
    }

    pub(super) fn stop_record(&mut self, record: u32, events: &mut Events) {
        if self.recorder.as_ref().is_some_and(|recorder| recorder.record == record) {
            self.stop_recorder(RecordEnd::Stopped, events);
        }
    }

    /// Ends everything; the last packet is a BYE, unless nobody has heard of us (RFC 3550 §6.3.7).
    pub(super) fn close(mut self, now: Instant, epoch: Instant, queue: &mut Queue, events: &mut Events) {
        self.stop_player(events);
        self.stop_recorder(RecordEnd::Removed, events);
        if self.outgoing.packets > 0 || self.outgoing.has_reported {
            self.send_report(now, epoch, true, queue);
        }
        events.push_back(Event::Closed { leg: self.key, statistics: Box::new(self.statistics()) });
    }

    pub(super) fn statistics(&self) -> Statistics {
        let mut statistics = self.statistics.clone();
        statistics.packets_sent = self.outgoing.packets;
        statistics.remote = self.session.as_ref().and_then(|session| session.latch.locked());
        if let Some(reception) = &self.reception {
            statistics.packets_lost = reception.lost();
            statistics.jitter = Duration::from_micros(u64::from(reception.jitter()) * 125);
        }
        statistics
    }

    // === What arrives ===

    /// Judges and takes an RTP packet; `None` if nothing may come of it.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        from: SocketAddr,
        packet: &Packet<'_>,
        events: &mut Events,
    ) -> Option<Kind> {
        let Some(session) = &mut self.session else {
            self.statistics.packets_refused += 1;
            return None;
        };
        let header = &packet.header;
        match session.latch.judge(now, from, header) {
            Verdict::Accept => {}
            Verdict::Latched => events.push_back(Event::Latched { leg: self.key, remote: from }),
            Verdict::Drop => {
                self.statistics.packets_refused += 1;
                return None;
            }
        }
        if !self.incoming_rate.allows(now) {
            self.statistics.packets_refused += 1;
            return None;
        }
        self.statistics.packets_received += 1;
        self.silent_since = now;
        let is_receiving = session.stream.direction.receives();
        let kind = session.stream.kind(header.payload_type);
        self.count_reception(now, header, events);
        if !is_receiving {
            return None;
        }
        self.take(now, kind, packet, events);
        Some(kind)
    }

    /// RTCP is shared with the RTP socket.
    pub(super) fn is_multiplexed(&self) -> bool {
        self.session.as_ref().is_some_and(|session| session.stream.rtcp_mux)
    }

    pub(super) fn refuse(&mut self) {
        self.statistics.packets_refused += 1;
    }

    /// Takes an RTCP packet: figures, and a sign of life (RFC 3550 §6.3.5), for a phone that suppresses silence sends no audio while its
    /// user listens.
    pub(super) fn receive_control(&mut self, now: Instant, epoch: Instant, from: SocketAddr, bytes: &[u8]) {
        let is_plausible = self.session.as_ref().is_some_and(|session| session.latch.is_control_source(from.ip()));
        if !is_plausible {
            return self.refuse();
        }
        let own = self.outgoing.ssrc;
        let mut is_from_peer = false;
        let mut reporter = None;
        let Self { reception, statistics, .. } = self;
        let parsed = rtcp::parse(bytes, |item| match item {
            Item::Sender { ssrc, info } => {
                reporter.get_or_insert(ssrc);
                if let Some(reception) = reception.as_mut().filter(|reception| reception.ssrc() == ssrc) {
                    reception.sender_report(now, (info.ntp >> 16) as u32);
                    is_from_peer = true;
                }
            }
            Item::Block(block) if block.ssrc == own => {
                statistics.remote_lost = block.lost;
                let now = (outgoing::ntp(now, epoch) >> 16) as u32;
                // §6.4.1: A - LSR - DLSR; nonsense is longer than a minute.
                let ticks = now.wrapping_sub(block.last_sender_report).wrapping_sub(block.delay);
                if block.last_sender_report != 0 && ticks < 60 << 16 {
                    statistics.round_trip = Some(Duration::from_micros((u64::from(ticks) * 1_000_000) >> 16));
                }
            }
            Item::Receiver { ssrc } => drop(reporter.get_or_insert(ssrc)),
            Item::Block(_) | Item::Bye { .. } => {}
        });
        let is_peer = |ssrc: u32| self.reception.as_ref().map_or(ssrc != own, |reception| reception.ssrc() == ssrc);
        if parsed.is_some() && reporter.is_some_and(is_peer) {
            self.silent_since = now;
        }
        match (parsed, &mut self.session) {
            (None, _) => self.refuse(),
            (Some(()), Some(session)) if is_from_peer => session.remote_rtcp = Some(from),
            _ => {}
        }
    }

    fn count_reception(&mut self, now: Instant, header: &Header, events: &mut Events) {
        match &mut self.reception {
            Some(reception) if reception.ssrc() == header.ssrc => reception.packet(now, header),
            other => {
                *other = Some(Reception::new(now, header));
                let mut left = None;
                self.dtmf.reset(|digit| left = Some(digit));
                self.tell_digits([left, None], events);
            }
        }
    }

    fn take(&mut self, now: Instant, kind: Kind, packet: &Packet<'_>, events: &mut Events) {
        let Header { sequence, timestamp, .. } = packet.header;
        if let Some(recorder) = &mut self.recorder {
            match kind {
                Kind::Audio(codec) => recorder.jitter.push(sequence, Some(codec), packet.payload),
                Kind::Event | Kind::Unknown => recorder.jitter.push(sequence, None, &[]),
            }
        }
        match kind {
            Kind::Audio(_) => {}
            Kind::Event => {
                let mut told = [None; 2];
                let mut slots = told.iter_mut();
                self.dtmf.packet(now, timestamp, packet.payload, |digit| {
                    *slots.next().expect("one ends, one begins") = Some(digit)
                });
                self.tell_digits(told, events);
            }
            Kind::Unknown => self.statistics.packets_unknown += 1,
        }
    }

    fn tell_digits(&mut self, digits: [Option<Digit>; 2], events: &mut Events) {
        for Digit { digit, duration_ms } in digits.into_iter().flatten() {
            events.push_back(Event::Dtmf { leg: self.key, digit, duration_ms });
            if self.recorder.as_ref().is_some_and(|recorder| recorder.options.terminators.contains(digit)) {
                self.stop_recorder(RecordEnd::Digit(digit), events);
            }
        }
    }

    // === What is sent ===

    /// The format in which this leg hears audio of `codec` from a bridge; `None` while it hears nothing or something else.
    pub(super) fn relay_format(&self, codec: Codec) -> Option<(Codec, u8)> {
        let send = &self.session.as_ref().filter(|_| !self.is_generating())?.stream.send;
        send.iter().find(|(other, _)| *other == codec).or(send.first()).copied()
    }

    /// The payload type of events from a bridge.
    pub(super) fn relay_event_type(&self) -> Option<u8> {
        self.session.as_ref().filter(|_| !self.is_generating())?.stream.dtmf_send
    }

    /// Converts a payload for a listener with another codec.
    pub(super) fn transcode(&mut self, from: Codec, to: Codec, payload: &[u8], out: &mut Vec<u8>) {
        match &mut self.transcoder {
            Some(transcoder) if transcoder.is_for(from, to) => transcoder.convert(payload, out),
            other => other.insert(Transcoder::new(from, to)).convert(payload, out),
        }
    }

    /// Sends a packet of `from` on.
    pub(super) fn send_relayed(&mut self, now: Instant, from: LegKey, packet: &Packet<'_>, queue: &mut Queue) {
        let Some(to) = self.destination() else { return };
        let Some(header) = self.outgoing.relayed(now, from, &packet.header) else { return };
        send(&mut self.outgoing, self.key, to, header, packet.payload, queue);
    }

    /// Leaves a packet of `from` out without a gap.
    pub(super) fn swallow(&mut self, from: LegKey, header: &Header) {
        self.outgoing.swallow(from, header);
    }

    /// Where RTP may be sent now, if anywhere; counts what goes to an unproven address.
    fn destination(&mut self) -> Option<SocketAddr> {
        let session = self.session.as_ref().filter(|session| session.stream.direction.sends())?;
        let to = session.latch.destination();
        let is_proven = session.latch.locked().is_some() || session.stream.signalling_source == Some(to.ip());
        let is_nowhere = session.stream.remote.ip().is_unspecified() || to.port() == 0;
        if is_nowhere || (!is_proven && self.unproven >= UNPROVEN_MAX) {
            return None;
        }
        self.unproven = if is_proven { 0 } else { self.unproven + 1 };
        Some(to)
    }

    fn rate(&self) -> SampleRate {
        self.session.as_ref().map_or(SampleRate::Hz8000, |session| session.encoder.codec().sample_rate())
    }

    fn ptime_ms(&self) -> u32 {
        self.session.as_ref().map_or(PTIME_MS_DEFAULT, |session| session.stream.ptime_ms.max(1))
    }

    /// Something of our own goes before the bridge.
    fn is_generating(&self) -> bool {
        self.player.is_some() || self.ring.is_some() || !self.digits.is_idle()
    }

    // === Time ===

    /// The earliest time something is due.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let times = [self.tick, self.report_at, self.dtmf.poll_timeout(), self.silence_deadline()];
        times.into_iter().flatten().min()
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, now: Instant, clock: &mut Clock<'_>) {
        let mut told = [None; 2];
        self.dtmf.handle_timeout(now, |digit| told[0] = Some(digit));
        self.tell_digits(told, clock.events);
        if self.silence_deadline().is_some_and(|deadline| deadline <= now) {
            self.silent_since = now;
            clock.events.push_back(Event::Timeout { leg: self.key });
        }
        if self.report_at.is_some_and(|at| at <= now) {
            self.send_report(now, clock.epoch, false, clock.queue);
            self.report_at = Some(now + report_interval(clock.random));
        }
        if self.tick.is_some_and(|at| at + CATCH_UP_MAX < now) {
            self.tick = Some(now);
        }
        while let Some(at) = self.tick.filter(|&at| at <= now) {
            self.beat(at, clock);
        }
    }

    fn silence_deadline(&self) -> Option<Instant> {
        let direction = self.session.as_ref()?.stream.direction;
        let timeout = self.options.media_timeout.filter(|_| direction.receives())?;
        self.silent_since.checked_add(timeout)
    }

    /// Starts the rhythm if something needs it and it does not run yet.
    fn start_clock(&mut self, now: Instant) {
        if self.is_generating() || self.recorder.is_some() {
            self.tick.get_or_insert(now);
        }
    }

    /// One packet time of what is generated and recorded.
    fn beat(&mut self, at: Instant, clock: &mut Clock<'_>) {
        let ptime_ms = self.ptime_ms();
        if !self.digits.is_idle() {
            self.send_digit(at, ptime_ms, clock);
        } else if self.player.is_some() {
            self.send_playback(at, ptime_ms, clock);
        } else if self.ring.is_some() {
            self.prepare_frame(ptime_ms);
            if let Some((tone, generator)) = &mut self.ring {
                generator.fill_endless(tone, &mut self.frame);
            }
            self.send_frame(at, ptime_ms, clock.queue);
        }
        if let Some(recorder) = &mut self.recorder {
            let (chunk, end) = recorder.tick(ptime_ms);
            if let Some(samples) = chunk {
                clock.events.push_back(Event::Recorded { leg: self.key, record: recorder.record, samples });
            }
            if let Some(reason) = end {
                self.stop_recorder(reason, clock.events);
            }
        }
        let goes_on = self.is_generating() || self.recorder.is_some();
        self.tick = goes_on.then(|| at + Duration::from_millis(ptime_ms.into()));
    }

    fn send_playback(&mut self, at: Instant, ptime_ms: u32, clock: &mut Clock<'_>) {
        let Some(player) = &mut self.player else { return };
        // Nobody hears it before something is negotiated; time goes on all the same.
        let mut deaf = Encoder::Pcmu;
        let encoder = self.session.as_mut().map_or(&mut deaf, |session| &mut session.encoder);
        let has_audio = player.fill(ptime_ms, encoder, &mut self.payload);
        let is_over = player.is_over();
        if has_audio {
            self.send_payload(at, ptime_ms, clock.queue);
        }
        if is_over {
            self.stop_player(clock.events);
        }
    }

    fn send_digit(&mut self, at: Instant, ptime_ms: u32, clock: &mut Clock<'_>) {
        let event_type = self.session.as_ref().and_then(|session| session.stream.dtmf_send);
        let Some(step) = self.digits.step(ptime_ms) else { return };
        match (step, event_type) {
            (Step::Event { payload, is_first: true, .. }, Some(payload_type)) => {
                let header = Header { marker: true, payload_type, ..self.outgoing.generated(at, ptime_ms) };
                self.sending = Some(Sending::Event { timestamp: header.timestamp });
                self.send_event(header, &payload, clock.queue);
            }
            (Step::Event { digit, is_first: true, .. }, None) => {
                let tone = Tone::dtmf(digit, Tone::DURATION_MS_MAX).expect("the sender only takes digits");
                self.sending = Some(Sending::Sound(tone, Generator::new(self.rate())));
                self.send_tone(at, ptime_ms, step, clock.queue);
            }
            (Step::Event { payload, .. } | Step::EndAgain { payload }, Some(payload_type)) => {
                if let Some(Sending::Event { timestamp }) = self.sending {
                    let header = Header { payload_type, ..self.outgoing.event(timestamp) };
                    self.send_event(header, &payload, clock.queue);
                }
            }
            (_, None) => self.send_tone(at, ptime_ms, step, clock.queue),
            (Step::Gap, Some(_)) => {}
        }
        if self.digits.is_idle() {
            self.sending = None;
            self.tell_digits_sent(clock.events);
        }
    }

    /// A digit as sound, for a peer without telephone-events.
    fn send_tone(&mut self, at: Instant, ptime_ms: u32, step: Step, queue: &mut Queue) {
        self.prepare_frame(ptime_ms);
        if let (Step::Event { .. }, Some(Sending::Sound(tone, generator))) = (step, &mut self.sending) {
            generator.fill(tone, &mut self.frame);
        }
        self.send_frame(at, ptime_ms, queue);
    }

    fn send_event(&mut self, header: Header, payload: &[u8], queue: &mut Queue) {
        if let Some(to) = self.destination() {
            send(&mut self.outgoing, self.key, to, header, payload, queue);
        }
    }

    fn prepare_frame(&mut self, ptime_ms: u32) {
        let len = self.rate().samples(ptime_ms);
        self.frame.clear();
        self.frame.resize(len, 0);
    }

    fn send_frame(&mut self, at: Instant, ptime_ms: u32, queue: &mut Queue) {
        let Some(session) = &mut self.session else { return };
        self.payload.clear();
        session.encoder.encode(&self.frame, &mut self.payload);
        self.send_payload(at, ptime_ms, queue);
    }

    fn send_payload(&mut self, at: Instant, ptime_ms: u32, queue: &mut Queue) {
        let Some(to) = self.destination() else { return };
        let Some(session) = &self.session else { return };
        let Some(&(_, payload_type)) = session.stream.send.first() else { return };
        let header = Header { payload_type, ..self.outgoing.generated(at, ptime_ms) };
        send(&mut self.outgoing, self.key, to, header, &self.payload, queue);
    }

    fn send_report(&mut self, now: Instant, epoch: Instant, bye: bool, queue: &mut Queue) {
        let Some(to) = self.control_destination() else { return };
        let has_sent = std::mem::take(&mut self.outgoing.has_sent_since_report);
        self.outgoing.has_reported = true;
        let sender = has_sent.then(|| SenderInfo {
            ntp: outgoing::ntp(now, epoch),
            timestamp: self.outgoing.timestamp_now(now),
            packets: self.outgoing.packets as u32,
            octets: self.outgoing.octets as u32,
        });
        let block = self.reception.as_mut().map(|reception| reception.report(now));
        let channel = if self.is_multiplexed() { Channel::Rtp } else { Channel::Rtcp };
        let report = Report { ssrc: self.outgoing.ssrc, sender, block, cname: &self.cname, bye };
        queue.push(self.key, channel, to, |bytes| report.write(bytes));
    }

    /// Where RTCP may be sent: where the peer's comes from, or where it was signalled as long as that is still the peer.
    fn control_destination(&self) -> Option<SocketAddr> {
        let session = self.session.as_ref()?;
        let locked = session.latch.locked();
        let is_proven = locked.is_some() || session.stream.signalling_source == Some(session.stream.remote_rtcp.ip());
        let to = match (locked, session.remote_rtcp) {
            (Some(locked), _) if session.stream.rtcp_mux => locked,
            (_, Some(remote)) => remote,
            (Some(locked), None) if locked.ip() != session.stream.remote_rtcp.ip() => return None,
            _ => session.stream.remote_rtcp,
        };
        let is_usable = !to.ip().is_unspecified() && to.port() != 0;
        (is_usable && (is_proven || self.unproven < UNPROVEN_MAX)).then_some(to)
    }

    fn stop_player(&mut self, events: &mut Events) {
        if let Some(player) = self.player.take() {
            events.push_back(Event::PlayEnded { leg: self.key, play: player.play });
        }
    }

    fn stop_recorder(&mut self, reason: RecordEnd, events: &mut Events) {
        let Some(mut recorder) = self.recorder.take() else { return };
        let (leg, record, samples) = (self.key, recorder.record, recorder.take_chunk());
        if !samples.is_empty() {
            events.push_back(Event::Recorded { leg, record, samples });
        }
        events.push_back(Event::RecordEnded { leg, record, reason, duration_ms: recorder.duration_ms() });
    }
}

/// What a leg's timers may touch of the engine.
pub(super) struct Clock<'a> {
    pub(super) epoch: Instant,
    pub(super) queue: &'a mut Queue,
    pub(super) events: &'a mut Events,
    pub(super) random: &'a mut Random,
}

impl StreamParams {
    fn kind(&self, payload_type: u8) -> Kind {
        match self.receive.iter().find(|(number, _)| *number == payload_type) {
            Some(&(_, codec)) => Kind::Audio(codec),
            None if self.dtmf_receive == Some(payload_type) => Kind::Event,
            None => Kind::Unknown,
        }
    }
}

fn send(outgoing: &mut Outgoing, key: LegKey, to: SocketAddr, header: Header, payload: &[u8], queue: &mut Queue) {
    outgoing.count(payload.len());
    queue.push(key, Channel::Rtp, to, |bytes| {
        bytes.extend_from_slice(&header.to_bytes());
        bytes.extend_from_slice(payload);
    });
}

/// §6.2, §6.3.1: five seconds times 0.5 to 1.5, over e - 3/2.
fn report_interval(random: &mut Random) -> Duration {
    let factor = 0.5 + (random.next() >> 11) as f64 / (1_u64 << 53) as f64;
    REPORT_INTERVAL.mul_f64(factor / 1.218_28)
}
