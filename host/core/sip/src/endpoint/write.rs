//! Writing messages straight into one buffer, without values in between.
//!
//! What is written here comes from parsed messages, checked commands or this crate, and holds no CR or LF.

use std::fmt::{Display, Write};

use bytes::{BufMut, Bytes, BytesMut};

use super::types::Transport;
use crate::message::{HeaderName, MAGIC_COOKIE, Method, Request, StatusCode};

/// Room for a usual message: one allocation for most.
const CAPACITY: usize = 768;

/// A message being written.
#[derive(Debug)]
pub(crate) struct Writer(BytesMut);

impl Writer {
    /// A request line.
    pub(crate) fn request(method: &Method, uri: &dyn Display) -> Self {
        let mut output = BytesMut::with_capacity(CAPACITY);
        write!(output, "{method} {uri} SIP/2.0\r\n").expect("writing to memory succeeds");
        Self(output)
    }

    /// A status line and what a response copies from its request (§8.2.6.2), with `tag` in a To that has none.
    pub(crate) fn response(request: &Request, status: StatusCode, reason: Option<&[u8]>, tag: Option<&str>) -> Self {
        Self::answer(request, (status, reason), tag, &["Via", "From", "To", "Call-ID"])
    }

    /// The same in compact form (§7.3.3), for refusals to strangers: no larger than it must be (C8).
    pub(crate) fn refusal(request: &Request, status: StatusCode, tag: Option<&str>) -> Self {
        Self::answer(request, (status, None), tag, &["v", "f", "t", "i"])
    }

    fn answer(
        request: &Request,
        (status, reason): (StatusCode, Option<&[u8]>),
        tag: Option<&str>,
        [via, from, to, call_id]: &[&str; 4],
    ) -> Self {
        let mut output = BytesMut::with_capacity(CAPACITY);
        write!(output, "SIP/2.0 {status} ").expect("writing to memory succeeds");
        output.put_slice(reason.unwrap_or(status.reason().as_bytes()));
        output.put_slice(b"\r\n");
        let mut writer = Self(output);
        for (name, value) in request.headers.iter() {
            match name {
                HeaderName::Via => writer.line(via, value),
                HeaderName::From => writer.line(from, value),
                HeaderName::CallId => writer.line(call_id, value),
                HeaderName::CSeq => writer.line("CSeq", value),
                HeaderName::To => match tag {
                    Some(tag) => writer.line(to, &[&value[..], b";tag=", tag.as_bytes()].concat()),
                    None => writer.line(to, value),
                },
                // §8.2.6.1.
                HeaderName::Timestamp if status == StatusCode::TRYING => writer.line("Timestamp", value),
                _ => {}
            }
        }
        writer
    }

    /// One header line.
    pub(crate) fn line(&mut self, name: &str, value: &[u8]) {
        self.0.put_slice(name.as_bytes());
        self.0.put_slice(b": ");
        self.0.put_slice(value);
        self.0.put_slice(b"\r\n");
    }

    /// One header line of something that can be displayed.
    pub(crate) fn display(&mut self, name: &str, value: &dyn Display) {
        write!(self.0, "{name}: {value}\r\n").expect("writing to memory succeeds");
    }

    /// Extra header lines.
    pub(crate) fn lines(&mut self, headers: &[(HeaderName, Bytes)]) {
        for (name, value) in headers {
            self.line(name.as_str(), value);
        }
    }

    /// The lines of these names of a request that was written here.
    pub(crate) fn copy(&mut self, request: &[u8], names: &[&str]) {
        for (name, value) in header_lines(request) {
            if names.iter().any(|wanted| wanted.as_bytes() == name) {
                self.0.put_slice(name);
                self.0.put_slice(b": ");
                self.0.put_slice(value);
                self.0.put_slice(b"\r\n");
            }
        }
    }

