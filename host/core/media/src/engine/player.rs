//! Playback of a prompt list, frame by frame at the rate of the leg's codec.

use std::time::Duration;

use codec::SampleRate;
use codec::resample::Resampler;
use codec::tone::Generator;

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
}

impl Player {
    pub(super) fn new(play: u32, sources: Vec<Source>, rate: SampleRate) -> Self {
        let generator = Generator::new(rate);
        let mut player =
            Self { play, sources, rate, index: 0, done: 0, generator, resampler: Resampler::Same, left: Vec::new() };
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

    /// Fills a frame; returns whether anything of the list was in it. The rest of the last frame is silence.
    pub(super) fn fill(&mut self, frame: &mut [i16]) -> bool {
        let mut filled = 0;
        while filled < frame.len() {
            let taken = self.left.len().min(frame.len() - filled);
            frame[filled..filled + taken].copy_from_slice(&self.left[..taken]);
            self.left.drain(..taken);
            filled += taken;
            if filled < frame.len() {
                match self.next_samples(&mut frame[filled..]) {
                    Some(made) => filled += made,
                    None => break,
                }
            }
        }
        frame[filled..].fill(0);
        filled > 0
    }

    /// Nothing is left to fill a frame with.
    pub(super) fn is_over(&self) -> bool {
        self.left.is_empty() && self.index >= self.sources.len()
    }

    /// Makes some samples of the current source, in `frame` or in `left`; `None` at the end of the list.
    fn next_samples(&mut self, frame: &mut [i16]) -> Option<usize> {
        let (made, is_over) = match self.sources.get(self.index)? {
            Source::Prompt(prompt) => {
                let wanted = frame.len() * prompt.rate.hz() as usize / self.rate.hz() as usize;
                let end = (self.done + wanted.max(1)).min(prompt.samples.len());
                self.resampler.process(&prompt.samples[self.done..end], &mut self.left);
                self.done = end;
                (0, end == prompt.samples.len())
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
            self.resampler = Resampler::new(prompt.rate, self.rate);
        }
    }
}

fn samples(duration: Duration, rate: SampleRate) -> usize {
    usize::try_from(duration.min(Source::SILENCE_MAX).as_millis()).expect("ten minutes fit")
        * (rate.hz() / 1000) as usize
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use codec::tone::Tone;

    use super::*;
    use crate::engine::Prompt;

    fn drain(player: &mut Player, frame_len: usize) -> Vec<i16> {
        let mut heard = Vec::new();
        let mut frame = vec![0; frame_len];
        while !player.is_over() && player.fill(&mut frame) {
            heard.extend_from_slice(&frame);
        }
        heard
    }

    #[test]
    fn a_list_is_played_in_order_and_to_its_length() {
        let prompt = Arc::new(Prompt { rate: SampleRate::Hz8000, samples: (1..=250).collect() });
        let sources = vec![
            Source::Prompt(prompt.clone()),
            Source::Silence(Duration::from_millis(10)),
            Source::Prompt(Arc::new(Prompt { rate: SampleRate::Hz8000, samples: Vec::new() })),
            Source::Tone(Arc::new(Tone::parse("425/10").unwrap())),
            Source::Prompt(prompt.clone()),
        ];
        let heard = drain(&mut Player::new(1, sources, SampleRate::Hz8000), 160);
        assert_eq!(heard[..250], prompt.samples);
        assert!(heard[250..330].iter().all(|&sample| sample == 0));
        assert!(heard[331..410].iter().any(|&sample| sample > 5000));
        assert_eq!(heard[410..660], prompt.samples);
        assert_eq!(heard.len(), 660_usize.next_multiple_of(160));
    }

    #[test]
    fn prompts_of_the_other_rate_keep_their_duration() {
        for (prompt_rate, leg_rate) in
            [(SampleRate::Hz8000, SampleRate::Hz16000), (SampleRate::Hz16000, SampleRate::Hz8000)]
        {
            let prompt = Arc::new(Prompt { rate: prompt_rate, samples: vec![100; prompt_rate.samples(1000)] });
            let mut player = Player::new(1, vec![Source::Prompt(prompt)], leg_rate);
            assert_eq!(drain(&mut player, leg_rate.samples(20)).len(), leg_rate.samples(1000));
        }
    }

    #[test]
    fn an_empty_list_is_over_at_once() {
        assert!(Player::new(1, Vec::new(), SampleRate::Hz8000).is_over());
    }

    #[test]
    fn a_change_of_rate_goes_on_in_the_middle() {
        let prompt = Arc::new(Prompt { rate: SampleRate::Hz8000, samples: vec![100; 1600] });
        let mut player = Player::new(
            1,
            vec![Source::Prompt(prompt), Source::Silence(Duration::from_millis(100))],
            SampleRate::Hz8000,
        );
        let mut frame = [0; 800];
        assert!(player.fill(&mut frame));
        player.set_rate(SampleRate::Hz16000);
        assert_eq!(drain(&mut player, 320).len(), 1600 + 1600);
    }
}
