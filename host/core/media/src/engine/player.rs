//! Playback of a prompt list, frame by frame at the rate of the leg's codec.

use std::time::Duration;

use codec::resample::Resampler;
use codec::tone::Generator;
use codec::{Codec, Encoder, SampleRate};

use super::Source;

/// A playback going on.
#[derive(Debug)]
pub(super) struct Player {
    pub(super) play: u32,
    sources: Vec<Source>,
    rate: SampleRate,
    index: usize,
    /// Progress inside the current source, in samples: of its own rate for a prompt, of `rate` for others.
    done: usize,
    generator: Generator,
    resampler: Resampler,
    /// Converted samples that did not fit into the last frame.
    left: Vec<i16>,
    /// What is encoded now, of sources that are not encoded yet.
    frame: Vec<i16>,
}

impl Player {
    pub(super) fn new(play: u32, sources: Vec<Source>, rate: SampleRate) -> Self {
        let mut player = Self {
            play,
            sources,
            rate,
            index: 0,
            done: 0,
            generator: Generator::new(rate),
            resampler: Resampler::Same,
            left: Vec::new(),
            frame: Vec::new(),
        };
        player.begin_source();
        player
    }

    /// The codec changed: goes on at about the same place.
    pub(super) fn set_rate(&mut self, rate: SampleRate) {
        if self.rate != rate {
            let is_prompt = matches!(self.sources.get(self.index), Some(Source::Prompt(_)));
            let done = if is_prompt { self.done } else { self.done * rate.hz() as usize / self.rate.hz() as usize };
            self.rate = rate;
            self.left.clear();
            self.begin_source();
            self.done = done;
        }
    }

    /// Replaces `payload` by the next `ptime_ms` as `encoder` makes it, which has the rate of this player; returns whether anything
    /// of the list was in it. The rest of the last packet is silence.
    pub(super) fn fill(&mut self, ptime_ms: u32, encoder: &mut Encoder, payload: &mut Vec<u8>) -> bool {
        let codec = encoder.codec();
        let wanted = ptime_ms as usize * codec.bytes_per_ms();
        payload.clear();
        while payload.len() < wanted {
            let copied = self.copy(codec, wanted - payload.len(), payload);
            if copied == 0 && !self.encode(encoder, wanted - payload.len(), payload) {
                break;
            }
        }
        let has_audio = !payload.is_empty();
        self.frame.clear();
        self.frame.resize((wanted - payload.len()) * samples_per_byte(codec), 0);
        encoder.encode(&self.frame, payload);
        has_audio
    }

    /// Nothing is left to fill a packet with.
    pub(super) fn is_over(&self) -> bool {
        self.left.is_empty() && self.index >= self.sources.len()
    }

    /// Appends at most so many bytes of a source that was encoded for this codec before; returns how many.
    fn copy(&mut self, codec: Codec, room: usize, payload: &mut Vec<u8>) -> usize {
        if !self.left.is_empty() {
            return 0;
        }
        let Some(Source::Prompt(prompt)) = self.sources.get(self.index) else { return 0 };
        let Some(encoding) = prompt.encoding(codec) else { return 0 };
        // Progress is kept in samples, so that a change of the codec finds the place.
        let samples_per_ms = prompt.rate().samples(1);
        let begin = (self.done * codec.bytes_per_ms() / samples_per_ms).min(encoding.len());
        let end = (begin + room).min(encoding.len());
        payload.extend_from_slice(&encoding[begin..end]);
        self.done = end * samples_per_ms / codec.bytes_per_ms();
        if end == encoding.len() {
            self.index += 1;
            self.begin_source();
        }
        end - begin
    }

    /// Appends at most so many bytes of what has to be encoded; false at the end of the list.
    fn encode(&mut self, encoder: &mut Encoder, room: usize, payload: &mut Vec<u8>) -> bool {
        let mut frame = std::mem::take(&mut self.frame);
        frame.clear();
        frame.resize(room * samples_per_byte(encoder.codec()), 0);
        let filled = self.fill_samples(encoder.codec(), &mut frame);
        // Whole bytes, and the rest of the packet is somebody else's.
        frame.truncate(filled.next_multiple_of(samples_per_byte(encoder.codec())));
        encoder.encode(&frame, payload);
        self.frame = frame;
        // Nothing, and more to come: that is encoded already.
        filled > 0 || self.index < self.sources.len()
    }

