//! A sound that does not exist is an error for the plugin that wanted it, before anything is played (`legs.play` in wit/v0.1):
//! `Playback` says so in its status and the dialplan can act on it.

use crate::harness::{World, run};

const DIALPLAN: &str = "\
[phones]
exten => 700,1,Playback(no-such-sound)
 same => n,GotoIf($[\"${PLAYBACKSTATUS}\" = \"FAILED\"]?missing)
 same => n,Hangup(16)
 same => n(missing),Playback(beep-440)
";

#[test]
fn the_dialplan_can_act_on_it() {
    run(async {
        let mut world = World::with_dialplan(1, DIALPLAN).await;
        world.install("acme", "app-playback").await;
        let alice = world.registered("acme", "100").await;
        let line = world.call(alice, "700");
        world.until_heard(line, 440).await;
        world.until_over(line).await;
        world.finish().await;
    });
}
