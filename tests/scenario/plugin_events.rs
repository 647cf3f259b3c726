//! A plugin's service hears of the calls and phones of its tenant and of no other (I7), and its timers keep the tenant's time.

use std::time::Duration;

use crate::harness::{World, run};

async fn with_listener(seed: u64) -> World {
    let mut world = World::new(seed).await;
    for tenant in ["acme", "globex"] {
        for phone in ["100", "101"] {
            world.registered(tenant, phone).await;
        }
        let subscribe = |manifest: String| manifest.replace("default = \"\"", "default = \"call. device.\"");
        world.install_with(tenant, "listener", subscribe).await;
    }
    // The contract's own way to install it, with nothing subscribed, does no harm to what is.
    world.install("acme", "listener").await;
    world
}

/// What the service of a tenant heard since the last time, without the numbers.
async fn heard(world: &World, tenant: &str) -> Vec<String> {
    let lines = world.ask(tenant, "listener", "heard").await;
    lines.lines().map(|line| line.split_once(' ').expect("a number and the event").1.to_owned()).collect()
}

/// The events of a kind, or of a source.
fn of<'a>(lines: &'a [String], start: &str) -> Vec<&'a str> {
    lines.iter().map(String::as_str).filter(|line| line.starts_with(start)).collect()
}

#[test]
fn calls_and_phones_are_news_in_their_tenant_only() {
    run(async {
        let mut world = with_listener(1).await;
        let alice = world.registered("acme", "102").await;
        let bob = world.registered("acme", "103").await;
        let (line, other) = world.talk(alice, bob).await;
        world.hang_up(line);
        world.until_over(other).await;
        world.records("acme", 1).await;
        assert_eq!(world.register(bob, 0).await, 200);
        let lines = heard(&world, "acme").await;
        assert_eq!(
            of(&lines, "device.changed 103"),
            ["idle", "ringing", "busy", "idle", "unregistered"]
                .map(|state| format!("device.changed 103 state={state}")),
        );
        assert_eq!(
            of(&lines, "device.changed 102"),
            ["idle", "busy", "idle"].map(|state| format!("device.changed 102 state={state}")),
        );
        let [started] = of(&lines, "call.started")[..] else { panic!("{lines:?}") };
        let call = started.split(' ').nth(1).expect("its id");
        assert!(started.ends_with("caller.name=102 of acme caller.privacy=none dialed.number=103"), "{started}");
        assert!(started.contains("direction=inbound endpoint=102 caller.number=102"), "{started}");
        assert_eq!(
            of(&lines, "call.answered"),
            [
                format!("call.answered {call} leg=1 endpoint=103 direction=outbound"),
                format!("call.answered {call} leg=0 endpoint=102 direction=inbound"),
            ]
        );
        let [ended] = of(&lines, "call.ended")[..] else { panic!("{lines:?}") };
        let start = format!("call.ended {call} cause=16 caller.number=102 dialed.number=103 disposition=ANSWERED");
        assert!(ended.starts_with(&start), "{ended}");
        assert!(heard(&world, "globex").await.is_empty());
        assert_eq!(world.ask("acme", "listener", "device 102").await, "idle");
        assert_eq!(world.ask("acme", "listener", "device 109").await, "unregistered");
        assert_eq!(world.ask("acme", "listener", "device 110").await, "", "there is none");
        world.finish().await;
    });
}

/// Times of day are the tenant's, minute after minute.
#[test]
fn a_time_of_day_comes_again_on_the_tenants_clock() {
    run(async {
        let mut world = with_listener(3).await;
        assert_eq!(world.ask("acme", "listener", "at minute * * * * *").await, "done");
        for minute in 1..=3 {
            let mut looks = 0;
            loop {
                world.pass(Duration::from_secs(10)).await;
                looks += 1;
                match of(&heard(&world, "acme").await, "timer")[..] {
                    [] => assert!(looks < 20, "minute {minute}"),
                    ref lines => break assert_eq!(lines, ["timer minute"], "minute {minute}"),
                }
            }
            // Plugins' threads are not on the tests' clock: a look more or less.
            assert!(minute == 1 || (4..=8).contains(&looks), "{looks} looks after the minute before");
        }
        assert_eq!(world.ask("acme", "listener", "cancel minute").await, "true");
        heard(&world, "acme").await;
        world.pass(Duration::from_secs(70)).await;
        assert!(of(&heard(&world, "acme").await, "timer").is_empty());
        world.finish().await;
    });
}

#[test]
fn a_timer_keeps_the_tenants_time_over_a_reload() {
    run(async {
        let mut world = with_listener(2).await;
        assert_eq!(world.ask("acme", "listener", "after tick 60000").await, "done");
        let newer = |manifest: String| manifest.replace("version = \"0.1.0\"", "version = \"0.2.0\"");
        world.install_with("acme", "listener", newer).await;
        world.pass(Duration::from_secs(59)).await;
        assert!(of(&heard(&world, "acme").await, "timer").is_empty());
        world.pass(Duration::from_secs(2)).await;
        assert_eq!(of(&heard(&world, "acme").await, "timer"), ["timer tick ms=60000"]);
        assert!(of(&heard(&world, "globex").await, "timer").is_empty());
        world.finish().await;
    });
}
