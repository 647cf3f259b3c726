//! Recorded audio in memory, and the same as it goes over the wire.

use std::sync::Arc;

use codec::resample::Resampler;
use codec::wav::{self, WavError};
use codec::{Codec, Encoder, SampleRate};

/// Recorded audio in memory, ready to be played to any number of legs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prompt {
    rate: SampleRate,
    samples: Arc<[i16]>,
    /// What was encoded before somebody heard it: once, and not for each leg.
    encodings: Vec<(Codec, Arc<[u8]>)>,
}

impl Prompt {
    /// Most samples of a prompt: ten minutes at 16 kHz (19 MB).
    pub const SAMPLES_MAX: usize = 10 * 60 * 16_000;
    /// An encoding is as long as whole packets of this time.
    const PACKET_MS: u32 = 20;

    /// Mono samples at a rate.
    pub fn new(rate: SampleRate, samples: Vec<i16>) -> Self {
        Self { rate, samples: samples.into(), encodings: Vec::new() }
    }

    /// A prompt from a WAV file.
    pub fn from_wav(bytes: &[u8]) -> Result<Self, WavError> {
        wav::read(bytes, Self::SAMPLES_MAX).map(|wav| Self::new(wav.rate, wav.samples))
    }

    /// Rate of the samples.
    pub fn rate(&self) -> SampleRate {
        self.rate
    }

    /// The samples.
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }

    /// What legs with this codec are sent, if it was made: 8 bytes for each millisecond, the last packet filled with silence.
    pub fn encoding(&self, codec: Codec) -> Option<&[u8]> {
        self.encodings.iter().find(|(other, _)| *other == codec).map(|(_, bytes)| &**bytes)
    }

    /// The same prompt with this encoding, too. The samples are shared.
    #[must_use]
    pub fn encode(&self, codec: Codec) -> Self {
        if self.encoding(codec).is_some() {
            return self.clone();
        }
        let mut samples = Vec::new();
        Resampler::new(self.rate, codec.sample_rate()).process(&self.samples, &mut samples);
        samples.resize(samples.len().next_multiple_of(codec.sample_rate().samples(Self::PACKET_MS)), 0);
        let mut bytes = Vec::new();
        Encoder::new(codec).encode(&samples, &mut bytes);
        let mut encodings = self.encodings.clone();
        encodings.push((codec, bytes.into()));
        Self { encodings, ..self.clone() }
    }

    /// Memory that it takes.
    pub fn bytes(&self) -> usize {
        size_of_val(&*self.samples) + self.encodings.iter().map(|(_, bytes)| bytes.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_encoding_is_whole_packets_of_what_an_encoder_makes() {
        let samples: Vec<i16> = (0..1_000).map(|n: i32| (n * 37 % 9_000) as i16).collect();
        let prompt = Prompt::new(SampleRate::Hz8000, samples.clone()).encode(Codec::Pcma).encode(Codec::G722);
        let mut expected = Vec::new();
        Encoder::new(Codec::Pcma).encode(&samples, &mut expected);
        let encoding = prompt.encoding(Codec::Pcma).unwrap();
        assert_eq!((&encoding[..1_000], encoding.len()), (&expected[..], 1_120));
        assert_eq!(prompt.encoding(Codec::G722).unwrap().len(), 1_120, "of the same duration in every codec");
        assert_eq!(prompt.encoding(Codec::Pcmu), None);
        assert_eq!(prompt.bytes(), 2_000 + 2 * 1_120);
        assert_eq!(prompt.encode(Codec::Pcma), prompt, "made once");
        assert_eq!(prompt.samples(), samples);
    }
}
