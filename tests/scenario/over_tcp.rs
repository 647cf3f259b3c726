//! SIP over TCP, every message cut into segments at places that a seed chooses (A7). A phone registers, calls, is called, holds and hangs
//! up over one connection. When that is lost the call goes on, and what is to be said to the phone goes over a new connection to where
//! the phone itself says it is (RFC 3261 §18.2.2, §18.4, §12.2.1.1), unless a NAT is before it.

use std::time::Duration;

use sip::message::{HeaderName, Message};

use crate::harness::{Hand, PhoneId, State, World, run};

/// A world with alice, who registers over TCP, and bob, whom a test may have changed before he does.
async fn alice_and(seed: u64, change: impl FnOnce(&mut World, PhoneId)) -> (World, [PhoneId; 2]) {
    let mut world = World::new(seed).await;
    let [alice, bob] = ["100", "101"].map(|name| world.phone("acme", name));
    world.over_tcp(alice);
    change(&mut world, bob);
    for phone in [alice, bob] {
        assert_eq!(world.register(phone, 3600).await, 200);
    }
    (world, [alice, bob])
}

/// A world with alice over TCP and bob over UDP.
async fn alice_over_tcp(seed: u64) -> (World, [PhoneId; 2]) {
    alice_and(seed, |_, _| ()).await
}

#[test]
fn a_whole_call_takes_one_connection() {
    for seed in 1..=5 {
        run(async {
            let (mut world, [alice, bob]) = alice_and(seed, World::over_tcp).await;
            let (line, other) = world.talk(alice, bob).await;
            world.hold(other, true);
            world.until_heard(line, 700).await;
            world.hold(other, false);
            world.hear_each_other(line, other).await;
            world.hang_up(other);
            world.until_over(line).await;
            world.until_over(other).await;
            assert_eq!((world.connections(alice), world.connections(bob)), (1, 1));
            for (phone, requests) in [(alice, "INVITE "), (bob, "INVITE "), (bob, "BYE ")] {
                let sent = world.sent_by(phone, requests);
                assert!(sent.iter().all(|request| request.contains("\r\nVia: SIP/2.0/TCP ")), "{requests}");
                assert!(!sent.is_empty());
            }
            let invite = world.sent_to(bob, "INVITE ");
            assert!(invite[0].starts_with(
                "INVITE sip:101@198.51.100.2:5060;transport=tcp SIP/2.0\r\nVia: SIP/2.0/TCP 192.0.2.1:5060;"
            ));
            assert_eq!(invite.len(), 1, "a stream delivers: nothing is said twice (§17.1.1.1)");
            world.finish().await;
        });
    }
}

#[test]
fn phones_over_tcp_and_udp_call_each_other() {
    run(async {
        let (mut world, [alice, bob]) = alice_over_tcp(6).await;
        for (from, to) in [(alice, bob), (bob, alice)] {
            let (line, other) = world.talk(from, to).await;
            world.hold(line, true);
            world.until_heard(other, 700).await;
            world.hold(line, false);
            world.hear_each_other(line, other).await;
            world.hang_up(line);
            world.until_over(other).await;
        }
        assert_eq!((world.connections(alice), world.connections(bob)), (1, 0));
        world.finish().await;
    });
}

/// Who is in a call whose connection is lost still hears, and is told of the end.
#[test]
fn a_call_outlives_its_connection() {
    run(async {
        let (mut world, [alice, bob]) = alice_over_tcp(7).await;
        for (from, to) in [(alice, bob), (bob, alice)] {
            let (line, other) = world.talk(from, to).await;
            world.cut(alice);
            world.hear_each_other(line, other).await;
            assert_eq!(world.connections(alice), 0);
            let (of_alice, of_bob) = if from == alice { (line, other) } else { (other, line) };
            world.hang_up(of_bob);
            world.until_over(of_alice).await;
            assert!(matches!(world.state(of_alice), State::Ended(sip::endpoint::EndReason::Bye { .. })));
            assert_eq!(world.connections(alice), 1);
        }
        world.finish().await;
    });
}

/// The phone opens a new connection for what it has to say, and hears answers and more requests there.
#[test]
fn a_phone_goes_on_over_a_connection_of_its_own() {
    run(async {
        let (mut world, [alice, bob]) = alice_over_tcp(8).await;
        let (line, other) = world.talk(alice, bob).await;
        world.cut(alice);
        world.pass(Duration::from_secs(1)).await;
        world.hold(line, true);
        world.until_heard(other, 700).await;
        world.hold(line, false);
        world.hear_each_other(line, other).await;
        world.hang_up(other);
        world.until_over(line).await;
        assert_eq!(world.connections(alice), 1);
        world.finish().await;
    });
}

