//! The verdicts of RFC 4475, one row for each of its 49 messages (A1, F46).
//!
//! Where the RFC leaves a choice the row names ours. What needs an element and not only a parser is asserted by the
//! helper the endpoint uses (`message::validate`, `registrar`) or named as the part that the parser must leave whole.

use std::time::Instant;

use bytes::Bytes;
use sip::endpoint::{Config, Endpoint, Flow, Input, Output, Transport};
use sip::message::validate::{Capabilities, accepts, check};
use sip::message::{HeaderName, Message, Method, ParseError, Request, Response, Scheme, parse};

use crate::corpus;

/// What the parser must make of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Accept,
    Refuse(u16),
    Drop,
}
use Verdict::{Accept, Drop, Refuse};

const VERDICTS: [(&str, &str, Verdict); 49] = [
    // 3.1.1: valid messages.
    ("3.1.1.1", "wsinv", Accept),
    ("3.1.1.2", "intmeth", Accept),
    ("3.1.1.3", "esc01", Accept),
    ("3.1.1.4", "escnull", Accept),
    ("3.1.1.5", "esc02", Accept),
    ("3.1.1.6", "lwsdisp", Accept),
    ("3.1.1.7", "longreq", Accept),
    ("3.1.1.8", "dblreq", Accept),
    ("3.1.1.9", "semiuri", Accept),
    ("3.1.1.10", "transports", Accept),
    ("3.1.1.11", "mpart01", Accept),
    ("3.1.1.12", "unreason", Accept),
    ("3.1.1.13", "noreason", Accept),
    // 3.1.2: invalid messages.
    ("3.1.2.1", "badinv01", Refuse(400)),
    ("3.1.2.2", "clerr", Refuse(400)),
    ("3.1.2.3", "ncl", Refuse(400)),
    ("3.1.2.4", "scalar02", Refuse(400)),
    ("3.1.2.5", "scalarlg", Drop),
    ("3.1.2.6", "quotbal", Refuse(400)),
    ("3.1.2.7", "ltgtruri", Refuse(400)),
    ("3.1.2.8", "lwsruri", Refuse(400)),
    ("3.1.2.9", "lwsstart", Refuse(400)),
    ("3.1.2.10", "trws", Refuse(400)),
    ("3.1.2.11", "escruri", Refuse(400)),
    // An element "shouldn't" refuse it unless it uses the Date; this one does not.
    ("3.1.2.12", "baddate", Accept),
    ("3.1.2.13", "regbadct", Refuse(400)),
    ("3.1.2.14", "badaspec", Refuse(400)),
    ("3.1.2.15", "baddn", Refuse(400)),
    ("3.1.2.16", "badvers", Refuse(505)),
    ("3.1.2.17", "mismatch01", Refuse(400)),
    ("3.1.2.18", "mismatch02", Refuse(400)),
    ("3.1.2.19", "bigcode", Drop),
    // 3.2: transaction layer. May be refused, or matched as RFC 2543 did: ours is the second.
    ("3.2.1", "badbranch", Accept),
    // 3.3: application layer.
    ("3.3.1", "insuf", Refuse(400)),
    ("3.3.2", "unkscm", Accept),
    ("3.3.3", "novelsc", Accept),
    ("3.3.4", "unksm2", Accept),
    ("3.3.5", "bext01", Accept),
    ("3.3.6", "invut", Accept),
    ("3.3.7", "regaut01", Accept),
    ("3.3.8", "multi01", Refuse(400)),
    ("3.3.9", "mcl01", Refuse(400)),
    ("3.3.10", "bcast", Accept),
    ("3.3.11", "zeromf", Accept),
    ("3.3.12", "cparam01", Accept),
    ("3.3.13", "cparam02", Accept),
    ("3.3.14", "regescrt", Accept),
    ("3.3.15", "sdp01", Accept),
    // 3.4: backward compatibility.
    ("3.4.1", "inv2543", Accept),
];

