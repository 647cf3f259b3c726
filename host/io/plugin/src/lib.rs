//! The plugin host: components in, decisions out.
//!
//! - [`Host`] is one per process: engine, instance pool, guest threads, compiled cache.
//! - [`TenantPlugins`] is one per tenant: which version of which plugin is active, and the history of that.
//! - [`AppSlot`], [`FunctionSlot`] and [`ServiceSlot`] are one plugin's present version, pinned: what a call holds on to.
//!
//! What a plugin does leaves by two traits the switch implements, [`CallPort`] and [`TenantPort`].
//!
//! Invariants: guests run on the host's own threads (a function's first millisecond excepted, see [`FunctionSlot`]); every
//! Store is made by one constructor with all limits; a Store is dropped after a trap; native code is loaded only if this
//! host made it; no type of wasmtime is public.

mod abi;
mod canary;
mod capability;
mod collect;
mod deployment;
mod engine;
mod error;
mod generation;
mod grant;
mod host;
mod hosts;
mod inspection;
mod instance;
mod loader;
mod manifest;
mod meter;
mod metrics;
mod package;
mod plan;
mod port;
mod slot;
mod tail;
mod tape;
mod tenant;
mod ticker;
mod trust;
mod usage;

pub mod limit;
pub mod measure;

pub use abi::{WIT_0_1, WIT_VERSION};
pub use canary::{Chooser, Split, SplitError};
pub use capability::blob::blob_name;
pub use collect::Collected;
pub use deployment::{
    Available, By, Canary, ChangeError, Deployed, Event, HistoryEntry, InstallError, Installed, OnTrial, OpenError,
    Terms, Trouble,
};
pub use error::{GuestError, RunError};
pub use grant::{Capability, Consent};
pub use host::{Compiler, Host, HostConfig, HostError};
pub use hosts::{HostPattern, HostPatternError};
pub use inspection::{Compatibility, Inspection};
pub use limit::Limits;
pub use loader::compile::compile_child;
pub use loader::{Digest, DigestError, LoadError, Missing, Offer, OfferError, Version, World};
pub use manifest::{
    Bounds, Build, Language, Manifest, ManifestError, RequestedLimits, Secrets, Setting, SettingKind, Size,
};
pub use metrics::Metric;
pub use package::archive::{Archive, ArchiveError};
pub use package::key::{KeyError, PublisherKey, SecretKey};
pub use package::{Origin, Package};
pub use plan::{Basis, Difference, Limit, Plan, Right, RightError, Want};
pub use port::{
    BlobFailure, BoxFuture, CallPort, Clock, HttpFailure, HttpRequest, HttpResponse, KvError, KvSpace, LineOffer,
    LinePort, LineRefusal, LogLevel, LogRecord, TenantPort,
};
pub use slot::{AppEnd, AppSlot, FunctionCall, FunctionSlot, ServiceSlot};
pub use tail::{RunCost, TailEvent, TailLine};
pub use tape::replay::{Against, Replay, ReplayError};
pub use tape::{Crossing, Departure, Keeping, Recording};
pub use tenant::{Driver, TenantPlugins, TimesOfDay};
pub use trust::{Trust, TrustError};
pub use usage::Usage;
