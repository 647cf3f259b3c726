//! Session descriptions (RFC 4566), as far as an audio call needs them: a small parser with limits (A8) and a printer.
//!
//! Unknown lines and attributes are skipped. What we act on must be well-formed, or the description is refused; numbers
//! that are only hints (`a=ptime`) are ignored when they are nonsense.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str;

/// Longest description that is looked at.
pub const LEN_MAX: usize = 16 * 1024;
/// Most lines.
pub const LINES_MAX: usize = 512;
/// Most `m=` lines.
pub const MEDIA_MAX: usize = 16;
/// Most formats of one `m=` line, and most `a=rtpmap` lines of it.
pub const FORMATS_MAX: usize = 64;
/// Most `a=candidate` lines.
pub const CANDIDATES_MAX: usize = 64;

/// A session description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// Who described it and which version this is.
    pub origin: Origin,
    /// Address for media without one of their own.
    pub connection: Option<Connection>,
    /// Direction for media without one of their own.
    pub direction: Option<Flow>,
    /// The streams.
    pub media: Vec<Media>,
}

/// The `o=` line as we write it; of a peer's only the form is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Number of the session.
    pub session_id: u64,
    /// Grows by one with each change.
    pub version: u64,
    /// Where it was made.
    pub address: IpAddr,
}

/// A `c=` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Connection {
    /// A plain address.
    Address(IpAddr),
    /// A host name, or a multicast address with its scope: nothing we would send to.
    Unusable,
}

/// `a=sendrecv` and its kin, from the viewpoint of who wrote it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// It sends.
    pub send: bool,
    /// It receives.
    pub receive: bool,
}

impl Flow {
    /// Both ways: the default.
    pub const BOTH: Self = Self { send: true, receive: true };

    /// The same flow seen from the other end.
    pub fn reversed(self) -> Self {
        Self { send: self.receive, receive: self.send }
    }

    /// What both allow.
    pub fn and(self, other: Self) -> Self {
        Self { send: self.send && other.send, receive: self.receive && other.receive }
    }

    fn name(self) -> &'static str {
        match (self.send, self.receive) {
            (true, true) => "sendrecv",
            (true, false) => "sendonly",
            (false, true) => "recvonly",
            (false, false) => "inactive",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [(true, true), (true, false), (false, true), (false, false)]
            .map(|(send, receive)| Self { send, receive })
            .into_iter()
            .find(|flow| flow.name() == name)
    }
}

/// An `m=` line and what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// `audio`, `video`, …
    pub kind: String,
    /// Port for RTP; 0 is a refused or removed stream.
    pub port: u16,
    /// `RTP/AVP`, …
    pub protocol: String,
    /// Payload types for RTP, anything else for others.
    pub formats: Vec<String>,
    /// Its own address.
    pub connection: Option<Connection>,
    /// Its own direction.
    pub direction: Option<Flow>,
    /// Meaning of dynamic payload types.
    pub rtpmaps: Vec<RtpMap>,
    /// Format parameters that we write; a peer's are not kept.
    pub fmtp: Vec<(u8, &'static str)>,
    /// Packet time the author wants to receive.
    pub ptime_ms: Option<u32>,
    /// Longest packet time the author takes.
    pub maxptime_ms: Option<u32>,
    /// RFC 3605: where RTCP goes.
    pub rtcp: Option<(u16, Option<IpAddr>)>,
    /// RFC 5761: RTCP may share the port.
    pub rtcp_mux: bool,
}

impl Media {
    /// A stream without attributes.
    pub fn new(kind: &str, port: u16, protocol: &str, formats: Vec<String>) -> Self {
        Self {
            kind: kind.to_owned(),
            port,
            protocol: protocol.to_owned(),
            formats,
            connection: None,
            direction: None,
            rtpmaps: Vec::new(),
            fmtp: Vec::new(),
            ptime_ms: None,
            maxptime_ms: None,
            rtcp: None,
            rtcp_mux: false,
        }
    }
}

/// An `a=rtpmap` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtpMap {
    /// Payload type.
    pub payload_type: u8,
    /// Encoding name.
    pub name: String,
    /// Clock rate.
    pub clock: u32,
    /// Channels.
    pub channels: u32,
}

