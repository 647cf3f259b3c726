//! Lines of a channel driver: as many as it may have, and none of them outlives what knows of it.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use plugin::{Driver, InstallError, LinePort, LineRefusal, Package, limit};
use support::{FakeCall, Rig, component, variant};

/// The listener of the tests as a driver: it hears what it is told, and traps when it is asked to.
fn driver(id: &str, version: u32, scheme: &str) -> Package {
    let manifest = include_str!("../../../../tests/guest/listener/plugin.toml")
        .replace("id = \"listener\"", &format!("id = \"{id}\""))
        .replace("\"Listener\"", &format!("\"{id}\""))
        .replace("service = true", &format!("service = true\nschemes = [{scheme}]"));
    Package::folder(manifest, variant(&component("listener"), version))
}

/// Lines that count how often one of them was ended with cause 41.
#[derive(Default)]
struct Ends(AtomicUsize);

struct Line(Arc<Ends>);

impl LinePort for Line {
    fn ring(&self) -> Result<(), LineRefusal> {
        Ok(())
    }

    fn progress(&self, _description: String) -> Result<(), LineRefusal> {
        Ok(())
    }

    fn answer(&self, _description: String) -> Result<(), LineRefusal> {
        Ok(())
    }

    fn hang_up(&self, cause: u16) {
        assert_eq!(cause, 41);
        self.0.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn add(driver: &Driver, ends: &Arc<Ends>, id: usize) -> bool {
    driver.add(&id.to_string(), Arc::new(Line(ends.clone()))).is_ok()
}

#[tokio::test]
async fn a_driver_has_so_many_lines_and_no_more() {
    let rig = Rig::new().await;
    rig.install(driver("listener", 1, "\"smoke\"")).await.unwrap();
    assert!(rig.plugins.driver("signals").is_none());
    let (driver, ends) = (rig.plugins.driver("Smoke").expect("letter case does not matter"), Arc::default());
    assert!((0..limit::LINES).all(|id| add(&driver, &ends, id)));
    assert!(!add(&driver, &ends, limit::LINES), "one more than it may have");
    driver.remove("7");
    assert!(add(&driver, &ends, limit::LINES));
    rig.plugins.remove("listener", support::by()).await.unwrap();
    assert_eq!(ends.0.load(Ordering::Relaxed), limit::LINES, "those that there were");
    assert!(!add(&driver, &ends, 1), "the plugin is gone");
}

#[tokio::test]
async fn lines_end_with_what_knew_them_and_not_with_its_version() {
    let rig = Rig::new().await;
    rig.install(driver("listener", 1, "\"smoke\"")).await.unwrap();
    let (driver_of, ends) = (|| rig.plugins.driver("smoke").expect("installed"), Arc::default());
    assert!(add(&driver_of(), &ends, 1));
    rig.install(driver("listener", 2, "\"smoke\"")).await.unwrap();
    assert_eq!(ends.0.load(Ordering::Relaxed), 0, "the next version has its snapshot");
    let service = rig.plugins.service("listener").unwrap();
    assert!(service.ask(b"trap".to_vec()).await.is_err());
    // It is served by a new instance, which knows nothing.
    service.ask(b"heard".to_vec()).await.unwrap().unwrap();
    assert_eq!(ends.0.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_scheme_has_one_driver() {
    let rig = Rig::new().await;
    rig.install(driver("listener", 1, "\"smoke\"")).await.unwrap();
    let taken = rig.install(driver("teller", 1, "\"smoke\"")).await.unwrap_err();
    assert!(
        matches!(&taken, InstallError::NameTaken { name, plugin } if name == "smoke" && plugin == "listener"),
        "{taken}"
    );
    rig.install(driver("teller", 1, "\"signals\"")).await.unwrap();
    assert_eq!(rig.plugins.schemes(), ["signals", "smoke"]);
}

/// What is said of a line has its bounds, and only a service says it: the tests' tenant takes no calls, so that what passes them is `unsupported`.
#[tokio::test]
async fn numbers_and_descriptions_have_bounds() {
    let rig = Rig::new().await;
    rig.install(driver("listener", 1, "\"smoke\"")).await.unwrap();
    let service = rig.plugins.service("listener").unwrap();
    let (number, description) = (limit::LINE_NUMBER_BYTES, limit::LINE_DESCRIPTION_BYTES);
    for (to, described, code) in [
        (number, description, "unsupported"),
        (number + 1, description, "invalid"),
        (0, description, "invalid"),
        (number, description + 1, "limit"),
    ] {
        let answer = service.ask(format!("offer {to} {described}").into_bytes()).await.unwrap();
        assert_eq!(answer.unwrap_err().code, code, "{to} {described}");
    }
    let call = FakeCall::new();
    rig.run("listener", "offer 1 1", &call).await.unwrap().unwrap();
    assert_eq!(
        call.variables.lock().unwrap().get("LISTENED").map(String::as_str),
        Some("denied"),
        "no application has lines"
    );
}
