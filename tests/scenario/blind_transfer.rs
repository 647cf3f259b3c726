//! A phone transfers the other one blindly (RFC 5589 §6). The transferee is connected with the target, the transferor is told
//! so and is out of the call (F46, F52).

use crate::harness::{World, run};

#[test]
fn the_called_one_transfers_the_caller() {
    run(async {
        let mut world = World::new(1).await;
        let alice = world.registered("acme", "100").await;
        let bob = world.registered("acme", "101").await;
        let carol = world.registered("acme", "102").await;
        let (line, other) = world.conversation(alice, bob).await;
        world.transfer(other, "102");
        let third = world.incoming(carol).await;
        assert_eq!(world.caller(third), "100", "it is the caller who calls");
        world.until_over(other).await;
        assert_eq!(world.transfer_progress(other).last(), Some(&200));
        world.answer(third);
        world.until_up(third).await;
        world.say(line, 440);
        world.say(third, 600);
        world.until_heard(line, 600).await;
        world.until_heard(third, 440).await;
        world.hang_up(third);
        world.until_over(line).await;
        world.finish().await;
    });
}

#[test]
fn the_caller_transfers_the_called_one() {
    run(async {
        let mut world = World::new(2).await;
        let alice = world.registered("acme", "100").await;
        let bob = world.registered("acme", "101").await;
        let carol = world.registered("acme", "102").await;
        let (line, other) = world.conversation(alice, bob).await;
        world.transfer(line, "102");
        let third = world.incoming(carol).await;
        world.until_over(line).await;
        world.answer(third);
        world.until_up(third).await;
        world.say(other, 440);
        world.say(third, 600);
        world.until_heard(other, 600).await;
        world.until_heard(third, 440).await;
        world.hang_up(other);
        world.until_over(third).await;
        world.finish().await;
    });
}
