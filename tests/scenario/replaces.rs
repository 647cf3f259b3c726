//! A phone calls with Replaces (RFC 3891): it takes the place of another phone in a conversation, which is hung up. In another
//! tenant the same dialog does not exist (hostile E2).

use std::time::Duration;

use crate::harness::{State, World, run};

#[test]
fn a_phone_takes_over_a_conversation() {
    run(async {
        let (mut world, [alice, bob, carol]) = World::with_phones(1).await;
        let (line, other) = world.conversation(alice, bob).await;
        let taken = world.call_replacing(carol, "101", line);
        world.until_up(taken).await;
        world.until_over(line).await;
        world.hear_each_other(taken, other).await;
        world.hang_up(other);
        world.until_over(taken).await;
        world.finish().await;
    });
}

#[test]
fn a_foreign_tenant_cannot() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(2).await;
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

/// The phone gives up in the same instant, without waiting for an answer as RFC 3261 §9.1 wants it to. Whichever comes first: no
/// phone is left in a conversation with nobody.
#[test]
fn who_takes_over_and_gives_up_at_once_leaves_nobody_behind() {
    run(async {
        let (mut world, [alice, bob, carol]) = World::with_phones(3).await;
        let (line, other) = world.conversation(alice, bob).await;
        let taken = world.call_replacing(carol, "101", line);
        world.pass(Duration::from_millis(10)).await;
        let invite = world.sent_by(carol, "INVITE ").pop().expect("the one with credentials");
        assert!(invite.contains("\r\nAuthorization: "));
        let (head, _) = invite.split_once("Content-Type").expect("it has a body");
        let cancel = head.replacen("INVITE ", "CANCEL ", 1).replacen(" INVITE\r\n", " CANCEL\r\n", 1);
        world.post(carol, format!("{cancel}Content-Length: 0\r\n\r\n"));
        world.pass(Duration::from_secs(1)).await;
        for line in [line, other, taken] {
            assert!(matches!(world.state(line), State::Ended(_) | State::Refused(_)), "{:?}", world.state(line));
        }
        assert_eq!(world.sent_to(carol, "SIP/2.0 487 ").len(), 1, "the endpoint heard the CANCEL first");
        world.finish_with_races().await;
    });
}
