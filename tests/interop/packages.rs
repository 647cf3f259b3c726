//! F67, I10: a plugin as one signed file, from its publisher's key to a call that hears it; what nobody trusted signed is not taken.

use std::path::PathBuf;

use serde_json::Value;

use crate::server::{Server, profile};

/// A publisher with an application of its own.
pub(crate) struct Publisher<'a> {
    server: &'a Server,
    key: PathBuf,
    pub(crate) name: String,
}

impl<'a> Publisher<'a> {
    pub(crate) fn new(server: &'a Server) -> Self {
        let key = server.scratch("publisher").join("secret.key");
        let made = server.ask(&["plugin", "key", "new", key.to_str().unwrap()]);
        let name = made["publisher"].as_str().unwrap().to_owned();
        assert_eq!(server.ask(&["plugin", "key", "show", key.to_str().unwrap()])["publisher"], name.as_str());
        Self { server, key, name }
    }

    /// The folder of a new version of the bundled echo.
    fn folder(&self, version: &str, serial: u32) -> PathBuf {
        let folder = self.server.scratch(&format!("app-echo-{version}"));
        let bundled = profile().join("plugins/app-echo");
        let manifest = std::fs::read_to_string(bundled.join("plugin.toml")).unwrap();
        let manifest = manifest.replace("version = \"0.1.0\"", &format!("version = \"{version}\"\nserial = {serial}"));
        std::fs::write(folder.join("plugin.toml"), manifest).unwrap();
        std::fs::copy(bundled.join("app-echo.wasm"), folder.join("app-echo.wasm")).unwrap();
        folder
    }

    pub(crate) fn package(&self, version: &str, serial: u32) -> String {
        let (folder, file) = (self.folder(version, serial), self.server.scratch("out").join(format!("{version}.jfp")));
        let (folder, file, key) = (folder.to_str().unwrap(), file.to_str().unwrap(), self.key.to_str().unwrap());
        let packed = self.server.ask(&["plugin", "pack", folder, "--key", key, "--out", file]);
        assert_eq!(packed["signer"], self.name.as_str(), "{packed}");
        file.to_owned()
    }
}

pub(crate) fn active(server: &Server, tenant: &str) -> Value {
    server.ask(&["plugin", "show", tenant, "app-echo"])
}

/// What is refused says why, and what ran runs on.
#[track_caller]
pub(crate) fn assert_refused(server: &Server, arguments: &[&str], why: &str) {
    let before = active(server, "acme")["digest"].clone();
    let (code, text) = server.say(&[&["plugin", "install", "acme"], arguments].concat());
    assert!(code == 1 && text.contains(why), "{arguments:?}: {code} {text}");
    assert_eq!(active(server, "acme")["digest"], before);
}

#[test]
fn a_signed_package_goes_from_its_publisher_to_a_call() {
    let server = Server::start();
    let publisher = Publisher::new(&server);
    let first = publisher.package("0.2.0", 1);
    let inspected = server.ask(&["plugin", "inspect", &first]);
    assert_eq!((&inspected["signer"], &inspected["serial"]), (&publisher.name.as_str().into(), &1.into()));
    assert_eq!(inspected["apps"], serde_json::json!(["Echo"]));

    assert_refused(&server, &[&first], "whom neither host nor tenant has pinned");
    let folder = publisher.folder("0.2.0", 1);
    assert_refused(&server, &[folder.to_str().unwrap()], "nobody signed it (--unsigned installs it all the same)");
    let mut tampered = std::fs::read(&first).unwrap();
    let middle = tampered.len() / 2;
    tampered[middle] ^= 1;
    let file = server.scratch("out").join("tampered.jfp");
    std::fs::write(&file, &tampered).unwrap();
    assert_refused(&server, &[file.to_str().unwrap(), "--publisher", &publisher.name], "the signature is wrong");
    std::fs::write(&file, &tampered[..middle]).unwrap();
    assert_refused(&server, &[file.to_str().unwrap(), "--publisher", &publisher.name], "the package is cut off");

    let installed = server.ask(&["plugin", "install", "acme", &first, "--publisher", &publisher.name]);
    assert_eq!((&installed["version"], &installed["signer"]), (&"0.2.0".into(), &publisher.name.as_str().into()));
    let called = server.ask(&["call", "acme", "100", "600", "--dtmf", "#", "--expect-hangup"]);
    assert!(called["heard_ms"].as_u64().is_some(), "{called}");
    // Trust is one tenant's.
    let (code, text) = server.say(&["plugin", "install", "globex", &first]);
    assert!(code == 1 && text.contains("whom neither host nor tenant has pinned"), "{code} {text}");
    assert_eq!(active(&server, "globex")["signer"], Value::Null);

    // The publisher is remembered, and so is the newest of its packages, also by a server that was killed.
    server.ask(&["plugin", "install", "acme", &publisher.package("0.3.0", 2)]);
    let name = publisher.name.clone();
    let server = server.crash_and_restart();
    assert_eq!(active(&server, "acme")["signer"], name.as_str());
    assert_refused(&server, &[&first], "it is older than what was installed: its serial is 1, 2 was here already");
    let back = server.ask(&["plugin", "rollback", "acme", "app-echo"]);
    assert_eq!(back["version"], "0.2.0", "an administrator goes back by hand");
}