#[test]
fn every_message_gets_its_verdict() {
    for (section, name, expected) in VERDICTS {
        let Some(bytes) = corpus::load(name) else { return };
        let found = match parse(bytes) {
            Ok(_) => Accept,
            Err(ParseError::Answer(refusal)) => {
                assert_eq!(refusal.response().headers, refusal.headers);
                assert!(refusal.headers.contains(&HeaderName::Via), "{name}");
                Refuse(refusal.status.code())
            }
            Err(ParseError::Drop(_)) => Drop,
        };
        assert_eq!(found, expected, "RFC 4475 §{section} {name}");
    }
    assert_eq!(corpus::all().len(), VERDICTS.len());
}

/// What the parser refuses is answered on the wire with that status, and what it drops is not; a Via of which only the beginning can be
/// read (badinv01) says enough.
#[test]
fn every_refusal_is_sent() {
    for (section, name, verdict) in VERDICTS {
        let Some(bytes) = corpus::load(name) else { return };
        let mut endpoint = Endpoint::new(Config::default(), [7; 32]);
        let flow = Flow {
            transport: Transport::Udp,
            local: ([192, 0, 2, 2], 5060).into(),
            remote: ([192, 0, 2, 15], 5060).into(),
            connection: 0,
        };
        endpoint.handle_input(Instant::now(), Input::Message { flow, bytes });
        let status = std::iter::from_fn(|| endpoint.poll_output()).find_map(|output| match output {
            Output::Transmit { bytes, .. } => Some(String::from_utf8_lossy(&bytes[8..11]).into_owned()),
            Output::Event(_) => None,
        });
        match verdict {
            Refuse(expected) => assert_eq!(status, Some(expected.to_string()), "RFC 4475 §{section} {name}"),
            Drop => assert_eq!(status, None, "RFC 4475 §{section} {name}"),
            // What an element does with a whole message is told elsewhere.
            Accept => {}
        }
    }
}

#[test]
fn accepted_messages_survive_writing_and_reading() {
    for (name, bytes) in corpus::all() {
        let Ok(first) = parse(bytes) else { continue };
        let written = first.to_bytes();
        let second = parse(written.clone()).unwrap_or_else(|error| panic!("{name}: {error}"));
        // Content-Length is always written, so that only this header may differ.
        let headers = |message: &Message| {
            let mut headers = message.headers().clone();
            headers.remove(&HeaderName::ContentLength);
            headers
        };
        assert_eq!(headers(&first), headers(&second), "{name}");
        assert_eq!(first.body(), second.body(), "{name}");
        assert_eq!(second.to_bytes(), written, "{name}: the canonical form is a fixed point");
    }
}

fn request(name: &str) -> Option<Request> {
    match parse(corpus::load(name)?) {
        Ok(Message::Request(request)) => Some(request),
        other => panic!("{name}: {other:?}"),
    }
}

fn response(name: &str) -> Option<Response> {
    match parse(corpus::load(name)?) {
        Ok(Message::Response(response)) => Some(response),
        other => panic!("{name}: {other:?}"),
    }
}

fn refusal_reason(name: &str) -> Option<&'static str> {
    match parse(corpus::load(name)?) {
        Err(ParseError::Answer(refusal)) => Some(refusal.reason),
        Err(ParseError::Drop(reason)) => Some(reason),
        Ok(message) => panic!("{name}: {message:?}"),
    }
}

/// A message is refused for the rule that the RFC wrote it for and not by accident.
#[test]
fn refusals_are_for_the_right_reason() {
    let reasons = [
        ("badinv01", "parameter"),
        ("clerr", "body shorter than Content-Length"),
        ("ncl", "Content-Length"),
        ("scalar02", "CSeq number"),
        ("scalarlg", "CSeq number"),
        ("quotbal", "quoted string"),
        ("ltgtruri", "URI scheme"),
        ("lwsruri", "URI parameter"),
        ("lwsstart", "URI scheme"),
        ("trws", "white space around the request line"),
        ("escruri", "headers in the Request-URI"),
        ("regbadct", "URI without angle brackets"),
        ("badaspec", "URI scheme"),
        ("baddn", "display name"),
        ("badvers", "SIP version"),
        ("mismatch01", "CSeq method differs from the request's"),
        ("mismatch02", "CSeq method differs from the request's"),
        ("bigcode", "status code"),
        ("insuf", "required header missing"),
        ("multi01", "header given twice"),
        ("mcl01", "header given twice"),
    ];
    for (name, expected) in reasons {
        let Some(reason) = refusal_reason(name) else { return };
        assert_eq!(reason, expected, "{name}");
    }
}

