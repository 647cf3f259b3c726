//! What survives a restart, per tenant: keyed state, call records and blobs.
//!
//! One [`Store`] owns one data directory. A [`TenantStore`] is obtained from a `TenantId` and is the only way to any
//! content: no function takes a bare key together with a tenant's name. Inside a tenant there are
//! - [`Kv`]: small values in sled, one tree per tenant and [`Class`], with quotas and expiry;
//! - [`Cdr`]: call records as JSON lines, one file per tenant and day;
//! - [`Blobs`]: recordings and other files, each written whole or not at all.
//!
//! Writes return when they are visible to readers. They are *acknowledged*, that is: they survive `kill -9` and a power
//! cut, once [`Store::committed`] (for [`Kv`]), [`Receipt::committed`] (for [`Cdr`]) or [`BlobWriter::finish`] returned.
//! Not acknowledged means absent or complete, never half.
//!
//! ```
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let dir = tempfile::tempdir()?;
//! let store = store::Store::open(dir.path())?;
//! let acme = store.tenant(&call::TenantId::new("acme")?);
//! let db = acme.kv(store::Class::AstDb)?;
//! db.put(b"cidname/100", b"Alice")?;
//! assert_eq!(db.get(b"cidname/100")?.as_deref(), Some(&b"Alice"[..]));
//! # Ok(()) }
//! ```
//!
//! Absent here: mailboxes, queues and everything else a plugin knows. They are a plugin's keys and blobs.

#![forbid(unsafe_code)]

mod blob;
mod cdr;
mod commit;
mod disk;
mod export;
mod health;
mod key;
mod kv;
mod mark;
mod open;
mod recover;
mod registration;
mod replace;
mod tenant;

pub use blob::{BlobError, BlobInfo, BlobName, BlobNameError, BlobWriter, Blobs};
pub use cdr::{Cdr, CdrError, Day, DayError, Receipt};
pub use commit::CommitError;
pub use disk::DiskFull;
pub use export::{ExportError, ExportSummary, ImportError, Scope};
pub use health::{Health, Problem};
pub use kv::{CasError, Class, Entry, Kv, KvError, Usage, ValueError, WriteError};
pub use open::{OpenError, Options, Quotas, Store, Wallclock};
pub use recover::Recovery;
pub use registration::{Loaded, RegistrationError, Registrations};
pub use replace::replace_file;
pub use tenant::{RemoveError, TenantStore};
