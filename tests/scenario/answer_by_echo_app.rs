//! The dialplan answers and runs `Echo`, a Wasm application. The caller hears itself, and the plugin ends with the call (F1).

use crate::harness::{World, run};

#[test]
fn the_caller_hears_itself() {
    run(async {
        let mut world = World::new(1).await;
        world.install("acme", "app-echo").await;
        let alice = world.registered("acme", "100").await;
        let line = world.call(alice, "600");
        world.until_up(line).await;
        world.say(line, 440);
        world.until_heard(line, 440).await;
        world.hang_up(line);
        let records = world.records("acme", 1).await;
        assert!(records[0]["plugin"].as_str().is_some_and(|plugin| plugin.contains("echo")), "{}", records[0]);
        world.finish().await;
    });
}

/// F8: what is installed in one tenant is not there in the other.
#[test]
fn the_other_tenant_does_not_have_it() {
    run(async {
        let mut world = World::new(2).await;
        world.install("acme", "app-echo").await;
        let bob = world.registered("globex", "100").await;
        let line = world.call(bob, "600");
        world.until_up(line).await;
        world.until_over(line).await;
        world.finish().await;
    });
}
