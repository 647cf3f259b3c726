//! The media of one thread: legs, bridges, playback, recording. Packets and time in, packets and events out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use codec::SampleRate;
use codec::tone::Tone;

use crate::negotiation::StreamParams;

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

/// Recorded audio in memory, ready to be played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    /// Rate of the samples.
    pub rate: SampleRate,
    /// Mono samples.
    pub samples: Vec<i16>,
}

/// One piece of a prompt list.
#[derive(Clone, Debug)]
pub enum Source {
    /// Recorded audio.
    Prompt(Arc<Prompt>),
    /// A tone list, played once.
    Tone(Arc<Tone>),
    /// Silence.
    Silence(Duration),
}

/// How a leg's received audio is recorded.
#[derive(Clone, Debug)]
pub struct RecordOptions {
    /// Rate of the samples handed out.
    pub rate: SampleRate,
    /// Longest recording.
    pub max: Duration,
    /// Stop after so much silence.
    pub silence: Option<Duration>,
    /// Digits that stop it.
    pub terminators: String,
}

/// Settings of a leg that do not come from SDP.
#[derive(Clone, Debug, Default)]
pub struct LegOptions {
    /// `Event::Timeout` when nothing arrived for so long although it should.
    pub media_timeout: Option<Duration>,
}

/// What the engine can be told.
#[derive(Clone, Debug)]
pub enum Command {
    /// A leg with sockets, before anything is negotiated.
    Add { leg: LegKey, options: LegOptions },
    /// What was negotiated, first or again.
    Update { leg: LegKey, stream: StreamParams },
    /// The leg is over.
    Remove { leg: LegKey },
    /// Each hears the other.
    Bridge { a: LegKey, b: LegKey },
    /// They no longer do.
    Unbridge { a: LegKey, b: LegKey },
    /// Plays a list once, in place of what the leg would hear; replaces a playback still going on.
    Play { leg: LegKey, play: u32, sources: Vec<Source> },
    /// Stops that playback, if it still goes on.
    StopPlay { leg: LegKey, play: u32 },
    /// Ring-back tone until told otherwise (`None`).
    RingTone { leg: LegKey, tone: Option<Arc<Tone>> },
    /// The leg hears itself.
    Echo { leg: LegKey, on: bool },
    /// Sends digits as telephone-events, or as tones where the peer has none.
    SendDigits { leg: LegKey, digits: String },
    /// Records what the leg says.
    Record { leg: LegKey, record: u32, options: RecordOptions },
    /// Stops that recording, if it still goes on.
    StopRecord { leg: LegKey, record: u32 },
}

/// What the engine tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A digit was pressed and released.
    Dtmf { leg: LegKey, digit: char, duration_ms: u32 },
    /// A playback is over: to its end, stopped or replaced. Exactly one for each `Play`.
    PlayEnded { leg: LegKey, play: u32 },
    /// The last digit of a `SendDigits` was sent.
    DigitsSent { leg: LegKey },
    /// The next samples of a recording.
    Recorded { leg: LegKey, record: u32, samples: Vec<i16> },
    /// A recording is over; no samples follow. Exactly one for each `Record`.
    RecordEnded { leg: LegKey, record: u32, reason: RecordEnd, duration_ms: u64 },
    /// Nothing arrived for the leg's media time-out.
    Timeout { leg: LegKey },
    /// The peer's media address is known from its packets.
    Latched { leg: LegKey, remote: SocketAddr },
    /// The leg is gone.
    Closed { leg: LegKey, statistics: Box<Statistics> },
}

/// Why a recording ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordEnd {
    /// `StopRecord`, or another recording began.
    Stopped,
    /// A terminator digit.
    Digit(char),
    /// The maximum duration.
    MaxDuration,
    /// Silence.
    Silence,
    /// The leg was removed.
    Removed,
}

/// Figures of a leg for its CDR.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// RTP packets accepted.
    pub packets_received: u64,
    /// RTP packets sent.
    pub packets_sent: u64,
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

/// The engine of one media thread.
#[derive(Debug)]
pub struct Engine {}

impl Engine {
    /// An engine without legs; `seed` makes its SSRCs and sequence numbers.
    pub fn new(_seed: u64) -> Self {
        Self {}
    }

    /// Does as told. A command for an unknown leg is ignored: the leg may just have been removed.
    pub fn handle_command(&mut self, _now: Instant, _command: Command) {}

    /// A packet arrived on a leg's socket.
    pub fn handle_packet(
        &mut self,
        _now: Instant,
        _leg: LegKey,
        _channel: Channel,
        _from: SocketAddr,
        _packet: &mut [u8],
    ) {
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// When `handle_timeout` wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// The next packet to send.
    pub fn poll_transmit(&mut self) -> Option<Transmit<'_>> {
        None
    }

    /// The next event.
    pub fn poll_event(&mut self) -> Option<Event> {
        None
    }
}
