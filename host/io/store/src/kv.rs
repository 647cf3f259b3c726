//! Small values by key: one tree per tenant and class, with quotas and expiry.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use call::TenantId;

use crate::{commit::Committer, disk::DiskGauge, key, mark, open::Options};

/// Longest key of an entry, in bytes. Bounds what a scan holds in memory beside the values.
pub(crate) const KEY_BYTES_MAX: usize = 1_024;
/// Longest value of an entry, in bytes. Larger things are blobs.
pub(crate) const VALUE_BYTES_MAX: usize = 64 * 1_024;
/// Most entries one scan returns; the caller goes on from the last key.
pub(crate) const SCAN_ENTRIES_MAX: usize = 1_000;
/// What an entry costs beside its key and value: charged so that empty values cannot grow without bound.
const ENTRY_OVERHEAD_BYTES: u64 = 64;
/// First byte of every stored value: the layout that follows.
const LAYOUT: u8 = 1;
/// Layout byte, expiry (milliseconds since 1970, big endian; 0 is never), CRC-32 of key, expiry and value.
const HEADER_BYTES: usize = 1 + 8 + 4;

/// What kind of thing an entry is; each class of a tenant is a tree of its own with its own quota.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// `DB(family/key)` of the dialplan (F24).
    AstDb,
    /// Device states set by the dialplan, the API or plugins.
    DeviceState,
    /// Versions and deployments of the tenant's plugins.
    Deployment,
    /// The kv capability of the named plugin.
    PluginKv(Arc<str>),
    /// Contacts of the tenant's endpoints.
    Registration,
}

impl Class {
    /// The class as parts of a tree's name. Never change a released tag: it names data on disks.
    fn parts(&self) -> (&'static str, &str) {
        match self {
            Self::AstDb => ("astdb", ""),
            Self::DeviceState => ("device-state", ""),
            Self::Deployment => ("deployment", ""),
            Self::PluginKv(plugin) => ("plugin-kv", plugin),
            Self::Registration => ("registration", ""),
        }
    }

    fn from_parts(tag: &str, detail: &str) -> Option<Self> {
        let class = match tag {
            "astdb" => Self::AstDb,
            "device-state" => Self::DeviceState,
            "deployment" => Self::Deployment,
            "plugin-kv" => return Some(Self::PluginKv(detail.into())),
            "registration" => Self::Registration,
            _ => return None,
        };
        detail.is_empty().then_some(class)
    }

    /// The class as text, for logs and exports: `astdb`, `plugin-kv:voicemail`.
    pub(crate) fn label(&self) -> String {
        match self.parts() {
            (tag, "") => tag.to_owned(),
            (tag, detail) => format!("{tag}:{detail}"),
        }
    }

    pub(crate) fn from_label(label: &str) -> Option<Self> {
        let (tag, detail) = label.split_once(':').unwrap_or((label, ""));
        Self::from_parts(tag, detail)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label())
    }
}

/// First part of the name of every tree of ours, so that a later layout can live beside this one.
const TREE_NAMES: &[u8] = b"t1";

pub(crate) fn tree_name(tenant: &TenantId, class: &Class) -> Vec<u8> {
    let (tag, detail) = class.parts();
    key::encode(&[TREE_NAMES, tenant.as_str().as_bytes(), tag.as_bytes(), detail.as_bytes()])
}

/// Whose tree `name` is; `None` for sled's own default tree and for anything we did not make.
pub(crate) fn tree_owner(name: &[u8]) -> Option<(TenantId, Class)> {
    let parts = key::decode(name)?;
    let [kind, tenant, tag, detail] = parts.as_slice() else { return None };
    let text = |part: &'_ Vec<u8>| String::from_utf8(part.clone()).ok();
    if kind != TREE_NAMES {
        return None;
    }
    Some((TenantId::new(&text(tenant)?).ok()?, Class::from_parts(&text(tag)?, &text(detail)?)?))
}

/// Bytes and entries of one class of one tenant, as charged to its quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Keys, values and a fixed overhead per entry.
    pub bytes: u64,
    /// Number of entries, expired ones included until they are swept.
    pub entries: u64,
}

