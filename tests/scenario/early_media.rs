//! The called side plays an announcement before it answers (183 with SDP). The caller hears it before the call is answered.

use crate::harness::{State, World, run};

#[test]
fn the_caller_hears_the_announcement() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(1).await;
        let line = world.call(alice, "101");
        let other = world.incoming(bob).await;
        world.early(other);
        world.say(other, 500);
        world.until("the caller gets early media", |world| *world.state(line) == State::Early).await;
        // The relay learns where the caller is from its packets (D1).
        world.say(line, 440);
        world.until_heard(line, 500).await;
        assert_eq!(*world.state(line), State::Early);
        world.answer(other);
        world.until_up(line).await;
        world.until_heard(line, 500).await;
        world.until_heard(other, 440).await;
        world.hang_up(line);
        world.finish().await;
    });
}
