//! Building the bundled plugins and laying them out as the server finds them.
//!
//! `plugins/NAME` becomes `TARGET/release/plugins/NAME/{plugin.toml, NAME.wasm, README.md, prompts/…}`: one folder, which is
//! what `jackfield plugin install` takes.

use std::fs;
use std::path::{Path, PathBuf};

use crate::command::{Failure, at};
use crate::setup::PLUGIN_TARGET;
use crate::workspace::Workspace;

/// Builds every folder of `plugins/` that has a manifest.
pub(crate) fn build(workspace: &Workspace) -> Result<(), Failure> {
    let names = names(&workspace.root.join("plugins"))?;
    if names.is_empty() {
        return Ok(());
    }
    let packages = names.iter().flat_map(|name| ["--package", name.as_str()]);
    workspace
        .cargo(["build", "--quiet", "--profile", "plugin", "--target", PLUGIN_TARGET])
        .args(packages)
        // Flags meant for the host's code generation do not fit a Wasm target.
        .env("RUSTFLAGS", "")
        .run()?;
    let mut bytes = 0;
    for name in &names {
        bytes += lay_out(workspace, name)?;
    }
    remove_others(&workspace.bundled_plugins(), &names)?;
    eprintln!("{} plugins, {} KB, in {}", names.len(), bytes / 1000, workspace.bundled_plugins().display());
    Ok(())
}

/// The plugins of the tree: every folder with both a package and a manifest.
fn names(folder: &Path) -> Result<Vec<String>, Failure> {
    let mut names = Vec::new();
    for path in entries(folder)? {
        if path.join("Cargo.toml").is_file() && path.join("plugin.toml").is_file() {
            let name = path.file_name().expect("an entry of a folder has a name");
            names.push(name.to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

/// Copies one plugin's files beside the server; returns the size of its component.
fn lay_out(workspace: &Workspace, name: &str) -> Result<u64, Failure> {
    let source = workspace.root.join("plugins").join(name);
    let package = workspace.bundled_plugins().join(name);
    at(&package, fs::create_dir_all(&package))?;
    let component =
        workspace.target.join(PLUGIN_TARGET).join("plugin").join(format!("{}.wasm", name.replace('-', "_")));
    copy(&component, &package.join(format!("{name}.wasm")))?;
    copy(&source.join("plugin.toml"), &package.join("plugin.toml"))?;
    if source.join("README.md").is_file() {
        copy(&source.join("README.md"), &package.join("README.md"))?;
    }
    if source.join("prompts").is_dir() {
        copy_tree(&source.join("prompts"), &package.join("prompts"))?;
    }
    Ok(at(&component, fs::metadata(&component))?.len())
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), Failure> {
    at(to, fs::create_dir_all(to))?;
    for path in entries(from)? {
        let target = to.join(path.file_name().expect("an entry of a folder has a name"));
        match path.is_dir() {
            true => copy_tree(&path, &target)?,
            false => copy(&path, &target)?,
        }
    }
    Ok(())
}

/// Copies unless the same bytes are there: a running server may have the file open. Replaced by renaming, for the same reason.
fn copy(from: &Path, to: &Path) -> Result<(), Failure> {
    let bytes = at(from, fs::read(from))?;
    if fs::read(to).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    let fresh = to.with_extension("new");
    at(&fresh, fs::write(&fresh, bytes))?;
    at(to, fs::rename(&fresh, to))
}

/// A plugin that left the tree must not be found by the next demo.
fn remove_others(folder: &Path, names: &[String]) -> Result<(), Failure> {
    for path in entries(folder)? {
        let known = path.file_name().is_some_and(|name| names.iter().any(|known| *known == *name.to_string_lossy()));
        if !known && path.is_dir() {
            at(&path, fs::remove_dir_all(&path))?;
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut paths = Vec::new();
    for entry in at(folder, fs::read_dir(folder))? {
        paths.push(at(folder, entry)?.path());
    }
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_a_manifest_is_no_plugin() {
        let folder = tempfile::tempdir().unwrap();
        for (name, file) in [("app-a", "Cargo.toml"), ("app-a", "plugin.toml"), ("app-b", "Cargo.toml")] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
            fs::write(folder.path().join(name).join(file), "").unwrap();
        }
        assert_eq!(names(folder.path()).unwrap(), ["app-a"]);
    }

    #[test]
    fn plugins_that_left_the_tree_leave_the_output() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["app-a", "app-old"] {
            fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        remove_others(folder.path(), &["app-a".into()]).unwrap();
        assert!(folder.path().join("app-a").exists());
        assert!(!folder.path().join("app-old").exists());
    }
}
