//! The basic flows of RFC 3665 §3, over a fair wire and a bad one.

use std::time::Duration;

use super::wire::*;
use crate::endpoint::*;
use crate::message::{HeaderName, Message, parse};

/// RFC 3665 §3.1.
#[test]
fn f46_session_establishment() {
    let mut world = World::new(FAIR, 1);
    let originate = world.originate(Side::A);
    let a = originate.session;
    world.command(Side::A, Command::Originate(Box::new(originate))).unwrap();
    let b = world.until(Side::B, invite);
    world.pass_ms(300);
    world.command(Side::B, progress(b, 180, b"", Reliability::Unreliable)).unwrap();
    let status = world.until(Side::A, |event| match event {
        Event::Progress { session, status, .. } if *session == a => Some(*status),
        _ => None,
    });
    assert_eq!(status, 180);
    world.command(Side::B, answer(b)).unwrap();
    let body = world.until(Side::A, |event| match event {
        Event::Answered { body, .. } => Some(body.clone()),
        _ => None,
    });
    assert_eq!(body, ANSWER);
    world.until(Side::B, |event| matches!(event, Event::Confirmed { .. }).then_some(()));
    world.command(Side::B, hang_up(b)).unwrap();
    assert_eq!(world.until(Side::A, ended), EndReason::Bye { reason: None });
    assert_eq!(world.until(Side::B, ended), EndReason::HungUp);
    assert_eq!(world.lines(), ["A INVITE", "B 100", "B 180", "B 200", "A ACK", "B BYE", "A 200"]);
    world.run_out();
}

/// §17.2.1: an answer within 200 ms spares the 100; a copy of the INVITE before any answer gets it at once.
#[test]
fn trying_is_sent_when_the_answer_takes_long() {
    let mut world = World::new(FAIR, 1);
    let (a, _) = world.call();
    assert_eq!(world.lines(), ["A INVITE", "B 200", "A ACK"]);
    world.command(Side::A, hang_up(a)).unwrap();
    world.run_out();
    assert!(world.endpoint(Side::A).core.config.timings.trying <= Duration::from_millis(200));
}

/// RFC 3665 §3.8: no answer, the caller gives up.
#[test]
fn f46_cancel() {
    let mut world = World::new(FAIR, 2);
    let originate = world.originate(Side::A);
    let a = originate.session;
    world.command(Side::A, Command::Originate(Box::new(originate))).unwrap();
    let b = world.until(Side::B, invite);
    world.command(Side::B, progress(b, 180, b"", Reliability::Unreliable)).unwrap();
    world.until(Side::A, |event| matches!(event, Event::Progress { .. }).then_some(()));
    let reason = Reason { protocol: ReasonProtocol::Sip, cause: 200, text: "Call completed elsewhere".to_owned() };
    world.command(Side::A, Command::HangUp { session: a, status: 487, reason: Some(reason.clone()) }).unwrap();
    assert_eq!(world.until(Side::B, ended), EndReason::Cancel { reason: Some(reason) });
    assert_eq!(world.until(Side::A, rejected), 487);
    assert_eq!(world.lines(), ["A INVITE", "B 180", "A CANCEL", "B 200", "B 487", "A ACK"]);
    world.run_out();
}

/// §9.1: CANCEL waits for a provisional response.
#[test]
fn a_cancel_waits_until_the_invite_is_known() {
    let mut world = World::new(FAIR, 3);
    let originate = world.originate(Side::A);
    let a = originate.session;
    world.command(Side::A, Command::Originate(Box::new(originate))).unwrap();
    world.command(Side::A, hang_up(a)).unwrap();
    assert_eq!(world.lines(), ["A INVITE"]);
    assert_eq!(world.until(Side::B, ended), EndReason::Cancel { reason: None });
    assert_eq!(world.until(Side::A, rejected), 487);
    assert_eq!(world.lines(), ["A INVITE", "B 100", "A CANCEL", "B 200", "B 487", "A ACK"]);
    world.run_out();
}

/// §9.1: the 200 crosses the CANCEL: ACK and BYE, and the peer's session ends.
#[test]
fn a11_cancel_meets_answer() {
    let mut world = World::new(FAIR, 4);
    let originate = world.originate(Side::A);
    let a = originate.session;
    world.command(Side::A, Command::Originate(Box::new(originate))).unwrap();
    let b = world.until(Side::B, invite);
    world.command(Side::B, progress(b, 180, b"", Reliability::Unreliable)).unwrap();
    world.until(Side::A, |event| matches!(event, Event::Progress { .. }).then_some(()));
    world.command(Side::B, answer(b)).unwrap();
    world.command(Side::A, hang_up(a)).unwrap();
    assert_eq!(world.until(Side::A, ended), EndReason::HungUp);
    let events = world.events();
    assert!(!events.iter().any(|(side, event)| *side == Side::A && matches!(event, Event::Answered { .. })));
    assert_eq!(world.lines(), ["A INVITE", "B 180", "B 200", "A CANCEL", "A ACK", "A BYE", "B 200", "B 200"]);
    world.run_out();
}

