//! The parsers of `sip`.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Instant;

use bytes::Bytes;
use sip::auth::{Authorization, Challenge, Challenger, Config, Credentials, Ha1, Side};
use sip::message::{Frame, Framer, HeaderName, Message, Method, ParseError, Request, Uri, parse};

use super::Target;

const INVITE: &[u8] = b"INVITE sip:bob@biloxi.test;transport=tcp SIP/2.0\r\nVia: SIP/2.0/UDP pc33.atlanta.test:5060;branch=z9hG4bK776;rport, SIP/2.0/TCP [2001:db8::9]\r\nMax-Forwards: 70\r\nTo: \"Bob \\\"B\\\"\" <sip:bob@biloxi.test>\r\nf: Alice <sips:alice@atlanta.test>;tag=1928301774\r\ni: a84b4c76e66710@pc33.atlanta.test\r\nCSeq: 314159 INVITE\r\nm: <sip:alice@pc33.atlanta.test>;q=0.7;expires=60, tel:+1-201-555-0123\r\nRoute: <sip:p1.test;lr>,\r\n <sip:p2.test;lr>\r\nSession-Expires: 1800;refresher=uac\r\nReplaces: 1@h;to-tag=2;from-tag=3;early-only\r\nReason: Q.850;cause=16;text=\"x\"\r\nc: application/sdp\r\nl: 4\r\n\r\nv=0\r\n";
const RESPONSE: &[u8] = b"SIP/2.0 180 Ringing\r\nv: SIP/2.0/UDP h;branch=z9hG4bK1;received=192.0.2.1\r\nTo: <sip:b@h>;tag=2\r\nFrom: <sip:a@h>;tag=1\r\nCall-ID: 1\r\nCSeq: 1 INVITE\r\nRSeq: 1\r\nRAck: 1 2 INVITE\r\nContent-Length: 0\r\n\r\n";

/// One datagram: what is read can be written, what is written reads the same, and nothing grows without bound.
pub(crate) const MESSAGE: Target = Target { name: "sip_message", run: message, seeds: &[INVITE, RESPONSE] };

fn message(data: &[u8]) {
    match parse(Bytes::copy_from_slice(data)) {
        Ok(message) => {
            read_everything(&message);
            let written = message.to_bytes();
            assert!(written.len() <= 2 * data.len() + 512);
            let again = parse(written.clone()).expect("what is written can be read");
            assert_eq!(again.to_bytes(), written, "the canonical form is a fixed point");
            assert_eq!(again.body(), message.body());
        }
        // C8: no answer before authentication is much more than its question.
        Err(ParseError::Answer(refusal)) => assert!(refusal.response().to_bytes().len() <= 2 * data.len() + 128),
        Err(ParseError::Drop(_)) => {}
    }
}

fn read_everything(message: &Message) {
    let headers = message.headers();
    assert!(headers.via().is_some() && headers.from_().is_some() && headers.to().is_some());
    assert!(headers.cseq().is_some() && headers.call_id().is_some());
    let lists = [headers.vias().map_or(0, |list| list.len()), headers.routes().map_or(0, |list| list.len())];
    assert!(lists.iter().all(|length| *length <= sip::limit::VIAS_MAX));
    let optional =
        (headers.contact(), headers.replaces(), headers.rack(), headers.session_expires(), headers.refer_to());
    if let (Some(contact), ..) = &optional {
        assert!(contact.uri().equivalent(contact.uri()));
    }
    assert!(headers.reasons().len() <= sip::limit::LIST_VALUES_MAX);
    for (_, value) in headers.iter() {
        assert!(!value.iter().any(|byte| matches!(byte, b'\r' | b'\n')));
    }
    let mut changed = headers.clone();
    if let Some(mut via) = changed.via() {
        via.set_source(IpAddr::V4(Ipv4Addr::LOCALHOST), 5060);
        changed.set_top_via(&via);
        assert_eq!(changed.via(), Some(via));
        changed.pop_top_via();
        assert_eq!(changed.vias().map_or(0, |list| list.len()) + 1, lists[0]);
    }
}