/// Why a description was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SdpError {
    /// Over a limit.
    #[error("the SDP has too many {0}")]
    Limit(&'static str),
    /// Not of the right form.
    #[error("line {line} of the SDP is malformed")]
    Syntax {
        /// Line number, from 1.
        line: usize,
    },
    /// No `v=0` or no `o=`.
    #[error("the SDP lacks its {0} line")]
    Missing(&'static str),
}

/// Reads a description.
pub fn parse(bytes: &[u8]) -> Result<Description, SdpError> {
    if bytes.len() > LEN_MAX {
        return Err(SdpError::Limit("bytes"));
    }
    let mut parser = Parser::default();
    for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
        if index >= LINES_MAX {
            return Err(SdpError::Limit("lines"));
        }
        parser.line = index + 1;
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        match line {
            // The end, or an empty line, which some senders leave before it.
            [] => {}
            [kind, b'=', value @ ..] => parser.line(*kind, value)?,
            _ => return Err(parser.syntax()),
        }
    }
    parser.finish()
}

#[derive(Default)]
struct Parser {
    line: usize,
    has_version: bool,
    has_origin: bool,
    connection: Option<Connection>,
    direction: Option<Flow>,
    media: Vec<Media>,
    candidates: usize,
}

impl Parser {
    fn syntax(&self) -> SdpError {
        SdpError::Syntax { line: self.line }
    }

