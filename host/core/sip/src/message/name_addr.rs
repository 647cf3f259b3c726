//! `name-addr / addr-spec` with header parameters: From, To, Contact, Route, Refer-To and their kin.

use std::fmt;

use bytes::Bytes;

use super::params::{self, Params};
use super::scan::{self, SyntaxError};
use super::text::Text;
use super::uri::{Uri, UriParts};

/// A URI with an optional display name and the parameters of the header it stands in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct NameAddr {
    /// As it was spelt: tokens or a quoted string.
    display: Option<Bytes>,
    uri: Uri,
    params: Params,
}

impl NameAddr {
    /// A URI alone.
    pub fn new(uri: Uri) -> Self {
        Self { display: None, uri, params: Params::default() }
    }

    /// Reads one value (not a comma list).
    pub fn parse(bytes: &Bytes) -> Result<Self, SyntaxError> {
        Ok(NameAddrParts::read(bytes)?.own(bytes))
    }

    /// The URI.
    pub fn uri(&self) -> &Uri {
        &self.uri
    }

    /// The URI by value.
    pub fn into_uri(self) -> Uri {
        self.uri
    }

    /// The display name without quotes and escapes; bytes that are no UTF-8 become the replacement character.
    pub fn display_name(&self) -> Option<String> {
        let display = self.display.as_ref()?;
        Some(String::from_utf8_lossy(&params::unquote(display)).into_owned())
    }

    /// The parameters of the header, outside the angle brackets.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The same for changing.
    pub fn params_mut(&mut self) -> &mut Params {
        &mut self.params
    }

    /// The value of a header parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.value(name)
    }

    /// The `tag` parameter of From and To.
    pub fn tag(&self) -> Option<&str> {
        self.param("tag")
    }

    /// The `tag` parameter, sharing the message's buffer.
    pub fn tag_text(&self) -> Option<Text> {
        self.params.shared("tag")
    }

    /// The same with this display name; control characters are dropped, the rest is quoted.
    #[must_use]
    pub fn with_display_name(mut self, name: &str) -> Self {
        self.display = (!name.is_empty()).then(|| Bytes::from(params::quote(name)));
        self
    }

    /// The same with this tag.
    #[must_use]
    pub fn with_tag(self, tag: &str) -> Self {
        self.with_param("tag", tag)
    }

    /// The same with this header parameter.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: &str) -> Self {
        self.params.set(name, value);
        self
    }

    /// The value as it is written: the URI always in brackets, so that its parameters stay its own.
    pub fn to_bytes(&self) -> Bytes {
        let mut output = Vec::with_capacity(64);
        if let Some(display) = &self.display {
            output.extend_from_slice(display);
            output.push(b' ');
        }
        output.extend_from_slice(format!("<{}>", self.uri).as_bytes());
        output.extend_from_slice(self.params.as_bytes());
        Bytes::from(output)
    }
}

/// The checked parts of an address that still borrow its text.
#[derive(Clone, Copy)]
pub(super) struct NameAddrParts<'a> {
    display: &'a [u8],
    uri: UriParts<'a>,
    params: &'a [u8],
}

impl<'a> NameAddrParts<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, SyntaxError> {
        let value = scan::trim(bytes);
        match scan::find_outside(value, b"<", false)? {
            Some(open) => Self::read_bracketed(value, open),
            None => Self::read_bare(value),
        }
    }

    fn read_bracketed(value: &'a [u8], open: usize) -> Result<Self, SyntaxError> {
        let close = value[open..].iter().position(|byte| *byte == b'>').ok_or(SyntaxError("angle brackets"))? + open;
        let display = scan::trim(&value[..open]);
        if !is_display(display) {
            return Err(SyntaxError("display name"));
        }
        let uri = UriParts::read(&value[open + 1..close])?;
        Ok(Self { display, uri, params: Params::read_header(&value[close + 1..])? })
    }

    /// §20: without brackets every parameter belongs to the header, and the URI may hold no `?` or `,`.
    fn read_bare(value: &'a [u8]) -> Result<Self, SyntaxError> {
        let semicolon = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
        let uri = scan::trim(&value[..semicolon]);
        if uri.iter().any(|byte| matches!(byte, b'?' | b',')) {
            return Err(SyntaxError("URI without angle brackets"));
        }
        Ok(Self { display: &[], uri: UriParts::read(uri)?, params: Params::read_header(&value[semicolon..])? })
    }

    fn own(self, whole: &Bytes) -> NameAddr {
        NameAddr {
            display: (!self.display.is_empty()).then(|| scan::share(whole, self.display)),
            uri: self.uri.own(whole),
            params: Params::own(whole, self.params),
        }
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&String::from_utf8_lossy(&self.to_bytes()))
    }
}

impl From<&NameAddr> for Bytes {
    fn from(value: &NameAddr) -> Self {
        value.to_bytes()
    }
}

/// `display-name` of §25.1: tokens separated by white space, or one quoted string.
///
/// Phones write names of other alphabets without quotes: bytes above ASCII are accepted among the tokens.
fn is_display(display: &[u8]) -> bool {
    if display.first() == Some(&b'"') {
        return scan::quoted_end(display) == Some(display.len());
    }
    display.iter().all(|byte| scan::is_token_byte(*byte) || scan::is_space(*byte) || !byte.is_ascii())
}
