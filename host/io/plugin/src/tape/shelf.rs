//! A tenant's recordings on disk: the newest so many.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Keeping, Recording};
use crate::generation::lock;
use crate::limit::{TAPES, TAPES_AT_ONCE, TAPES_WAITING};

/// The folder of a tenant's recordings.
pub(crate) struct Shelf {
    folder: PathBuf,
    keeping: Mutex<Keeping>,
    /// Names of files, the oldest first.
    names: Mutex<VecDeque<String>>,
    /// Runs that are being recorded.
    recording: AtomicUsize,
    /// Recordings that are being written.
    waiting: AtomicUsize,
    /// Makes names of one millisecond unlike.
    number: AtomicUsize,
}

impl Shelf {
    /// What is there already is kept until there is more.
    pub(crate) fn open(folder: PathBuf) -> Self {
        let mut names: Vec<String> = std::fs::read_dir(&folder)
            .into_iter()
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.ends_with(".json"))
            .collect();
        names.sort();
        Self {
            folder,
            keeping: Mutex::default(),
            names: Mutex::new(names.into()),
            recording: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            number: AtomicUsize::new(0),
        }
    }

    /// What to keep from now on; what is more goes.
    pub(crate) fn keep(&self, keeping: Keeping) {
        *lock(&self.keeping) = Keeping { runs: keeping.runs.min(TAPES), ..keeping };
        if let Err(error) = self.trim() {
            tracing::warn!(folder = %self.folder.display(), %error, "a recorded run that is not to be kept is still there");
        }
    }

    /// Takes the place of one run that is recorded; false if there are too many.
    pub(crate) fn begin(&self) -> bool {
        let free = self.recording.fetch_add(1, Ordering::Relaxed) < TAPES_AT_ONCE;
        if !free {
            self.end();
        }
        free
    }

    /// Such a run is over.
    pub(crate) fn end(&self) {
        self.recording.fetch_sub(1, Ordering::Relaxed);
    }

    /// What of a run that begins now is not to be kept; none if nothing is.
    pub(crate) fn redacts(&self) -> Option<Vec<String>> {
        let keeping = lock(&self.keeping);
        (keeping.runs > 0).then(|| keeping.redact.clone())
    }

    /// Takes the place of one recording; refused while too many are being written.
    pub(crate) fn reserve(&self) -> bool {
        let free = self.waiting.fetch_add(1, Ordering::Relaxed) < TAPES_WAITING;
        if !free {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        free
    }

    /// Writes a recording whose place is reserved, and removes the oldest where there are too many. Not synced: a recording is an aid.
    pub(crate) fn put(&self, recording: &Recording) {
        if let Err(error) = self.write(recording) {
            tracing::warn!(call = recording.call, folder = %self.folder.display(), %error, "a recorded run is lost");
        }
        self.waiting.fetch_sub(1, Ordering::Relaxed);
    }

    fn write(&self, recording: &Recording) -> io::Result<()> {
        std::fs::create_dir_all(&self.folder)?;
        let number = self.number.fetch_add(1, Ordering::Relaxed) % 10_000;
        let call: String = recording.call.chars().filter(char::is_ascii_alphanumeric).collect();
        let name = format!("{:015}-{number:04}-{call}.json", recording.unix_ms);
        // They may hold what callers said and typed.
        let path = self.folder.join(&name);
        let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        let mut file = io::BufWriter::new(file);
        let written = serde_json::to_writer(&mut file, recording).map_err(io::Error::from).and_then(|()| file.flush());
        if let Err(error) = written {
            // Half a recording is none.
            std::fs::remove_file(&path)?;
            return Err(error);
        }
        lock(&self.names).push_back(name);
        self.trim()
    }

    /// Removes the oldest that are too many.
    fn trim(&self) -> io::Result<()> {
        let most = lock(&self.keeping).runs;
        let mut names = lock(&self.names);
        while names.len() > most {
            let Some(oldest) = names.pop_front() else { break };
            match std::fs::remove_file(self.folder.join(oldest)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    /// All recordings, the newest first. One that cannot be read is passed over, and told.
    pub(crate) fn all(&self) -> impl Iterator<Item = Recording> {
        let names: Vec<String> = lock(&self.names).iter().rev().cloned().collect();
        let folder = self.folder.clone();
        names.into_iter().filter_map(move |name| {
            let path = folder.join(name);
            read(&path).inspect_err(|error| tracing::warn!(path = %path.display(), %error, "no recorded run")).ok()
        })
    }
}

fn read(path: &Path) -> io::Result<Recording> {
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}
