//! Recordings and other files of a tenant: each is there whole or not at all.
//!
//! A blob is a file `GENERATION-CHECKSUM-NAME` in the tenant's directory. The name carries what is needed to check the
//! content, so one rename makes a blob visible with its checksum, and there is no index that could disagree with it.

use std::{
    borrow::Borrow,
    collections::BTreeMap,
    fmt,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Read, Write},
    ops::Bound,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::Serialize;

use crate::{commit::sync_dir, disk::DiskGauge};

/// Longest name of a blob, in bytes: a plugin's id (63), a slash, and 128 of the plugin's own. The name of its file has 18 more.
const NAME_BYTES_MAX: usize = 192;
/// Ending of a blob that is being written. No [`BlobName`] can make such a file name: they all begin with hex digits.
const UNFINISHED: &str = ".unfinished-";

/// A blob's name: 1 to 192 of `A-Z a-z 0-9 . _ -`, beginning with a letter or digit, without `..`. Never a path.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobName(Arc<str>);

impl BlobName {
    /// Checks a name.
    pub fn new(name: &str) -> Result<Self, BlobNameError> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        let begins_well = |part: &str| part.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
        let is_part = |part: &str| begins_well(part) && part.bytes().all(legal) && !part.contains("..");
        if name.len() <= NAME_BYTES_MAX && name.split('/').all(is_part) {
            Ok(Self(name.into()))
        } else {
            Err(BlobNameError)
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What stands before the first slash, if there is one: whose blob it is.
    fn folder(&self) -> Option<&str> {
        self.0.split_once('/').map(|(folder, _)| folder)
    }
}

impl Borrow<str> for BlobName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl Serialize for BlobName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for BlobName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The text cannot name a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a blob's name is 1 to 192 of A-Z a-z 0-9 . _ - and /; each part between slashes begins with a letter or digit and has no \
     two dots in a row"
)]
pub struct BlobNameError;

/// What is known of a blob without reading it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BlobInfo {
    /// Its name.
    pub name: BlobName,
    /// Its length.
    pub bytes: u64,
    /// Counts the blobs written by this tenant: a blob that was replaced has a new number.
    pub generation: u32,
}

#[derive(Clone, Copy, Debug)]
struct Meta {
    generation: u32,
    crc32: u32,
    bytes: u64,
}

impl Meta {
    /// All blobs of a tenant are in one folder: the slashes of a name are written as `+`, which no name has.
    fn file_name(&self, name: &str) -> String {
        format!("{:08x}-{:08x}-{}", self.generation, self.crc32, name.replace('/', "+"))
    }

    fn parse_file_name(text: &str) -> Option<(u32, u32, BlobName)> {
        let hex = |range| u32::from_str_radix(text.get(range)?, 16).ok();
        let (generation, crc32, name) =
            (hex(0..8)?, hex(9..17)?, BlobName::new(&text.get(18..)?.replace('+', "/")).ok()?);
        let same = Self { generation, crc32, bytes: 0 }.file_name(name.as_str()) == text;
        same.then_some((generation, crc32, name))
    }
}

/// The blobs of one tenant. Cheap to clone. All calls block on the disk.
#[derive(Clone)]
pub struct Blobs {
    shared: Arc<Shared>,
}

struct Shared {
    dir: PathBuf,
    quota_bytes: u64,
    disk: Arc<DiskGauge>,
    index: Mutex<Index>,
}

#[derive(Default)]
struct Index {
    blobs: BTreeMap<BlobName, Meta>,
    /// Length of all blobs and of what unfinished writers have taken.
    used_bytes: u64,
    /// The same for each folder that has any.
    folders: BTreeMap<Box<str>, u64>,
    next_generation: u32,
}