    fn line(&mut self, kind: u8, value: &[u8]) -> Result<(), SdpError> {
        if !self.has_version && kind != b'v' {
            return Err(SdpError::Missing("v="));
        }
        // Free text (s=, i=, u=, …) may be in any character set; what we read may not.
        let text = str::from_utf8(value);
        match kind {
            b'v' if value == b"0" => self.has_version = true,
            b'v' => return Err(self.syntax()),
            b'o' => {
                let fields = text.map_err(|_| self.syntax())?.split_ascii_whitespace().count();
                if fields != 6 {
                    return Err(self.syntax());
                }
                self.has_origin = true;
            }
            b'c' => {
                let connection = text.ok().and_then(parse_connection).ok_or(self.syntax())?;
                match self.media.last_mut() {
                    Some(media) => media.connection = Some(connection),
                    None => self.connection = Some(connection),
                }
            }
            b'm' => {
                if self.media.len() == MEDIA_MAX {
                    return Err(SdpError::Limit("m= lines"));
                }
                let media = text.ok().and_then(parse_media).ok_or(self.syntax())?;
                if media.formats.len() > FORMATS_MAX {
                    return Err(SdpError::Limit("formats"));
                }
                self.media.push(media);
            }
            b'a' => {
                if let Ok(text) = text {
                    self.attribute(text)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn attribute(&mut self, text: &str) -> Result<(), SdpError> {
        let (name, value) = text.split_once(':').unwrap_or((text, ""));
        if name == "candidate" {
            self.candidates += 1;
            if self.candidates > CANDIDATES_MAX {
                return Err(SdpError::Limit("candidates"));
            }
        }
        if let Some(flow) = Flow::from_name(text) {
            match self.media.last_mut() {
                Some(media) => media.direction = Some(flow),
                None => self.direction = Some(flow),
            }
        }
        let syntax = self.syntax();
        let Some(media) = self.media.last_mut() else { return Ok(()) };
        match name {
            "rtpmap" => {
                if media.rtpmaps.len() == FORMATS_MAX {
                    return Err(SdpError::Limit("a=rtpmap lines"));
                }
                media.rtpmaps.push(parse_rtpmap(value).ok_or(syntax)?);
            }
            "ptime" => media.ptime_ms = value.trim().parse().ok(),
            "maxptime" => media.maxptime_ms = value.trim().parse().ok(),
            "rtcp" => media.rtcp = Some(parse_rtcp(value).ok_or(syntax)?),
            "rtcp-mux" => media.rtcp_mux = true,
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<Description, SdpError> {
        if !self.has_version {
            return Err(SdpError::Missing("v="));
        }
        if !self.has_origin {
            return Err(SdpError::Missing("o="));
        }
        let origin = Origin { session_id: 0, version: 0, address: Ipv4Addr::UNSPECIFIED.into() };
        Ok(Description { origin, connection: self.connection, direction: self.direction, media: self.media })
    }
}

/// `IN IP4 192.0.2.1` or `IN IP4 224.2.1.1/127/3`.
fn parse_connection(text: &str) -> Option<Connection> {
    let mut fields = text.split_ascii_whitespace();
    let (network, family, address) = (fields.next()?, fields.next()?, fields.next()?);
    if network != "IN" || !matches!(family, "IP4" | "IP6") || fields.next().is_some() {
        return None;
    }
    Some(match address.parse::<IpAddr>() {
        Ok(ip) if ip.is_ipv6() == (family == "IP6") => Connection::Address(ip.to_canonical()),
        _ => Connection::Unusable,
    })
}

/// `audio 49170 RTP/AVP 0 8`, `audio 49170/2 RTP/AVP 31`.
fn parse_media(text: &str) -> Option<Media> {
    let mut fields = text.split_ascii_whitespace();
    let (kind, port, protocol) = (fields.next()?, fields.next()?, fields.next()?);
    let (port, count) = port.split_once('/').unwrap_or((port, "1"));
    count.parse::<u16>().ok()?;
    let formats: Vec<String> = fields.take(FORMATS_MAX + 1).map(str::to_owned).collect();
    let is_token = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !is_token(kind) || !is_token(protocol) || formats.is_empty() || !formats.iter().all(|format| is_token(format)) {
        return None;
    }
    Some(Media::new(kind, port.parse().ok()?, protocol, formats))
}

/// `97 iLBC/8000` or `96 L16/44100/2`.
fn parse_rtpmap(value: &str) -> Option<RtpMap> {
    let (payload_type, encoding) = value.trim().split_once(' ')?;
    let mut parts = encoding.trim().split('/');
    let (name, clock) = (parts.next()?, parts.next()?);
    let payload_type = payload_type.parse().ok().filter(|&number: &u8| number < 128)?;
    let channels = parts.next().map_or(Some(1), |channels| channels.parse().ok())?;
    Some(RtpMap { payload_type, name: name.to_owned(), clock: clock.parse().ok()?, channels })
}

/// `53020` or `53020 IN IP4 126.16.64.4`.
fn parse_rtcp(value: &str) -> Option<(u16, Option<IpAddr>)> {
    match value.trim().split_once(' ') {
        None => Some((value.trim().parse().ok()?, None)),
        Some((port, connection)) => match parse_connection(connection)? {
            Connection::Address(address) => Some((port.parse().ok()?, Some(address))),
            Connection::Unusable => None,
        },
    }
}

/// The bytes to put into a message.
impl fmt::Display for Description {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Origin { session_id, version, address } = self.origin;
        write!(f, "v=0\r\no=- {session_id} {version} IN {}\r\ns=-\r\n", Address(address))?;
        if let Some(Connection::Address(address)) = self.connection {
            write!(f, "c=IN {}\r\n", Address(address))?;
        }
        write!(f, "t=0 0\r\n")?;
        if let Some(flow) = self.direction {
            write!(f, "a={}\r\n", flow.name())?;
        }
        self.media.iter().try_for_each(|media| write!(f, "{media}"))
    }
}

impl fmt::Display for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m={} {} {}", self.kind, self.port, self.protocol)?;
        self.formats.iter().try_for_each(|format| write!(f, " {format}"))?;
        write!(f, "\r\n")?;
        if let Some(Connection::Address(address)) = self.connection {
            write!(f, "c=IN {}\r\n", Address(address))?;
        }
        for RtpMap { payload_type, name, clock, channels } in &self.rtpmaps {
            write!(f, "a=rtpmap:{payload_type} {name}/{clock}")?;
            if *channels != 1 {
                write!(f, "/{channels}")?;
            }
            write!(f, "\r\n")?;
        }
        for (payload_type, parameters) in &self.fmtp {
            write!(f, "a=fmtp:{payload_type} {parameters}\r\n")?;
        }
        if let Some(ms) = self.ptime_ms {
            write!(f, "a=ptime:{ms}\r\n")?;
        }
        if let Some(ms) = self.maxptime_ms {
            write!(f, "a=maxptime:{ms}\r\n")?;
        }
        if let Some((port, address)) = self.rtcp {
            write!(f, "a=rtcp:{port}")?;
            if let Some(address) = address {
                write!(f, " IN {}", Address(address))?;
            }
            write!(f, "\r\n")?;
        }
        if self.rtcp_mux {
            write!(f, "a=rtcp-mux\r\n")?;
        }
        match self.direction {
            Some(flow) => write!(f, "a={}\r\n", flow.name()),
            None => Ok(()),
        }
    }
}

/// `IP4 192.0.2.1`.
struct Address(IpAddr);

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(address) => write!(f, "IP4 {address}"),
            IpAddr::V6(address) => write!(f, "IP6 {address}"),
        }
    }
}

#[cfg(test)]
mod tests;
