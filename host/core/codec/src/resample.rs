//! Resampling between 8 and 16 kHz by a half-band polyphase filter, continuous over the pieces of a stream.
//!
//! The filter is a windowed sinc of 47 taps at a quarter of the higher rate: flat to 3.3 kHz, under -60 dB above 4.7 kHz.
//! Of a half-band filter every other tap is zero and the middle one is a half, so one branch is a plain delay.

use crate::SampleRate;

/// A converter for one direction of one stream.
#[derive(Clone, Debug)]
pub enum Resampler {
    /// Both rates are the same.
    Same,
    /// 8 to 16 kHz.
    Up(Branch),
    /// 16 to 8 kHz.
    Down(Box<Down>),
}

impl Resampler {
    /// A converter at the beginning of a stream.
    pub fn new(from: SampleRate, to: SampleRate) -> Self {
        match (from, to) {
            (SampleRate::Hz8000, SampleRate::Hz16000) => Self::Up(Branch::default()),
            (SampleRate::Hz16000, SampleRate::Hz8000) => Self::Down(Box::default()),
            _ => Self::Same,
        }
    }

    /// Appends the converted samples to `out`.
    pub fn process(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        match self {
            Self::Same => out.extend_from_slice(samples),
            Self::Up(branch) => out.extend(samples.iter().flat_map(|&sample| {
                branch.push(sample);
                // The taps of one phase sum up to a half: of a stream at the higher rate every other sample is zero.
                [clip(branch.filtered(), 14), branch.delayed()]
            })),
            Self::Down(down) => down.process(samples, out),
        }
    }
}

/// Decimation: the even samples go through the filter's branch, the odd ones through its delay.
#[derive(Clone, Debug, Default)]
pub struct Down {
    even: Branch,
    odd: Branch,
    /// An even sample waiting for its odd one.
    waiting: Option<i16>,
}

impl Down {
    fn process(&mut self, samples: &[i16], out: &mut Vec<i16>) {
        for &sample in samples {
            match self.waiting.take() {
                None => self.waiting = Some(sample),
                Some(even) => {
                    self.even.push(even);
                    let middle = i32::from(self.odd.delayed()) * (ONE / 2);
                    out.push(clip(self.even.filtered() + middle, 15));
                    self.odd.push(sample);
                }
            }
        }
    }
}

/// The last samples of one phase, kept twice so that a window is always in one piece.
#[derive(Clone, Debug)]
pub struct Branch {
    window: [i16; 2 * TAPS],
    at: usize,
}

impl Default for Branch {
    fn default() -> Self {
        Self { window: [0; 2 * TAPS], at: 0 }
    }
}

impl Branch {
    fn push(&mut self, sample: i16) {
        self.window[self.at] = sample;
        self.window[self.at + TAPS] = sample;
        self.at = (self.at + 1) % TAPS;
    }

    /// The sum over the branch's taps, scaled by `ONE`. It fits (see `clip`); the check would cost the vectors.
    fn filtered(&self) -> i32 {
        let window: &[i16; TAPS] = self.window[self.at..].first_chunk().expect("`at` is less than TAPS");
        let products = window.iter().zip(&FILTER).map(|(&sample, &tap)| i32::from(sample) * i32::from(tap));
        products.fold(0, i32::wrapping_add)
    }

    /// The sample in the middle of the window.
    fn delayed(&self) -> i16 {
        self.window[self.at + TAPS / 2]
    }
}

/// Unit gain.
const ONE: i32 = 1 << 15;

/// Taps of the branch that is not a delay.
const TAPS: usize = 24;

/// Odd taps of `sinc(n / 2) / 2` under a Kaiser window (β = 6), times `ONE`; made by the formula checked in the tests.
static FILTER: [i16; TAPS] = [
    -13, 33, -69, 127, -213, 338, -518, 779, -1175, 1851, -3332, 10384, 10384, -3332, 1851, -1175, 779, -518, 338,
    -213, 127, -69, 33, -13,
];

