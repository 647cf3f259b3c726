//! The Rust files of the checkout, with what is test code marked, and Cargo's view of the workspace.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use cargo_metadata::{Metadata, MetadataCommand};

/// The root of the checkout.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("tests/xtask is two folders deep")
}

/// What Cargo says about the workspace, without its dependencies' own tables.
pub(crate) fn metadata() -> Metadata {
    MetadataCommand::new().manifest_path(root().join("Cargo.toml")).no_deps().exec().expect("cargo metadata runs")
}

/// All Rust files of the checkout that are ours.
pub(crate) struct Tree {
    pub(crate) files: Vec<File>,
}

/// One Rust file.
pub(crate) struct File {
    /// Its path from the root, with `/`.
    pub(crate) path: String,
    /// Its lines; `None` where a line belongs to a test.
    pub(crate) lines: Vec<Option<String>>,
}

impl Tree {
    /// Reads what git tracks or could track: never build output.
    pub(crate) fn read() -> Self {
        let files = tracked("*.rs").into_iter().map(|path| {
            let text = std::fs::read_to_string(root().join(&path)).expect("a listed file is readable");
            File { lines: without_tests(&path, &text), path }
        });
        Self { files: files.collect() }
    }
}

impl File {
    /// The lines outside tests, with their numbers from one.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.lines.iter().enumerate().filter_map(|(index, line)| Some((index + 1, line.as_deref()?)))
    }

    /// The lines outside tests and comments.
    pub(crate) fn statements(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code().filter(|(_, line)| !line.trim_start().starts_with("//"))
    }
}

/// Files of the checkout by git's own pattern, tracked or new, and not ignored or deleted.
pub(crate) fn tracked(pattern: &str) -> Vec<String> {
    let list = ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "--", pattern];
    let output = Command::new("git").args(list).current_dir(root()).output().expect("git runs");
    assert!(output.status.success(), "git ls-files failed");
    let text = String::from_utf8(output.stdout).expect("our file names are UTF-8");
    text.lines().filter(|path| root().join(path).is_file()).map(str::to_owned).collect()
}

/// Marks a whole file under `tests`, or from `#[cfg(test)]` to the end of the item that follows.
fn without_tests(path: &str, text: &str) -> Vec<Option<String>> {
    let whole = path.split('/').any(|part| matches!(part, "tests" | "tests.rs")) && !path.starts_with("tests/xtask/");
    // The indentation of a test item while inside one, and whether its first line is still to come.
    let mut inside: Option<(String, bool)> = None;
    let mut lines = Vec::new();
    for line in text.lines() {
        let indent = &line[..line.len() - line.trim_start().len()];
        if let Some((outer, first)) = &mut inside {
            let one_line = *first && !line.trim_start().starts_with("#[") && line.trim_end().ends_with(';');
            *first &= line.trim_start().starts_with("#[");
            if one_line || line.trim_end() == format!("{outer}}}") {
                inside = None;
            }
            lines.push(None);
        } else if line.trim_start().starts_with("#[cfg(test)]") {
            inside = Some((indent.to_owned(), true));
            lines.push(None);
        } else {
            lines.push((!whole).then(|| line.to_owned()));
        }
    }
    lines
}

/// The files that no `mod` line of any target reaches. Folders with a manifest of their own that is no member are left out.
pub(crate) fn orphans(tree: &Tree, metadata: &Metadata) -> Vec<String> {
    let mut reached = BTreeSet::new();
    let targets = metadata.packages.iter().flat_map(|package| &package.targets);
    let path = |target: &cargo_metadata::Target| target.src_path.canonicalize().expect("a target has a file");
    let mut open: Vec<PathBuf> = targets.map(path).collect();
    let roots: BTreeSet<PathBuf> = open.iter().cloned().collect();
    while let Some(file) = open.pop() {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        if reached.insert(file.clone()) {
            open.extend(modules(&file, roots.contains(&file), &text));
        }
    }
    let strangers: Vec<String> = strangers(metadata);
    let files = tree.files.iter().map(|file| file.path.clone());
    files
        .filter(|path| !reached.contains(&root().join(path)))
        .filter(|path| !strangers.iter().any(|folder| path.starts_with(folder)))
        .collect()
}

/// The files that the `mod x;` lines (and `#[path]` attributes) of a file may mean.
fn modules(file: &Path, is_root: bool, text: &str) -> Vec<PathBuf> {
    let folder = file.parent().expect("a file lies in a folder");
    let stem = file.file_stem().expect("a Rust file has a stem");
    let inner = if is_root || stem == "mod" { folder.to_owned() } else { folder.join(stem) };
    let mut found = Vec::new();
    let mut path_attribute = None;
    for line in text.lines().map(str::trim) {
        if let Some(path) = line.strip_prefix("#[path = \"").and_then(|rest| rest.strip_suffix("\"]")) {
            path_attribute = Some(path);
        }
        let Some(name) = module_name(line) else { continue };
        found.extend(path_attribute.take().map(|path| folder.join(path)));
        found.push(inner.join(format!("{name}.rs")));
        found.push(inner.join(name).join("mod.rs"));
    }
    found.into_iter().map(|path| path.canonicalize().unwrap_or(path)).collect()
}

/// The name in `mod name;`, whatever its visibility.
fn module_name(line: &str) -> Option<&str> {
    let line = line.strip_prefix("#[cfg(test)] ").unwrap_or(line);
    let rest = match line.strip_prefix("pub") {
        Some(rest) => rest.trim_start().strip_prefix('(').map_or(rest, |rest| rest.split_once(')').map_or("", |r| r.1)),
        None => line,
    };
    rest.trim_start().strip_prefix("mod ")?.strip_suffix(';')
}

/// Folders whose manifest is not of this workspace: guests built on their own.
fn strangers(metadata: &Metadata) -> Vec<String> {
    let members: BTreeSet<PathBuf> =
        metadata.packages.iter().map(|package| package.manifest_path.clone().into_std_path_buf()).collect();
    let manifests = tracked("*/Cargo.toml").into_iter().filter(|path| !members.contains(&root().join(path)));
    manifests.filter_map(|path| path.strip_suffix("Cargo.toml").map(str::to_owned)).collect()
}
