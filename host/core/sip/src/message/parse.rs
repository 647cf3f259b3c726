//! Bytes to messages: one pass over the lines, then the checks whose failure decides the answer.
//!
//! A request that breaks a rule still has its remaining lines read, so that the refusal can carry the headers that a
//! response needs. Values that no rule of this module looks at stay untouched until somebody reads them as a type.

use bytes::Bytes;

use super::header_name::HeaderName;
use super::headers::{CSeq, Headers, is_call_id, split_slices};
use super::method::Method;
use super::name_addr::NameAddrParts;
use super::scan::{self, SyntaxError};
use super::status::StatusCode;
use super::uri::Uri;
use super::via::ViaParts;
use super::{ANSWER_HEADERS, Message, Request, Response};
use crate::limit;

pub(super) mod lines;
use lines::Lines;

/// Why bytes are no message, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// A request that must be refused with a status.
    #[error("{}: {}", .0.status, .0.reason)]
    Answer(Box<Refusal>),
    /// Nothing that could be answered: no SIP, a response, an ACK, a request without a Via, or one so small that the
    /// answer would be worth forging its source for (C8).
    #[error("dropped: {0}")]
    Drop(&'static str),
}

/// The refusal of a malformed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer: 400, 413, 414, 505 or 513.
    pub status: StatusCode,
    /// What is wrong, in a few words for the log. Never text of the peer.
    pub reason: &'static str,
    /// The method, when it could be read.
    pub method: Option<Method>,
    /// Via, From, To, Call-ID and CSeq as far as the request had them; not even the Via need be well-formed, so the
    /// answer goes to the source of the request.
    pub headers: Headers,
}

impl Refusal {
    /// The answer, without a To tag.
    pub fn response(&self) -> Response {
        let mut response = Response::new(self.status);
        response.headers = self.headers.clone();
        response
    }
}

/// A broken rule: the status a request is answered with, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) status: StatusCode,
    pub(super) reason: &'static str,
}

impl Problem {
    const fn new(status: StatusCode, reason: &'static str) -> Self {
        Self { status, reason }
    }

    pub(super) const fn bad(reason: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, reason)
    }
}

impl From<SyntaxError> for Problem {
    fn from(error: SyntaxError) -> Self {
        Self::bad(error.0)
    }
}

/// Reads one whole message, a datagram or what a [`super::Framer`] cut from a stream.
///
/// Bytes behind Content-Length are cut off; without Content-Length the body ends with the bytes (§18.3).
pub fn parse(bytes: Bytes) -> Result<Message, ParseError> {
    Scanned::new(bytes)?.finish()
}

/// The refusal of a message whose boundary on a stream cannot be found.
pub(super) fn refuse(head: Bytes, problem: Problem) -> ParseError {
    match Scanned::new(head) {
        Ok(scanned) => scanned.refuse(problem),
        Err(error) => error,
    }
}

/// The first line, taken apart.
#[allow(clippy::large_enum_variant, reason = "one value on the stack while a message is parsed")]
enum Start {
    Request { method: Option<Method>, uri: Result<Uri, Problem> },
    Response { status: StatusCode, reason: Bytes },
}

/// A message taken apart into lines, with the first rule it broke.
struct Scanned {
    start: Start,
    headers: Headers,
    body: Bytes,
    problem: Option<Problem>,
    /// How many bytes came, which bounds the answer to what is malformed.
    size: usize,
}

