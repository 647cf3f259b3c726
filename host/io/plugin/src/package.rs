//! What is installed, and who vouches for it.

pub(crate) mod archive;
pub(crate) mod key;

use std::fmt;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use crate::loader::Digest;
use key::PublisherKey;

/// A component, its manifest, and where they came from.
#[derive(Clone, Debug)]
pub struct Package {
    /// The text of `plugin.toml`.
    pub manifest: String,
    /// The component.
    pub wasm: Bytes,
    /// Who vouches for it.
    pub origin: Origin,
}

/// Who vouches for a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It came with the server: whoever installed the server trusts it.
    Bundled,
    /// A folder: nobody.
    Folder,
    /// A package file, as [`crate::Archive`] read it.
    File {
        /// The publisher whose signature it has, if it has one.
        signer: Option<PublisherKey>,
        /// The SHA-256 of the whole file.
        digest: Digest,
    },
}

impl Package {
    /// A package that nobody vouches for.
    pub fn folder(manifest: impl Into<String>, wasm: impl Into<Bytes>) -> Self {
        Self { manifest: manifest.into(), wasm: wasm.into(), origin: Origin::Folder }
    }

    /// The publisher whose signature it has.
    pub fn signer(&self) -> Option<PublisherKey> {
        match self.origin {
            Origin::File { signer, .. } => signer,
            Origin::Bundled | Origin::Folder => None,
        }
    }

    /// What tells it from every other package: the SHA-256 of the file, or of manifest and component where there is none.
    pub fn digest(&self) -> Digest {
        if let Origin::File { digest, .. } = self.origin {
            return digest;
        }
        let mut hash = Sha256::new();
        // The length keeps two different packages from running into the same bytes.
        hash.update(self.manifest.len().to_le_bytes());
        hash.update(&self.manifest);
        hash.update(&self.wasm);
        Digest(hash.finalize().into())
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bundled => formatter.write_str("bundled with the server"),
            Self::Folder | Self::File { signer: None, .. } => formatter.write_str("signed by nobody"),
            Self::File { signer: Some(signer), .. } => write!(formatter, "signed by {signer}"),
        }
    }
}