impl Blobs {
    /// Reads the names in `dir`, and removes what was not finished.
    pub(crate) fn open(dir: PathBuf, quota_bytes: u64, disk: Arc<DiskGauge>) -> io::Result<Self> {
        fs::create_dir_all(&dir)?;
        if let Some(parent) = dir.parent() {
            sync_dir(parent)?;
        }
        let mut index = Index::default();
        for entry in fs::read_dir(&dir)? {
            let entry = entry?;
            let file_name = entry.file_name();
            let Some(text) = file_name.to_str() else { continue };
            if text.starts_with(UNFINISHED) {
                fs::remove_file(entry.path())?;
            } else if let Some((generation, crc32, name)) = Meta::parse_file_name(text) {
                index.add(&dir, name, Meta { generation, crc32, bytes: entry.metadata()?.len() })?;
            }
        }
        Ok(Self { shared: Arc::new(Shared { dir, quota_bytes, disk, index: Mutex::new(index) }) })
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        // Every change of the index is one statement after the change of the disk.
        self.shared.index.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a blob. It is visible, and replaces one of the same name, when [`BlobWriter::finish`] returns.
    pub fn create(&self, name: &BlobName) -> Result<BlobWriter, BlobError> {
        self.create_within(name, None)
    }

    /// As [`Blobs::create`]; all blobs below the folder of `name` may take no more than so many bytes by it.
    pub fn create_within(&self, name: &BlobName, quota_bytes: Option<u64>) -> Result<BlobWriter, BlobError> {
        self.shared.disk.admit(0).map_err(BlobError::DiskFull)?;
        let generation = self.index().next_generation();
        let path = self.shared.dir.join(format!("{UNFINISHED}{generation:08x}"));
        let file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        Ok(BlobWriter {
            blobs: self.clone(),
            name: name.clone(),
            folder_bytes: quota_bytes.unwrap_or(u64::MAX),
            path,
            file: Some(BufWriter::new(file)),
            generation,
            hasher: crc32fast::Hasher::new(),
            bytes: 0,
        })
    }

    /// Writes a whole blob at once.
    pub fn put(&self, name: &BlobName, content: &[u8]) -> Result<BlobInfo, BlobError> {
        let mut writer = self.create(name)?;
        writer.append(content)?;
        writer.finish()
    }

    /// The content of a blob, checked against its checksum (K12); `None` if there is no such blob.
    pub fn get(&self, name: &BlobName) -> Result<Option<Vec<u8>>, BlobError> {
        let Some((mut file, meta)) = self.open_file(name)? else { return Ok(None) };
        let mut content = Vec::with_capacity(meta.bytes as usize);
        file.read_to_end(&mut content)?;
        if crc32fast::hash(&content) != meta.crc32 {
            return Err(BlobError::Corrupt { name: name.clone() });
        }
        Ok(Some(content))
    }

    /// The file of a blob, for a reader that takes it in pieces and does without the checksum.
    pub fn open_unchecked(&self, name: &BlobName) -> Result<Option<File>, BlobError> {
        Ok(self.open_file(name)?.map(|(file, _)| file))
    }

    fn open_file(&self, name: &BlobName) -> Result<Option<(File, Meta)>, BlobError> {
        // The lock is held over the open, so that the file is not replaced and removed in between.
        let index = self.index();
        let Some(meta) = index.blobs.get(name).copied() else { return Ok(None) };
        let file = File::open(self.shared.dir.join(meta.file_name(name.as_str())))?;
        Ok(Some((file, meta)))
    }

    /// What is known of one blob.
    pub fn info(&self, name: &BlobName) -> Option<BlobInfo> {
        self.index().blobs.get(name).map(|meta| meta.info(name))
    }

    /// Blobs whose name begins with `prefix` and comes after `after`, in the order of names, at most `limit`.
    pub fn list(&self, prefix: &str, after: Option<&BlobName>, limit: usize) -> Vec<BlobInfo> {
        let start = match after {
            Some(after) if after.as_str() >= prefix => Bound::Excluded(after.as_str()),
            _ => Bound::Included(prefix),
        };
        let index = self.index();
        let from = index.blobs.range::<str, _>((start, Bound::Unbounded));
        from.take_while(|(name, _)| name.as_str().starts_with(prefix))
            .take(limit)
            .map(|(name, meta)| meta.info(name))
            .collect()
    }

    /// Removes a blob; returns whether there was one.
    pub fn delete(&self, name: &BlobName) -> Result<bool, BlobError> {
        let mut index = self.index();
        let Some(meta) = index.blobs.get(name).copied() else { return Ok(false) };
        fs::remove_file(self.shared.dir.join(meta.file_name(name.as_str())))?;
        index.blobs.remove(name);
        index.give_back(name, meta.bytes);
        drop(index);
        sync_dir(&self.shared.dir)?;
        Ok(true)
    }

    /// Gives a blob another name, in place of a blob that has it; returns whether there was one to rename. After a crash
    /// it has the old name or the new one.
    pub fn rename(&self, from: &BlobName, to: &BlobName) -> Result<bool, BlobError> {
        let mut index = self.index();
        let Some(meta) = index.blobs.get(from).copied() else { return Ok(false) };
        if from == to {
            return Ok(true);
        }
        // A new number: should the process die before the replaced one is removed, the next start knows which counts.
        let renamed = Meta { generation: index.next_generation(), ..meta };
        let path = |meta: &Meta, name: &BlobName| self.shared.dir.join(meta.file_name(name.as_str()));
        fs::rename(path(&meta, from), path(&renamed, to))?;
        index.blobs.remove(from);
        index.give_back(from, meta.bytes);
        let replaced = index.blobs.insert(to.clone(), renamed);
        index.take(to, meta.bytes);
        sync_dir(&self.shared.dir)?;
        if let Some(replaced) = replaced {
            index.give_back(to, replaced.bytes);
            fs::remove_file(path(&replaced, to))?;
        }
        Ok(true)
    }

    /// Bytes of all blobs, those being written included.
    pub fn used_bytes(&self) -> u64 {
        self.index().used_bytes
    }

    /// The same of the blobs below a folder.
    pub fn used_below(&self, folder: &str) -> u64 {
        self.index().folders.get(folder).copied().unwrap_or(0)
    }

    /// The bound that [`Blobs::used_bytes`] may reach.
    pub fn quota_bytes(&self) -> u64 {
        self.shared.quota_bytes
    }

    fn reserve(&self, name: &BlobName, bytes: u64, folder_bytes: u64) -> Result<(), BlobError> {
        self.shared.disk.admit(bytes).map_err(BlobError::DiskFull)?;
        let mut index = self.index();
        let of_folder = name.folder().and_then(|folder| index.folders.get(folder)).copied().unwrap_or(0);
        for (used, limit) in [(index.used_bytes, self.shared.quota_bytes), (of_folder, folder_bytes)] {
            if used.saturating_add(bytes) > limit {
                return Err(BlobError::Quota { used, needed: bytes, limit });
            }
        }
        index.take(name, bytes);
        Ok(())
    }

    fn release(&self, name: &BlobName, bytes: u64) {
        self.index().give_back(name, bytes);
    }
}

impl fmt::Debug for Blobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Blobs").field("dir", &self.shared.dir).finish_non_exhaustive()
    }
}

