//! A byte stream as a source and a sink of messages: TCP today, TLS with the same code.

use std::io;

use bytes::{Bytes, BytesMut};
use sip::message::{Frame, Framer, ParseError};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    time::Instant,
};

use super::{MessageSink, MessageSource, Received};

/// Bytes read at once. Ten thousand connections must not cost more than their buffers are worth.
const READ_BYTES: usize = 4 * 1_024;
/// The answer to a keep-alive (RFC 5626 §4.4.1).
const PONG: &[u8] = b"\r\n";

/// Cuts a stream into messages.
pub(crate) struct StreamSource<S> {
    stream: ReadHalf<S>,
    framer: Framer,
    buffer: BytesMut,
    partial_since: Option<Instant>,
    last_byte: Instant,
}

/// Writes messages to a stream.
pub(crate) struct StreamSink<S> {
    stream: WriteHalf<S>,
}

/// Both halves of `stream`.
pub(crate) fn halves<S: AsyncRead + AsyncWrite>(stream: S) -> (StreamSource<S>, StreamSink<S>) {
    let (read, write) = tokio::io::split(stream);
    let source = StreamSource {
        stream: read,
        framer: Framer::new(),
        buffer: BytesMut::with_capacity(READ_BYTES),
        partial_since: None,
        last_byte: Instant::now(),
    };
    (source, StreamSink { stream: write })
}

impl<S: AsyncRead + AsyncWrite + Send> MessageSource for StreamSource<S> {
    async fn receive(&mut self) -> io::Result<Received> {
        loop {
            match self.framer.poll_frame() {
                Some(Ok(Frame::Message(bytes))) => {
                    self.partial_since = None;
                    return Ok(Received::Message(bytes));
                }
                Some(Ok(Frame::Ping)) => return Ok(Received::Ping(PONG)),
                Some(Ok(Frame::Pong)) => {}
                Some(Err(error)) => return Ok(Received::Broken(answer_to(error.0))),
                None => break,
            }
        }
        self.buffer.clear();
        self.buffer.reserve(READ_BYTES);
        let read = self.stream.read_buf(&mut self.buffer).await?;
        if read == 0 {
            return Ok(Received::Closed);
        }
        self.last_byte = Instant::now();
        self.framer.push(&self.buffer);
        if self.partial_since.is_none() {
            self.partial_since = Some(self.last_byte);
        }
        Ok(Received::Partial)
    }

    fn partial_since(&self) -> Option<Instant> {
        self.partial_since.filter(|_| self.framer.buffered() > 0)
    }

    fn last_byte(&self) -> Instant {
        self.last_byte
    }
}

fn answer_to(error: ParseError) -> Option<Bytes> {
    match error {
        ParseError::Answer(refusal) => Some(refusal.response().to_bytes()),
        ParseError::Drop(_) => None,
    }
}

impl<S: AsyncRead + AsyncWrite + Send> MessageSink for StreamSink<S> {
    async fn send(&mut self, message: &Bytes) -> io::Result<()> {
        self.stream.write_all(message).await
    }

    async fn finish(&mut self) {
        // The peer may be gone already; nothing follows either way.
        if let Err(error) = self.stream.shutdown().await {
            tracing::trace!(%error, "stream was closed before its end");
        }
    }
}
