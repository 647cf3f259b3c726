//! A plugin that writes for ever, with the store's bound far away: its manifest's quota holds, the plugin is told `limit`, the
//! other tenant has a quota of its own, and what the store's bound allows is never exceeded (F64, H13).

use store::{Class, Usage};

use crate::harness::{World, run};

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

/// A manifest cannot ask for more than there is: the tenant's bound per plugin is 16 MiB.
#[test]
fn the_stores_bound_holds_under_a_larger_quota() {
    run(async {
        let mut world = World::with_dialplan(2, DIALPLAN).await;
        world.install_with("acme", "hostile", |manifest| manifest.replace("\"1MB\"", "\"1GB\"")).await;
        let alice = world.registered("acme", "100").await;
        let line = world.call(alice, "650");
        world.until_over(line).await;
        let used = usage(&world, "acme").bytes;
        assert!(used <= 16 << 20 && used + ENTRY > 16 << 20, "{used}");
        world.finish().await;
    });
}
