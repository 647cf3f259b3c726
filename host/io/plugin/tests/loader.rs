//! What becomes a version and what does not, with the reason (H18-H20), and the cache of compiled code (F60).

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use bytes::Bytes;
use plugin::{Capability, Compiler, Consent, Digest, InstallError, LoadError, Package, Terms, limit};
use support::{Rig, by, component, hostile, manifest};

async fn refused(wasm: impl Into<Bytes>) -> LoadError {
    let rig = Rig::new().await;
    rig.host.load(wasm.into()).await.expect_err("it must be refused")
}

fn assembled(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

#[tokio::test]
async fn what_is_no_component_is_named() {
    assert_eq!(refused("").await, LoadError::Empty);
    assert!(matches!(refused("hello").await, LoadError::NotWasm(_)));
    assert_eq!(refused(assembled("(module)")).await, LoadError::CoreModule);
    assert!(refused("(module)").await.to_string().contains("text format"));
    assert!(refused(&b"\x7fELF..........."[..]).await.to_string().contains("native"), "H19");
    assert!(refused(&b"PK\x03\x04"[..]).await.to_string().contains("archive"));
    assert!(matches!(refused(&b"\0asm\x0d\0"[..]).await, LoadError::Invalid(_)));
    let size = limit::MAX_COMPONENT_BYTES + 1;
    assert_eq!(refused(vec![0; size]).await, LoadError::TooLarge { size, limit: limit::MAX_COMPONENT_BYTES });
}

/// H18: cut off anywhere, it is refused; never a panic.
#[tokio::test]
async fn a_truncated_component_is_refused() {
    let rig = Rig::new().await;
    let whole = component("app-echo");
    for end in (1..whole.len()).step_by(whole.len() / 97) {
        rig.host.load(whole.slice(..end)).await.expect_err("it is not whole");
    }
}

/// H18: damaged anywhere it is refused or runs within its limits; never a panic.
#[tokio::test]
async fn flipped_bytes_are_survived() {
    let rig = Rig::new().await;
    let whole = component("app-echo");
    for position in (8..whole.len()).step_by(whole.len() / 61) {
        let mut damaged = whole.to_vec();
        damaged[position] ^= 0x5a;
        // Most are refused; what is accepted was only renamed or is other code.
        drop(rig.host.load(damaged.into()).await);
    }
    rig.host.load(whole).await.expect("the sound one still loads");
}

/// H20: each missing import is named, with the WIT version that would be needed.
#[tokio::test]
async fn missing_imports_are_named() {
    let foreign = r#"(component (import "acme:radio/tuner@1.0.0" (instance (export "tune" (func)))))"#;
    assert!(
        refused(assembled(foreign))
            .await
            .to_string()
            .contains("acme:radio/tuner@1.0.0, which this server does not know")
    );

    let newer = r#"(component (import "jackfield:pbx/kv@0.3.0" (instance (export "get" (func)))))"#;
    let text = refused(assembled(newer)).await.to_string();
    assert!(
        text.contains("jackfield:pbx/kv@0.3.0") && text.contains("needs WIT 0.3.0, this server has 0.1.0"),
        "{text}"
    );

    let unknown = r#"(component (import "jackfield:pbx/system@0.1.4" (instance (export "teleport" (func)))))"#;
    let text = refused(assembled(unknown)).await.to_string();
    assert!(text.contains("jackfield:pbx/system@0.1.4 teleport, which WIT 0.1.0"), "{text}");

    let interface = r#"(component (import "jackfield:pbx/video@0.1.0" (instance (export "show" (func)))))"#;
    assert!(refused(assembled(interface)).await.to_string().contains("an interface that WIT 0.1.0"));

    let sockets = r#"(component (import "wasi:sockets/tcp@0.2.0" (instance (export "connect" (func)))))"#;
    assert!(refused(assembled(sockets)).await.to_string().contains("which plugins never get"));
}

/// H20: the right name with the wrong type is refused when it is linked, with both.
#[tokio::test]
async fn a_changed_signature_is_refused() {
    let changed = r#"(component
        (import "jackfield:pbx/system@0.1.0" (instance (export "random" (func (param "bytes" string)))))
        (instance $none)
        (export "jackfield:pbx/functions@0.1.0" (instance $none)))"#;
    let text = refused(assembled(changed)).await.to_string();
    assert!(text.contains("random") && text.contains("WIT 0.1.0"), "{text}");
}