/// An entry found by a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The entry's key.
    pub key: Vec<u8>,
    /// The entry's value.
    pub value: Vec<u8>,
}

/// All open trees of a database.
///
/// The lock is held to look up or open a tree, never while an entry is read or written.
pub(crate) struct Trees {
    db: sled::Db,
    open: Mutex<HashMap<(TenantId, Class), Arc<Tree>>>,
    options: Arc<Options>,
    committer: Committer,
    disk: Arc<DiskGauge>,
}

struct Tree {
    tree: sled::Tree,
    /// One writer at a time, so that a check and the write that depends on it are one step.
    account: Mutex<Account>,
}

/// What is known of a tree without reading it.
#[derive(Clone, Copy)]
struct Account {
    usage: Usage,
    /// No entry expires before this. A full class is searched for expired entries only from then on, so that a plugin
    /// that keeps writing into its full quota does not keep the store busy (H13).
    next_expiry: u64,
}

impl Default for Account {
    fn default() -> Self {
        Self { usage: Usage::default(), next_expiry: u64::MAX }
    }
}

impl Account {
    fn expires(&mut self, expiry: u64) {
        if expiry != 0 {
            self.next_expiry = self.next_expiry.min(expiry);
        }
    }
}

impl Trees {
    pub(crate) fn new(db: sled::Db, options: Arc<Options>, committer: Committer, disk: Arc<DiskGauge>) -> Self {
        Self { db, open: Mutex::default(), options, committer, disk }
    }

    /// The classes of `tenant` that exist on disk.
    pub(crate) fn classes(&self, tenant: &TenantId) -> Vec<Class> {
        let owners = self.db.tree_names().into_iter().filter_map(|name| tree_owner(&name));
        let mut classes: Vec<Class> = owners.filter(|(owner, _)| owner == tenant).map(|(_, class)| class).collect();
        classes.sort();
        classes
    }

    /// The tenants with any tree on disk.
    pub(crate) fn tenants(&self) -> Vec<TenantId> {
        let mut tenants: Vec<TenantId> =
            self.db.tree_names().into_iter().filter_map(|name| tree_owner(&name)).map(|(tenant, _)| tenant).collect();
        tenants.sort();
        tenants.dedup();
        tenants
    }

    /// The number of the last commit.
    pub(crate) fn sequence(&self) -> Result<u64, KvError> {
        mark::inside(&self.db).map_err(KvError::Backend)
    }

    /// Deletes every entry of `tenant`.
    pub(crate) fn drop_tenant(&self, tenant: &TenantId) -> Result<(), KvError> {
        let mut open = lock(&self.open);
        for class in self.classes(tenant) {
            open.remove(&(tenant.clone(), class.clone()));
            self.db.drop_tree(tree_name(tenant, &class)).map_err(KvError::Backend)?;
        }
        self.committer.changed();
        Ok(())
    }

    /// Deletes what has expired in every class that is open and may have such entries; returns how many entries there were.
    /// A class that nobody has opened since the start nobody reads either. Blocks.
    pub(crate) fn sweep(self: &Arc<Self>) -> u64 {
        let now_ms = self.options.wallclock.now_ms();
        let open: Vec<_> = lock(&self.open).iter().map(|(name, tree)| (name.clone(), Arc::clone(tree))).collect();
        let due = open.into_iter().filter(|(_, tree)| lock(&tree.account).next_expiry <= now_ms);
        let sweep = |((tenant, class), tree)| {
            let kv = Kv { class, tree, quota_bytes: u64::MAX, trees: Arc::clone(self) };
            // One damaged class is no reason to keep what has expired in the others.
            kv.sweep().unwrap_or_else(|error| {
                tracing::warn!(%tenant, class = %kv.class, %error, "cannot remove expired entries");
                0
            })
        };
        due.map(sweep).sum()
    }

