//! `[plugins.ID.config]` reaches the plugin: what the tenant sets holds instead of the manifest's default, a reload reaches new
//! calls, and a call that is up keeps what it has begun with (F10, F48).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::harness::{World, run};

const DIALPLAN: &str = "\
[phones]
exten => 650,1,Set(DIRECTORY(101)=Anna Smith)
 same => n,Hangup()
exten => 651,1,DialByName()
 same => n,Hangup()
";

async fn set(world: &mut World, settings: &[(&str, &str)]) {
    let settings: BTreeMap<String, String> =
        settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
    let settings = [("app-dial-by-name".to_owned(), Arc::new(settings))].into();
    world.redefine("acme", |definition| definition.plugin_settings = settings).await;
}

/// How many seconds a caller who presses nothing is listened to: eight for each attempt.
async fn patience(world: &mut World, calls: usize) -> u64 {
    let records = world.records("acme", calls).await;
    let seconds = records[calls - 1]["billed_ms"].as_u64().expect("a number") / 1_000;
    assert!(seconds.is_multiple_of(8), "{seconds}");
    seconds / 8
}

#[test]
fn a_reload_reaches_the_next_call() {
    run(async {
        let mut world = World::with_dialplan(1, DIALPLAN).await;
        world.install("acme", "app-dial-by-name").await;
        let alice = world.registered("acme", "100").await;
        // The manifest's default, the tenant's own, a value of the wrong type, and none again.
        let values = [None, Some("1"), Some("2"), Some("many"), None];
        for (index, (value, attempts)) in values.into_iter().zip([3, 1, 2, 3, 3]).enumerate() {
            let settings: Vec<(&str, &str)> = value.map(|value| ("attempts", value)).into_iter().collect();
            set(&mut world, &settings).await;
            let line = world.call(alice, "651");
            world.until_over(line).await;
            assert_eq!(patience(&mut world, index + 1).await, attempts, "attempts = {value:?}");
        }
        world.finish().await;
    });
}

#[test]
fn a_call_that_is_up_keeps_its_settings() {
    run(async {
        let mut world = World::with_dialplan(2, DIALPLAN).await;
        world.install("acme", "app-dial-by-name").await;
        let alice = world.registered("acme", "100").await;
        let anna = world.registered("acme", "101").await;
        let line = world.call(alice, "650");
        world.until_over(line).await;
        set(&mut world, &[("ring-seconds", "5")]).await;
        let mut rings = Vec::new();
        for reloaded in ["20", "30"] {
            let line = world.call(alice, "651");
            world.until_up(line).await;
            // The plugin has looked at `attempts` by now, and looks at `ring-seconds` only when it dials.
            set(&mut world, &[("ring-seconds", reloaded)]).await;
            world.press(line, "266");
            world.incoming(anna).await;
            let since = world.age();
            world.until_over(line).await;
            rings.push((world.age() - since).as_millis().div_ceil(1_000));
        }
        assert!(rings[0].abs_diff(5) <= 1 && rings[1].abs_diff(20) <= 1, "{rings:?}");
        world.pass(Duration::from_secs(1)).await;
        world.finish().await;
    });
}
