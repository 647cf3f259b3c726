//! What a running server has that files alone do not tell.

use std::collections::BTreeMap;

use call::TenantId;
use plugin::PublisherKey;

use super::claims::Claims;

/// The server that a configuration is read for; empty where none runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Running {
    /// The names in use: a tenant that holds one keeps it against a newcomer.
    pub(crate) claims: Claims,
    /// The tenants that run. A fault refuses their new files, because there are good ones before.
    pub(crate) tenants: BTreeMap<TenantId, RunningTenant>,
    /// The publishers whom the host trusts; those of the file are only trusted after a restart.
    pub(crate) publishers: Option<Vec<PublisherKey>>,
}

/// The plugins of a tenant that runs.
#[derive(Clone, Debug, Default)]
pub(crate) struct RunningTenant {
    /// Those that are installed.
    pub(crate) plugins: Vec<InstalledPlugin>,
    /// The fingerprints of those that its file declared when it was last taken, by id.
    pub(crate) declared: BTreeMap<String, String>,
}

/// A plugin that is installed.
#[derive(Clone, Debug)]
pub(crate) struct InstalledPlugin {
    /// Its id.
    pub(crate) id: String,
    /// The applications it provides.
    pub(crate) apps: Vec<String>,
    /// The functions it provides.
    pub(crate) functions: Vec<String>,
}

impl RunningTenant {
    /// Whether a plugin was installed by a command, so that no file takes it away.
    pub(crate) fn is_by_hand(&self, id: &str) -> bool {
        !self.declared.contains_key(id)
    }

    /// Whether a plugin was removed by a command after the file declared it so: the command was the later of the two.
    pub(crate) fn is_removed(&self, id: &str, fingerprint: &str) -> bool {
        self.declared.get(id).is_some_and(|known| known == fingerprint)
            && !self.plugins.iter().any(|plugin| plugin.id == id)
    }
}