/// One URI: writing and reading are inverse, and a URI is equivalent to itself.
pub(crate) const URI: Target = Target {
    name: "sip_uri",
    run: uri,
    seeds: &[
        b"sip:alice:secret@atlanta.test:5060;transport=tcp;lr?subject=project%20x&priority=urgent",
        b"sips:%61lice;x=1@[2001:db8::1]:5061;maddr=239.255.255.1;ttl=15",
        b"tel:+1-201-555-0123;phone-context=example.test",
        b"urn:service:sos",
    ],
};

fn uri(data: &[u8]) {
    let Ok(uri) = Uri::parse(&Bytes::copy_from_slice(data)) else { return };
    let written = uri.to_string();
    let again: Uri = written.parse().expect("what is written can be read");
    assert_eq!(again.to_string(), written);
    assert!(uri.equivalent(&again) && again.equivalent(&uri) && uri.equivalent(&uri));
    // A9: no raw byte of a URI can end a line, a quoted string or a bracket.
    assert!(written.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'\\')));
    assert!(uri.user_unescaped().unwrap_or_default().len() <= 3 * data.len());
}

/// A stream: the first byte says how it is split, which must make no difference (A7).
pub(crate) const FRAMER: Target =
    Target { name: "sip_framer", run: framer, seeds: &[b"\x07\r\n\r\n", INVITE, RESPONSE] };

fn framer(data: &[u8]) {
    let Some((size, stream)) = data.split_first() else { return };
    let whole = frames(std::iter::once(stream));
    assert_eq!(frames(stream.chunks(usize::from(*size).max(1))), whole);
    let cut: usize = whole.iter().filter_map(|frame| frame.as_ref().ok()).map(length).sum();
    assert!(cut <= stream.len());
}

fn length(frame: &Frame) -> usize {
    match frame {
        Frame::Message(bytes) => bytes.len(),
        Frame::Ping | Frame::Pong => 2,
    }
}

fn frames<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Result<Frame, ParseError>> {
    let mut framer = Framer::new();
    let mut frames = Vec::new();
    for piece in pieces {
        framer.push(piece);
        while let Some(frame) = framer.poll_frame() {
            frames.push(frame.map_err(|error| error.0));
        }
    }
    frames
}

/// Challenges and authorizations: nothing made up is ever let in.
pub(crate) const AUTH: Target = Target {
    name: "sip_auth",
    run: auth,
    seeds: &[
        b"Digest username=\"100\",realm=\"acme.test\",nonce=\"000102030405060708090a0b0c0d0e0f101112131415161718\",uri=\"sip:acme.test\",response=\"8ca523f5e9506fed4657c9700eebdbec\",algorithm=MD5,qop=auth,nc=00000001,cnonce=\"c0ffee\"",
        b"Digest realm=\"acme.test\", nonce=\"n\", qop=\"auth,auth-int\", opaque=\"o\", algorithm=SHA-256, stale=TRUE",
    ],
};

fn auth(data: &[u8]) {
    let value = Bytes::copy_from_slice(data);
    let credentials = Credentials::new("100", "secret");
    let uri: Uri = "sip:acme.test".parse().expect("a URI");
    if let Some(challenge) = Challenge::parse(Side::User, &value) {
        let (_, answer) = credentials.authorize(&challenge, &Method::Register, &uri, b"", "c", 1);
        assert!(!answer.iter().any(|byte| matches!(byte, b'\r' | b'\n')));
    }
    let Ok(authorization) = Authorization::parse(&value) else { return };
    let request = Request::new(Method::Register, uri).with_header(HeaderName::Authorization, value);
    let now = Instant::now();
    let mut challenger = Challenger::new(now, [1; 32], Config::default());
    let account = Ha1::derive("100", "acme.test", "secret");
    let peer = IpAddr::V4(Ipv4Addr::LOCALHOST);
    assert!(challenger.verify(now, &authorization, &request, peer, Some(&account)).is_err());
    assert_eq!(challenger.nonces(), 0);
}