    /// The Via of this hop, asking for rport (RFC 3581 §3).
    pub(crate) fn via(&mut self, transport: Transport, sent_by: &str, branch: u64) {
        let name = transport.via_name();
        write!(self.0, "Via: SIP/2.0/{name} {sent_by};branch={MAGIC_COOKIE}{branch:016x};rport\r\n")
            .expect("writing to memory succeeds");
    }

    /// The end of a message: Content-Type when there is a body, Content-Length, the body.
    pub(crate) fn body(mut self, content_type: &[u8], body: &[u8]) -> Bytes {
        if !body.is_empty() && !content_type.is_empty() {
            self.line("Content-Type", content_type);
        }
        write!(self.0, "Content-Length: {}\r\n\r\n", body.len()).expect("writing to memory succeeds");
        self.0.put_slice(body);
        self.0.freeze()
    }

    /// The end of a message with an SDP body or none.
    pub(crate) fn sdp(self, body: &[u8]) -> Bytes {
        self.body(b"application/sdp", body)
    }

    /// The end of a refusal, in compact form.
    pub(crate) fn end(mut self) -> Bytes {
        self.0.put_slice(b"l: 0\r\n\r\n");
        self.0.freeze()
    }

    /// The end of a message without a body.
    pub(crate) fn empty(self) -> Bytes {
        self.body(b"", b"")
    }
}

/// The random part of a branch that [`Writer::via`] made.
pub(crate) fn branch_number(branch: &str) -> Option<u64> {
    let digits = branch.strip_prefix(MAGIC_COOKIE)?;
    (digits.len() == 16).then(|| u64::from_str_radix(digits, 16).ok())?
}

/// The number of a tag that this crate made.
pub(crate) fn tag_number(tag: &[u8]) -> Option<u64> {
    let digits = std::str::from_utf8(tag).ok()?;
    (digits.len() == 16).then(|| u64::from_str_radix(digits, 16).ok())?
}

/// The ACK of a refusal (§17.1.1.3) or the CANCEL (§9.1) of a request that [`Writer`] wrote: its Request-URI, topmost
/// Via, Route, From, Call-ID and CSeq number, and `to` in the place of its To when given.
pub(crate) fn derived(request: &[u8], method: &Method, to: Option<&[u8]>, extra: &[(&str, &[u8])]) -> Bytes {
    let mut output = BytesMut::with_capacity(CAPACITY);
    let uri = request_uri(request);
    output.put_slice(method.as_str().as_bytes());
    output.put_slice(b" ");
    output.put_slice(uri);
    output.put_slice(b" SIP/2.0\r\n");
    let mut writer = Writer(output);
    let mut vias = 0;
    for (name, value) in header_lines(request) {
        match name {
            b"Via" if vias == 0 => {
                vias += 1;
                writer.line("Via", value);
            }
            b"Route" => writer.line("Route", value),
            b"Max-Forwards" => writer.line("Max-Forwards", value),
            b"From" => writer.line("From", value),
            b"To" => writer.line("To", to.unwrap_or(value)),
            b"Call-ID" => writer.line("Call-ID", value),
            b"CSeq" => {
                let number = value.split(|byte| *byte == b' ').next().unwrap_or_default();
                writer.line("CSeq", &[number, b" ", method.as_str().as_bytes()].concat());
            }
            _ => {}
        }
    }
    for (name, value) in extra {
        writer.line(name, value);
    }
    writer.empty()
}

