//! What services hear: events of the tenant, of other plugins, timers. Who asked for nothing hears nothing, and nobody hears of another tenant (I7).

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use call::TenantId;
use plugin::{Consent, HostConfig, InstallError, Package, RunError, TenantPlugins, Terms, limit};
use support::{FakeCall, FakeTenant, Rig, by, component, variant};

const MANIFEST: &str = include_str!("../../../../tests/guest/listener/plugin.toml");

/// The listener as the plugin `id`, subscribed to these from its start.
fn listener(id: &str, version: u32, subscribe: &str) -> Package {
    let manifest = MANIFEST
        .replace("id = \"listener\"", &format!("id = \"{id}\""))
        .replace("\"Listener\"", &format!("\"{}\"", id.replace('-', "_")))
        .replace("version = \"0.1.0\"", &format!("version = \"0.1.{version}\""))
        .replace("default = \"\"", &format!("default = \"{subscribe}\""));
    Package::folder(manifest, variant(&component("listener"), version))
}

async fn ask(plugins: &TenantPlugins, id: &str, request: &str) -> Result<String, String> {
    let answer = plugins.service(id).unwrap().ask(request.into()).await.unwrap();
    answer.map(|bytes| String::from_utf8(bytes).unwrap()).map_err(|error| error.code)
}

/// The lines it heard since the last time; events that were told before are heard before.
async fn heard(plugins: &TenantPlugins, id: &str) -> Vec<String> {
    ask(plugins, id, "heard").await.unwrap().lines().map(str::to_owned).collect()
}

fn data(value: &str) -> Vec<(String, String)> {
    vec![("value".into(), value.into())]
}

#[tokio::test]
async fn a_service_hears_what_it_subscribed_to_and_nothing_else() {
    let rig = Rig::new().await;
    rig.install(listener("listener", 1, "call. device.changed")).await.unwrap();
    rig.plugins.tell("call.started", "c1", || data("1"));
    rig.plugins.tell("device.changed", "101", || data("2"));
    rig.plugins.tell("other.thing", "x", || panic!("nobody wants it, so it is not made"));
    assert_eq!(heard(&rig.plugins, "listener").await, ["1 call.started c1 value=1", "2 device.changed 101 value=2"]);
    assert_eq!(ask(&rig.plugins, "listener", "unsubscribe call.").await, Ok("true".into()));
    assert_eq!(ask(&rig.plugins, "listener", "unsubscribe call.").await, Ok("false".into()));
    rig.plugins.tell("call.ended", "c1", || data("3"));
    assert!(heard(&rig.plugins, "listener").await.is_empty());
    assert_eq!(ask(&rig.plugins, "listener", "device 101").await, Ok("idle".into()));
    assert_eq!(ask(&rig.plugins, "listener", "device 102").await, Ok(String::new()));
}

/// Two prefixes of one service that fit one event are one event; a subscription holds for the next version, too.
#[tokio::test]
async fn a_subscription_stays_over_a_reload_and_ends_with_the_plugin() {
    let rig = Rig::new().await;
    rig.install(listener("listener", 1, "call. call.st")).await.unwrap();
    rig.plugins.tell("call.started", "c1", || data("1"));
    rig.install(listener("listener", 2, "")).await.unwrap();
    rig.plugins.tell("call.started", "c2", || data("2"));
    assert_eq!(heard(&rig.plugins, "listener").await, ["1 call.started c1 value=1", "2 call.started c2 value=2"]);
    rig.plugins.remove("listener", by()).await.unwrap();
    rig.plugins.tell("call.started", "c3", || panic!("nobody is there"));
}

