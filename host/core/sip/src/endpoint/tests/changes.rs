//! Changing a session: re-INVITE, UPDATE, glare (RFC 3261 §14, RFC 3311, RFC 5407), and 100rel (RFC 3262).

use std::time::Duration;

use bytes::Bytes;

use super::wire::*;
use crate::endpoint::*;

const HOLD: &[u8] = b"v=0\r\na=sendonly\r\n";
const HELD: &[u8] = b"v=0\r\na=recvonly\r\n";

fn offer(session: SessionId, body: &'static [u8]) -> Command {
    Command::Reoffer { session, body: Some(Bytes::from_static(body)) }
}

fn accept(session: SessionId, body: &'static [u8]) -> Command {
    Command::AcceptReoffer { session, body: Bytes::from_static(body) }
}

fn answered(event: &Event) -> Option<Bytes> {
    match event {
        Event::ReofferAnswered { body, .. } => Some(body.clone()),
        _ => None,
    }
}

fn refused(event: &Event) -> Option<u16> {
    match event {
        Event::ReofferRejected { status, .. } => Some(*status),
        _ => None,
    }
}

/// RFC 3665 §3.7: hold from one side, then from the other.
#[test]
fn f46_hold_both_ways() {
    let mut world = World::new(FAIR, 1);
    let (a, b) = world.call();
    for (from, ours, theirs) in [(Side::A, a, b), (Side::B, b, a)] {
        world.log.clear();
        world.command(from, offer(ours, HOLD)).unwrap();
        assert_eq!(world.until(from.other(), reoffer), Some(Bytes::from_static(HOLD)));
        world.command(from.other(), accept(theirs, HELD)).unwrap();
        assert_eq!(world.until(from, answered), HELD);
        world.pass_ms(1_000);
        let (f, o) = (format!("{from:?}"), format!("{:?}", from.other()));
        assert_eq!(world.lines(), [format!("{f} INVITE"), format!("{o} 200"), format!("{f} ACK")]);
    }
    world.command(Side::A, hang_up(a)).unwrap();
    world.run_out();
}

#[test]
fn a_refused_offer_leaves_the_session_as_it_was() {
    let mut world = World::new(FAIR, 2);
    let (a, b) = world.call();
    world.command(Side::A, offer(a, HOLD)).unwrap();
    world.until(Side::B, reoffer);
    world.command(Side::B, Command::RejectReoffer { session: b, status: 488 }).unwrap();
    assert_eq!(world.until(Side::A, refused), 488);
    assert_eq!(world.command(Side::B, accept(b, HELD)), Err(CommandError::WrongState));
    world.command(Side::A, hang_up(a)).unwrap();
    assert_eq!(world.until(Side::B, ended), EndReason::Bye { reason: None });
    world.run_out();
}

/// An offerless re-INVITE: the 2xx has the offer, the ACK the answer.
#[test]
fn an_offerless_reinvite() {
    let mut world = World::new(FAIR, 3);
    let (a, b) = world.call();
    world.command(Side::A, Command::Reoffer { session: a, body: None }).unwrap();
    assert_eq!(world.until(Side::B, reoffer), None);
    world.command(Side::B, accept(b, HOLD)).unwrap();
    assert_eq!(world.until(Side::A, answered), HOLD);
    world.command(Side::A, Command::Acknowledge { session: a, body: HELD.into() }).unwrap();
    let body = world.until(Side::B, |event| match event {
        Event::ReofferConfirmed { body, .. } => Some(body.clone()),
        _ => None,
    });
    assert_eq!(body, HELD);
    world.command(Side::A, hang_up(a)).unwrap();
    world.run_out();
}

