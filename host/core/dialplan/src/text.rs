//! Taking text apart without looking into what is nested in it.

use crate::limit;

/// A fault in a piece of a line: `at` is a part of that line and gives the column.
#[derive(Debug)]
pub(crate) struct Fault<'a> {
    pub(crate) at: &'a str,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl<'a> Fault<'a> {
    pub(crate) fn new(at: &'a str, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// With `text` beginning at `${` or `$[`: the bytes up to and including its closing bracket.
pub(crate) fn nested_len(text: &str) -> Result<usize, Fault<'_>> {
    nested_len_at(text, 0)
}

fn nested_len_at(text: &str, depth: usize) -> Result<usize, Fault<'_>> {
    if depth >= limit::NESTING {
        return Err(Fault::new(text, format!("`${{` and `$[` are nested deeper than {}", limit::NESTING)));
    }
    let bytes = text.as_bytes();
    let expression = bytes[1] == b'[';
    let (mut open, mut quoted, mut at) = (1_usize, false, 2);
    while at < bytes.len() {
        match bytes[at] {
            b'$' if matches!(bytes.get(at + 1), Some(b'{' | b'[')) => {
                at += nested_len_at(&text[at..], depth + 1)?;
                continue;
            }
            b'\\' if expression && quoted => at += 1,
            b'"' if expression => quoted = !quoted,
            b'[' if expression && !quoted => open += 1,
            b']' if expression && !quoted => open -= 1,
            b'}' if !expression => open -= 1,
            _ => {}
        }
        at += 1;
        if open == 0 {
            return Ok(at);
        }
    }
    let message = if expression { "`$[` is not closed by `]`" } else { "`${` is not closed by `}`" };
    Err(Fault::new(text, message))
}

/// Where the first of `delimiters` stands that is not nested in `${}`, `$[]`, `()`, `[]` or quotes, nor escaped by `\`.
pub(crate) fn find_outside<'a>(text: &'a str, delimiters: &[u8]) -> Result<Option<usize>, Fault<'a>> {
    let bytes = text.as_bytes();
    let (mut open, mut quoted, mut at) = (0_usize, false, 0);
    while at < bytes.len() {
        match bytes[at] {
            b'$' if matches!(bytes.get(at + 1), Some(b'{' | b'[')) => {
                at += nested_len(&text[at..])?;
                continue;
            }
            b'\\' => {
                at += 2;
                continue;
            }
            byte if open == 0 && !quoted && delimiters.contains(&byte) => return Ok(Some(at)),
            b'"' => quoted = !quoted,
            b'(' | b'[' if !quoted => open += 1,
            b')' | b']' if !quoted => open = open.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    Ok(None)
}

/// The parts between delimiters that are not nested, quoted or escaped. Always at least one.
pub(crate) fn split_outside(text: &str, delimiter: u8) -> Result<Vec<&str>, Fault<'_>> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while let Some(at) = find_outside(rest, &[delimiter])? {
        parts.push(&rest[..at]);
        rest = &rest[at + 1..];
        if parts.len() >= limit::ARGUMENTS {
            return Err(Fault::new(rest, format!("there are more than {} arguments", limit::ARGUMENTS)));
        }
    }
    parts.push(rest);
    Ok(parts)
}

/// The two sides of the first such delimiter.
pub(crate) fn split_once_outside(text: &str, delimiter: u8) -> Result<(&str, Option<&str>), Fault<'_>> {
    Ok(match find_outside(text, &[delimiter])? {
        Some(at) => (&text[..at], Some(&text[at + 1..])),
        None => (text, None),
    })
}

/// With `text` beginning at `(`: where its closing bracket stands.
pub(crate) fn closing_bracket(text: &str) -> Result<Option<usize>, Fault<'_>> {
    Ok(find_outside(&text[1..], b")")?.map(|at| at + 1))
}

/// Whether nothing in it is filled in.
pub(crate) fn is_literal(text: &str) -> bool {
    !text.contains("${") && !text.contains("$[")
}

/// Cuts at a character border so that at most `bytes` remain.
pub(crate) fn cut(text: &str, bytes: usize) -> &str {
    let mut end = bytes.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// One line for a log: whatever could break a line, colour a terminal or turn the reading direction is written out (hostile G2).
pub(crate) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_control() || is_format(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Line and paragraph separators, direction marks and overrides, invisible joiners and the byte order mark.
fn is_format(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_only_outside_of_nesting() {
        let check = |text: &str, expected: &[&str]| assert_eq!(split_outside(text, b',').unwrap(), expected, "{text}");
        check("", &[""]);
        check("a,b", &["a", "b"]);
        check("${F(a,b)},$[1,2],(x,y),\"q,r\",s\\,t", &["${F(a,b)}", "$[1,2]", "(x,y)", "\"q,r\"", "s\\,t"]);
        check("s,1(a,b)", &["s", "1(a,b)"]);
        check("a)b,c", &["a)b", "c"]);
        check("\\", &["\\"]);
    }

    #[test]
    fn nesting_is_bounded_and_must_close() {
        assert!(nested_len("${a").is_err());
        assert!(nested_len("$[\"]\"").is_err());
        assert_eq!(nested_len("$[\"]\"] x").unwrap(), 6);
        assert_eq!(nested_len("$[[0-9]] x").unwrap(), 8);
        assert_eq!(nested_len("${a${b}c}").unwrap(), 9);
        let deep = "${".repeat(limit::NESTING + 1) + &"}".repeat(limit::NESTING + 1);
        assert!(nested_len(&deep).unwrap_err().message.contains("deeper"));
    }

    #[test]
    fn log_lines_cannot_be_forged() {
        assert_eq!(printable("a\r\nb\u{1b}[31m\u{202e}\0é"), "a\\u{d}\\u{a}b\\u{1b}[31m\\u{202e}\\u{0}é");
    }
}
