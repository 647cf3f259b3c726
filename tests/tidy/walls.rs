//! Which crate may use which: architecture.md §3.

use cargo_metadata::{DependencyKind, Metadata, Package};

/// Where a crate stands: it may use only crates of a lower layer. Equal layers never see each other.
fn layer(package: &Package) -> Option<u8> {
    let folder = package.manifest_path.parent()?;
    let path = folder.as_str().strip_prefix(super::source::root().to_str()?)?.trim_start_matches('/');
    Some(match path {
        "host/core/media" => 1,
        path if path.starts_with("host/core/") => 0,
        path if path.starts_with("host/io/") => 2,
        "host/switch" => 3,
        "host/api" => 4,
        // Uses the manifest and the WIT of the host it belongs to; nothing of the host uses it but the program.
        "sdk/author" => 4,
        "host/jackfield" => 5,
        "sdk/rust" => 10,
        "sdk/testkit" => 11,
        path if path.starts_with("plugins/") => 12,
        path if path.starts_with("tests") => 20,
        _ => return None,
    })
}

/// Pairs that the numbers alone would allow, and that we do not want.
fn forbidden(from: u8, to: u8) -> bool {
    // The SDK and the plugins see the host only through wit/, and media is the only core crate that may use another.
    let guest_sees_host = (10..20).contains(&from) && to < 10;
    let core_sees_core = from == 1 && to == 0;
    from <= to || guest_sees_host || core_sees_core
}

/// Every dependency between two of our crates that points outwards or sideways.
pub(crate) fn inward(metadata: &Metadata) -> Vec<String> {
    let mut offenders = Vec::new();
    for package in &metadata.packages {
        let Some(from) = layer(package) else {
            offenders.push(format!("{} has no layer: add it to tests/tidy/walls.rs", package.name));
            continue;
        };
        for name in dependencies(package) {
            let Some(other) = metadata.packages.iter().find(|other| *other.name == name) else { continue };
            let media_uses_codec = *package.name == "media" && name == "codec";
            if layer(other).is_none_or(|to| forbidden(from, to)) && !media_uses_codec {
                offenders.push(format!("{} -> {name}", package.name));
            }
        }
    }
    offenders
}

/// What only one crate may touch, with the crates that may.
const OUTSIDE: &[(&str, &[&str])] = &[
    ("wasmtime", &["plugin"]),
    ("wasmtime-wasi", &["plugin"]),
    ("sled", &["store"]),
    ("redb", &["store"]),
    ("sqlx", &["store"]),
    ("libc", &["net", "plugin"]),
    ("socket2", &["net"]),
    ("axum", &["api"]),
    // The command line's side of the Unix socket; requests of plugins.
    ("hyper", &["api", "jackfield", "net"]),
    ("hyper-util", &["api", "jackfield", "net"]),
    ("rustls", &["net"]),
    ("tokio-rustls", &["net"]),
    // They are files.
    ("rustls-native-certs", &["jackfield"]),
    ("clap", &["jackfield"]),
    ("tracing-subscriber", &["jackfield"]),
    // A plugin package brings its own manifest, which the loader reads from the package, not from the file system.
    ("toml", &["jackfield", "plugin"]),
    ("toml_edit", &["jackfield", "plugin"]),
];

/// Uses of an outside thing by a crate that is not its home.
pub(crate) fn outside_things(metadata: &Metadata) -> Vec<String> {
    let mut offenders = Vec::new();
    for package in metadata.packages.iter().filter(|package| layer(package).is_some_and(|layer| layer < 20)) {
        for name in dependencies(package) {
            let home = OUTSIDE.iter().find(|(thing, _)| *thing == name).map(|(_, home)| home);
            if home.is_some_and(|home| !home.contains(&package.name.as_str())) {
                offenders.push(format!("{} uses {name}, which belongs to {home:?}", package.name));
            }
        }
    }
    offenders
}

/// What `host/core` is built from: nothing here knows a clock, a socket or a file.
const CORE: &[&str] = &[
    "bytes",
    "codec",
    "hmac",
    "jiff",
    "md-5",
    "rand",
    "regex-lite",
    "rustc-hash",
    "serde",
    "sha2",
    "slab",
    "smallvec",
    "strsim",
    "subtle",
    "thiserror",
];

/// Dependencies of core crates that nobody looked at.
pub(crate) fn core(metadata: &Metadata) -> Vec<String> {
    let mut offenders = Vec::new();
    for package in metadata.packages.iter().filter(|package| layer(package).is_some_and(|layer| layer < 2)) {
        let unknown = dependencies(package).filter(|name| !CORE.contains(name));
        offenders.extend(unknown.map(|name| format!("{} -> {name}", package.name)));
    }
    offenders
}

/// The names of what a package is built from; what its tests use is free.
fn dependencies(package: &Package) -> impl Iterator<Item = &str> {
    let built = package.dependencies.iter().filter(|dependency| dependency.kind != DependencyKind::Development);
    built.map(|dependency| dependency.name.as_str())
}
