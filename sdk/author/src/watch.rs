//! What a folder of sources looks like at a moment: two looks that differ are a save.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Files that are looked at; a folder with more is no plugin's sources.
pub const FILES: usize = 10_000;

/// What builds make or tools keep, and no author saves.
const IGNORED: [&str; 5] = ["target", "build", "node_modules", "__pycache__", "Cargo.lock"];

/// The files of a folder with their times and lengths. What begins with a dot is not looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources(BTreeMap<PathBuf, (Option<SystemTime>, u64)>);

impl Sources {
    /// Looks at a folder. What cannot be read is not there.
    pub fn look(folder: &Path) -> Self {
        let mut found = BTreeMap::new();
        let mut folders = vec![folder.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            for entry in entries.filter(|entry| !is_ignored(&entry.file_name().to_string_lossy())) {
                // The entry's own type: a link to a folder above would lead round in circles.
                let Ok(kind) = entry.file_type() else { continue };
                if kind.is_dir() {
                    folders.push(entry.path());
                } else if let Ok(metadata) = std::fs::metadata(entry.path()) {
                    found.insert(entry.path(), (metadata.modified().ok(), metadata.len()));
                }
                if found.len() >= FILES {
                    return Self(found);
                }
            }
        }
        Self(found)
    }

    /// The first file that is another than in an earlier look.
    pub fn first_change<'a>(&'a self, earlier: &'a Self) -> Option<&'a Path> {
        let is_new = |(path, state): &(&'a PathBuf, &_)| earlier.0.get(*path) != Some(*state);
        let gone = || earlier.0.keys().find(|path| !self.0.contains_key(*path));
        self.0.iter().find(is_new).map(|(path, _)| path).or_else(gone).map(PathBuf::as_path)
    }
}

fn is_ignored(name: &str) -> bool {
    name.starts_with('.') || IGNORED.contains(&name)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_save_is_seen_and_what_a_build_makes_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["src", "build/cargo", "target", "node_modules/x", ".git"] {
            fs::create_dir_all(path(name)).unwrap();
        }
        fs::write(path("src/lib.rs"), "one").unwrap();
        let before = Sources::look(folder.path());
        for name in ["build/cargo/a", "target/a", "node_modules/x/a", ".git/a", "Cargo.lock", ".lib.rs.swp"] {
            fs::write(path(name), "made").unwrap();
        }
        assert_eq!(Sources::look(folder.path()).first_change(&before), None);
        fs::write(path("src/lib.rs"), "three").unwrap();
        assert_eq!(Sources::look(folder.path()).first_change(&before), Some(path("src/lib.rs").as_path()));
        fs::remove_file(path("src/lib.rs")).unwrap();
        assert_eq!(Sources::look(folder.path()).first_change(&before), Some(path("src/lib.rs").as_path()));
    }

    #[test]
    fn a_link_upwards_ends() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(folder.path(), folder.path().join("up")).unwrap();
        assert_eq!(Sources::look(folder.path()).0.len(), 1);
    }

    #[test]
    fn no_more_files_are_looked_at_than_the_bound() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..FILES + 5 {
            fs::write(folder.path().join(number.to_string()), "").unwrap();
        }
        assert_eq!(Sources::look(folder.path()).0.len(), FILES);
    }
}
