//! What happens to requests before the switch hears of them (RFC 3261 §8.2, §12.2.2, §17.2.3, §18.2).

use bytes::Bytes;

use super::script::*;
use crate::endpoint::*;
use crate::message::{HeaderName, Message, Method, parse};

fn respond(transaction: ServerTransactionId, status: u16) -> Command {
    Command::Respond { transaction, status, reason: None, headers: Vec::new(), body: Bytes::new() }
}

fn transaction(event: &Event) -> ServerTransactionId {
    match event {
        Event::Request { transaction, .. } | Event::Invite { transaction, .. } => *transaction,
        other => panic!("{other:?}"),
    }
}

/// What it is, the request, the status, and how a header line of the answer begins.
type Row = (&'static str, String, u16, Option<(HeaderName, &'static str)>);

/// §8.2: every refusal the endpoint gives by itself.
#[test]
fn f46_refusals_of_8_2() {
    let rows: [Row; 14] = [
        ("unknown method", request("JUMP", "1", "z9hG4bK1", ""), 501, None),
        ("not served", request("PUBLISH", "1", "z9hG4bK1", ""), 405, Some((HeaderName::Allow, "INVITE,ACK"))),
        ("scheme", full_request("INVITE", "tel:+15551234", "1", ("z9hG4bK1", "<sip:100@acme.test>"), ""), 416, None),
        (
            "extension",
            request("OPTIONS", "1", "z9hG4bK1", "Require: 100rel, warp\r\nRequire: beam\r\n"),
            420,
            Some((HeaderName::Unsupported, "warp, beam")),
        ),
        ("no more hops", request("INVITE", "1", "z9hG4bK1", "").replace("s: 70", "s: 0"), 483, None),
        (
            "media type",
            request("INVITE", "1", "z9hG4bK1", "Content-Type: text/x\r\n")
                .replace("Length: 0\r\n\r\n", "Length: 1\r\n\r\nx"),
            415,
            Some((HeaderName::Accept, "application/sdp")),
        ),
        (
            "encoding",
            request("INVITE", "1", "z9hG4bK1", "Content-Encoding: gzip\r\n")
                .replace("Length: 0\r\n\r\n", "Length: 1\r\n\r\nx"),
            415,
            Some((HeaderName::AcceptEncoding, "identity")),
        ),
        ("encoding of nothing", request("BYE", "1", "z9hG4bK1", "Content-Encoding: gzip\r\n"), 481, None),
        ("no Contact", request("INVITE", "1", "z9hG4bK1", "").replace("Contact:", "X:"), 400, None),
        ("BYE outside", request("BYE", "1", "z9hG4bK1", ""), 481, None),
        (
            "To tag of nobody",
            full_request("INVITE", "sip:100@a.test", "1", ("z9hG4bK1", "<sip:100@a.test>;tag=00000000000000aa"), ""),
            481,
            None,
        ),
        ("CANCEL of nothing", request("CANCEL", "1", "z9hG4bK1", ""), 481, None),
        (
            "session interval",
            request("INVITE", "1", "z9hG4bK1", "Supported: timer\r\nSession-Expires: 30\r\n"),
            422,
            Some((HeaderName::MinSe, "90")),
        ),
        (
            "two Replaces",
            {
                let line = "Replaces: a;to-tag=b;from-tag=c\r\n";
                request("INVITE", "1", "z9hG4bK1", &format!("{line}{line}"))
            },
            400,
            None,
        ),
    ];
    for (what, text, status, line) in rows {
        let mut script = Script::new();
        script.receive(&text);
        let response = script.response();
        assert_eq!(response.status.code(), status, "{what}");
        assert!(response.headers.to().unwrap().tag().is_some(), "{what}: §8.2.6.2");
        if let Some((name, start)) = line {
            assert!(response.headers.get_str(&name).unwrap().starts_with(start), "{what}");
        }
        assert!(script.take_events().is_empty(), "{what}");
        assert_eq!((script.endpoint.transactions(), script.endpoint.sessions()), (0, 0), "{what}: no state");
        // A copy gets the same answer (§8.2.7).
        script.receive(&text);
        assert_eq!(script.response(), response, "{what}");
        // Nobody answers an ACK.
        script.receive(&text.replace("PUBLISH", "ACK").replace("INVITE", "ACK"));
    }
}

