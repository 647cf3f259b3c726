//! Peers that send tones and keep what they hear, and a network that loses and reorders by a seed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use codec::tone::{Generator, Tone};
use codec::{Codec, Decoder, Encoder, SampleRate, goertzel};

use crate::engine::{Channel, Command, Engine, Event, LegKey, LegOptions};
use crate::negotiation::{Direction, StreamParams};
use crate::rtp::{Header, Packet};

pub(super) const A: LegKey = LegKey(1);
pub(super) const B: LegKey = LegKey(2);
pub(super) const C: LegKey = LegKey(3);

/// A packet the engine sent: when, from which leg and socket, to where.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) at: Instant,
    pub(super) leg: LegKey,
    pub(super) channel: Channel,
    pub(super) to: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

pub(super) struct World {
    pub(super) engine: Engine,
    pub(super) start: Instant,
    pub(super) now: Instant,
    pub(super) sent: Vec<Sent>,
    pub(super) events: Vec<Event>,
}

impl World {
    pub(super) fn new() -> Self {
        let start = crate::tests::some_instant();
        Self { engine: Engine::new(7), start, now: start, sent: Vec::new(), events: Vec::new() }
    }

    /// Two legs with these codecs, bridged.
    pub(super) fn bridged(a: Codec, b: Codec) -> Self {
        let mut world = Self::new();
        world.add(A, stream(A, a));
        world.add(B, stream(B, b));
        world.command(Command::Bridge { a: A, b: B });
        world
    }

    pub(super) fn add(&mut self, leg: LegKey, stream: StreamParams) {
        let options = LegOptions { media_timeout: Some(Duration::from_secs(5)) };
        self.command(Command::Add { leg, options });
        self.command(Command::Update { leg, stream });
    }

    pub(super) fn command(&mut self, command: Command) {
        self.engine.handle_command(self.now, command);
        self.drain();
    }

    pub(super) fn packet(&mut self, leg: LegKey, channel: Channel, from: SocketAddr, bytes: &[u8]) {
        self.engine.handle_packet(self.now, leg, channel, from, bytes);
        self.drain();
    }

    /// Time goes on, every timer at its own instant.
    pub(super) fn run_to(&mut self, ms: u64) {
        let until = self.start + Duration::from_millis(ms);
        while let Some(at) = self.engine.poll_timeout().filter(|&at| at <= until) {
            self.now = self.now.max(at);
            self.engine.handle_timeout(self.now);
            self.drain();
        }
        self.now = self.now.max(until);
    }

    /// The driver wakes up at this time, whatever was due before.
    pub(super) fn wake(&mut self, ms: u64) {
        self.now = self.start + Duration::from_millis(ms);
        self.engine.handle_timeout(self.now);
        self.drain();
    }

    /// RTP the engine sent from a leg.
    pub(super) fn heard(&self, leg: LegKey) -> Vec<(u64, Header, Vec<u8>)> {
        let rtp = self.sent.iter().filter(|sent| sent.leg == leg && sent.channel == Channel::Rtp);
        let ms = |at: Instant| at.duration_since(self.start).as_millis() as u64;
        let parsed = rtp.map(|sent| (ms(sent.at), Packet::parse(&sent.bytes).expect("we send well-formed packets")));
        parsed.map(|(at, packet)| (at, packet.header, packet.payload.to_vec())).collect()
    }

    fn drain(&mut self) {
        while let Some(transmit) = self.engine.poll_transmit() {
            let (leg, channel, to, bytes) = (transmit.leg, transmit.channel, transmit.to, transmit.bytes.to_vec());
            self.sent.push(Sent { at: self.now, leg, channel, to, bytes });
        }
        while let Some(event) = self.engine.poll_event() {
            self.events.push(event);
        }
    }
}

pub(super) fn address(leg: LegKey) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, leg.0 as u8], 4000))
}

