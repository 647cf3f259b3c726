//! The one door to a tenant's content.

use std::{fmt, io};

use call::TenantId;

use crate::{
    Blobs, Cdr, Class, Kv, KvError, Registrations,
    export::{self, ExportError, ExportSummary, ImportError, Scope},
    open::Store,
};

/// Everything stored for one tenant, and nothing of another (F8). Cheap to clone.
#[derive(Clone)]
pub struct TenantStore {
    store: Store,
    tenant: TenantId,
}

impl TenantStore {
    pub(crate) fn new(store: Store, tenant: TenantId) -> Self {
        Self { store, tenant }
    }

    /// Whose content this is.
    pub fn tenant(&self) -> &TenantId {
        &self.tenant
    }

    /// The entries of a class. The first call for a class reads it once, to know how much of its quota is used.
    pub fn kv(&self, class: Class) -> Result<Kv, KvError> {
        self.store.trees().kv(&self.tenant, class)
    }

    /// The classes with entries on disk, or opened since the start.
    pub fn classes(&self) -> Vec<Class> {
        self.store.trees().classes(&self.tenant)
    }

    /// The endpoints' contacts.
    pub fn registrations(&self) -> Result<Registrations, KvError> {
        Ok(Registrations::new(self.kv(Class::Registration)?))
    }

    /// The call records.
    pub fn cdr(&self) -> Cdr {
        Cdr::new(self.tenant.clone(), self.store.cdr_dir().join(self.tenant.as_str()), self.store.cdr_writer())
    }

    /// The recordings and other files.
    pub fn blobs(&self) -> io::Result<Blobs> {
        self.store.blobs(&self.tenant)
    }

    /// Acknowledges every write to a [`Kv`] that returned before the call.
    pub async fn committed(&self) -> Result<(), crate::CommitError> {
        self.store.committed().await
    }

    /// Writes the tenant's content as JSON lines with a checksum. Blocks; writes of others go on meanwhile.
    pub fn export(&self, scope: Scope, writer: &mut dyn io::Write) -> Result<ExportSummary, ExportError> {
        export::export(self, scope, writer)
    }

    /// Takes up an export, over what is there, after checking all of it. Blocks. Acknowledged when it returns.
    pub fn import<R: io::BufRead + io::Seek>(&self, reader: &mut R) -> Result<ExportSummary, ImportError> {
        let summary = export::import(self, reader)?;
        self.store.committed_blocking().map_err(ImportError::Commit)?;
        Ok(summary)
    }

    /// Deletes the tenant's entries and blobs. Call records stay: the law may ask for them.
    pub fn remove(&self) -> Result<(), RemoveError> {
        let blobs = self.blobs().map_err(RemoveError::Blobs)?;
        for blob in blobs.list("", None, usize::MAX) {
            blobs.delete(&blob.name).map_err(RemoveError::Blob)?;
        }
        self.store.trees().drop_tenant(&self.tenant).map_err(RemoveError::Kv)
    }
}

impl fmt::Debug for TenantStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TenantStore").field("tenant", &self.tenant).finish_non_exhaustive()
    }
}

/// Why a tenant's content was not removed, or not all of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RemoveError {
    /// A blob stayed.
    #[error(transparent)]
    Blob(crate::BlobError),
    /// The blobs cannot be listed.
    #[error("blobs: {0}")]
    Blobs(#[source] io::Error),
    /// The entries stayed.
    #[error(transparent)]
    Kv(KvError),
}