/// A11, §14.1: both offer at once: 491 to both, the owner of the Call-ID waits longer, and both get through.
#[test]
fn a11_glare() {
    for seed in 0..40 {
        let mut world = World::new(FAIR, seed);
        let (a, b) = world.call();
        let since = world.now;
        world.log.clear();
        world.command(Side::A, offer(a, HOLD)).unwrap();
        world.command(Side::B, offer(b, OFFER)).unwrap();
        world.pass_ms(20);
        let lines = world.lines();
        assert_eq!(lines.iter().filter(|line| line.ends_with("491")).count(), 2, "{lines:?}");
        // The other side's wait is the shorter one.
        assert_eq!(world.until(Side::A, reoffer), Some(Bytes::from_static(OFFER)));
        assert!(world.now - since <= Duration::from_millis(2_100));
        world.command(Side::A, accept(a, ANSWER)).unwrap();
        world.until(Side::B, answered);
        assert_eq!(world.until(Side::B, reoffer), Some(Bytes::from_static(HOLD)));
        world.command(Side::B, accept(b, HELD)).unwrap();
        assert_eq!(world.until(Side::A, answered), HELD);
        assert!(world.now - since <= Duration::from_millis(4_100));
        world.command(Side::A, hang_up(a)).unwrap();
        world.run_out();
    }
}

/// A peer that answers 491 for ever is given up after some tries.
#[test]
fn a11_glare_has_an_end() {
    let mut world = World::new(FAIR, 4);
    let (a, b) = world.call();
    world.command(Side::A, offer(a, HOLD)).unwrap();
    for _ in 0..6 {
        world.until(Side::B, reoffer);
        world.command(Side::B, Command::RejectReoffer { session: b, status: 491 }).unwrap();
    }
    assert_eq!(world.until(Side::A, refused), 491);
    world.command(Side::A, hang_up(a)).unwrap();
    world.run_out();
}

/// §14.2: a second re-INVITE before the first is answered gets 500 with Retry-After; hanging up answers what is open.
#[test]
fn a11_storm_of_offers_is_one_at_a_time() {
    let mut world = World::new(FAIR, 5);
    let (a, b) = world.call();
    for _ in 0..100 {
        world.command(Side::A, offer(a, HOLD)).unwrap();
    }
    world.command(Side::A, offer(a, OFFER)).unwrap();
    assert_eq!(world.until(Side::B, reoffer), Some(Bytes::from_static(HOLD)));
    world.command(Side::B, accept(b, HELD)).unwrap();
    assert_eq!(world.until(Side::B, reoffer), Some(Bytes::from_static(OFFER)), "the newest of those that waited");
    world.command(Side::B, hang_up(b)).unwrap();
    world.pass_ms(100);
    assert!(world.message(Side::B, "SIP/2.0 487").contains("INVITE"));
    world.run_out();
}

/// RFC 3262 §3, §4: reliable provisional responses arrive in order through loss, each with its PRACK.
#[test]
fn f46_100rel() {
    for seed in 0..40 {
        let weather = Weather { loss: if seed == 0 { 0 } else { 40 }, repeat: 20, delay_ms: (1, 200) };
        let mut world = World::new(weather, seed);
        let mut originate = world.originate(Side::A);
        originate.reliable = Reliability::Preferred;
        let a = originate.session;
        world.command(Side::A, Command::Originate(Box::new(originate))).unwrap();
        let b = world.until(Side::B, invite);
        world.command(Side::B, progress(b, 183, ANSWER, Reliability::Preferred)).unwrap();
        world.command(Side::B, progress(b, 180, b"", Reliability::Preferred)).unwrap();
        world.command(Side::B, Command::Answer { session: b, body: Bytes::new(), headers: Vec::new() }).unwrap();
        let mut statuses = Vec::new();
        world.until(Side::A, |event| match event {
            Event::Progress { status, body, .. } => {
                statuses.push((*status, body.clone()));
                None
            }
            Event::Answered { .. } => Some(()),
            _ => None,
        });
        statuses.dedup();
        // RFC 3262 §5: the 2xx waits for the PRACK of the SDP, so that 183 always comes.
        assert_eq!(statuses[0], (183, Bytes::from_static(ANSWER)), "seed {seed}");
        if seed == 0 {
            let lines = world.lines();
            assert_eq!(lines[..5], ["A INVITE", "B 183", "A PRACK", "B 200", "B 180"], "{lines:?}");
            assert!(world.message(Side::B, "SIP/2.0 183").contains("\r\nRequire: 100rel\r\nRSeq: "));
        }
        world.until(Side::B, |event| matches!(event, Event::Confirmed { .. }).then_some(()));
        world.pass_ms(5_000);
        world.command(Side::A, hang_up(a)).unwrap();
        world.run_out();
    }
}

