//! Floods and amplification (C2, C3, C8), closed connections (C4), and bytes that are no SIP.

use bytes::Bytes;

use super::script::*;
use crate::endpoint::*;
use crate::message::HeaderName;

fn small(server_transactions: usize, sessions: usize) -> Config {
    let limits = Limits { server_transactions, sessions, ..Limits::default() };
    Config { limits, ..Config::default() }
}

fn other(number: u32, method: &str) -> String {
    request(method, "1", &format!("z9hG4bK{number}"), "").replace("Call-ID: script", &format!("Call-ID: {number}"))
}

/// C2: over the bound new requests get a stateless 503, then silence; a call that is up is not touched.
#[test]
fn c2_a_flood_is_refused_and_calls_go_on() {
    let mut script = Script::with(small(40, 1_000));
    let (session, invite) = script.originate(|_| {});
    script.reply(&invite, 200, "bob", "Contact: <sip:bob@192.0.2.1:5060>\r\n");
    script.take_sent();
    for number in 0..10_000 {
        script.receive(&other(number, "REGISTER"));
    }
    assert_eq!(script.endpoint.core.server.len(), 30, "three quarters");
    let refusals = script.take_sent();
    assert_eq!(refusals.len(), 200, "per second");
    let text = String::from_utf8(refusals[0].1.to_vec()).unwrap();
    assert!(text.starts_with("SIP/2.0 503 ") && text.contains("\r\nRetry-After: 10\r\n"), "{text}");
    // The last quarter is for dialogs.
    let from = String::from_utf8(invite.headers.get(&HeaderName::From).unwrap().to_vec()).unwrap();
    let call_id = String::from_utf8(invite.headers.get(&HeaderName::CallId).unwrap().to_vec()).unwrap();
    script.take_events();
    let bye = full_request("BYE", "sip:pbx@192.0.2.2", "7", ("z9hG4bKbye", &from), "")
        .replace("Call-ID: script", &format!("Call-ID: {call_id}"))
        .replace("From: <sip:alice@acme.test>;tag=alice", "From: <sip:bob@acme.test>;tag=bob");
    script.receive(&bye);
    assert_eq!(script.status(), Some(200));
    assert!(matches!(script.event(), Event::Ended { session: own, .. } if own == session));
    // The next second has its own refusals.
    script.pass_ms(1_000);
    script.receive(&other(20_000, "REGISTER"));
    assert_eq!(script.status(), Some(503));
    script.run_out();
}

/// C3: half-open INVITEs have a bound, and end.
#[test]
fn c3_half_open_calls_have_a_bound() {
    let mut script = Script::with(small(40_000, 100));
    for number in 0..1_000 {
        script.receive(&other(number, "INVITE"));
    }
    assert_eq!(script.endpoint.sessions(), 100);
    script.take_events();
    let party = || crate::message::NameAddr::new("sip:a@b.test".parse().unwrap());
    let uri = "sip:a@192.0.2.1".parse().unwrap();
    let session = SessionId::originated(0, 5);
    let originate = Originate::new(session, Destination::Flow(script.flow), uri, party(), party());
    assert_eq!(script.command(Command::Originate(Box::new(originate))), Err(CommandError::Limit));
    // Whoever dials hears of it like of any other call that failed.
    assert!(matches!(script.event(), Event::Rejected { session: of, status: 503, response: None } if of == session));
    script.run_out();
}

/// C2, C8: a challenge is sent once, leaves little behind, and nothing at all when half of the table is in use.
#[test]
fn c2_challenges_are_cheap() {
    for (method, busy) in [("INVITE", false), ("INVITE", true), ("REGISTER", false), ("REGISTER", true)] {
        let mut script = Script::with(small(40, 1_000));
        for number in 0..if busy { 20 } else { 0 } {
            script.receive(&other(1_000 + number, "OPTIONS"));
        }
        script.take_events();
        let before = script.endpoint.transactions();
        let text = request(method, "1", "z9hG4bKx", "");
        script.receive(&text);
        let transaction = match script.event() {
            Event::Request { transaction, .. } | Event::Invite { transaction, .. } => transaction,
            other => panic!("{other:?}"),
        };
        let value = Bytes::from_static(b"Digest realm=\"acme.test\",nonce=\"x\"");
        let headers = vec![(HeaderName::WwwAuthenticate, value)];
        let respond = Command::Respond { transaction, status: 401, reason: None, headers, body: Bytes::new() };
        script.command(respond).unwrap();
        let first = script.response();
        assert_eq!(script.endpoint.sessions(), 0);
        assert_eq!(script.endpoint.transactions() - before, usize::from(!busy), "{method}, busy: {busy}");
        script.receive(&text);
        if busy {
            assert_eq!(script.take_events().len(), 1, "§8.2.7: asked again");
            continue;
        }
        assert_eq!(script.response(), first, "{method}: a copy is absorbed");
        script.pass_ms(31_000);
        assert!(script.take_sent().is_empty(), "C8: {method}: no retransmission without a proof");
    }
}