#[tokio::test]
async fn a_component_that_exports_nothing_of_ours_is_refused() {
    assert!(matches!(refused(assembled("(component)")).await, LoadError::NoWorld(_)));
    let empty = r#"(component (instance $none) (export "jackfield:pbx/apps@0.1.0" (instance $none)))"#;
    assert!(matches!(refused(assembled(empty)).await, LoadError::NoWorld(_)));
}

/// Features that are off are refused by name.
#[tokio::test]
async fn features_that_are_off_are_refused() {
    let threads = "(component (core module (memory 1 1 shared)))";
    assert!(matches!(refused(assembled(threads)).await, LoadError::Invalid(_)));
    let memory64 = "(component (core module (memory i64 1)))";
    assert!(matches!(refused(assembled(memory64)).await, LoadError::Invalid(_)));
}

/// H2, H6: what does not come up within its limits is not installed.
#[tokio::test]
async fn what_does_not_start_within_its_limits_is_refused() {
    let text = |core: &str| {
        format!(
            r#"(component
            (core module $m {core})
            (core instance $i (instantiate $m))
            (instance $none)
            (export "jackfield:pbx/functions@0.1.0" (instance $none)))"#
        )
    };
    let endless = refused(assembled(&text("(func $s (loop br 0)) (start $s)"))).await;
    assert!(matches!(&endless, LoadError::Instantiate(why) if why.contains("budget")), "{endless}");
    let trap = refused(assembled(&text("(func $s unreachable) (start $s)"))).await;
    let told = |error: &LoadError, what| matches!(error, LoadError::Instantiate(why) if why.contains(what) && !why.contains('\n'));
    assert!(told(&trap, "unreachable"), "in one line: {trap}");
    let huge = refused(assembled(&text("(memory 20000)"))).await;
    assert!(
        matches!(&huge, LoadError::Instantiate(_) | LoadError::Compile(_) | LoadError::MissingImports(_)),
        "{huge}"
    );
    // This one comes up, and then has not what it says it exports.
    assert!(matches!(refused(assembled(&text("(memory 1)"))).await, LoadError::NoWorld(_)));
}

/// F60: imports beyond the manifest, or beyond the consent, refuse the installation and name what is missing.
#[tokio::test]
async fn what_is_not_granted_is_refused() {
    let rig = Rig::new().await;
    let undeclared = Package { manifest: hostile().manifest.replace("kv = { quota = \"1MB\" }", ""), ..hostile() };
    let error = rig.install(undeclared).await.unwrap_err();
    assert!(matches!(&error, InstallError::Undeclared(which) if *which == [Capability::Kv]), "{error}");
    let error = rig
        .plugins
        .install(hostile(), Terms::unsigned(Consent::Only([Capability::Dial].into())), by())
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "it does not declare dial, so that cannot be granted; it declares kv");
    let error = rig.plugins.install(hostile(), Terms::unsigned(Consent::Only([].into())), by()).await.unwrap_err();
    assert_eq!(error.to_string(), "it needs what was not granted: kv");
    assert!(rig.plugins.list().is_empty());
    let installed =
        rig.plugins.install(hostile(), Terms::unsigned(Consent::Only([Capability::Kv].into())), by()).await.unwrap();
    assert_eq!(installed.granted, [Capability::Kv]);
}

