//! A plugin records what a caller says to a blob of its tenant and plays it back; what was said before a hang-up is kept; a
//! tenant that records as much as it may is refused one more, and others are not (F4, F8, capability `recording`).

use std::time::Duration;

use codec::{SampleRate, goertzel, wav};
use store::BlobName;

use crate::harness::{World, run};

const DIALPLAN: &str = "\
[phones]
exten => 650,1,Memo(memo-${CALLERID(num)})
 same => n,GotoIf($[\"${MEMOSTATUS}\" = \"stored\"]?:other)
 same => n,Hangup(16)
 same => n(other),GotoIf($[\"${MEMOSTATUS}\" = \"limit\"]?:failed)
 same => n,Hangup(42)
 same => n(failed),Hangup(41)
exten => 651,1,Playback(blob:memo-100)
 same => n,Hangup(16)
exten => e,1,Hangup(38)
";

async fn with_memos(seed: u64) -> World {
    let mut world = World::with_dialplan(seed, DIALPLAN).await;
    for tenant in ["acme", "globex"] {
        for plugin in ["memo", "func-core", "app-playback"] {
            world.install(tenant, plugin).await;
        }
    }
    world
}

/// A recording of the tenant: its audio.
fn recorded(world: &World, tenant: &str, name: &str) -> Option<Vec<i16>> {
    let id = call::TenantId::new(tenant).expect("a name");
    let blobs = world.store.tenant(&id).blobs().expect("blobs");
    let bytes = blobs.get(&BlobName::new(name).expect("a name")).expect("readable")?;
    let audio = wav::read(&bytes, 1 << 20).expect("a WAV file");
    assert_eq!(audio.rate, SampleRate::Hz8000);
    Some(audio.samples)
}

#[test]
fn what_was_said_is_stored_and_played_back() {
    run(async {
        let mut world = with_memos(1).await;
        let alice = world.registered("acme", "100").await;
        let line = world.call(alice, "650");
        world.until_up(line).await;
        world.say(line, 600);
        world.pass(Duration::from_secs(3)).await;
        world.hush(line);
        world.press(line, "#");
        world.until_heard(line, 600).await;
        world.until_over(line).await;
        let samples = recorded(&world, "acme", "memo-100").expect("it is stored");
        assert!((20_000..32_000).contains(&samples.len()), "about three seconds: {}", samples.len());
        assert!(goertzel::purity(&samples[8_000..16_000], SampleRate::Hz8000, 600.0) > 0.9);
        assert_eq!(recorded(&world, "globex", "memo-100"), None);
        assert_eq!(world.records("acme", 1).await[0]["cause"], 16);
        world.finish().await;
    });
}

#[test]
fn a_hang_up_keeps_what_was_said() {
    run(async {
        let mut world = with_memos(2).await;
        let alice = world.registered("acme", "100").await;
        let line = world.call(alice, "650");
        world.until_up(line).await;
        world.say(line, 600);
        world.pass(Duration::from_secs(2)).await;
        world.hang_up(line);
        world.records("acme", 1).await;
        world.until("the recording is stored", |world| recorded(world, "acme", "memo-100").is_some()).await;
        let samples = recorded(&world, "acme", "memo-100").expect("it is stored");
        assert!((12_000..20_000).contains(&samples.len()), "about two seconds: {}", samples.len());
        world.finish().await;
    });
}

/// Who says nothing leaves nothing, which takes the place of what was there, and is no failure.
#[test]
fn a_recording_of_nothing_is_one() {
    run(async {
        let mut world = with_memos(4).await;
        let alice = world.registered("acme", "100").await;
        let line = world.call(alice, "650");
        world.until_up(line).await;
        world.say(line, 600);
        world.pass(Duration::from_secs(2)).await;
        world.hush(line);
        world.press(line, "#");
        world.until_over(line).await;
        assert!(!recorded(&world, "acme", "memo-100").expect("it is stored").is_empty());
        let line = world.call(alice, "650");
        world.until_up(line).await;
        world.hang_up(line);
        world.records("acme", 2).await;
        world
            .until("nothing is stored", |world| {
                recorded(world, "acme", "memo-100").is_some_and(|audio| audio.is_empty())
            })
            .await;
        // What is played of it ends at once.
        let line = world.call(alice, "651");
        world.until_over(line).await;
        assert_eq!(world.records("acme", 3).await[2]["cause"], 16);
        world.finish().await;
    });
}

/// The tenants of the harness may record twice at once.
#[test]
fn one_more_than_the_tenant_may_is_refused() {
    run(async {
        let mut world = with_memos(3).await;
        let mut lines = Vec::new();
        for (tenant, number) in [("acme", "100"), ("acme", "101"), ("acme", "102"), ("globex", "100")] {
            let phone = world.registered(tenant, number).await;
            let line = world.call(phone, "650");
            world.until_up(line).await;
            lines.push(line);
        }
        // Acme's third is told so; globex is another tenant.
        world.until_over(lines[2]).await;
        assert_eq!(world.records("acme", 1).await[0]["cause"], 42, "MEMOSTATUS is limit");
        world.pass(Duration::from_secs(1)).await;
        world.press(lines[3], "#");
        world.until_over(lines[3]).await;
        assert_eq!(world.records("globex", 1).await[0]["cause"], 16);
        // A place is free again as soon as a recording is stored.
        world.press(lines[0], "#");
        world.until_over(lines[0]).await;
        let phone = world.registered("acme", "103").await;
        let again = world.call(phone, "650");
        world.until_up(again).await;
        world.pass(Duration::from_secs(1)).await;
        for line in [lines[1], again] {
            world.press(line, "#");
            world.until_over(line).await;
        }
        let records = world.records("acme", 4).await;
        assert!(records[1..].iter().all(|record| record["cause"] == 16), "{records:?}");
        world.finish().await;
    });
}
