//! G.722 at 64 kbit/s (mode 1), written from ITU-T G.722 (11/1988) §3, §4 and §6 in its fixed-point form.
//!
//! Two samples at 16 kHz become one byte: a 24-tap QMF splits them into a lower band, coded by 6-bit ADPCM, and a
//! higher band, coded by 2-bit ADPCM. Names in capitals in the comments are the recommendation's sub-blocks.

/// The encoder of one stream.
#[derive(Clone, Debug)]
pub struct Encoder {
    /// The last 24 input samples.
    history: History,
    low: Band,
    high: Band,
}

impl Encoder {
    /// Codes two samples.
    pub fn encode(&mut self, pair: [i16; 2]) -> u8 {
        let (low, high) = self.split(pair);
        let low_code = quantise_low(saturate(low - self.low.prediction), self.low.scale);
        self.low.adapt_low(low_code >> 2);
        let high_code = quantise_high(saturate(high - self.high.prediction), self.high.scale);
        self.high.adapt_high(high_code);
        high_code << 6 | low_code
    }

    /// The transmit QMF (§3.1).
    fn split(&mut self, [first, second]: [i16; 2]) -> (i32, i32) {
        self.history.push(first, second);
        let (first, second) = self.history.filtered();
        ((second + first) >> 14, (second - first) >> 14)
    }
}

impl Default for Encoder {
    fn default() -> Self {
        Self { history: History::default(), low: Band::low(), high: Band::high() }
    }
}

/// The decoder of one stream.
#[derive(Clone, Debug)]
pub struct Decoder {
    /// The last sums and differences of the bands.
    history: History,
    low: Band,
    high: Band,
}

impl Decoder {
    /// The two samples of a code. Any byte is a valid code.
    pub fn decode(&mut self, code: u8) -> [i16; 2] {
        let (low_code, high_code) = (code & 0x3f, code >> 6);
        // The output uses all six bits (INVQBL), the adaptation only four, so that bits can be robbed for data.
        let step = (self.low.scale * LOW_OUTPUT_6[usize::from(low_code)]) >> 15;
        let low = limit(self.low.prediction + step);
        self.low.adapt_low(low_code >> 2);
        let step = (self.high.scale * HIGH_OUTPUT[usize::from(high_code)]) >> 15;
        let high = limit(self.high.prediction + step);
        self.high.adapt_high(high_code);
        self.join(low, high)
    }

    /// The receive QMF (§4.4). Of 15-bit bands the sum and the difference have 16 bits.
    fn join(&mut self, low: i32, high: i32) -> [i16; 2] {
        self.history.push((low + high) as i16, (low - high) as i16);
        let (second, first) = self.history.filtered();
        [saturate(first >> 11) as i16, saturate(second >> 11) as i16]
    }
}

impl Default for Decoder {
    fn default() -> Self {
        Self { history: History::default(), low: Band::low(), high: Band::high() }
    }
}

/// What a QMF remembers: two phases of 12 values, oldest first, padded with zeros so that the sums are whole vectors.
#[derive(Clone, Debug, Default)]
struct History {
    first: [i16; PHASE],
    second: [i16; PHASE],
}

impl History {
    fn push(&mut self, first: i16, second: i16) {
        self.first.copy_within(1..QMF_TAPS / 2, 0);
        self.second.copy_within(1..QMF_TAPS / 2, 0);
        self.first[QMF_TAPS / 2 - 1] = first;
        self.second[QMF_TAPS / 2 - 1] = second;
    }

    /// Both phases through their halves of the filter.
    fn filtered(&self) -> (i32, i32) {
        (dot(&self.first, &QMF), dot(&self.second, &QMF_REVERSED))
    }
}

/// The magnitudes of the coefficients sum up to 6482: 32 bits hold every sum, and the check would cost the vectors.
fn dot(values: &[i16; PHASE], coefficients: &[i16; PHASE]) -> i32 {
    let products =
        values.iter().zip(coefficients).map(|(&value, &coefficient)| i32::from(value) * i32::from(coefficient));
    products.fold(0, i32::wrapping_add)
}

