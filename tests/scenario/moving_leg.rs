//! An attended transfer moves a leg from one call to another. What its phone says in that moment is heard where the leg arrives,
//! or where it stays when the other call refuses it (F52, hostile A11).

use std::time::Duration;

use crate::harness::{Line, State, World, run};

/// What is over at once, and not when nobody has heard the other for a minute.
const AT_ONCE: Duration = Duration::from_secs(1);

#[test]
fn who_hangs_up_while_being_transferred_is_not_kept() {
    run(async {
        let (mut world, [alice, bob, carol]) = World::with_phones(1).await;
        let (line, first) = world.conversation(alice, bob).await;
        world.hold(first, true);
        let (second, third) = world.conversation(bob, carol).await;
        // REFER and BYE reach the switch in the same instant: the call of both hears the one and then the other.
        world.transfer_to(first, "102", second);
        world.sent().await;
        world.hang_up(line);
        world.pass(AT_ONCE).await;
        assert_over(&world, &[line, first, second, third]);
        assert_eq!(world.records("acme", 2).await.len(), 2);
        world.finish().await;
    });
}

#[test]
fn who_hangs_up_while_the_transfer_is_refused_is_not_kept() {
    run(async {
        let (mut world, [alice, bob, carol, mallory]) = World::with_phones(2).await;
        let (line, other) = world.conversation(alice, bob).await;
        let (own, third) = world.conversation(mallory, carol).await;
        world.steal_dialog(own, line);
        world.transfer_to(own, "101", own);
        world.sent().await;
        world.hang_up(third);
        world.pass(AT_ONCE).await;
        assert_over(&world, &[own, third]);
        assert_eq!(*world.state(other), State::Up, "the conversation that was named goes on");
        world.hang_up(line);
        world.finish_with_races().await;
    });
}

/// A key pressed in that moment is one of the leg where it arrives; a re-INVITE is answered.
#[test]
fn a_hold_in_the_moment_of_the_move_is_answered() {
    run(async {
        let (mut world, [alice, bob, carol]) = World::with_phones(3).await;
        let (line, first) = world.conversation(alice, bob).await;
        world.hold(first, true);
        let (second, third) = world.conversation(bob, carol).await;
        world.transfer_to(first, "102", second);
        world.sent().await;
        world.hold(line, true);
        world.until_over(second).await;
        world.say(third, 600);
        world.until_heard(third, 700).await;
        world.hold(line, false);
        world.hear_each_other(line, third).await;
        world.hang_up(third);
        world.pass(AT_ONCE).await;
        assert_over(&world, &[line, third]);
        world.finish().await;
    });
}

#[track_caller]
fn assert_over(world: &World, lines: &[Line]) {
    let up: Vec<&State> = lines.iter().map(|line| world.state(*line)).collect();
    assert!(up.iter().all(|state| matches!(state, State::Ended(_))), "{up:?}");
}
