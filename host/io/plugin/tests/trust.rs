//! F67, I10: whose packages a tenant takes. What is refused was not compiled, and what runs is not disturbed.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::collections::BTreeMap;

use plugin::{
    Archive, Consent, InstallError, Installed, Origin, Package, PublisherKey, SecretKey, Terms, Trust, TrustError,
    limit,
};
use support::{FakeCall, Rig, by, component, hostile, variant};

/// A publisher with a plugin.
struct Publisher(SecretKey);

impl Publisher {
    fn new() -> Self {
        Self(SecretKey::generate().unwrap())
    }

    fn key(&self) -> PublisherKey {
        self.0.public()
    }

    /// A signed package; its component is another one for each serial.
    fn package(&self, version: &str, serial: u32) -> Package {
        let manifest =
            hostile().manifest.replace("version = \"0.1.0\"", &format!("version = \"{version}\"\nserial = {serial}"));
        let wasm = variant(&component("hostile"), serial);
        let file = Archive::write(&manifest, &wasm, &BTreeMap::new(), Some(&self.0)).unwrap();
        Archive::read(&file).unwrap().package()
    }
}

fn pinned(publishers: &[&Publisher]) -> Trust {
    Trust { publishers: publishers.iter().map(|publisher| publisher.key()).collect(), ..Trust::default() }
}

fn trusted(publisher: &Publisher) -> Trust {
    Trust { publisher: Some(publisher.key()), ..Trust::default() }
}

async fn install(rig: &Rig, package: Package, trust: &Trust) -> Result<Installed, InstallError> {
    rig.plugins.install(package, Terms { trust: trust.clone(), ..Terms::unsigned(Consent::Declared) }, by()).await
}