/// A service that is behind loses events: the numbers show how many, and the deployment counts them. Requests still get through.
#[tokio::test]
async fn a_slow_service_loses_events_visibly() {
    const LOST: usize = 10;
    let rig = Rig::new().await;
    rig.install(listener("listener", 1, "call.")).await.unwrap();
    let closed = rig.tenant.gate.clone().lock_owned().await;
    let service = rig.plugins.service("listener").unwrap();
    let held = tokio::spawn(async move { service.ask(b"hold".to_vec()).await });
    rig.tenant.at_gate.subscribe().wait_for(|count| *count == 1).await.unwrap();
    for number in 0..limit::SERVICE_EVENTS + LOST {
        rig.plugins.tell("call.started", &number.to_string(), || data("1"));
    }
    drop(closed);
    held.await.unwrap().unwrap().unwrap();
    let heard_before = heard(&rig.plugins, "listener").await;
    assert_eq!(heard_before.len(), limit::SERVICE_EVENTS);
    assert!(heard_before.last().unwrap().contains(&format!(" {} ", limit::SERVICE_EVENTS - 1)), "the newest are lost");
    rig.plugins.tell("call.started", "after", || data("1"));
    let next = limit::SERVICE_EVENTS + LOST + 1;
    assert_eq!(heard(&rig.plugins, "listener").await, [format!("{next} call.started after value=1")]);
    assert_eq!(rig.plugins.show("listener").unwrap().events_lost, LOST as u64);
}

/// Plugins tell each other, under their own names only: from the application and from the service.
#[tokio::test]
async fn plugins_tell_each_other() {
    let rig = Rig::new().await;
    rig.install(listener("listener", 1, "teller/")).await.unwrap();
    rig.install(listener("teller", 2, "teller/joi")).await.unwrap();
    assert_eq!(ask(&rig.plugins, "teller", "publish joined a").await, Ok("2".into()));
    let call = FakeCall::new();
    rig.run("teller", "publish left b", &call).await.unwrap().unwrap();
    assert_eq!(call.variables.lock().unwrap()["LISTENED"], "1");
    assert_eq!(
        heard(&rig.plugins, "listener").await,
        ["1 teller/joined teller value=a", "2 teller/left teller value=b"]
    );
    assert_eq!(heard(&rig.plugins, "teller").await, ["1 teller/joined teller value=a"]);
    // Nobody speaks for the host or for another plugin.
    assert_eq!(ask(&rig.plugins, "teller", "publish Call! a").await, Err("invalid".into()));
    assert_eq!(ask(&rig.plugins, "listener", "publish teller/joined x").await, Ok("0".into()));
    assert!(heard(&rig.plugins, "teller").await.is_empty());
}

#[tokio::test]
async fn subscriptions_topics_and_rates_are_bounded() {
    let rig = Rig::new().await;
    rig.install(listener("listener", 1, "")).await.unwrap();
    for number in 0..limit::SUBSCRIPTIONS {
        assert_eq!(ask(&rig.plugins, "listener", &format!("subscribe k{number}")).await, Ok("done".into()));
    }
    assert_eq!(ask(&rig.plugins, "listener", "subscribe k0").await, Ok("done".into()), "it has that one");
    assert_eq!(ask(&rig.plugins, "listener", "subscribe one-more").await, Err("limit".into()));
    let long = "k".repeat(limit::EVENT_KIND_BYTES + 1);
    assert_eq!(ask(&rig.plugins, "listener", &format!("subscribe {long}")).await, Err("invalid".into()));
    let topic = "t".repeat(limit::TOPIC_BYTES + 1);
    assert_eq!(ask(&rig.plugins, "listener", &format!("publish {topic} a")).await, Err("invalid".into()));
    assert_eq!(ask(&rig.plugins, "listener", "publish-huge t").await, Err("limit".into()));
    let mut published = 0;
    while ask(&rig.plugins, "listener", "publish t a").await.is_ok() {
        published += 1;
        assert!(published < 100_000, "there is no bound");
    }
    assert!(published >= limit::PUBLISH_BURST, "{published}");
}

/// I7: two tenants of one host, with the same plugin, the same kinds and the same names.
#[tokio::test]
async fn nothing_is_heard_of_another_tenant() {
    let rig = Rig::new().await;
    let tenant = Arc::new(FakeTenant::default());
    let other = rig.host.tenant(TenantId::new("globex").unwrap(), tenant).await.unwrap();
    rig.install(listener("listener", 1, "call. listener/ device")).await.unwrap();
    other
        .install(listener("listener", 1, "call. listener/ device"), Terms::unsigned(Consent::Declared), by())
        .await
        .unwrap();
    rig.plugins.tell("call.started", "c1", || data("acme"));
    rig.plugins.tell("device.changed", "101", || data("acme"));
    assert_eq!(ask(&rig.plugins, "listener", "publish joined acme").await, Ok("1".into()));
    assert_eq!(ask(&rig.plugins, "listener", "after tick 0").await, Ok("done".into()));
    other.tell("call.ended", "c2", || data("globex"));
    while heard(&rig.plugins, "listener").await.iter().all(|line| !line.contains("timer tick")) {
        tokio::task::yield_now().await;
    }
    assert_eq!(heard(&other, "listener").await, ["1 call.ended c2 value=globex"]);
}

