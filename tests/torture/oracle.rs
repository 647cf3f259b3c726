//! rsip as a second opinion: what we write it reads, and what it builds we read.

use bytes::Bytes;
use rsip::prelude::{HasHeaders, HeadersExt, ToTypedHeader, UntypedHeader};
use sip::message::{CSeq, HeaderName, Message, Method, NameAddr, Request, Response, StatusCode, Uri, Via, parse};

fn written_by_us(method: Method, user: &str, display: &str, body: &str) -> Request {
    let uri = |text: &str| text.parse::<Uri>().expect("a URI");
    let from = NameAddr::new(uri("sip:alice@acme.test")).with_display_name(display).with_tag("f1");
    let to = NameAddr::new(Uri::sip(Some(user), sip::message::Host::Ip([192, 0, 2, 7].into()), Some(5070)));
    Request::new(method.clone(), uri("sip:bob@acme.test;transport=tcp"))
        .with_header(
            HeaderName::Via,
            &Via::new("UDP", std::net::IpAddr::from([192, 0, 2, 1]), Some(5060), "z9hG4bKa1").with_rport(),
        )
        .with_header(HeaderName::From, &from)
        .with_header(HeaderName::To, &to)
        .with_header(HeaderName::CallId, "a84b4c76e66710@acme.test")
        .with_header(HeaderName::CSeq, &CSeq { number: 314_159, method })
        .with_header(HeaderName::MaxForwards, "70")
        .with_header(HeaderName::Contact, "<sip:alice@192.0.2.1:5060>")
        .with_header(HeaderName::UserAgent, "Jackfield")
        .with_body("application/sdp", body.to_owned())
}

#[test]
fn rsip_reads_what_we_write() {
    let methods = [
        Method::Invite,
        Method::Ack,
        Method::Bye,
        Method::Cancel,
        Method::Register,
        Method::Options,
        Method::Prack,
        Method::Subscribe,
        Method::Notify,
        Method::Publish,
        Method::Info,
        Method::Refer,
        Method::Message,
        Method::Update,
    ];
    for method in methods {
        for (user, display) in [("bob", "Alice"), ("+4930123", "A \"B\" \\ C"), ("b b", "Zoë"), ("1*2#3", "")] {
            let ours = written_by_us(method.clone(), user, display, "v=0\r\n");
            let theirs = rsip::Request::try_from(ours.to_bytes().to_vec()).unwrap();
            assert_eq!(theirs.method.to_string(), method.as_str());
            // rsip writes the transport in capitals.
            assert!(theirs.uri.to_string().eq_ignore_ascii_case(&ours.uri.to_string()));
            assert_eq!(theirs.call_id_header().unwrap().value(), "a84b4c76e66710@acme.test");
            assert_eq!(theirs.cseq_header().unwrap().typed().unwrap().seq, 314_159);
            let from = theirs.from_header().unwrap().typed().unwrap();
            assert_eq!(from.tag().unwrap().value(), "f1");
            assert_eq!(from.uri.to_string(), "sip:alice@acme.test");
            let via = theirs.via_header().unwrap().typed().unwrap();
            assert_eq!(via.branch().unwrap().value(), "z9hG4bKa1");
            assert_eq!(theirs.body, b"v=0\r\n");
        }
    }
}

#[test]
fn rsip_reads_our_responses() {
    let request = written_by_us(Method::Invite, "bob", "Alice", "");
    for code in [100, 180, 200, 302, 401, 404, 486, 487, 488, 500, 503, 603] {
        let ours = Response::answering(&request, StatusCode::new(code).unwrap());
        let theirs = rsip::Response::try_from(ours.to_bytes().to_vec()).unwrap();
        assert_eq!(theirs.status_code.code(), code);
        assert_eq!(theirs.cseq_header().unwrap().typed().unwrap().seq, 314_159);
        assert_eq!(theirs.headers().iter().count(), ours.headers.len() + 1);
    }
}

#[test]
fn we_read_what_rsip_builds() {
    let mut headers = rsip::Headers::default();
    headers.push(rsip::headers::Via::new("SIP/2.0/TLS client.biloxi.example.com:5061;branch=z9hG4bKnashds7").into());
    headers.push(rsip::headers::MaxForwards::from(70).into());
    headers.push(rsip::headers::From::new("Bob <sip:bob@biloxi.example.com>;tag=a73kszlfl").into());
    headers.push(rsip::headers::To::new("Bob <sip:bob@biloxi.example.com>").into());
    headers.push(rsip::headers::CallId::new("1j9FpLxk3uxtm8tn@biloxi.example.com").into());
    headers.push(rsip::typed::CSeq { seq: 1, method: rsip::Method::Register }.into());
    headers.push(rsip::headers::Contact::new("<sip:bob@client.biloxi.example.com>").into());
    headers.push(rsip::headers::ContentLength::default().into());
    let theirs: rsip::SipMessage = rsip::Request {
        method: rsip::Method::Register,
        uri: rsip::Uri::try_from("sips:ss2.biloxi.example.com").unwrap(),
        version: rsip::Version::V2,
        headers,
        body: Vec::new(),
    }
    .into();
    let Ok(Message::Request(ours)) = parse(Bytes::from(theirs.to_string())) else { panic!("{theirs}") };
    assert_eq!(ours.method, Method::Register);
    assert_eq!(ours.headers.cseq().unwrap().number, 1);
    assert_eq!(ours.headers.from_().unwrap().tag(), Some("a73kszlfl"));
    assert_eq!(ours.headers.via().unwrap().transport(), "TLS");
}
