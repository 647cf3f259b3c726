//! The called phone answers in the moment in which the caller gives up: the 200 crosses the CANCEL. The switch ends that
//! answered call too; no phone is left in a call with nobody (A11).

use std::time::Duration;

use crate::harness::{State, World, run};

#[test]
fn an_answer_that_crosses_the_cancel_is_ended() {
    // Every moment around the crossing, millisecond by millisecond.
    for lead_ms in 0..25 {
        run(async move {
            let (mut world, [alice, bob]) = World::with_phones(lead_ms).await;
            let line = world.call(alice, "101");
            let other = world.incoming(bob).await;
            world.ring(other);
            world.until("it rings", |world| *world.state(line) == State::Ringing).await;
            world.hang_up(line);
            world.pass(Duration::from_millis(lead_ms)).await;
            if *world.state(other) == State::Incoming {
                world.answer(other);
            }
            world.until_over(line).await;
            world.until_over(other).await;
            world.hush(other);
            world.finish_with_races().await;
        });
    }
}
