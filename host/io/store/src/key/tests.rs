use super::*;
use proptest::prelude::*;

/// Parts built from the bytes that could confuse the encoding, with every other byte mixed in.
fn parts() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let byte = prop_oneof![Just(0u8), Just(1), Just(0xFF), Just(b'/'), any::<u8>()];
    proptest::collection::vec(proptest::collection::vec(byte, 0..5), 0..4)
}

fn encode_owned(parts: &[Vec<u8>]) -> Vec<u8> {
    encode(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(50_000))]

    /// E4: encodings are equal exactly for equal tuples, sort as tuples do, and no encoding begins another.
    #[test]
    fn encodings_are_injective_and_prefix_free(a in parts(), b in parts()) {
        let (ea, eb) = (encode_owned(&a), encode_owned(&b));
        prop_assert_eq!(a.cmp(&b), ea.cmp(&eb));
        if a != b {
            prop_assert!(!ea.starts_with(&eb) && !eb.starts_with(&ea));
        }
    }

    #[test]
    fn decode_reverses_encode(a in parts()) {
        prop_assert_eq!(decode(&encode_owned(&a)), Some(a));
    }

    #[test]
    fn decode_accepts_only_what_encode_makes(bytes in proptest::collection::vec(prop_oneof![Just(0u8), Just(1), Just(0xFF), any::<u8>()], 0..12)) {
        if let Some(parts) = decode(&bytes) {
            prop_assert_eq!(encode_owned(&parts), bytes);
        }
    }
}

/// E4, exhaustively: all pairs of all tuples of up to two parts of up to two bytes out of the four bytes that matter.
#[test]
fn every_pair_of_small_tuples_is_distinct_and_prefix_free() {
    let bytes = [0u8, 1, 2, 0xFF];
    let mut strings: Vec<Vec<u8>> = vec![vec![]];
    strings.extend(bytes.iter().map(|b| vec![*b]));
    strings.extend(bytes.iter().flat_map(|a| bytes.iter().map(|b| vec![*a, *b])));
    let mut tuples: Vec<Vec<Vec<u8>>> = vec![vec![]];
    tuples.extend(strings.iter().map(|s| vec![s.clone()]));
    tuples.extend(strings.iter().flat_map(|a| strings.iter().map(|b| vec![a.clone(), b.clone()])));
    let mut encodings: Vec<Vec<u8>> = tuples.iter().map(|t| encode_owned(t)).collect();
    encodings.sort();
    // In sorted order a prefix stands directly before one of the strings it begins.
    for pair in encodings.windows(2) {
        assert!(!pair[1].starts_with(&pair[0]), "{:?} begins {:?}", pair[0], pair[1]);
    }
}
