//! RFC 5118: IPv6 in SIP messages (A2).

use std::net::IpAddr;

use bytes::Bytes;
use sip::message::{Message, ParseError, Request, parse};

fn message(start: &str, via: &str, contact: &str) -> Bytes {
    Bytes::from(format!(
        "{start}\r\nTo: sip:user@example.com\r\nFrom: sip:user@example.com;tag=81x2\r\n\
         Via: {via}\r\nCall-ID: SSG9559905523997077@hlau_4100\r\nMax-Forwards: 70\r\n\
         Contact: {contact}\r\nCSeq: 98176 REGISTER\r\nContent-Length: 0\r\n\r\n"
    ))
}

fn request(start: &str, via: &str, contact: &str) -> Request {
    match parse(message(start, via, contact)) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

const CONTACT: &str = "\"Caller\" <sip:caller@[2001:db8::1]>";
const VIA: &str = "SIP/2.0/UDP [2001:db8::9:1];branch=z9hG4bKas3-111";

#[test]
fn section_4_1_a_reference_in_brackets_is_read() {
    let request = request("REGISTER sip:[2001:db8::10] SIP/2.0", VIA, CONTACT);
    assert_eq!(request.uri.host().unwrap().ip(), Some("2001:db8::10".parse::<IpAddr>().unwrap()));
    assert_eq!(request.headers.contact().unwrap().uri().to_string(), "sip:caller@[2001:db8::1]");
}

#[test]
fn section_4_2_an_address_without_brackets_is_refused() {
    let refused = parse(message("REGISTER sip:2001:db8::10 SIP/2.0", VIA, CONTACT));
    assert!(matches!(refused, Err(ParseError::Answer(refusal)) if refusal.status.code() == 400));
}

#[test]
fn section_4_3_a_port_is_inside_or_outside_the_brackets() {
    let inside = request("REGISTER sip:[2001:db8::10:5070] SIP/2.0", VIA, CONTACT);
    assert_eq!((inside.uri.port(), inside.uri.host().unwrap().to_string()), (None, "[2001:db8::10:5070]".to_owned()));
    let outside = request("REGISTER sip:[2001:db8::10]:5070 SIP/2.0", VIA, CONTACT);
    assert_eq!(outside.uri.port(), Some(5070));
}

#[test]
fn section_4_5_received_is_read_with_and_without_brackets() {
    for received in ["[2001:db8::9:255]", "2001:db8::9:255"] {
        let via = format!("SIP/2.0/UDP [2001:db8::9:1];received={received};branch=z9hG4bKas3-111");
        let request = request("REGISTER sip:[2001:db8::10] SIP/2.0", &via, CONTACT);
        assert_eq!(request.headers.via().unwrap().received(), "2001:db8::9:255".parse().ok());
    }
}

#[test]
fn section_4_10_mapped_addresses_are_read() {
    let request = request(
        "REGISTER sip:[::ffff:192.0.2.2] SIP/2.0",
        "SIP/2.0/UDP [::ffff:192.0.2.10]:19823;branch=z9hG4bKbh19",
        CONTACT,
    );
    let via = request.headers.via().unwrap();
    assert_eq!((via.host().to_string(), via.port()), ("[::ffff:192.0.2.10]".to_owned(), Some(19823)));
}