/// RFC 3262 §3: without PRACK the INVITE is refused after 64*T1.
#[test]
fn an_unacknowledged_reliable_response_ends_the_call() {
    let mut world = World::new(FAIR, 6);
    let mut originate = world.originate(Side::A);
    originate.reliable = Reliability::Required;
    world.command(Side::A, Command::Originate(Box::new(originate))).unwrap();
    let b = world.until(Side::B, invite);
    world.weather.loss = 100;
    let since = world.now;
    world.command(Side::B, progress(b, 183, ANSWER, Reliability::Unreliable)).unwrap();
    assert_eq!(world.until(Side::B, ended), EndReason::Timeout);
    assert_eq!(world.now - since, Duration::from_secs(32));
    assert_eq!(world.lines().iter().filter(|line| *line == "B 183").count(), 7, "the caller required 100rel");
    world.run_out();
}

#[test]
fn reliability_needs_the_peer_and_has_a_bound() {
    let mut world = World::new(FAIR, 7);
    let originate = world.originate(Side::A);
    world.command(Side::A, Command::Originate(Box::new(originate))).unwrap();
    let b = world.until(Side::B, invite);
    let required = progress(b, 183, ANSWER, Reliability::Required);
    assert_eq!(world.command(Side::B, required), Err(CommandError::Unsupported));
    world.command(Side::B, hang_up(b)).unwrap();
    let mut originate = world.originate(Side::A);
    originate.reliable = Reliability::Preferred;
    world.command(Side::A, Command::Originate(Box::new(originate))).unwrap();
    let b = world.until(Side::B, invite);
    let results: Vec<_> =
        (0..10).map(|_| world.command(Side::B, progress(b, 183, b"", Reliability::Required))).collect();
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 9, "one on its way and eight waiting");
    assert_eq!(results[9], Err(CommandError::Limit));
    world.command(Side::B, hang_up(b)).unwrap();
    world.run_out();
}

/// RFC 3311 §5.1: UPDATE changes the media before the call is answered, from either side.
#[test]
fn f46_update_in_an_early_dialog() {
    let mut world = World::new(FAIR, 8);
    let mut originate = world.originate(Side::A);
    originate.reliable = Reliability::Preferred;
    let a = originate.session;
    world.command(Side::A, Command::Originate(Box::new(originate))).unwrap();
    let b = world.until(Side::B, invite);
    world.command(Side::B, progress(b, 183, ANSWER, Reliability::Preferred)).unwrap();
    world.until(Side::A, |event| matches!(event, Event::Progress { .. }).then_some(()));
    world.pass_ms(100);
    for (from, ours, theirs) in [(Side::A, a, b), (Side::B, b, a)] {
        world.command(from, offer(ours, HOLD)).unwrap();
        world.until(from.other(), reoffer);
        world.command(from.other(), accept(theirs, HELD)).unwrap();
        assert_eq!(world.until(from, answered), HELD);
    }
    assert!(world.lines().contains(&"A UPDATE".to_owned()) && world.lines().contains(&"B UPDATE".to_owned()));
    world.command(Side::B, Command::Answer { session: b, body: Bytes::new(), headers: Vec::new() }).unwrap();
    world.until(Side::B, |event| matches!(event, Event::Confirmed { .. }).then_some(()));
    world.command(Side::A, hang_up(a)).unwrap();
    world.run_out();
}