/// Why it was not taken; what ran runs on.
#[track_caller]
fn refused(result: Result<Installed, InstallError>) -> TrustError {
    match result {
        Err(InstallError::Untrusted(error)) => error,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn only_a_pinned_publisher_is_taken() {
    let (rig, acme, stranger) = (Rig::new().await, Publisher::new(), Publisher::new());
    let trust = pinned(&[&acme]);
    let installed = install(&rig, acme.package("0.1.0", 1), &trust).await.unwrap();
    assert_eq!(installed.signer, Some(acme.key()));
    assert_eq!(rig.plugins.show("hostile").unwrap().signer, Some(acme.key()));

    // Its own key, but nobody's here.
    let error = refused(install(&rig, stranger.package("0.2.0", 2), &trust).await);
    assert_eq!(error, TrustError::OtherPublisher { publisher: acme.key(), signer: stranger.key() });
    let fresh = Rig::new().await;
    let error = refused(install(&fresh, stranger.package("0.2.0", 2), &trust).await);
    assert_eq!(error, TrustError::UnknownPublisher(stranger.key()));
    assert_eq!(refused(install(&rig, hostile(), &trust).await), TrustError::Unsigned);
    let unsigned =
        Archive::read(&Archive::write(&hostile().manifest, &hostile().wasm, &BTreeMap::new(), None).unwrap());
    assert_eq!(refused(install(&rig, unsigned.unwrap().package(), &trust).await), TrustError::Unsigned);

    let shown = rig.plugins.show("hostile").unwrap();
    assert_eq!((shown.digest, shown.available.len(), shown.generations), (installed.digest, 1, 1));
    rig.run("Good", "", &FakeCall::new()).await.unwrap().unwrap();
}

/// What nobody trusts costs no compilation: not a byte of it is kept.
#[tokio::test]
async fn what_is_not_trusted_is_not_compiled() {
    let (rig, stranger) = (Rig::new().await, Publisher::new());
    refused(install(&rig, stranger.package("0.1.0", 1), &Trust::default()).await);
    for folder in ["components", "compiled"] {
        assert_eq!(std::fs::read_dir(rig.path().join(folder)).unwrap().count(), 0, "{folder}");
    }
    // Whether the host's own folder has one is the host's business.
    let bundled = Package { origin: Origin::Bundled, ..hostile() };
    install(&rig, bundled, &Trust::default()).await.unwrap();
}

#[tokio::test]
async fn an_old_package_does_not_come_back() {
    let (rig, acme) = (Rig::new().await, Publisher::new());
    let trust = pinned(&[&acme]);
    let first = install(&rig, acme.package("0.1.0", 1), &trust).await.unwrap();
    let third = install(&rig, acme.package("0.3.0", 3), &trust).await.unwrap();
    let old = TrustError::Old { serial: 2, newest: 3 };
    assert_eq!(refused(install(&rig, acme.package("0.2.0", 2), &trust).await), old);
    assert_eq!(refused(install(&rig, acme.package("0.3.1", 3), &trust).await), TrustError::SerialUsed(3));
    assert_eq!(refused(install(&rig, acme.package("0.3.0", 4), &trust).await), TrustError::VersionUsed("0.3.0".into()));
    assert_eq!(rig.plugins.show("hostile").unwrap().digest, third.digest);
    assert!(!install(&rig, acme.package("0.3.0", 3), &trust).await.unwrap().changed, "the same again is the same");

    // Going back is an administrator's own decision, and makes nothing old new again; neither does a removal or a restart.
    assert_eq!(rig.plugins.rollback("hostile", by()).await.unwrap().digest, first.digest);
    assert_eq!(refused(install(&rig, acme.package("0.2.0", 2), &trust).await), old);
    rig.plugins.remove("hostile", by()).await.unwrap();
    let rig = Rig::reopen(rig.directory.clone(), |config| config).await;
    assert_eq!(refused(install(&rig, acme.package("0.2.0", 2), &trust).await), old);
    assert!(install(&rig, acme.package("0.3.0", 3), &trust).await.unwrap().changed);
    install(&rig, acme.package("0.4.0", 4), &trust).await.unwrap();
}

/// Trust on first use is said once, holds for this plugin, and ends with it.
#[tokio::test]
async fn a_publisher_is_trusted_with_one_plugin() {
    let (rig, acme) = (Rig::new().await, Publisher::new());
    let nobody = Trust::default();
    assert_eq!(
        refused(install(&rig, acme.package("0.1.0", 1), &nobody).await),
        TrustError::UnknownPublisher(acme.key())
    );
    install(&rig, acme.package("0.1.0", 1), &trusted(&acme)).await.unwrap();
    let rig = Rig::reopen(rig.directory.clone(), |config| config).await;
    install(&rig, acme.package("0.2.0", 2), &nobody).await.unwrap();
    rig.plugins.remove("hostile", by()).await.unwrap();
    assert_eq!(
        refused(install(&rig, acme.package("0.3.0", 3), &nobody).await),
        TrustError::UnknownPublisher(acme.key())
    );
}

/// A key that is no longer pinned brings nothing new, and what it brought stays.
#[tokio::test]
async fn a_publisher_that_is_not_pinned_any_more_brings_nothing() {
    let (rig, acme) = (Rig::new().await, Publisher::new());
    let first = install(&rig, acme.package("0.1.0", 1), &pinned(&[&acme])).await.unwrap();
    let error = refused(install(&rig, acme.package("0.2.0", 2), &Trust::default()).await);
    assert_eq!(error, TrustError::UnknownPublisher(acme.key()));
    assert_eq!(rig.plugins.show("hostile").unwrap().digest, first.digest);
}

/// Two pinned publishers do not take each other's plugins, unless an administrator hands one over. Their serials count apart.
#[tokio::test]
async fn a_plugin_stays_its_publishers() {
    let (rig, acme, globex) = (Rig::new().await, Publisher::new(), Publisher::new());
    let trust = pinned(&[&acme, &globex]);
    install(&rig, acme.package("0.1.0", 7), &trust).await.unwrap();
    let other = TrustError::OtherPublisher { publisher: acme.key(), signer: globex.key() };
    assert_eq!(refused(install(&rig, globex.package("0.2.0", 9), &trust).await), other);
    // What nobody signed changes nothing in whose it is.
    rig.install(hostile()).await.unwrap();
    assert_eq!(refused(install(&rig, globex.package("0.2.0", 9), &trust).await), other);
    install(&rig, globex.package("0.1.0", 1), &trusted(&globex)).await.unwrap();
    install(&rig, globex.package("0.2.0", 2), &trust).await.unwrap();
    assert!(matches!(
        refused(install(&rig, acme.package("0.3.0", 10), &trust).await),
        TrustError::OtherPublisher { .. }
    ));
}

#[tokio::test]
async fn no_more_publishers_are_remembered_than_fit() {
    let rig = Rig::new().await;
    for _ in 0..limit::PUBLISHERS {
        let publisher = Publisher::new();
        install(&rig, publisher.package("0.1.0", 1), &trusted(&publisher)).await.unwrap();
    }
    let one_more = Publisher::new();
    let error = refused(install(&rig, one_more.package("0.1.0", 1), &trusted(&one_more)).await);
    assert_eq!(error, TrustError::TooManyPublishers);
}
