//! F60: an administrator consents to what a package wants, and again to what a later version wants more.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::collections::BTreeSet;

use plugin::{
    Basis, Capability, Consent, Difference, Digest, InstallError, Installed, Package, Plan, Right, Terms, Trust,
};
use support::{Rig, by, hostile, variant};

/// A version of the hostile guest, which imports `kv`, with other capabilities and limits in its manifest.
fn version(number: u32, asks: &str) -> Package {
    let text = hostile().manifest.replace("version = \"0.1.0\"", &format!("version = \"0.{number}.0\""));
    let manifest = text.replace("kv = { quota = \"1MB\" }", asks);
    Package { manifest, wasm: variant(&hostile().wasm, number), ..hostile() }
}

fn rights(names: &[&str]) -> BTreeSet<Right> {
    names.iter().map(|name| name.parse().unwrap()).collect()
}

async fn install(rig: &Rig, package: Package, grants: &[&str]) -> Result<Installed, InstallError> {
    rig.plugins.install(package, Terms::unsigned(Consent::Growth(rights(grants))), by()).await
}

fn plan(rig: &Rig, package: &Package) -> Plan {
    rig.plugins.plan(package, &Trust { unsigned: true, ..Trust::default() }).unwrap()
}

/// The plan's lines, and which of them need consent.
fn differences(plan: &Plan) -> Vec<(&'static str, Difference)> {
    plan.wants.iter().map(|want| (want.right.name(), want.difference)).collect()
}

#[track_caller]
fn lacks(result: Result<Installed, InstallError>) -> Vec<&'static str> {
    match result {
        Err(InstallError::NoConsent(wants)) => wants.iter().map(|want| want.right.name()).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn growth_needs_consent_and_nothing_else_does() {
    let rig = Rig::new().await;
    let first = version(1, "kv = { quota = \"1MB\" }\ndial = {}");
    let planned = plan(&rig, &first);
    assert_eq!(differences(&planned), [("dial", Difference::Unused), ("kv", Difference::New)]);
    assert_eq!(planned.wants[1].asks, "(at most 1048576 bytes)");
    assert!(planned.wants[1].imports.contains(&"get".to_owned()), "{planned:?}");
    assert_eq!(lacks(install(&rig, first.clone(), &[]).await), ["kv"]);
    assert!(rig.plugins.list().is_empty());
    // What is declared and not imported is not granted.
    assert_eq!(install(&rig, first, &["kv"]).await.unwrap().granted, [Capability::Kv]);

    let same = version(2, "kv = { quota = \"1MB\" }");
    assert_eq!(differences(&plan(&rig, &same)), [("kv", Difference::Same)]);
    assert_eq!(install(&rig, same, &[]).await.unwrap().granted, [Capability::Kv]);
    let less = version(3, "kv = { quota = \"64KB\" }");
    assert_eq!(differences(&plan(&rig, &less)), [("kv", Difference::Less)]);
    install(&rig, less, &[]).await.unwrap();

    // What it gave back it does not have any more.
    for (number, asks) in [(4, "kv = { quota = \"65KB\" }"), (5, "kv = {}")] {
        let grown = version(number, asks);
        assert_eq!(differences(&plan(&rig, &grown)), [("kv", Difference::Grown)]);
        assert_eq!(lacks(install(&rig, grown, &[]).await), ["kv"]);
    }
    let shown = rig.plugins.show("hostile").unwrap();
    assert_eq!((shown.version.as_str(), shown.generations), ("0.3.0", 1), "what runs is not disturbed");
    install(&rig, version(6, "kv = {}"), &["kv"]).await.unwrap();
    let history = rig.plugins.history("hostile");
    assert!(history.iter().all(|entry| entry.granted == BTreeSet::from([Capability::Kv])), "{history:?}");
}

#[tokio::test]
async fn limits_above_what_it_has_are_growth() {
    let rig = Rig::new().await;
    let text = |limits: &str| format!("kv = {{}}\n[limits]\n{limits}");
    let large = version(1, &text("memory = \"32MB\"\nfuel = 1000"));
    assert_eq!(
        differences(&plan(&rig, &large)),
        [("kv", Difference::New), ("memory", Difference::Grown), ("fuel", Difference::Less)]
    );
    assert_eq!(lacks(install(&rig, large.clone(), &["kv"]).await), ["memory"]);
    install(&rig, large, &["kv", "memory"]).await.unwrap();
    install(&rig, version(2, &text("memory = \"32MB\"\nfuel = 1000")), &[]).await.unwrap();
    // Above the host's ceiling there is nothing to be had.
    let beyond = version(3, &text("memory = \"64MB\"\nfuel = 1000"));
    install(&rig, beyond, &["memory"]).await.unwrap();
    install(&rig, version(4, &text("memory = \"1GB\"\nfuel = 1000")), &[]).await.unwrap();
}

#[tokio::test]
async fn consent_to_what_is_not_asked_for_is_an_error() {
    let rig = Rig::new().await;
    let error = install(&rig, version(1, "kv = {}"), &["kv", "dial"]).await.unwrap_err();
    assert_eq!(error.to_string(), "it does not declare dial, so that cannot be granted; it declares kv");
    let error = "dail".parse::<Right>().unwrap_err();
    assert_eq!(error.to_string(), "nothing that can be granted is called \"dail\"");
}

/// A removed plugin has nothing: it is asked about as if it were new.
#[tokio::test]
async fn consent_ends_with_the_plugin() {
    let rig = Rig::new().await;
    install(&rig, version(1, "kv = {}"), &["kv"]).await.unwrap();
    rig.plugins.remove("hostile", by()).await.unwrap();
    assert_eq!(lacks(install(&rig, version(1, "kv = {}"), &[]).await), ["kv"]);
}

/// What was consented to is what is installed: another package, or a plan of before another change, is refused.
#[tokio::test]
async fn a_plan_holds_for_its_package_and_its_moment() {
    let rig = Rig::new().await;
    let (first, second) = (version(1, "kv = {}"), version(2, "kv = {}"));
    let by_plan = |package: &Package, basis: Basis| {
        let terms = Terms { basis: Some(basis), ..Terms::unsigned(Consent::Growth(rights(&["kv"]))) };
        rig.plugins.install(package.clone(), terms, by())
    };
    let basis = plan(&rig, &first).basis;
    let error = by_plan(&second, basis).await.unwrap_err();
    assert!(
        matches!(&error, InstallError::OtherPackage { planned, found }
            if (*planned, *found) == (first.digest(), second.digest())),
        "{error}"
    );
    // Two administrators looked at the same state: the quicker one wins, and the other one looks again.
    let (one, other) = tokio::join!(by_plan(&first, basis), by_plan(&second, plan(&rig, &second).basis));
    let (installed, refused) = match (one, other) {
        (Ok(installed), Err(refused)) | (Err(refused), Ok(installed)) => (installed, refused),
        both => panic!("{both:?}"),
    };
    assert!(matches!(refused, InstallError::StalePlan), "{refused}");
    assert_eq!(rig.plugins.show("hostile").unwrap().digest, installed.digest);
    assert_eq!(rig.plugins.history("hostile").len(), 1);
    let left = if installed.digest == Digest::of(&first.wasm) { second } else { first };
    by_plan(&left, plan(&rig, &left).basis).await.unwrap();
}
