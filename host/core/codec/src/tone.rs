//! Tones: a cadence of frequencies, such as ring-back `425/1000,0/4000` or a DTMF digit `697+1209/100`.

use core::fmt;

use crate::SampleRate;

/// A list of steps, each a sum of frequencies for a time. Played once or over and over, as its user decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tone {
    steps: Vec<Step>,
}

/// One step of a cadence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// Up to two frequencies in hertz; 0 is silence.
    pub frequencies: [u16; 2],
    /// How long it lasts.
    pub duration_ms: u32,
}

impl Tone {
    /// Amplitude of one frequency (-13 dBm0, the usual level of call-progress tones). Two frequencies add up.
    pub const AMPLITUDE: i16 = 7336;
    /// Most steps in one list.
    pub const STEPS_MAX: usize = 32;
    /// Longest list in milliseconds.
    pub const DURATION_MS_MAX: u32 = 60_000;

    /// Reads `HZ[+HZ]/MS[,…]`, the text after `tone:` in a prompt name.
    pub fn parse(text: &str) -> Result<Self, ToneError> {
        let steps = text.split(',').map(Step::parse).take(Self::STEPS_MAX + 1).collect::<Result<Vec<_>, _>>()?;
        let total = steps.iter().fold(0_u32, |sum, step| sum.saturating_add(step.duration_ms));
        if steps.len() > Self::STEPS_MAX || total > Self::DURATION_MS_MAX {
            return Err(ToneError::TooLong);
        }
        Ok(Self { steps })
    }

    /// The two frequencies of a DTMF digit (ITU-T Q.23), or `None` for another character.
    pub fn dtmf(digit: char, duration_ms: u32) -> Option<Self> {
        let digit = u8::try_from(digit.to_ascii_uppercase()).ok()?;
        let row = DTMF_DIGITS.iter().position(|row| row.contains(&digit))?;
        let column = DTMF_DIGITS[row].iter().position(|&other| other == digit)?;
        let frequencies = [DTMF_ROWS[row] as u16, DTMF_COLUMNS[column] as u16];
        Some(Self { steps: vec![Step { frequencies, duration_ms }] })
    }

    /// Ring-back tone of ITU-T E.180 as most of Europe has it: 425 Hz, one second on, four off.
    pub fn ring_back() -> Self {
        Self {
            steps: vec![
                Step { frequencies: [425, 0], duration_ms: 1000 },
                Step { frequencies: [0, 0], duration_ms: 4000 },
            ],
        }
    }

    /// Its steps.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Length of the whole list.
    pub fn duration_ms(&self) -> u32 {
        self.steps.iter().map(|step| step.duration_ms).sum()
    }
}

impl fmt::Display for Tone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            match step.frequencies {
                [first, 0] => write!(f, "{comma}{first}/{}", step.duration_ms)?,
                [first, second] => write!(f, "{comma}{first}+{second}/{}", step.duration_ms)?,
            }
        }
        Ok(())
    }
}

/// Why a tone list was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToneError {
    /// Not `HZ/MS` or `HZ+HZ/MS`.
    #[error("a tone step is HZ/MS or HZ+HZ/MS, with frequencies up to 3999 Hz")]
    Syntax,
    /// More steps or a longer time than allowed.
    #[error("a tone list has at most 32 steps and lasts at most a minute")]
    TooLong,
}

/// Where in a tone a player is. Phase runs on between fills, so that pieces join without a click.
#[derive(Clone, Debug)]
pub struct Generator {
    rate: SampleRate,
    step: usize,
    /// Samples of the current step already made.
    done: usize,
}

impl Generator {
    /// A generator at the beginning.
    pub fn new(rate: SampleRate) -> Self {
        Self { rate, step: 0, done: 0 }
    }

    /// Fills `out` from the list played once; returns how many samples it had left (the rest of `out` is untouched).
    pub fn fill(&mut self, tone: &Tone, out: &mut [i16]) -> usize {
        let mut filled = 0;
        while let Some(step) = tone.steps.get(self.step)
            && filled < out.len()
        {
            let length = self.rate.samples(step.duration_ms);
            let count = (length - self.done).min(out.len() - filled);
            self.sound(step, &mut out[filled..filled + count]);
            filled += count;
            self.done += count;
            if self.done == length {
                self.step += 1;
                self.done = 0;
            }
        }
        filled
    }

