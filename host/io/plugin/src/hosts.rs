//! The hosts a plugin may ask by HTTP: `api.example.com`, `*.example.com:8443`, `192.0.2.7`, `[2001:db8::7]:8080`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// Bytes of a name in DNS, RFC 1035 §2.3.4.
const NAME_BYTES: usize = 253;
/// Bytes of one of its labels.
const LABEL_BYTES: usize = 63;

/// A host, or all hosts below a name, and perhaps a port.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct HostPattern {
    host: Host,
    /// The scheme's own where none is written.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Host {
    /// A name in lower case.
    Name(String),
    /// Every name below this one, and not this one itself.
    Below(String),
    Address(IpAddr),
}

impl HostPattern {
    /// Whether a server is one of these: its name in lower case or its address, an IPv6 one in brackets; its port; and whether it is
    /// asked by TLS.
    pub fn matches(&self, host: &str, port: u16, https: bool) -> bool {
        let own_port = self.port.unwrap_or(if https { 443 } else { 80 });
        let is_host = match &self.host {
            Host::Name(name) => name == host,
            Host::Below(name) => is_below(host, name),
            Host::Address(IpAddr::V4(own)) => host.parse::<Ipv4Addr>().is_ok_and(|address| address == *own),
            Host::Address(IpAddr::V6(own)) => {
                let inside = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
                inside.and_then(|host| host.parse::<Ipv6Addr>().ok()).is_some_and(|address| address == *own)
            }
        };
        is_host && own_port == port
    }

    /// Whether every server of `other` is one of these.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let hosts = match (&self.host, &other.host) {
            (Host::Below(own), Host::Name(name)) => is_below(name, own),
            (Host::Below(own), Host::Below(name)) => own == name || is_below(name, own),
            (own, other) => own == other,
        };
        hosts && self.port == other.port
    }
}

fn is_below(host: &str, name: &str) -> bool {
    host.strip_suffix(name).and_then(|rest| rest.strip_suffix('.')).is_some_and(|rest| !rest.is_empty())
}

impl fmt::Display for HostPattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Name(name) => formatter.write_str(name)?,
            Host::Below(name) => write!(formatter, "*.{name}")?,
            Host::Address(IpAddr::V4(address)) => write!(formatter, "{address}")?,
            Host::Address(IpAddr::V6(address)) => write!(formatter, "[{address}]")?,
        }
        self.port.map_or(Ok(()), |port| write!(formatter, ":{port}"))
    }
}

/// A text names no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a host such as \"api.example.com\", \"*.example.com:8443\" or \"[2001:db8::7]:8080\": {why}")]
pub struct HostPatternError {
    text: String,
    why: &'static str,
}

impl FromStr for HostPattern {
    type Err = HostPatternError;

    fn from_str(text: &str) -> Result<Self, HostPatternError> {
        parse(text).map_err(|why| HostPatternError { text: text.chars().take(NAME_BYTES).collect(), why })
    }
}

fn parse(text: &str) -> Result<HostPattern, &'static str> {
    if text.contains('/') {
        return Err("a host has no scheme and no path");
    }
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (address, rest) = rest.split_once(']').ok_or("the bracket is not closed")?;
            let address = address.parse().map_err(|_| "that is not an IPv6 address in brackets")?;
            (Host::Address(IpAddr::V6(address)), rest)
        }
        None => {
            let (host, rest) = text.split_at(text.find(':').unwrap_or(text.len()));
            (named(host)?, rest)
        }
    };
    let port = match port {
        "" => None,
        port => Some(port.strip_prefix(':').and_then(number).ok_or("its port is not a number from 1 to 65535")?),
    };
    Ok(HostPattern { host, port })
}

fn number(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0)
}

