//! From bytes to a version: verify, read the imports, compile or find in the cache, try to instantiate.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::grant::Capability;

/// The SHA-256 of a component: what a version is named by.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

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
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
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
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(DigestError);
        }
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| DigestError)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| DigestError)?;
        }
        Ok(Self(bytes))
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
}

/// One compiled component; serves all tenants that deployed it. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Version(Arc<VersionInner>);

#[derive(Debug)]
struct VersionInner {
    digest: Digest,
    worlds: Vec<World>,
    capabilities: Vec<Capability>,
    imports: Vec<String>,
}

impl Version {
    /// Its name.
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// What it exports.
    pub fn worlds(&self) -> &[World] {
        &self.0.worlds
    }

    /// What it can do, read from its imports.
    pub fn capabilities(&self) -> &[Capability] {
        &self.0.capabilities
    }

    /// Every function it imports, as `jackfield:pbx/kv@0.1.0 get`.
    pub fn imports(&self) -> &[String] {
        &self.0.imports
    }
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
    #[error("{}", .0.join("; "))]
    MissingImports(Vec<String>),
    /// It exports nothing a host could call.
    #[error("it exports none of jackfield:pbx/apps, /functions, /services: {0}")]
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
