//! A phone speaks with two others in two calls and joins them (RFC 5589 §7, RFC 3891): a leg moves from one call to the other,
//! and both tasks go on (F46, F52).

use crate::harness::{World, run};

#[test]
fn the_two_others_are_joined() {
    run(async {
        let (mut world, [alice, bob, carol]) = World::with_phones(1).await;
        let (line, first) = world.conversation(alice, bob).await;
        world.hold(first, true);
        let (second, third) = world.conversation(bob, carol).await;
        world.transfer_to(first, "102", second);
        world.until_over(first).await;
        world.until_over(second).await;
        assert_eq!(world.transfer_progress(first).last(), Some(&200));
        world.hear_each_other(line, third).await;
        world.hang_up(line);
        world.until_over(third).await;
        assert_eq!(world.records("acme", 2).await.len(), 2);
        world.finish().await;
    });
}

/// E2: another phone's dialog cannot be named.
#[test]
fn the_dialog_of_another_phone_cannot_be_taken() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(2).await;
        let mallory = world.registered("acme", "103").await;
        let carol = world.registered("acme", "102").await;
        let (line, other) = world.conversation(alice, bob).await;
        let (own, third) = world.conversation(mallory, carol).await;
        world.steal_dialog(own, line);
        world.transfer_to(own, "101", own);
        world
            .until("it is refused", |world| world.transfer_progress(own).last().is_some_and(|status| *status >= 300))
            .await;
        world.say(line, 440);
        world.until_heard(other, 440).await;
        world.hang_up(line);
        world.hang_up(third);
        world.finish().await;
    });
}
