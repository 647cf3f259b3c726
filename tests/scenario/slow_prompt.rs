//! The music of a held party has to be read from a slow disk, and is not wanted any more when it is there. Nobody hears it then.

use std::time::Duration;

use crate::harness::{Setup, World, run};

#[test]
fn music_that_comes_too_late_is_not_heard() {
    run(async {
        let setup = Setup { hold_music: "slow-700", ..Setup::default() };
        let (mut world, [alice, bob]) = World::of(1, setup).await.and_phones().await;
        let (line, other) = world.talk(alice, bob).await;
        world.hold(other, true);
        world.pass(Duration::from_secs(1)).await;
        world.hold(other, false);
        world.hear_each_other(line, other).await;
        world.release_sounds();
        for _ in 0..20 {
            world.pass(Duration::from_millis(100)).await;
            assert!(!world.line(line).hears(700), "they talk again");
        }
        world.hear_each_other(line, other).await;
        // What was read is kept: the next time it is there at once.
        world.hold(other, true);
        world.until_heard(line, 700).await;
        world.hang_up(other);
        world.finish().await;
    });
}
