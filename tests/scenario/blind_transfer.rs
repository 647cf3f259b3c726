//! A phone transfers the other one blindly (RFC 5589 §6). The transferee is connected with the target, the transferor is told
//! so and is out of the call (F46, F52).

use crate::harness::{World, run};

#[test]
fn the_called_one_transfers_the_caller() {
    run(async {
        let (mut world, [alice, bob, carol]) = World::with_phones(1).await;
        let (line, other) = world.conversation(alice, bob).await;
        world.transfer(other, "102");
        let third = world.incoming(carol).await;
        assert_eq!(world.caller(third), "100", "it is the caller who calls");
        world.until_over(other).await;
        assert_eq!(world.transfer_progress(other).last(), Some(&200));
        world.answer(third);
        world.until_up(third).await;
        world.hear_each_other(line, third).await;
        world.hang_up(third);
        world.until_over(line).await;
        world.finish().await;
    });
}

#[test]
fn the_caller_transfers_the_called_one() {
    run(async {
        let (mut world, [alice, bob, carol]) = World::with_phones(2).await;
        let (line, other) = world.conversation(alice, bob).await;
        world.transfer(line, "102");
        let third = world.incoming(carol).await;
        world.until_over(line).await;
        world.answer(third);
        world.until_up(third).await;
        world.hear_each_other(other, third).await;
        world.hang_up(other);
        world.until_over(third).await;
        world.finish().await;
    });
}
