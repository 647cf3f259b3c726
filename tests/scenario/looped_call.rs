//! A call comes back to where it was (RFC 3261 §16.3, RFC 5393): the called side sends the switch its own INVITE again. It is answered
//! with 482 and makes no call; the caller is told, and so is the record. A request that came by two ways is one call (§8.2.2.2), and
//! one without hops left goes nowhere (hostile A10).

use sip::message::{HeaderName, Message, Request};

use crate::harness::{PhoneId, State, World, reply, run};

const DIALPLAN: &str = "\
[phones]
exten => 101,1,Dial(PJSIP/101,20)
 same => n,Hangup(${HANGUPCAUSE})
";

/// The next INVITE that comes to a phone by hand.
async fn invite(world: &mut World, phone: PhoneId) -> Request {
    let Message::Request(invite) = world.letter(phone, "INVITE ").await else { panic!("an INVITE") };
    invite
}

/// A request as a proxy sends it on: with a Via of its own before the others (§16.6).
fn proxied(request: &Request, by: impl std::fmt::Display) -> String {
    let text = String::from_utf8(request.to_bytes().to_vec()).expect("what we write is text");
    text.replacen("Via: ", &format!("Via: SIP/2.0/UDP {by};branch=z9hG4bKproxy\r\nVia: "), 1)
}

#[test]
fn our_own_invite_comes_back() {
    run(async {
        let (mut world, [alice, bob]) = World::with_dialplan(1, DIALPLAN).await.and_phones().await;
        world.by_hand(bob);
        let line = world.call(alice, "101");
        let ours = invite(&mut world, bob).await;
        world.post(bob, proxied(&ours, world.address(bob)));
        world.letter(bob, "SIP/2.0 482 ").await;
        assert_eq!(world.calls_up(), 1, "it is no call of its own");
        // As a proxy hands the answer back (§16.7).
        world.post(bob, reply(&ours, (482, "bob"), "", ""));
        world.letter(bob, "ACK ").await;
        world.until_over(line).await;
        assert_eq!(*world.state(line), State::Refused(483), "an exchange routing error, and no way round it");
        let records = world.records("acme", 1).await;
        assert_eq!((&records[0]["cause"], &records[0]["legs"][1]["cause"]), (&25.into(), &25.into()));
        world.finish().await;
    });
}

/// With another Request-URI it is a spiral, a new request (§16.3): of nobody, as long as it does not prove whose it is.
#[test]
fn a_spiral_has_to_authenticate() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(2).await;
        world.by_hand(bob);
        let line = world.call(alice, "101");
        let ours = invite(&mut world, bob).await;
        let target = ours.uri.to_string();
        let spiral = proxied(&ours, world.address(bob)).replacen(&target, "sip:102@acme.test", 1);
        world.post(bob, spiral);
        world.letter(bob, "SIP/2.0 401 ").await;
        assert_eq!(world.calls_up(), 1);
        world.post(bob, reply(&ours, (180, "bob"), "", ""));
        world.hang_up(line);
        let Message::Request(cancel) = world.letter(bob, "CANCEL ").await else { panic!("a request") };
        world.post(bob, reply(&cancel, (200, "bob"), "", ""));
        world.post(bob, reply(&ours, (487, "bob"), "", ""));
        world.until_over(line).await;
        world.finish().await;
    });
}

#[test]
fn the_same_invite_by_two_ways_is_one_call() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(3).await;
        let line = world.call(alice, "101");
        let other = world.incoming(bob).await;
        let sent = world.sent_by(alice, "INVITE ").pop().expect("the one with credentials");
        let (before, after) = sent.split_once(";branch=").expect("every Via has one");
        let (_, after) = after.split_at(after.find([';', '\r']).expect("the Via ends"));
        world.post(alice, format!("{before};branch=z9hG4bKanother-way{after}"));
        world.until("it is refused", |world| !world.sent_to(alice, "SIP/2.0 482 ").is_empty()).await;
        assert!(world.calls_up() == 1 && !world.is_called(bob));
        world.answer(other);
        world.hear_each_other(line, other).await;
        world.hang_up(line);
        world.until_over(other).await;
        world.finish().await;
    });
}

#[test]
fn each_call_takes_a_hop() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(4).await;
        let line = world.call_with(alice, "101", |invite| invite.max_forwards = 0);
        world.until_over(line).await;
        assert_eq!(*world.state(line), State::Refused(483));
        world.by_hand(bob);
        let line = world.call_with(alice, "101", |invite| invite.max_forwards = 3);
        let ours = invite(&mut world, bob).await;
        assert_eq!(ours.headers.get_str(&HeaderName::MaxForwards), Some("2"));
        world.post(bob, reply(&ours, (486, "bob"), "", ""));
        world.until_over(line).await;
        world.finish().await;
    });
}