#[tokio::test]
async fn a_manifest_that_does_not_fit_is_refused() {
    let rig = Rig::new().await;
    let wrong = manifest("app-echo").replace("apps = [\"Echo\"]", "functions = [\"ECHO\"]");
    let error = rig.install(Package::folder(wrong, component("app-echo"))).await.unwrap_err();
    assert!(matches!(error, InstallError::Mismatch(_)), "{error}");
    let wrong = manifest("app-echo").replace("apps = [\"Echo\"]", "apps = [\"Echo\"]\nservice = true");
    let error = rig.install(Package::folder(wrong, component("app-echo"))).await.unwrap_err();
    assert!(error.to_string().contains("has a service, but the component exports none"), "{error}");
    let silent = "[plugin]\nid = \"counter\"\nversion = \"1\"\n[provides]\napps = [\"Count\"]\n[capabilities]\nbus = {}\ndialplan = {}\n";
    let error = rig.install(Package::folder(silent, component("counter"))).await.unwrap_err();
    assert!(error.to_string().contains("plugin.toml does not say `service = true`"), "{error}");
    let unknown = manifest("app-echo").replace("title", "titel");
    let error = rig.install(Package::folder(unknown, component("app-echo"))).await.unwrap_err();
    assert_eq!(error.to_string().split(':').take(2).collect::<Vec<_>>(), ["plugin.toml", "4"], "{error}");
}

/// Compiled code is used again only if it is authentic.
#[tokio::test]
async fn the_cache_is_authenticated() {
    let rig = Rig::new().await;
    let wasm = component("app-echo");
    let digest = rig.host.load(wasm.clone()).await.unwrap().digest();
    assert_eq!(digest, Digest::of(&wasm));
    let compiled = rig.path().join("compiled");
    let code = std::fs::read_dir(&compiled)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "cwasm"))
        .unwrap();
    let genuine = std::fs::read(&code).unwrap();
    let mut forged = genuine.clone();
    let middle = forged.len() / 2;
    forged[middle] ^= 1;
    std::fs::write(&code, &forged).unwrap();
    let rig = Rig::reopen(rig.directory.clone(), |config| config).await;
    rig.host.load(wasm.clone()).await.unwrap();
    assert_eq!(std::fs::read(&code).unwrap(), genuine, "compiled anew");
    let rig = Rig::reopen(rig.directory.clone(), |mut config| {
        config.compiler = Compiler::Process { program: "/bin/false".into(), arguments: vec![] };
        config
    })
    .await;
    rig.host.load(wasm).await.expect("from the cache: the compiler would fail");
}

/// The compiler is a child process; one that fails or is missing refuses the plugin and says why.
#[tokio::test]
async fn the_compiler_is_a_child_with_limits() {
    let with = |program: &str, arguments: &[&str]| {
        let (program, arguments) = (program.into(), arguments.iter().map(|argument| (*argument).into()).collect());
        Rig::with(move |mut config| {
            config.compiler = Compiler::Process { program, arguments };
            config
        })
    };
    let failing = with("/bin/false", &[]).await;
    assert!(matches!(failing.host.load(component("app-echo")).await, Err(LoadError::Compile(_))));
    let missing = with("/no/such/program", &[]).await;
    assert!(matches!(missing.host.load(component("app-echo")).await, Err(LoadError::Store(_))));
    // This program is the compiler: the test below does the child's work when it is given two files.
    let own = std::env::current_exe().unwrap();
    let working = with(own.to_str().unwrap(), &["--exact", "compile_as_a_child"]).await;
    working.host.load(component("app-echo")).await.expect("compiled by a child");
}

/// Not a test of its own: the child of the one above.
#[test]
fn compile_as_a_child() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [.., input, output] = arguments.as_slice()
        && output.ends_with(".new")
    {
        plugin::compile_child(input.as_ref(), output.as_ref()).unwrap();
    }
}

/// One compiled version serves all tenants; it goes when nobody has it.
#[tokio::test]
async fn versions_are_shared_and_collected() {
    let rig = Rig::new().await;
    let first = rig.host.load(component("app-echo")).await.unwrap();
    let second = rig.host.load(component("app-echo")).await.unwrap();
    assert_eq!((first.digest(), rig.host.versions()), (second.digest(), 1));
    drop((first, second));
    assert_eq!(rig.host.versions(), 0);
}
