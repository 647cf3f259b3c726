//! The 49 raw messages of RFC 4475, which live outside the repository.

use std::path::PathBuf;

use bytes::Bytes;

/// One message of the archive by its name in the RFC.
pub(crate) fn load(name: &str) -> Option<Bytes> {
    let path = folder()?.join(format!("{name}.dat"));
    Some(Bytes::from(std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))))
}

/// All messages of the archive with their names; empty, with a line that says so, when the archive is not here.
pub(crate) fn all() -> Vec<(String, Bytes)> {
    let Some(folder) = folder() else { return Vec::new() };
    let mut messages: Vec<(String, Bytes)> = std::fs::read_dir(folder)
        .expect("the folder was just found")
        .map(|entry| entry.expect("the folder can be listed").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "dat"))
        .map(|path| {
            let name = path.file_stem().expect("it has an extension").to_string_lossy().into_owned();
            (name, Bytes::from(std::fs::read(path).expect("the folder just listed it")))
        })
        .collect();
    messages.sort();
    messages
}

/// `JACKFIELD_SHARED/data/rfc4475`, or `shared/data/rfc4475` beside the checkout or one of its parents.
fn folder() -> Option<PathBuf> {
    let named = std::env::var_os("JACKFIELD_SHARED").map(PathBuf::from);
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let beside = here.ancestors().map(|parent| parent.join("shared"));
    let found = named.into_iter().chain(beside).map(|shared| shared.join("data/rfc4475")).find(|path| path.is_dir());
    if found.is_none() {
        eprintln!(
            "skipped: the RFC 4475 messages are not here (set JACKFIELD_SHARED to the folder that has data/rfc4475)"
        );
    }
    found
}