/// A peer that has lost the dialog: 481 to the re-INVITE ends the session (RFC 5057 §5.1).
#[test]
fn a_lost_dialog_ends_the_session() {
    let mut world = World::new(FAIR, 9);
    let (a, _) = world.call();
    *world.endpoint(Side::B) = Endpoint::new(Config::default(), [9; 32]);
    world.command(Side::A, offer(a, HOLD)).unwrap();
    assert_eq!(world.until(Side::A, refused), 481);
    assert_eq!(world.until(Side::A, ended), EndReason::Status(481));
    world.run_out();
}

/// INFO is told and answered; OPTIONS inside the dialog is answered by the endpoint (§11.2).
#[test]
fn info_in_a_call() {
    let mut world = World::new(FAIR, 10);
    let (a, b) = world.call();
    let (content_type, body) = (Bytes::from_static(b"application/dtmf-relay"), Bytes::from_static(b"Signal=5\r\n"));
    let info = Command::Info { session: a, content_type: content_type.clone(), body: body.clone() };
    world.command(Side::A, info).unwrap();
    let got = world.until(Side::B, |event| match event {
        Event::Info { session, content_type, body } if *session == b => Some((content_type.clone(), body.clone())),
        _ => None,
    });
    assert_eq!(got, (content_type, body));
    let smuggled = Command::Info { session: a, content_type: Bytes::from_static(b"a\r\nX: y"), body: Bytes::new() };
    assert_eq!(world.command(Side::A, smuggled), Err(CommandError::Invalid));
    world.command(Side::A, hang_up(a)).unwrap();
    world.run_out();
}

/// RFC 3311 §5.2: an UPDATE with an offer in a call that is up, which other implementations send.
#[test]
fn an_update_of_the_peer_in_a_call() {
    use super::script::{Script, full_request};
    use crate::message::HeaderName;

    let mut script = Script::new();
    let (session, invite) = script.originate(|_| {});
    script.reply(&invite, 200, "bob", "Contact: <sip:bob@192.0.2.1:5060>\r\n");
    script.take_sent();
    script.take_events();
    let text = |name: &HeaderName| String::from_utf8(invite.headers.get(name).unwrap().to_vec()).unwrap();
    let update = |cseq: &str, body: &str| {
        full_request("UPDATE", "sip:pbx@192.0.2.2", cseq, (&format!("z9hG4bKu{cseq}"), &text(&HeaderName::From)), "")
            .replace("Call-ID: script", &format!("Call-ID: {}", text(&HeaderName::CallId)))
            .replace("From: <sip:alice@acme.test>;tag=alice", "From: <sip:bob@acme.test>;tag=bob")
            .replace("Length: 0\r\n\r\n", &format!("Length: {}\r\n\r\n{body}", body.len()))
    };
    script.receive(&update("1", "v=0\r\n"));
    assert!(matches!(script.event(), Event::Reoffer { body: Some(_), .. }));
    script.receive(&update("2", "v=0\r\n"));
    assert_eq!(script.status(), Some(500), "§5.2: the first is not answered yet");
    script.command(accept(session, HELD)).unwrap();
    let response = script.response();
    assert_eq!((response.status.code(), &response.body[..]), (200, HELD));
    assert!(response.headers.contact().is_some(), "a target refresh");
    // Ours is on its way: 491.
    script.command(offer(session, HOLD)).unwrap();
    script.take_sent();
    script.receive(&update("3", "v=0\r\n"));
    assert_eq!(script.status(), Some(491));
    // Without an offer it refreshes the target alone, and the endpoint answers.
    script.receive(&update("4", "").replace("192.0.2.1:5060>", "192.0.2.1:5066>"));
    assert_eq!(script.status(), Some(200));
    script.command(Command::HangUp { session, status: 480, reason: None }).unwrap();
    assert_eq!(script.request().uri.to_string(), "sip:alice@192.0.2.1:5066");
}