impl Scanned {
    fn new(bytes: Bytes) -> Result<Self, ParseError> {
        let mut problem = None;
        let size = bytes.len();
        let bytes = skip_empty_lines(&bytes);
        let bytes = if bytes.len() > limit::MESSAGE_BYTES_MAX {
            problem = Some(Problem::new(StatusCode::MESSAGE_TOO_LARGE, "message too large"));
            bytes.slice(..limit::MESSAGE_BYTES_MAX)
        } else {
            bytes
        };
        let mut lines = Lines::new(&bytes);
        let first = lines.next().ok_or(ParseError::Drop("empty"))?;
        let start = Start::parse(&scan::share(&bytes, first))?;
        let mut headers = Headers::with_capacity(24);
        for line in lines.by_ref() {
            if headers.len() == limit::HEADERS_MAX {
                problem = problem.or(Some(Problem::bad("too many headers")));
                break;
            }
            match header(&bytes, line) {
                Ok((name, value)) => headers.push_parsed(name, value),
                Err(broken) => problem = problem.or(Some(broken)),
            }
        }
        if lines.position() > limit::HEAD_BYTES_MAX {
            problem = problem.or(Some(Problem::new(StatusCode::MESSAGE_TOO_LARGE, "head too large")));
        }
        problem = problem.or(lines.problem());
        Ok(Self { start, headers, body: bytes.slice(lines.position()..), problem, size })
    }

    fn finish(mut self) -> Result<Message, ParseError> {
        if let Some(problem) = self.check() {
            return Err(self.refuse(problem));
        }
        let (headers, body) = (self.headers, self.body);
        match self.start {
            Start::Request { method: Some(method), uri: Ok(uri) } => {
                Ok(Message::Request(Request { method, uri, headers, body }))
            }
            Start::Request { .. } => unreachable!("check() refuses a start line that could not be read"),
            Start::Response { status, reason } => Ok(Message::Response(Response { status, reason, headers, body })),
        }
    }

    /// The first broken rule; cuts the body to its length when there is none.
    fn check(&mut self) -> Option<Problem> {
        let method = match &self.start {
            Start::Request { uri: Err(problem), .. } => return Some(*problem),
            Start::Request { method: None, .. } => return Some(Problem::bad("method")),
            Start::Request { method, .. } => method.as_ref(),
            Start::Response { .. } => None,
        };
        if self.problem.is_some() {
            return self.problem;
        }
        let length = match check_headers(&self.headers, method) {
            Ok(length) => length,
            Err(problem) => return Some(problem),
        };
        if let Some(length) = length {
            if length > self.body.len() {
                // §18.3: a datagram that ends before its body is answered 400, a response is discarded.
                return Some(Problem::bad("body shorter than Content-Length"));
            }
            self.body.truncate(length);
        }
        None
    }

    fn refuse(self, problem: Problem) -> ParseError {
        let Start::Request { method, .. } = self.start else { return ParseError::Drop(problem.reason) };
        // §17.1.1.3: an ACK is never answered.
        if method == Some(Method::Ack) {
            return ParseError::Drop(problem.reason);
        }
        if !self.headers.contains(&HeaderName::Via) {
            return ParseError::Drop("no Via");
        }
        let mut headers = Headers::new();
        for name in ANSWER_HEADERS {
            let bound = if name == HeaderName::Via { limit::VIAS_MAX } else { 1 };
            for value in self.headers.get_all(&name).take(bound) {
                headers.push_parsed(name.clone(), value.clone());
            }
        }
        let refusal = Refusal { status: problem.status, reason: problem.reason, method, headers };
        // C8: the source of a malformed request may be forged; no answer is better than a larger one.
        if !limit::answer_fits(self.size, refusal.response().to_bytes().len()) {
            return ParseError::Drop("answer larger than the request");
        }
        ParseError::Answer(Box::new(refusal))
    }
}

/// §7.5: empty lines before the start line are ignored.
fn skip_empty_lines(bytes: &Bytes) -> Bytes {
    let mut start = 0;
    while bytes[start..].starts_with(b"\r\n") {
        start += 2;
    }
    bytes.slice(start..)
}

