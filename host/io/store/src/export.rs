//! A tenant's content as one checked stream of JSON lines, and back.
//!
//! sled's files never shrink, and its format is its own; an export is how content is compacted, moved to another machine
//! and taken up again after the database was lost. The last line has the number of lines and the checksum of everything
//! before it, so a cut-off or changed export is refused whole.

use std::{
    fmt::Write as _,
    fs,
    io::{self, BufRead, BufReader, BufWriter, Seek, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use call::TenantId;
use serde::{Deserialize, Serialize};

use crate::{
    BlobError, BlobName, BlobNameError, Class, KvError, TenantStore, WriteError,
    commit::sync_dir,
    kv::{Kv, Trees},
    mark,
};

/// Version of the lines below.
const VERSION: u32 = 1;
/// Longest line that an import reads: an entry of the greatest size in hex, with some room.
const LINE_BYTES_MAX: u64 = 256 * 1_024;
/// Bytes of a blob in one line.
const BLOB_CHUNK_BYTES: usize = 32 * 1_024;
/// Complete sets of exports that are kept; older ones are removed.
const SETS_KEPT: usize = 3;

/// What an export holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The entries of all classes.
    Entries,
    /// The entries and the blobs.
    EntriesAndBlobs,
}

/// What was exported or imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct ExportSummary {
    /// Number of entries.
    pub entries: u64,
    /// Number of blobs.
    pub blobs: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum Line {
    JackfieldExport { version: u32, tenant: String },
    Entry { class: String, key: String, value: String, expiry: u64 },
    Blob { name: String },
    Data(String),
    End { lines: u64, crc32: u32 },
}

/// Why an export is not complete.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// A blob cannot be read.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The entries cannot be read.
    #[error(transparent)]
    Kv(KvError),
    /// The export cannot be written.
    #[error("the export cannot be written: {0}")]
    Io(#[from] io::Error),
}

pub(crate) fn export(tenant: &TenantStore, scope: Scope, writer: &mut dyn Write) -> Result<ExportSummary, ExportError> {
    let mut lines = LineWriter { writer, crc32: crc32fast::Hasher::new(), lines: 0 };
    let mut summary = ExportSummary::default();
    lines.write(&Line::JackfieldExport { version: VERSION, tenant: tenant.tenant().to_string() })?;
    for class in tenant.classes() {
        summary.entries += export_class(&tenant.kv(class).map_err(ExportError::Kv)?, &mut lines)?;
    }
    if scope == Scope::EntriesAndBlobs {
        let blobs = tenant.blobs()?;
        for info in blobs.list("", None, usize::MAX) {
            let Some(content) = blobs.get(&info.name)? else { continue };
            lines.write(&Line::Blob { name: info.name.to_string() })?;
            for chunk in content.chunks(BLOB_CHUNK_BYTES) {
                lines.write(&Line::Data(to_hex(chunk)))?;
            }
            summary.blobs += 1;
        }
    }
    lines.end()?;
    Ok(summary)
}

fn export_class(kv: &Kv, lines: &mut LineWriter<'_>) -> Result<u64, ExportError> {
    let mut entries = 0;
    kv.for_each(|key, value, expiry| {
        entries += 1;
        let (class, key, value) = (kv.class().label(), to_hex(key), to_hex(value));
        lines.write(&Line::Entry { class, key, value, expiry })
    })?;
    Ok(entries)
}

struct LineWriter<'a> {
    writer: &'a mut dyn Write,
    crc32: crc32fast::Hasher,
    lines: u64,
}

impl LineWriter<'_> {
    fn write(&mut self, line: &Line) -> io::Result<()> {
        let mut text = serde_json::to_vec(line).expect("a line is made of strings and numbers");
        text.push(b'\n');
        self.crc32.update(&text);
        self.lines += 1;
        self.writer.write_all(&text)
    }

    fn end(mut self) -> io::Result<()> {
        let end = Line::End { lines: self.lines, crc32: self.crc32.clone().finalize() };
        self.write(&end)?;
        self.writer.flush()
    }
}

