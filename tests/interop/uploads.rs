//! F60, hostile 2H and 2I: a tenant uploads one component after the other that is broken, generated, or does its harm before anybody calls it. The calls of another
//! tenant lose nothing, and the server goes on.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use arbitrary::Unstructured;

use crate::crowd::Crowd;
use crate::mutate::Mutator;
use crate::neighbours::undisturbed;
use crate::server::{Server, profile};

const MANIFEST: &str = "[plugin]\nid = \"app-upload\"\nversion = \"1\"\n[provides]\napps = [\"Upload\"]\n";

/// A component around a core module, which is instantiated with it; it seems to have applications.
fn around(module: &str) -> Vec<u8> {
    let text = format!(
        r#"(component {module} (core instance (instantiate $m)) (instance $none) (export "jackfield:pbx/apps@0.1.0" (instance $none)))"#
    );
    wat::parse_str(text).unwrap()
}

/// What does its harm when it is instantiated, or could make the host want too much (H2, H6, H7).
fn made_by_hand() -> Vec<Vec<u8>> {
    let many = |count: usize, what: &str| format!("(core module $m {})", what.repeat(count));
    [
        "(core module $m (func $f (loop br 0)) (start $f))".to_owned(),
        "(core module $m (func $f call $f) (start $f))".to_owned(),
        "(core module $m (memory 65536))".to_owned(),
        many(200, "(memory 16)"),
        many(200, "(table 10000000 funcref)"),
        "(core module $m (table $t 1 funcref) (func $f (loop (drop (table.grow $t (ref.null func) (i32.const 100000))) br 0)) (start $f))".to_owned(),
        "(core module $m (memory 1) (func $f (loop (drop (memory.grow (i32.const 1))) br 0)) (start $f))".to_owned(),
        many(50_000, "(func (result i32) i32.const 1)"),
        "(core module $m (func $f unreachable) (start $f))".to_owned(),
    ]
    .iter()
    .map(|module| around(module))
    .collect()
}

/// A valid core module that nobody has thought of, in a component.
fn generated(chance: &mut Mutator) -> Vec<u8> {
    let config = wasm_smith::Config {
        max_imports: 0,
        // What the engine has switched off is refused at a look.
        exceptions_enabled: false,
        gc_enabled: false,
        memory64_enabled: false,
        relaxed_simd_enabled: false,
        threads_enabled: false,
        ..wasm_smith::Config::default()
    };
    // Some chances are too few for a module.
    let module = std::iter::repeat_with(|| {
        let bytes: Vec<u8> = (0..4_096).map(|_| chance.below(256) as u8).collect();
        wasm_smith::Module::new(config.clone(), &mut Unstructured::new(&bytes)).ok()
    });
    let module = module.flatten().next().unwrap().to_bytes();
    // In the place of an empty module, which is the first section: its number, one byte of length, and the module.
    let empty = around("(core module $m)");
    let (preamble, rest) = (&empty[..8], &empty[10 + usize::from(empty[9])..]);
    assert!(empty[8] == 1 && empty[9] < 0x80, "a section with a small core module");
    [preamble, &[1], &length(module.len()), &module, rest].concat()
}

/// As WebAssembly writes a number (LEB128).
fn length(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
    bytes
}

/// Uploads until it is over, each thing at least once: what was said of those that were refused, and how many there were.
fn upload(server: &Server, folder: &Path, over: &AtomicBool) -> (Vec<String>, usize) {
    let good = std::fs::read(profile().join("plugins/app-echo/app-echo.wasm")).unwrap();
    let by_hand = made_by_hand();
    let mut mutator = Mutator::new("uploads", &[&good]);
    let (mut refusals, mut count) = (Vec::new(), 0);
    while count < 3 * by_hand.len() || !over.load(Ordering::Relaxed) {
        let wasm = match count % 3 {
            0 => by_hand[count / 3 % by_hand.len()].clone(),
            1 => mutator.next(),
            _ => generated(&mut mutator),
        };
        std::fs::write(folder.join("app-upload.wasm"), wasm).unwrap();
        let (code, text) = server.say(&["plugin", "install", "acme", folder.to_str().unwrap(), "--unsigned", "--yes"]);
        assert!(code == 0 || code == 1 && text.lines().count() < 20, "upload {count}: {code} {text}");
        refusals.extend((code == 1).then_some(text));
        count += 1;
    }
    (refusals, count)
}

#[test]
fn fifty_calls_do_not_notice_what_another_tenant_uploads() {
    let server = Server::start();
    let process = server.id();
    let folder = server.scratch("upload");
    std::fs::write(folder.join("plugin.toml"), MANIFEST).unwrap();
    let (refusals, uploads) = undisturbed(&server, |over| upload(&server, &folder, over));
    println!("{} of {uploads} uploads refused", refusals.len());
    assert!(refusals.len() * 2 > uploads, "{} of {uploads} were refused", refusals.len());
    // Each kind has come as far as it should: past the bytes, past the compiler, to its own start and its exports.
    for reason in ["not a valid component", "it does not start: ", "it exports none of "] {
        assert!(refusals.iter().any(|refusal| refusal.contains(reason)), "{reason:?} is in {refusals:#?}");
    }
    let mut own = Crowd::new(server.account("acme", "101"));
    own.call("600");
    own.until_up();
    own.hang_up();
    assert_eq!(server.id(), process);
}
