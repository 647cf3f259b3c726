//! A call's task panics: a bug of ours. Its phones are hung up with a cause, its record is written, its place is free again, and no
//! other call notices (issue 2 §4, hostile K14).

use crate::harness::{State, World, run};

#[test]
fn only_that_call_ends() {
    run(async {
        let (mut world, [alice, bob, carol, dave]) = World::with_phones(1).await;
        let (line, other) = world.talk(alice, bob).await;
        let (third, fourth) = world.talk(carol, dave).await;
        world.set_trap();
        // The answer to a re-INVITE goes to the media as well.
        world.hold(line, true);
        world.until_over(line).await;
        world.until_over(other).await;
        for phone in [alice, bob] {
            let bye = world.sent_to(phone, "BYE ").pop().expect("a BYE");
            assert!(bye.contains("\r\nReason: Q.850;cause=41\r\n"), "{bye}");
        }
        let records = world.records("acme", 1).await;
        assert_eq!((&records[0]["disposition"], &records[0]["cause"]), (&"FAILED".into(), &41.into()));
        assert_eq!(records[0]["hung_up_by"], "host");
        assert_eq!(world.calls_up(), 1);
        assert_eq!(*world.state(third), State::Up);
        world.hear_each_other(third, fourth).await;
        let (line, _) = world.talk(alice, bob).await;
        world.hang_up(line);
        world.hang_up(third);
        // What the phones were told of the re-INVITE came too late.
        world.finish_with_races().await;
    });
}

/// It panics while it rings: the caller is refused, the called phone stops ringing.
#[test]
fn a_call_that_rings_ends_too() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(2).await;
        let line = world.call(alice, "101");
        let other = world.incoming(bob).await;
        world.ring(other);
        world.until("it rings", |world| *world.state(line) == State::Ringing).await;
        world.set_trap();
        world.early(other);
        world.until_over(line).await;
        world.until_over(other).await;
        assert_eq!(*world.state(line), State::Refused(503));
        assert_eq!(world.records("acme", 1).await.len(), 1);
        world.finish().await;
    });
}
