//! A tenant's recorded runs, and running them again.

use super::{Inner, TenantPlugins};
use crate::tape::replay::{Against, Candidate, Replay, ReplayError};
use crate::tape::{Keeping, Recording};

impl TenantPlugins {
    /// What of its runs the tenant keeps from now on.
    pub fn keep_runs(&self, keeping: Keeping) {
        self.0.shelf.keep(keeping);
    }

    /// The recorded runs that are kept, the newest first. Each is read from the disk when it is asked for.
    pub fn recordings(&self) -> impl Iterator<Item = Recording> {
        self.0.shelf.all()
    }

    /// Runs a recorded run again. Nothing of it reaches a call, the tenant's data or another machine.
    ///
    /// # Errors
    /// There is no such version, or the package is none of the plugin's.
    pub async fn replay(&self, recording: Recording, against: Against) -> Result<Replay, ReplayError> {
        let candidate = self.0.candidate(&recording, against).await?;
        let settings = self.0.port.settings(&recording.plugin);
        Ok(self.0.spawned(async move { candidate.replay(&recording, settings).await }).await)
    }
}

impl Inner {
    /// What a recorded run is to be run again on.
    async fn candidate(&self, recording: &Recording, against: Against) -> Result<Candidate, ReplayError> {
        let plugin = recording.plugin.clone();
        let which = match against {
            Against::Package(package) => {
                return Candidate::of(&self.host.0, package).await?.for_run_of(&plugin);
            }
            Against::Version(which) => which,
            Against::Same => recording.component.to_string(),
        };
        let record = self.known(&plugin);
        let kept = record.find(&plugin, &which).map_err(|_| ReplayError::NoVersion { plugin, which })?;
        let (manifest, version) = self.load_kept(kept).await?;
        Ok(Candidate::new(manifest, version, self.host.0.clone()))
    }
}
