//! Codecs: frames in, frames out. Samples are mono signed 16-bit; nothing here knows of RTP packets, sockets or time.
//!
//! Every codec is written here from its recommendation (G.711, G.722), so that this crate has no FFI and nothing that
//! a hostile payload could break: decoding accepts any bytes.
//!
//! ```
//! use codec::{Codec, Decoder, Encoder};
//!
//! let mut bytes = Vec::new();
//! Encoder::new(Codec::Pcmu).encode(&[0; 160], &mut bytes);
//! let mut samples = Vec::new();
//! Decoder::new(Codec::Pcmu).decode(&bytes, &mut samples);
//! assert_eq!(samples, [0; 160]);
//! ```

pub mod g711;
pub mod g722;
pub mod goertzel;
pub mod resample;
pub mod tone;
pub mod wav;

/// A codec this host negotiates and transcodes (F18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Codec {
    /// G.711 µ-law.
    Pcmu,
    /// G.711 A-law.
    Pcma,
    /// G.722 at 64 kbit/s: 16 kHz audio with an RTP clock of 8 kHz.
    G722,
}

impl Codec {
    /// Every codec, in the order preferred when nobody asks for another.
    pub const ALL: [Self; 3] = [Self::G722, Self::Pcma, Self::Pcmu];

    /// Encoding name of RFC 3551 §6, as written in `a=rtpmap`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcmu => "PCMU",
            Self::Pcma => "PCMA",
            Self::G722 => "G722",
        }
    }

    /// Codec of an encoding name (in any case); also knows the names administrators write: `ulaw`, `alaw`.
    pub fn from_name(name: &str) -> Option<Self> {
        match () {
            () if name.eq_ignore_ascii_case("PCMU") || name.eq_ignore_ascii_case("ulaw") => Some(Self::Pcmu),
            () if name.eq_ignore_ascii_case("PCMA") || name.eq_ignore_ascii_case("alaw") => Some(Self::Pcma),
            () if name.eq_ignore_ascii_case("G722") => Some(Self::G722),
            () => None,
        }
    }

    /// Static payload type of RFC 3551 table 4.
    pub fn static_payload_type(self) -> u8 {
        match self {
            Self::Pcmu => 0,
            Self::Pcma => 8,
            Self::G722 => 9,
        }
    }

    /// Codec of a static payload type.
    pub fn from_static_payload_type(payload_type: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|codec| codec.static_payload_type() == payload_type)
    }

    /// Ticks of the RTP timestamp a second: 8000 for G.722 too, by the historical error of RFC 3551 §4.5.2.
    pub fn rtp_clock(self) -> u32 {
        8000
    }

    /// Rate of the audio that goes in and comes out.
    pub fn sample_rate(self) -> SampleRate {
        match self {
            Self::Pcmu | Self::Pcma => SampleRate::Hz8000,
            Self::G722 => SampleRate::Hz16000,
        }
    }

    /// Bytes of payload for one millisecond: all three run at 64 kbit/s.
    pub fn bytes_per_ms(self) -> usize {
        8
    }
}

/// A rate of linear audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SampleRate {
    /// Narrow band.
    Hz8000,
    /// Wide band.
    Hz16000,
}

impl SampleRate {
    /// Samples a second.
    pub fn hz(self) -> u32 {
        match self {
            Self::Hz8000 => 8000,
            Self::Hz16000 => 16000,
        }
    }

    /// Samples in a span of milliseconds.
    pub fn samples(self, ms: u32) -> usize {
        (self.hz() / 1000 * ms) as usize
    }

    /// The rate of so many samples a second, if it is one of ours.
    pub fn from_hz(hz: u32) -> Option<Self> {
        match hz {
            8000 => Some(Self::Hz8000),
            16000 => Some(Self::Hz16000),
            _ => None,
        }
    }
}

/// One direction of a stream being encoded.
#[derive(Clone, Debug)]
pub enum Encoder {
    /// µ-law has no state.
    Pcmu,
    /// A-law has no state.
    Pcma,
    /// G.722 adapts to what it has heard.
    G722(Box<g722::Encoder>),
}

impl Encoder {
    /// An encoder at the beginning of a stream.
    pub fn new(codec: Codec) -> Self {
        match codec {
            Codec::Pcmu => Self::Pcmu,
            Codec::Pcma => Self::Pcma,
            Codec::G722 => Self::G722(Box::default()),
        }
    }

    /// What it encodes to.
    pub fn codec(&self) -> Codec {
        match self {
            Self::Pcmu => Codec::Pcmu,
            Self::Pcma => Codec::Pcma,
            Self::G722(_) => Codec::G722,
        }
    }

    /// Appends the code of `samples` (at the codec's sample rate) to `out`. An odd last sample of G.722 is left out.
    pub fn encode(&mut self, samples: &[i16], out: &mut Vec<u8>) {
        match self {
            Self::Pcmu => out.extend(samples.iter().map(|&sample| g711::ulaw_encode(sample))),
            Self::Pcma => out.extend(samples.iter().map(|&sample| g711::alaw_encode(sample))),
            Self::G722(encoder) => out.extend(samples.as_chunks().0.iter().map(|pair| encoder.encode(*pair))),
        }
    }
}

/// One direction of a stream being decoded.
#[derive(Clone, Debug)]
pub enum Decoder {
    /// µ-law has no state.
    Pcmu,
    /// A-law has no state.
    Pcma,
    /// G.722 adapts to what it has heard.
    G722(Box<g722::Decoder>),
}

impl Decoder {
    /// A decoder at the beginning of a stream.
    pub fn new(codec: Codec) -> Self {
        match codec {
            Codec::Pcmu => Self::Pcmu,
            Codec::Pcma => Self::Pcma,
            Codec::G722 => Self::G722(Box::default()),
        }
    }

    /// What it decodes.
    pub fn codec(&self) -> Codec {
        match self {
            Self::Pcmu => Codec::Pcmu,
            Self::Pcma => Codec::Pcma,
            Self::G722(_) => Codec::G722,
        }
    }

    /// Appends the samples of `bytes` (at the codec's sample rate) to `out`. Any bytes are valid.
    pub fn decode(&mut self, bytes: &[u8], out: &mut Vec<i16>) {
        match self {
            Self::Pcmu => out.extend(bytes.iter().map(|&code| g711::ulaw_decode(code))),
            Self::Pcma => out.extend(bytes.iter().map(|&code| g711::alaw_decode(code))),
            Self::G722(decoder) => out.extend(bytes.iter().flat_map(|&code| decoder.decode(code))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_payload_types_are_those_of_rfc_3551() {
        for codec in Codec::ALL {
            assert_eq!(Codec::from_name(&codec.name().to_lowercase()), Some(codec));
            assert_eq!(Codec::from_static_payload_type(codec.static_payload_type()), Some(codec));
            assert_eq!(Encoder::new(codec).codec(), codec);
            assert_eq!(Decoder::new(codec).codec(), codec);
        }
        assert_eq!(Codec::from_name("opus"), None);
        assert_eq!(Codec::from_static_payload_type(3), None);
    }

    #[test]
    fn twenty_milliseconds_are_160_bytes_in_every_codec() {
        for codec in Codec::ALL {
            let mut bytes = Vec::new();
            Encoder::new(codec).encode(&vec![0; codec.sample_rate().samples(20)], &mut bytes);
            assert_eq!(bytes.len(), 20 * codec.bytes_per_ms());
            let mut samples = Vec::new();
            Decoder::new(codec).decode(&bytes, &mut samples);
            assert_eq!(samples.len(), codec.sample_rate().samples(20));
        }
    }
}
