//! Opening a database that did not survive as it should.
//!
//! sled 0.34 fails to open with an empty snapshot, although the log beside it has everything, and panics on a truncated
//! log. So it is opened under `catch_unwind`, then without its snapshots, then anew from the newest export. Nothing is
//! deleted on the way: what was not usable is moved aside.

use std::{
    fs, io,
    panic::{self, AssertUnwindSafe},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::Serialize;

/// Something that was repaired when the store was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "repair", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Recovery {
    /// A snapshot was unusable and set aside; the log had everything.
    SnapshotSetAside {
        /// Where it is now.
        path: PathBuf,
    },
    /// The database was unusable and set aside; this export took its place. What was written after it is lost.
    FromExport {
        /// Where the old database is now.
        path: PathBuf,
        /// The export that was imported.
        export: PathBuf,
        /// Why the database could not be opened.
        reason: String,
    },
    /// The newest writes are missing from the database, and no export has more of them.
    TailLost {
        /// The last commit that was made.
        committed: u64,
        /// The last commit that is there.
        found: u64,
    },
    /// The last line of a file of call records was half written; it had not been acknowledged.
    TornCdrLine {
        /// Whose records.
        tenant: String,
        /// How many bytes were cut off.
        bytes: u64,
    },
}

/// How to open a database.
#[derive(Clone, Copy)]
pub(crate) struct Opening {
    pub(crate) cache_bytes: u64,
    /// Whether to read everything: the last close was not a clean one.
    pub(crate) check: bool,
    /// Distinguishes what is set aside now from what was earlier.
    pub(crate) stamp: u64,
}

/// The database, and what it took to open it; on failure the reason in words.
pub(crate) fn open_database(dir: &Path, how: Opening, repairs: &mut Vec<Recovery>) -> Result<sled::Db, String> {
    let Opening { stamp, .. } = how;
    set_aside_snapshots(dir, stamp, repairs, |length| length == 0).map_err(|error| error.to_string())?;
    let first = match open_caught(dir, how) {
        Ok(db) => return Ok(db),
        Err(reason) => reason,
    };
    let before = repairs.len();
    set_aside_snapshots(dir, stamp, repairs, |_| true).map_err(|error| format!("{first}; then {error}"))?;
    if repairs.len() == before {
        return Err(first);
    }
    open_caught(dir, how).map_err(|second| format!("{first}; without snapshots: {second}"))
}

/// Opens, with a panic inside sled as an error, and reads every tree if asked: sled finds some damage only then.
fn open_caught(dir: &Path, how: Opening) -> Result<sled::Db, String> {
    let open = || {
        let db = open_unlocked(dir, how)?;
        let to_check = if how.check { db.tree_names() } else { Vec::new() };
        for name in to_check {
            db.open_tree(&name)?.iter().try_for_each(|item| item.map(drop))?;
        }
        Ok::<_, sled::Error>(db)
    };
    // Nothing of ours is inside: sled's own state is dropped with the failed attempt.
    match panic::catch_unwind(AssertUnwindSafe(open)) {
        Ok(result) => result.map_err(|error| error.to_string()),
        Err(payload) => {
            let text = payload.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("no message");
            Err(format!("sled panicked: {text}"))
        }
    }
}

/// How often, 10 ms apart, an opening waits for a former handle of this process: sled lets go of its lock on a thread of its
/// own, some time after the last handle was dropped.
const LOCK_TRIES: u32 = 500;

/// Opens the database. Whoever calls holds the directory's own lock, so a database that is locked is locked by a handle of
/// this process that is just going away.
fn open_unlocked(dir: &Path, how: Opening) -> Result<sled::Db, sled::Error> {
    let config = || sled::Config::new().path(dir).cache_capacity(how.cache_bytes).flush_every_ms(Some(1_000));
    for _ in 1..LOCK_TRIES {
        match config().open() {
            // sled tells the kind of this error in its text only.
            Err(sled::Error::Io(error)) if error.to_string().contains("could not acquire lock") => {
                std::thread::sleep(Duration::from_millis(10));
            }
            result => return result,
        }
    }
    config().open()
}

fn set_aside_snapshots(
    dir: &Path,
    stamp: u64,
    repairs: &mut Vec<Recovery>,
    which: impl Fn(u64) -> bool,
) -> io::Result<()> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        let Some(name) = name.to_str().filter(|name| name.starts_with("snap.")) else { continue };
        if which(entry.metadata()?.len()) {
            let path = dir.join(format!("unusable-{stamp}-{name}"));
            fs::rename(entry.path(), &path)?;
            tracing::warn!(path = %path.display(), "set an unusable snapshot aside; the log has everything");
            repairs.push(Recovery::SnapshotSetAside { path });
        }
    }
    Ok(())
}
