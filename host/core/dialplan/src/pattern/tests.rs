use super::*;

fn trie(patterns: &[&str]) -> Trie {
    let mut trie = Trie::default();
    for (value, pattern) in (0_u32..).zip(patterns) {
        trie.insert(&Pattern::parse(pattern).unwrap(), value);
    }
    trie
}

#[track_caller]
fn check(patterns: &[&str], number: &str, expected: &[&str]) {
    let chars: Vec<char> = number.chars().collect();
    let mut found = Vec::new();
    trie(patterns).find(&chars, &mut |value| {
        found.push(patterns[value as usize]);
        true
    });
    assert_eq!(found, expected, "{number}");
}

#[test]
fn the_most_specific_pattern_is_first() {
    check(
        &["!", ".", "X.", "XXX", "NXX", "ZXX", "[2-4]XX", "3XX", "[34]XX", "31X", "3[01]X", "X31"],
        "310",
        &["31X", "3[01]X", "3XX", "[34]XX", "[2-4]XX", "NXX", "ZXX", "XXX", "X.", ".", "!"],
    );
    // The example of the documentation: 6421 has three candidates.
    check(&["64XX", "640X", "6[45]NX", "6NXX", "X."], "6421", &["64XX", "6[45]NX", "6NXX", "X."]);
    check(&["64XX", "640X", "6[45]NX"], "6401", &["640X", "64XX"]);
    // The leftmost difference decides, not the number of fixed digits.
    check(&["X234", "1XXX"], "1234", &["1XXX", "X234"]);
    // Sets of one size: by their first character.
    check(&["[59]X", "[58]X", "[25]X"], "50", &["[25]X", "[58]X", "[59]X"]);
    check(&["12.", "12!", "12"], "12", &["12", "12!"]);
    check(&["12.", "12!", "12X"], "123", &["12X", "12.", "12!"]);
    check(&["XXX"], "12a", &[]);
    check(&["N"], "1", &[]);
    check(&["ñX", "."], "ñ1", &["ñX", "."]);
}

#[test]
fn letters_sets_and_fluff() {
    let check = |pattern: &str, number: &str, expected: bool| {
        assert_eq!(Pattern::parse(pattern).unwrap().matches(number), expected, "{pattern} {number}");
    };
    check("NXX-XXXX", "5551212", true);
    check("NXX-XXXX", "555-1212", true);
    check("nxz", "209", true);
    check("nxz", "200", false);
    check("[a-c]X", "b1", true);
    check("[a-c]X", "d1", false);
    check("[1-35-7]", "4", false);
    check("[1-35-7]", "6", true);
    check("[-1]", "1", true);
    check("[*#]XX", "#12", true);
    check("*8.", "*8", false);
    check("*8.", "*81", true);
    check("*8!", "*8", true);
    check("+34X.", "+34123", true);
}

#[test]
fn malformed_patterns_are_told() {
    for pattern in ["", "-", "[12", "[]", "[5-2]", "X.1", "1!2", "[é]"] {
        assert!(Pattern::parse(pattern).is_err(), "{pattern}");
    }
    assert!(Pattern::parse(&"X".repeat(limit::PATTERN + 1)).is_err());
}

#[test]
fn knows_when_more_digits_could_follow() {
    let check = |patterns: &[&str], number: &str, expected: bool| {
        let chars: Vec<char> = number.chars().collect();
        assert_eq!(trie(patterns).wants_more(&chars), expected, "{number}");
    };
    check(&["1XX"], "", true);
    check(&["1XX"], "1", true);
    check(&["1XX"], "2", false);
    check(&["1XX"], "123", false);
    check(&["X."], "12345", true);
    check(&["9!"], "91", false);
    check(&["9!"], "9", false);
    check(&["9!"], "", true);
}