/// What does not end here may have no hop left, what does may (§11, §20.22).
#[test]
fn options_and_register_end_here() {
    for method in ["OPTIONS", "REGISTER"] {
        let mut script = Script::new();
        script.receive(&request(method, "1", "z9hG4bK1", "").replace("s: 70", "s: 0"));
        transaction(&script.event());
    }
}

/// A10, §8.2.2.2: the same request by two ways is answered 482 while the first is at work.
#[test]
fn a10_merged_requests() {
    let mut script = Script::new();
    script.receive(&request("INVITE", "1", "z9hG4bKone", ""));
    let first = script.event();
    script.receive(&request("INVITE", "1", "z9hG4bKtwo", ""));
    assert_eq!(script.status(), Some(482));
    assert!(script.take_events().is_empty());
    // The next CSeq is another request (a try with credentials).
    script.receive(&request("INVITE", "2", "z9hG4bKthree", ""));
    assert_ne!(transaction(&script.event()), transaction(&first));
}

/// A10: a request of ours that comes back with the same Request-URI is a loop; with another it is a spiral (§16.3).
#[test]
fn a10_our_own_request_comes_back() {
    let mut script = Script::new();
    let (_, invite) = script.originate(|_| {});
    let text = String::from_utf8(invite.to_bytes().to_vec()).unwrap();
    let proxied = text.replacen("Via:", "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKproxy\r\nVia:", 1);
    script.receive(&proxied);
    assert_eq!(script.status(), Some(482));
    script.receive(&proxied.replace("INVITE sip:bob@192.0.2.1", "INVITE sip:carol@192.0.2.2"));
    assert!(matches!(script.event(), Event::Invite { .. }));
}

/// §17.2.3: copies are absorbed, also of requests without the magic cookie (RFC 2543), and answered the same.
#[test]
fn f46_copies_are_absorbed() {
    for branch in ["z9hG4bKone", "1", "z9hG4bK"] {
        let mut script = Script::new();
        let text = request("OPTIONS", "1", branch, "");
        script.receive(&text);
        let transaction = transaction(&script.event());
        script.receive(&text);
        assert_eq!(script.status(), None, "§17.2.2: nothing to repeat yet");
        script.command(respond(transaction, 200)).unwrap();
        let response = script.response();
        script.receive(&text);
        assert_eq!(script.response(), response, "branch {branch}");
        assert!(script.take_events().is_empty());
        // Another branch, sent-by or method is another transaction.
        script.receive(&text.replace("192.0.2.1:5060;", "192.0.2.1:5061;").replace("CSeq: 1", "CSeq: 2"));
        assert_eq!(script.take_events().len(), 1);
        script.run_out_unanswered();
    }
}

/// §17.2.1: an INVITE that comes again before any answer gets 100; afterwards the last provisional one.
#[test]
fn a_copy_of_an_invite_gets_the_last_provisional() {
    let mut script = Script::new();
    let text = request("INVITE", "1", "z9hG4bKone", "");
    script.receive(&text);
    let Event::Invite { session, .. } = script.event() else { panic!() };
    script.receive(&text);
    let trying = script.response();
    assert_eq!((trying.status.code(), trying.headers.to().unwrap().tag()), (100, None));
    let (headers, body) = (Vec::new(), Bytes::new());
    let ringing = Command::Progress { session, status: 180, body, reliable: Reliability::Unreliable, headers };
    script.command(ringing).unwrap();
    let first = script.response();
    assert!(first.headers.to().unwrap().tag().is_some() && first.headers.contact().is_some());
    script.receive(&text);
    assert_eq!(script.response(), first);
}

