//! The media of one thread: legs, bridges, playback, recording. Packets and time in, packets and events out.
//!
//! Two legs that share a codec are relayed packet by packet with rewritten headers; otherwise each packet is transcoded
//! as it comes. What we make ourselves (prompts, tones, digits) goes before the bridge, in a rhythm computed from its
//! schedule. Relaying a packet allocates nothing.

mod command;
mod event;
mod leg;
mod outgoing;
mod player;
mod prompt;
mod queue;
mod random;
mod recorder;
mod transcoder;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::Instant;

use codec::Codec;
use rustc_hash::FxBuildHasher;

pub use self::command::{Command, LegOptions, RecordOptions, Source};
pub use self::event::{Event, RecordEnd, Statistics};
use self::leg::{Clock, Kind, Leg};
pub use self::prompt::Prompt;
use self::queue::Queue;
use self::random::Random;
use crate::rtp::{self, Header, Packet};

/// Names a leg on the media threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LegKey(pub u64);

/// Which of a leg's two sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Channel {
    /// The even port (and RTCP when multiplexed).
    Rtp,
    /// The odd port.
    Rtcp,
}

/// A packet to send.
#[derive(Debug)]
pub struct Transmit<'a> {
    /// From which leg's socket.
    pub leg: LegKey,
    /// From which of them.
    pub channel: Channel,
    /// To where.
    pub to: SocketAddr,
    /// The packet.
    pub bytes: &'a [u8],
}

type Events = VecDeque<Event>;

/// The engine of one media thread.
#[derive(Debug)]
pub struct Engine {
    legs: HashMap<LegKey, Box<Leg>, FxBuildHasher>,
    /// Times at which legs want to be woken. An entry that is not the leg's `scheduled` time is out of date.
    timers: BinaryHeap<Reverse<(Instant, LegKey)>>,
    queue: Queue,
    events: Events,
    random: Random,
    /// The beginning of our NTP time: the first `now` we were given.
    epoch: Option<Instant>,
    transcoded: Vec<u8>,
}

/// A leg on its way from one engine to another, with all it was doing except its bridge.
#[derive(Debug)]
pub struct DetachedLeg(LegKey, Box<Leg>);

impl Engine {
    /// An engine without legs; `seed` makes its SSRCs and sequence numbers.
    pub fn new(seed: u64) -> Self {
        Self {
            legs: HashMap::default(),
            timers: BinaryHeap::new(),
            queue: Queue::default(),
            events: Events::new(),
            random: Random::new(seed),
            epoch: None,
            transcoded: Vec::new(),
        }
    }

    /// Does as told.
    pub fn handle_command(&mut self, now: Instant, command: Command) {
        self.epoch.get_or_insert(now);
        match command {
            Command::Add { leg, options } => {
                let random = &mut self.random;
                self.legs.entry(leg).or_insert_with(|| Box::new(Leg::new(now, leg, options, random)));
            }
            Command::Remove { leg } => self.remove(now, leg),
            Command::Bridge { a, b } => self.bridge(a, b),
            Command::Unbridge { a, b } => {
                if self.legs.get(&a).is_some_and(|leg| leg.peer == Some(b)) {
                    self.unbridge(a);
                }
            }
            Command::Update { leg, .. }
            | Command::Play { leg, .. }
            | Command::StopPlay { leg, .. }
            | Command::RingTone { leg, .. }
            | Command::Echo { leg, .. }
            | Command::SendDigits { leg, .. }
            | Command::PassDigit { leg, .. }
            | Command::Record { leg, .. }
            | Command::StopRecord { leg, .. } => self.command_leg(now, leg, command),
        }
    }

    /// A packet arrived on a leg's socket.
    pub fn handle_packet(&mut self, now: Instant, leg: LegKey, channel: Channel, from: SocketAddr, packet: &[u8]) {
        let epoch = *self.epoch.get_or_insert(now);
        let Some(source) = self.legs.get_mut(&leg) else { return };
        if channel == Channel::Rtcp || (source.is_multiplexed() && rtp::is_rtcp(packet)) {
            return source.receive_control(now, epoch, from, packet);
        }
        let Some(packet) = Packet::parse(packet) else { return source.refuse() };
        let Some(kind) = source.receive(now, from, &packet, &mut self.events) else { return };
        let listener = if source.is_echo { Some(leg) } else { source.peer };
        if kind == Kind::Event {
            self.schedule(leg);
        }
        let Some(listener) = listener else { return };
        match kind {
            Kind::Audio(codec) => self.relay_audio(now, leg, listener, codec, &packet),
            Kind::Event => self.relay_event(now, leg, listener, &packet),
            Kind::Unknown => self.swallow(leg, listener, &packet.header),
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        let epoch = *self.epoch.get_or_insert(now);
        while let Some(&Reverse((at, key))) = self.timers.peek()
            && at <= now
        {
            self.timers.pop();
            let Some(leg) = self.legs.get_mut(&key).filter(|leg| leg.scheduled == Some(at)) else { continue };
            leg.scheduled = None;
            let Self { queue, events, random, .. } = self;
            leg.handle_timeout(now, &mut Clock { epoch, queue, events, random });
            self.schedule(key);
        }
    }

    /// When `handle_timeout` wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.peek().map(|Reverse((at, _))| *at)
    }