#[test]
fn wsinv_reads_through_folds_case_and_compact_forms() {
    let Some(request) = request("wsinv") else { return };
    let headers = &request.headers;
    assert_eq!(request.method, Method::Invite);
    assert_eq!(headers.to().unwrap().tag(), Some("1918181833n"));
    assert_eq!(headers.from_().unwrap().display_name().unwrap(), "J Rosenberg \\\"");
    assert_eq!(headers.from_().unwrap().tag(), Some("98asjd8"));
    assert_eq!(headers.max_forwards(), Some(68));
    assert_eq!(headers.cseq().unwrap().number, 9);
    let vias = headers.vias().unwrap();
    assert_eq!(vias.len(), 3);
    assert_eq!(vias[0].transport(), "UDP");
    assert_eq!(vias[1].branch(), Some("z9hG4bK9ikj8"));
    assert_eq!(headers.routes().unwrap().len(), 1);
    assert_eq!(headers.content_length(), Some(150));
    assert_eq!(
        headers.get_str(&HeaderName::from_static("newfangledheader")),
        Some("newfangled value continued newfangled value")
    );
}

#[test]
fn unusual_characters_and_escapes_stay_what_they_are() {
    let Some(interesting) = request("intmeth") else { return };
    assert_eq!(interesting.method.as_str(), "!interesting-Method0123456789_*+`.%indeed'~");
    assert_eq!(interesting.headers.to().unwrap().display_name().unwrap(), "BEL:\u{7} NUL:\0 DEL:\u{7f}");
    assert_eq!(interesting.headers.max_forwards(), Some(255));

    let escaped = request("esc01").unwrap();
    assert_eq!(escaped.uri.user(), Some("sips%3Auser%40example.com"));
    assert_eq!(escaped.uri.user_unescaped().unwrap(), "sips:user@example.com");

    // §3.1.1.4: an escaped NUL is a character like others: two contacts, not one.
    let sip::message::Contacts::List(contacts) = request("escnull").unwrap().headers.contacts().unwrap() else {
        panic!("not *")
    };
    assert!(!contacts[0].uri().equivalent(contacts[1].uri()));
    assert_eq!(contacts[1].uri().user_unescaped().unwrap(), "\0\0");

    // §3.1.1.5: "%" in method and header name is no escape: the third "C%6Fntact" is no Contact.
    let percent = request("esc02").unwrap();
    assert_eq!(percent.method.as_str(), "RE%47IST%45R");
    assert_eq!(percent.headers.get_all(&HeaderName::Contact).count(), 2);

    let no_space = request("lwsdisp").unwrap();
    assert_eq!(no_space.headers.from_().unwrap().display_name().unwrap(), "caller");

    // §3.1.1.9: all before "@" is the user.
    assert_eq!(request("semiuri").unwrap().uri.user_unescaped().unwrap(), "user;par=u@example.net");
}

#[test]
fn bodies_end_where_content_length_says() {
    let Some(doubled) = request("dblreq") else { return };
    assert_eq!((doubled.method, doubled.body.len()), (Method::Register, 0));
    let multipart = request("mpart01").unwrap();
    assert_eq!(multipart.body.len(), 553);
    assert!(multipart.body.contains(&0));
}

#[test]
fn reasons_may_be_any_utf8_or_nothing() {
    let Some(unusual) = response("unreason") else { return };
    assert!(std::str::from_utf8(&unusual.reason).unwrap().starts_with("= 2**3 * 5**2 "));
    assert_eq!(response("noreason").unwrap().reason, Bytes::new());
}