    pub(crate) fn kv(self: &Arc<Self>, tenant: &TenantId, class: Class) -> Result<Kv, KvError> {
        let mut open = lock(&self.open);
        let entry = open.entry((tenant.clone(), class.clone()));
        let tree = match entry {
            std::collections::hash_map::Entry::Occupied(entry) => Arc::clone(entry.get()),
            std::collections::hash_map::Entry::Vacant(entry) => {
                let tree = self.db.open_tree(tree_name(tenant, &class)).map_err(KvError::Backend)?;
                let account = Mutex::new(measure(&tree)?);
                Arc::clone(entry.insert(Arc::new(Tree { tree, account })))
            }
        };
        let quota_bytes = self.options.quotas.bytes(&class);
        Ok(Kv { class, tree, quota_bytes, trees: Arc::clone(self) })
    }
}

fn measure(tree: &sled::Tree) -> Result<Account, KvError> {
    tree.iter().try_fold(Account::default(), |mut account, item| {
        let (key, stored) = item.map_err(KvError::Backend)?;
        account.usage.bytes += charge(key.len(), stored.len());
        account.usage.entries += 1;
        // A damaged entry has no expiry that counts.
        account.expires(open_value(&key, &stored).map_or(0, |(expiry, _)| expiry));
        Ok(account)
    })
}

fn charge(key_bytes: usize, stored_bytes: usize) -> u64 {
    (key_bytes + stored_bytes) as u64 + ENTRY_OVERHEAD_BYTES
}

/// A panic of another holder leaves a count behind that is at worst off by one entry.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The entries of one class of one tenant. Cheap to clone.
///
/// Calls do not wait for the disk, except where a value has left the cache.
#[derive(Clone)]
pub struct Kv {
    class: Class,
    tree: Arc<Tree>,
    /// What [`Usage::bytes`] may reach by writes through this handle.
    quota_bytes: u64,
    trees: Arc<Trees>,
}

/// What a compare-and-set found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expected<'a> {
    Anything,
    Exactly(Option<&'a [u8]>),
}

impl Kv {
    /// The same entries, writing to which may fill no more than so many bytes of the class's quota.
    pub fn within(self, bytes: u64) -> Self {
        Self { quota_bytes: self.quota_bytes.min(bytes), ..self }
    }

    /// The class these entries belong to.
    pub fn class(&self) -> &Class {
        &self.class
    }

