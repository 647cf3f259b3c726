//! Recording of what a leg says, on a clock of ours: what did not arrive is concealed or silent, never left out.

use std::collections::VecDeque;
use std::time::Duration;

use codec::resample::Resampler;
use codec::{Codec, Decoder};

use super::{RecordEnd, RecordOptions};
use crate::jitter::{Jitter, Popped};

/// A recording going on.
#[derive(Debug)]
pub(super) struct Recorder {
    pub(super) record: u32,
    pub(super) options: RecordOptions,
    pub(super) jitter: Jitter,
    decoder: Decoder,
    resampler: Resampler,
    decoded: Vec<i16>,
    /// Samples at the recording's rate, waiting for their time.
    waiting: VecDeque<i16>,
    chunk: Vec<i16>,
    /// Samples of the packet heard last, and how often they were repeated for lost ones.
    last: Vec<i16>,
    repeats: u32,
    handed_out: u64,
    silent: u64,
}

/// A chunk is handed out when it has so much.
const CHUNK_MS: u32 = 500;
/// How often a lost packet is concealed by the last one heard, each time at half the level.
const REPEATS_MAX: u32 = 3;
/// Mean magnitude under which a frame is silence: about -43 dBm0.
const SILENCE_LEVEL: u64 = 200;

impl Recorder {
    pub(super) fn new(record: u32, options: RecordOptions) -> Self {
        let resampler = Resampler::new(Codec::Pcmu.sample_rate(), options.rate);
        Self {
            record,
            options,
            jitter: Jitter::default(),
            decoder: Decoder::new(Codec::Pcmu),
            resampler,
            decoded: Vec::new(),
            waiting: VecDeque::new(),
            chunk: Vec::new(),
            last: Vec::new(),
            repeats: 0,
            handed_out: 0,
            silent: 0,
        }
    }

    /// Takes the next `ptime_ms` of audio; returns a chunk when one is full, and why the recording is over if it is.
    pub(super) fn tick(&mut self, ptime_ms: u32) -> (Option<Vec<i16>>, Option<RecordEnd>) {
        let mut wanted = self.options.rate.samples(ptime_ms);
        let left = self.max_samples().saturating_sub(self.total());
        wanted = wanted.min(usize::try_from(left).unwrap_or(usize::MAX));
        if self.jitter.is_overfull() {
            self.take_packet();
            self.waiting.clear();
        }
        while self.waiting.len() < wanted && self.take_packet() {}
        let present = self.waiting.len().min(wanted);
        let start = self.chunk.len();
        self.chunk.extend(self.waiting.drain(..present));
        self.chunk.resize(start + wanted, 0);
        self.measure(start);
        let end = self.end();
        let is_full = self.chunk.len() >= self.options.rate.samples(CHUNK_MS);
        ((is_full || end.is_some()).then(|| self.take_chunk()), end)
    }

    /// What is left to be handed out.
    pub(super) fn take_chunk(&mut self) -> Vec<i16> {
        self.handed_out += self.chunk.len() as u64;
        std::mem::take(&mut self.chunk)
    }

    /// How much was handed out.
    pub(super) fn duration_ms(&self) -> u64 {
        self.handed_out * 1000 / u64::from(self.options.rate.hz())
    }

    fn total(&self) -> u64 {
        self.handed_out + self.chunk.len() as u64
    }

    fn max_samples(&self) -> u64 {
        samples(self.options.max, self.options.rate.hz())
    }

    fn end(&self) -> Option<RecordEnd> {
        let silence = self.options.silence.map(|silence| samples(silence, self.options.rate.hz()));
        match silence {
            _ if self.total() >= self.max_samples() => Some(RecordEnd::MaxDuration),
            Some(silence) if self.silent >= silence => Some(RecordEnd::Silence),
            _ => None,
        }
    }

    /// Decodes what is next in turn; `false` if nothing is there.
    fn take_packet(&mut self) -> bool {
        match self.jitter.pop() {
            Popped::Packet(codec, payload) => {
                if self.decoder.codec() != codec {
                    self.decoder = Decoder::new(codec);
                    self.resampler = Resampler::new(codec.sample_rate(), self.options.rate);
                }
                self.decoded.clear();
                self.decoder.decode(payload, &mut self.decoded);
                self.last.clear();
                self.resampler.process(&self.decoded, &mut self.last);
                self.repeats = 0;
                self.waiting.extend(&self.last);
            }
            Popped::Lost => {
                self.repeats += 1;
                let is_kept = self.repeats <= REPEATS_MAX;
                self.last.iter_mut().for_each(|sample| *sample = if is_kept { *sample / 2 } else { 0 });
                self.waiting.extend(&self.last);
            }
            Popped::Blank => {}
            Popped::Empty => return false,
        }
        true
    }

    fn measure(&mut self, start: usize) {
        let frame = &self.chunk[start..];
        let sum: u64 = frame.iter().map(|sample| u64::from(sample.unsigned_abs())).sum();
        let is_silent = sum < SILENCE_LEVEL * frame.len().max(1) as u64;
        self.silent = if is_silent { self.silent + frame.len() as u64 } else { 0 };
    }
}

fn samples(duration: Duration, hz: u32) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).saturating_mul(u64::from(hz)) / 1000
}