/// What timers told until one of this name did.
async fn until_rung(rig: &Rig, name: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    while !lines.iter().any(|line| line.contains(&format!(" timer {name}"))) {
        lines.extend(heard(&rig.plugins, "listener").await);
        tokio::task::yield_now().await;
    }
    lines
}

/// A timer comes once, also when another version has taken over meanwhile or the service has failed; one that was taken back does not.
#[tokio::test]
async fn timers_survive_a_reload_and_a_trap() {
    let rig = Rig::new().await;
    rig.install(listener("listener", 1, "")).await.unwrap();
    let say = async |request: &str| ask(&rig.plugins, "listener", request).await;
    for (request, answer) in [
        ("after first 300", "done"),
        ("after never 200", "done"),
        ("cancel never", "true"),
        ("cancel never", "false"),
        ("after again 100", "done"),
        ("after again 600000", "done"),
    ] {
        assert_eq!(say(request).await, Ok(answer.into()), "{request}");
    }
    rig.install(listener("listener", 2, "")).await.unwrap();
    assert!(rig.plugins.service("listener").unwrap().ask(b"trap".to_vec()).await.is_err());
    rig.tenant.passed.send_replace(Duration::from_millis(300));
    assert_eq!(until_rung(&rig, "first").await, ["1 timer first ms=300"]);
    assert_eq!(say("cancel again").await, Ok("true".into()), "it took the place of the other");
    // An application sets them, too.
    rig.run("listener", "after second 0", &FakeCall::new()).await.unwrap().unwrap();
    assert_eq!(until_rung(&rig, "second").await, ["2 timer second ms=0"]);
}

/// Times of day are those of the tenant, and come until they are taken back, whichever version hears them.
#[tokio::test]
async fn a_time_of_day_comes_again_and_again() {
    let rig = Rig::new().await;
    rig.install(listener("listener", 1, "")).await.unwrap();
    let say = async |request: &str| ask(&rig.plugins, "listener", request).await;
    let pass = |seconds| rig.tenant.passed.send_modify(|passed| *passed += Duration::from_secs(seconds));
    for (request, answer) in [
        ("at evening 0 18 * * *", Ok("done")),
        ("at weekend 0 12 * * sat,sun", Ok("done")),
        ("at broken 0 25 * * *", Err("invalid")),
        ("at never 0 0 30 2 *", Err("invalid")),
        ("at broken * * *", Err("invalid")),
    ] {
        assert_eq!(say(request).await, answer.map(str::to_owned).map_err(str::to_owned), "{request}");
    }
    // It is 17:06:40 in Berlin.
    pass(3_199);
    assert_eq!(say("after just-before 0").await, Ok("done".into()));
    assert_eq!(until_rung(&rig, "just-before").await, ["1 timer just-before ms=0"]);
    pass(1);
    assert_eq!(until_rung(&rig, "evening").await, ["2 timer evening"]);
    rig.install(listener("listener", 2, "")).await.unwrap();
    pass(24 * 3_600);
    assert_eq!(until_rung(&rig, "evening").await, ["3 timer evening"]);
    // Three days on, which nobody had time for: it comes once.
    pass(3 * 24 * 3_600);
    assert_eq!(until_rung(&rig, "evening").await, ["4 timer evening"]);
    assert_eq!(say("cancel evening").await, Ok("true".into()));
    pass(3 * 24 * 3_600);
    assert_eq!(until_rung(&rig, "weekend").await, ["5 timer weekend"]);
}

/// Looking for a time that never comes is the guest's own computing (2H).
#[tokio::test]
async fn who_asks_for_what_never_comes_pays_for_the_search() {
    let rig = Rig::new().await;
    rig.install(listener("listener", 1, "")).await.unwrap();
    let ended = rig.run("listener", "never", &FakeCall::new()).await;
    assert!(matches!(ended, Err(RunError::Cpu { .. })), "{ended:?}");
}

