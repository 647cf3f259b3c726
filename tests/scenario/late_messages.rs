//! A call ends in the moment in which an INVITE with Replaces comes for one of its legs (RFC 3891 §3). The INVITE is refused; no
//! phone waits for an answer that nobody will give (hostile A11).

use std::time::Duration;

use crate::harness::{State, Weather, World, run};

#[test]
fn an_invite_for_a_call_that_has_just_ended_is_refused() {
    run(async {
        let (mut world, [alice, bob, carol]) = World::with_phones(1).await;
        let (line, other) = world.conversation(alice, bob).await;
        let taken = world.call_replacing(carol, "101", line);
        // Its second INVITE, with credentials, leaves ten milliseconds after the first and arrives five later. The BYE leaves before it
        // and arrives with it, one place ahead.
        world.pass(Duration::from_millis(9)).await;
        world.weather(Weather { delay: Duration::from_millis(6), ..Weather::FAIR });
        world.hang_up(other);
        world.sent().await;
        world.weather(Weather::FAIR);
        world.until_over(line).await;
        world.pass(Duration::from_secs(1)).await;
        assert_eq!(world.sent_by(carol, "INVITE ").len(), 2);
        assert_eq!(*world.state(taken), State::Refused(481));
        world.finish().await;
    });
}
