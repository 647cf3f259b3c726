//! A phone holds the other with a re-INVITE. The held one hears music instead of it, and the other again after it is taken back
//! (F52).

use crate::harness::{World, run};

#[test]
fn the_held_party_hears_music() {
    run(async {
        let mut world = World::new(1).await;
        let alice = world.registered("acme", "100").await;
        let bob = world.registered("acme", "101").await;
        let (line, other) = world.conversation(alice, bob).await;
        world.say(line, 440);
        world.say(other, 600);
        world.until_heard(line, 600).await;
        world.hold(other, true);
        world.until_heard(line, 700).await;
        assert!(!world.hears(line, 600).await, "who holds is not heard");
        assert!(!world.hears(other, 440).await, "who holds does not hear");
        world.hold(other, false);
        world.until_heard(line, 600).await;
        world.until_heard(other, 440).await;
        world.hang_up(line);
        world.finish().await;
    });
}

/// A11: whoever toggles hold a hundred times ends where it began.
#[test]
fn a_storm_of_holds_ends_where_it_began() {
    run(async {
        let mut world = World::new(2).await;
        let alice = world.registered("acme", "100").await;
        let bob = world.registered("acme", "101").await;
        let (line, other) = world.conversation(alice, bob).await;
        world.say(line, 440);
        world.say(other, 600);
        for _ in 0..100 {
            for held in [true, false] {
                world.hold(other, held);
                world.pass(std::time::Duration::from_millis(50)).await;
            }
        }
        world.until_heard(line, 600).await;
        world.until_heard(other, 440).await;
        world.hang_up(other);
        world.finish().await;
    });
}
