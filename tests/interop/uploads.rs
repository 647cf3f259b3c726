//! F60, hostile 2H and 2I: a tenant uploads one component after the other that is broken, generated, or does its harm before anybody calls it. The calls of another
//! tenant lose nothing, and the server goes on.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arbitrary::Unstructured;

use crate::crowd::{Crowd, permille};
use crate::mutate::Mutator;
use crate::server::{Server, profile};

const CALLS: usize = 50;
const TALK: Duration = Duration::from_secs(8);
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
fn generated(chance: &mut Mutator) -> Option<Vec<u8>> {
    let bytes: Vec<u8> = (0..4_096).map(|_| chance.below(256) as u8).collect();
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
    let module = wasm_smith::Module::new(config, &mut Unstructured::new(&bytes)).ok()?.to_bytes();
    // In the place of an empty module, which is the first section: its number, one byte of length, and the module.
    let empty = around("(core module $m)");
    let (preamble, rest) = (&empty[..8], &empty[10 + usize::from(empty[9])..]);
    assert!(empty[8] == 1 && empty[9] < 0x80, "a section with a small core module");
    Some([preamble, &[1], &length(module.len()), &module, rest].concat())
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

/// Uploads until it is over, each thing at least once; how many were refused, of how many.
fn upload(server: &Server, folder: &Path, over: &AtomicBool) -> (usize, usize) {
    let good = std::fs::read(profile().join("plugins/app-echo/app-echo.wasm")).unwrap();
    let by_hand = made_by_hand();
    let mut mutated = Mutator::new("uploads", &[&good]);
    let (mut refused, mut count) = (0, 0);
    while count < 3 * by_hand.len() || !over.load(Ordering::Relaxed) {
        let wasm = match count % 3 {
            0 => by_hand[count / 3 % by_hand.len()].clone(),
            1 => mutated.next(),
            _ => generated(&mut mutated).unwrap_or_default(),
        };
        std::fs::write(folder.join("app-upload.wasm"), wasm).unwrap();
        let (code, text) = server.say(&["plugin", "install", "acme", folder.to_str().unwrap(), "--unsigned", "--yes"]);
        assert!(code == 0 || code == 1 && text.lines().count() < 20, "upload {count}: {code} {text}");
        refused += usize::from(code == 1);
        count += 1;
    }
    (refused, count)
}

#[test]
fn fifty_calls_do_not_notice_what_another_tenant_uploads() {
    let server = Server::start();
    let process = server.id();
    let folder = server.scratch("upload");
    std::fs::write(folder.join("plugin.toml"), MANIFEST).unwrap();
    let mut talkers = Crowd::new(server.account("globex", "100"));
    (0..CALLS).for_each(|_| talkers.call("600"));
    talkers.until_up();
    let quiet = talkers.talk(TALK);
    let over = AtomicBool::new(false);
    let (attacked, (refused, uploads)) = std::thread::scope(|scope| {
        let attacker = scope.spawn(|| upload(&server, &folder, &over));
        let heard = talkers.talk(TALK);
        over.store(true, Ordering::Relaxed);
        (heard, attacker.join().unwrap())
    });
    println!(
        "{refused} of {uploads} uploads refused; jitter p99.9 {:?} without them, {:?} with them",
        permille(&quiet.jitter, 999),
        permille(&attacked.jitter, 999)
    );
    assert_eq!((quiet.lost, attacked.lost), (0, 0), "of {} packets", attacked.said);
    assert_eq!(talkers.up(), CALLS);
    assert!(refused * 2 > uploads, "{refused} of {uploads} were refused");
    talkers.hang_up();
    let mut own = Crowd::new(server.account("acme", "101"));
    own.call("600");
    own.until_up();
    own.hang_up();
    assert_eq!(server.id(), process);
}
