//! A tenant's recordings on disk: the newest so many.

use std::collections::VecDeque;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::{Keeping, Recording};
use crate::generation::lock;
use crate::limit::{TAPES, TAPES_WAITING};

/// The folder of a tenant's recordings.
pub(crate) struct Shelf {
    folder: PathBuf,
    keeping: Mutex<Keeping>,
    /// Names of files, the oldest first.
    names: Mutex<VecDeque<String>>,
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
            waiting: AtomicUsize::new(0),
            number: AtomicUsize::new(0),
        }
    }

    /// What to keep from now on.
    pub(crate) fn keep(&self, keeping: Keeping) {
        *lock(&self.keeping) = Keeping { runs: keeping.runs.min(TAPES), ..keeping };
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
        let file =
            std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.folder.join(&name))?;
        serde_json::to_writer(io::BufWriter::new(file), recording)?;
        let most = lock(&self.keeping).runs;
        let mut names = lock(&self.names);
        names.push_back(name);
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
