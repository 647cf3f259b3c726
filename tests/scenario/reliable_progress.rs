//! Provisional responses that must arrive (RFC 3262), on both sides of the switch: the caller's are sent again until its PRACK comes,
//! the called phone's are acknowledged with PRACK. An offer in between comes by UPDATE (RFC 3311).

use std::time::Duration;

use media::negotiation::Direction;
use sip::endpoint::Reliability;

use crate::harness::{State, Weather, World, run};

#[test]
fn early_media_arrives_though_its_first_response_is_lost() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(1).await;
        let line = world.call_with(alice, "101", |invite| invite.reliable = Reliability::Preferred);
        let other = world.incoming(bob).await;
        world.early_reliably(other);
        world.sent().await;
        world.weather(Weather::DEAD);
        world.until("the switch tells it", |world| !world.sent_to(alice, "SIP/2.0 183 ").is_empty()).await;
        assert_eq!(world.sent_to(bob, "PRACK ").len(), 1);
        world.pass(Duration::from_millis(100)).await;
        world.weather(Weather::FAIR);
        assert_eq!(*world.state(line), State::Calling, "it was lost");
        world.until("it comes again", |world| *world.state(line) == State::Early).await;
        world.say(line, 440);
        world.say(other, 600);
        world.until_heard(line, 600).await;
        let told = world.sent_to(alice, "SIP/2.0 183 ");
        assert!(told[0].contains("\r\nRequire: 100rel\r\n") && told[0].contains("\r\nRSeq: "), "{}", told[0]);
        assert_eq!(world.sent_by(alice, "PRACK ").len(), 1);
        world.answer(other);
        world.until_up(line).await;
        world.until_heard(other, 440).await;
        world.hang_up(line);
        world.finish_with_races().await;
    });
}

#[test]
fn a_caller_may_demand_it_of_all() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(2).await;
        let line = world.call_with(alice, "101", |invite| invite.reliable = Reliability::Required);
        let other = world.incoming(bob).await;
        world.ring(other);
        world.until("it rings", |world| *world.state(line) == State::Ringing).await;
        assert!(world.sent_to(alice, "SIP/2.0 180 ")[0].contains("\r\nRequire: 100rel\r\n"));
        assert_eq!(world.sent_by(alice, "PRACK ").len(), 1);
        world.answer(other);
        world.until_up(line).await;
        world.hear_each_other(line, other).await;
        world.hang_up(other);
        world.finish().await;
    });
}

/// Who never acknowledges is given up after 64 times T1, and so is the call, though the called phone has answered: the answer may not
/// be passed on before the SDP of the 183 has arrived (RFC 3262 §5).
#[test]
fn a_caller_that_never_acknowledges_is_given_up() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(3).await;
        world.call_with(alice, "101", |invite| invite.reliable = Reliability::Required);
        let other = world.incoming(bob).await;
        world.by_hand(alice);
        let begin = world.age();
        world.early(other);
        world.pass(Duration::from_secs(19)).await;
        world.answer(other);
        world.until_over(other).await;
        let waited = (world.age() - begin).as_secs();
        assert!((31..34).contains(&waited), "{waited} s");
        assert_eq!(world.sent_to(alice, "SIP/2.0 200 ").len(), 1, "that of its REGISTER");
        assert!(!world.sent_to(alice, "SIP/2.0 504 ").is_empty());
        assert_eq!(world.records("acme", 1).await[0]["cause"], 102);
        world.finish_with_races().await;
    });
}

#[test]
fn the_caller_changes_its_offer_before_the_answer() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(4).await;
        let line = world.call_with(alice, "101", |invite| invite.reliable = Reliability::Preferred);
        let other = world.incoming(bob).await;
        world.early(other);
        world.until("there is early media", |world| *world.state(line) == State::Early).await;
        world.direct(line, Direction::RecvOnly);
        world
            .until("the UPDATE is answered", |world| {
                let answers = world.sent_to(alice, "SIP/2.0 200 ");
                answers.iter().any(|answer| answer.contains(" UPDATE\r\n") && answer.contains("\r\na=sendonly"))
            })
            .await;
        world.answer(other);
        world.until_up(line).await;
        world.direct(line, Direction::SendRecv);
        world.hear_each_other(line, other).await;
        world.hang_up(line);
        world.finish().await;
    });
}
