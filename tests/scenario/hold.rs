//! A phone holds the other with a re-INVITE. The held one hears music instead of it, and the other again after it is taken back
//! (F52).

use media::negotiation::Direction;

use crate::harness::{World, run};

#[test]
fn the_held_party_hears_music() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(1).await;
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
        let (mut world, [alice, bob]) = World::with_phones(2).await;
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

/// RFC 3264 §8.4, §6.1: `inactive` and an address of zero hold like `sendonly`; `recvonly` does not, it says nothing.
#[test]
fn every_direction_means_what_it_says() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(3).await;
        let (line, other) = world.talk(alice, bob).await;
        for direction in [Direction::Inactive, Direction::SendOnly] {
            world.direct(other, direction);
            world.until_heard(line, 700).await;
            assert!(!world.hears(other, 440).await, "{direction:?}: who holds does not hear");
            world.direct(other, Direction::SendRecv);
            world.until_heard(line, 600).await;
            world.until_heard(other, 440).await;
        }
        world.direct(other, Direction::RecvOnly);
        world.until_heard(other, 440).await;
        assert!(!world.hears(line, 700).await, "nobody is held");
        assert!(!world.line(line).hears(600), "but nobody speaks either");
        world.direct(other, Direction::SendRecv);
        world.until_heard(line, 600).await;
        world.hang_up(line);
        world.finish().await;
    });
}

/// Both hold, and take it back one after the other: they hear each other only when neither holds.
#[test]
fn both_may_hold() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(4).await;
        let (line, other) = world.talk(alice, bob).await;
        world.hold(line, true);
        world.until_heard(other, 700).await;
        world.hold(other, true);
        world.pass(std::time::Duration::from_secs(1)).await;
        world.hold(line, false);
        world.until_heard(line, 700).await;
        world.hold(other, false);
        world.until_heard(line, 600).await;
        world.until_heard(other, 440).await;
        world.hang_up(line);
        world.finish().await;
    });
}
