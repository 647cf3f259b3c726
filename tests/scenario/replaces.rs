//! A phone calls with Replaces (RFC 3891): it takes the place of another phone in a conversation, which is hung up. In another
//! tenant the same dialog does not exist (hostile E2).

use crate::harness::{State, World, run};

#[test]
fn a_phone_takes_over_a_conversation() {
    run(async {
        let mut world = World::new(1).await;
        let alice = world.registered("acme", "100").await;
        let bob = world.registered("acme", "101").await;
        let carol = world.registered("acme", "102").await;
        let (line, other) = world.conversation(alice, bob).await;
        let taken = world.call_replacing(carol, "101", line);
        world.until_up(taken).await;
        world.until_over(line).await;
        world.say(taken, 440);
        world.say(other, 600);
        world.until_heard(taken, 600).await;
        world.until_heard(other, 440).await;
        world.hang_up(other);
        world.until_over(taken).await;
        world.finish().await;
    });
}

#[test]
fn a_foreign_tenant_cannot() {
    run(async {
        let mut world = World::new(2).await;
        let alice = world.registered("acme", "100").await;
        let bob = world.registered("acme", "101").await;
        let mallory = world.registered("globex", "102").await;
        let (line, other) = world.conversation(alice, bob).await;
        let taken = world.call_replacing(mallory, "101", line);
        world.until_over(taken).await;
        assert_eq!(*world.state(taken), State::Refused(481));
        assert_eq!(*world.state(other), State::Up);
        world.hang_up(line);
        world.finish().await;
    });
}
