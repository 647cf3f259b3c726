//! The switch answers and the ACK never comes. After 64 times T1 it sends BYE (RFC 3261 §13.3.1.4), for which it waits as long
//! again; then nothing is left of the call (C3).

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
        world.pass(Duration::from_secs(30)).await;
        assert_eq!(world.calls_up(), 1);
        world.until("the call is given up", |world| world.calls_up() == 0).await;
        assert!(world.age() < Duration::from_secs(66));
        world.weather(Weather::FAIR);
        world.hang_up(line);
        world.until_over(line).await;
        assert_eq!(world.records("acme", 1).await[0]["disposition"], "ANSWERED");
        world.finish_with_races().await;
    });
}