    /// Fills all of `out` from the list played over and over. A list without length is silence.
    pub fn fill_endless(&mut self, tone: &Tone, out: &mut [i16]) {
        if tone.duration_ms() == 0 {
            out.fill(0);
            return;
        }
        let mut filled = 0;
        while filled < out.len() {
            filled += self.fill(tone, &mut out[filled..]);
            if self.step == tone.steps.len() {
                self.step = 0;
            }
        }
    }

    fn sound(&self, step: &Step, out: &mut [i16]) {
        out.fill(0);
        for frequency in step.frequencies.into_iter().filter(|&frequency| frequency != 0) {
            // A recurrence started from the exact phase of each piece: no drift, two multiplications a sample.
            let omega = core::f64::consts::TAU * f64::from(frequency) / f64::from(self.rate.hz());
            let coefficient = 2.0 * omega.cos();
            let start = self.done as f64 * omega;
            let (mut before, mut current) = ((start - omega).sin(), start.sin());
            for sample in out.iter_mut() {
                *sample = sample.saturating_add((current * f64::from(Tone::AMPLITUDE)) as i16);
                (before, current) = (current, coefficient * current - before);
            }
        }
    }
}

impl Step {
    fn parse(text: &str) -> Result<Self, ToneError> {
        let (frequencies, duration) = text.split_once('/').ok_or(ToneError::Syntax)?;
        let (first, second) = frequencies.split_once('+').unwrap_or((frequencies, "0"));
        let frequency = |text: &str| match number(text) {
            // Half of the lower sample rate cannot be represented.
            Some(hertz) if hertz < 4000 => Ok(hertz as u16),
            _ => Err(ToneError::Syntax),
        };
        let duration_ms = number(duration).ok_or(ToneError::Syntax)?;
        if duration_ms > Tone::DURATION_MS_MAX {
            return Err(ToneError::TooLong);
        }
        Ok(Self { frequencies: [frequency(first)?, frequency(second)?], duration_ms })
    }
}

/// A plain decimal number: no sign, no space.
fn number(text: &str) -> Option<u32> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
}

pub(crate) const DTMF_ROWS: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
pub(crate) const DTMF_COLUMNS: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
pub(crate) const DTMF_DIGITS: [[u8; 4]; 4] = [*b"123A", *b"456B", *b"789C", *b"*0#D"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_read_and_printed() {
        for text in ["425/500,0/500", "350+440/1000", "0/20"] {
            assert_eq!(Tone::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "425", "425/", "/500", "-1/500", "4000/10", "425/5x", "1+2+3/10", "70000/1", "425/99999999999"]
        {
            assert_eq!(Tone::parse(text), Err(ToneError::Syntax), "{text}");
        }
        assert_eq!(Tone::parse("425/60001"), Err(ToneError::TooLong));
        assert_eq!(Tone::parse(&vec!["1/1"; 33].join(",")), Err(ToneError::TooLong));
    }

    #[test]
    fn a_list_has_its_length_whatever_the_size_of_the_pieces() {
        let tone = Tone::parse("425/50,0/35,600/15").unwrap();
        let mut whole = vec![0; 1600];
        assert_eq!(Generator::new(SampleRate::Hz16000).fill(&tone, &mut whole), 1600);
        let mut generator = Generator::new(SampleRate::Hz16000);
        let mut pieces = Vec::new();
        let mut piece = [0; 37];
        loop {
            let count = generator.fill(&tone, &mut piece);
            pieces.extend_from_slice(&piece[..count]);
            if count < piece.len() {
                break;
            }
        }
        let difference = pieces.iter().zip(&whole).map(|(&a, &b)| i32::from(a).abs_diff(b.into())).max();
        assert_eq!(pieces.len(), whole.len());
        assert!(difference <= Some(1), "{difference:?}");
        assert!(whole[800..1360].iter().all(|&sample| sample == 0));
    }

    #[test]
    fn ring_back_repeats_and_an_empty_cadence_ends() {
        let mut generator = Generator::new(SampleRate::Hz8000);
        let mut first = vec![0; 40_000];
        let mut second = vec![0; 40_000];
        generator.fill_endless(&Tone::ring_back(), &mut first);
        generator.fill_endless(&Tone::ring_back(), &mut second);
        assert_eq!(first, second);
        Generator::new(SampleRate::Hz8000).fill_endless(&Tone::parse("425/0").unwrap(), &mut first);
        assert!(first.iter().all(|&sample| sample == 0));
    }
}
