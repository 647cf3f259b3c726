//! In the middle of a conversation the network dies. No packet comes any more; after the media time-out the call ends (C3).

use std::time::Duration;

use crate::harness::{Weather, World, run};

#[test]
fn a_conversation_with_nobody_ends() {
    run(async {
        let (mut world, [alice, bob]) = World::with_phones(1).await;
        let (line, other) = world.talk(alice, bob).await;
        world.weather(Weather::DEAD);
        world.pass(Duration::from_secs(58)).await;
        assert_eq!(world.calls_up(), 1);
        world.until("the call is given up", |world| world.calls_up() == 0).await;
        let records = world.records("acme", 1).await;
        assert_eq!(records[0]["disposition"], "ANSWERED");
        assert_eq!((&records[0]["cause"], &records[0]["hung_up_by"]), (&27.into(), &"host".into()), "out of order");
        world.hang_up(line);
        world.hang_up(other);
        world.until_over(line).await;
        world.until_over(other).await;
        world.finish_with_races().await;
    });
}