    /// Fills a frame up to the next source that was encoded before; returns how many samples there were.
    fn fill_samples(&mut self, codec: Codec, frame: &mut [i16]) -> usize {
        let mut filled = 0;
        while filled < frame.len() {
            let taken = self.left.len().min(frame.len() - filled);
            frame[filled..filled + taken].copy_from_slice(&self.left[..taken]);
            self.left.drain(..taken);
            filled += taken;
            if filled < frame.len() {
                match self.next_samples(codec, &mut frame[filled..]) {
                    Some(made) => filled += made,
                    None => break,
                }
            }
        }
        filled
    }

    /// Makes some samples of the current source, in `frame` or in `left`; `None` if there is none that needs it.
    fn next_samples(&mut self, codec: Codec, frame: &mut [i16]) -> Option<usize> {
        let (made, is_over) = match self.sources.get(self.index)? {
            Source::Prompt(prompt) if prompt.encoding(codec).is_some() => return None,
            Source::Prompt(prompt) => {
                let (rate, samples) = (prompt.rate(), prompt.samples());
                let wanted = frame.len() * rate.hz() as usize / self.rate.hz() as usize;
                let begin = self.done.min(samples.len());
                let end = (begin + wanted.max(1)).min(samples.len());
                self.resampler.process(&samples[begin..end], &mut self.left);
                self.done = end;
                (0, end == samples.len())
            }
            Source::Tone(tone) => {
                let made = self.generator.fill(tone, frame);
                self.done += made;
                (made, made < frame.len())
            }
            Source::Silence(duration) => {
                let made = (samples(*duration, self.rate) - self.done).min(frame.len());
                frame[..made].fill(0);
                self.done += made;
                (made, made < frame.len())
            }
        };
        if is_over {
            self.index += 1;
            self.begin_source();
        }
        Some(made)
    }

    fn begin_source(&mut self) {
        self.done = 0;
        self.generator = Generator::new(self.rate);
        if let Some(Source::Prompt(prompt)) = self.sources.get(self.index) {
            self.resampler = Resampler::new(prompt.rate(), self.rate);
        }
    }
}

fn samples(duration: Duration, rate: SampleRate) -> usize {
    usize::try_from(duration.min(Source::SILENCE_MAX).as_millis()).expect("ten minutes fit")
        * (rate.hz() / 1000) as usize
}

