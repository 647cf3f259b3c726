//! SIP written by hand, for what no proper phone does.

use std::net::SocketAddr;

use sip::message::{HeaderName, Request, Response, StatusCode};

/// One side of a dialog, as the test writes it.
#[derive(Clone, Debug)]
pub(crate) struct Hand {
    call_id: String,
    own: String,
    peer: String,
    /// What the other side's Contact says.
    target: String,
    address: SocketAddr,
    cseq: u32,
}

impl Hand {
    /// The dialog that an answer with this tag makes of an INVITE.
    pub(crate) fn of(invite: &Request, address: SocketAddr, tag: &str) -> Self {
        let header = |name: HeaderName| invite.headers.get_str(&name).expect("every INVITE has it").to_owned();
        Self {
            call_id: header(HeaderName::CallId),
            own: format!("{};tag={tag}", header(HeaderName::To)),
            peer: header(HeaderName::From),
            target: invite.headers.contact().expect("an INVITE has a Contact").uri().to_string(),
            address,
            cseq: 100,
        }
    }

    /// The dialog that an answer to an INVITE of the test makes.
    pub(crate) fn calling(answer: &Response, address: SocketAddr) -> Self {
        let header = |name: HeaderName| answer.headers.get_str(&name).expect("every answer has it").to_owned();
        Self {
            call_id: header(HeaderName::CallId),
            own: header(HeaderName::From),
            peer: header(HeaderName::To),
            target: answer.headers.contact().expect("an answer to INVITE has a Contact").uri().to_string(),
            address,
            cseq: answer.headers.cseq().expect("every answer has it").number,
        }
    }

    /// A request in the dialog; `more` are header lines with their ends.
    pub(crate) fn request(&mut self, method: &str, more: &str, body: &str) -> String {
        self.cseq += 1;
        let Self { call_id, own, peer, target, address, cseq } = self;
        let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {address};branch=z9hG4bK{method}{cseq};rport\r\n\
             Max-Forwards: 70\r\nFrom: {own}\r\nTo: {peer}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\
             Contact: <sip:{address}>\r\n{more}{kind}Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    }

    /// The ACK of an answer to the last INVITE (§13.2.2.4): a transaction of its own.
    pub(crate) fn ack_of_answer(&mut self) -> String {
        self.cseq -= 1;
        self.request("ACK", "", "")
    }

    /// The ACK of a refusal of the last INVITE (RFC 3261 §17.1.1.3).
    pub(crate) fn ack_of_refusal(&mut self) -> String {
        self.cseq -= 1;
        let ack = self.request("INVITE", "", "");
        ack.replacen("INVITE ", "ACK ", 1).replacen(" INVITE\r\n", " ACK\r\n", 1)
    }
}

/// An answer to a request; a tag that is not empty is given to To.
pub(crate) fn reply(request: &Request, (status, tag): (u16, &str), more: &str, body: &str) -> String {
    let status = StatusCode::new(status).expect("a status");
    let mut response = Response::answering(request, status);
    if !tag.is_empty() {
        let to = response.headers.to().expect("every request has it").with_tag(tag);
        response.headers.set(HeaderName::To, &to);
    }
    let text = String::from_utf8(response.to_bytes().to_vec()).expect("what we write is text");
    let head = text.strip_suffix("Content-Length: 0\r\n\r\n").expect("an answer without a body");
    let kind = if body.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!("{head}{more}{kind}Content-Length: {}\r\n\r\n{body}", body.len())
}

/// Audio in G.711 A-law at a port of this host.
pub(crate) fn sdp(address: SocketAddr, port: u16) -> String {
    let host = address.ip();
    format!(
        "v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8\r\n\
         a=rtpmap:8 PCMA/8000\r\n"
    )
}