/// Why an export was refused. Nothing of it is imported, unless the store itself failed on the way.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// A blob was not taken.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// What was imported is not safe on disk.
    #[error(transparent)]
    Commit(crate::CommitError),
    /// The export cannot be read.
    #[error("the export cannot be read: {0}")]
    Io(#[from] io::Error),
    /// The class cannot be opened.
    #[error(transparent)]
    Kv(KvError),
    /// A line is not what a line of an export is.
    #[error("line {line} of the export: {reason}")]
    Line {
        /// Counted from 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
    /// The export is cut off or was changed.
    #[error("the export is incomplete or damaged: its last line does not fit the others")]
    Incomplete,
    /// An entry was not taken.
    #[error(transparent)]
    Write(WriteError),
}

pub(crate) fn import<R: BufRead + Seek>(tenant: &TenantStore, reader: &mut R) -> Result<ExportSummary, ImportError> {
    let start = reader.stream_position()?;
    // Once to check it all, once to take it up.
    for_each_line(reader, |_, line| check(line))?;
    reader.seek(io::SeekFrom::Start(start))?;
    let mut import = Import { tenant, summary: ExportSummary::default(), kv: None, blob: None };
    for_each_line(reader, |_, line| import.take(line))?;
    import.finish_blob()?;
    Ok(import.summary)
}

/// Calls `visit` for each line but the last, which must fit the others.
fn for_each_line<R: BufRead>(
    reader: &mut R,
    mut visit: impl FnMut(u64, Line) -> Result<(), ImportError>,
) -> Result<(), ImportError> {
    let mut crc32 = crc32fast::Hasher::new();
    let mut text = Vec::new();
    for number in 1.. {
        text.clear();
        io::Read::take(&mut *reader, LINE_BYTES_MAX).read_until(b'\n', &mut text)?;
        if text.last() != Some(&b'\n') {
            return Err(ImportError::Incomplete);
        }
        let line = serde_json::from_slice(&text)
            .map_err(|error| ImportError::Line { line: number, reason: error.to_string() })?;
        match line {
            Line::End { lines, crc32: sum } if lines + 1 == number && sum == crc32.clone().finalize() => return Ok(()),
            Line::End { .. } => return Err(ImportError::Incomplete),
            Line::JackfieldExport { version: VERSION, .. } if number == 1 => {}
            _ if number == 1 => {
                let reason = format!("not an export of version {VERSION}");
                return Err(ImportError::Line { line: 1, reason });
            }
            line => visit(number, line).map_err(|error| at_line(number, error))?,
        }
        crc32.update(&text);
    }
    Err(ImportError::Incomplete)
}

fn at_line(number: u64, error: ImportError) -> ImportError {
    match error {
        ImportError::Line { line: 0, reason } => ImportError::Line { line: number, reason },
        error => error,
    }
}

/// A fault of the line at hand; `at_line` has its number.
fn bad(reason: impl Into<String>) -> ImportError {
    ImportError::Line { line: 0, reason: reason.into() }
}

fn check(line: Line) -> Result<(), ImportError> {
    match line {
        Line::Entry { class, key, value, .. } => {
            parse_class(&class)?;
            from_hex(&key)?;
            from_hex(&value).map(drop)
        }
        Line::Blob { name } => blob_name(&name).map(drop),
        Line::Data(data) => from_hex(&data).map(drop),
        Line::JackfieldExport { .. } | Line::End { .. } => Err(bad("stands in the wrong place")),
    }
}

fn parse_class(label: &str) -> Result<Class, ImportError> {
    Class::from_label(label).ok_or_else(|| bad(format!("unknown class {label:?}")))
}

fn blob_name(name: &str) -> Result<BlobName, ImportError> {
    BlobName::new(name).map_err(|error: BlobNameError| bad(error.to_string()))
}

struct Import<'a> {
    tenant: &'a TenantStore,
    summary: ExportSummary,
    /// The class of the last entry: entries of a class stand together.
    kv: Option<Kv>,
    blob: Option<crate::BlobWriter>,
}