/// A negotiated stream with one codec and, per leg, another number for events.
pub(super) fn stream(leg: LegKey, codec: Codec) -> StreamParams {
    let remote = address(leg);
    let payload_type = codec.static_payload_type();
    StreamParams {
        remote,
        remote_rtcp: SocketAddr::new(remote.ip(), remote.port() + 1),
        rtcp_mux: false,
        signalling_source: Some(remote.ip()),
        direction: Direction::SendRecv,
        send: vec![(codec, payload_type)],
        receive: vec![(payload_type, codec)],
        dtmf_send: Some(100 + leg.0 as u8),
        dtmf_receive: Some(100 + leg.0 as u8),
        ptime_ms: 20,
    }
}

/// A phone that says a tone.
pub(super) struct Phone {
    pub(super) leg: LegKey,
    pub(super) header: Header,
    encoder: Encoder,
    tone: Tone,
    generator: Generator,
}

impl Phone {
    pub(super) fn new(leg: LegKey, codec: Codec, hertz: u32) -> Self {
        let ssrc = 0x1000 + leg.0 as u32;
        Self {
            leg,
            header: Header {
                marker: true,
                payload_type: codec.static_payload_type(),
                sequence: 65_500,
                timestamp: u32::MAX - 1000,
                ssrc,
            },
            encoder: Encoder::new(codec),
            tone: Tone::parse(&format!("{hertz}/60000")).unwrap(),
            generator: Generator::new(codec.sample_rate()),
        }
    }

    /// The next 20 ms of its tone.
    pub(super) fn speak(&mut self) -> Vec<u8> {
        let mut samples = vec![0; self.encoder.codec().sample_rate().samples(20)];
        self.generator.fill_endless(&self.tone, &mut samples);
        let mut bytes = self.header.to_bytes().to_vec();
        self.encoder.encode(&samples, &mut bytes);
        self.pass(160);
        bytes
    }

    /// An event packet; its timestamp stays.
    pub(super) fn event(&mut self, payload_type: u8, payload: [u8; 4]) -> Vec<u8> {
        let header = Header { payload_type, ..self.header };
        self.header.sequence = self.header.sequence.wrapping_add(1);
        [&header.to_bytes()[..], &payload].concat()
    }

    pub(super) fn pass(&mut self, ticks: u32) {
        self.header.marker = false;
        self.header.sequence = self.header.sequence.wrapping_add(1);
        self.header.timestamp = self.header.timestamp.wrapping_add(ticks);
    }

    pub(super) fn say(&mut self, world: &mut World) {
        let bytes = self.speak();
        world.packet(self.leg, Channel::Rtp, address(self.leg), &bytes);
    }
}

/// What a phone makes of what it was sent: in order of the timestamps, silence where something is missing.
pub(super) fn listen(heard: &[(u64, Header, Vec<u8>)], codec: Codec) -> Vec<i16> {
    let Some((_, first, _)) = heard.first() else { return Vec::new() };
    let mut frames = BTreeMap::new();
    for (_, header, payload) in heard.iter().filter(|(_, header, _)| header.payload_type == codec.static_payload_type())
    {
        frames.insert(header.timestamp.wrapping_sub(first.timestamp) as i32, payload);
    }
    let mut decoder = Decoder::new(codec);
    let mut samples = Vec::new();
    let per_tick = codec.sample_rate().hz() as usize / 8000;
    for (ticks, payload) in frames {
        samples.resize(samples.len().max(ticks.max(0) as usize * per_tick), 0);
        decoder.decode(payload, &mut samples);
    }
    samples
}

/// Level and purity of a tone in all but the first tenth of a second.
pub(super) fn measure(samples: &[i16], rate: SampleRate, hertz: u32) -> (f64, f64) {
    let settled = &samples[rate.samples(100).min(samples.len())..];
    (goertzel::amplitude(settled, rate, hertz.into()), goertzel::purity(settled, rate, hertz.into()))
}

/// A small generator for the network's moods.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }
}
