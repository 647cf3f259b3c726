//! Route sets, targets and numbers of dialogs (RFC 3261 §12, §16.12.1).

use bytes::Bytes;

use super::*;
use crate::message::{Message, parse};

fn flow() -> Flow {
    let (local, remote) = (([192, 0, 2, 2], 5060).into(), ([192, 0, 2, 1], 5060).into());
    Flow { transport: Transport::Udp, local, remote, connection: 0 }
}

fn invite(more: &str) -> Request {
    let text = format!(
        "INVITE sip:callee@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK1\r\n\
         From: <sip:caller@u1.example.com>;tag=caller\r\nTo: <sip:callee@u2.domain.com>\r\nCall-ID: 1\r\n\
         CSeq: 7 INVITE\r\nMax-Forwards: 70\r\n{more}Content-Length: 0\r\n\r\n"
    );
    match parse(Bytes::from(text)).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => unreachable!("it begins with INVITE"),
    }
}

fn uas(more: &str) -> Dialog {
    Dialog::uas(&invite(more), Bytes::from_static(b"<sip:callee@u2.domain.com>;tag=us"), flow()).unwrap()
}

fn written(dialog: &Dialog) -> String {
    let bytes = dialog.request(&Method::Bye, 9, ("192.0.2.2:5060", 1)).empty();
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn lines<'a>(text: &'a str, name: &str) -> Vec<&'a str> {
    text.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).collect()
}

const CONTACT: &str = "Contact: <sip:caller@192.0.2.50:5070>\r\n";

/// §12.1.1, §12.2.1.1: the callee keeps the order of Record-Route, the target is the Contact.
#[test]
fn f46_a_loose_route_set() {
    let dialog = uas(&format!("Record-Route: <sip:192.0.2.61;lr>, <sip:p1.example.com;lr>\r\n{CONTACT}"));
    let text = written(&dialog);
    assert!(text.starts_with("BYE sip:caller@192.0.2.50:5070 SIP/2.0\r\n"), "{text}");
    assert_eq!(lines(&text, "Route"), ["<sip:192.0.2.61;lr>", "<sip:p1.example.com;lr>"]);
    assert_eq!(lines(&text, "CSeq"), ["9 BYE"]);
    assert_eq!(lines(&text, "From"), ["<sip:callee@u2.domain.com>;tag=us"]);
    assert_eq!(lines(&text, "To"), ["<sip:caller@u1.example.com>;tag=caller"]);
    assert_eq!(dialog.destination().remote(), "192.0.2.61:5060".parse().unwrap(), "the first route");
}

/// §12.2.1.1, §16.12.1.2: a strict router gets itself as the Request-URI and the target last.
#[test]
fn f46_a_strict_route_set() {
    let dialog = uas(&format!("Record-Route: <sip:192.0.2.61>, <sip:p1.example.com;lr>\r\n{CONTACT}"));
    let text = written(&dialog);
    assert!(text.starts_with("BYE sip:192.0.2.61 SIP/2.0\r\n"), "{text}");
    assert_eq!(lines(&text, "Route"), ["<sip:p1.example.com;lr>", "<sip:caller@192.0.2.50:5070>"]);
}

/// §12.1.2: the caller turns the order of Record-Route around.
#[test]
fn f46_the_caller_reverses_the_route_set() {
    let mut response = Response::answering(&invite(""), crate::message::StatusCode::OK);
    response.headers.set(HeaderName::To, "<sip:callee@u2.domain.com>;tag=them");
    response.headers.push(HeaderName::RecordRoute, "<sip:p2.domain.com;lr>");
    response.headers.push(HeaderName::RecordRoute, "<sip:p1.example.com;lr>");
    response.headers.push(HeaderName::Contact, "<sip:callee@u2.domain.com>");
    let local = Bytes::from_static(b"<sip:caller@u1.example.com>;tag=caller");
    let asked: Uri = "sip:callee@domain.com".parse().unwrap();
    let dialog = Dialog::uac(&response, (local, 7), (&asked, flow())).unwrap();
    assert_eq!(lines(&written(&dialog), "Route"), ["<sip:p1.example.com;lr>", "<sip:p2.domain.com;lr>"]);
    assert_eq!(dialog.local_cseq, 7);
    assert!(dialog.matches(b"1", b"them") && !dialog.matches(b"1", b"us") && !dialog.matches(b"2", b"them"));
}

