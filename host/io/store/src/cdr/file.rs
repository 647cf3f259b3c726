//! The files of call records: names, the repair of a torn end, and appending whole lines.

use std::{
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::Path,
};

use super::Day;
use crate::commit::sync_dir;

/// A file is closed and the next part begun at this length.
const FILE_BYTES_MAX: u64 = 64 * 1_024 * 1_024;
/// Step in which the last line's end is looked for.
const TAIL_BYTES: u64 = 64 * 1_024;

/// `2026-08-23.jsonl`, then `2026-08-23.1.jsonl` and so on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) day: Day,
    part: u32,
}

impl Name {
    fn parse(text: &str) -> Option<Self> {
        let stem = text.strip_suffix(".jsonl")?;
        let (day, part) = match stem.split_once('.') {
            Some((day, part)) => (day, part.parse().ok()?),
            None => (stem, 0),
        };
        let name = Self { day: day.parse().ok()?, part };
        (name.to_string() == text).then_some(name)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part {
            0 => write!(f, "{}.jsonl", self.day),
            part => write!(f, "{}.{part}.jsonl", self.day),
        }
    }
}

/// Our files in `dir`, oldest first. A directory that is not there has none.
pub(crate) fn list(dir: &Path) -> io::Result<Vec<Name>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().to_str().and_then(Name::parse));
    }
    names.sort();
    Ok(names)
}

/// Repairs the newest file of `dir`, and returns how many bytes were cut off.
pub(crate) fn repair_newest(dir: &Path) -> io::Result<u64> {
    list(dir)?.pop().map_or(Ok(0), |newest| repair(dir, newest))
}

/// Cuts a line without its end off a file, and returns how many bytes that were.
///
/// Such a line was never acknowledged: the process died while it was written (K1).
fn repair(dir: &Path, name: Name) -> io::Result<u64> {
    let mut file = OpenOptions::new().read(true).write(true).open(dir.join(name.to_string()))?;
    let length = file.metadata()?.len();
    let whole = whole_lines(&mut file, length)?;
    if whole < length {
        file.set_len(whole)?;
        file.sync_all()?;
    }
    Ok(length - whole)
}

/// Length of the part of `file` that ends in a line's end.
fn whole_lines(file: &mut File, length: u64) -> io::Result<u64> {
    let mut end = length;
    let mut chunk = Vec::new();
    while end > 0 {
        let start = end.saturating_sub(TAIL_BYTES);
        file.seek(SeekFrom::Start(start))?;
        chunk.clear();
        Read::take(&mut *file, end - start).read_to_end(&mut chunk)?;
        if let Some(at) = chunk.iter().rposition(|byte| *byte == b'\n') {
            return Ok(start + at as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// The file that a tenant's records are appended to now.
pub(crate) struct Appender {
    name: Name,
    file: File,
    /// Everything up to here is whole lines.
    written_bytes: u64,
    /// Everything up to here is on disk.
    synced_bytes: u64,
    /// Nothing more may be written here.
    given_up: bool,
}

impl Appender {
    /// Goes on at the end of the newest file of `day`, or begins the first; in any case one that comes after `done`, which takes
    /// nothing more.
    pub(crate) fn open(dir: &Path, day: Day, done: Option<Name>) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let newest = list(dir)?.pop().filter(|name| name.day == day);
        let next = done.filter(|name| name.day == day).map(|name| Name { part: name.part + 1, ..name });
        let name = newest.max(next).unwrap_or(Name { day, part: 0 });
        if newest == Some(name) {
            repair(dir, name)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(dir.join(name.to_string()))?;
        sync_dir(dir)?;
        if let Some(parent) = dir.parent() {
            sync_dir(parent)?;
        }
        let length = file.metadata()?.len();
        Ok(Self { name, file, written_bytes: length, synced_bytes: length, given_up: false })
    }

    /// Whether this file takes records of `day`.
    pub(crate) fn takes(&self, day: Day) -> bool {
        self.name.day == day && self.written_bytes < FILE_BYTES_MAX && !self.given_up
    }

    pub(crate) fn name(&self) -> Name {
        self.name
    }

    /// Whether the file may never be written again, not even when it is opened anew.
    pub(crate) fn given_up(&self) -> bool {
        self.given_up
    }

    /// Appends whole lines; on failure the file is as before, or given up. They outlive the process from here on, and the
    /// machine once [`Appender::sync`] has returned.
    pub(crate) fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.file.write_all(lines).inspect_err(|_| {
            self.given_up = self.file.set_len(self.written_bytes).is_err();
        })?;
        self.written_bytes += lines.len() as u64;
        Ok(())
    }

    /// Brings what was written to disk; on failure the file is given up.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data().inspect_err(|_| {
            // hostile.md K3: what a second fsync says of this file means nothing. Cutting the doubtful lines off is
            // only for readers of today; after a power cut they may be there twice.
            self.given_up = true;
            if let Err(error) = self.file.set_len(self.synced_bytes) {
                tracing::warn!(%error, file = %self.name, "cannot cut unacknowledged call records");
            }
        })?;
        self.synced_bytes = self.written_bytes;
        Ok(())
    }
}