/// The ACK of a refusal by RFC 2543 matching must carry our To tag (§17.2.3).
#[test]
fn an_ack_without_the_magic_cookie() {
    let mut script = Script::new();
    script.receive(&request("INVITE", "1", "old", ""));
    let Event::Invite { session, .. } = script.event() else { panic!() };
    script.command(Command::Reject { session, status: 486, headers: Vec::new() }).unwrap();
    let refusal = script.response();
    script.pass_ms(500);
    assert_eq!(script.status(), Some(486), "timer G");
    let to = |tag: &str| format!("<sip:100@acme.test>;tag={tag}");
    let ack = |tag: &str| full_request("ACK", "sip:100@192.0.2.2", "1", ("old", &to(tag)), "");
    script.receive(&ack("another"));
    script.pass_ms(1_000);
    assert_eq!(script.status(), Some(486), "not ours");
    script.receive(&ack(refusal.headers.to().unwrap().tag().unwrap()));
    script.pass_ms(5_000);
    assert_eq!(script.status(), None);
    script.run_out();
}

/// §18.2.1, §18.2.2, RFC 3581 §4: where the answer goes and what the Via says.
#[test]
fn f46_answers_find_their_way() {
    let rows = [
        // Via of the peer → destination, Via in the answer.
        ("192.0.2.1:5062;branch=z9hG4bK1;rport", "192.0.2.1:5060", ";rport=5060;received=192.0.2.1"),
        ("10.0.0.9:5062;branch=z9hG4bK1;rport", "192.0.2.1:5060", ";rport=5060;received=192.0.2.1"),
        ("192.0.2.1:5062;branch=z9hG4bK1", "192.0.2.1:5062", "5062;branch=z9hG4bK1\r\n"),
        ("192.0.2.1;branch=z9hG4bK1", "192.0.2.1:5060", "192.0.2.1;branch=z9hG4bK1\r\n"),
        ("pc.example.com:5064;branch=z9hG4bK1", "192.0.2.1:5064", ";received=192.0.2.1"),
        // C8: neither maddr nor a received of the peer's own aims our answer elsewhere.
        ("192.0.2.1:5062;maddr=203.0.113.1;branch=z9hG4bK1", "192.0.2.1:5062", "maddr=203.0.113.1"),
        ("192.0.2.1:5062;received=203.0.113.1;branch=z9hG4bK1", "192.0.2.1:5062", "5062;branch=z9hG4bK1\r\n"),
    ];
    for (via, destination, expected) in rows {
        let mut script = Script::new();
        let text = request("BYE", "1", "x", "").replace("192.0.2.1:5060;branch=x;rport", via);
        script.receive(&text);
        let sent = script.take_sent();
        assert_eq!(sent[0].0.remote().to_string(), destination, "{via}");
        let answer = String::from_utf8(sent[0].1.to_vec()).unwrap();
        assert!(answer.contains(expected), "{via}: {answer}");
    }
}

/// C8: no answer to sources that no peer can have.
#[test]
fn c8_dishonest_sources_get_silence() {
    for remote in ["255.255.255.255:5060", "224.0.0.1:5060", "0.0.0.0:5060", "192.0.2.1:0", "[ff02::1]:5060"] {
        let mut script = Script::new();
        let flow = Flow { remote: remote.parse().unwrap(), ..script.flow };
        for text in [request("OPTIONS", "1", "z9hG4bK1", ""), "OPTIONS x SIP/2.0\r\n\r\n".to_owned()] {
            script.receive_from(flow, &text);
            assert_eq!((script.status(), script.take_events().len()), (None, 0), "{remote}");
        }
    }
}