/// C8: what we say by ourselves is no more than half as much again as what was asked.
#[test]
fn c8_answers_are_not_much_larger_than_questions() {
    for method in ["INVITE", "OPTIONS", "REGISTER", "BYE", "CANCEL", "PUBLISH", "SUBSCRIBE", "UPDATE", "JUMP", "ACK"] {
        let mut script = Script::new();
        let text = format!(
            "{method} sip:a SIP/2.0\r\nv: SIP/2.0/UDP b;branch=z9hG4bK1\r\nf: <sip:a>;tag=1\r\nt: <sip:a>\r\ni: 1\r\n\
             CSeq: 1 {method}\r\nMax-Forwards: 0\r\n\r\n"
        );
        script.receive(&text);
        script.pass_ms(40_000);
        let out: usize = script.take_sent().iter().map(|(_, bytes)| bytes.len()).sum();
        // Canonical header names, rport and the To tag cost about 110 bytes, Allow 100 more: for less silence is the answer.
        assert!(out * 10 <= text.len() * 15, "{method}: {out} bytes for {}", text.len());
    }
}

/// C8: what the switch answers to whoever asks is bounded alike: it offers fewer challenges to a short request and says nothing to a
/// crafted one. A registration that was let in is always answered.
#[test]
fn c8_a_challenge_is_no_amplifier() {
    let challenge = |algorithm: &str| {
        let value =
            format!("Digest realm=\"acme.test\",nonce=\"{}\",qop=\"auth\",algorithm={algorithm}", "n".repeat(60));
        (HeaderName::WwwAuthenticate, Bytes::from(value))
    };
    let crafted = "REGISTER sip:a SIP/2.0\r\nv:SIP/2.0/UDP a\r\nf:sip:a\r\nt:sip:a\r\ni:1\r\nCSeq:1 REGISTER\r\n\r\n";
    let short = request("REGISTER", "1", "z9hG4bK1", "");
    let usual = request("REGISTER", "1", "z9hG4bK1", &format!("Subject: {}\r\n", "x".repeat(300)));
    let rows = [(crafted, 401, None), (&short, 401, Some(1)), (&usual, 401, Some(2)), (crafted, 200, Some(0))];
    for (text, status, challenges) in rows {
        let mut script = Script::new();
        script.receive(text);
        let Event::Request { transaction, .. } = script.event() else { panic!() };
        let headers = match status {
            401 => vec![challenge("SHA-256"), challenge("MD5")],
            _ => vec![(HeaderName::Contact, Bytes::from("<sip:a@192.0.2.1>, ".repeat(40) + "<sip:b@192.0.2.1>"))],
        };
        let body = Bytes::new();
        script.command(Command::Respond { transaction, status, reason: None, headers, body }).unwrap();
        let sent = script.take_sent();
        let answered = sent.first().map(|(_, bytes)| String::from_utf8_lossy(bytes).into_owned());
        let offered = answered.as_ref().map(|answer| answer.matches("WWW-Authenticate").count());
        assert_eq!(offered, challenges, "{} bytes, {status}: {answered:?}", text.len());
        assert!(answered.is_none_or(|answer| status == 200 || answer.contains("SHA-256")), "the preferred one is kept");
        if challenges.is_none() {
            assert_eq!(script.endpoint.transactions(), 0, "nothing is kept of it");
        }
        script.run_out();
    }
}

/// C4: a closed connection takes the transactions that were answered along.
#[test]
fn c4_a_closed_connection_takes_its_transactions() {
    let mut script = Script::new();
    script.flow.transport = Transport::Tcp;
    script.flow.connection = 9;
    for number in 0..50 {
        script.receive(&other(number, "INVITE"));
    }
    for event in script.take_events() {
        let Event::Invite { session, .. } = event else { panic!() };
        script.command(Command::Reject { session, status: 486, headers: Vec::new() }).unwrap();
    }
    assert_eq!(script.endpoint.transactions(), 50, "they wait for their ACK");
    let flow = script.flow;
    script.endpoint.handle_input(script.now, Input::FlowClosed { flow });
    assert_eq!(script.endpoint.transactions(), 0);
    script.run_out();
}

/// Malformed requests are answered in bounds, noise is not.
#[test]
fn malformed_requests_are_answered_in_bounds() {
    let mut script = Script::new();
    let bad = request("OPTIONS", "1", "z9hG4bK1", "").replace("CSeq: 1 OPTIONS", "CSeq: x");
    for _ in 0..1_000 {
        script.receive(&bad);
    }
    let sent = script.take_sent();
    assert_eq!(sent.len(), 200);
    assert!(sent[0].1.starts_with(b"SIP/2.0 400"));
    for noise in ["", "\r\n\r\n", "\0\0\0\0", "SIP/2.0 200 OK\r\n\r\n", "GET / HTTP/1.1\r\n\r\n"] {
        script.receive(noise);
        assert!(script.take_sent().is_empty() && script.take_events().is_empty(), "{noise:?}");
    }
}

/// C3: a request nobody answers is forgotten when its client has given up.
#[test]
fn a_request_that_nobody_answers_is_forgotten() {
    let mut script = Script::new();
    script.receive(&request("MESSAGE", "1", "z9hG4bK1", ""));
    script.pass_ms(31_999);
    assert_eq!(script.endpoint.transactions(), 1);
    script.run_out();
}
