//! Every fifth datagram is lost, every tenth arrives twice, and they overtake each other. Calls are set up, held and ended all
//! the same, and nobody sees an answer twice (F46: all timers).

use std::time::Duration;

use crate::harness::{Weather, World, run};

#[test]
fn calls_come_and_go_all_the_same() {
    for seed in 0..8 {
        run(async move {
            let mut world = World::new(seed).await;
            world.weather(Weather::STORM);
            let alice = world.registered("acme", "100").await;
            let bob = world.registered("acme", "101").await;
            let line = world.call(alice, "101");
            let other = world.incoming(bob).await;
            world.ring(other);
            world.pass(Duration::from_secs(2)).await;
            world.answer(other);
            world.until_up(line).await;
            world.until_up(other).await;
            world.hold(other, true);
            world.pass(Duration::from_secs(40)).await;
            world.hang_up(line);
            world.until_over(line).await;
            world.until_over(other).await;
            assert_eq!(world.answers(line), 1, "a retransmitted answer is not another one");
            world.finish_with_races().await;
        });
    }
}
