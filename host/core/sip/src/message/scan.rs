//! The character classes of RFC 3261 §25.1 and the few scanners built from them. Everything here is one pass.

use bytes::Bytes;

/// Input that does not follow the grammar, and which construct broke.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed {0}")]
pub struct SyntaxError(pub &'static str);

const TOKEN: u8 = 1;
const USER: u8 = 2;
const PARAMETER: u8 = 4;
const HEADER: u8 = 8;
const HOST: u8 = 16;
const WORD: u8 = 32;
const URIC: u8 = 64;

const CLASS: [u8; 256] = {
    let mut table = [0u8; 256];
    let mut byte = 0usize;
    while byte < 256 {
        let c = byte as u8;
        let alphanumeric = c.is_ascii_alphanumeric();
        let mark = matches!(c, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')');
        let token = alphanumeric || matches!(c, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~');
        let mut class = 0;
        if token {
            class |= TOKEN;
        }
        if alphanumeric || mark {
            class |= USER | PARAMETER | HEADER | URIC;
        }
        // "#" must be escaped (§25.1), yet desk phones dial feature codes with it unescaped.
        if matches!(c, b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'?' | b'/' | b'#') {
            class |= USER;
        }
        if matches!(c, b'[' | b']' | b'/' | b':' | b'&' | b'+' | b'$') {
            class |= PARAMETER;
        }
        if matches!(c, b'[' | b']' | b'/' | b'?' | b':' | b'+' | b'$') {
            class |= HEADER;
        }
        if matches!(c, b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b',') {
            class |= URIC;
        }
        // "_" is no host name character, yet Windows machines put theirs into Via.
        if alphanumeric || matches!(c, b'-' | b'.' | b'_') {
            class |= HOST;
        }
        if token
            || matches!(c, b'(' | b')' | b'<' | b'>' | b':' | b'\\' | b'"' | b'/' | b'[' | b']' | b'?' | b'{' | b'}')
        {
            class |= WORD;
        }
        table[byte] = class;
        byte += 1;
    }
    table
};

fn all(bytes: &[u8], class: u8) -> bool {
    bytes.iter().all(|byte| CLASS[usize::from(*byte)] & class != 0)
}

/// `token` of §25.1: one or more characters.
pub(crate) fn is_token(bytes: &[u8]) -> bool {
    !bytes.is_empty() && all(bytes, TOKEN)
}

/// `word` of §25.1, the parts of a Call-ID.
pub(crate) fn is_word(bytes: &[u8]) -> bool {
    !bytes.is_empty() && all(bytes, WORD)
}

/// Characters of a host name.
pub(crate) fn is_host(bytes: &[u8]) -> bool {
    !bytes.is_empty() && all(bytes, HOST)
}

pub(crate) fn is_token_byte(byte: u8) -> bool {
    CLASS[usize::from(byte)] & TOKEN != 0
}

/// Which part of a URI is looked at: each has its own set of characters that need no escape.
#[derive(Clone, Copy)]
pub(crate) enum UriPart {
    User,
    Parameter,
    Header,
    Opaque,
}

/// True when every character may stand in this part and every `%` begins an escape of two hex digits.
pub(crate) fn is_escaped(bytes: &[u8], part: UriPart) -> bool {
    let class = class_of(part);
    let mut rest = bytes;
    while let Some((&byte, after)) = rest.split_first() {
        rest = if byte == b'%' {
            match after {
                [high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => after,
                _ => return false,
            }
        } else if CLASS[usize::from(byte)] & class != 0 {
            after
        } else {
            return false;
        };
    }
    true
}

/// Appends `text` so that it is legal in this part of a URI.
pub(crate) fn escape_into(output: &mut String, text: &[u8], part: UriPart) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let class = class_of(part);
    for &byte in text {
        if CLASS[usize::from(byte)] & class != 0 && byte != b'#' {
            output.push(char::from(byte));
        } else {
            output.push('%');
            output.push(char::from(HEX[usize::from(byte >> 4)]));
            output.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

fn class_of(part: UriPart) -> u8 {
    match part {
        UriPart::User => USER,
        UriPart::Parameter => PARAMETER,
        UriPart::Header => HEADER,
        UriPart::Opaque => URIC,
    }
}

/// The bytes that the escapes of `text` stand for; a `%` without two hex digits stands for itself.
pub(crate) fn unescape(text: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        match (byte, after) {
            (b'%', [high, low, tail @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                output.push(hex(*high) << 4 | hex(*low));
                rest = tail;
            }
            _ => {
                output.push(byte);
                rest = after;
            }
        }
    }
    output
}

fn hex(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    }
}

/// Linear white space inside an unfolded value.
pub(crate) fn is_space(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// The bytes without white space at both ends.
pub(crate) fn trim(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|byte| !is_space(*byte)).unwrap_or(bytes.len());
    let end = bytes.iter().rposition(|byte| !is_space(*byte)).map_or(start, |last| last + 1);
    &bytes[start..end]
}

/// `part` (a slice of `whole`) as `Bytes` that share the buffer of `whole`.
pub(crate) fn share(whole: &Bytes, part: &[u8]) -> Bytes {
    if part.is_empty() { Bytes::new() } else { whole.slice_ref(part) }
}

/// Where the quoted string that begins at `bytes[0]` ends (index after the closing quote), honouring `\` pairs.
pub(crate) fn quoted_end(bytes: &[u8]) -> Option<usize> {
    debug_assert_eq!(bytes.first(), Some(&b'"'));
    let mut index = 1;
    while index < bytes.len() {
        match bytes[index] {
            b'\\' => index += 2,
            b'"' => return Some(index + 1),
            _ => index += 1,
        }
    }
    None
}

/// The first `wanted` byte outside quoted strings and, when `angles`, outside `<…>`.
///
/// An error is a quote or bracket that never closes.
pub(crate) fn find_outside(bytes: &[u8], wanted: &[u8], angles: bool) -> Result<Option<usize>, SyntaxError> {
    let mut index = 0;
    while index < bytes.len() {
        let byte = bytes[index];
        if wanted.contains(&byte) {
            return Ok(Some(index));
        }
        match byte {
            b'"' => index += quoted_end(&bytes[index..]).ok_or(SyntaxError("quoted string"))?,
            b'<' if angles => {
                let close = bytes[index..].iter().position(|byte| *byte == b'>');
                index += close.ok_or(SyntaxError("angle brackets"))? + 1;
            }
            _ => index += 1,
        }
    }
    Ok(None)
}

/// The first CR or LF. Whole chunks are looked at at once, which the compiler turns into vector code.
pub(super) fn find_line_end(bytes: &[u8]) -> Option<usize> {
    const CHUNK: usize = 32;
    let ends = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let chunks = bytes.chunks_exact(CHUNK);
    let clean = chunks.take_while(|chunk| !chunk.iter().fold(false, |found, byte| found | ends(byte))).count();
    let from = clean * CHUNK;
    bytes[from..].iter().position(ends).map(|offset| from + offset)
}

/// Reads a decimal number of at most ten digits that fits 32 bits.
pub(crate) fn number(bytes: &[u8]) -> Option<u32> {
    // More digits are out of range unless they are leading zeros, which nobody sends honestly.
    if bytes.is_empty() || bytes.len() > 10 || !bytes.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = bytes.iter().fold(0u64, |value, digit| value * 10 + u64::from(digit - b'0'));
    u32::try_from(value).ok()
}