impl Meta {
    fn info(&self, name: &BlobName) -> BlobInfo {
        BlobInfo { name: name.clone(), bytes: self.bytes, generation: self.generation }
    }
}

impl Index {
    fn next_generation(&mut self) -> u32 {
        self.next_generation += 1;
        self.next_generation
    }

    fn take(&mut self, name: &BlobName, bytes: u64) {
        self.used_bytes += bytes;
        if let Some(folder) = name.folder() {
            *self.folders.entry(folder.into()).or_default() += bytes;
        }
    }

    fn give_back(&mut self, name: &BlobName, bytes: u64) {
        self.used_bytes -= bytes;
        let Some((folder, used)) = name.folder().and_then(|folder| Some((folder, self.folders.get_mut(folder)?)))
        else {
            return;
        };
        *used -= bytes;
        if *used == 0 {
            self.folders.remove(folder);
        }
    }

    /// Takes up a file found at start. Of two generations the older one was about to be removed.
    fn add(&mut self, dir: &Path, name: BlobName, meta: Meta) -> io::Result<()> {
        self.next_generation = self.next_generation.max(meta.generation);
        let older = match self.blobs.get(&name).copied() {
            Some(other) if other.generation > meta.generation => meta,
            other => {
                self.blobs.insert(name.clone(), meta);
                self.take(&name, meta.bytes);
                let Some(other) = other else { return Ok(()) };
                self.give_back(&name, other.bytes);
                other
            }
        };
        fs::remove_file(dir.join(older.file_name(name.as_str())))
    }
}

/// A blob being written. Dropping it forgets what was written.
pub struct BlobWriter {
    blobs: Blobs,
    name: BlobName,
    /// What all blobs below the folder of the name may take.
    folder_bytes: u64,
    path: PathBuf,
    /// `None` once finished.
    file: Option<BufWriter<File>>,
    generation: u32,
    hasher: crc32fast::Hasher,
    bytes: u64,
}