    /// The value of `key`, unless there is none or it has expired.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, KvError> {
        let Some(stored) = self.tree.tree.get(key).map_err(KvError::Backend)? else { return Ok(None) };
        Ok(self.live(key, &stored)?.map(<[u8]>::to_vec))
    }

    /// Sets `key` to `value` until it is set again or deleted.
    pub fn put(&self, key: &[u8], value: &[u8]) -> Result<(), WriteError> {
        self.write(key, Expected::Anything, Some((value, 0))).map_err(CasError::unconditional)
    }

    /// Sets `key` to `value` for `ttl_ms` milliseconds of wall clock.
    pub fn put_for(&self, key: &[u8], value: &[u8], ttl_ms: u64) -> Result<(), WriteError> {
        self.write(key, Expected::Anything, Some((value, self.expiry(ttl_ms)))).map_err(CasError::unconditional)
    }

    /// Sets `key` to `new`, or deletes it for `None`, if its value is exactly `expected` (`None`: absent).
    pub fn cas(&self, key: &[u8], expected: Option<&[u8]>, new: Option<&[u8]>) -> Result<(), CasError> {
        self.write(key, Expected::Exactly(expected), new.map(|value| (value, 0)))
    }

    /// As [`Kv::cas`], with an expiry for the new value.
    pub fn cas_for(&self, key: &[u8], expected: Option<&[u8]>, new: &[u8], ttl_ms: u64) -> Result<(), CasError> {
        self.write(key, Expected::Exactly(expected), Some((new, self.expiry(ttl_ms))))
    }

    /// Removes `key`. It is no error if there is none.
    pub fn delete(&self, key: &[u8]) -> Result<(), WriteError> {
        self.write(key, Expected::Anything, None).map_err(CasError::unconditional)
    }

    /// Entries whose key begins with `prefix` and comes after `after`, in byte order, at most `limit` of them.
    ///
    /// Expired entries are left out, damaged ones too (with a line in the log, so that one cannot hide the others); a call looks at no more than ten times [`Kv::SCAN_ENTRIES_MAX`] entries.
    pub fn scan(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize) -> Result<Vec<Entry>, KvError> {
        use std::ops::Bound;
        let limit = limit.min(SCAN_ENTRIES_MAX);
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let mut found = Vec::new();
        for item in self.tree.tree.range::<&[u8], _>((start, Bound::Unbounded)).take(10 * SCAN_ENTRIES_MAX) {
            let (key, stored) = item.map_err(KvError::Backend)?;
            if found.len() == limit || !key.starts_with(prefix) {
                break;
            }
            match self.live(&key, &stored) {
                Ok(Some(value)) => found.push(Entry { value: value.to_vec(), key: key.to_vec() }),
                Ok(None) => {}
                Err(error) => self.report_damage(&error),
            }
        }
        Ok(found)
    }

    /// Most entries one [`Kv::scan`] returns.
    pub const SCAN_ENTRIES_MAX: usize = SCAN_ENTRIES_MAX;

    /// What these entries take of their quota.
    pub fn usage(&self) -> Usage {
        lock(&self.tree.account).usage
    }

    /// The bound that [`Usage::bytes`] may reach.
    pub fn quota_bytes(&self) -> u64 {
        self.quota_bytes
    }

    /// Deletes expired entries and returns how many there were. The store does so by itself before each export.
    pub fn sweep(&self) -> Result<u64, KvError> {
        self.sweep_locked(&mut lock(&self.tree.account))
    }

    /// Acknowledges every write of this store that returned before the call.
    pub async fn committed(&self) -> Result<(), crate::CommitError> {
        self.trees.committer.committed().await
    }

    /// Every entry as stored, with its expiry, for an export.
    pub(crate) fn for_each(
        &self,
        mut visit: impl FnMut(&[u8], &[u8], u64) -> std::io::Result<()>,
    ) -> Result<(), crate::ExportError> {
        for item in self.tree.tree.iter() {
            let (key, stored) = item.map_err(|error| crate::ExportError::Kv(KvError::Backend(error)))?;
            match open_value(&key, &stored) {
                Ok((expiry, value)) => visit(&key, value, expiry)?,
                Err(error) => self.report_damage(&error),
            }
        }
        Ok(())
    }

    /// Sets an entry with an absolute expiry, as an import finds it. The quota is not asked: it was when the entry was
    /// first written, and may have become smaller.
    pub(crate) fn restore(&self, key: &[u8], value: &[u8], expiry: u64) -> Result<(), WriteError> {
        let stored = seal_value(key, value, expiry);
        self.trees.disk.admit(stored.len() as u64).map_err(WriteError::DiskFull)?;
        let mut account = lock(&self.tree.account);
        account.expires(expiry);
        self.insert_locked(&mut account.usage, key, stored)
    }

    /// Acknowledges as [`Kv::committed`] does, for a thread that may block.
    pub fn committed_blocking(&self) -> Result<(), crate::CommitError> {
        self.trees.committer.committed_blocking()
    }

    fn expiry(&self, ttl_ms: u64) -> u64 {
        // Zero would be "never"; a clock at 1970 plus a life of nothing is the only way to it.
        self.trees.options.wallclock.now_ms().saturating_add(ttl_ms).max(1)
    }

    /// The value inside `stored` unless it has expired.
    fn live<'a>(&self, key: &[u8], stored: &'a [u8]) -> Result<Option<&'a [u8]>, KvError> {
        let (expiry, value) = open_value(key, stored)?;
        let expired = expiry != 0 && expiry <= self.trees.options.wallclock.now_ms();
        Ok((!expired).then_some(value))
    }

    fn report_damage(&self, error: &KvError) {
        tracing::error!(class = %self.class, %error, "damaged entry left out");
    }

    fn write(&self, key: &[u8], expected: Expected<'_>, new: Option<(&[u8], u64)>) -> Result<(), CasError> {
        let too_large = |what, bytes, limit| CasError::Write(WriteError::Value(ValueError { what, bytes, limit }));
        if key.len() > KEY_BYTES_MAX {
            return Err(too_large("key", key.len(), KEY_BYTES_MAX));
        }
        let stored = match new {
            Some((value, _)) if value.len() > VALUE_BYTES_MAX => {
                return Err(too_large("value", value.len(), VALUE_BYTES_MAX));
            }
            Some((value, expiry)) => Some(seal_value(key, value, expiry)),
            None => None,
        };
        let mut account = lock(&self.tree.account);
        let old = self.tree.tree.get(key).map_err(|error| WriteError::Backend(error.into()))?;
        if let Expected::Exactly(expected) = expected {
            let current = match &old {
                Some(stored) => self.live(key, stored).map_err(|error| WriteError::Backend(Box::new(error)))?,
                None => None,
            };
            if current != expected {
                return Err(CasError::Changed { current: current.map(<[u8]>::to_vec) });
            }
        }
        account.expires(new.map_or(0, |(_, expiry)| expiry));
        self.write_locked(&mut account, key, old.map(|old| old.len()), stored).map_err(CasError::Write)
    }

    fn write_locked(
        &self,
        account: &mut Account,
        key: &[u8],
        old_bytes: Option<usize>,
        stored: Option<Vec<u8>>,
    ) -> Result<(), WriteError> {
        let Some(stored) = stored else {
            let Some(old_bytes) = old_bytes else { return Ok(()) };
            self.tree.tree.remove(key).map_err(|error| WriteError::Backend(error.into()))?;
            account.usage.bytes -= charge(key.len(), old_bytes);
            account.usage.entries -= 1;
            self.trees.committer.changed();
            return Ok(());
        };
        // Deletions are let through above: they are how an administrator makes room.
        self.trees.disk.admit(stored.len() as u64).map_err(WriteError::DiskFull)?;
        let needed = charge(key.len(), stored.len());
        let mut freed = old_bytes.map_or(0, |old_bytes| charge(key.len(), old_bytes));
        let over = |usage: &Usage, freed| usage.bytes - freed + needed > self.quota_bytes;
        if over(&account.usage, freed) && account.next_expiry <= self.trees.options.wallclock.now_ms() {
            self.sweep_locked(account).map_err(|error| WriteError::Backend(Box::new(error)))?;
            // The sweep may have taken the old value with it.
            let old = self.tree.tree.get(key).map_err(|error| WriteError::Backend(error.into()))?;
            freed = old.map_or(0, |old| charge(key.len(), old.len()));
        }
        if over(&account.usage, freed) {
            let (class, used, limit) = (self.class.clone(), account.usage.bytes, self.quota_bytes);
            return Err(WriteError::Quota { class, used, needed, limit });
        }
        self.insert_locked(&mut account.usage, key, stored)
    }

    fn insert_locked(&self, usage: &mut Usage, key: &[u8], stored: Vec<u8>) -> Result<(), WriteError> {
        let needed = charge(key.len(), stored.len());
        let old = self.tree.tree.insert(key, stored).map_err(|error| WriteError::Backend(error.into()))?;
        match old {
            Some(old) => usage.bytes -= charge(key.len(), old.len()),
            None => usage.entries += 1,
        }
        usage.bytes += needed;
        self.trees.committer.changed();
        Ok(())
    }

    fn sweep_locked(&self, account: &mut Account) -> Result<u64, KvError> {
        let now_ms = self.trees.options.wallclock.now_ms();
        let (mut swept, mut next_expiry) = (0, u64::MAX);
        for item in self.tree.tree.iter() {
            let (key, stored) = item.map_err(KvError::Backend)?;
            match open_value(&key, &stored) {
                Ok((expiry, _)) if expiry != 0 && expiry <= now_ms => {
                    self.tree.tree.remove(&key).map_err(KvError::Backend)?;
                    account.usage.bytes -= charge(key.len(), stored.len());
                    account.usage.entries -= 1;
                    swept += 1;
                }
                Ok((0, _)) => {}
                Ok((expiry, _)) => next_expiry = next_expiry.min(expiry),
                Err(error) => self.report_damage(&error),
            }
        }
        // After a failure there may be more that has expired: the former time stays.
        account.next_expiry = next_expiry;
        if swept > 0 {
            self.trees.committer.changed();
        }
        Ok(swept)
    }
}

