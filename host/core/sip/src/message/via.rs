//! The Via header (RFC 3261 §20.42) with `rport` (RFC 3581).

use std::fmt;
use std::net::IpAddr;

use bytes::Bytes;

use super::host::{self, Host, HostParts};
use super::params::Params;
use super::scan::{self, SyntaxError};
use super::text::Text;

/// §8.1.1.7: a branch that begins like this identifies its transaction.
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// One hop of the way a request took.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Via {
    transport: Text,
    host: Host,
    port: Option<u16>,
    params: Params,
}

impl Via {
    /// A hop that was sent by `host:port` over `transport` (`UDP`, `TCP`, `TLS`, `WS`, `WSS`).
    pub fn new(transport: &'static str, host: impl Into<Host>, port: Option<u16>, branch: &str) -> Self {
        let mut params = Params::default();
        params.set("branch", branch);
        Self { transport: Text::from_static(transport), host: host.into(), port, params }
    }

    /// Reads one value (not a comma list).
    pub fn parse(bytes: &Bytes) -> Result<Self, SyntaxError> {
        Ok(ViaParts::read(bytes)?.own(bytes))
    }

    /// The transport as it was spelt; compare without case.
    pub fn transport(&self) -> &str {
        &self.transport
    }

    /// The host of `sent-by`.
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The port of `sent-by`, when it names one.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The parameters.
    pub fn params(&self) -> &Params {
        &self.params
    }

    /// The `branch` parameter.
    pub fn branch(&self) -> Option<&str> {
        self.params.value("branch")
    }

    /// The `branch` parameter when it identifies a transaction by RFC 3261: magic cookie and something behind it.
    ///
    /// RFC 4475 §3.2.1: the bare cookie identifies nothing; such a request is matched as RFC 2543 did.
    pub fn transaction_branch(&self) -> Option<&str> {
        self.branch().filter(|branch| {
            branch.len() > MAGIC_COOKIE.len()
                && branch.get(..MAGIC_COOKIE.len()).is_some_and(|start| start.eq_ignore_ascii_case(MAGIC_COOKIE))
        })
    }

    /// The `received` parameter (§18.2.1); IPv6 with or without brackets (RFC 5118 §4.5).
    pub fn received(&self) -> Option<IpAddr> {
        self.params.value("received")?.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }

    /// True when the sender asks for the answer at its source port (RFC 3581 §3).
    pub fn wants_rport(&self) -> bool {
        self.params.contains("rport")
    }

    /// The filled-in source port (RFC 3581 §4).
    pub fn rport(&self) -> Option<u16> {
        self.params.number("rport").and_then(|port| u16::try_from(port).ok())
    }

    /// Notes where the request really came from: `received` (§18.2.1) and, when asked for, `rport` (RFC 3581 §4).
    pub fn set_source(&mut self, address: IpAddr, port: u16) {
        let rport = self.wants_rport();
        if rport {
            self.params.set("rport", &port.to_string());
        }
        // RFC 3581 §4: with rport, received is always there.
        if rport || self.host.ip() != Some(address) {
            self.params.set("received", &address.to_string());
        } else {
            // A received written by the sender itself would send our answer elsewhere.
            self.params.remove("received");
        }
    }

    /// The same with an empty `rport` (RFC 3581 §3).
    #[must_use]
    pub fn with_rport(mut self) -> Self {
        self.params.set_flag("rport");
        self
    }

    /// The same with a parameter.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: &str) -> Self {
        self.params.set(name, value);
        self
    }

    /// The value as it is written.
    pub fn to_bytes(&self) -> Bytes {
        let mut output = format!("SIP/2.0/{} {}", self.transport, self.host).into_bytes();
        if let Some(port) = self.port {
            output.extend_from_slice(format!(":{port}").as_bytes());
        }
        output.extend_from_slice(self.params.as_bytes());
        Bytes::from(output)
    }
}

/// The checked parts of a Via that still borrow its text.
#[derive(Clone, Copy)]
pub(super) struct ViaParts<'a> {
    transport: &'a [u8],
    host: HostParts<'a>,
    port: Option<u16>,
    params: &'a [u8],
}

impl<'a> ViaParts<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, SyntaxError> {
        let value = scan::trim(bytes);
        let semicolon = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
        let (transport, sent_by) = split_protocol(&value[..semicolon])?;
        let (host, port) = host::read_host_port(sent_by, true)?;
        Ok(Self { transport, host, port, params: Params::read_header(&value[semicolon..])? })
    }

    fn own(self, whole: &Bytes) -> Via {
        Via {
            transport: Text::share(whole, self.transport),
            host: self.host.own(whole),
            port: self.port,
            params: Params::own(whole, self.params),
        }
    }
}

impl fmt::Display for Via {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&String::from_utf8_lossy(&self.to_bytes()))
    }
}

impl From<&Via> for Bytes {
    fn from(value: &Via) -> Self {
        value.to_bytes()
    }
}

/// `SIP / 2.0 / UDP` with white space around the slashes, then white space, then `sent-by`.
fn split_protocol(value: &[u8]) -> Result<(&[u8], &[u8]), SyntaxError> {
    let mut parts = value.splitn(3, |byte| *byte == b'/');
    let name = scan::trim(parts.next().unwrap_or_default());
    let version = scan::trim(parts.next().unwrap_or_default());
    let rest = scan::trim(parts.next().ok_or(SyntaxError("Via protocol"))?);
    if !name.eq_ignore_ascii_case(b"SIP") || version != b"2.0" {
        return Err(SyntaxError("Via protocol"));
    }
    let end = rest.iter().position(|byte| scan::is_space(*byte)).ok_or(SyntaxError("Via sent-by"))?;
    let (transport, sent_by) = (&rest[..end], scan::trim(&rest[end..]));
    if !scan::is_token(transport) {
        return Err(SyntaxError("Via transport"));
    }
    Ok((transport, sent_by))
}