/// The adaptive quantiser and predictor of one band; the same in encoder and decoder.
#[derive(Clone, Debug)]
struct Band {
    /// `sl`, `sh`: the predicted sample.
    prediction: i32,
    /// `szl`, `szh`: what the zeros contribute to it.
    zeros: i32,
    /// `detl`, `deth`: the quantiser's scale factor.
    scale: i32,
    /// `nbl`, `nbh`: its logarithm.
    log_scale: i32,
    /// Reconstructed samples, doubled as the filter wants them, newest first.
    reconstructed: [i32; 2],
    /// Partially reconstructed samples (poles left out), newest first.
    partial: [i32; 2],
    /// Pole coefficients.
    poles: [i32; 2],
    /// Zero coefficients.
    zero_coefficients: [i32; 6],
    /// Quantised differences, doubled as the filter wants them (which keeps their signs), newest first.
    doubled: [i32; 6],
}

impl Band {
    fn low() -> Self {
        Self::with_scale(32)
    }

    fn high() -> Self {
        Self::with_scale(8)
    }

    fn with_scale(scale: i32) -> Self {
        Self {
            prediction: 0,
            zeros: 0,
            scale,
            log_scale: 0,
            reconstructed: [0; 2],
            partial: [0; 2],
            poles: [0; 2],
            zero_coefficients: [0; 6],
            doubled: [0; 6],
        }
    }

    /// INVQAL, LOGSCL, SCALEL and the predictor, from the upper four bits of the lower band's code.
    fn adapt_low(&mut self, code: u8) {
        let difference = (self.scale * LOW_OUTPUT_4[usize::from(code)]) >> 15;
        let step = LOW_LOG_STEP[usize::from(code)];
        self.log_scale = (((self.log_scale * 127) >> 7) + step).clamp(0, 18432);
        self.scale = exponential(self.log_scale, 8);
        self.predict(difference);
    }

    /// INVQAH, LOGSCH, SCALEH and the predictor, from the higher band's code.
    fn adapt_high(&mut self, code: u8) {
        let difference = (self.scale * HIGH_OUTPUT[usize::from(code)]) >> 15;
        let step = HIGH_LOG_STEP[usize::from(code)];
        self.log_scale = (((self.log_scale * 127) >> 7) + step).clamp(0, 22528);
        self.scale = exponential(self.log_scale, 10);
        self.predict(difference);
    }

    /// §3.6: two poles and six zeros, each moved by the signs of what was just decoded.
    ///
    /// This is where the time goes. A zero's product and sum fit by construction (its coefficient stays in 16 bits), so
    /// they are not checked, and a coefficient times 32640 / 32768 is itself less a 256th of it.
    fn predict(&mut self, difference: i32) {
        // RECONS, PARREC
        let reconstructed = saturate(self.prediction + difference);
        let partial = saturate(self.zeros + difference);
        self.adapt_poles(partial);
        // UPZERO
        let gain = if difference == 0 { 0 } else { 128 };
        let old = self.doubled;
        for (coefficient, old) in self.zero_coefficients.iter_mut().zip(old) {
            let sign = (old ^ difference) >> 31;
            let step = (gain ^ sign).wrapping_sub(sign);
            *coefficient = coefficient.wrapping_add(coefficient.wrapping_neg() >> 8).wrapping_add(step);
        }
        // DELAYA
        self.doubled = [saturate(2 * difference), old[0], old[1], old[2], old[3], old[4]];
        self.reconstructed = [saturate(2 * reconstructed), self.reconstructed[0]];
        self.partial = [partial, self.partial[0]];
        // FILTEP, FILTEZ, PREDIC
        let pole = |index: usize| self.poles[index].wrapping_mul(self.reconstructed[index]) >> 15;
        let zeros = self.zero_coefficients.iter().zip(&self.doubled);
        let zeros = zeros.map(|(coefficient, old)| coefficient.wrapping_mul(*old) >> 15).fold(0, i32::wrapping_add);
        self.zeros = saturate(zeros);
        self.prediction = saturate(saturate(pole(0) + pole(1)) + self.zeros);
    }

    /// UPPOL2 and UPPOL1, with the limits that keep the filter stable.
    fn adapt_poles(&mut self, partial: i32) {
        let is_same = [is_same_sign(partial, self.partial[0]), is_same_sign(partial, self.partial[1])];
        let first = saturate(self.poles[0] * 4);
        let first = if is_same[0] { saturate(-first) } else { first };
        let second = if is_same[1] { 128 } else { -128 };
        let second = (second + (first >> 7) + ((self.poles[1] * 32512) >> 15)).clamp(-12288, 12288);
        let first = if is_same[0] { 192 } else { -192 };
        let bound = 15360 - second;
        self.poles = [saturate(first + ((self.poles[0] * 32640) >> 15)).clamp(-bound, bound), second];
    }
}