impl fmt::Debug for Kv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kv").field("class", &self.class).finish_non_exhaustive()
    }
}

fn checksum(key: &[u8], expiry: u64, value: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&(key.len() as u64).to_be_bytes());
    hasher.update(key);
    hasher.update(&expiry.to_be_bytes());
    hasher.update(value);
    hasher.finalize()
}

fn seal_value(key: &[u8], value: &[u8], expiry: u64) -> Vec<u8> {
    let mut stored = Vec::with_capacity(HEADER_BYTES + value.len());
    stored.push(LAYOUT);
    stored.extend_from_slice(&expiry.to_be_bytes());
    stored.extend_from_slice(&checksum(key, expiry, value).to_be_bytes());
    stored.extend_from_slice(value);
    stored
}

/// The expiry and value inside `stored`, checked (K12).
fn open_value<'a>(key: &[u8], stored: &'a [u8]) -> Result<(u64, &'a [u8]), KvError> {
    let corrupt = || KvError::Corrupt { key: String::from_utf8_lossy(key).into_owned() };
    let (header, value) = stored.split_at_checked(HEADER_BYTES).ok_or_else(corrupt)?;
    let expiry = u64::from_be_bytes(header[1..9].try_into().expect("the header has eight bytes of expiry"));
    let sum = u32::from_be_bytes(header[9..13].try_into().expect("the header has four bytes of checksum"));
    if header[0] != LAYOUT || sum != checksum(key, expiry, value) {
        return Err(corrupt());
    }
    Ok((expiry, value))
}

