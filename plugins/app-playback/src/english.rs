//! How digits and numbers are said in English, with the sounds of `digits/`.

/// Larger numbers have no sounds.
const MAX: u64 = 999_999_999;

/// The sound of one key.
pub(crate) fn digit(key: char) -> Option<String> {
    let name = match key {
        '0'..='9' => return Some(format!("digits/{key}")),
        '*' => "star",
        '#' => "pound",
        '-' => "minus",
        _ => return None,
    };
    Some(format!("digits/{name}"))
}

/// The sounds of a number; none if there are no words for it.
pub(crate) fn number(number: i64) -> Option<Vec<String>> {
    let size = number.unsigned_abs();
    if size > MAX {
        return None;
    }
    let mut words = Vec::new();
    if number < 0 {
        words.push("minus".to_owned());
    }
    let groups = [(1_000_000, "million"), (1_000, "thousand")];
    let mut rest = size;
    for (value, name) in groups {
        if rest >= value {
            below_thousand(rest / value, &mut words);
            words.push(name.to_owned());
            rest %= value;
        }
    }
    if rest > 0 || size == 0 {
        below_thousand(rest, &mut words);
    }
    Some(words.into_iter().map(|word| format!("digits/{word}")).collect())
}

fn below_thousand(number: u64, words: &mut Vec<String>) {
    let (hundreds, rest) = (number / 100, number % 100);
    if hundreds > 0 {
        words.push(hundreds.to_string());
        words.push("hundred".to_owned());
    }
    match rest {
        0 if hundreds > 0 => {}
        0..=20 => words.push(rest.to_string()),
        _ => {
            words.push((rest / 10 * 10).to_string());
            if rest % 10 > 0 {
                words.push((rest % 10).to_string());
            }
        }
    }
}
