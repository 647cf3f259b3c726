//! `LEN`, `CUT` and `FILTER`.

use jackfield_sdk::{Error, Function, Result};

/// `${LEN(text)}`: how many characters. Commas of the text count, as there is only one argument.
pub(crate) fn len(call: Function<'_>) -> Result<String> {
    let commas = call.arguments.len().saturating_sub(1);
    let characters: usize = call.arguments.iter().map(|part| part.chars().count()).sum();
    Ok((characters + commas).to_string())
}

/// `${CUT(variable,delimiter,fields)}`: fields of a variable's value, or of the text itself if there is no such variable.
pub(crate) fn cut(call: Function<'_>) -> Result<String> {
    let subject = call.argument(0);
    let variable = call.call.and_then(|leg| leg.variable(subject));
    let delimiter = match call.argument(1) {
        "" => '-',
        text => decode(text).next().expect("it is not empty").0,
    };
    let fields = if call.argument(2).is_empty() { "1" } else { call.argument(2) };
    cut_fields(variable.as_deref().unwrap_or(subject), delimiter, fields)
}

/// `2`, `2-4`, `2-`, `-3`, and several of them with `&`; counted from 1, in the order they are named.
fn cut_fields(text: &str, delimiter: char, spec: &str) -> Result<String> {
    let parts: Vec<&str> = text.split(delimiter).collect();
    let malformed = || Error::invalid(format!("{spec:?} does not name fields, like 2 or 1-3&5"));
    let number = |text: &str, none: usize| match text.trim() {
        "" => Ok(none),
        text => text.parse::<usize>().map_err(|_| malformed()),
    };
    let mut chosen: Vec<&str> = Vec::new();
    for range in spec.split('&') {
        let (first, last) = match range.split_once('-') {
            Some((first, last)) => (number(first, 1)?, number(last, parts.len())?),
            None => {
                let only = number(range, 0)?;
                (only, only)
            }
        };
        if first == 0 || chosen.len() + parts.len() > MAX_FIELDS {
            return Err(malformed());
        }
        chosen.extend(parts.iter().take(last).skip(first - 1));
    }
    Ok(chosen.join(delimiter.encode_utf8(&mut [0; 4])))
}

/// Fields of one result. A value has at most 8,192 bytes, so this is more than one text has.
const MAX_FIELDS: usize = 16_384;

/// `${FILTER(allowed,text)}`: what is not allowed is left out. `0-9` is a range; `\x20` a character by its number, `\n`, `\r`, `\t`
/// as usual, and `\-` a minus.
pub(crate) fn filter(call: Function<'_>) -> Result<String> {
    let (allowed, text) = call.arguments.split_first().ok_or_else(|| Error::invalid("FILTER(allowed,text)"))?;
    let allowed = ranges(allowed);
    // The text is the rest: its commas are part of it.
    let text = text.join(",");
    Ok(text.chars().filter(|c| allowed.iter().any(|(from, to)| (from..=to).contains(&c))).collect())
}

fn ranges(allowed: &str) -> Vec<(char, char)> {
    let chars: Vec<(char, bool)> = decode(allowed).collect();
    let (mut ranges, mut at) = (Vec::new(), 0);
    while at < chars.len() {
        let from = chars[at].0;
        match (chars.get(at + 1), chars.get(at + 2)) {
            (Some(('-', false)), Some((to, _))) => {
                ranges.push((from, *to));
                at += 3;
            }
            _ => {
                ranges.push((from, from));
                at += 1;
            }
        }
    }
    ranges
}

