//! What the engine can be told.

use std::sync::Arc;
use std::time::Duration;

use codec::SampleRate;
use codec::tone::{Tone, ToneError};

use super::{LegKey, Prompt};
use crate::negotiation::StreamParams;

/// What the engine can be told. A command for a leg that is not there is ignored: it may just have been removed.
#[derive(Clone, Debug)]
pub enum Command {
    /// A leg with sockets, before anything is negotiated. `RtpHandle::allocate` sends it.
    Add {
        /// Its name.
        leg: LegKey,
        /// Settings that do not come from SDP.
        options: LegOptions,
    },
    /// What was negotiated, first or again.
    Update {
        /// The leg.
        leg: LegKey,
        /// From `Negotiation::stream`.
        stream: StreamParams,
    },
    /// The leg is over. Dropping an `RtpPort` sends it.
    Remove {
        /// The leg.
        leg: LegKey,
    },
    /// Each hears the other; earlier bridges of both end.
    Bridge {
        /// One leg.
        a: LegKey,
        /// The other.
        b: LegKey,
    },
    /// They no longer do.
    Unbridge {
        /// One leg.
        a: LegKey,
        /// The other.
        b: LegKey,
    },
    /// Plays a list once, in place of what the leg would hear; replaces a playback still going on.
    Play {
        /// Who hears it.
        leg: LegKey,
        /// Named again in `Event::PlayEnded`.
        play: u32,
        /// What is heard, in this order.
        sources: Vec<Source>,
    },
    /// Stops that playback, if it still goes on.
    StopPlay {
        /// Who hears it.
        leg: LegKey,
        /// Which.
        play: u32,
    },
    /// A tone over and over, such as ring-back, until told otherwise; a playback goes before it.
    RingTone {
        /// Who hears it.
        leg: LegKey,
        /// The cadence; `None` stops it.
        tone: Option<Arc<Tone>>,
    },
    /// The leg hears itself instead of its bridge.
    Echo {
        /// The leg.
        leg: LegKey,
        /// Begin or end.
        on: bool,
    },
    /// Sends digits as telephone-events, or as tones where the peer takes none. `w` pauses for half a second.
    SendDigits {
        /// To whom.
        leg: LegKey,
        /// Queued after those still being sent.
        digits: String,
    },
    /// Sends a digit that another party pressed, as `SendDigits` does, but nobody waits for it.
    PassDigit {
        /// To whom.
        leg: LegKey,
        /// Queued after those still being sent.
        digit: char,
    },
    /// Records what the leg says; replaces a recording still going on.
    Record {
        /// Who is recorded.
        leg: LegKey,
        /// Named again in the events.
        record: u32,
        /// How.
        options: RecordOptions,
    },
    /// Stops that recording, if it still goes on.
    StopRecord {
        /// Who is recorded.
        leg: LegKey,
        /// Which.
        record: u32,
    },
}

impl Command {
    /// The leg it is for, and the other one of a bridge.
    pub fn legs(&self) -> (LegKey, Option<LegKey>) {
        match self {
            Self::Add { leg, .. }
            | Self::Update { leg, .. }
            | Self::Remove { leg }
            | Self::Play { leg, .. }
            | Self::StopPlay { leg, .. }
            | Self::RingTone { leg, .. }
            | Self::Echo { leg, .. }
            | Self::SendDigits { leg, .. }
            | Self::PassDigit { leg, .. }
            | Self::Record { leg, .. }
            | Self::StopRecord { leg, .. } => (*leg, None),
            Self::Bridge { a, b } | Self::Unbridge { a, b } => (*a, Some(*b)),
        }
    }
}

/// Settings of a leg that do not come from SDP.
#[derive(Clone, Debug, Default)]
pub struct LegOptions {
    /// `Event::Timeout` when nothing arrived for so long although it should.
    pub media_timeout: Option<Duration>,
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

/// One piece of a prompt list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Recorded audio.
    Prompt(Arc<Prompt>),
    /// A tone list, played once.
    Tone(Arc<Tone>),
    /// Silence.
    Silence(Duration),
}

impl Source {
    /// Longest `silence:`.
    pub const SILENCE_MAX: Duration = Duration::from_secs(600);

    /// The source of a prompt name that needs no file: `tone:425/500,0/500` or `silence:MS`. `None` if it is another.
    pub fn from_name(name: &str) -> Option<Result<Self, ToneError>> {
        if let Some(list) = name.strip_prefix("tone:") {
            return Some(Tone::parse(list).map(|tone| Self::Tone(Arc::new(tone))));
        }
        let ms = name.strip_prefix("silence:")?;
        let silence = ms.parse().map_err(|_| ToneError::Syntax).map(Duration::from_millis);
        Some(silence.map(|silence| Self::Silence(silence.min(Self::SILENCE_MAX))))
    }
}
