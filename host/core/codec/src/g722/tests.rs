use super::*;
use crate::goertzel;
use crate::{SampleRate, tone};

fn xorshift(state: &mut u32) -> u32 {
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    *state
}

fn fnv(bytes: impl IntoIterator<Item = u8>) -> u64 {
    bytes.into_iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}

/// Silence, faint and full-scale noise, a saw and a full-scale square wave, a tenth of a second each, in turn.
fn torture_signal() -> Vec<i16> {
    let mut state = 0x1234_5678;
    let sample = |index: i32| {
        let noise = ((xorshift(&mut state) >> 8) & 0xffff) as i32 - 32768;
        let value = match index / 1600 % 5 {
            0 => 0,
            1 => noise.div_euclid(64),
            2 => noise,
            3 => ((index * 37) % 400 - 200) * 100,
            _ if index / 50 % 2 == 1 => 32767,
            _ => -32768,
        };
        value as i16
    };
    (0..16000).map(sample).collect()
}

fn encode(samples: &[i16]) -> Vec<u8> {
    let mut encoder = Encoder::default();
    samples.as_chunks().0.iter().map(|pair| encoder.encode(*pair)).collect()
}

fn decode(codes: &[u8]) -> Vec<i16> {
    let mut decoder = Decoder::default();
    codes.iter().flat_map(|&code| decoder.decode(code)).collect()
}

/// The hashes were made once with an independent implementation (PyPI `G722` 1.2, the CMU/spandsp line of code) fed with the
/// same signal: every bit of both directions agrees, saturation included.
#[test]
fn agrees_bit_for_bit_with_another_implementation() {
    let codes = encode(&torture_signal());
    assert_eq!(fnv(codes.iter().copied()), 0xfee4_f177_1b3b_87eb);
    assert_eq!(fnv(decode(&codes).iter().flat_map(|sample| sample.to_le_bytes())), 0x8bd3_cb8e_6ca9_f2d3);
    let mut state = 0x9e37_79b9;
    let random: Vec<u8> = (0..8000).map(|_| (xorshift(&mut state) >> 8) as u8).collect();
    assert_eq!(fnv(decode(&random).iter().flat_map(|sample| sample.to_le_bytes())), 0xa6d7_771b_4f1b_f8e5);
}

#[test]
fn sines_come_back_clean_in_both_bands() {
    for (frequency, least_db) in [(300, 25.0), (1000, 25.0), (3000, 20.0), (3900, 15.0)] {
        let tone = tone::Tone::parse(&format!("{frequency}/1000")).unwrap();
        let mut samples = vec![0; 16000];
        tone::Generator::new(SampleRate::Hz16000).fill(&tone, &mut samples);
        let heard = &decode(&encode(&samples))[3200..];
        let purity = goertzel::purity(heard, SampleRate::Hz16000, frequency.into());
        let snr_db = 10.0 * (purity / (1.0 - purity)).log10();
        assert!(snr_db > least_db, "{frequency} Hz: {snr_db:.1} dB");
        let level = goertzel::amplitude(heard, SampleRate::Hz16000, frequency.into());
        assert!((level / f64::from(tone::Tone::AMPLITUDE) - 1.0).abs() < 0.1, "{frequency} Hz: level {level:.0}");
    }
}

#[test]
fn the_higher_band_is_carried() {
    let samples: Vec<i16> = (0..16000)
        .map(|n| (8000.0 * (f64::from(n) * 6000.0 / 16000.0 * core::f64::consts::TAU).sin()) as i16)
        .collect();
    let heard = &decode(&encode(&samples))[3200..];
    assert!(goertzel::purity(heard, SampleRate::Hz16000, 6000.0) > 0.95);
}

#[test]
fn silence_stays_silent() {
    let heard = decode(&encode(&[0; 3200]));
    assert!(heard.iter().all(|sample| sample.abs() <= 4), "{:?}", heard.iter().max());
}

/// D8: an all-ones, all-zeros or partial stream neither panics nor leaves the adaptation outside its limits.
#[test]
fn any_bytes_keep_the_state_in_its_limits() {
    for byte in 0..=255 {
        let mut decoder = Decoder::default();
        for _ in 0..2000 {
            decoder.decode(byte);
        }
        assert!(decoder.low.log_scale <= 18432 && decoder.high.log_scale <= 22528);
        assert!(decoder.low.poles[1].abs() <= 12288 && decoder.high.poles[1].abs() <= 12288);
    }
}
