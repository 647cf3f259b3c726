//! Phones register by digest. A wrong secret, an unknown user and another tenant's account get the same refusal, and a phone
//! whose registration ran out is not called any more (issue 2 §3).

use std::time::Duration;

use crate::harness::{State, World, run};

#[test]
fn only_the_right_secret_registers() {
    run(async {
        let mut world = World::new(1).await;
        let right = world.phone("acme", "100");
        assert_eq!(world.register(right, 3600).await, 200);
        let wrong = world.phone_with_secret("acme", "100", "guessed");
        assert_eq!(world.register(wrong, 3600).await, 401);
        let unknown = world.phone_with_secret("acme", "199", "guessed");
        assert_eq!(world.register(unknown, 3600).await, 401);
        let foreign = world.phone_with_secret("globex", "100", "secret of 100 in acme");
        assert_eq!(world.register(foreign, 3600).await, 401);
        world.finish().await;
    });
}

#[test]
fn a_registration_ends_with_its_time() {
    run(async {
        let mut world = World::new(2).await;
        let alice = world.registered("acme", "100").await;
        let bob = world.phone("acme", "101");
        assert_eq!(world.register(bob, 120).await, 200);
        world.pass(Duration::from_secs(121)).await;
        let line = world.call(alice, "101");
        world.until_over(line).await;
        assert_eq!(*world.state(line), State::Refused(503));
        assert!(!world.is_called(bob));
        world.finish().await;
    });
}
