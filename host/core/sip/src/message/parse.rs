//! Bytes to messages.

use bytes::Bytes;

use super::headers::Headers;
use super::method::Method;
use super::status::StatusCode;
use super::{Message, Response};

/// Why bytes are no message, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// A request that must be refused with a status.
    #[error("{}: {}", .0.status, .0.reason)]
    Answer(Box<Refusal>),
    /// Nothing that could be answered: no SIP, a response, an ACK, or a request without a Via.
    #[error("dropped: {0}")]
    Drop(&'static str),
}

/// The refusal of a malformed request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer: 400, 413, 414, 416, 505, 513.
    pub status: StatusCode,
    /// What is wrong, in a few words for the reason phrase and the log. Never text of the peer.
    pub reason: &'static str,
    /// The method, when it could be read.
    pub method: Option<Method>,
    /// Via, From, To, Call-ID and CSeq as far as the request had them.
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

/// Reads one whole message, a datagram or what a [`super::Framer`] cut from a stream.
pub fn parse(bytes: Bytes) -> Result<Message, ParseError> {
    if bytes.is_empty() {
        return Err(ParseError::Drop("empty"));
    }
    Err(ParseError::Drop("not yet"))
}