impl Start {
    fn parse(line: &Bytes) -> Result<Self, ParseError> {
        if line.len() >= 4 && line[..4].eq_ignore_ascii_case(b"SIP/") {
            return Self::parse_status_line(line);
        }
        // Only what ends like a request line is SIP at all; anything else gets silence (C1).
        let trimmed = scan::trim(line);
        let last_space = trimmed.iter().rposition(|byte| *byte == b' ').ok_or(ParseError::Drop("no SIP message"))?;
        let version = &trimmed[last_space + 1..];
        if version.len() < 4 || !version[..4].eq_ignore_ascii_case(b"SIP/") {
            return Err(ParseError::Drop("no SIP message"));
        }
        let first_space = trimmed.iter().position(|byte| *byte == b' ').unwrap_or(last_space);
        let method = Method::parse_part(line, &trimmed[..first_space]).ok();
        let uri = if first_space == last_space {
            Err(Problem::bad("request line without a URI"))
        } else if trimmed.len() != line.len() {
            // RFC 4475 §3.1.2.10.
            Err(Problem::bad("white space around the request line"))
        } else {
            request_uri(line, &trimmed[first_space + 1..last_space], version)
        };
        Ok(Self::Request { method, uri })
    }

    /// §7.2. What is wrong with a response is never answered.
    fn parse_status_line(line: &Bytes) -> Result<Self, ParseError> {
        let rest = match line.split_first_chunk::<8>() {
            Some((version, rest)) if version.eq_ignore_ascii_case(b"SIP/2.0 ") => rest,
            _ => return Err(ParseError::Drop("version of a response")),
        };
        let (digits, reason) = match rest.split_first_chunk::<3>() {
            Some((digits, [])) => (digits, &[][..]),
            Some((digits, [b' ', reason @ ..])) => (digits, reason),
            // RFC 4475 §3.1.2.19: more digits are no status code.
            _ => return Err(ParseError::Drop("status code")),
        };
        let code = scan::number(digits).and_then(|code| u16::try_from(code).ok());
        let status = code.and_then(StatusCode::new).ok_or(ParseError::Drop("status code"))?;
        Ok(Self::Response { status, reason: scan::share(line, reason) })
    }
}

fn request_uri(line: &Bytes, uri: &[u8], version: &[u8]) -> Result<Uri, Problem> {
    if !version[4..].eq(b"2.0") {
        let digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
        let mut parts = version[4..].splitn(2, |byte| *byte == b'.');
        let known_form = parts.next().is_some_and(digits) && parts.next().is_some_and(digits);
        // RFC 4475 §3.1.2.16.
        let status = if known_form { StatusCode::VERSION_NOT_SUPPORTED } else { StatusCode::BAD_REQUEST };
        return Err(Problem::new(status, "SIP version"));
    }
    if uri.len() > limit::URI_BYTES_MAX {
        return Err(Problem::new(StatusCode::REQUEST_URI_TOO_LONG, "Request-URI too long"));
    }
    let uri = Uri::parse(&scan::share(line, uri))?;
    // §19.1.1 table 1: a Request-URI has no header part (RFC 4475 §3.1.2.11).
    if uri.headers().is_some() {
        return Err(Problem::bad("headers in the Request-URI"));
    }
    Ok(uri)
}

/// Takes one logical line apart.
fn header(bytes: &Bytes, line: &[u8]) -> Result<(HeaderName, Bytes), Problem> {
    let (name, value) = lines::split_name(line).ok_or(Problem::bad("header line without a colon"))?;
    let name = match HeaderName::known(name) {
        Some(known) => known,
        None => HeaderName::parse(&scan::share(bytes, name))?,
    };
    let value = scan::trim(value);
    // Nearly no value holds a character below the space, and looking for one is a single pass of vector code.
    let plain = !value.iter().fold(false, |odd, byte| odd | (*byte < b' ') | (*byte == 0x7f));
    if plain && value.len() <= limit::HEADER_VALUE_BYTES_MAX {
        return Ok((name, scan::share(bytes, value)));
    }
    let value = lines::unfold(bytes, value);
    if value.len() > limit::HEADER_VALUE_BYTES_MAX {
        return Err(Problem::bad("header too long"));
    }
    // §25.1: control characters stand in no value except escaped in a quoted string.
    let mut escaped = false;
    for &byte in &value[..] {
        if (byte < b' ' && byte != b'\t' || byte == 0x7f) && !escaped {
            return Err(Problem::bad("control character in a header"));
        }
        escaped = byte == b'\\' && !escaped;
    }
    Ok((name, value))
}

