//! A plugin that writes for ever, with the store's bound far away: its manifest's quota holds, the plugin is told `limit`, the
//! other tenant has a quota of its own, and what the store's bound allows is never exceeded (F64, H13).

use store::{Class, Usage};

use crate::harness::{PLUGIN_KV_BYTES, World, run};

const DIALPLAN: &str = "\
[phones]
exten => 650,1,Answer()
 same => n,Set(DUMMY=1)
 same => n,KvForever()
 same => n,Hangup(16)
exten => e,1,GotoIf($[\"${APPSTATUS}\" = \"FAILED\"]?:other)
 same => n,Hangup(42)
 same => n(other),Hangup(41)
";

fn usage(world: &World, tenant: &str) -> Usage {
    let id = call::TenantId::new(tenant).expect("a name");
    world.store.tenant(&id).kv(Class::PluginKv("hostile".into())).expect("a space").usage()
}

/// What one value of the plugin takes: 60,000 bytes, its key and what an entry costs besides.
const ENTRY: u64 = 60_100;

#[test]
fn the_manifests_quota_holds() {
    run(async {
        let mut world = World::with_dialplan(1, DIALPLAN).await;
        let quota = |size: &'static str| move |manifest: String| manifest.replace("\"1MB\"", &format!("\"{size}\""));
        world.install_with("acme", "hostile", quota("200KB")).await;
        world.install_with("globex", "hostile", quota("400KB")).await;
        for (tenant, bytes) in [("acme", 200 << 10), ("globex", 400 << 10)] {
            let alice = world.registered(tenant, "100").await;
            let line = world.call(alice, "650");
            world.until_over(line).await;
            assert_eq!(world.records(tenant, 1).await[0]["cause"], 42, "the plugin was told, and passed it on");
            let used = usage(&world, tenant).bytes;
            assert!(used <= bytes && used + ENTRY > bytes, "{tenant}: {used} of {bytes}");
        }
        world.finish().await;
    });
}

/// A manifest cannot ask for more than the store has for a plugin.
#[test]
fn the_stores_bound_holds_under_a_larger_quota() {
    run(async {
        let mut world = World::with_dialplan(2, DIALPLAN).await;
        // Time enough to write all that: it is storage that ends here.
        let larger = |manifest: String| manifest.replace("\"1MB\"", "\"1GB\"") + "\n[limits]\ncpu-burst-ms = 100\n";
        world.install_with("acme", "hostile", larger).await;
        let alice = world.registered("acme", "100").await;
        let line = world.call(alice, "650");
        world.until_over(line).await;
        let used = usage(&world, "acme").bytes;
        assert!(used <= PLUGIN_KV_BYTES && used + ENTRY > PLUGIN_KV_BYTES, "{used}");
        world.finish().await;
    });
}