fn samples_per_byte(codec: Codec) -> usize {
    codec.sample_rate().samples(1) / codec.bytes_per_ms()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use codec::Decoder;
    use codec::tone::Tone;

    use super::*;
    use crate::engine::Prompt;

    const PTIME_MS: u32 = 20;

    /// What is heard with a codec, packet by packet.
    fn drain(player: &mut Player, codec: Codec) -> Vec<i16> {
        let (mut encoder, mut decoder) = (Encoder::new(codec), Decoder::new(codec));
        let (mut payload, mut heard) = (Vec::new(), Vec::new());
        while !player.is_over() && player.fill(PTIME_MS, &mut encoder, &mut payload) {
            assert_eq!(payload.len(), PTIME_MS as usize * codec.bytes_per_ms());
            decoder.decode(&payload, &mut heard);
        }
        heard
    }

    /// Samples that G.711 leaves as they are.
    fn exact(samples: usize) -> Vec<i16> {
        let codes: Vec<u8> = (0..samples).map(|n| (n % 100 + 130) as u8).collect();
        codes.into_iter().map(codec::g711::alaw_decode).collect()
    }

    fn prompt(rate: SampleRate, samples: Vec<i16>) -> Arc<Prompt> {
        Arc::new(Prompt::new(rate, samples))
    }

    #[test]
    fn a_list_is_played_in_order_and_to_its_length() {
        let prompt = prompt(SampleRate::Hz8000, exact(250));
        let sources = vec![
            Source::Prompt(prompt.clone()),
            Source::Silence(Duration::from_millis(10)),
            Source::Prompt(Arc::new(Prompt::new(SampleRate::Hz8000, Vec::new()))),
            Source::Tone(Arc::new(Tone::parse("425/10").unwrap())),
            Source::Prompt(prompt.clone()),
        ];
        let heard = drain(&mut Player::new(1, sources, SampleRate::Hz8000), Codec::Pcma);
        assert_eq!(heard[..250], *prompt.samples());
        assert!(heard[250..330].iter().all(|&sample| sample.abs() <= 8));
        assert!(heard[331..410].iter().any(|&sample| sample > 5000));
        assert_eq!(heard[410..660], *prompt.samples());
        assert_eq!(heard.len(), 660_usize.next_multiple_of(160));
    }

    /// P10: what was encoded before goes out byte by byte as an encoder would have made it, between other sources, too.
    #[test]
    fn an_encoding_is_played_as_it_is() {
        for codec in [Codec::Pcmu, Codec::Pcma] {
            let plain = prompt(SampleRate::Hz8000, exact(480));
            let encoded = Arc::new(plain.encode(codec));
            let tone = Source::Tone(Arc::new(Tone::parse("425/33").unwrap()));
            let list = |prompt: &Arc<Prompt>| {
                let prompt = Source::Prompt(Arc::clone(prompt));
                vec![prompt.clone(), prompt.clone(), tone.clone(), prompt, tone.clone()]
            };
            let heard = |prompt| drain(&mut Player::new(1, list(prompt), SampleRate::Hz8000), codec);
            assert_eq!(heard(&encoded), heard(&plain), "{codec:?}");
        }
        // G.722 remembers what it encoded: the first prompt is the same to the last bit, and each is as long.
        let plain = prompt(SampleRate::Hz16000, (0..3_200).map(|n: i32| (n * 71 % 8_000) as i16).collect());
        let heard = |prompt: Prompt| {
            let sources = vec![Source::Prompt(Arc::new(prompt)); 2];
            drain(&mut Player::new(1, sources, SampleRate::Hz16000), Codec::G722)
        };
        let (encoded, live) = (heard(plain.encode(Codec::G722)), heard(Prompt::clone(&plain)));
        assert_eq!((&encoded[..3_200], encoded.len()), (&live[..3_200], live.len()));
    }

    #[test]
    fn an_encoding_for_another_codec_is_not_used() {
        let plain = prompt(SampleRate::Hz8000, exact(320));
        let sources = vec![Source::Prompt(Arc::new(plain.encode(Codec::G722)))];
        assert_eq!(drain(&mut Player::new(1, sources, SampleRate::Hz8000), Codec::Pcma), *plain.samples());
    }

    #[test]
    fn prompts_of_the_other_rate_keep_their_duration() {
        for (prompt_rate, codec) in [(SampleRate::Hz8000, Codec::G722), (SampleRate::Hz16000, Codec::Pcma)] {
            let prompt = prompt(prompt_rate, vec![100; prompt_rate.samples(1000)]);
            for prompt in [Arc::new(prompt.encode(codec)), prompt] {
                let mut player = Player::new(1, vec![Source::Prompt(prompt)], codec.sample_rate());
                assert_eq!(drain(&mut player, codec).len(), codec.sample_rate().samples(1000));
            }
        }
    }

    #[test]
    fn an_empty_list_is_over_at_once() {
        assert!(Player::new(1, Vec::new(), SampleRate::Hz8000).is_over());
        let silent = vec![Source::Prompt(Arc::new(Prompt::new(SampleRate::Hz8000, Vec::new()).encode(Codec::Pcma)))];
        let mut player = Player::new(1, silent, SampleRate::Hz8000);
        assert!(!player.fill(PTIME_MS, &mut Encoder::new(Codec::Pcma), &mut Vec::new()) && player.is_over());
    }

    #[test]
    fn a_change_of_codec_goes_on_in_the_middle() {
        let plain = Prompt::new(SampleRate::Hz8000, vec![100; 1600]);
        for prompt in [plain.clone(), plain.encode(Codec::Pcma), plain.encode(Codec::G722)] {
            let sources = vec![Source::Prompt(Arc::new(prompt)), Source::Silence(Duration::from_millis(100))];
            let mut player = Player::new(1, sources, SampleRate::Hz8000);
            assert!(player.fill(100, &mut Encoder::new(Codec::Pcma), &mut Vec::new()));
            player.set_rate(SampleRate::Hz16000);
            assert_eq!(drain(&mut player, Codec::G722).len(), 1600 + 1600);
        }
    }
}
