//! A phone floods its call with INFO and hangs up behind them. However full the call's inbox is, the end of the session is heard:
//! the other phone is let go at once (hostile A11, C2).

use std::time::Duration;

use crate::harness::{State, World, run};

#[test]
fn the_end_of_a_session_is_never_lost() {
    // At, below and above the bound of the inbox.
    let bound = switch::limit::CALL_INBOX;
    for flood in [bound - 1, bound, bound + 1, bound + 20] {
        run(async move {
            let (mut world, [alice, bob]) = World::with_phones(flood as u64).await;
            let (line, other) = world.conversation(alice, bob).await;
            for _ in 0..flood {
                world.inform(line, "application/dtmf-relay", "Signal=1\r\nDuration=100\r\n");
            }
            world.hang_up(line);
            world.pass(Duration::from_secs(1)).await;
            assert!(matches!(world.state(other), State::Ended(_)), "{flood} INFOs: {:?}", world.state(other));
            assert_eq!(world.records("acme", 1).await.len(), 1);
            world.finish_with_races().await;
        });
    }
}
