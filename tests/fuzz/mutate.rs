//! Deterministic mutations of seed inputs.

/// Strings that have broken parsers before: separators, ends, numbers at the edges of types, formats, long runs.
const DICTIONARY: &[&[u8]] = &[
    b"\r\n",
    b"\r\n\r\n",
    b"\n",
    b"\r",
    b"\r\n ",
    b"\0",
    b"\x7f",
    b"\xff\xfe",
    b"\xc3\x28",
    b" ",
    b"\t",
    b",",
    b";",
    b":",
    b"=",
    b"\"",
    b"\\",
    b"\\\"",
    b"<",
    b">",
    b"<sip:a@b>",
    b"@",
    b"%",
    b"%00",
    b"%0d%0a",
    b"%zz",
    b"?",
    b"&",
    b"[",
    b"]",
    b"[::1]",
    b"*",
    b"-1",
    b"0",
    b"255",
    b"256",
    b"65535",
    b"65536",
    b"2147483647",
    b"2147483648",
    b"4294967295",
    b"4294967296",
    b"18446744073709551616",
    b"99999999999999999999999999",
    b"1e9",
    b"0x10",
    b"%s%n%x",
    b"../../",
    b"z9hG4bK",
    b"SIP/2.0",
    b"Content-Length: 1\r\n",
    b"l: 0\r\n",
    b"v: SIP/2.0/UDP h\r\n",
    b"Digest ",
    b"sips:",
    b"tel:+1",
];

/// An endless row of inputs made from seeds. Two mutators of one name and seeds make the same row.
pub(crate) struct Mutator {
    state: u64,
    seeds: Vec<Vec<u8>>,
    longest: usize,
}

/// Inputs stay small, or as long as the longest seed, because what is found by length is tested at the limits.
const INPUT_BYTES_MAX: usize = 4_096;

impl Mutator {
    pub(crate) fn new(name: &str, seeds: &[&[u8]]) -> Self {
        let state = name
            .bytes()
            .fold(0x9e37_79b9_7f4a_7c15, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        let longest = seeds.iter().map(|seed| seed.len()).max().unwrap_or_default().max(INPUT_BYTES_MAX);
        Self { state: state | 1, seeds: seeds.iter().map(|seed| seed.to_vec()).collect(), longest }
    }

    /// A number below `bound` (xorshift64*; there is nothing to guess here).
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        let mixed = self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(mixed).expect("31 bits fit") % bound.max(1)
    }

    pub(crate) fn next(&mut self) -> Vec<u8> {
        let pick = self.below(self.seeds.len());
        let mut input = self.seeds[pick].clone();
        for _ in 0..=self.below(6) {
            self.mutate(&mut input);
        }
        input.truncate(self.longest);
        input
    }

    fn mutate(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let byte = u8::try_from(self.below(256)).expect("below 256");
        match self.below(8) {
            0 if at < input.len() => input[at] ^= 1 << (byte & 7),
            1 if at < input.len() => input[at] = byte,
            2 => input.insert(at, byte),
            3 => input.truncate(at),
            4 => {
                let word = DICTIONARY[self.below(DICTIONARY.len())];
                input.splice(at..at, word.iter().copied());
            }
            5 => {
                let word = DICTIONARY[self.below(DICTIONARY.len())];
                let end = (at + self.below(12)).min(input.len());
                input.splice(at..end, word.iter().copied());
            }
            6 => {
                // A part of another seed, or of this one again.
                let pick = self.below(self.seeds.len());
                let other = self.seeds[pick].clone();
                let start = self.below(other.len() + 1);
                let end = start + self.below((other.len() - start).min(64) + 1);
                input.splice(at..at, other[start..end].iter().copied());
            }
            _ => {
                let end = (at + self.below(40)).min(input.len());
                input.drain(at..end);
            }
        }
    }
}
