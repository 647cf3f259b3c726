//! SIP messages: parsing, building, writing (RFC 3261 §7, §25).
//!
//! ```
//! use bytes::Bytes;
//! use sip::message::{Message, Response, StatusCode, parse};
//!
//! let datagram = "OPTIONS sip:acme.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n\
//!     f: <sip:a@acme.test>;tag=1\r\nt: <sip:b@acme.test>\r\ni: 1@192.0.2.1\r\nCSeq: 1 OPTIONS\r\n\r\n";
//! let Ok(Message::Request(request)) = parse(Bytes::from_static(datagram.as_bytes())) else { panic!() };
//! assert_eq!(request.headers.from_().unwrap().tag(), Some("1"));
//! let bytes = Response::answering(&request, StatusCode::OK).to_bytes();
//! assert!(bytes.starts_with(b"SIP/2.0 200 OK\r\n"));
//! ```

use bytes::{Bytes, BytesMut};

mod encode;
mod framer;
mod header_name;
mod headers;
mod host;
mod method;
mod name_addr;
mod params;
mod parse;
mod scan;
mod status;
mod text;
mod uri;
pub mod validate;
mod via;

pub use framer::{Frame, FrameError, Framer};
pub use header_name::{HeaderName, OtherName};
pub use headers::{CSeq, Contacts, Headers, RAck, Reason, Refresher, Replaces, SessionExpires};
pub use host::Host;
pub use method::{Method, MethodToken};
pub use name_addr::NameAddr;
pub use params::{Param, Params};
pub use parse::{ParseError, Refusal, parse};
pub use scan::SyntaxError;
pub use status::StatusCode;
pub use text::Text;
pub use uri::{Scheme, Uri};
pub use via::{MAGIC_COOKIE, Via};

pub(crate) use headers::split_list;
pub(crate) use params::{quote, unquote};

/// A request or a response.
#[allow(
    clippy::large_enum_variant,
    reason = "a message is moved a few times and never kept in numbers; a box is slower"
)]
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// Something is asked.
    Request(Request),
    /// Something is answered.
    Response(Response),
}

/// A request (§7.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// Of whom: the Request-URI.
    pub uri: Uri,
    /// The headers in their order.
    pub headers: Headers,
    /// The body; Content-Length is computed when writing.
    pub body: Bytes,
}

/// A response (§7.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: StatusCode,
    /// The reason phrase for human readers; any bytes but control characters.
    pub reason: Bytes,
    /// The headers in their order.
    pub headers: Headers,
    /// The body; Content-Length is computed when writing.
    pub body: Bytes,
}

impl Message {
    /// The headers.
    pub fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        match self {
            Self::Request(request) => &request.body,
            Self::Response(response) => &response.body,
        }
    }

    /// Writes the message in its canonical form.
    pub fn encode(&self, output: &mut BytesMut) {
        match self {
            Self::Request(request) => request.encode(output),
            Self::Response(response) => response.encode(output),
        }
    }

    /// The message in its canonical form.
    pub fn to_bytes(&self) -> Bytes {
        match self {
            Self::Request(request) => request.to_bytes(),
            Self::Response(response) => response.to_bytes(),
        }
    }
}

impl From<Request> for Message {
    fn from(request: Request) -> Self {
        Self::Request(request)
    }
}

impl From<Response> for Message {
    fn from(response: Response) -> Self {
        Self::Response(response)
    }
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: Method, uri: Uri) -> Self {
        Self { method, uri, headers: Headers::new(), body: Bytes::new() }
    }

    /// The same with one more header line at the end.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: impl Into<Bytes>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// The same with a body of this type.
    #[must_use]
    pub fn with_body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.headers.set(HeaderName::ContentType, content_type);
        self.body = body.into();
        self
    }
}

impl Response {
    /// A response without headers and body, with the standard reason phrase.
    pub fn new(status: StatusCode) -> Self {
        let reason = Bytes::from_static(status.reason().as_bytes());
        Self { status, reason, headers: Headers::new(), body: Bytes::new() }
    }

    /// The response to a request: Via, From, To, Call-ID and CSeq copied (§8.2.6.2), and Timestamp into a 100
    /// (§8.2.6.1). Whoever needs a To tag sets it.
    pub fn answering(request: &Request, status: StatusCode) -> Self {
        let mut response = Self::new(status);
        for name in ANSWER_HEADERS {
            response.headers.copy_from(&request.headers, &name);
        }
        if status == StatusCode::TRYING {
            response.headers.copy_from(&request.headers, &HeaderName::Timestamp);
        }
        response
    }

    /// The same with one more header line at the end.
    #[must_use]
    pub fn with_header(mut self, name: HeaderName, value: impl Into<Bytes>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// The same with a body of this type.
    #[must_use]
    pub fn with_body(mut self, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        self.headers.set(HeaderName::ContentType, content_type);
        self.body = body.into();
        self
    }
}

/// What every response takes over from its request (§8.2.6.2).
const ANSWER_HEADERS: [HeaderName; 5] =
    [HeaderName::Via, HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq];
