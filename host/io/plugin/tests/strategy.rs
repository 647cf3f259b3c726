//! Strategies: what one plugin has another one choose, and what becomes of a choice that is none.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use plugin::{InstallError, Package};
use support::{FakeCall, Rig, by, component, manifest, variant};

fn package(version: u32) -> Package {
    Package::folder(
        include_str!("../../../../tests/guest/chooser/plugin.toml"),
        variant(&component("chooser"), version),
    )
}

/// What the application leaves in `CHOSEN`.
async fn chosen(rig: &Rig, arguments: &str) -> String {
    let call = FakeCall::new();
    rig.run("chooser", arguments, &call).await.unwrap().unwrap();
    let variables = call.variables.lock().unwrap();
    variables.get("CHOSEN").cloned().unwrap()
}

#[tokio::test]
async fn an_application_and_a_service_have_a_strategy_choose() {
    let rig = Rig::new().await;
    rig.install(package(1)).await.unwrap();
    for asker in ["", "ask "] {
        for (strategy, answer) in [
            ("first", "101"),
            ("FIRST", "101"),
            // It is told its name as its manifest spells it.
            ("of-queue", "102 101"),
            ("nobody", ""),
            ("stranger", "invalid"),
            ("twice", "invalid"),
            ("refuses", "busy"),
            ("asks", "denied"),
            ("spins", "failed"),
            ("traps", "failed"),
            ("unheard-of", "invalid"),
            (&"x".repeat(65), "limit"),
        ] {
            assert_eq!(chosen(&rig, &format!("{asker}{strategy}")).await, answer, "{asker}{strategy}");
        }
    }
    let shown = rig.plugins.show("chooser").unwrap();
    assert_eq!(shown.strategies.len(), 9);
    assert_eq!(shown.faults, 4, "{:?}", shown.last_fault);
    assert_eq!(shown.live, 0);
}

/// As a function may not ask another one: they run on a caller's thread.
#[tokio::test]
async fn a_function_has_nothing_chosen() {
    let rig = Rig::new().await;
    rig.install(package(1)).await.unwrap();
    let function = rig.plugins.function("CHOOSER").unwrap();
    let refused = function.read(vec!["first".into()], None).await.unwrap().unwrap_err();
    assert_eq!(refused.code, "denied");
}

/// It chooses for other plugins as for its own; one that is gone is as one that was never there.
#[tokio::test]
async fn a_strategy_of_another_plugin_is_replaced_and_removed() {
    let rig = Rig::new().await;
    let queue = |version| Package::folder(manifest("strategy-queue"), variant(&component("strategy-queue"), version));
    rig.install(package(1)).await.unwrap();
    assert_eq!(chosen(&rig, "ask fewest-calls").await, "invalid");
    for version in [1, 2] {
        rig.install(queue(version)).await.unwrap();
        assert_eq!(chosen(&rig, "ask fewest-calls").await, "101");
        assert_eq!(rig.plugins.show("strategy-queue").unwrap().generations, 1, "nothing of the former version is left");
    }
    assert_eq!(rig.plugins.show("strategy-queue").unwrap().runs, 2);
    rig.plugins.remove("strategy-queue", by()).await.unwrap();
    assert_eq!(chosen(&rig, "ask fewest-calls").await, "invalid");
}

#[tokio::test]
async fn a_strategy_has_one_plugin() {
    let rig = Rig::new().await;
    let other = include_str!("../../../../tests/guest/chooser/plugin.toml")
        .replace("\"chooser\"", "\"other\"")
        .replace("[\"Chooser\"]", "[\"Other\"]")
        .replace("[\"CHOOSER\"]", "[\"OTHER\"]");
    rig.install(package(1)).await.unwrap();
    let taken = rig.install(Package::folder(other, variant(&component("chooser"), 2))).await.unwrap_err();
    assert!(
        matches!(&taken, InstallError::NameTaken { name, plugin } if name == "first" && plugin == "chooser"),
        "{taken}"
    );
}
