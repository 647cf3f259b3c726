//! SIP, SIPS and tel URIs (RFC 3261 §19.1, RFC 3966); any other scheme is kept as it came.

use std::fmt;

use bytes::Bytes;

use super::host::{self, Host, HostParts};
use super::params::Params;
use super::scan::{self, SyntaxError, UriPart};
use super::text::Text;
use crate::limit;

mod compare;

/// What stands before the first colon of a URI.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip`.
    Sip,
    /// `sips`.
    Sips,
    /// `tel` (RFC 3966).
    Tel,
    /// Any other, as it was spelt.
    Other(Text),
}

/// A URI, taken apart as far as its scheme is known.
///
/// `==` compares the spelling; [`Uri::equivalent`] compares by the rules of §19.1.4.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Uri {
    scheme: Scheme,
    /// `sip`: the user part as it was escaped; `tel`: the number; other schemes: all behind the colon.
    user: Option<Text>,
    password: Option<Text>,
    host: Option<Host>,
    port: Option<u16>,
    params: Params,
    /// Behind `?`, without it.
    headers: Option<Text>,
}

impl Uri {
    /// Reads a URI without angle brackets around it.
    pub fn parse(bytes: &Bytes) -> Result<Self, SyntaxError> {
        Ok(UriParts::read(bytes)?.own(bytes))
    }

    fn bare(scheme: Scheme, user: Option<Text>) -> Self {
        Self { scheme, user, password: None, host: None, port: None, params: Params::default(), headers: None }
    }

    /// `sip:user@host:port`, the user escaped where it must be.
    pub fn sip(user: Option<&str>, host: impl Into<Host>, port: Option<u16>) -> Self {
        let mut uri = Self::bare(Scheme::Sip, user.map(escape_user));
        uri.host = Some(host.into());
        uri.port = port;
        uri
    }

    /// The scheme.
    pub fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    /// True for `sip` and `sips`.
    pub fn is_sip(&self) -> bool {
        matches!(self.scheme, Scheme::Sip | Scheme::Sips)
    }

    /// The user part as it is escaped; of a tel URI the number; of an unknown scheme all behind the colon.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// The user part with its escapes resolved; bytes that are no UTF-8 become the replacement character.
    pub fn user_unescaped(&self) -> Option<String> {
        self.user.as_deref().map(|user| String::from_utf8_lossy(&scan::unescape(user.as_bytes())).into_owned())
    }

    /// The password part as it is escaped. RFC 3261 §19.1.1 advises against it; it is kept, never used.
    pub fn password(&self) -> Option<&str> {
        self.password.as_deref()
    }

    /// The host of a `sip` or `sips` URI.
    pub fn host(&self) -> Option<&Host> {
        self.host.as_ref()
    }

    /// The port, when the URI names one.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The parameters of the URI itself (inside the angle brackets).
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The value of a URI parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.params.value(name)
    }

    /// The header part behind `?`, as it is escaped.
    pub fn headers(&self) -> Option<&str> {
        self.headers.as_deref()
    }

    /// The unescaped value of one header in the header part, such as `Replaces` in a Refer-To (RFC 3891 §6.1).
    pub fn header(&self, name: &str) -> Option<Bytes> {
        self.headers.as_deref()?.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            scan::unescape(key.as_bytes())
                .eq_ignore_ascii_case(name.as_bytes())
                .then(|| Bytes::from(scan::unescape(value.as_bytes())))
        })
    }

    /// True when the `lr` parameter marks a loose router (§19.1.1).
    pub fn is_loose_route(&self) -> bool {
        self.params.contains("lr")
    }

    /// The same URI with another user part.
    #[must_use]
    pub fn with_user(mut self, user: &str) -> Self {
        self.user = Some(escape_user(user));
        self
    }

    /// The same URI with a parameter, escaped where it must be.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: &str) -> Self {
        self.params.set_escaped(name, value);
        self
    }

    /// The same URI with a parameter that has no value, such as `lr`.
    #[must_use]
    pub fn with_flag(mut self, name: &str) -> Self {
        self.params.set_flag(name);
        self
    }

    /// The same URI without a parameter.
    #[must_use]
    pub fn without_param(mut self, name: &str) -> Self {
        self.params.remove(name);
        self
    }

    /// The same URI without its header part, as a Request-URI or Contact must be (§19.1.1 table 1).
    #[must_use]
    pub fn without_headers(mut self) -> Self {
        self.headers = None;
        self
    }

    /// The same URI with one more header in its header part, escaped.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        let mut headers = self.headers.as_deref().map(|headers| format!("{headers}&")).unwrap_or_default();
        scan::escape_into(&mut headers, name.as_bytes(), UriPart::Header);
        headers.push('=');
        scan::escape_into(&mut headers, value.as_bytes(), UriPart::Header);
        self.headers = Some(Text::from(headers));
        self
    }
}