/// Each character, and whether a backslash stood before it.
fn decode(text: &str) -> impl Iterator<Item = (char, bool)> {
    let mut chars = text.chars();
    std::iter::from_fn(move || {
        let c = chars.next()?;
        if c != '\\' {
            return Some((c, false));
        }
        Some(match chars.clone().next() {
            None => (c, true),
            Some('x') => {
                let hex: String = chars.as_str().chars().skip(1).take(2).collect();
                match u8::from_str_radix(&hex, 16) {
                    Ok(code) if hex.len() == 2 && !hex.starts_with('+') => {
                        chars.nth(2);
                        (char::from(code), true)
                    }
                    _ => {
                        chars.next();
                        ('x', true)
                    }
                }
            }
            Some(escaped) => {
                chars.next();
                let c = match escaped {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    other => other,
                };
                (c, true)
            }
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call<T>(arguments: &[&str], function: fn(Function<'_>) -> Result<T>) -> Result<T> {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        function(Function { arguments: &arguments, call: None })
    }

    #[test]
    fn cuts_a_variable_by_its_name() {
        let fake = jackfield_testkit::Fake::new().variable("LIST", "a-b-c");
        let arguments = ["LIST", "-", "2"].map(str::to_owned);
        let field = fake.run(|leg| cut(Function { arguments: &arguments, call: Some(&leg) }));
        assert_eq!(field.unwrap(), "b");
        let arguments = ["OTHER-x", "-", "2"].map(str::to_owned);
        let field = fake.run(|leg| cut(Function { arguments: &arguments, call: Some(&leg) }));
        assert_eq!(field.unwrap(), "x");
    }

    #[test]
    fn counts_characters() {
        let check = |arguments: &[&str], expected: &str| assert_eq!(call(arguments, len).unwrap(), expected);
        check(&[], "0");
        check(&["héllo"], "5");
        check(&["a", "b", ""], "4");
    }

    #[test]
    fn cuts_fields() {
        let check = |text: &str, delimiter: &str, fields: &str, expected: &str| {
            assert_eq!(call(&[text, delimiter, fields], cut).unwrap(), expected, "{text} {delimiter} {fields}");
        };
        check("a-b-c-d", "", "", "a");
        check("a-b-c-d", "-", "2", "b");
        check("a-b-c-d", "-", "2-3", "b-c");
        check("a-b-c-d", "-", "3-", "c-d");
        check("a-b-c-d", "-", "-2", "a-b");
        check("a-b-c-d", "-", "4&1-2", "d-a-b");
        check("a-b-c-d", "-", "9", "");
        check("a-b-c-d", "-", "3-9", "c-d");
        check("a-b-c-d", "-", "3-2", "");
        check("SIP/100@x", "/", "2", "100@x");
        check("a b c", " ", "2", "b");
        check("a,b,c", ",", "2-", "b,c");
        check("a\tb", "\\t", "2", "b");
        check("aébéc", "é", "1&3", "aéc");
        for fields in ["0", "x", "1-x", "-", "1&", "99999999999999999999"] {
            let result = call(&["a-b", "-", fields], cut);
            assert_eq!(result.is_err(), fields != "-", "{fields}");
        }
        let many = vec!["1"; 100_000].join("&");
        assert!(call(&["a-b", "-", &many], cut).is_err());
    }

    #[test]
    fn filters_what_is_not_allowed() {
        let check = |allowed: &str, text: &[&str], expected: &str| {
            let arguments: Vec<&str> = [&[allowed], text].concat();
            assert_eq!(call(&arguments, filter).unwrap(), expected, "{allowed} {text:?}");
        };
        // F12: what remains cannot leave the context.
        check("0-9", &["secret", "s", "1"], "1");
        check("0-9", &["+34 (91) 234"], "3491234");
        check("0-9+", &["+34 91"], "+3491");
        check("a-zA-Z0-9\\-", &["a-b_c"], "a-bc");
        check("-a", &["a-b"], "a-");
        check("a-", &["a-b"], "a-");
        check("\\x20\\n", &["a b\nc"], " \n");
        check("\\x4", &["x4"], "x4");
        check("\\", &["a\\b"], "\\");
        check("", &["abc"], "");
        check("à-ü", &["aé"], "é");
        check("0-9", &[], "");
        assert!(call(&[], filter).is_err());
    }
}
