//! The SIP endpoint is at its bound and sends no further INVITE. The dial hears of it at once: it goes on with the contacts that do
//! ring, or fails, and does not wait for a phone that nobody called (hostile C3).

use sip::endpoint::Limits;

use crate::harness::{Setup, State, World, run};

fn sessions(most: usize) -> Setup {
    Setup { limits: Limits { sessions: most, ..Limits::default() }, ..Setup::default() }
}

#[test]
fn a_dial_of_which_nothing_is_left_fails_at_once() {
    run(async {
        // The caller's own session is the only one.
        let (mut world, [alice, bob]) = World::of(1, sessions(1)).await.and_phones().await;
        let begin = world.age();
        let line = world.call(alice, "101");
        world.until_over(line).await;
        assert!((world.age() - begin).as_millis() < 1_000);
        assert_eq!(*world.state(line), State::Refused(503));
        assert!(!world.is_called(bob));
        let records = world.records("acme", 1).await;
        assert_eq!(records[0]["disposition"], "FAILED");
        assert_eq!(records[0]["legs"][1]["cause"], 41, "RFC 3398: 503 is a temporary failure");
        world.finish().await;
    });
}

#[test]
fn the_contact_that_does_ring_decides() {
    run(async {
        let (mut world, [alice]) = World::of(2, sessions(2)).await.and_phones().await;
        let desk = world.registered("acme", "101").await;
        let kitchen = world.registered("acme", "101").await;
        let line = world.call(alice, "101");
        world.until("one of them rings", |world| world.is_called(desk) || world.is_called(kitchen)).await;
        assert!(!(world.is_called(desk) && world.is_called(kitchen)), "there is room for one");
        let rings = if world.is_called(desk) { desk } else { kitchen };
        let other = world.incoming(rings).await;
        let begin = world.age();
        world.refuse(other, 486);
        world.until_over(line).await;
        assert!((world.age() - begin).as_millis() < 1_000, "nobody is waited for");
        assert_eq!(*world.state(line), State::Refused(486));
        world.finish().await;
    });
}