impl Scheme {
    /// The scheme as it is written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Sip => "sip",
            Self::Sips => "sips",
            Self::Tel => "tel",
            Self::Other(name) => name,
        }
    }
}

/// The checked parts of a URI that still borrow its text: what parsing needs before anybody asks for the value.
#[derive(Clone, Copy)]
pub(super) struct UriParts<'a> {
    scheme: SchemeParts<'a>,
    user: Option<&'a [u8]>,
    password: Option<&'a [u8]>,
    host: Option<HostParts<'a>>,
    port: Option<u16>,
    params: &'a [u8],
    headers: Option<&'a [u8]>,
}

#[derive(Clone, Copy)]
enum SchemeParts<'a> {
    Sip,
    Sips,
    Tel,
    Other(&'a [u8]),
}

impl<'a> UriParts<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, SyntaxError> {
        if bytes.len() > limit::URI_BYTES_MAX {
            return Err(SyntaxError("URI length"));
        }
        let colon = bytes.iter().position(|byte| *byte == b':').ok_or(SyntaxError("URI scheme"))?;
        let scheme = SchemeParts::read(&bytes[..colon])?;
        let rest = &bytes[colon + 1..];
        match scheme {
            SchemeParts::Sip | SchemeParts::Sips => Self::read_sip(scheme, rest),
            SchemeParts::Tel => Self::read_tel(rest),
            SchemeParts::Other(_) => {
                if rest.is_empty() || !scan::is_escaped(rest, UriPart::Opaque) {
                    return Err(SyntaxError("URI"));
                }
                Ok(Self::bare(scheme, Some(rest)))
            }
        }
    }

    fn bare(scheme: SchemeParts<'a>, user: Option<&'a [u8]>) -> Self {
        Self { scheme, user, password: None, host: None, port: None, params: &[], headers: None }
    }

    fn read_sip(scheme: SchemeParts<'a>, rest: &'a [u8]) -> Result<Self, SyntaxError> {
        let mut uri = Self::bare(scheme, None);
        // §25.1: neither host, parameters nor headers may hold "@", so the first one ends the user part.
        let rest = match rest.iter().position(|byte| *byte == b'@') {
            Some(at) => {
                uri.read_userinfo(&rest[..at])?;
                &rest[at + 1..]
            }
            None => rest,
        };
        let question = rest.iter().position(|byte| *byte == b'?').unwrap_or(rest.len());
        let semicolon = rest[..question].iter().position(|byte| *byte == b';').unwrap_or(question);
        let (host, port) = host::read_host_port(&rest[..semicolon], false)?;
        uri.host = Some(host);
        uri.port = port;
        uri.params = Params::read_uri(&rest[semicolon..question])?;
        if question < rest.len() {
            uri.headers = Some(read_headers(&rest[question + 1..])?);
        }
        Ok(uri)
    }

    fn read_userinfo(&mut self, userinfo: &'a [u8]) -> Result<(), SyntaxError> {
        let colon = userinfo.iter().position(|byte| *byte == b':');
        let user = &userinfo[..colon.unwrap_or(userinfo.len())];
        let password = colon.map(|colon| &userinfo[colon + 1..]);
        if user.is_empty() || !scan::is_escaped(user, UriPart::User) {
            return Err(SyntaxError("URI user"));
        }
        if password.is_some_and(|password| !scan::is_escaped(password, UriPart::User)) {
            return Err(SyntaxError("URI password"));
        }
        self.user = Some(user);
        self.password = password;
        Ok(())
    }

    fn read_tel(rest: &'a [u8]) -> Result<Self, SyntaxError> {
        let semicolon = rest.iter().position(|byte| *byte == b';').unwrap_or(rest.len());
        let number = &rest[..semicolon];
        let digits = number.strip_prefix(b"+").unwrap_or(number);
        // RFC 3966 §3: digits and visual separators; local numbers also have "*", "#" and hex digits.
        let legal = |byte: &u8| byte.is_ascii_hexdigit() || matches!(byte, b'*' | b'#' | b'-' | b'.' | b'(' | b')');
        if !digits.iter().all(legal) || !digits.iter().any(|byte| !is_separator(*byte)) {
            return Err(SyntaxError("telephone number"));
        }
        let mut uri = Self::bare(SchemeParts::Tel, Some(number));
        uri.params = Params::read_uri(&rest[semicolon..])?;
        Ok(uri)
    }

    /// The URI as a value that shares the buffer of `whole`.
    pub(super) fn own(self, whole: &Bytes) -> Uri {
        let text = |part: &[u8]| Text::share(whole, part);
        Uri {
            scheme: match self.scheme {
                SchemeParts::Sip => Scheme::Sip,
                SchemeParts::Sips => Scheme::Sips,
                SchemeParts::Tel => Scheme::Tel,
                SchemeParts::Other(name) => Scheme::Other(text(name)),
            },
            user: self.user.map(text),
            password: self.password.map(text),
            host: self.host.map(|host| host.own(whole)),
            port: self.port,
            params: Params::own(whole, self.params),
            headers: self.headers.map(text),
        }
    }
}