/// §12.2.2: a request in a dialog that is older than one that was handled gets 500 with Retry-After; OPTIONS is
/// answered here (§11.2), an event package nobody knows with 489.
#[test]
fn f46_inside_a_dialog() {
    let mut script = Script::new();
    script.receive(&request("INVITE", "10", "z9hG4bKinvite", ""));
    let Event::Invite { session, .. } = script.event() else { panic!() };
    script.command(Command::Answer { session, body: Bytes::new(), headers: Vec::new() }).unwrap();
    let to = script.response().headers.get(&HeaderName::To).unwrap().clone();
    let to = String::from_utf8(to.to_vec()).unwrap();
    let inside = |method: &str, cseq: &str, more: &str| {
        let branch = format!("z9hG4bK{method}{cseq}");
        full_request(method, "sip:100@192.0.2.2", cseq, (&branch, &to), more)
    };
    script.receive(&inside("ACK", "10", ""));
    assert!(matches!(script.event(), Event::Confirmed { .. }));
    script.receive(&inside("OPTIONS", "11", ""));
    let response = script.response();
    assert_eq!(response.status.code(), 200);
    assert!(response.headers.has_token(&HeaderName::Allow, "UPDATE"));
    for cseq in ["11", "9"] {
        script.receive(&inside("INFO", cseq, ""));
        let response = script.response();
        assert_eq!(response.status.code(), 500, "CSeq {cseq}");
        assert!(response.headers.number(&HeaderName::RetryAfter).is_some_and(|seconds| seconds <= 10));
    }
    script.receive(&inside("NOTIFY", "12", "Event: presence\r\n"));
    assert_eq!(script.status(), Some(489));
    script.receive(&inside("NOTIFY", "13", "Event: refer\r\n"));
    assert_eq!(script.status(), Some(481), "we never asked");
    script.receive(&inside("REFER", "14", ""));
    assert_eq!(script.status(), Some(400), "no Refer-To");
    script.receive(&inside("PRACK", "15", "RAck: 1 10 INVITE\r\n"));
    assert_eq!(script.status(), Some(200), "overtaken by our 2xx");
    script.receive(&inside("BYE", "20", "").replace("tag=alice", "tag=mallory"));
    assert_eq!(script.status(), Some(481), "not this dialog");
    script.receive(&inside("MESSAGE", "21", ""));
    let Event::Request { transaction, .. } = script.event() else { panic!() };
    script.command(respond(transaction, 200)).unwrap();
    assert_eq!(script.status(), Some(200));
    script.receive(&inside("BYE", "22", ""));
    assert_eq!(script.status(), Some(200));
    assert!(matches!(script.event(), Event::Ended { reason: EndReason::Bye { .. }, .. }));
    script.receive(&inside("INFO", "23", ""));
    assert_eq!(script.status(), Some(481));
    script.run_out();
}

/// The commands check what they are given.
#[test]
fn commands_are_checked() {
    let mut script = Script::new();
    script.receive(&request("INVITE", "1", "z9hG4bK1", ""));
    let event = script.event();
    let Event::Invite { session, .. } = event else { panic!() };
    let id = transaction(&event);
    for status in [0, 99, 100, 200, 299, 700, 65_535] {
        assert_eq!(script.command(respond(id, status)), Err(CommandError::Invalid), "{status}");
    }
    let smuggled = vec![(HeaderName::Warning, Bytes::from_static(b"x\r\nVia: y"))];
    let reject = Command::Reject { session, status: 486, headers: smuggled.clone() };
    assert_eq!(script.command(reject), Err(CommandError::Invalid));
    let answer = Command::Answer { session, body: Bytes::new(), headers: smuggled };
    assert_eq!(script.command(answer), Err(CommandError::Invalid));
    for command in [
        Command::AcceptReoffer { session, body: Bytes::new() },
        Command::RejectReoffer { session, status: 488 },
        Command::AcceptRefer { session },
        Command::NotifyRefer { session, status: 200, last: true },
        Command::Acknowledge { session, body: Bytes::new() },
        Command::Reoffer { session, body: None },
        Command::Info { session, content_type: Bytes::new(), body: Bytes::new() },
    ] {
        assert_eq!(script.command(command.clone()), Err(CommandError::WrongState), "{command:?}");
    }
    assert_eq!(script.status(), None);
    script.command(respond(id, 404)).unwrap();
    assert_eq!(script.status(), Some(404));
    assert_eq!(script.command(respond(id, 404)), Err(CommandError::UnknownTransaction));
    let gone = Command::HangUp { session, status: 486, reason: None };
    assert_eq!(script.command(gone), Err(CommandError::UnknownSession));
    script.receive(&request("ACK", "1", "z9hG4bK1", ""));
    script.run_out();
}

