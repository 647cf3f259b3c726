//! Reading a component without compiling it: is it one, what does it export, what does it want.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use wasmparser::{Validator, WasmFeatures};
use wit_parser::decoding::{DecodedWasm, decode};
use wit_parser::{Interface, Resolve, WorldId, WorldItem, WorldKey};

use super::offer::{Missing, Offer, major_minor};
use super::{LoadError, World};
use crate::capability::wasi;
use crate::grant::Capability;
use crate::limit::{MAX_COMPONENT_BYTES, MISSING};

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

/// Tells what it is, or why it is nothing that can run here (H18-H20).
pub(crate) fn inspect(wasm: &[u8]) -> Result<Inspected, LoadError> {
    let looked = look(wasm, Offer::own())?;
    if !looked.missing.is_empty() {
        return Err(LoadError::MissingImports(looked.missing));
    }
    if looked.worlds.is_empty() {
        return Err(LoadError::NoWorld(looked.exports));
    }
    Ok(Inspected { worlds: looked.worlds, capabilities: looked.capabilities, imports: looked.imports })
}

/// A component beside what a server offers, whether the two fit or not.
#[derive(Debug)]
pub(crate) struct Looked {
    pub(crate) worlds: Vec<World>,
    /// What it exports, for people, where that is no world.
    pub(crate) exports: String,
    pub(crate) capabilities: Vec<Capability>,
    pub(crate) imports: Vec<String>,
    pub(crate) missing: Vec<Missing>,
}

/// Reads a component and compares it with an offer.
pub(crate) fn look(wasm: &[u8], offer: &Offer) -> Result<Looked, LoadError> {
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
        DecodedWasm::Component(resolve, world) => Ok(compare(&resolve, world, offer)),
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

fn compare(resolve: &Resolve, world: WorldId, offer: &Offer) -> Looked {
    let world = &resolve.worlds[world];
    let mut missing = Vec::new();
    let mut imports = Vec::new();
    let mut capabilities = BTreeSet::new();
    for (key, item) in &world.imports {
        let name = resolve.name_world_key(key);
        let WorldItem::Interface { id, .. } = item else {
            if matches!(item, WorldItem::Function(_)) {
                let why = format!("it imports a function {name:?}, which no interface of this server has");
                missing.extend((missing.len() < MISSING).then(|| Missing::plain(&name, why)));
            }
            continue;
        };
        let interface = &resolve.interfaces[*id];
        imports.extend(interface.functions.keys().map(|function| format!("{name} {function}")));
        match offered(&name, resolve, interface, offer) {
            Ok(capability) => capabilities.extend(capability.filter(|_| !interface.functions.is_empty())),
            Err(lacks) => missing.extend(lacks.into_iter().take(MISSING.saturating_sub(missing.len()))),
        }
    }
    let exports: Vec<String> = world.exports.keys().map(|key: &WorldKey| resolve.name_world_key(key)).collect();
    // In one order, whatever order its linker put them in.
    let worlds: BTreeSet<World> = exports.iter().filter_map(|name| world_of(name, offer)).collect();
    let found = if exports.is_empty() { "nothing".into() } else { exports.join(", ") };
    Looked {
        worlds: worlds.into_iter().collect(),
        exports: format!("it exports {found} (this server has WIT {})", offer.version()),
        capabilities: capabilities.into_iter().collect(),
        imports,
        missing,
    }
}

/// The capability an imported interface needs, or what of it the offer does not have.
fn offered(
    interface: &str,
    resolve: &Resolve,
    wanted: &Interface,
    offer: &Offer,
) -> Result<Option<Capability>, Vec<Missing>> {
    let (name, version) = interface.split_once('@').unwrap_or((interface, ""));
    let package = name.split('/').next().unwrap_or_default();
    if package.starts_with("wasi:") {
        return match wasi::PACKAGES.contains(&package) && version.starts_with("0.2") {
            true => Ok(None),
            false => Err(vec![Missing::plain(interface, format!("it imports {interface}, which plugins never get"))]),
        };
    }
    let Some(own) = name.strip_prefix("jackfield:pbx/") else {
        let why = format!("it imports {interface}, which this server does not know");
        return Err(vec![Missing::plain(interface, why)]);
    };
    offer.lacks(own, interface, version, resolve, wanted).map(|()| Capability::of_interface(own))
}

fn world_of(export: &str, offer: &Offer) -> Option<World> {
    let (name, version) = export.split_once('@')?;
    if major_minor(version) != major_minor(offer.version()) {
        return None;
    }
    match name {
        "jackfield:pbx/apps" => Some(World::App),
        "jackfield:pbx/functions" => Some(World::Function),
        "jackfield:pbx/services" => Some(World::Service),
        "jackfield:pbx/strategies" => Some(World::Strategy),
        _ => None,
    }
}
