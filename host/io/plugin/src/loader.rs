//! From bytes to a version: verify, read the imports, compile or find in the cache, try to instantiate.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wasmtime::component::{Component, Linker};

use crate::abi::{self, WIT_VERSION};
use crate::grant::Capability;
use crate::instance::{Run, State, new_store};
use crate::limit::Limits;

pub(crate) mod cache;
pub(crate) mod compile;
pub(crate) mod hex;
pub(crate) mod inspect;
pub(crate) mod native;
mod offer;
mod signature;

pub(crate) use inspect::Inspected;
pub use offer::{Missing, Offer, OfferError};

/// The SHA-256 of a component: what a version is named by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub(crate) [u8; 32]);

impl Digest {
    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// The first twelve hex digits: enough for people.
    pub fn short(&self) -> String {
        self.to_string()[..12].to_owned()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&hex::Hex(&self.0), formatter)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// Not 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest is 64 hex digits")]
pub struct DigestError;

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        hex::read(text).map(Self).ok_or(DigestError)
    }
}

impl Serialize for Digest {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A kind of plugin: what a component exports. One component may be several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum World {
    /// It exports `apps`.
    App,
    /// It exports `functions`.
    Function,
    /// It exports `services`.
    Service,
    /// It exports `strategies`.
    Strategy,
}

/// One compiled component; serves all tenants that deployed it. Cheap to clone.
#[derive(Clone)]
pub struct Version(pub(crate) Arc<VersionInner>);

pub(crate) struct VersionInner {
    digest: Digest,
    inspected: Inspected,
    pub(crate) app: Option<abi::v0_1::app::AppPre<State>>,
    pub(crate) function: Option<abi::v0_1::function::FunctionPre<State>>,
    pub(crate) service: Option<abi::v0_1::service::ChannelPre<State>>,
    pub(crate) strategy: Option<abi::v0_1::strategy::StrategyPre<State>>,
}

impl fmt::Debug for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Version({})", self.0.digest.short())
    }
}

impl Version {
    /// Its name.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// What it exports.
    pub fn worlds(&self) -> &[World] {
        &self.0.inspected.worlds
    }

    /// What it can do, read from its imports.
    pub fn capabilities(&self) -> &[Capability] {
        &self.0.inspected.capabilities
    }

    /// Every function it imports, as `jackfield:pbx/kv@0.1.0 get`.
    pub fn imports(&self) -> &[String] {
        &self.0.inspected.imports
    }
}

/// Links compiled code and tries whether it starts.
pub(crate) async fn link(
    linker: &Linker<State>,
    component: &Component,
    digest: Digest,
    inspected: Inspected,
) -> Result<Version, LoadError> {
    let engine = component.engine();
    let pre = linker.instantiate_pre(component).map_err(|error| {
        let why = format!("{error:#} (this server has WIT {WIT_VERSION})");
        LoadError::MissingImports(vec![Missing::plain("", why)])
    })?;
    let limits = Limits::ceiling();
    let mut store = new_store(engine, &limits, None, Run::Trial);
    pre.instantiate_async(&mut store).await.map_err(|error| {
        let why = store.data().explain(&limits, &error);
        // Without the frames it was in: they are the author's to know, and there may be many.
        LoadError::Instantiate(format!("{why} ({})", error.root_cause()))
    })?;
    let wrong_export = |error: wasmtime::Error| LoadError::NoWorld(format!("{error:#}"));
    let exports = |world| inspected.worlds.contains(&world);
    let app =
        exports(World::App).then(|| abi::v0_1::app::AppPre::new(pre.clone())).transpose().map_err(wrong_export)?;
    let function = exports(World::Function)
        .then(|| abi::v0_1::function::FunctionPre::new(pre.clone()))
        .transpose()
        .map_err(wrong_export)?;
    let service = exports(World::Service)
        .then(|| abi::v0_1::service::ChannelPre::new(pre.clone()))
        .transpose()
        .map_err(wrong_export)?;
    let strategy = exports(World::Strategy)
        .then(|| abi::v0_1::strategy::StrategyPre::new(pre.clone()))
        .transpose()
        .map_err(wrong_export)?;
    Ok(Version(Arc::new(VersionInner { digest, inspected, app, function, service, strategy })))
}

/// Why bytes did not become a version.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// No bytes.
    #[error("the file is empty")]
    Empty,
    /// More bytes than are looked at.
    #[error("{size} bytes: a component may have {limit}")]
    TooLarge {
        /// How many there are.
        size: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Native or precompiled code, text, an archive, …: anything but WebAssembly.
    #[error("not a WebAssembly component: {0}")]
    NotWasm(String),
    /// A core module, not yet a component.
    #[error(
        "a core WebAssembly module, not a component: build it for wasm32-wasip2, or make it a component with `wasm-tools component new`"
    )]
    CoreModule,
    /// It begins like a component but is damaged, cut off, or uses a feature that is off.
    #[error("not a valid component: {0}")]
    Invalid(String),
    /// It imports what this host does not have.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    MissingImports(Vec<Missing>),
    /// It exports nothing a host could call.
    #[error("it exports none of jackfield:pbx/apps, /functions, /services, /strategies: {0}")]
    NoWorld(String),
    /// The compiler refused, crashed, or used more time or memory than it may.
    #[error("compiling failed: {0}")]
    Compile(String),
    /// It could be compiled but not instantiated within its limits.
    #[error("it does not start: {0}")]
    Instantiate(String),
    /// The host's own directory failed.
    #[error("plugin store: {0}")]
    Store(String),
}
