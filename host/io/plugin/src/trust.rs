//! Whose packages a tenant takes, and which of them are too old.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::limit::PUBLISHERS;
use crate::loader::Digest;
use crate::manifest::Manifest;
use crate::package::key::PublisherKey;
use crate::package::{Origin, Package};

/// Whose packages an administrator takes.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The publishers that the host and the tenant have pinned.
    pub publishers: BTreeSet<PublisherKey>,
    /// A publisher who is trusted with this plugin from now on, whoever published it before. Nobody becomes one unsaid.
    pub publisher: Option<PublisherKey>,
    /// Whether a package may be one that nobody signed.
    pub unsigned: bool,
}

impl Trust {
    /// Whether a package may be installed that nothing is known of.
    ///
    /// # Errors
    /// Nobody who is trusted vouches for it.
    pub fn takes(&self, package: &Package, manifest: &Manifest) -> Result<(), TrustError> {
        Publishing::default().judge(package, manifest, self, |_| None)
    }
}

/// Why a package is not trusted. Nothing of it was compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TrustError {
    /// Nobody vouches for it.
    #[error("nobody signed it")]
    Unsigned,
    /// Its publisher is not known here.
    #[error("it is signed by {0}, whom neither host nor tenant has pinned")]
    UnknownPublisher(PublisherKey),
    /// It is another publisher's plugin.
    #[error("it is signed by {signer}, but the plugin is of {publisher}")]
    OtherPublisher {
        /// Whose plugin it is.
        publisher: PublisherKey,
        /// Who signed the package.
        signer: PublisherKey,
    },
    /// Its publisher has replaced it.
    #[error("it is older than what was installed: its serial is {serial}, {newest} was here already")]
    Old {
        /// The package's.
        serial: u64,
        /// The highest there was.
        newest: u64,
    },
    /// Two packages have the same serial.
    #[error("another package with the serial {0} was installed; a publisher gives each package a higher one")]
    SerialUsed(u64),
    /// Two packages call themselves the same version.
    #[error("another package of version {0} was installed; a publisher gives each package a version of its own")]
    VersionUsed(String),
    /// More publishers than are remembered have had this plugin.
    #[error("{PUBLISHERS} publishers have published it already")]
    TooManyPublishers,
}

/// What is remembered of a plugin's publishers; also of one that was removed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Publishing {
    /// Whose plugin it is: who signed it last.
    #[serde(default)]
    pub(crate) publisher: Option<PublisherKey>,
    /// Trusted with this plugin by an administrator, pinned or not.
    #[serde(default)]
    by_hand: BTreeSet<PublisherKey>,
    /// The newest package of each publisher.
    #[serde(default)]
    newest: BTreeMap<PublisherKey, Newest>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Newest {
    serial: u64,
    package: Digest,
}

impl Publishing {
    /// Whether a package may be installed. `used` tells the package that a version of this plugin came in, if it is known.
    pub(crate) fn judge(
        &self,
        package: &Package,
        manifest: &Manifest,
        trust: &Trust,
        used: impl Fn(&str) -> Option<Digest>,
    ) -> Result<(), TrustError> {
        let signer = match package.origin {
            Origin::Bundled => return Ok(()),
            Origin::File { signer: Some(signer), .. } => signer,
            Origin::Folder | Origin::File { signer: None, .. } if trust.unsigned => return Ok(()),
            Origin::Folder | Origin::File { signer: None, .. } => return Err(TrustError::Unsigned),
        };
        let by_hand = trust.publisher == Some(signer) || self.by_hand.contains(&signer);
        match self.publisher {
            // A pinned publisher does not take over another's plugin by its name.
            Some(publisher) if publisher != signer && trust.publisher != Some(signer) => {
                return Err(TrustError::OtherPublisher { publisher, signer });
            }
            _ if by_hand || trust.publishers.contains(&signer) => {}
            _ => return Err(TrustError::UnknownPublisher(signer)),
        }
        let (serial, digest) = (manifest.serial, package.digest());
        match self.newest.get(&signer) {
            Some(Newest { package, .. }) if *package == digest => return Ok(()),
            Some(Newest { serial: newest, .. }) if serial < *newest => {
                return Err(TrustError::Old { serial, newest: *newest });
            }
            Some(Newest { serial: newest, .. }) if serial == *newest => return Err(TrustError::SerialUsed(serial)),
            None if self.newest.len() >= PUBLISHERS => return Err(TrustError::TooManyPublishers),
            _ => {}
        }
        match used(&manifest.version) {
            Some(known) if known != digest => Err(TrustError::VersionUsed(manifest.version.clone())),
            _ => Ok(()),
        }
    }

    /// Remembers a package that was installed.
    pub(crate) fn installed(&mut self, signer: PublisherKey, serial: u64, package: Digest, trust: &Trust) {
        self.publisher = Some(signer);
        self.by_hand.extend(trust.publisher.filter(|publisher| *publisher == signer));
        let newest = self.newest.entry(signer).or_insert(Newest { serial, package });
        if serial > newest.serial {
            *newest = Newest { serial, package };
        }
    }

    /// The plugin was removed: nobody's any more, and old packages are as old as before.
    pub(crate) fn removed(&mut self) {
        self.publisher = None;
        self.by_hand.clear();
    }
}