/// RFC 3665 §3.9: busy; the refusal is sent again until its ACK comes.
#[test]
fn f46_busy() {
    let mut world = World::new(FAIR, 5);
    let originate = world.originate(Side::A);
    world.command(Side::A, Command::Originate(Box::new(originate))).unwrap();
    let b = world.until(Side::B, invite);
    world.command(Side::B, Command::Reject { session: b, status: 486, headers: Vec::new() }).unwrap();
    assert_eq!(world.until(Side::A, rejected), 486);
    assert_eq!(world.command(Side::B, answer(b)), Err(CommandError::UnknownSession));
    assert_eq!(world.lines(), ["A INVITE", "B 486", "A ACK"]);
    world.run_out();
}

/// RFC 3665 §3.10: nobody there; timer B after 64*T1.
#[test]
fn f46_no_answer_at_all() {
    let mut world = World::new(Weather { loss: 100, ..FAIR }, 6);
    let originate = world.originate(Side::A);
    world.command(Side::A, Command::Originate(Box::new(originate))).unwrap();
    assert_eq!(world.until(Side::A, rejected), 408);
    assert_eq!(world.now - world.start, Duration::from_secs(32));
    assert_eq!(world.lines(), ["A INVITE"; 7], "0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 s");
    world.run_out();
}

/// §13.3.1.4, C3: no ACK ever comes: 2xx up to T2 apart, then BYE.
#[test]
fn c3_an_answer_that_is_never_acknowledged_ends() {
    let mut world = World::new(FAIR, 7);
    let originate = world.originate(Side::A);
    world.command(Side::A, Command::Originate(Box::new(originate))).unwrap();
    let b = world.until(Side::B, invite);
    world.weather.loss = 100;
    let since = world.now;
    world.command(Side::B, answer(b)).unwrap();
    assert_eq!(world.until(Side::B, ended), EndReason::Timeout);
    assert_eq!(world.now - since, Duration::from_secs(32), "told when it is known");
    // BYE is tried for another 64*T1.
    world.pass_ms(40_000);
    let lines = world.lines();
    // 0, 0.5, 1.5, 3.5, 7.5, then every 4 s before 32 s.
    assert_eq!(lines.iter().filter(|line| *line == "B 200").count(), 11, "{lines:?}");
    assert_eq!(lines.iter().filter(|line| *line == "B BYE").count(), 11, "{lines:?}");
    world.run_out();
}

/// C3: a call may not ring for ever, on either side.
#[test]
fn c3_ringing_has_an_end() {
    for (ours, theirs, status) in [(30, 300, 487), (300, 30, 408)] {
        let mut world = World::new(FAIR, 8);
        world.endpoint(Side::A).core.config.timings.ringing = Duration::from_secs(ours);
        world.endpoint(Side::B).core.config.timings.ringing = Duration::from_secs(theirs);
        let originate = world.originate(Side::A);
        world.command(Side::A, Command::Originate(Box::new(originate))).unwrap();
        let b = world.until(Side::B, invite);
        world.command(Side::B, progress(b, 180, b"", Reliability::Unreliable)).unwrap();
        assert_eq!(world.until(Side::A, rejected), status);
        world.run_out();
    }
}

/// §15: the callee says BYE only when the ACK is here.
#[test]
fn hanging_up_waits_for_the_ack() {
    let mut world = World::new(FAIR, 9);
    let originate = world.originate(Side::A);
    world.command(Side::A, Command::Originate(Box::new(originate))).unwrap();
    let b = world.until(Side::B, invite);
    world.command(Side::B, answer(b)).unwrap();
    world.command(Side::B, hang_up(b)).unwrap();
    assert_eq!(world.until(Side::B, ended), EndReason::HungUp);
    assert_eq!(world.lines(), ["A INVITE", "B 200", "A ACK", "B BYE", "A 200"]);
    world.run_out();
}

/// Both say BYE at once.
#[test]
fn a11_bye_meets_bye() {
    let mut world = World::new(FAIR, 10);
    let (a, b) = world.call();
    world.command(Side::A, hang_up(a)).unwrap();
    world.command(Side::B, hang_up(b)).unwrap();
    assert_eq!(world.until(Side::A, ended), EndReason::HungUp);
    assert_eq!(world.until(Side::B, ended), EndReason::HungUp);
    world.run_out();
}