#[tokio::test]
async fn timers_are_bounded() {
    let rig = Rig::new().await;
    rig.install(listener("listener", 1, "")).await.unwrap();
    let say = async |request: &str| ask(&rig.plugins, "listener", request).await;
    for number in 0..limit::TIMERS {
        assert_eq!(say(&format!("after t{number} 600000")).await, Ok("done".into()));
    }
    assert_eq!(say("after one-more 600000").await, Err("limit".into()));
    assert_eq!(say("after t0 600000").await, Ok("done".into()), "in place of one");
    assert_eq!(say("cancel t0").await, Ok("true".into()));
    assert_eq!(say("after one-more 600000").await, Ok("done".into()));
    let days = limit::TIMER_DELAY.as_millis() + 1;
    assert_eq!(say(&format!("after t1 {days}")).await, Err("invalid".into()));
    let name = "n".repeat(limit::TIMER_NAME_BYTES + 1);
    assert_eq!(say(&format!("after {name} 1")).await, Err("invalid".into()));
}

/// A version that may not hear of events any more hears of none, although the one before had subscribed.
#[tokio::test]
async fn what_is_given_back_is_not_heard() {
    let rig = Rig::new().await;
    rig.install(listener("counter", 1, "call.")).await.unwrap();
    assert_eq!(ask(&rig.plugins, "counter", "after tick 60000").await, Ok("done".into()));
    let manifest = "[plugin]\nid = \"counter\"\nversion = \"0.2.0\"\n[provides]\napps = [\"Count\"]\nservice = true\n[capabilities]\nbus = {}\ndialplan = {}\n";
    rig.install(Package::folder(manifest, component("counter"))).await.unwrap();
    rig.plugins.tell("call.started", "c1", || panic!("nobody may hear it"));
}

/// A service that has too much to do keeps nobody from changing other plugins: its next version is refused, and does not come later.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_service_does_not_hand_over_for_ever() {
    let rig = Rig::new().await;
    rig.install(listener("listener", 1, "")).await.unwrap();
    let closed = rig.tenant.gate.clone().lock_owned().await;
    // Each waits for as long as a service may take for one message.
    let service = rig.plugins.service("listener").unwrap();
    let holds: Vec<_> = (0..4)
        .map(|_| {
            tokio::spawn({
                let service = service.clone();
                async move { service.ask("hold".into()).await }
            })
        })
        .collect();
    rig.tenant.at_gate.subscribe().wait_for(|count| *count >= 1).await.unwrap();
    let refused = rig.install(listener("listener", 2, "")).await;
    assert!(
        matches!(&refused, Err(InstallError::Service(why)) if why.contains("did not come to hand over")),
        "{refused:?}"
    );
    rig.install(listener("other", 1, "")).await.unwrap();
    drop(closed);
    let mut ended_in_time = Vec::new();
    for hold in holds {
        ended_in_time.push(hold.await.unwrap().is_ok());
    }
    assert!(!ended_in_time[0], "a message has its limit");
    assert!(heard(&rig.plugins, "listener").await.is_empty());
    assert_eq!(rig.plugins.show("listener").unwrap().version, "0.1.1");
    rig.install(listener("listener", 2, "")).await.unwrap();
}

/// H12: a service that always has something to do computes no more than its share of the time, messages and timers together.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_keeps_to_its_share() {
    let rig = Rig::new().await;
    let patient = |manifest: String| manifest + "\n[limits]\ncpu-burst-ms = 100\n";
    let package = listener("listener", 1, "");
    rig.install(Package { manifest: patient(package.manifest.clone()), ..package }).await.unwrap();
    let cpu = || rig.plugins.show("listener").unwrap().usage.cpu_us;
    let (begun, before) = (std::time::Instant::now(), cpu());
    let mut longest = 0;
    while cpu() - before < 300_000 {
        let then = cpu();
        ask(&rig.plugins, "listener", "spin").await.unwrap();
        longest = longest.max(cpu() - then);
    }
    let time = u64::try_from(begun.elapsed().as_micros()).unwrap();
    // A tenth of the time, a second's worth of it at once, and the message that was begun.
    let share = time / 10 + 100_000 + longest;
    assert!(cpu() - before <= share, "{} us in {time} us", cpu() - before);
}

