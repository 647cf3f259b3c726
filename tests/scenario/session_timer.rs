//! Session timers (RFC 4028) through the switch: either side may refresh, and a phone that vanished without a word is found out even
//! when nobody misses its audio, because it held (F46, hostile C3). The record says that a timer ended the call.

use std::time::Duration;

use sip::endpoint::EndReason;

use crate::harness::{Setup, State, World, run};

fn without_media_timeout() -> Setup {
    Setup { media_timeout: Duration::from_secs(100_000), ..Setup::default() }
}

#[test]
fn the_phone_refreshes() {
    run(async {
        let (mut world, [alice, bob]) = World::of(1, without_media_timeout()).await.and_phones().await;
        let line = world.call_with(alice, "101", |invite| invite.session_expires = Some(Duration::from_secs(100)));
        let other = world.incoming(bob).await;
        world.answer(other);
        world.until_up(line).await;
        let answer = world.sent_to(alice, "SIP/2.0 200 OK").pop().expect("the answer");
        assert!(answer.contains("\r\nRequire: timer\r\nSession-Expires: 100;refresher=uac\r\n"), "{answer}");
        world.pass(Duration::from_secs(260)).await;
        assert_eq!(world.sent_by(alice, "UPDATE ").len(), 5, "every fifty seconds");
        assert_eq!(*world.state(line), State::Up);
        world.hang_up(line);
        world.until_over(other).await;
        world.finish().await;
    });
}

#[test]
fn a_phone_that_stops_refreshing_is_found_out() {
    run(async {
        let (mut world, [alice, bob]) = World::of(2, without_media_timeout()).await.and_phones().await;
        let line = world.call_with(alice, "101", |invite| invite.session_expires = Some(Duration::from_secs(100)));
        let other = world.incoming(bob).await;
        world.answer(other);
        world.until_up(line).await;
        world.hold(line, true);
        world.pass(Duration::from_secs(1)).await;
        let begin = world.age();
        // Its plug is pulled.
        world.by_hand(alice);
        world.until_over(other).await;
        let waited = (world.age() - begin).as_secs();
        assert!((66..70).contains(&waited), "a third of the interval before its end: {waited} s");
        let records = world.records("acme", 1).await;
        assert_eq!((&records[0]["disposition"], &records[0]["cause"]), (&"ANSWERED".into(), &102.into()));
        let reason = EndReason::Bye { reason: Some(reason(102)) };
        assert_eq!(*world.state(other), State::Ended(reason), "the other one is told why");
        world.finish_with_races().await;
    });
}

/// The called phone knows nothing of session timers and holds. The switch refreshes on its own account.
#[test]
fn the_switch_refreshes_and_finds_out() {
    run(async {
        let (mut world, [alice, bob]) = World::of(3, without_media_timeout()).await.and_phones().await;
        let (line, other) = world.conversation(alice, bob).await;
        let invite = world.sent_to(bob, "INVITE ").pop().expect("the call");
        assert!(invite.contains("\r\nSession-Expires: 1800\r\n"), "{invite}");
        world.pass(Duration::from_secs(920)).await;
        for phone in [alice, bob] {
            assert_eq!(world.sent_to(phone, "UPDATE ").len(), 1, "at half of the interval");
        }
        world.by_hand(bob);
        let begin = world.age();
        // The refresh after 1,800 seconds gets no answer for 32 seconds.
        world.pass(Duration::from_secs(800)).await;
        assert_eq!(*world.state(line), State::Up);
        world.until_over(line).await;
        let waited = (world.age() - begin).as_secs();
        assert!(waited < 915, "{waited} s");
        let records = world.records("acme", 1).await;
        assert_eq!(records[0]["legs"][1]["cause"], 102);
        assert_eq!(*world.state(other), State::Up, "it is gone: nobody could tell it");
        world.finish_with_races().await;
    });
}

fn reason(cause: u16) -> sip::endpoint::Reason {
    sip::endpoint::Reason { protocol: sip::endpoint::ReasonProtocol::Q850, cause, text: String::new() }
}