impl<'a> SchemeParts<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, SyntaxError> {
        if bytes.eq_ignore_ascii_case(b"sip") {
            return Ok(Self::Sip);
        }
        if bytes.eq_ignore_ascii_case(b"sips") {
            return Ok(Self::Sips);
        }
        if bytes.eq_ignore_ascii_case(b"tel") {
            return Ok(Self::Tel);
        }
        let legal = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        if !bytes.first().is_some_and(u8::is_ascii_alphabetic) || !bytes.iter().all(legal) {
            return Err(SyntaxError("URI scheme"));
        }
        Ok(Self::Other(bytes))
    }
}

fn read_headers(bytes: &[u8]) -> Result<&[u8], SyntaxError> {
    for pair in bytes.split(|byte| *byte == b'&') {
        let equal = pair.iter().position(|byte| *byte == b'=').ok_or(SyntaxError("URI header"))?;
        let legal = equal > 0
            && scan::is_escaped(&pair[..equal], UriPart::Header)
            && scan::is_escaped(&pair[equal + 1..], UriPart::Header);
        if !legal {
            return Err(SyntaxError("URI header"));
        }
    }
    Ok(bytes)
}

impl fmt::Display for Uri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:", self.scheme.as_str())?;
        if let Some(user) = &self.user {
            formatter.write_str(user)?;
            if let Some(password) = &self.password {
                write!(formatter, ":{password}")?;
            }
            if self.host.is_some() {
                formatter.write_str("@")?;
            }
        }
        if let Some(host) = &self.host {
            write!(formatter, "{host}")?;
        }
        if let Some(port) = self.port {
            write!(formatter, ":{port}")?;
        }
        formatter.write_str(&String::from_utf8_lossy(self.params.as_bytes()))?;
        if let Some(headers) = &self.headers {
            write!(formatter, "?{headers}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uri {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Uri({self})")
    }
}

impl std::str::FromStr for Uri {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        Self::parse(&Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl serde::Serialize for Uri {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Uri {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

fn escape_user(user: &str) -> Text {
    let mut output = String::with_capacity(user.len());
    scan::escape_into(&mut output, user.as_bytes(), UriPart::User);
    Text::from(output)
}

/// RFC 3966 §3 `visual-separator`.
fn is_separator(byte: u8) -> bool {
    matches!(byte, b'-' | b'.' | b'(' | b')')
}

#[cfg(test)]
mod tests;
