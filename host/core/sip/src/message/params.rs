//! `;name=value` lists of headers and URIs, kept as one slice and read on demand.

use std::fmt;

use bytes::Bytes;

use super::scan::{self, SyntaxError, UriPart};
use super::text::Text;
use crate::limit;

/// Parameters behind a URI, a Via, a name-addr or another value, in their order.
///
/// Stored as the checked text `;a=b;c`, so that an untouched list costs no allocation.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Params(Bytes);

/// One parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Param<'a> {
    /// The name as it was spelt; compare without case.
    pub name: &'a str,
    /// The value after `=`, still quoted when it was quoted; may be other bytes than UTF-8 only inside quotes.
    pub value: Option<&'a [u8]>,
}

impl Params {
    /// Reads the parameters of a header value: `bytes` is empty or begins with `;`.
    pub(super) fn parse_header(bytes: &Bytes) -> Result<Self, SyntaxError> {
        Ok(Self::own(bytes, Self::read_header(bytes)?))
    }

    /// A list that one of the readers has checked, as a value that shares the buffer of `whole`.
    pub(super) fn own(whole: &Bytes, list: &[u8]) -> Self {
        Self(scan::share(whole, list))
    }

    /// Checks the parameters of a header value and gives them without the white space around them.
    pub(super) fn read_header(bytes: &[u8]) -> Result<&[u8], SyntaxError> {
        let mut rest = scan::trim(bytes);
        let whole = rest;
        let mut count = 0;
        while !rest.is_empty() {
            let Some(after) = rest.strip_prefix(b";") else { return Err(SyntaxError("parameter separator")) };
            let end = scan::find_outside(after, b";", false)?.unwrap_or(after.len());
            let (name, value) = split(&after[..end]);
            if !scan::is_token(name) || !value.is_none_or(is_gen_value) {
                return Err(SyntaxError("parameter"));
            }
            count += 1;
            if count > limit::PARAMETERS_MAX {
                return Err(SyntaxError("parameter count"));
            }
            rest = &after[end..];
        }
        Ok(whole)
    }

    /// Checks the parameters of a URI (`uri-parameters`, no white space, no quotes).
    pub(super) fn read_uri(bytes: &[u8]) -> Result<&[u8], SyntaxError> {
        if let Some(list) = bytes.strip_prefix(b";") {
            for (count, parameter) in list.split(|byte| *byte == b';').enumerate() {
                let (name, value) = split_exact(parameter);
                let legal = !name.is_empty()
                    && scan::is_escaped(name, UriPart::Parameter)
                    && value.is_none_or(|value| !value.is_empty() && scan::is_escaped(value, UriPart::Parameter));
                if !legal || count == limit::PARAMETERS_MAX {
                    return Err(SyntaxError("URI parameter"));
                }
                // §19.1.1: a name comes once, or which of two transports counts is a matter of taste.
                let mut before = list.split(|byte| *byte == b';').take(count);
                if before.any(|earlier| split_exact(earlier).0.eq_ignore_ascii_case(name)) {
                    return Err(SyntaxError("URI parameter given twice"));
                }
            }
        }
        Ok(bytes)
    }

