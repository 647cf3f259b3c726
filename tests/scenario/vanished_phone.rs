//! In the middle of a conversation the network dies. No packet comes any more; after the media time-out the call ends (C3).

use std::time::Duration;

use crate::harness::{Weather, World, run};

#[test]
fn a_conversation_with_nobody_ends() {
    run(async {
        let mut world = World::new(1).await;
        let alice = world.registered("acme", "100").await;
        let bob = world.registered("acme", "101").await;
        let (line, other) = world.conversation(alice, bob).await;
        world.say(line, 440);
        world.say(other, 600);
        world.until_heard(line, 600).await;
        world.until_heard(other, 440).await;
        world.weather(Weather::DEAD);
        world.pass(Duration::from_secs(58)).await;
        assert_eq!(world.calls_up(), 1);
        world.until("the call is given up", |world| world.calls_up() == 0).await;
        world.hang_up(line);
        world.hang_up(other);
        world.until_over(line).await;
        world.until_over(other).await;
        world.finish_with_races().await;
    });
}
