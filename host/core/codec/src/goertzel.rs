//! Level of one frequency in a piece of audio (Goertzel's algorithm): used by tests and by in-band detectors.

use crate::SampleRate;

/// Amplitude (0 to 32768, of the sine alone) of `frequency` in `samples`.
///
/// The answer is exact when the window holds whole periods; otherwise a neighbour `rate / window` Hz away leaks in.
pub fn amplitude(samples: &[i16], rate: SampleRate, frequency: f64) -> f64 {
    if samples.is_empty() {
        return 0.0;
    }
    let omega = core::f64::consts::TAU * frequency / f64::from(rate.hz());
    let coefficient = 2.0 * omega.cos();
    let (mut previous, mut before) = (0.0, 0.0);
    for &sample in samples {
        let current = f64::from(sample) + coefficient * previous - before;
        before = previous;
        previous = current;
    }
    let power = previous * previous + before * before - coefficient * previous * before;
    2.0 * power.max(0.0).sqrt() / samples.len() as f64
}

/// Share (0 to 1) of the energy in `samples` that is at `frequency`: near 1 for a pure tone.
pub fn purity(samples: &[i16], rate: SampleRate, frequency: f64) -> f64 {
    let energy: f64 = samples.iter().map(|&sample| f64::from(sample) * f64::from(sample)).sum();
    if energy == 0.0 {
        return 0.0;
    }
    let level = amplitude(samples, rate, frequency);
    level * level / 2.0 * samples.len() as f64 / energy
}

/// The DTMF digit (ITU-T Q.23) heard in `samples`, which should be 20 to 100 ms long.
pub fn dtmf(samples: &[i16], rate: SampleRate) -> Option<char> {
    let strongest = |frequencies: [f64; 4]| {
        let levels = frequencies.map(|frequency| amplitude(samples, rate, frequency));
        let best = (0..4).max_by(|&a, &b| levels[a].total_cmp(&levels[b])).expect("four levels");
        let next = (0..4).filter(|&index| index != best).map(|index| levels[index]).fold(0.0, f64::max);
        (best, levels[best], next)
    };
    let (row, low, low_next) = strongest(crate::tone::DTMF_ROWS);
    let (column, high, high_next) = strongest(crate::tone::DTMF_COLUMNS);
    let energy: f64 = samples.iter().map(|&sample| f64::from(sample) * f64::from(sample)).sum();
    let of_tones = (low * low + high * high) / 2.0 * samples.len() as f64;
    let is_loud = low > 300.0 && high > 300.0;
    let is_clear = low > 4.0 * low_next && high > 4.0 * high_next;
    // Q.24: the two tones may differ by up to 8 dB ("twist"); speech fails the share of energy.
    let is_level = low < 2.5 * high && high < 2.5 * low;
    (is_loud && is_clear && is_level && of_tones > 0.7 * energy)
        .then(|| char::from(crate::tone::DTMF_DIGITS[row][column]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::{Generator, Tone};

    fn hear(spec: &str) -> Vec<i16> {
        let mut samples = vec![0; 800];
        Generator::new(SampleRate::Hz8000).fill(&Tone::parse(spec).unwrap(), &mut samples);
        samples
    }

    #[test]
    fn level_and_purity_of_a_sine() {
        let samples = hear("1000/100");
        let level = amplitude(&samples, SampleRate::Hz8000, 1000.0);
        assert!((level - f64::from(Tone::AMPLITUDE)).abs() < 50.0, "{level}");
        assert!(amplitude(&samples, SampleRate::Hz8000, 1500.0) < 20.0);
        assert!(purity(&samples, SampleRate::Hz8000, 1000.0) > 0.99);
        assert_eq!(purity(&[0; 160], SampleRate::Hz8000, 1000.0), 0.0);
    }

    #[test]
    fn every_dtmf_digit_is_heard_and_speech_like_noise_is_not() {
        for digit in "0123456789*#ABCD".chars() {
            let samples = hear(&Tone::dtmf(digit, 100).unwrap().to_string());
            assert_eq!(dtmf(&samples[..400], SampleRate::Hz8000), Some(digit));
        }
        assert_eq!(dtmf(&hear("425/100"), SampleRate::Hz8000), None);
        assert_eq!(dtmf(&hear("697/100"), SampleRate::Hz8000), None);
        assert_eq!(dtmf(&[], SampleRate::Hz8000), None);
    }
}
