//! `jackfield plugin build`: from sources to a package that `jackfield plugin install` takes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ::plugin::{Inspection, Language, Manifest, Package};
use serde_json::json;

use crate::cmd::output::Output;
use crate::cmd::{Exit, Failure};
use author::Sdk;
use bytes::Bytes;

/// A plugin that was built.
pub(super) struct Built {
    pub(super) manifest: Manifest,
    /// What `plugin install` takes.
    pub(super) package: PathBuf,
    wasm: Bytes,
    inspection: Inspection,
}

pub(super) fn run(folder: &Path, output: Output) -> Result<(), Failure> {
    let built = build(folder)?;
    let (inspection, package, bytes) = (&built.inspection, &built.package, built.wasm.len());
    let uses: Vec<&str> = inspection.uses().iter().map(|capability| capability.name()).collect();
    let value = json!({
        "package": package, "bytes": bytes, "digest": ::plugin::Digest::of(&built.wasm).to_string(),
        "capabilities": uses, "imports": inspection.imports(),
    });
    output.value(&value, || built.sentence());
    Ok(())
}

impl Built {
    /// What came of it, for people.
    pub(super) fn sentence(&self) -> String {
        let uses: Vec<&str> = self.inspection.uses().iter().map(|capability| capability.name()).collect();
        let uses = if uses.is_empty() { "no capability".to_owned() } else { uses.join(", ") };
        let Manifest { id, version, .. } = &self.manifest;
        format!("{id} {version}: {} KB, uses {uses}; package in {}", self.wasm.len() / 1000, self.package.display())
    }
}

/// Builds a plugin and lays out its package.
pub(super) fn build(folder: &Path) -> Result<Built, Failure> {
    let (text, manifest) = manifest(folder)?;
    author::write(folder, &manifest).map_err(|error| not_done(folder, &error))?;
    compile(folder, &manifest)?;
    let artifact = artifact(folder, &manifest);
    let wasm = author::componentize(read(&artifact, fs::read)?).map_err(|error| not_done(&artifact, &error))?;
    // What a server would refuse, its author hears here.
    let package = Package::folder(text, wasm);
    let inspection = Inspection::of(&package).map_err(|error| not_done(&artifact, &error))?;
    let Package { wasm, .. } = package;
    let package = pack(folder, &manifest, &wasm).map_err(|error| not_done(folder, &error))?;
    Ok(Built { manifest, package, wasm, inspection })
}

/// The text of a folder's plugin.toml, and what it says.
pub(super) fn manifest(folder: &Path) -> Result<(String, Manifest), Failure> {
    let path = folder.join("plugin.toml");
    let text = read(&path, fs::read_to_string)?;
    let manifest = Manifest::parse(&path.display().to_string(), &text);
    let manifest = manifest.map_err(|error| Failure::new(Exit::Configuration, error.to_string()))?;
    Ok((text, manifest))
}

/// Runs the manifest's command, or the language's own, where the sources are.
fn compile(folder: &Path, manifest: &Manifest) -> Result<(), Failure> {
    let own = Sdk::of(manifest.build.language).command;
    let line = manifest.build.command.as_deref().unwrap_or(own);
    eprintln!("+ {line}");
    // What the tools print is for people: our own standard output stays one answer.
    let status = Command::new("sh")
        .args(["-c", line])
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", cargo_target(folder).as_os_str())
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .map_err(|error| not_done(folder, &error))?;
    match status.code() {
        Some(0) => Ok(()),
        Some(127) => {
            Err(Failure::new(Exit::NotDone, format!("a program is not installed. {}", hint(manifest.build.language))))
        }
        _ => Err(Failure::new(Exit::NotDone, format!("`{line}` failed: {status}"))),
    }
}

/// What brings the tools of a language.
fn hint(language: Language) -> &'static str {
    match language {
        Language::Rust => "Rust plugins need https://rustup.rs and `rustup target add wasm32-wasip2`",
        Language::Python => "Python plugins need `pip install componentize-py`",
        Language::JavaScript => "JavaScript plugins need `npm install --global componentize-qjs`",
        Language::C => "C plugins need `apt-get install make clang lld wasi-libc libclang-rt-dev-wasm32`",
    }
}

/// Where cargo builds: in the folder, unless the author shares one among plugins.
fn cargo_target(folder: &Path) -> PathBuf {
    let given = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let chosen = given.unwrap_or_else(|| folder.join("build/cargo"));
    // The command runs in the plugin's folder, the path is of ours.
    std::path::absolute(&chosen).unwrap_or(chosen)
}

/// Where the build leaves the component or core module.
pub(super) fn artifact(folder: &Path, manifest: &Manifest) -> PathBuf {
    match (&manifest.build.artifact, manifest.build.language) {
        (Some(artifact), _) => folder.join(artifact),
        (None, Language::Rust) => {
            let name = manifest.id.replace('-', "_");
            cargo_target(folder).join("wasm32-wasip2/release").join(name).with_extension("wasm")
        }
        (None, Language::Python | Language::JavaScript | Language::C) => folder.join("build/plugin.wasm"),
    }
}

/// Lays out the package anew.
fn pack(folder: &Path, manifest: &Manifest, wasm: &[u8]) -> std::io::Result<PathBuf> {
    let package = folder.join("build/package");
    if package.exists() {
        fs::remove_dir_all(&package)?;
    }
    fs::create_dir_all(&package)?;
    fs::write(package.join(&manifest.id).with_extension("wasm"), wasm)?;
    for name in ["plugin.toml", "README.md"] {
        if folder.join(name).is_file() {
            fs::copy(folder.join(name), package.join(name))?;
        }
    }
    if folder.join("prompts").is_dir() {
        copy_folder(&folder.join("prompts"), &package.join("prompts"))?;
    }
    Ok(package)
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy_folder(&entry.path(), &target)?,
            false => drop(fs::copy(entry.path(), target)?),
        }
    }
    Ok(())
}

fn read<T>(path: &Path, read: impl FnOnce(PathBuf) -> std::io::Result<T>) -> Result<T, Failure> {
    read(path.to_owned()).map_err(|error| not_done(path, &error))
}

fn not_done(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::NotDone, format!("{}: {error}", path.display()))
}
