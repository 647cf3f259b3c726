//! The bundled plugins, built.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use plugin::Package;

/// A plugin of `plugins/`, as `cargo xtask` lays it out; built here when a test runs without it.
pub(crate) fn package(name: &str) -> Package {
    static BUILT: OnceLock<Mutex<HashMap<String, Bytes>>> = OnceLock::new();
    let mut built = BUILT.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let wasm = built.entry(name.to_owned()).or_insert_with(|| component(name)).clone();
    let manifest = root().join("plugins").join(name).join("plugin.toml");
    let manifest = std::fs::read_to_string(&manifest).unwrap_or_else(|error| panic!("{}: {error}", manifest.display()));
    Package { manifest, wasm }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn component(name: &str) -> Bytes {
    // This test is TARGET/PROFILE/deps/NAME.
    let own = std::env::current_exe().expect("a test knows its own file");
    let profile = own.ancestors().nth(2).expect("PROFILE/deps/NAME");
    let bundled = profile.join("plugins").join(name).join(format!("{name}.wasm"));
    if let Ok(wasm) = std::fs::read(bundled) {
        return wasm.into();
    }
    let target = profile.parent().expect("TARGET/PROFILE");
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root())
        .args(["build", "--quiet", "--profile", "plugin", "--target", "wasm32-wasip2", "-p", name])
        .env("CARGO_TARGET_DIR", target)
        .status()
        .expect("cargo runs");
    assert!(status.success(), "{name} does not build");
    let file = target.join("wasm32-wasip2/plugin").join(format!("{}.wasm", name.replace('-', "_")));
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display())).into()
}