/// §18.2.2: the answer to an INVITE whose connection is lost goes to where its Via says that answers are taken.
#[test]
fn an_answer_finds_its_way_when_the_connection_is_lost() {
    run(async {
        let (mut world, [alice, bob]) = alice_over_tcp(9).await;
        let line = world.call(alice, "101");
        let other = world.incoming(bob).await;
        world.by_hand(alice);
        world.cut(alice);
        world.pass(Duration::from_secs(1)).await;
        world.answer(other);
        let Message::Response(answer) = world.letter(alice, "SIP/2.0 200 ").await else { panic!("an answer") };
        let ack = Hand::calling(&answer, world.address(alice)).ack_of_answer();
        world.post(alice, ack);
        world.until_up(other).await;
        world.hang_up(other);
        let Message::Request(bye) = world.letter(alice, "BYE ").await else { panic!("a request") };
        world.post(alice, crate::harness::reply(&bye, (200, ""), "", ""));
        world.until_over(other).await;
        assert_eq!(*world.state(line), State::Calling, "the test has spoken for it");
        world.finish().await;
    });
}

/// Figure 5 of §17.1.1.2: once a phone rings, its INVITE waits for no connection. It may answer over a new one, and is told of the end by one.
#[test]
fn a_phone_that_rings_outlives_its_connection() {
    for (seed, is_answered) in [(12, true), (13, false)] {
        run(async {
            let (mut world, [alice, bob]) = alice_over_tcp(seed).await;
            let line = world.call(bob, "100");
            let other = world.incoming(alice).await;
            world.ring(other);
            world.until("it is heard to ring", |world| *world.state(line) == State::Ringing).await;
            world.cut(alice);
            world.pass(Duration::from_secs(5)).await;
            assert_eq!(*world.state(line), State::Ringing);
            if is_answered {
                world.answer(other);
                world.hear_each_other(line, other).await;
            }
            world.hang_up(line);
            world.until_over(other).await;
            // The CANCEL took a connection to the phone, and the refusal one to the switch.
            assert_eq!(world.connections(alice), if is_answered { 1 } else { 2 });
            world.finish().await;
        });
    }
}

/// §18.1.1: a request that is on its way in the instant in which the connection is lost is said again over a new one, as a copy.
#[test]
fn what_a_lost_connection_took_with_it_is_said_again() {
    run(async {
        let (mut world, [alice, bob]) = alice_over_tcp(14).await;
        let (line, _) = world.talk(bob, alice).await;
        world.by_hand(alice);
        world.hang_up(line);
        let Message::Request(bye) = world.letter(alice, "BYE ").await else { panic!("a request") };
        world.cut(alice);
        let Message::Request(again) = world.letter(alice, "BYE ").await else { panic!("a request") };
        assert_eq!(again.headers.get(&HeaderName::Via), bye.headers.get(&HeaderName::Via));
        assert_eq!(again.headers.get(&HeaderName::CSeq), bye.headers.get(&HeaderName::CSeq));
        world.post(alice, crate::harness::reply(&again, (200, ""), "", ""));
        world.until("the call is over", |world| world.calls_up() == 0).await;
        world.finish().await;
    });
}

#[test]
fn a_registered_phone_is_found_when_its_connection_is_lost() {
    run(async {
        let (mut world, [alice, bob]) = alice_over_tcp(10).await;
        world.cut(alice);
        let (line, other) = world.talk(bob, alice).await;
        assert_eq!(world.connections(alice), 1);
        world.hang_up(line);
        world.until_over(other).await;
        world.finish().await;
    });
}

/// Nobody can connect to it: calls to it fail at once, and so does what would be said to it in a call. Once it has registered again it
/// is there again.
#[test]
fn behind_a_nat_a_lost_connection_is_the_end_until_the_next_registration() {
    run(async {
        let mut world = World::new(11).await;
        let [alice, bob] = ["100", "101"].map(|name| world.phone("acme", name));
        world.over_tcp_behind_nat(alice);
        for phone in [alice, bob] {
            assert_eq!(world.register(phone, 3600).await, 200);
        }
        let (line, other) = world.talk(bob, alice).await;
        world.cut(alice);
        world.hang_up(line);
        world.until("the call is over", |world| world.calls_up() == 0).await;
        assert_eq!(*world.state(other), State::Up, "nobody could tell it");

        let begin = world.age();
        let line = world.call(bob, "100");
        world.until_over(line).await;
        assert!(matches!(world.state(line), State::Refused(480..=503)), "{:?}", world.state(line));
        assert!((world.age() - begin).as_secs() < 5, "nobody waits for who cannot be reached");

        assert_eq!(world.register(alice, 3600).await, 200);
        let (line, other) = world.talk(bob, alice).await;
        world.hang_up(line);
        world.until_over(other).await;
        world.finish_with_races().await;
    });
}