impl BlobWriter {
    /// Adds to the end.
    pub fn append(&mut self, content: &[u8]) -> Result<(), BlobError> {
        self.blobs.reserve(&self.name, content.len() as u64, self.folder_bytes)?;
        self.bytes += content.len() as u64;
        self.hasher.update(content);
        self.file.as_mut().expect("only finish and drop take the file").write_all(content)?;
        Ok(())
    }

    /// Bytes written so far.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Replaces the first bytes, a WAV header that could not know the length, and cuts off what is beyond `bytes`: silence at
    /// the end. There must be as much as either already.
    pub fn conclude(&mut self, start: &[u8], bytes: u64) -> Result<(), BlobError> {
        use std::os::unix::fs::FileExt;
        let file = self.file.as_mut().expect("only finish and drop take the file");
        file.flush()?;
        if bytes > self.bytes || start.len() as u64 > bytes {
            return Err(BlobError::Io(io::Error::new(io::ErrorKind::InvalidInput, "nothing there to replace")));
        }
        file.get_ref().set_len(bytes)?;
        self.blobs.release(&self.name, self.bytes - bytes);
        self.bytes = bytes;
        file.get_ref().write_all_at(start, 0)?;
        // The checksum runs over the content in order, so it begins anew.
        let mut reader = File::open(&self.path)?;
        let mut hasher = crc32fast::Hasher::new();
        let mut chunk = vec![0; 64 * 1_024];
        loop {
            match reader.read(&mut chunk)? {
                0 => break,
                read => hasher.update(&chunk[..read]),
            }
        }
        self.hasher = hasher;
        Ok(())
    }

    /// Brings the blob to disk and makes it visible: acknowledged when this returns.
    pub fn finish(mut self) -> Result<BlobInfo, BlobError> {
        let file = self.file.take().expect("finish is called once");
        let file = file.into_inner().map_err(|error| {
            self.forget();
            BlobError::Io(error.into_error())
        })?;
        self.publish(&file).inspect_err(|_| self.forget())
    }

    fn publish(&self, file: &File) -> Result<BlobInfo, BlobError> {
        let shared = &self.blobs.shared;
        file.sync_all()?;
        let meta = Meta { generation: self.generation, crc32: self.hasher.clone().finalize(), bytes: self.bytes };
        let mut index = self.blobs.index();
        fs::rename(&self.path, shared.dir.join(meta.file_name(self.name.as_str())))?;
        // From here the blob is visible; what was taken for it now belongs to the index.
        if let Some(old) = index.blobs.insert(self.name.clone(), meta) {
            index.give_back(&self.name, old.bytes);
            sync_dir(&shared.dir)?;
            fs::remove_file(shared.dir.join(old.file_name(self.name.as_str())))?;
        }
        drop(index);
        sync_dir(&shared.dir)?;
        Ok(meta.info(&self.name))
    }

    fn forget(&self) {
        // Not there any more: the rename had been done, and the index has the bytes.
        match fs::remove_file(&self.path) {
            Ok(()) => self.blobs.release(&self.name, self.bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => {
                self.blobs.release(&self.name, self.bytes);
                tracing::warn!(%error, path = %self.path.display(), "unfinished blob left behind until the next start");
            }
        }
    }
}

impl Drop for BlobWriter {
    fn drop(&mut self) {
        if self.file.take().is_some() {
            self.forget();
        }
    }
}

impl Write for BlobWriter {
    fn write(&mut self, content: &[u8]) -> io::Result<usize> {
        self.append(content).map_err(io::Error::other)?;
        Ok(content.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl fmt::Debug for BlobWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BlobWriter").field("name", &self.name).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

/// Why a blob was not read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BlobError {
    /// The content is not what was written.
    #[error("blob {name} is damaged")]
    Corrupt {
        /// Which blob.
        name: BlobName,
    },
    /// The disk has no room beyond the reserve.
    #[error(transparent)]
    DiskFull(crate::DiskFull),
    /// The system refused.
    #[error("blob: {0}")]
    Io(#[from] io::Error),
    /// The tenant's blobs have reached their quota.
    #[error("blobs: {used} bytes used, {needed} more needed, the quota is {limit}")]
    Quota {
        /// Bytes in use.
        used: u64,
        /// Bytes that did not fit.
        needed: u64,
        /// The bound.
        limit: u64,
    },
}

#[cfg(test)]
mod tests;
