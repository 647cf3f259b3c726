//! An endpoint is registered from three phones. All ring, one answers, the others stop (RFC 3261 §13.2.2.4 on our side of it).

use crate::harness::{State, World, run};

#[test]
fn one_answers_and_the_others_stop_ringing() {
    run(async {
        let mut world = World::new(1).await;
        let alice = world.registered("acme", "100").await;
        let desk = world.registered("acme", "101").await;
        let kitchen = world.registered("acme", "101").await;
        let cellar = world.registered("acme", "101").await;
        let line = world.call(alice, "101");
        let mut others = Vec::new();
        for phone in [desk, kitchen, cellar] {
            let other = world.incoming(phone).await;
            world.ring(other);
            others.push(other);
        }
        world.until("it rings", |world| *world.state(line) == State::Ringing).await;
        world.answer(others[1]);
        world.until_up(line).await;
        world.until_over(others[0]).await;
        world.until_over(others[2]).await;
        assert_eq!(*world.state(others[1]), State::Up);
        assert_eq!(world.progress(line), [180], "one 180 is enough");
        world.hang_up(line);
        world.until_over(others[1]).await;
        assert_eq!(world.records("acme", 1).await[0]["legs"].as_array().map(Vec::len), Some(4));
        world.finish().await;
    });
}

/// One phone only rings, the other has something to say before it answers: the caller hears the announcement, whichever comes
/// first, and is told no more than it needs.
#[test]
fn the_caller_hears_the_one_that_speaks() {
    for rings_first in [true, false] {
        run(async move {
            let (mut world, [alice]) = World::with_phones(2).await;
            let desk = world.registered("acme", "101").await;
            let kitchen = world.registered("acme", "101").await;
            let line = world.call(alice, "101");
            let (rings, speaks) = (world.incoming(desk).await, world.incoming(kitchen).await);
            if rings_first {
                world.ring(rings);
                world.until("it rings", |world| *world.state(line) == State::Ringing).await;
            }
            world.early(speaks);
            world.say(speaks, 500);
            world.until("there is early media", |world| *world.state(line) == State::Early).await;
            world.say(line, 440);
            world.until_heard(line, 500).await;
            world.ring(rings);
            world.pass(std::time::Duration::from_secs(1)).await;
            world.until_heard(line, 500).await;
            assert_eq!(world.progress(line), if rings_first { &[180, 183][..] } else { &[183] });
            world.answer(rings);
            world.until_up(line).await;
            world.until_over(speaks).await;
            world.say(rings, 600);
            world.until_heard(line, 600).await;
            world.until_heard(rings, 440).await;
            world.hang_up(line);
            world.finish().await;
        });
    }
}
