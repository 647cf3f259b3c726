//! What the engine tells.

use std::net::SocketAddr;
use std::time::Duration;

use super::LegKey;

/// What the engine tells of a leg.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A digit was pressed and released.
    Dtmf {
        /// By whom.
        leg: LegKey,
        /// `0`-`9`, `*`, `#`, `A`-`D`.
        digit: char,
        /// For how long.
        duration_ms: u32,
    },
    /// A playback is over: to its end, stopped or replaced. Exactly one for each `Play`.
    PlayEnded {
        /// Who heard it.
        leg: LegKey,
        /// Which.
        play: u32,
    },
    /// The last digit of a `SendDigits` was sent.
    DigitsSent {
        /// To whom.
        leg: LegKey,
    },
    /// The next samples of a recording, about half a second of them.
    Recorded {
        /// Who is recorded.
        leg: LegKey,
        /// Which recording.
        record: u32,
        /// At the rate asked for.
        samples: Vec<i16>,
    },
    /// A recording is over; no samples follow. Exactly one for each `Record`.
    RecordEnded {
        /// Who was recorded.
        leg: LegKey,
        /// Which recording.
        record: u32,
        /// Why.
        reason: RecordEnd,
        /// How much was handed out.
        duration_ms: u64,
    },
    /// Neither audio nor RTCP arrived for the leg's media time-out; told again each time that it has passed.
    Timeout {
        /// Who fell silent.
        leg: LegKey,
    },
    /// The peer's media address is known from its packets.
    Latched {
        /// Whose.
        leg: LegKey,
        /// Where it is.
        remote: SocketAddr,
    },
    /// The leg is gone; the last event of it.
    Closed {
        /// Which.
        leg: LegKey,
        /// Its figures.
        statistics: Box<Statistics>,
    },
}

impl Event {
    /// The leg it is about.
    pub fn leg(&self) -> LegKey {
        match self {
            Self::Dtmf { leg, .. }
            | Self::PlayEnded { leg, .. }
            | Self::DigitsSent { leg }
            | Self::Recorded { leg, .. }
            | Self::RecordEnded { leg, .. }
            | Self::Timeout { leg }
            | Self::Latched { leg, .. }
            | Self::Closed { leg, .. } => *leg,
        }
    }
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

/// Figures of a leg, for its CDR and for finding out why there is no audio.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// RTP packets accepted.
    pub packets_received: u64,
    /// RTP packets sent.
    pub packets_sent: u64,
    /// RTP and RTCP packets that came from somebody else, or were malformed.
    pub packets_refused: u64,
    /// Accepted packets of a payload type that was not agreed.
    pub packets_unknown: u64,
    /// Packets that did not arrive, by the last source's sequence numbers.
    pub packets_lost: i32,
    /// Interarrival jitter of the last source.
    pub jitter: Duration,
    /// Packets the peer says it did not get.
    pub remote_lost: i32,
    /// Round-trip time by the peer's reports.
    pub round_trip: Option<Duration>,
    /// The peer's proven address.
    pub remote: Option<SocketAddr>,
}
