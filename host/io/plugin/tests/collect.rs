//! Files of versions that no tenant keeps are removed; what somebody keeps, runs or has just brought stays.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use plugin::{Collected, Consent, Digest, Package, Terms, limit};
use support::{FakeCall, Rig, by, component, hostile, variant};

/// The versions with a file in a folder of the host's directory.
fn versions(rig: &Rig, folder: &str) -> BTreeSet<Digest> {
    let names = std::fs::read_dir(rig.path().join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter_map(|name| name.to_str()?.get(..64)?.parse().ok()).collect()
}

fn numbered(number: u32) -> Package {
    Package { wasm: variant(&component("hostile"), number), ..hostile() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_removed_plugin_leaves_no_files() {
    let rig = Rig::new().await;
    let first = rig.install(numbered(1)).await.unwrap().digest;
    let second = rig.install(numbered(2)).await.unwrap().digest;
    let both: BTreeSet<Digest> = [first, second].into();
    // Both can be activated: nothing to collect, however old they are.
    assert_eq!(rig.host.collect_older(Duration::ZERO).await.unwrap(), Collected::default());
    assert_eq!((versions(&rig, "components"), versions(&rig, "compiled")), (both.clone(), both.clone()));
    rig.plugins.remove("hostile", by()).await.unwrap();
    assert_eq!(rig.host.collect().await.unwrap().files, 0, "they were used a moment ago");
    let collected = rig.host.collect_older(Duration::ZERO).await.unwrap();
    // A component, its code and the code's tag, twice.
    assert_eq!(collected.files, 6);
    assert!(collected.bytes > 2 * hostile().wasm.len() as u64);
    assert!(versions(&rig, "components").is_empty() && versions(&rig, "compiled").is_empty());
    // It can be installed again, and runs.
    rig.install(numbered(1)).await.unwrap();
    rig.run("Good", "", &FakeCall::new()).await.unwrap().unwrap();
}

/// A run that goes on after its version was removed is on code that has no name any more.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_runs_stays_until_its_last_run_is_over() {
    let rig = Rig::new().await;
    rig.install(hostile()).await.unwrap();
    let call = FakeCall::new();
    let running = tokio::spawn({
        let (slot, call) = (rig.plugins.app("Wait").unwrap(), call.clone());
        async move { slot.run(call::LegId(0), "600000".into(), call).await }
    });
    call.reached(2).await;
    rig.plugins.remove("hostile", by()).await.unwrap();
    assert_eq!(rig.host.collect_older(Duration::ZERO).await.unwrap(), Collected::default());
    call.hang_up();
    running.await.unwrap().unwrap().unwrap_err();
    while rig.host.versions() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(rig.host.collect_older(Duration::ZERO).await.unwrap().files, 3);
}

/// Nobody knows of a component yet that waits to be compiled, however long that takes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_component_that_is_being_installed_stays() {
    let directory = Arc::new(tempfile::tempdir().unwrap());
    let pipe = |name: &str| {
        let path = directory.path().join(name);
        assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
        path
    };
    let (begun, ends) = (pipe("begun"), pipe("ends"));
    // A compiler that says when it begins, is told when to end, and then fails.
    let script = format!("echo > {}; read line < {}; exit 1", begun.display(), ends.display());
    let compiler = plugin::Compiler::Process { program: "/bin/sh".into(), arguments: vec!["-c".into(), script] };
    let rig = Rig::reopen(directory, |config| plugin::HostConfig { compiler, ..config }).await;
    let plugins = rig.plugins.clone();
    let installing =
        tokio::spawn(async move { plugins.install(hostile(), Terms::unsigned(Consent::Declared), by()).await });
    tokio::task::spawn_blocking(move || std::fs::read(begun)).await.unwrap().unwrap();
    assert_eq!(rig.host.collect_older(Duration::ZERO).await.unwrap(), Collected::default());
    assert_eq!(versions(&rig, "components").len(), 1);
    tokio::task::spawn_blocking(move || std::fs::write(ends, "\n")).await.unwrap().unwrap();
    installing.await.unwrap().unwrap_err();
    assert_eq!(rig.host.collect_older(Duration::ZERO).await.unwrap().files, 1, "it came to nothing");
}

/// Over the bound, code that is not active goes, and comes back when it is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_is_bounded_in_bytes() {
    let rig = Rig::with(|config| plugin::HostConfig { compiled_bytes: 0, ..config }).await;
    let mut digests = Vec::new();
    for number in 1..=3 {
        digests.push(rig.install(numbered(number)).await.unwrap().digest);
    }
    while rig.host.versions() > 1 {
        tokio::task::yield_now().await;
    }
    rig.host.collect_older(Duration::ZERO).await.unwrap();
    assert_eq!(versions(&rig, "compiled"), [digests[2]].into(), "the active version's code stays over any bound");
    assert_eq!(versions(&rig, "components").len(), 3);
    rig.plugins.rollback("hostile", by()).await.unwrap();
    assert_eq!(versions(&rig, "compiled"), [digests[1], digests[2]].into());
    rig.run("Good", "", &FakeCall::new()).await.unwrap().unwrap();
}

/// Two tenants: what one removes, the other keeps. A journal that nobody can read keeps everything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_of_another_tenant_is_removed() {
    let rig = Rig::new().await;
    let tenant = Arc::new(support::FakeTenant::default());
    let globex = rig.host.tenant(call::TenantId::new("globex").unwrap(), tenant).await.unwrap();
    rig.install(hostile()).await.unwrap();
    globex.install(hostile(), Terms::unsigned(Consent::Declared), by()).await.unwrap();
    rig.plugins.remove("hostile", by()).await.unwrap();
    assert_eq!(rig.host.collect_older(Duration::ZERO).await.unwrap(), Collected::default());
    globex.remove("hostile", by()).await.unwrap();
    drop(globex);
    std::fs::write(rig.path().join("tenants/initech.json"), "{").unwrap();
    rig.host.collect_older(Duration::ZERO).await.unwrap_err();
    assert_eq!(versions(&rig, "components").len(), 1);
    std::fs::remove_file(rig.path().join("tenants/initech.json")).unwrap();
    assert_eq!(rig.host.collect_older(Duration::ZERO).await.unwrap().files, 3);
}

/// Native code of another engine is never loaded by this one, whoever keeps its version.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn code_of_another_engine_goes() {
    let rig = Rig::new().await;
    let digest = rig.install(hostile()).await.unwrap().digest;
    let foreign = rig.path().join(format!("compiled/{digest}-0123456789abcdef.cwasm"));
    std::fs::write(&foreign, "code").unwrap();
    // Not ours to judge.
    let stranger = rig.path().join("compiled/README");
    std::fs::write(&stranger, "hands off").unwrap();
    let collected = rig.host.collect_older(Duration::ZERO).await.unwrap();
    assert_eq!(collected, Collected { files: 1, bytes: 4 });
    assert!(!foreign.exists() && stranger.exists());
    assert!(limit::COLLECT_AGE <= limit::COLLECT_INTERVAL, "what is too young now is old the next time");
}