/// Checks every header that this crate relies on; gives the Content-Length.
fn check_headers(headers: &Headers, method: Option<&Method>) -> Result<Option<usize>, Problem> {
    let mut seen = 0u32;
    let mut length = None;
    let mut vias = 0;
    for (name, value) in headers.iter() {
        if let Some(bit) = single_value(name) {
            // RFC 4475 §3.3.8, §3.3.9: which of two values counts cannot be known.
            if seen & bit != 0 {
                return Err(Problem::bad("header given twice"));
            }
            seen |= bit;
        }
        match name {
            HeaderName::Via => vias += check_list(value, |via| ViaParts::read(via).map(drop))?,
            HeaderName::From | HeaderName::To => drop(NameAddrParts::read(value)?),
            HeaderName::CallId if !is_call_id(value) => return Err(Problem::bad("Call-ID")),
            HeaderName::CSeq => {
                let cseq = CSeq::parse(value)?;
                if method.is_some_and(|method| *method != cseq.method) {
                    return Err(Problem::bad("CSeq method differs from the request's"));
                }
            }
            // §20.22: 0 to 255.
            HeaderName::MaxForwards if scan::number(value).is_none_or(|hops| hops > 255) => {
                return Err(Problem::bad("Max-Forwards"));
            }
            HeaderName::ContentLength => length = Some(content_length(value)?),
            HeaderName::Contact if &value[..] == b"*" => {}
            HeaderName::Contact | HeaderName::Route | HeaderName::RecordRoute | HeaderName::Path => {
                check_list(value, |address| NameAddrParts::read(address).map(drop))?;
            }
            _ => {}
        }
    }
    if vias > limit::VIAS_MAX {
        return Err(Problem::bad("too many Via values"));
    }
    if vias == 0 || seen & REQUIRED != REQUIRED {
        return Err(Problem::bad("required header missing"));
    }
    Ok(length)
}

/// From, To, Call-ID and CSeq: with Via, what every message has (§8.1.1; Max-Forwards is younger than RFC 2543).
const REQUIRED: u32 = 0b1111;

/// The bit of a header that may come only once and hold only one value.
fn single_value(name: &HeaderName) -> Option<u32> {
    let index = match name {
        HeaderName::From => 0,
        HeaderName::To => 1,
        HeaderName::CallId => 2,
        HeaderName::CSeq => 3,
        HeaderName::MaxForwards => 4,
        HeaderName::ContentLength => 5,
        HeaderName::ContentType => 6,
        HeaderName::Expires => 7,
        HeaderName::MinExpires => 8,
        HeaderName::ReferTo => 9,
        HeaderName::ReferredBy => 10,
        HeaderName::Replaces => 11,
        HeaderName::SessionExpires => 12,
        HeaderName::MinSe => 13,
        HeaderName::RAck => 14,
        HeaderName::RSeq => 15,
        HeaderName::Event => 16,
        HeaderName::SubscriptionState => 17,
        HeaderName::Timestamp => 18,
        HeaderName::Date => 19,
        _ => return None,
    };
    Some(1 << index)
}

fn check_list(value: &[u8], check: impl Fn(&[u8]) -> Result<(), SyntaxError>) -> Result<usize, Problem> {
    let mut count = 0;
    for part in split_slices(value) {
        count += 1;
        if count > limit::LIST_VALUES_MAX.max(limit::VIAS_MAX) {
            return Err(Problem::bad("too many values in a header"));
        }
        check(part?)?;
    }
    Ok(count)
}

/// The value of Content-Length; 413 when no message may be so long.
pub(super) fn content_length(value: &[u8]) -> Result<usize, Problem> {
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return Err(Problem::bad("Content-Length"));
    }
    scan::number(value)
        .and_then(|length| usize::try_from(length).ok())
        .filter(|length| *length <= limit::MESSAGE_BYTES_MAX)
        .ok_or(Problem::new(StatusCode::REQUEST_ENTITY_TOO_LARGE, "body too large"))
}

#[cfg(test)]
mod tests;
