//! Reading a component without compiling it: is it one, what does it export, what does it want.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use wasmparser::{Validator, WasmFeatures};
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{Resolve, SourceMap, WorldItem, WorldKey};

use super::{LoadError, World};
use crate::abi::{WIT_0_1, WIT_VERSION};
use crate::capability::wasi;
use crate::grant::Capability;
use crate::limit::MAX_COMPONENT_BYTES;

/// What a component's bytes say about it.
#[derive(Clone, Debug)]
pub(crate) struct Inspected {
    /// The worlds whose exports it has.
    pub(crate) worlds: Vec<World>,
    /// The capabilities it uses.
    pub(crate) capabilities: Vec<Capability>,
    /// Every function it imports: `jackfield:pbx/kv@0.1.0 get`.
    pub(crate) imports: Vec<String>,
}

/// The functions this host offers, by interface name.
static OFFERED: LazyLock<Vec<(String, Vec<String>)>> = LazyLock::new(|| {
    let mut sources = SourceMap::new();
    for (name, text) in WIT_0_1 {
        sources.push_str(name, text);
    }
    let mut resolve = Resolve::new();
    let group = sources.parse().unwrap_or_else(|(_, error)| panic!("our own WIT parses: {error:?}"));
    resolve.push_group(group).expect("our own WIT resolves");
    let named = resolve.interfaces.iter().filter_map(|(_, interface)| Some((interface.name.clone()?, interface)));
    named.map(|(name, interface)| (name, interface.functions.keys().cloned().collect())).collect()
});

/// Tells what it is, or why it is nothing that can run here (H18-H20).
pub(crate) fn inspect(wasm: &[u8]) -> Result<Inspected, LoadError> {
    check_kind(wasm)?;
    let mut features = WasmFeatures::default();
    for off in [
        WasmFeatures::MEMORY64,
        WasmFeatures::THREADS,
        WasmFeatures::RELAXED_SIMD,
        WasmFeatures::GC,
        WasmFeatures::FUNCTION_REFERENCES,
        WasmFeatures::EXCEPTIONS,
        WasmFeatures::LEGACY_EXCEPTIONS,
        WasmFeatures::CUSTOM_PAGE_SIZES,
        WasmFeatures::WIDE_ARITHMETIC,
        WasmFeatures::STACK_SWITCHING,
        WasmFeatures::CM_ASYNC,
    ] {
        features.remove(off);
    }
    // The parser is robust but not ours: a panic in it is a refused file, not a dead host.
    let decoded = catch_unwind(AssertUnwindSafe(|| {
        Validator::new_with_features(features)
            .validate_all(wasm)
            .map_err(|error| LoadError::Invalid(error.to_string()))?;
        decode(wasm).map_err(|error| LoadError::Invalid(format!("{error:#}")))
    }))
    .unwrap_or_else(|_| Err(LoadError::Invalid("the parser gave up".into())))?;
    match decoded {
        DecodedWasm::Component(resolve, world) => judge(&resolve, world),
        DecodedWasm::WitPackage(..) => Err(LoadError::NoWorld("it is a WIT package without code".into())),
    }
}

/// What a file begins with.
fn check_kind(wasm: &[u8]) -> Result<(), LoadError> {
    match wasm {
        [] => Err(LoadError::Empty),
        _ if wasm.len() > MAX_COMPONENT_BYTES => {
            Err(LoadError::TooLarge { size: wasm.len(), limit: MAX_COMPONENT_BYTES })
        }
        [0, b'a', b's', b'm', 0x0d, 0, 1, 0, ..] => Ok(()),
        [0, b'a', b's', b'm', 1, 0, 0, 0, ..] => Err(LoadError::CoreModule),
        [0, b'a', b's', b'm', rest @ ..] => {
            Err(LoadError::Invalid(format!("it is cut off or of an unknown version ({} bytes)", rest.len() + 4)))
        }
        [0x7f, b'E', b'L', b'F', ..] => {
            Err(LoadError::NotWasm("an ELF file; native or precompiled code is never loaded, upload the .wasm".into()))
        }
        [b'(', ..] => Err(LoadError::NotWasm("it looks like the text format; assemble it first".into())),
        [b'P', b'K', ..] | [0x1f, 0x8b, ..] => Err(LoadError::NotWasm("it is an archive".into())),
        _ => Err(LoadError::NotWasm("it does not begin like one".into())),
    }
}