/// QUANTL: the 6-bit code whose decision interval, scaled, holds the difference.
fn quantise_low(difference: i32, scale: i32) -> u8 {
    let magnitude = if difference < 0 { !difference } else { difference };
    // `(level * scale) >> 12 <= magnitude` for the highest level that is at most this; one division for a search.
    let level = (((magnitude + 1) << 12) - 1) / scale;
    let interval = LOW_INTERVAL[(level as usize).min(LOW_INTERVAL.len() - 1)];
    // Table 11: codes fall with the interval; the two outermost negative intervals continue at 63 and 62.
    match (difference < 0, interval) {
        (false, interval) => 61 - interval,
        (true, interval @ (0 | 1)) => 63 - interval,
        (true, interval) => 33 - interval,
    }
}

/// QUANTH: the 2-bit code.
fn quantise_high(difference: i32, scale: i32) -> u8 {
    let magnitude = if difference < 0 { !difference } else { difference };
    let is_outer = magnitude >= (564 * scale) >> 12;
    match (difference < 0, is_outer) {
        (true, false) => 1,
        (true, true) => 0,
        (false, false) => 3,
        (false, true) => 2,
    }
}

/// SCALEL, SCALEH: the antilogarithm of the scale factor. Eleven bits of `log_scale` are the fraction.
fn exponential(log_scale: i32, shift: i32) -> i32 {
    let mantissa = EXPONENTIAL[((log_scale >> 6) & 31) as usize];
    let shift = shift - (log_scale >> 11);
    (if shift < 0 { mantissa << -shift } else { mantissa >> shift }) << 2
}

fn is_same_sign(a: i32, b: i32) -> bool {
    (a ^ b) >= 0
}

/// Keeps a value in 16 bits.
fn saturate(value: i32) -> i32 {
    value.clamp(i16::MIN.into(), i16::MAX.into())
}

/// LIMIT: the bands have 15 bits.
fn limit(value: i32) -> i32 {
    value.clamp(-16384, 16383)
}

const QMF_TAPS: usize = 24;
/// A phase of the filter, padded.
const PHASE: usize = 16;

/// Every other coefficient of the QMF (table 5), times 2^13; the filter is symmetric, so the rest is the reverse.
static QMF: [i16; PHASE] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11, 0, 0, 0, 0];
static QMF_REVERSED: [i16; PHASE] = [-11, 53, -156, 362, -805, 3876, 951, -210, 32, 12, -11, 3, 0, 0, 0, 0];

/// Decision levels of the lower band (table 10, LL6).
const LOW_DECISION: [i32; 29] = [
    35, 72, 110, 150, 190, 233, 276, 323, 370, 422, 473, 530, 587, 650, 714, 786, 858, 940, 1023, 1121, 1219, 1339,
    1458, 1612, 1765, 1980, 2195, 2557, 2919,
];

/// How many decision levels are at most the index.
static LOW_INTERVAL: [u8; 2920] = {
    let mut table = [0; 2920];
    let mut level = 0;
    let mut interval = 0;
    while level < table.len() {
        while interval < LOW_DECISION.len() && LOW_DECISION[interval] <= level as i32 {
            interval += 1;
        }
        table[level] = interval as u8;
        level += 1;
    }
    table
};

/// Output levels of the lower band for four bits (QQ4 by RIL).
static LOW_OUTPUT_4: [i32; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];

/// Steps of the lower band's logarithmic scale factor (WL by RIL, table 13).
static LOW_LOG_STEP: [i32; 16] = [-60, 3042, 1198, 538, 334, 172, 58, -30, 3042, 1198, 538, 334, 172, 58, -30, -60];

/// Output levels of the lower band for six bits (QQ6).
static LOW_OUTPUT_6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576,
    -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040,
    -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
    4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];

/// Output levels of the higher band (QQ2).
static HIGH_OUTPUT: [i32; 4] = [-7408, -1616, 7408, 1616];

/// Steps of the higher band's logarithmic scale factor (WH).
static HIGH_LOG_STEP: [i32; 4] = [798, -214, 798, -214];

/// 2048 times the 32nd roots of two (table 16, ILB).
static EXPONENTIAL: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025,
    3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];

#[cfg(test)]
mod tests;
