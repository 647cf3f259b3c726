//! The administrator takes an endpoint out of the configuration. Its registration is still stored, but it is not called any more;
//! calls that are up or ringing are not touched (F10, hostile J5).

use std::sync::Arc;
use std::time::Duration;

use switch::definition::Endpoint;

use crate::harness::{State, World, run};

#[test]
fn an_endpoint_that_was_removed_is_not_called() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(1).await;
        let removed = remove_101(&mut world).await;
        let line = world.call(alice, "101");
        world.until_over(line).await;
        assert_eq!(*world.state(line), State::Refused(503), "as if nobody were registered");
        assert!(!world.is_called(bob));
        assert_eq!(world.register(bob, 3600).await, 401, "it is as unknown as one that never was");
        // It comes back, and what it registered is still good.
        world.redefine("acme", |definition| drop(definition.endpoints.insert("101".to_owned(), removed))).await;
        let (line, _) = world.conversation(alice, bob).await;
        world.hang_up(line);
        world.finish().await;
    });
}

#[test]
fn calls_are_not_touched() {
    run(async {
        let (mut world, [alice, bob, carol]) = World::with_phones(2).await;
        let (line, other) = world.talk(bob, carol).await;
        let rings = world.call(alice, "101");
        let called = world.incoming(bob).await;
        world.ring(called);
        world.until("it rings", |world| *world.state(rings) == State::Ringing).await;
        remove_101(&mut world).await;
        world.answer(called);
        world.until_up(rings).await;
        world.hear_each_other(rings, called).await;
        world.pass(Duration::from_secs(5)).await;
        world.hear_each_other(line, other).await;
        world.hang_up(rings);
        world.hang_up(line);
        world.finish().await;
    });
}

async fn remove_101(world: &mut World) -> Arc<Endpoint> {
    let mut removed = None;
    world.redefine("acme", |definition| removed = definition.endpoints.remove("101")).await;
    removed.expect("it was there")
}