fn judge(resolve: &Resolve, world: wit_parser::WorldId) -> Result<Inspected, LoadError> {
    let world = &resolve.worlds[world];
    let mut missing = Vec::new();
    let mut imports = Vec::new();
    let mut capabilities = BTreeSet::new();
    for (key, item) in &world.imports {
        let name = resolve.name_world_key(key);
        let WorldItem::Interface { id, .. } = item else {
            if matches!(item, WorldItem::Function(_)) {
                missing.push(format!("it imports a function {name:?}, which no interface of this server has"));
            }
            continue;
        };
        let functions: Vec<&str> = resolve.interfaces[*id].functions.keys().map(String::as_str).collect();
        imports.extend(functions.iter().map(|function| format!("{name} {function}")));
        match offered(&name, &functions) {
            Ok(capability) => capabilities.extend(capability.filter(|_| !functions.is_empty())),
            Err(lacks) => missing.extend(lacks),
        }
    }
    if !missing.is_empty() {
        return Err(LoadError::MissingImports(missing));
    }
    let exports: Vec<String> = world.exports.keys().map(|key: &WorldKey| resolve.name_world_key(key)).collect();
    let worlds: Vec<World> = exports.iter().filter_map(|name| world_of(name)).collect();
    if worlds.is_empty() {
        let found = if exports.is_empty() { "nothing".into() } else { exports.join(", ") };
        return Err(LoadError::NoWorld(format!("it exports {found} (this server has WIT {WIT_VERSION})")));
    }
    Ok(Inspected { worlds, capabilities: capabilities.into_iter().collect(), imports })
}

/// The capability an imported interface needs, or what of it this host does not have.
fn offered(interface: &str, functions: &[&str]) -> Result<Option<Capability>, Vec<String>> {
    let (name, version) = interface.split_once('@').unwrap_or((interface, ""));
    let package = name.split('/').next().unwrap_or_default();
    if package.starts_with("wasi:") {
        return match wasi::PACKAGES.contains(&package) && version.starts_with("0.2") {
            true => Ok(None),
            false => Err(vec![format!("it imports {interface}, which plugins never get")]),
        };
    }
    let Some(own) = name.strip_prefix("jackfield:pbx/") else {
        return Err(vec![format!("it imports {interface}, which this server does not know")]);
    };
    if major_minor(version) != major_minor(WIT_VERSION) {
        return Err(vec![format!("it imports {interface}: it needs WIT {version}, this server has {WIT_VERSION}")]);
    }
    let Some((_, known)) = OFFERED.iter().find(|(offered, _)| offered == own) else {
        return Err(vec![format!(
            "it imports {interface}, an interface that WIT {WIT_VERSION} of this server does not have"
        )]);
    };
    let lacks: Vec<String> = functions
        .iter()
        .filter(|function| !known.iter().any(|known| known == *function))
        .map(|function| {
            format!("it imports {interface} {function}, which WIT {WIT_VERSION} of this server does not have")
        })
        .collect();
    if lacks.is_empty() { Ok(Capability::of_interface(own)) } else { Err(lacks) }
}

fn world_of(export: &str) -> Option<World> {
    let (name, version) = export.split_once('@')?;
    if major_minor(version) != major_minor(WIT_VERSION) {
        return None;
    }
    match name {
        "jackfield:pbx/apps" => Some(World::App),
        "jackfield:pbx/functions" => Some(World::Function),
        "jackfield:pbx/services" => Some(World::Service),
        _ => None,
    }
}

/// Versions that agree in this are compatible as far as they go: 0.1.0 and 0.1.7, not 0.2.0.
fn major_minor(version: &str) -> Option<(&str, &str)> {
    let mut parts = version.split('.');
    Some((parts.next()?, parts.next()?))
}
