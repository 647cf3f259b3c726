//! The called phone rings and nobody takes it. After the dial's 20 seconds its ringing ends and the caller is refused.

use std::time::Duration;

use crate::harness::{State, World, run};

#[test]
fn ringing_ends_after_the_time_of_the_dial() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(1).await;
        let line = world.call(alice, "101");
        let other = world.incoming(bob).await;
        world.ring(other);
        world.pass(Duration::from_secs(19)).await;
        assert_eq!(*world.state(line), State::Ringing);
        world.pass(Duration::from_secs(2)).await;
        assert_eq!(*world.state(line), State::Refused(480), "Q.850 19 is 480 (RFC 3398)");
        world.until_over(other).await;
        assert_eq!(world.records("acme", 1).await[0]["disposition"], "NO_ANSWER");
        world.finish().await;
    });
}
