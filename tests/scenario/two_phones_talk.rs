//! A phone calls another of its tenant, both say a tone. Each hears the other's, either may hang up, and the record tells
//! who called whom for how long (issue 2 §4, F25, F46).

use std::time::Duration;

use crate::harness::{State, World, run};

#[test]
fn each_hears_the_other_and_the_callee_hangs_up() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(1).await;
        let line = world.call(alice, "101");
        let other = world.incoming(bob).await;
        assert_eq!(world.caller(other), "100");
        world.ring(other);
        world.until("the caller hears that it rings", |world| *world.state(line) == State::Ringing).await;
        world.answer(other);
        world.until_up(line).await;
        world.hear_each_other(line, other).await;
        world.pass(Duration::from_secs(10)).await;
        world.hang_up(other);
        world.until_over(line).await;
        let records = world.records("acme", 1).await;
        assert_eq!(records[0]["disposition"], "ANSWERED");
        assert_eq!((&records[0]["from"]["number"], &records[0]["to"]), (&"100".into(), &"101".into()));
        assert_eq!(records[0]["hung_up_by"], "other");
        assert!(records[0]["billed_ms"].as_u64().is_some_and(|ms| ms > 10_000), "{}", records[0]);
        world.finish().await;
    });
}

#[test]
fn the_caller_hangs_up() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(2).await;
        let (line, other) = world.conversation(alice, bob).await;
        world.hang_up(line);
        world.until_over(other).await;
        let records = world.records("acme", 1).await;
        assert_eq!(records[0]["hung_up_by"], "party");
        world.finish().await;
    });
}

#[test]
fn keys_pass_between_phones() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(3).await;
        let (line, other) = world.conversation(alice, bob).await;
        // Both must have been heard before their addresses are known (D1).
        world.say(line, 440);
        world.say(other, 440);
        world.until_heard(line, 440).await;
        world.hush(line);
        world.press(line, "12#");
        world.until("the keys arrive", |world| world.keys(other) == "12#").await;
        world.hang_up(line);
        world.finish().await;
    });
}
