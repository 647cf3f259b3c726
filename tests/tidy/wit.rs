//! The contract with plugins does not change by accident: each folder below `wit/` has its hash here.

use sha2::{Digest, Sha256};

use super::source::{root, tracked};

/// How far a folder of the contract is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// No release carries it: it may change in any way, together with the SDKs and the host.
    Draft,
    /// Plugins out there were built with it: it never changes again. What is additive is a point release of its own.
    #[expect(dead_code, reason = "until the first release of the host, nothing is released")]
    Released,
}

/// Every folder of `wit/`, its stage, and the hash of its files' names and contents.
const FOLDERS: &[(&str, Stage, &str)] =
    &[("v0.1", Stage::Draft, "027912ef1bab32153cc4980423b6aebdef0eb47af5bbd96ae010813448128067")];

/// Folders that are not what is written above.
pub(crate) fn changed() -> Vec<String> {
    let mut folders: Vec<String> =
        tracked("wit/*.wit").iter().filter_map(|path| Some(path.split('/').nth(1)?.to_owned())).collect();
    folders.dedup();
    let mut offenders: Vec<String> = FOLDERS
        .iter()
        .filter(|(name, ..)| !folders.iter().any(|folder| folder == name))
        .map(|(name, ..)| format!("wit/{name}: listed in tests/tidy/wit.rs and not there"))
        .collect();
    for folder in folders {
        let hash = hash(&folder);
        match FOLDERS.iter().find(|(name, ..)| *name == folder) {
            Some((_, _, frozen)) if *frozen == hash => {}
            Some((_, Stage::Draft, _)) => offenders.push(format!(
                "wit/{folder} has changed. No release carries it yet, so it may: read \"Additive and breaking\" in \
                 wit/README.md, change host/io/plugin/src/capability and sdk/rust with it, add a line to CHANGELOG.md, and \
                 write its new hash into tests/tidy/wit.rs: {hash}"
            )),
            Some((_, Stage::Released, _)) => offenders.push(format!(
                "wit/{folder} has changed, but plugins were built with it: undo that, and make a new folder beside it \
                 (\"Additive and breaking\" in wit/README.md)"
            )),
            None => offenders.push(format!("wit/{folder} is new: list it in tests/tidy/wit.rs with its hash: {hash}")),
        }
    }
    offenders
}

/// SHA-256 over the files in the order of their names; the lengths keep two different folders from running into the same bytes.
fn hash(folder: &str) -> String {
    let mut files = tracked(&format!("wit/{folder}/*"));
    files.sort();
    let mut hasher = Sha256::new();
    for path in files {
        let content = std::fs::read(root().join(&path)).expect("a listed file is readable");
        hasher.update((path.len() as u64).to_le_bytes());
        hasher.update(&path);
        hasher.update((content.len() as u64).to_le_bytes());
        hasher.update(&content);
    }
    hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
