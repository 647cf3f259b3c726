//! How far the database has come, noted inside it and beside it.
//!
//! sled opens a log that was cut short, or that is something else altogether, as if what is missing had never been
//! written. So each commit counts a number up inside the database, and a file beside it says which number was reached:
//! a database that has a smaller one lost acknowledged writes.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use crate::{key, replace::replace_file};

/// Longest time the file beside the database stays behind. What is lost from less than that is not noticed.
const INTERVAL: Duration = Duration::from_secs(10);
/// The name of the file, in the data directory and in each set of exports.
pub(crate) const FILE: &str = "sequence";
const ENTRY: &[u8] = b"sequence";

/// The number inside `db`; 0 in a new one.
pub(crate) fn inside(db: &sled::Db) -> sled::Result<u64> {
    let entry = tree(db)?.get(ENTRY)?;
    Ok(entry.and_then(|bytes| bytes.as_ref().try_into().ok()).map_or(0, u64::from_be_bytes))
}

/// The number noted in `dir`; 0 if there is none or it cannot be read, for then there is nothing to compare with.
pub(crate) fn beside(dir: &Path) -> u64 {
    fs::read_to_string(dir.join(FILE)).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// Notes `sequence` in `dir`, wholly or not at all.
pub(crate) fn note(dir: &Path, sequence: u64) -> io::Result<()> {
    replace_file(&dir.join(FILE), format!("{sequence}\n").as_bytes())
}

fn tree(db: &sled::Db) -> sled::Result<sled::Tree> {
    db.open_tree(key::encode(&[b"meta"]))
}

/// Counts commits.
pub(crate) struct Counter {
    dir: PathBuf,
    tree: sled::Tree,
    sequence: u64,
    noted: u64,
    last: Option<Instant>,
}

impl Counter {
    /// Goes on from the greater number: never below one that was noted.
    pub(crate) fn new(dir: PathBuf, db: &sled::Db) -> sled::Result<Self> {
        let noted = beside(&dir);
        Ok(Self { sequence: inside(db)?.max(noted), tree: tree(db)?, noted, last: None, dir })
    }

    /// Counts a commit that is about to be made.
    pub(crate) fn count(&mut self) -> sled::Result<()> {
        self.sequence += 1;
        self.tree.insert(ENTRY, &self.sequence.to_be_bytes()).map(drop)
    }

    /// The commit was made. Notes it if it is time.
    pub(crate) fn committed(&mut self) {
        if self.last.is_none_or(|last| last.elapsed() >= INTERVAL) {
            self.last = Some(Instant::now());
            self.note();
        }
    }

    /// Notes the number of the last commit.
    pub(crate) fn note(&mut self) {
        if self.noted == self.sequence {
            return;
        }
        match note(&self.dir, self.sequence) {
            Ok(()) => self.noted = self.sequence,
            // The older number still stands there; it only notices less.
            Err(error) => tracing::warn!(%error, "cannot note how far the database has come"),
        }
    }
}