fn named(host: &str) -> Result<Host, &'static str> {
    let (name, below) = host.strip_prefix("*.").map_or((host, false), |name| (name, true));
    if name.len() > NAME_BYTES {
        return Err("it is too long");
    }
    let is_label = |label: &str| {
        let fits = (1..=LABEL_BYTES).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-');
        fits && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    if !name.split('.').all(is_label) {
        return Err("a name has labels of a-z, 0-9, '-' and '_', others as xn--…; only its first may be '*'");
    }
    let last = name.rsplit('.').next().unwrap_or_default();
    // What ends with a number is an address to a URL, whatever its spelling (WHATWG URL, "ends in a number checker").
    if last.bytes().all(|byte| byte.is_ascii_digit()) || last.to_ascii_lowercase().starts_with("0x") {
        let address = name.parse().ok().filter(|_| !below);
        return Ok(Host::Address(IpAddr::V4(address.ok_or("an address is written as four numbers")?)));
    }
    let name = name.to_ascii_lowercase();
    match below {
        // All of a top-level domain is no list of hosts.
        true if !name.contains('.') => Err("'*' stands for the hosts of a domain, not for a top-level one"),
        true => Ok(Host::Below(name)),
        false => Ok(Host::Name(name)),
    }
}

impl<'de> Deserialize<'de> for HostPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> HostPattern {
        text.parse().unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_host_is_itself_and_a_star_is_what_is_below() {
        for (text, matching, other) in [
            (
                "API.example.com",
                [("api.example.com", 443, true), ("api.example.com", 80, false)].as_slice(),
                [
                    ("api.example.com", 8443, true),
                    ("api.example.com", 443, false),
                    ("x.api.example.com", 443, true),
                    ("api.example.com.evil.test", 443, true),
                ]
                .as_slice(),
            ),
            (
                "*.example.com:8443",
                &[("a.example.com", 8443, true), ("a.b.example.com", 8443, false)],
                &[
                    ("example.com", 8443, true),
                    (".example.com", 8443, true),
                    ("evilexample.com", 8443, true),
                    ("a.example.com", 443, true),
                ],
            ),
            ("127.0.0.1:8080", &[("127.0.0.1", 8080, false)], &[("127.0.0.1", 80, false), ("127.0.0.2", 8080, false)]),
            ("[2001:DB8:0::7]", &[("[2001:db8::7]", 443, true)], &[("2001:db8::7", 443, true)]),
        ] {
            let pattern = pattern(text);
            for (host, port, https) in matching {
                assert!(pattern.matches(host, *port, *https), "{text} {host}:{port}");
            }
            for (host, port, https) in other {
                assert!(!pattern.matches(host, *port, *https), "{text} {host}:{port}");
            }
        }
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for text in [
            "",
            "*",
            "*.com",
            "*.",
            "*.*.example.com",
            "a.*.example.com",
            "*example.com",
            "https://example.com",
            "example.com/",
            "example.com.",
            ".example.com",
            "a..b",
            "example.com:",
            "example.com:0",
            "example.com:65536",
            "example.com:+1",
            "user@example.com",
            "exa mple.com",
            "bücher.example",
            "-a.example",
            "0x7f.1",
            "127.1",
            "1.2.3.4.5",
            "*.0.0.1",
            "2130706433",
            "0x7f000001",
            "[::1",
            "[::1]8080",
            "[127.0.0.1]",
            "::1",
            "example.com:80:80",
            "a\n.example",
        ] {
            assert!(text.parse::<HostPattern>().is_err(), "{text:?}");
        }
        let label = "a".repeat(LABEL_BYTES);
        assert!(format!("{label}.example").parse::<HostPattern>().is_ok());
        assert!(format!("{label}a.example").parse::<HostPattern>().is_err());
        let name = [label.as_str(); 4].join(".");
        assert!(name[..NAME_BYTES].parse::<HostPattern>().is_ok());
        assert!(name[..=NAME_BYTES].parse::<HostPattern>().is_err());
    }

    #[test]
    fn a_pattern_is_written_as_it_is_read() {
        for text in ["api.example.com", "*.example.com:8443", "192.0.2.7", "[2001:db8::7]:8080", "_a.b-c.example:1"] {
            assert_eq!(pattern(text).to_string(), text);
        }
    }

    #[test]
    fn one_pattern_may_hold_all_of_another() {
        for (wide, narrow, covers) in [
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "*.a.example.com", true),
            ("*.example.com", "*.example.com", true),
            ("*.example.com", "example.com", false),
            ("*.example.com", "a.example.com:8443", false),
            ("*.a.example.com", "*.example.com", false),
            ("a.example.com", "*.a.example.com", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
        ] {
            assert_eq!(pattern(wide).covers(&pattern(narrow)), covers, "{wide} {narrow}");
        }
    }
}
