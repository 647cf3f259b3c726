//! The SDKs that are part of the program, so that a plugin is built against what its server has.

use std::io;
use std::path::Path;

use plugin::{Language, Manifest};
use wit_bindgen_core::Files;

use super::world::{NAME, Resolved, wit};

/// A language's files, and where they go below the plugin's folder.
pub struct Sdk {
    /// Where its files go, below the plugin's folder.
    pub folder: &'static str,
    files: &'static [(&'static str, &'static str)],
    /// What builds a plugin whose manifest does not say it.
    pub command: &'static str,
}

macro_rules! files {
    ($folder:literal: $($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../../", $folder, "/", $name)))),+]
    };
}

const RUST: Sdk = Sdk {
    // Its bindings are made from ../../wit/v0.1, as in our own tree.
    folder: "build/sdk/jackfield-sdk",
    files: files!["rust": "src/blob.rs", "src/error.rs", "src/event.rs", "src/host/mod.rs", "src/host/native.rs", "src/host/wasm.rs", "src/http.rs",
        "src/kv.rs", "src/leg.rs", "src/lib.rs", "src/line.rs", "src/macros.rs", "src/metrics.rs", "src/schedule.rs", "src/service.rs", "src/strategy.rs",
        "src/system.rs"],
    command: "cargo build --release --target wasm32-wasip2",
};

/// The SDK's Cargo.toml outside of our workspace.
const RUST_CARGO_TOML: &str = r#"[package]
name = "jackfield-sdk"
version = "0.1.0"
edition = "2024"
publish = false

[target.'cfg(target_arch = "wasm32")'.dependencies]
wit-bindgen = { version = "0.61", default-features = false, features = ["macros", "realloc"] }
"#;

const PYTHON: Sdk = Sdk {
    folder: "build/sdk/jackfield",
    files: files!["python/jackfield": "__init__.py", "blob.py", "bus.py", "choice.py", "dial.py", "dialplan.py", "event.py", "http.py", "kv.py",
        "lines.py", "metrics.py", "recording.py", "schedule.py"],
    // WASI is a stub: what a plugin can do, it does by the interfaces it declares.
    command: "componentize-py -d build/wit/v0.1 -w plugin componentize --stub-wasi -p . -p build/sdk app -o build/plugin.wasm",
};

const JAVASCRIPT: Sdk = Sdk {
    folder: "node_modules/jackfield",
    files: files!["javascript": "package.json", "index.js", "index.d.ts", "blob.js", "blob.d.ts", "bus.js", "bus.d.ts", "choice.js", "choice.d.ts", "dial.js", "dial.d.ts",
        "dialplan.js", "dialplan.d.ts", "event.js", "event.d.ts", "http.js", "http.d.ts", "kv.js", "kv.d.ts", "lines.js", "lines.d.ts", "metrics.js", "metrics.d.ts",
        "recording.js", "recording.d.ts", "schedule.js", "schedule.d.ts"],
    // Without --sync the runtime asks for the component model's async built-ins, which this host does not offer.
    command: "componentize-qjs --wit build/wit/v0.1 --world plugin --js app.js --sync --stub-wasi --opt-size -o build/plugin.wasm",
};

const C: Sdk = Sdk {
    folder: "build/sdk",
    files: files!["c": "Makefile", "jackfield.h", "jackfield.c"],
    command: "make -f build/sdk/Makefile",
};

impl Sdk {
    /// The SDK of a language.
    pub fn of(language: Language) -> &'static Self {
        match language {
            Language::Rust => &RUST,
            Language::Python => &PYTHON,
            Language::JavaScript => &JAVASCRIPT,
            Language::C => &C,
        }
    }
}

/// Writes the world and the SDK below a plugin's folder.
pub fn write(folder: &Path, manifest: &Manifest) -> io::Result<()> {
    for (name, text) in wit(manifest) {
        put(&folder.join("build/wit/v0.1").join(name), text.as_bytes())?;
    }
    let sdk = Sdk::of(manifest.build.language);
    for (name, text) in sdk.files {
        put(&folder.join(sdk.folder).join(name), text.as_bytes())?;
    }
    match manifest.build.language {
        Language::C => bindings(&folder.join(sdk.folder), manifest),
        Language::Rust => put(&folder.join(sdk.folder).join("Cargo.toml"), RUST_CARGO_TOML.as_bytes()),
        Language::Python | Language::JavaScript => Ok(()),
    }
}

/// C has no build step that makes bindings: they are made here.
fn bindings(folder: &Path, manifest: &Manifest) -> io::Result<()> {
    let Resolved { mut resolve, world } = Resolved::new(manifest);
    let mut files = Files::default();
    let mut generator = wit_bindgen_c::Opts::default().build();
    generator
        .generate(&mut resolve, world, &mut files)
        .map_err(|error| io::Error::other(format!("{NAME}: {error:#}")))?;
    for (name, bytes) in files.iter() {
        put(&folder.join(name), bytes)?;
    }
    let define =
        |word: &str, exported: bool| if exported { format!("#define JF_WORLD_{word} 1\n") } else { String::new() };
    let text = format!(
        "/* The worlds that {} exports. */\n{}{}{}{}",
        manifest.id,
        define("APP", !manifest.apps.is_empty()),
        define("FUNCTION", !manifest.functions.is_empty()),
        define("SERVICE", manifest.service),
        define("STRATEGY", !manifest.strategies.is_empty())
    );
    put(&folder.join("world.h"), text.as_bytes())
}

/// Writes unless the same is there, so that `make` has nothing to do.
fn put(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if std::fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, bytes)
}
