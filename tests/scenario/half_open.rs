//! The switch answers and the ACK never comes. After 64 times T1 the call is over and BYE is sent (RFC 3261 §13.3.1.4); that nobody
//! answers the BYE either is of no concern to the call or its record (C3).

use std::time::Duration;

use crate::harness::{Weather, World, run};

#[test]
fn an_answer_that_is_never_acknowledged_is_given_up() {
    run(async {
        let mut world = World::new(1).await;
        let alice = world.registered("acme", "100").await;
        let line = world.call(alice, "610");
        world.until("the switch has the call", |world| world.calls_up() == 1).await;
        world.weather(Weather::DEAD);
        let begin = world.age();
        world.pass(Duration::from_secs(31)).await;
        assert_eq!(world.calls_up(), 1);
        world.until("the call is given up", |world| world.calls_up() == 0).await;
        let waited = world.age() - begin;
        assert!((Duration::from_secs(31)..Duration::from_secs(33)).contains(&waited), "{waited:?}");
        let records = world.records("acme", 1).await;
        assert_eq!(records[0]["cause"], 102, "a timer ended it");
        assert!(records[0]["end_ms"].as_u64().is_some_and(|ms| ms < 33_000), "{}", records[0]);
        world.pass(Duration::from_secs(5)).await;
        assert!(!world.sent_to(alice, "BYE ").is_empty());
        world.weather(Weather::FAIR);
        world.hang_up(line);
        world.until_over(line).await;
        assert_eq!(world.records("acme", 1).await[0]["disposition"], "ANSWERED");
        world.finish_with_races().await;
    });
}
