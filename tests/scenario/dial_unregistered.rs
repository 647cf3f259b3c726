//! Nobody is registered under the number. The dialplan sees CHANUNAVAIL at once and the caller is refused.

use crate::harness::{State, World, run};

#[test]
fn the_caller_is_refused_at_once() {
    run(async {
        let mut world = World::new(1).await;
        let alice = world.registered("acme", "100").await;
        let begin = world.age();
        let line = world.call(alice, "101");
        world.until_over(line).await;
        assert!((world.age() - begin).as_millis() < 1_000);
        assert_eq!(*world.state(line), State::Refused(503), "the plan falls through to Congestion, as Asterisk's");
        assert_eq!(world.records("acme", 1).await[0]["disposition"], "FAILED");
        world.finish().await;
    });
}
