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