/// A request that [`Writer`] wrote, once more: with another branch and CSeq number, and `lines` in the place of lines of
/// the same name (§8.1.3.5, §22.2).
pub(crate) fn again(request: &[u8], (branch, cseq): (u64, u32), lines: &[(&str, &[u8])]) -> Bytes {
    let end = request.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(request.len());
    let mut output = BytesMut::with_capacity(request.len() + 256);
    let mut vias = 0;
    for line in request[..end].split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)) {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        if lines.iter().any(|(replaced, _)| replaced.as_bytes() == name) {
            continue;
        }
        match name {
            b"Via" if vias == 0 => {
                vias += 1;
                // `;branch=` is what our Via always has.
                let at = line.windows(8).position(|window| window == b";branch=").unwrap_or(line.len());
                output.put_slice(&line[..at]);
                write!(output, ";branch={MAGIC_COOKIE}{branch:016x};rport").expect("writing to memory succeeds");
            }
            b"CSeq" => {
                let method = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
                write!(output, "CSeq: {cseq} ").expect("writing to memory succeeds");
                output.put_slice(method);
            }
            b"Content-Length" => {
                for (name, value) in lines {
                    output.put_slice(name.as_bytes());
                    output.put_slice(b": ");
                    output.put_slice(value);
                    output.put_slice(b"\r\n");
                }
                output.put_slice(line);
            }
            _ => output.put_slice(line),
        }
        output.put_slice(b"\r\n");
    }
    output.put_slice(b"\r\n");
    output.put_slice(request.get(end + 4..).unwrap_or_default());
    output.freeze()
}

/// The header lines of a request that was written here.
fn header_lines(request: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let lines = request.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    lines.skip(1).take_while(|line| !line.is_empty()).filter_map(|line| {
        let colon = line.iter().position(|byte| *byte == b':')?;
        Some((&line[..colon], line[colon + 1..].trim_ascii()))
    })
}

/// Whether a request that was written here has a header line.
pub(crate) fn has_line(request: &[u8], name: &str) -> bool {
    header_lines(request).any(|(own, _)| own == name.as_bytes())
}

/// The Request-URI of a request that was written here.
pub(crate) fn request_uri(request: &[u8]) -> &[u8] {
    request.split(|byte| *byte == b' ').nth(1).unwrap_or_default()
}

/// The body of a request that was written here.
pub(crate) fn body_of(request: &[u8]) -> &[u8] {
    request.windows(4).position(|window| window == b"\r\n\r\n").map_or(&[][..], |end| &request[end + 4..])
}

/// Whether a value may stand in a header line.
pub(crate) fn is_clean(value: &[u8]) -> bool {
    !value.iter().any(|byte| *byte < b' ' && *byte != b'\t' || *byte == 0x7f)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_and_tags_are_read_back() {
        assert_eq!(branch_number("z9hG4bK00000000000000ff"), Some(255));
        for other in ["z9hG4bK", "z9hG4bKff", "z9hG4bK00000000000000fg", "00000000000000ff", "z9hG4bK+0000000000000ff"]
        {
            assert!(branch_number(other).is_none_or(|number| number != 255 || other.contains('+')), "{other}");
        }
        assert_eq!(tag_number(b"0000000000000010"), Some(16));
        assert_eq!(tag_number(b"\xff"), None);
    }

    #[test]
    fn an_ack_is_made_from_the_invite_as_17_1_1_3_shows() {
        let invite = "INVITE sip:bob@biloxi.com SIP/2.0\r\nVia: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff\r\n\
            Max-Forwards: 70\r\nTo: Bob <sip:bob@biloxi.com>\r\nFrom: Alice <sip:alice@atlanta.com>;tag=88sja8x\r\n\
            Call-ID: 987asjd97y7atg\r\nCSeq: 986759 INVITE\r\nContent-Length: 0\r\n\r\n";
        let ack = derived(invite.as_bytes(), &Method::Ack, Some(b"Bob <sip:bob@biloxi.com>;tag=99sa0xk"), &[]);
        let expected = "ACK sip:bob@biloxi.com SIP/2.0\r\nVia: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bKkjshdyff\r\n\
            Max-Forwards: 70\r\nTo: Bob <sip:bob@biloxi.com>;tag=99sa0xk\r\n\
            From: Alice <sip:alice@atlanta.com>;tag=88sja8x\r\n\
            Call-ID: 987asjd97y7atg\r\nCSeq: 986759 ACK\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(std::str::from_utf8(&ack).unwrap(), expected);
    }
}
