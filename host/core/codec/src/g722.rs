//! G.722 at 64 kbit/s.
/// x
#[derive(Clone, Debug, Default)]
pub struct Encoder {}
impl Encoder {
    /// x
    pub fn encode(&mut self, _pair: [i16; 2]) -> u8 {
        0
    }
}
/// x
#[derive(Clone, Debug, Default)]
pub struct Decoder {}
impl Decoder {
    /// x
    pub fn decode(&mut self, _code: u8) -> [i16; 2] {
        [0, 0]
    }
}
