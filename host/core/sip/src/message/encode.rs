//! Writing messages in one canonical form: long header names, one line each, Content-Length last and computed.

use std::fmt::Write;

use bytes::{BufMut, Bytes, BytesMut};

use super::header_name::HeaderName;
use super::headers::Headers;
use super::{Request, Response};

impl Request {
    /// Writes the request.
    pub fn encode(&self, output: &mut BytesMut) {
        output.reserve(estimate(&self.headers, &self.body) + 64);
        write!(output, "{} {} SIP/2.0\r\n", self.method, self.uri).expect("writing to memory succeeds");
        encode_rest(&self.headers, &self.body, output);
    }

    /// The request as bytes.
    pub fn to_bytes(&self) -> Bytes {
        let mut output = BytesMut::new();
        self.encode(&mut output);
        output.freeze()
    }
}

impl Response {
    /// Writes the response.
    pub fn encode(&self, output: &mut BytesMut) {
        output.reserve(estimate(&self.headers, &self.body) + 64);
        write!(output, "SIP/2.0 {} ", self.status).expect("writing to memory succeeds");
        put_line(output, &self.reason);
        encode_rest(&self.headers, &self.body, output);
    }

    /// The response as bytes.
    pub fn to_bytes(&self) -> Bytes {
        let mut output = BytesMut::new();
        self.encode(&mut output);
        output.freeze()
    }
}

fn estimate(headers: &Headers, body: &Bytes) -> usize {
    headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum::<usize>() + body.len() + 32
}

fn encode_rest(headers: &Headers, body: &Bytes, output: &mut BytesMut) {
    for (name, value) in headers.iter().filter(|(name, _)| **name != HeaderName::ContentLength) {
        output.put_slice(name.as_str().as_bytes());
        output.put_slice(b": ");
        put_line(output, value);
    }
    write!(output, "Content-Length: {}\r\n\r\n", body.len()).expect("writing to memory succeeds");
    output.put_slice(body);
}

/// Writes a value and its line end. `Headers` admits no CR or LF; the reason phrase is a public field and is cleaned
/// here, the one place all of them pass.
fn put_line(output: &mut BytesMut, value: &[u8]) {
    if value.iter().any(|byte| matches!(byte, b'\r' | b'\n')) {
        output.extend(value.iter().map(|byte| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte }));
    } else {
        output.put_slice(value);
    }
    output.put_slice(b"\r\n");
}
