//! The caller gives up while it rings. The called phone stops ringing, and nothing is left of the call.

use crate::harness::{State, World, run};

#[test]
fn the_called_phone_stops_ringing() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(1).await;
        let line = world.call(alice, "101");
        let other = world.incoming(bob).await;
        world.ring(other);
        world.until("it rings", |world| *world.state(line) == State::Ringing).await;
        world.hang_up(line);
        world.until_over(line).await;
        assert_eq!(*world.state(line), State::Refused(487));
        world.until_over(other).await;
        assert_eq!(world.records("acme", 1).await[0]["disposition"], "NO_ANSWER");
        world.finish().await;
    });
}