/// RFC 3326: the cause travels with BYE and with a refusal.
#[test]
fn the_reason_travels() {
    let mut world = World::new(FAIR, 11);
    let (a, _) = world.call();
    let reason = Reason { protocol: ReasonProtocol::Q850, cause: 16, text: String::new() };
    world.command(Side::A, Command::HangUp { session: a, status: 480, reason: Some(reason.clone()) }).unwrap();
    assert_eq!(world.until(Side::B, ended), EndReason::Bye { reason: Some(reason) });
    assert!(world.message(Side::A, "BYE").contains("\r\nReason: Q.850;cause=16\r\n"));
    world.run_out();
}

/// An INVITE without offer: the 2xx has it, the ACK has the answer (§13.2.1).
#[test]
fn an_offerless_call() {
    let mut world = World::new(FAIR, 12);
    let mut originate = world.originate(Side::A);
    originate.body = None;
    let a = originate.session;
    world.command(Side::A, Command::Originate(Box::new(originate))).unwrap();
    let b = world.until(Side::B, invite);
    world.command(Side::B, answer(b)).unwrap();
    let offer = world.until(Side::A, |event| match event {
        Event::Answered { body, .. } => Some(body.clone()),
        _ => None,
    });
    assert_eq!(offer, ANSWER);
    world.pass_ms(700);
    assert!(!world.lines().contains(&"A ACK".to_owned()), "the ACK waits for the answer");
    world.command(Side::A, Command::Acknowledge { session: a, body: OFFER.into() }).unwrap();
    assert_eq!(
        world.command(Side::A, Command::Acknowledge { session: a, body: OFFER.into() }),
        Err(CommandError::WrongState)
    );
    let answer = world.until(Side::B, |event| match event {
        Event::Confirmed { body, .. } => Some(body.clone()),
        _ => None,
    });
    assert_eq!(answer, OFFER);
    world.command(Side::A, hang_up(a)).unwrap();
    world.run_out();
}

/// The same flows over TCP: no retransmission, and finished transactions leave at once.
#[test]
fn over_tcp_transactions_leave_at_once() {
    let mut world = World::with(Config::default(), FAIR, Transport::Tcp, 13);
    let (a, _) = world.call();
    world.pass_ms(40_000);
    assert_eq!(world.endpoint(Side::A).transactions(), 0, "timers L and M are over");
    world.command(Side::A, hang_up(a)).unwrap();
    assert_eq!(world.until(Side::A, ended), EndReason::HungUp);
    assert_eq!(world.endpoint(Side::A).transactions(), 0, "timer K is zero");
    assert_eq!(world.endpoint(Side::B).transactions(), 0, "timer J is zero");
    assert!(world.message(Side::A, "INVITE").contains("transport=tcp>"));
    world.run_out();
}

/// Digest: the INVITE and the BYE are challenged; a wrong secret is not tried twice (§22.2).
#[test]
fn a_challenge_is_answered_once() {
    use std::net::IpAddr;

    use crate::auth::{Authorization, Challenger, Credentials, Ha1, Side as Asker};
    use crate::message::Headers;

    for (secret, accepted) in [("secret", true), ("wrong", false)] {
        let mut world = World::new(FAIR, 14);
        let mut challenger = Challenger::new(world.now, [3; 32], crate::auth::Config::default());
        let peer: IpAddr = Side::A.address().ip();
        let account = Ha1::derive("100", "acme.test", "secret");
        let mut originate = world.originate(Side::A);
        originate.credentials = Some(Credentials::new("100", secret));
        world.command(Side::A, Command::Originate(Box::new(originate))).unwrap();
        let mut challenges = 0;
        let session = loop {
            let (session, transaction, request) = world.until(Side::B, |event| match event {
                Event::Invite { session, transaction, request, .. } => Some((*session, *transaction, request.clone())),
                _ => None,
            });
            let now = world.now;
            let verified = Authorization::find(&request, Asker::User, "acme.test")
                .is_ok_and(|found| challenger.verify(now, &found, &request, peer, Some(&account)).is_ok());
            if verified {
                break Some(session);
            }
            let mut headers = Headers::new();
            challenger.challenge(now, Asker::User, "acme.test", peer, false, &mut headers);
            let headers = headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            let command =
                Command::Respond { transaction, status: 401, reason: None, headers, body: Default::default() };
            world.command(Side::B, command).unwrap();
            challenges += 1;
            assert!(challenges <= 2, "no loop");
            if challenges == 2 {
                break None;
            }
        };
        assert_eq!(session.is_some(), accepted);
        match session {
            Some(session) => {
                world.command(Side::B, answer(session)).unwrap();
                world.until(Side::B, |event| matches!(event, Event::Confirmed { .. }).then_some(()));
                let ack = world.message(Side::A, "ACK");
                assert!(ack.contains("\r\nAuthorization: Digest"), "§13.2.2.4: {ack}");
                assert!(ack.contains("\r\nCSeq: 2 ACK\r\n"), "{ack}");
                world.command(Side::B, hang_up(session)).unwrap();
            }
            None => assert_eq!(world.until(Side::A, rejected), 401),
        }
        world.run_out();
    }
}

