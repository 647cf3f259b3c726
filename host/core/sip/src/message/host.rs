//! The `host` and `hostport` of RFC 3261 §25.1.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use bytes::Bytes;

use super::scan::{self, SyntaxError};
use super::text::Text;

/// A host name or an address.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A domain name as it was spelt; compare without case.
    Name(Text),
    /// An IPv4 address, or an IPv6 reference without its brackets.
    Ip(IpAddr),
}

impl Host {
    /// Reads a host: a name, an IPv4 address or an IPv6 reference in brackets.
    pub fn parse(bytes: &Bytes) -> Result<Self, SyntaxError> {
        Ok(HostParts::read(bytes)?.own(bytes))
    }

    /// The address, when the host is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(address) => Some(*address),
            Self::Name(_) => None,
        }
    }

    /// True when both name the same host: names without regard to case (§19.1.4) or a final dot.
    pub fn matches(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Ip(a), Self::Ip(b)) => a == b,
            (Self::Name(a), Self::Name(b)) => a.trim_end_matches('.').eq_ignore_ascii_case(b.trim_end_matches('.')),
            _ => false,
        }
    }

    /// True when the host is this name (without regard to case) or this address in text.
    pub fn is(&self, name: &str) -> bool {
        match self {
            Self::Name(own) => own.trim_end_matches('.').eq_ignore_ascii_case(name.trim_end_matches('.')),
            Self::Ip(own) => name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address == *own),
        }
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        Self::Ip(address)
    }
}

impl From<SocketAddr> for Host {
    fn from(address: SocketAddr) -> Self {
        Self::Ip(address.ip())
    }
}

impl fmt::Display for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => formatter.write_str(name),
            Self::Ip(IpAddr::V4(address)) => write!(formatter, "{address}"),
            Self::Ip(IpAddr::V6(address)) => write!(formatter, "[{address}]"),
        }
    }
}

/// A checked host that still borrows its text: what parsing needs before anybody asks for the value.
#[derive(Clone, Copy)]
pub(super) enum HostParts<'a> {
    Name(&'a [u8]),
    Ip(IpAddr),
}

impl<'a> HostParts<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, SyntaxError> {
        if let [b'[', address @ .., b']'] = bytes {
            let address = std::str::from_utf8(address).ok().and_then(|text| text.parse::<Ipv6Addr>().ok());
            return address.map(|address| Self::Ip(IpAddr::V6(address))).ok_or(SyntaxError("IPv6 reference"));
        }
        if !scan::is_host(bytes) {
            return Err(SyntaxError("host"));
        }
        // §25.1: the last label of a name begins with a letter, so that a name never looks like an address.
        let name = bytes.strip_suffix(b".").unwrap_or(bytes);
        let last = name.iter().rposition(|byte| *byte == b'.').map_or(name, |dot| &name[dot + 1..]);
        if last.iter().all(u8::is_ascii_digit) {
            let address = std::str::from_utf8(bytes).ok().and_then(|text| text.parse::<Ipv4Addr>().ok());
            return address.map(|address| Self::Ip(IpAddr::V4(address))).ok_or(SyntaxError("IPv4 address"));
        }
        if name.starts_with(b".") || name.windows(2).any(|pair| pair == b"..") {
            return Err(SyntaxError("host"));
        }
        Ok(Self::Name(bytes))
    }

    /// The host as a value that shares the buffer of `whole`.
    pub(super) fn own(self, whole: &Bytes) -> Host {
        match self {
            Self::Ip(address) => Host::Ip(address),
            Self::Name(name) => Host::Name(Text::share(whole, name)),
        }
    }
}

/// Reads `host [":" port]`; white space around the colon is legal in Via only, and trimmed by `spaced`.
pub(super) fn read_host_port(bytes: &[u8], spaced: bool) -> Result<(HostParts<'_>, Option<u16>), SyntaxError> {
    let after_bracket = match bytes.first() {
        Some(b'[') => bytes.iter().position(|byte| *byte == b']').ok_or(SyntaxError("IPv6 reference"))?,
        _ => 0,
    };
    let colon = bytes[after_bracket..].iter().position(|byte| *byte == b':');
    let (host, port) = match colon {
        Some(offset) => (&bytes[..after_bracket + offset], Some(&bytes[after_bracket + offset + 1..])),
        None => (bytes, None),
    };
    let (host, port) = if spaced { (scan::trim(host), port.map(scan::trim)) } else { (host, port) };
    let port = match port {
        None => None,
        Some(digits) => {
            let number = scan::number(digits).and_then(|number| u16::try_from(number).ok());
            Some(number.ok_or(SyntaxError("port"))?)
        }
    };
    Ok((HostParts::read(host)?, port))
}
