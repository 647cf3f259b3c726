//! Two phones forward to each other (302). The switch follows as often as a call may be diverted, then ends it (A10).

use crate::harness::{State, World, run};

#[test]
fn two_phones_that_forward_to_each_other() {
    run(async {
        let (mut world, [alice, bob, carol]) = World::with_phones(1).await;
        let line = world.call(alice, "101");
        let mut turns = 0;
        while !matches!(world.state(line), State::Refused(_)) {
            world.pass(std::time::Duration::from_millis(100)).await;
            for (phone, next) in [(bob, "102"), (carol, "101")] {
                while world.is_called(phone) {
                    let other = world.incoming(phone).await;
                    world.redirect(other, next);
                    turns += 1;
                }
            }
            assert!(turns <= 32, "the call goes round for ever");
        }
        world.finish().await;
    });
}
