//! The called phone is busy. The caller is refused with 486, and the record says so.

use crate::harness::{State, World, run};

#[test]
fn the_caller_hears_busy() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(1).await;
        let line = world.call(alice, "101");
        let other = world.incoming(bob).await;
        world.refuse(other, 486);
        world.until_over(line).await;
        assert_eq!(*world.state(line), State::Refused(486));
        assert_eq!(world.records("acme", 1).await[0]["disposition"], "BUSY");
        world.finish().await;
    });
}
