//! One direction of a bridge between two codecs: packet in, packet out, of the same duration.

use codec::resample::Resampler;
use codec::{Codec, Decoder, Encoder, g711};

/// A conversion going on; G.711 to G.711 is a table and needs no state.
#[derive(Debug)]
pub(super) struct Transcoder {
    decoder: Decoder,
    resampler: Resampler,
    encoder: Encoder,
    decoded: Vec<i16>,
    resampled: Vec<i16>,
}

impl Transcoder {
    pub(super) fn new(from: Codec, to: Codec) -> Self {
        Self {
            decoder: Decoder::new(from),
            resampler: Resampler::new(from.sample_rate(), to.sample_rate()),
            encoder: Encoder::new(to),
            decoded: Vec::new(),
            resampled: Vec::new(),
        }
    }

    pub(super) fn is_for(&self, from: Codec, to: Codec) -> bool {
        self.decoder.codec() == from && self.encoder.codec() == to
    }

    /// Replaces `out` by the converted payload.
    pub(super) fn convert(&mut self, payload: &[u8], out: &mut Vec<u8>) {
        out.clear();
        match (self.decoder.codec(), self.encoder.codec()) {
            (Codec::Pcmu, Codec::Pcma) => out.extend(payload.iter().map(|&code| g711::ulaw_to_alaw(code))),
            (Codec::Pcma, Codec::Pcmu) => out.extend(payload.iter().map(|&code| g711::alaw_to_ulaw(code))),
            _ => {
                self.decoded.clear();
                self.decoder.decode(payload, &mut self.decoded);
                self.resampled.clear();
                self.resampler.process(&self.decoded, &mut self.resampled);
                self.encoder.encode(&self.resampled, out);
            }
        }
    }
}