impl Import<'_> {
    fn take(&mut self, line: Line) -> Result<(), ImportError> {
        match line {
            Line::Entry { class, key, value, expiry } => {
                let class = parse_class(&class)?;
                let kv = match self.kv.take() {
                    Some(kv) if *kv.class() == class => kv,
                    _ => self.tenant.kv(class).map_err(ImportError::Kv)?,
                };
                kv.restore(&from_hex(&key)?, &from_hex(&value)?, expiry).map_err(ImportError::Write)?;
                self.kv = Some(kv);
                self.summary.entries += 1;
            }
            Line::Blob { name } => {
                self.finish_blob()?;
                self.blob = Some(self.tenant.blobs()?.create(&blob_name(&name)?)?);
            }
            Line::Data(data) => match &mut self.blob {
                Some(blob) => blob.append(&from_hex(&data)?)?,
                None => return Err(bad("data without a blob")),
            },
            Line::JackfieldExport { .. } | Line::End { .. } => return Err(bad("stands in the wrong place")),
        }
        Ok(())
    }

    fn finish_blob(&mut self) -> Result<(), ImportError> {
        if let Some(blob) = self.blob.take() {
            blob.finish()?;
            self.summary.blobs += 1;
        }
        Ok(())
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string does not fail");
        text
    })
}

fn from_hex(text: &str) -> Result<Vec<u8>, ImportError> {
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    let pairs = text.as_bytes().chunks_exact(2);
    let odd = !pairs.remainder().is_empty();
    let bytes: Option<Vec<u8>> = pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect();
    bytes.filter(|_| !odd).ok_or_else(|| bad("not hex digits"))
}

/// Exports the entries of every tenant into a new set under `root`, and removes old sets.
pub(crate) fn export_set(trees: &Arc<Trees>, root: &Path, unix_ms: u64) -> Result<(), ExportError> {
    let unfinished = root.join(".unfinished");
    match fs::remove_dir_all(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
        _ => fs::create_dir_all(&unfinished)?,
    }
    // First: what is written meanwhile is in the export or not, but everything up to here is.
    mark::note(&unfinished, trees.sequence().map_err(ExportError::Kv)?)?;
    for tenant in trees.tenants() {
        let mut file = BufWriter::new(fs::File::create(unfinished.join(format!("{tenant}.jsonl")))?);
        let mut lines = LineWriter { writer: &mut file, crc32: crc32fast::Hasher::new(), lines: 0 };
        lines.write(&Line::JackfieldExport { version: VERSION, tenant: tenant.to_string() })?;
        for class in trees.classes(&tenant) {
            export_class(&trees.kv(&tenant, class).map_err(ExportError::Kv)?, &mut lines)?;
        }
        lines.end()?;
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
    }
    sync_dir(&unfinished)?;
    fs::rename(&unfinished, root.join(format!("{unix_ms:015}")))?;
    sync_dir(root)?;
    let mut sets = sets(root)?;
    sets.truncate(sets.len().saturating_sub(SETS_KEPT));
    for old in sets {
        fs::remove_dir_all(old)?;
    }
    Ok(())
}

/// The complete sets under `root`, oldest first.
pub(crate) fn sets(root: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(root) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut sets = Vec::new();
    for entry in entries {
        let entry = entry?;
        let complete = |name: &str| name.len() == 15 && name.bytes().all(|byte| byte.is_ascii_digit());
        if entry.file_name().to_str().is_some_and(complete) {
            sets.push(entry.path());
        }
    }
    sets.sort();
    Ok(sets)
}

/// The tenants of a set, each with its export.
pub(crate) fn files(set: &Path) -> io::Result<Vec<(TenantId, BufReader<fs::File>)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(set)? {
        let entry = entry?;
        let name = entry.file_name();
        let tenant = name.to_str().and_then(|name| name.strip_suffix(".jsonl"));
        if let Some(tenant) = tenant.and_then(|tenant| TenantId::new(tenant).ok()) {
            files.push((tenant, BufReader::new(fs::File::open(entry.path())?)));
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests;
