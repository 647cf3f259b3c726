//! The measurements work and their figures are printed (`cargo test -p plugin --test cost -- --nocapture`). The bounds are those
//! of `cargo xtask bench`, which runs alone on the machine; here nothing depends on time.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use plugin::measure;
use support::{FakeCall, Rig, component, hostile};

/// P8, P9, P14.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn costs_are_measured() {
    let rig = Rig::new().await;
    rig.install(hostile()).await.unwrap();
    let function = rig.plugins.function("GOOD").unwrap();
    let (host, version) = (rig.host.clone(), rig.host.load(component("app-echo")).await.unwrap());
    let (call, instance) = tokio::task::spawn_blocking(move || {
        (measure::function_call(&function, &["a", "b"], 2_000), measure::fresh_instance(&host, &version, 500))
    })
    .await
    .unwrap();
    println!("P8 function call {call:?} · P9 fresh instance {instance:?}");
    let slot = rig.plugins.app("Loop").unwrap();
    let stopped = measure::runaways(&slot, FakeCall::new(), 20).await;
    let (mut wall, mut computed): (Vec<_>, Vec<_>) = stopped.iter().map(|end| (end.wall, end.computed)).unzip();
    wall.sort();
    computed.sort();
    println!("P14 runaway stopped after {:?} (median), {:?} (longest)", wall[10], wall[19]);
    println!("    having computed for {:?} (median), {:?} (longest)", computed[10], computed[19]);
    assert!(!call.is_zero() && !instance.is_zero());
}
