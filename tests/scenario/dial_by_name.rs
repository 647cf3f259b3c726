//! A directory in the tenant's store, filled by the dialplan through a plugin's function; a caller spells a name with the keys
//! and talks to who has it. One component, three capabilities in a real call: `kv`, `dial`, `dialplan` (F20, F21).

use std::time::Duration;

use store::Class;

use crate::harness::{World, run};

const DIALPLAN: &str = "\
[phones]
exten => 650,1,Set(DIRECTORY(101)=Anna Smith)
 same => n,Hangup()
exten => 651,1,DialByName()
 same => n,GotoIf($[\"${DIALSTATUS}\" = \"ANSWER\"]?:none)
 same => n,Hangup(16)
 same => n(none),Hangup(20)
";

/// Anna, on the keys.
const ANNA: &str = "266";

async fn with_anna(seed: u64) -> World {
    let mut world = World::with_dialplan(seed, DIALPLAN).await;
    for tenant in ["acme", "globex"] {
        world.install(tenant, "app-dial-by-name").await;
    }
    let alice = world.registered("acme", "100").await;
    let line = world.call(alice, "650");
    world.until_over(line).await;
    world
}

#[test]
fn the_caller_talks_to_whom_it_spelled() {
    run(async {
        let mut world = with_anna(1).await;
        let caller = world.registered("acme", "102").await;
        let anna = world.registered("acme", "101").await;
        let line = world.call(caller, "651");
        world.until_up(line).await;
        world.press(line, ANNA);
        let called = world.incoming(anna).await;
        assert_eq!(world.caller(called), "102");
        world.answer(called);
        world.until_up(called).await;
        world.say(line, 440);
        world.say(called, 800);
        world.until_heard(called, 440).await;
        world.until_heard(line, 800).await;
        world.hang_up(called);
        world.until_over(line).await;
        let records = world.records("acme", 2).await;
        let last = records.last().expect("two records");
        assert_eq!(last["cause"], 16, "DIALSTATUS reached the dialplan: {last}");
        assert_eq!(last["answered_by"]["number"], "101", "{last}");
        assert!(last["plugin"].as_str().is_some_and(|plugin| plugin.starts_with("app-dial-by-name@")), "{last}");
        world.finish().await;
    });
}

/// Nobody takes the call: the plugin gets the status, and the dialplan after it.
#[test]
fn a_busy_colleague_is_a_status() {
    run(async {
        let mut world = with_anna(2).await;
        let caller = world.registered("acme", "102").await;
        let anna = world.registered("acme", "101").await;
        let line = world.call(caller, "651");
        world.until_up(line).await;
        world.press(line, ANNA);
        let called = world.incoming(anna).await;
        world.refuse(called, 486);
        world.until_over(line).await;
        assert_eq!(world.records("acme", 2).await[1]["cause"], 20);
        world.finish().await;
    });
}

/// F8, E4: the entry is in the tenant's own space of the plugin, on its disk, and nobody else's plugin finds it.
#[test]
fn the_directory_is_the_tenants_own() {
    run(async {
        let mut world = with_anna(3).await;
        let kept = |world: &World, tenant: &str| {
            let id = call::TenantId::new(tenant).expect("a name");
            let kv = world.store.tenant(&id).kv(Class::PluginKv("app-dial-by-name".into())).expect("a space");
            kv.get(b"extension/101").expect("readable")
        };
        assert_eq!(kept(&world, "acme").as_deref(), Some(&b"Anna Smith"[..]));
        assert_eq!(kept(&world, "globex"), None);
        let stranger = world.registered("globex", "102").await;
        let anna = world.registered("globex", "101").await;
        let line = world.call(stranger, "651");
        world.until_up(line).await;
        for _ in 0..3 {
            world.press(line, ANNA);
            world.pass(Duration::from_secs(5)).await;
        }
        world.until_over(line).await;
        assert!(!world.is_called(anna));
        world.finish().await;
    });
}