    /// True when there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Every parameter in order.
    pub fn iter(&self) -> impl Iterator<Item = Param<'_>> {
        let mut rest = &self.0[..];
        std::iter::from_fn(move || {
            let after = rest.strip_prefix(b";")?;
            let end = scan::find_outside(after, b";", false).ok().flatten().unwrap_or(after.len());
            let (name, value) = split(&after[..end]);
            rest = &after[end..];
            Some(Param { name: std::str::from_utf8(name).expect("names are checked as ASCII"), value })
        })
    }

    /// The parameter with this name, the first when it is repeated.
    pub fn get(&self, name: &str) -> Option<Param<'_>> {
        self.iter().find(|parameter| parameter.name.eq_ignore_ascii_case(name))
    }

    /// True when the parameter is there, with or without a value.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The value of a parameter as text, without the quotes around it.
    pub fn value(&self, name: &str) -> Option<&str> {
        let value = self.get(name)?.value?;
        let bare = match value {
            [b'"', inner @ .., b'"'] => inner,
            _ => value,
        };
        std::str::from_utf8(bare).ok()
    }

    /// The value of a parameter, sharing the message's buffer.
    pub fn shared(&self, name: &str) -> Option<Text> {
        let value = self.get(name)?.value?;
        Text::new(scan::share(&self.0, value))
    }

    /// The value of a numeric parameter; a number that does not fit 32 bits is no number.
    pub fn number(&self, name: &str) -> Option<u32> {
        scan::number(self.get(name)?.value?)
    }

    /// Sets a parameter to a value; what is no token is written as a quoted string. Control characters are dropped.
    pub fn set(&mut self, name: &str, value: &str) {
        let written =
            if is_gen_value(value.as_bytes()) && !value.starts_with('"') { value.to_owned() } else { quote(value) };
        self.replace(name, Some(&written));
    }

    /// Sets a parameter of a URI; what may not stand in one is escaped.
    pub(crate) fn set_escaped(&mut self, name: &str, value: &str) {
        let mut written = String::new();
        scan::escape_into(&mut written, value.as_bytes(), UriPart::Parameter);
        self.replace(name, Some(&written));
    }

    /// Sets a parameter without a value.
    pub fn set_flag(&mut self, name: &str) {
        self.replace(name, None);
    }

    /// Takes a parameter out.
    pub fn remove(&mut self, name: &str) {
        if !self.contains(name) {
            return;
        }
        let mut output = Vec::with_capacity(self.0.len());
        for parameter in self.iter().filter(|parameter| !parameter.name.eq_ignore_ascii_case(name)) {
            write_parameter(&mut output, parameter);
        }
        self.0 = Bytes::from(output);
    }

    fn replace(&mut self, name: &str, value: Option<&str>) {
        assert!(scan::is_token(name.as_bytes()), "parameter names are tokens of the program");
        let new = Param { name, value: value.map(str::as_bytes) };
        let mut output = Vec::with_capacity(self.0.len() + name.len() + 2 + value.map_or(0, str::len));
        let mut replaced = false;
        for parameter in self.iter() {
            let same = parameter.name.eq_ignore_ascii_case(name);
            if !same {
                write_parameter(&mut output, parameter);
            } else if !replaced {
                write_parameter(&mut output, new);
                replaced = true;
            }
        }
        if !replaced {
            write_parameter(&mut output, new);
        }
        self.0 = Bytes::from(output);
    }

    /// The list as it is written, empty or beginning with `;`.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(&self.0), formatter)
    }
}

fn write_parameter(output: &mut Vec<u8>, parameter: Param<'_>) {
    output.push(b';');
    output.extend_from_slice(parameter.name.as_bytes());
    if let Some(value) = parameter.value {
        output.push(b'=');
        output.extend_from_slice(value);
    }
}

fn split_exact(parameter: &[u8]) -> (&[u8], Option<&[u8]>) {
    match parameter.iter().position(|byte| *byte == b'=') {
        Some(equal) => (&parameter[..equal], Some(&parameter[equal + 1..])),
        None => (parameter, None),
    }
}

fn split(parameter: &[u8]) -> (&[u8], Option<&[u8]>) {
    match parameter.iter().position(|byte| *byte == b'=') {
        Some(equal) => (scan::trim(&parameter[..equal]), Some(scan::trim(&parameter[equal + 1..]))),
        None => (scan::trim(parameter), None),
    }
}

/// `gen-value` of §25.1: token, host or quoted string. RFC 5118 §4.5: `received` may be a bare IPv6 address.
fn is_gen_value(value: &[u8]) -> bool {
    if value.first() == Some(&b'"') {
        return scan::quoted_end(value) == Some(value.len());
    }
    // Besides tokens: ":" and "[]" of addresses, and what Call-IDs in Replaces and URIs in RFC 3327 values carry.
    !value.is_empty()
        && value.iter().all(|byte| scan::is_token_byte(*byte) || matches!(byte, b':' | b'[' | b']' | b'@' | b'/'))
}

/// A quoted string of §25.1 around `text`: quotes and backslashes escaped, control characters dropped.
pub(crate) fn quote(text: &str) -> String {
    let mut output = String::with_capacity(text.len() + 2);
    output.push('"');
    for character in text.chars().filter(|character| !character.is_control()) {
        if matches!(character, '"' | '\\') {
            output.push('\\');
        }
        output.push(character);
    }
    output.push('"');
    output
}

/// The text inside a quoted string, escapes resolved; what is not quoted stays as it is.
pub(crate) fn unquote(bytes: &[u8]) -> Vec<u8> {
    let [b'"', inner @ .., b'"'] = bytes else { return bytes.to_vec() };
    let mut output = Vec::with_capacity(inner.len());
    let mut escaped = false;
    for &byte in inner {
        if byte == b'\\' && !escaped {
            escaped = true;
        } else {
            output.push(byte);
            escaped = false;
        }
    }
    output
}