/// §9.2: the CANCEL gets 200 with the To tag of the INVITE's answers, the INVITE 487; a CANCEL behind the answer has
/// no effect.
#[test]
fn f46_cancel_of_the_peer() {
    for answered in [false, true] {
        let mut script = Script::new();
        script.receive(&request("INVITE", "1", "z9hG4bK1", ""));
        let Event::Invite { session, .. } = script.event() else { panic!() };
        if answered {
            script.command(Command::Answer { session, body: Bytes::new(), headers: Vec::new() }).unwrap();
            script.take_sent();
        }
        script.receive(&request("CANCEL", "1", "z9hG4bK1", ""));
        let sent = script.take_sent();
        assert!(sent[0].1.starts_with(b"SIP/2.0 200"));
        if answered {
            assert_eq!((sent.len(), script.take_events().len()), (1, 0));
            continue;
        }
        assert!(sent[1].1.starts_with(b"SIP/2.0 487"));
        let tag = |bytes: &Bytes| match parse(bytes.clone()).unwrap() {
            Message::Response(response) => response.headers.to().unwrap().tag_text(),
            Message::Request(_) => None,
        };
        assert_eq!(tag(&sent[0].1), tag(&sent[1].1));
        assert!(matches!(script.event(), Event::Ended { reason: EndReason::Cancel { .. }, .. }));
        script.receive(&request("ACK", "1", "z9hG4bK1", ""));
        script.run_out();
    }
}

/// A CANCEL of a re-INVITE refuses that alone.
#[test]
fn cancel_of_a_reinvite() {
    let mut script = Script::new();
    let (session, invite) = script.originate(|_| {});
    script.reply(&invite, 200, "bob", "Contact: <sip:bob@192.0.2.1:5060>\r\n");
    let from = String::from_utf8(invite.headers.get(&HeaderName::From).unwrap().to_vec()).unwrap();
    let call_id = String::from_utf8(invite.headers.get(&HeaderName::CallId).unwrap().to_vec()).unwrap();
    script.take_sent();
    script.take_events();
    let inside = |method: &str, branch: &str, cseq: &str| {
        full_request(method, "sip:pbx@192.0.2.2", cseq, (branch, &from), "")
            .replace("Call-ID: script", &format!("Call-ID: {call_id}"))
            .replace("From: <sip:alice@acme.test>;tag=alice", "From: <sip:bob@acme.test>;tag=bob")
    };
    script.receive(&inside("INVITE", "z9hG4bKre", "7"));
    assert!(matches!(script.event(), Event::Reoffer { .. }));
    script.receive(&inside("CANCEL", "z9hG4bKre", "7"));
    let sent = script.take_sent();
    assert!(sent[0].1.starts_with(b"SIP/2.0 200") && sent[1].1.starts_with(b"SIP/2.0 487"), "{sent:?}");
    let accept = Command::AcceptReoffer { session, body: Bytes::new() };
    assert_eq!(script.command(accept), Err(CommandError::WrongState));
    script.receive(&inside("ACK", "z9hG4bKre", "7"));
    script.command(Command::HangUp { session, status: 480, reason: None }).unwrap();
    assert_eq!(script.request().method, Method::Bye);
    script.run_out();
}