    /// The next packet to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit<'_>> {
        self.queue.pop()
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The figures of a leg so far.
    pub fn statistics(&self, leg: LegKey) -> Option<Statistics> {
        self.legs.get(&leg).map(|leg| leg.statistics())
    }

    /// Takes a leg out, so that it can be bridged with one on another thread.
    pub fn detach(&mut self, leg: LegKey) -> Option<DetachedLeg> {
        self.unbridge(leg);
        self.legs.remove(&leg).map(|body| DetachedLeg(leg, body))
    }

    /// Puts a leg in that was taken out elsewhere.
    pub fn attach(&mut self, DetachedLeg(key, mut leg): DetachedLeg) {
        leg.scheduled = None;
        self.legs.insert(key, leg);
        self.schedule(key);
    }

    fn command_leg(&mut self, now: Instant, key: LegKey, command: Command) {
        let Some(leg) = self.legs.get_mut(&key) else { return };
        let events = &mut self.events;
        match command {
            Command::Update { stream, .. } => leg.update(now, stream, &mut self.random),
            Command::Play { play, sources, .. } => leg.play(now, play, sources, events),
            Command::StopPlay { play, .. } => leg.stop_play(play, events),
            Command::RingTone { tone, .. } => leg.ring(now, tone),
            Command::Echo { on, .. } => leg.is_echo = on,
            Command::SendDigits { digits, .. } => leg.send_digits(now, &digits, events),
            Command::PassDigit { digit, .. } => leg.pass_digit(now, digit),
            Command::Record { record, options, .. } => leg.record(now, record, options, events),
            Command::StopRecord { record, .. } => leg.stop_record(record, events),
            Command::Add { .. } | Command::Remove { .. } | Command::Bridge { .. } | Command::Unbridge { .. } => {
                unreachable!("handle_command keeps these for itself")
            }
        }
        self.schedule(key);
    }

    fn remove(&mut self, now: Instant, key: LegKey) {
        self.unbridge(key);
        if let Some(leg) = self.legs.remove(&key) {
            let epoch = *self.epoch.get_or_insert(now);
            leg.close(now, epoch, &mut self.queue, &mut self.events);
        }
    }

    fn bridge(&mut self, a: LegKey, b: LegKey) {
        if a == b || !self.legs.contains_key(&a) || !self.legs.contains_key(&b) {
            return;
        }
        self.unbridge(a);
        self.unbridge(b);
        for (key, other) in [(a, b), (b, a)] {
            if let Some(leg) = self.legs.get_mut(&key) {
                leg.peer = Some(other);
            }
        }
    }

    fn unbridge(&mut self, key: LegKey) {
        let peer = self.legs.get_mut(&key).and_then(|leg| leg.peer.take());
        if let Some(other) = peer.and_then(|peer| self.legs.get_mut(&peer)) {
            other.peer = None;
        }
    }

    fn relay_audio(&mut self, now: Instant, from: LegKey, to: LegKey, codec: Codec, packet: &Packet<'_>) {
        let Some((wanted, payload_type)) = self.legs.get(&to).and_then(|leg| leg.relay_format(codec)) else { return };
        let mut payload = packet.payload;
        if wanted != codec {
            let Some(source) = self.legs.get_mut(&from) else { return };
            source.transcode(codec, wanted, payload, &mut self.transcoded);
            payload = &self.transcoded;
        }
        if let Some(listener) = self.legs.get_mut(&to) {
            let header = Header { payload_type, ..packet.header };
            listener.send_relayed(now, from, &Packet { header, payload }, &mut self.queue);
        }
    }

    fn relay_event(&mut self, now: Instant, from: LegKey, to: LegKey, packet: &Packet<'_>) {
        let Some(listener) = self.legs.get_mut(&to) else { return };
        match listener.relay_event_type().filter(|_| from != to) {
            Some(payload_type) => {
                let header = Header { payload_type, ..packet.header };
                listener.send_relayed(now, from, &Packet { header, ..*packet }, &mut self.queue);
            }
            // An echo of the caller's own digits would only confuse; and the switch hears of them anyway.
            None => listener.swallow(from, &packet.header),
        }
    }

    fn swallow(&mut self, from: LegKey, to: LegKey, header: &Header) {
        if let Some(listener) = self.legs.get_mut(&to) {
            listener.swallow(from, header);
        }
    }

    /// Keeps a leg's entry in the timers no later than its deadline.
    fn schedule(&mut self, key: LegKey) {
        let Some(leg) = self.legs.get_mut(&key) else { return };
        let Some(deadline) = leg.deadline() else { return };
        if leg.scheduled.is_none_or(|scheduled| deadline < scheduled) {
            leg.scheduled = Some(deadline);
            self.timers.push(Reverse((deadline, key)));
        }
    }
}

#[cfg(test)]
mod tests;