/// F46 under loss, copies and disorder: every call that the switch sees up is up on both sides, and nothing is left.
#[test]
fn f46_a_bad_wire() {
    for seed in 0..60 {
        let weather = Weather { loss: 25, repeat: 20, delay_ms: (1, 400) };
        let mut world = World::new(weather, seed);
        let (a, b) = world.call();
        world.command(Side::A, Command::Reoffer { session: a, body: Some(OFFER.into()) }).unwrap();
        world.until(Side::B, reoffer);
        world.command(Side::B, Command::AcceptReoffer { session: b, body: ANSWER.into() }).unwrap();
        world.until(Side::A, |event| matches!(event, Event::ReofferAnswered { .. }).then_some(()));
        world.pass_ms(2_000);
        world.command(Side::B, hang_up(b)).unwrap();
        assert!(matches!(world.until(Side::B, ended), EndReason::HungUp));
        world.run_out();
    }
}

/// After 10,000 calls every map is empty, and a call has a bounded number of messages.
#[test]
fn ten_thousand_calls_leave_nothing() {
    let mut world = World::new(FAIR, 15);
    world.keep = false;
    for number in 0..10_000_u32 {
        let (a, b) = world.call();
        let (side, session) = if number % 2 == 0 { (Side::A, a) } else { (Side::B, b) };
        world.command(side, hang_up(session)).unwrap();
        assert_eq!(world.until(side, ended), EndReason::HungUp);
        world.events();
    }
    world.run_out();
}

/// What Via and Contact say: the configured address of the transport and family, else that of the flow.
#[test]
fn advertised_addresses() {
    let own = |host: &str| Advertised { transport: Transport::Udp, host: host.to_owned(), port: 5099 };
    let rows = [
        (vec![], "192.0.2.1:5060"),
        (vec![own("pbx.example.com")], "pbx.example.com:5099"),
        (vec![own("[2001:db8::1]"), own("198.51.100.7")], "198.51.100.7:5099"),
        (vec![own("[2001:db8::1]")], "[2001:db8::1]:5099"),
        (vec![Advertised::address(Transport::Tcp, Side::A.address())], "192.0.2.1:5060"),
    ];
    for (addresses, expected) in rows {
        let mut world = World::with(Config { addresses, ..Config::default() }, FAIR, Transport::Udp, 17);
        let originate = world.originate(Side::A);
        world.command(Side::A, Command::Originate(Box::new(originate))).unwrap();
        let text = world.message(Side::A, "INVITE");
        assert!(text.contains(&format!("Via: SIP/2.0/UDP {expected};branch=")), "{expected}: {text}");
        assert!(text.contains(&format!("Contact: <sip:alice@{expected}>")), "{expected}: {text}");
    }
}

/// The Call-IDs we make belong to our shard.
#[test]
fn call_ids_belong_to_the_shard() {
    for shard in 0..8 {
        let config = Config { shard, shards: 8, ..Config::default() };
        let mut world = World::with(Config::default(), FAIR, Transport::Udp, 16);
        let mut endpoint = Endpoint::new(config, [shard as u8; 32]);
        for number in 0..20 {
            let mut originate = world.originate(Side::A);
            originate.session = SessionId::originated(shard, number);
            endpoint.handle_command(world.now, Command::Originate(Box::new(originate))).unwrap();
            let Some(Output::Transmit { bytes, .. }) = endpoint.poll_output() else { panic!() };
            let Ok(Message::Request(request)) = parse(bytes) else { panic!() };
            assert_eq!(shard_of(header(&request, &HeaderName::CallId).as_bytes(), 8), shard);
        }
        let mut foreign = world.originate(Side::A);
        foreign.session = SessionId::originated((shard + 1) % 8, 1);
        let refused = endpoint.handle_command(world.now, Command::Originate(Box::new(foreign)));
        assert_eq!(refused, Err(CommandError::BadSession));
    }
}
