//! Recording a run, and running a recorded one again.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use call::LegId;

use super::shelf::Shelf;
use super::{Departure, Recording, Stop, Tape};
use crate::deployment::InstallError;
use crate::error::RunError;
use crate::generation::{Generation, Parts};
use crate::host::Host;
use crate::inspection;
use crate::manifest::Manifest;
use crate::package::Package;
use crate::port::{CallPort, TenantPort};
use crate::slot::{AppDoors, AppEnd, perform_app};

/// How a run ends that is over before it returned: its call went elsewhere.
const ABANDONED: &str = "abandoned";

/// A run that is recorded: kept however it ends.
pub(crate) struct Recorder {
    pub(crate) tape: Arc<Tape>,
    generation: Arc<Generation>,
    shelf: Arc<Shelf>,
    recording: Option<Recording>,
}

impl Recorder {
    /// None where the tenant keeps no runs, or too many are on their way to the disk.
    pub(crate) fn of(
        generation: &Arc<Generation>,
        app: &str,
        leg: LegId,
        arguments: &str,
        port: &Arc<dyn CallPort>,
    ) -> Option<Self> {
        let shelf = generation.shelf()?;
        let redact = shelf.redacts()?;
        if !shelf.begin() {
            return None;
        }
        let tape = Tape::record(port.clone(), generation.tenant.clone(), redact);
        let recording = Recording {
            call: port.name(),
            // On the tape, so that a version that asks for the time gets that of then.
            unix_ms: tape.clock().unix_ms,
            plugin: generation.manifest.id.clone(),
            version: generation.manifest.version.clone(),
            component: generation.version.digest(),
            app: app.to_owned(),
            arguments: arguments.to_owned(),
            leg: leg.0,
            seed: tape.seed,
            crossings: Vec::new(),
            unanswered: None,
            cut: false,
            end: ABANDONED.to_owned(),
        };
        Some(Self { tape, generation: generation.clone(), shelf, recording: Some(recording) })
    }

    pub(crate) fn ended(&mut self, result: &Result<AppEnd, RunError>) {
        if let Some(recording) = &mut self.recording {
            recording.end = told(result);
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let Some(mut recording) = self.recording.take() else { return };
        (recording.crossings, recording.unanswered, recording.cut) = self.tape.take();
        self.shelf.end();
        if !self.shelf.reserve() {
            tracing::warn!(plugin = %recording.plugin, "runs end faster than they can be written: one is not kept");
            return;
        }
        let shelf = self.shelf.clone();
        self.generation.host.guests().spawn_blocking(move || shelf.put(&recording));
    }
}

/// How a run ended, alike for alike ends.
fn told(result: &Result<AppEnd, RunError>) -> String {
    match result {
        Ok(Ok(())) => "returned".to_owned(),
        Ok(Err(own)) => format!("error {}: {}", own.code, own.detail),
        Err(fault) => format!("fault {}", fault.status()),
    }
}

/// What a recorded run is run again on.
#[derive(Clone, Debug)]
pub enum Against {
    /// The version that it was recorded on.
    Same,
    /// An installed version: its own, or the beginning of its digest.
    Version(String),
    /// A package that is not installed. Its component and code are kept until they are collected like all that nobody has.
    Package(Package),
}

/// What came of running a recorded run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// The version it was run on.
    pub version: String,
    /// Where it went another way; none if it asked and ended alike.
    pub departure: Option<Departure>,
    /// Questions that were the same.
    pub same: usize,
}

/// Why a recorded run cannot be run again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The version is not there.
    #[error("{plugin} has no version {which} that could be run")]
    NoVersion {
        /// The plugin.
        plugin: String,
        /// What was looked for.
        which: String,
    },
    /// The package is another plugin's.
    #[error("it is a recording of {recorded}, the package is {package}")]
    OtherPlugin {
        /// Whose recording it is.
        recorded: String,
        /// Whose package.
        package: String,
    },
    /// It could not be installed either.
    #[error(transparent)]
    Package(#[from] InstallError),
}

impl Host {
    /// Runs a recorded run again on a package that no tenant has; settings that it did not ask for then are the manifest's defaults.
    ///
    /// # Errors
    /// The package could not be installed, or is another plugin's.
    pub async fn replay(&self, package: Package, recording: Recording) -> Result<Replay, ReplayError> {
        let candidate = Candidate::of(&self.0, package).await?.for_run_of(&recording.plugin)?;
        let run = self.0.guests().spawn(async move { candidate.replay(&recording, Arc::default()).await });
        Ok(run.await.unwrap_or_else(|panic| std::panic::resume_unwind(panic.into_panic())))
    }
}

/// A version with nothing around it.
#[derive(Clone)]
pub(crate) struct Candidate {
    manifest: Manifest,
    version: crate::loader::Version,
    host: Arc<crate::host::Inner>,
}

impl Candidate {
    pub(crate) fn new(manifest: Manifest, version: crate::loader::Version, host: Arc<crate::host::Inner>) -> Self {
        Self { manifest, version, host }
    }

    /// Only the plugin's own version is told what it was told.
    pub(crate) fn for_run_of(self, plugin: &str) -> Result<Self, ReplayError> {
        match self.manifest.id == plugin {
            true => Ok(self),
            false => Err(ReplayError::OtherPlugin { recorded: plugin.to_owned(), package: self.manifest.id }),
        }
    }

    pub(crate) async fn of(host: &Arc<crate::host::Inner>, package: Package) -> Result<Self, InstallError> {
        let manifest = Manifest::parse("plugin.toml", &package.manifest)?;
        let version = host.load(package.wasm).await?;
        inspection::declares_its_uses(&manifest, version.capabilities())?;
        inspection::fits(&manifest, version.worlds())?;
        Ok(Self::new(manifest, version, host.clone()))
    }

    /// Runs it on what was recorded. No call, no tenant and no disk is behind it.
    pub(crate) async fn replay(self, recording: &Recording, settings: Arc<BTreeMap<String, String>>) -> Replay {
        let tape = Tape::play(recording, self.version.digest() != recording.component, settings);
        // As when it was recorded.
        tape.clock();
        let version = self.manifest.version.clone();
        let generation = Generation::new(Parts {
            number: 0,
            version: self.version,
            manifest: self.manifest,
            granted: Default::default(),
            tenant: tape.clone(),
            host: self.host,
            deployment: Weak::new(),
            usage: Arc::default(),
        });
        let doors = AppDoors { port: tape.clone(), tape: Some(tape.clone()) };
        let (leg, arguments) = (LegId(recording.leg), recording.arguments.clone());
        let run = perform_app(generation, recording.app.as_str().into(), leg, arguments, doors);
        let end = tokio::select! {
            end = run => Some(told(&end)),
            () = tape.stopped() => None,
        };
        let same = tape.same();
        let departure = match (tape.stop(), end) {
            (Some(Stop::Departed(departure)), _) => Some(departure),
            (Some(Stop::EndOfTape), _) | (None, None) => None,
            (None, Some(end)) => tape.rest(&end).or_else(|| {
                let other = end != recording.end && recording.end != ABANDONED;
                other.then(|| Departure { after: same, recorded: recording.end.clone(), replayed: end })
            }),
        };
        Replay { version, departure, same }
    }
}
