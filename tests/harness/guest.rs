//! The bundled plugins and the guests of the tests, built.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use plugin::Package;

/// A plugin of `plugins/`, as `cargo xtask` lays it out, or of `tests/guest/`; built here when a test runs without it.
pub(crate) fn package(name: &str) -> Package {
    static BUILT: OnceLock<Mutex<HashMap<String, Bytes>>> = OnceLock::new();
    let mut built = BUILT.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    let wasm = built.entry(name.to_owned()).or_insert_with(|| component(name)).clone();
    let places = ["plugins", "tests/guest"].map(|folder| root().join(folder).join(name).join("plugin.toml"));
    let manifest = places.iter().find_map(|place| std::fs::read_to_string(place).ok());
    let manifest = manifest.unwrap_or_else(|| panic!("none of {places:?} can be read"));
    Package::folder(manifest, wasm)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn component(name: &str) -> Bytes {
    // This program is TARGET/PROFILE/deps/NAME, or TARGET/PROFILE/NAME.
    let own = std::env::current_exe().expect("a program knows its own file");
    let profile = own.ancestors().skip(1).find(|folder| folder.join("deps").is_dir()).expect("TARGET/PROFILE");
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
