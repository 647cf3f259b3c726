//! A plugin records what a caller says to a blob of its own and plays it back; what was said before a hang-up is kept; a
//! tenant that records as much as it may is refused one more, and others are not (F4, F8, capabilities `recording` and `blob`).

use std::time::Duration;

use codec::{SampleRate, goertzel, wav};
use store::BlobName;

use crate::harness::{Line, World, run};

const DIALPLAN: &str = "\
[phones]
exten => 650,1,Memo(memo-${CALLERID(num)})
 same => n,GotoIf($[\"${MEMOSTATUS}\" = \"stored\"]?:other)
 same => n,Hangup(16)
 same => n(other),GotoIf($[\"${MEMOSTATUS}\" = \"limit\"]?:failed)
 same => n,Hangup(42)
 same => n(failed),Hangup(41)
exten => 651,1,Memo(a/old)
 same => n,Memo(a/new)
 same => n,MemoMove(a/new,a/old)
 same => n,Set(CALLERID(name)=${MEMOSTATUS})
 same => n,MemoMove(a/new,a/old)
 same => n,Set(CALLERID(name)=${CALLERID(name)} ${MEMOSTATUS})
 same => n,MemoNames(a/)
 same => n,Set(CALLERID(name)=${CALLERID(name)} ${MEMOSTATUS})
 same => n,MemoPlay(a/old)
 same => n,MemoForget(a/old)
 same => n,Set(CALLERID(name)=${CALLERID(name)} ${MEMOSTATUS})
 same => n,MemoNames()
 same => n,Dial(PJSIP/101)
exten => 652,1,Answer()
 same => n,Playback(blob:memo-100)
 same => n,GotoIf($[\"${PLAYBACKSTATUS}\" = \"FAILED\"]?:heard)
 same => n,MemoPlay(memo-100)
 same => n,GotoIf($[\"${MEMOSTATUS}\" = \"played\"]?:heard)
 same => n,Hangup(16)
 same => n(heard),Hangup(41)
exten => 653,1,Answer()
 same => n,Playback(beep-440)
 same => n,Memo(memo-${CALLERID(num)})
 same => n,Set(CALLERID(name)=${MEMOSTATUS} ${MEMOEND})
 same => n,Dial(PJSIP/101)
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

/// The caller leaves so many seconds of a tone.
async fn leaves(world: &mut World, line: Line, hertz: u16, seconds: u64) {
    world.say(line, hertz);
    world.pass(Duration::from_secs(seconds)).await;
    world.hush(line);
    world.press(line, "#");
    world.until_heard(line, hertz).await;
}

/// A recording of the plugin in the tenant: its audio.
fn recorded(world: &World, tenant: &str, name: &str) -> Option<Vec<i16>> {
    let id = call::TenantId::new(tenant).expect("a name");
    let blobs = world.store.tenant(&id).blobs().expect("blobs");
    let bytes = blobs.get(&BlobName::new(&format!("memo/{name}")).expect("a name")).expect("readable")?;
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
        let line = world.call(alice, "652");
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

/// What was recorded is renamed over another, listed, heard and removed.
#[test]
fn recordings_are_managed_by_the_plugin_that_made_them() {
    run(async {
        let mut world = with_memos(4).await;
        let alice = world.registered("acme", "100").await;
        let bob = world.registered("acme", "101").await;
        let line = world.call(alice, "651");
        world.until_up(line).await;
        leaves(&mut world, line, 600, 2).await;
        leaves(&mut world, line, 800, 3).await;
        world.until("the older one is replaced", |world| recorded(world, "acme", "a/new").is_none()).await;
        world.until_heard(line, 800).await;
        let other = world.incoming(bob).await;
        assert_eq!(world.caller_name(other), "true false a/old true");
        assert_eq!(recorded(&world, "acme", "a/old"), None);
        world.hang_up(line);
        world.until_over(other).await;
        world.finish().await;
    });
}

/// One plugin's recording is nobody else's: not another plugin's, not the dialplan's by it, not the other tenant's.
#[test]
fn a_recording_is_heard_by_its_own_plugin_only() {
    run(async {
        let mut world = with_memos(5).await;
        let alice = world.registered("acme", "100").await;
        let line = world.call(alice, "650");
        world.until_up(line).await;
        leaves(&mut world, line, 600, 2).await;
        world.until_over(line).await;
        let line = world.call(alice, "652");
        world.until_heard(line, 600).await;
        world.until_over(line).await;
        assert_eq!(world.records("acme", 2).await[1]["cause"], 16);
        let elsewhere = world.registered("globex", "100").await;
        let line = world.call(elsewhere, "652");
        world.until_over(line).await;
        assert_eq!(world.records("globex", 1).await[0]["cause"], 41);
        world.finish().await;
    });
}

/// The quota of the manifest is 40 seconds of audio. A recording that meets it ends there and is kept; one more is refused.
/// (A prompt before it, since a phone that hears nothing stops talking after ten seconds: D6.)
#[test]
fn a_recording_ends_where_the_quota_of_the_plugin_does() {
    run(async {
        let mut world = with_memos(6).await;
        let bob = world.registered("acme", "101").await;
        for (number, name, samples) in
            [("100", "stored limit", Some(240_000)), ("102", "stored limit", Some(76_000)), ("103", "limit", None)]
        {
            let phone = world.registered("acme", number).await;
            let line = world.call(phone, "653");
            world.until_up(line).await;
            world.say(line, 600);
            let other = world.incoming(bob).await;
            assert_eq!(world.caller_name(other).trim_end(), name, "{number}");
            let stored = recorded(&world, "acme", &format!("memo-{number}")).map(|samples| samples.len());
            assert_eq!(stored, samples, "{number}");
            world.hang_up(line);
            world.until_over(other).await;
        }
        world.finish().await;
    });
}

/// Four seconds of silence end the recording; half a second of it stays.
#[test]
fn the_silence_that_ends_a_recording_is_cut_off() {
    run(async {
        let mut world = with_memos(7).await;
        let alice = world.registered("acme", "100").await;
        let bob = world.registered("acme", "101").await;
        let line = world.call(alice, "653");
        world.until_up(line).await;
        // The prompt.
        world.pass(Duration::from_millis(1_200)).await;
        world.say(line, 600);
        world.pass(Duration::from_secs(2)).await;
        world.hush(line);
        let other = world.incoming(bob).await;
        assert_eq!(world.caller_name(other), "stored silence");
        let samples = recorded(&world, "acme", "memo-100").expect("it is stored");
        assert!((18_000..24_000).contains(&samples.len()), "two seconds and a half: {}", samples.len());
        assert!(samples[samples.len() - 3_500..].iter().all(|sample| sample.unsigned_abs() < 300));
        world.hang_up(line);
        world.until_over(other).await;
        world.finish().await;
    });
}
