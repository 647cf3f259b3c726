//! Cutting a stream into messages (RFC 3261 §18.3, RFC 5626 §4.4.1).

use bytes::{Buf, Bytes, BytesMut};

use super::header_name::HeaderName;
use super::parse::lines::{self, Lines};
use super::parse::{self, ParseError, Problem};
use super::scan;
use super::status::StatusCode;
use crate::limit;

/// A stream being cut into messages.
///
/// What comes out does not depend on how the bytes were split (A7). After each [`Framer::push`] call
/// [`Framer::poll_frame`] until it gives `None`; then the framer holds less than one message. After an error the stream
/// has no known boundary and must be closed.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: BytesMut,
    /// How far the buffer holds no end of a head.
    searched: usize,
    /// The length of the message at the start of the buffer, once its head is complete.
    length: Option<usize>,
    /// The last frame was an odd CRLF of a row.
    after_crlf: bool,
    broken: bool,
}

/// What was cut from a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The bytes of one message, for [`super::parse`].
    Message(Bytes),
    /// A second CRLF in a row: answer it with one CRLF (RFC 5626 §4.4.1).
    Ping,
    /// A single CRLF: the answer to our ping, the first half of a ping, or padding before a message (RFC 3261 §7.5).
    Pong,
}

/// Why a stream must be closed, after the refusal it may hold has been sent.
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
        if !self.broken {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// How many bytes wait for the rest of their message.
    pub fn buffered(&self) -> usize {
        self.buffer.len()
    }

    /// The next frame, or `None` until more bytes come. After an error there is nothing more.
    pub fn poll_frame(&mut self) -> Option<Result<Frame, FrameError>> {
        if self.broken {
            return None;
        }
        match self.buffer.first()? {
            b'\r' => match self.buffer.get(1)? {
                b'\n' => {
                    self.buffer.advance(2);
                    self.after_crlf = !self.after_crlf;
                    Some(Ok(if self.after_crlf { Frame::Pong } else { Frame::Ping }))
                }
                _ => Some(Err(self.fail(ParseError::Drop("CR alone between messages")))),
            },
            _ => self.poll_message(),
        }
    }

    fn poll_message(&mut self) -> Option<Result<Frame, FrameError>> {
        let length = match self.length {
            Some(length) => length,
            None => match self.find_length()? {
                Ok(length) => *self.length.insert(length),
                Err(error) => return Some(Err(self.fail(error))),
            },
        };
        if self.buffer.len() < length {
            return None;
        }
        let message = self.buffer.split_to(length).freeze();
        (self.searched, self.length, self.after_crlf) = (0, None, false);
        if self.buffer.is_empty() {
            // An idle connection holds no memory (C4), and the message alone owns its bytes.
            self.buffer = BytesMut::new();
        }
        Some(Ok(Frame::Message(message)))
    }

    /// The length of the message at the start of the buffer, once its head is complete.
    fn find_length(&mut self) -> Option<Result<usize, ParseError>> {
        let from = self.searched.saturating_sub(3);
        let bound = self.buffer.len().min(limit::HEAD_BYTES_MAX);
        let Some(end) = self.buffer[from..bound].windows(4).position(|window| window == b"\r\n\r\n") else {
            self.searched = bound;
            if self.buffer.len() < limit::HEAD_BYTES_MAX {
                return None;
            }
            let head = Bytes::copy_from_slice(&self.buffer[..bound]);
            let problem = Problem { status: StatusCode::MESSAGE_TOO_LARGE, reason: "head too large" };
            return Some(Err(parse::refuse(head, problem)));
        };
        let head = from + end + 4;
        Some(match body_length(&self.buffer[..head]) {
            Ok(body) => Ok(head + body),
            Err(problem) => Err(parse::refuse(Bytes::copy_from_slice(&self.buffer[..head]), problem)),
        })
    }

    fn fail(&mut self, error: ParseError) -> FrameError {
        self.broken = true;
        self.buffer = BytesMut::new();
        FrameError(error)
    }
}

/// §18.3: on a stream only Content-Length says where a body ends; without exactly one the boundary is a guess.
fn body_length(head: &[u8]) -> Result<usize, Problem> {
    let mut length = None;
    let mut lines = Lines::new(head);
    for line in lines.by_ref().skip(1) {
        let Some((name, value)) = lines::split_name(line) else { continue };
        if HeaderName::known(name) != Some(HeaderName::ContentLength) {
            continue;
        }
        if length.is_some() {
            return Err(Problem::bad("Content-Length given twice"));
        }
        // A folded number is still one number; the white space around it is not part of it.
        let value: Vec<u8> = value.iter().copied().filter(|byte| !matches!(byte, b'\r' | b'\n')).collect();
        length = Some(parse::content_length(scan::trim(&value))?);
    }
    match (lines.problem(), length) {
        (Some(problem), _) => Err(problem),
        (None, None) => Err(Problem::bad("no Content-Length on a stream")),
        (None, Some(length)) if head.len() + length > limit::MESSAGE_BYTES_MAX => {
            Err(Problem { status: StatusCode::MESSAGE_TOO_LARGE, reason: "message too large" })
        }
        (None, Some(length)) => Ok(length),
    }
}

#[cfg(test)]
mod tests;
