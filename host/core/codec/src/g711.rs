//! G.711: the A-law and µ-law of ITU-T G.711 (11/1988), tables 1a-2b, computed from their formula at compile time.
//!
//! Both laws are sixteen chords of a logarithmic curve: a sign, three bits of segment, four bits of step. Values are
//! scaled to 16 bits (the recommendation's 14-bit µ-law and 13-bit A-law values, shifted up).

/// Linear value of a µ-law code.
pub fn ulaw_decode(code: u8) -> i16 {
    ULAW_DECODE[usize::from(code)]
}

/// Linear value of an A-law code.
pub fn alaw_decode(code: u8) -> i16 {
    ALAW_DECODE[usize::from(code)]
}

/// µ-law code of a linear value: the code whose decision interval of table 2 contains it.
pub fn ulaw_encode(sample: i16) -> u8 {
    ulaw_encode_formula(sample)
}

/// A-law code of a linear value: the code whose decision interval of table 1 contains it.
pub fn alaw_encode(sample: i16) -> u8 {
    alaw_encode_formula(sample)
}

/// A-law code of a µ-law code, for transcoding without going through samples.
pub fn ulaw_to_alaw(code: u8) -> u8 {
    ULAW_TO_ALAW[usize::from(code)]
}

/// µ-law code of an A-law code.
pub fn alaw_to_ulaw(code: u8) -> u8 {
    ALAW_TO_ULAW[usize::from(code)]
}

static ULAW_DECODE: [i16; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = ulaw_decode_formula(code as u8);
        code += 1;
    }
    table
};

static ALAW_DECODE: [i16; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = alaw_decode_formula(code as u8);
        code += 1;
    }
    table
};

static ULAW_TO_ALAW: [u8; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = alaw_encode_formula(ulaw_decode_formula(code as u8));
        code += 1;
    }
    table
};

static ALAW_TO_ULAW: [u8; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        table[code] = ulaw_encode_formula(alaw_decode_formula(code as u8));
        code += 1;
    }
    table
};

/// Bias that makes every µ-law segment begin at a power of two (33 in the 14-bit scale of the recommendation).
const ULAW_BIAS: i32 = 33 << 2;
/// Highest magnitude that has a code of its own after the bias (8158 in the 14-bit scale, table 2a).
const ULAW_CLIP: i32 = 8158 << 2;

/// Table 2: all bits are inverted on the line.
const fn ulaw_decode_formula(code: u8) -> i16 {
    let code = !code;
    let segment = (code >> 4) & 7;
    let step = (code & 15) as i32;
    let magnitude = (((step << 3) + ULAW_BIAS) << segment) - ULAW_BIAS;
    if code & 0x80 == 0 { magnitude as i16 } else { -magnitude as i16 }
}

const fn ulaw_encode_formula(sample: i16) -> u8 {
    let sample = sample as i32;
    // A decision value belongs to the interval above it in magnitude for both signs.
    let (sign, magnitude) = if sample < 0 { (0x80, -sample) } else { (0, sample) };
    let magnitude = if magnitude > ULAW_CLIP { ULAW_CLIP } else { magnitude };
    let biased = magnitude + ULAW_BIAS;
    let segment = (31 - biased.leading_zeros()) - 7;
    let step = (biased >> (segment + 3)) & 15;
    !(sign | ((segment as u8) << 4) | step as u8)
}

/// Table 1: even bits are inverted on the line (§4.1, note 2); the sign bit is 1 for positive values.
const fn alaw_decode_formula(code: u8) -> i16 {
    let code = code ^ 0x55;
    let segment = (code >> 4) & 7;
    let step = (code & 15) as i32;
    // The two first segments share one slope.
    let magnitude = if segment == 0 { (step << 4) + 8 } else { ((step << 4) + 0x108) << (segment - 1) };
    if code & 0x80 == 0 { -magnitude as i16 } else { magnitude as i16 }
}

const fn alaw_encode_formula(sample: i16) -> u8 {
    let sample = sample as i32;
    // -1 is the first value of the negative side, so that both sides have the same 4096 magnitudes.
    let (sign, magnitude) = if sample < 0 { (0, -sample - 1) } else { (0x80, sample) };
    let segment = if magnitude < 0x100 { 0 } else { (31 - magnitude.leading_zeros()) - 7 };
    let shift = if segment == 0 { 4 } else { segment + 3 };
    let step = (magnitude >> shift) & 15;
    (sign | ((segment as u8) << 4) | step as u8) ^ 0x55
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decoded values of the recommendation (tables 1a and 2a, column "value at decoder output", scaled to 16 bits).
    #[test]
    fn decoder_gives_the_values_of_the_tables() {
        for (code, value) in [(0x80, 8031), (0x8f, 4191), (0x90, 3999), (0xff, 0), (0xfe, 2), (0xef, 33), (0xdf, 99)] {
            assert_eq!(ulaw_decode(code), value << 2, "µ-law {code:#x}");
            assert_eq!(ulaw_decode(code & 0x7f), -(value << 2), "µ-law {code:#x} negative");
        }
        for (code, value) in [(0xaa, 4032), (0xa5, 2112), (0xd5, 1), (0xd4, 3), (0xc5, 33), (0xf5, 66)] {
            assert_eq!(alaw_decode(code), value << 3, "A-law {code:#x}");
            assert_eq!(alaw_decode(code & 0x7f), -(value << 3), "A-law {code:#x} negative");
        }
    }

    /// Every value lies within half a step of its output (tables 1 and 2: decision values in the middle), or is clipped.
    #[test]
    fn encoder_picks_the_interval_that_contains_each_sample() {
        for sample in i16::MIN..=i16::MAX {
            let value = i32::from(sample);
            let code = ulaw_encode(sample);
            let half_step = 4 << ((!code >> 4) & 7);
            let output = i32::from(ulaw_decode(code));
            assert!((output - value).abs() <= half_step || value.abs() > ULAW_CLIP, "µ-law of {sample}");
            let code = alaw_encode(sample);
            let half_step = 8 << ((code ^ 0x55) >> 4 & 7).saturating_sub(1);
            assert!((i32::from(alaw_decode(code)) - value).abs() <= half_step, "A-law of {sample}");
        }
    }

    #[test]
    fn every_code_survives_a_round_trip() {
        for code in 0..=255 {
            assert_eq!(alaw_encode(alaw_decode(code)), code);
            // µ-law has two zeros; the negative one comes back as the positive one.
            let expected = if code == 0x7f { 0xff } else { code };
            assert_eq!(ulaw_encode(ulaw_decode(code)), expected);
        }
    }

    #[test]
    fn codes_are_monotonic() {
        let mut last = (i16::MIN, i16::MIN);
        for sample in i16::MIN..=i16::MAX {
            let now = (ulaw_decode(ulaw_encode(sample)), alaw_decode(alaw_encode(sample)));
            assert!(now.0 >= last.0 && now.1 >= last.1, "at {sample}");
            last = now;
        }
    }

    /// §3.4: µ → A → µ changes a value by at most the neighbouring step, and a second pass changes nothing more.
    #[test]
    fn direct_tables_agree_with_the_way_through_samples() {
        for code in 0..=255 {
            assert_eq!(ulaw_to_alaw(code), alaw_encode(ulaw_decode(code)));
            assert_eq!(alaw_to_ulaw(code), ulaw_encode(alaw_decode(code)));
            let once = alaw_to_ulaw(ulaw_to_alaw(code));
            assert_eq!(alaw_to_ulaw(ulaw_to_alaw(once)), once);
        }
    }
}