/// Events that come too fast for its share wait, and are heard when it has a share again: nothing else has to happen for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_beyond_its_share_are_late_and_not_lost() {
    let rig = Rig::new().await;
    let patient = |manifest: String| manifest + "\n[limits]\ncpu-burst-ms = 100\n";
    let package = listener("listener", 1, "call.");
    rig.install(Package { manifest: patient(package.manifest.clone()), ..package }).await.unwrap();
    let usage = || rig.plugins.show("listener").unwrap();
    let (begun, before) = (usage().runs, usage().usage.cpu_us);
    // Nobody asks it anything: an answer would be another occasion to look at the clock.
    let mut told = 0;
    while usage().usage.cpu_us - before < 150_000 {
        told += 1;
        rig.plugins.tell("call.spin", "c1", Vec::new);
        while usage().runs - begun < told {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
    assert!(told > 1);
}

/// A timer that is due while the tenant has as many runs as it may is heard when one of them is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_timer_waits_until_the_tenant_has_room() {
    let rig = Rig::with(|config| HostConfig { runs_per_tenant: 1, ..config }).await;
    rig.install(listener("listener", 1, "")).await.unwrap();
    assert_eq!(ask(&rig.plugins, "listener", "after tick 60000").await, Ok("done".into()));
    let closed = rig.tenant.gate.clone().lock_owned().await;
    let (plugins, call) = (rig.plugins.clone(), FakeCall::new());
    let held =
        tokio::spawn(async move { plugins.app("Listener").unwrap().run(call::LegId(0), "hold".into(), call).await });
    rig.tenant.at_gate.subscribe().wait_for(|count| *count >= 1).await.unwrap();
    rig.tenant.passed.send_modify(|passed| *passed += Duration::from_secs(61));
    assert!(rig.plugins.service("listener").unwrap().ask(b"heard".to_vec()).await.is_err(), "there is no room");
    drop(closed);
    held.await.unwrap().unwrap().unwrap();
    while rig.plugins.show("listener").unwrap().runs < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(heard(&rig.plugins, "listener").await, ["1 timer tick ms=60000"]);
}

/// A timer that comes while the plugin is suspended is heard when it is not any more.
#[tokio::test]
async fn a_timer_waits_for_the_end_of_a_suspension() {
    let rig = Rig::new().await;
    rig.install(listener("listener", 1, "")).await.unwrap();
    assert_eq!(ask(&rig.plugins, "listener", "after tick 60000").await, Ok("done".into()));
    let call = FakeCall::new();
    for _ in 0..limit::TRAPS_TO_SUSPEND {
        assert!(rig.run("Listener", "trap", &call).await.is_err());
    }
    assert!(rig.plugins.show("listener").unwrap().trouble.is_some(), "it is suspended");
    rig.tenant.passed.send_modify(|passed| *passed += Duration::from_secs(61));
    let mut heard = Vec::new();
    while heard.is_empty() {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let service = rig.plugins.service("listener").unwrap();
        if let Ok(Ok(lines)) = service.ask(b"heard".to_vec()).await {
            heard = String::from_utf8(lines).unwrap().lines().map(str::to_owned).collect();
        }
    }
    assert_eq!(heard, ["1 timer tick ms=60000"]);
}

/// F62: what a plugin uses is counted where it is used, and memory is given back.
#[tokio::test]
async fn what_is_used_is_counted() {
    let rig = Rig::new().await;
    rig.install(listener("listener", 1, "")).await.unwrap();
    let usage = || rig.plugins.show("listener").unwrap().usage;
    let idle = usage();
    assert!(idle.memory > 0, "its service");
    let call = FakeCall::new();
    rig.run("Listener", "ask subscribe call.", &call).await.unwrap().unwrap();
    let after = usage();
    assert_eq!(after.memory, idle.memory, "the run's instance is gone");
    assert!(after.memory_peak > idle.memory);
    assert!(after.cpu_us > idle.cpu_us && after.host_calls >= idle.host_calls + 3, "{after:?}");
    assert_eq!(after.moved - idle.moved, ("subscribe call.".len() + "done".len()) as u64);
    assert_eq!(after.refused, 0);
}