/// Rounds away the fraction. The taps' magnitudes sum up to 37664, so no input overflows 31 bits before this.
fn clip(scaled: i32, fraction_bits: u32) -> i16 {
    ((scaled + (1 << (fraction_bits - 1))) >> fraction_bits).clamp(i16::MIN.into(), i16::MAX.into()) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::goertzel;

    fn sine(rate: SampleRate, frequency: f64) -> Vec<i16> {
        let omega = core::f64::consts::TAU * frequency / f64::from(rate.hz());
        (0..rate.hz()).map(|n| (10_000.0 * (f64::from(n) * omega).sin()) as i16).collect()
    }

    /// In pieces of changing size, which must not matter.
    fn convert(from: SampleRate, to: SampleRate, samples: &[i16]) -> Vec<i16> {
        let mut resampler = Resampler::new(from, to);
        let mut out = Vec::new();
        for piece in samples.chunks(161) {
            resampler.process(piece, &mut out);
        }
        out
    }

    #[test]
    fn the_filter_is_the_formula() {
        let bessel = |x: f64| {
            (1..40)
                .fold((1.0, 1.0), |(sum, term), k| {
                    let term = term * (x / 2.0 / f64::from(k)).powi(2);
                    (sum + term, term)
                })
                .0
        };
        let raw: Vec<f64> = (0..TAPS as i32)
            .map(|tap| {
                let n = f64::from(2 * tap - (TAPS as i32 - 1));
                let sinc = (core::f64::consts::FRAC_PI_2 * n).sin() / (core::f64::consts::PI * n);
                sinc * bessel(6.0 * (1.0 - (n / TAPS as f64).powi(2)).sqrt())
            })
            .collect();
        let scale = f64::from(ONE / 2) / raw.iter().sum::<f64>();
        assert!(raw.iter().zip(FILTER).all(|(value, tap)| (value * scale).round() as i16 == tap));
    }

    #[test]
    fn speech_band_passes_both_ways_at_its_level() {
        for frequency in [100.0, 1000.0, 3000.0] {
            let wide = convert(SampleRate::Hz8000, SampleRate::Hz16000, &sine(SampleRate::Hz8000, frequency));
            assert_eq!(wide.len(), 16000);
            assert!((goertzel::amplitude(&wide[1600..], SampleRate::Hz16000, frequency) - 10_000.0).abs() < 100.0);
            assert!(goertzel::purity(&wide[1600..], SampleRate::Hz16000, frequency) > 0.999);
            let narrow = convert(SampleRate::Hz16000, SampleRate::Hz8000, &wide);
            assert_eq!(narrow.len(), 8000);
            assert!(goertzel::purity(&narrow[800..], SampleRate::Hz8000, frequency) > 0.999);
        }
    }

    #[test]
    fn what_narrow_band_cannot_hold_is_removed_not_folded() {
        let narrow = convert(SampleRate::Hz16000, SampleRate::Hz8000, &sine(SampleRate::Hz16000, 5000.0));
        assert!(goertzel::amplitude(&narrow[800..], SampleRate::Hz8000, 3000.0) < 20.0);
    }

    #[test]
    fn the_loudest_input_clips_instead_of_overflowing() {
        for tap_sign in [1, -1] {
            let worst: Vec<i16> =
                FILTER.iter().map(|tap| if tap * tap_sign > 0 { i16::MAX } else { i16::MIN }).collect();
            let wide = convert(SampleRate::Hz8000, SampleRate::Hz16000, &worst);
            let doubled: Vec<i16> = worst.iter().flat_map(|&sample| [sample, sample]).collect();
            assert_eq!(convert(SampleRate::Hz16000, SampleRate::Hz8000, &doubled).len(), TAPS);
            assert!(wide.contains(&if tap_sign == 1 { i16::MAX } else { i16::MIN }));
        }
        assert_eq!(convert(SampleRate::Hz8000, SampleRate::Hz8000, &[1, 2]), [1, 2]);
    }
}