/// §12.2.2: numbers must grow; a target refresh changes where requests go.
#[test]
fn numbers_and_targets() {
    let mut dialog = uas(CONTACT);
    assert_eq!(dialog.admit(7), Err(DialogError::OutOfOrder), "the INVITE's own");
    assert_eq!((dialog.admit(8), dialog.admit(100), dialog.admit(99)), (Ok(()), Ok(()), Err(DialogError::OutOfOrder)));
    let moved = NameAddr::new("sip:caller@192.0.2.77:5099".parse().unwrap());
    dialog.refresh(Some(moved), flow());
    assert!(written(&dialog).starts_with("BYE sip:caller@192.0.2.77:5099 "));
    assert_eq!(dialog.destination().remote(), "192.0.2.77:5099".parse().unwrap());
    let telephone = NameAddr::new("tel:+15551234".parse().unwrap());
    dialog.refresh(Some(telephone), flow());
    assert!(written(&dialog).starts_with("BYE sip:caller@192.0.2.77:5099 "), "no target for requests");
}

/// §12.1.1: without a Contact that can be called back there is no dialog.
#[test]
fn a_dialog_needs_a_contact() {
    for more in ["", "Contact: <tel:+1>\r\n", "Contact: *\r\n"] {
        let made = Dialog::uas(&invite(more), Bytes::new(), flow());
        assert_eq!(made.err(), Some(DialogError::Malformed), "{more}");
    }
}

/// The way back through a NAT and over a connection is the way the peer came.
#[test]
fn requests_find_the_peer() {
    let natted = invite(CONTACT);
    let mut via = natted.headers.via().unwrap().with_param("received", "192.0.2.1");
    let mut request = natted.clone();
    via = crate::message::Via::parse(&Bytes::from(via.to_string().replace("192.0.2.1:5060", "10.0.0.3:5060"))).unwrap();
    request.headers.set_top_via(&via);
    let local = Bytes::from_static(b"<sip:us>;tag=us");
    let dialog = Dialog::uas(&request, local.clone(), flow()).unwrap();
    assert_eq!(dialog.destination(), Destination::Flow(flow()), "a NAT shows in the Via");
    let tcp = Flow { transport: Transport::Tcp, connection: 3, ..flow() };
    let listens = invite("Contact: <sip:caller@192.0.2.1:5077>\r\n");
    let dialog = Dialog::uas(&listens, local.clone(), tcp).unwrap();
    let listener = "192.0.2.1:5077".parse().unwrap();
    assert_eq!(dialog.destination(), Destination::Reopen { flow: tcp, listener }, "the connection, or another one");
    for elsewhere in ["192.0.2.50", "phone.example.com", "192.0.2.1;transport=tls"] {
        let request = invite(&format!("Contact: <sip:caller@{elsewhere}>\r\n"));
        let dialog = Dialog::uas(&request, local.clone(), tcp).unwrap();
        assert_eq!(dialog.destination(), Destination::Flow(tcp), "nothing is opened to {elsewhere}");
    }
    let named = invite("Contact: <sip:caller@phone.example.com>\r\n");
    let dialog = Dialog::uas(&named, local.clone(), flow()).unwrap();
    assert_eq!(dialog.destination(), Destination::Flow(flow()), "no DNS here");
    let over_tcp = invite("Contact: <sip:caller@192.0.2.50;transport=tcp>\r\n");
    let dialog = Dialog::uas(&over_tcp, local, flow()).unwrap();
    let expected = Destination::Address { transport: Transport::Tcp, remote: "192.0.2.50:5060".parse().unwrap() };
    assert_eq!(dialog.destination(), expected);
}