#[test]
fn unknown_transports_are_read() {
    let Some(request) = request("transports") else { return };
    let transports: Vec<String> =
        request.headers.vias().unwrap().iter().map(|via| via.transport().to_owned()).collect();
    assert_eq!(transports, ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]);
}

const OURS: Capabilities<'static> = Capabilities {
    methods: &[Method::Invite, Method::Ack, Method::Bye, Method::Cancel, Method::Options, Method::Register],
    extensions: &["100rel", "replaces"],
    content_types: &["application/sdp"],
};

#[test]
fn an_element_answers_what_a_parser_cannot() {
    let statuses = [
        ("unkscm", Some(416)),
        ("novelsc", Some(416)),
        ("bext01", Some(420)),
        ("invut", Some(415)),
        ("intmeth", Some(501)),
        ("esc02", Some(501)),
        ("wsinv", None),
        ("zeromf", None),
        ("inv2543", None),
    ];
    for (name, expected) in statuses {
        let Some(request) = request(name) else { return };
        let found = check(&request, &OURS).err();
        assert_eq!(found.as_ref().map(|rejection| rejection.status.code()), expected, "{name}");
        let Some(rejection) = found else { continue };
        let answer = rejection.response(&request);
        match name {
            "bext01" => assert_eq!(
                answer.headers.get_str(&HeaderName::Unsupported),
                Some("nothingSupportsThis, nothingSupportsThisEither")
            ),
            "invut" => assert_eq!(answer.headers.get_str(&HeaderName::Accept), Some("application/sdp")),
            "intmeth" => assert!(answer.headers.has_token(&HeaderName::Allow, "INVITE")),
            _ => {}
        }
    }
    // §3.3.15.
    assert!(!accepts(&request("sdp01").unwrap().headers, "application/sdp"));
    assert!(accepts(&request("wsinv").unwrap().headers, "application/sdp"));
}

/// The facts that the endpoint, the authenticator and the registrar decide by.
#[test]
fn facts_for_the_layers_above_are_whole() {
    let Some(bad_branch) = request("badbranch") else { return };
    let via = bad_branch.headers.via().unwrap();
    assert_eq!((via.branch(), via.transaction_branch()), (Some("z9hG4bK"), None));

    // §3.3.4: the registrar refuses it, because an AOR is a SIP or SIPS URI.
    assert!(
        matches!(request("unksm2").unwrap().headers.to().unwrap().uri().scheme(), Scheme::Other(name) if &**name == "isbn")
    );
    // §3.3.7: a scheme that is not ours is as good as no credentials.
    assert!(
        request("regaut01")
            .unwrap()
            .headers
            .get_str(&HeaderName::Authorization)
            .unwrap()
            .starts_with("NoOneKnowsThisScheme")
    );
    // §3.3.10: the sent-by is not us; the endpoint drops the response.
    assert_eq!(response("bcast").unwrap().headers.vias().unwrap()[1].host().to_string(), "255.255.255.255");
    // §3.3.11: processed as if Max-Forwards were positive, because we are the end of the way.
    assert_eq!(request("zeromf").unwrap().headers.max_forwards(), Some(0));
    // §3.3.12 and §3.3.13: the parameter belongs to the header without brackets, to the URI within them.
    let outside = request("cparam01").unwrap().headers.contact().unwrap();
    assert!(outside.params().contains("unknownparam") && outside.uri().params().is_empty());
    let inside = request("cparam02").unwrap().headers.contact().unwrap();
    assert!(inside.uri().params().contains("unknownparam") && inside.params().is_empty());
    // §3.3.14.
    let routed = request("regescrt").unwrap().headers.contact().unwrap();
    assert_eq!(routed.uri().header("route").unwrap(), "<sip:sip.example.com>");
    // §3.4.1: neither tag nor branch.
    let old = request("inv2543").unwrap();
    assert_eq!((old.headers.from_().unwrap().tag(), old.headers.via().unwrap().branch()), (None, None));
    assert!(!old.body.is_empty());
}
