//! Cutting a stream into messages (RFC 3261 §18.3, RFC 5626 §4.4.1).

use bytes::{Bytes, BytesMut};

use super::parse::ParseError;

/// A stream being cut into messages. After an error the stream has no known boundary and must be closed.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
}

/// What was cut from a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The bytes of one message, for [`super::parse`].
    Message(Bytes),
    /// A second CRLF in a row: answer it with one CRLF (RFC 5626 §4.4.1).
    Ping,
    /// A single CRLF: the answer to our ping, or padding before a message (RFC 3261 §7.5).
    Pong,
}

/// Why a stream must be closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stream cannot be cut into messages: {0}")]
pub struct FrameError(pub ParseError);

impl Framer {
    /// A framer at the start of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next frame, or `None` until more bytes come.
    pub fn poll_frame(&mut self) -> Option<Result<Frame, FrameError>> {
        None
    }
}