/// Why entries could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KvError {
    /// The database failed.
    #[error("the database failed: {0}")]
    Backend(#[source] sled::Error),
    /// The entry at this key is not what was written.
    #[error("the entry at key {key:?} is damaged")]
    Corrupt {
        /// The key, for the log.
        key: String,
    },
}

/// A key or value over its bound.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} has {bytes} bytes, the limit is {limit}")]
pub struct ValueError {
    /// "key" or "value".
    pub what: &'static str,
    /// How many bytes were given.
    pub bytes: usize,
    /// The bound.
    pub limit: usize,
}

/// Why an entry was not written. The old value is still there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The database failed.
    #[error("the database failed: {0}")]
    Backend(#[source] Box<KvError>),
    /// The disk has no room beyond the reserve.
    #[error(transparent)]
    DiskFull(crate::DiskFull),
    /// The class has reached its quota.
    #[error("{class}: {used} bytes used, {needed} more needed, the quota is {limit}")]
    Quota {
        /// The class that is full.
        class: Class,
        /// Bytes in use.
        used: u64,
        /// Bytes this entry would have taken.
        needed: u64,
        /// The bound.
        limit: u64,
    },
    /// The key or the value is too long.
    #[error(transparent)]
    Value(ValueError),
}

impl From<sled::Error> for Box<KvError> {
    fn from(error: sled::Error) -> Self {
        Self::new(KvError::Backend(error))
    }
}

/// Why a compare-and-set did nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CasError {
    /// The value is not the expected one.
    #[error("the value is not the expected one")]
    Changed {
        /// The value that is there.
        current: Option<Vec<u8>>,
    },
    /// The write itself failed.
    #[error(transparent)]
    Write(#[from] WriteError),
}

impl CasError {
    fn unconditional(self) -> WriteError {
        match self {
            Self::Write(error) => error,
            Self::Changed { .. } => unreachable!("an unconditional write compares nothing"),
        }
    }
}

#[cfg(test)]
mod tests;
