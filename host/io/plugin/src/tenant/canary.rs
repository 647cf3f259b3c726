//! A version on trial beside the active one: begun by an installation, ended by a promotion, a roll-back or its own faults.

use std::sync::Arc;

use super::journal::{Kept, Record, Trial};
use super::{Change, Entry, Inner, TenantPlugins, names_are_free};
use crate::canary::{Chooser, Split};
use crate::deployment::{By, Canary, ChangeError, Event, InstallError, Installed};
use crate::generation::Generation;
use crate::loader::{Version, World};
use crate::manifest::Manifest;
use crate::slot::{AppSlot, FunctionSlot};

/// A version on trial, as calls find it.
#[derive(Clone)]
pub(super) struct OnTrial {
    pub(super) split: Split,
    pub(super) generation: Arc<Generation>,
}

impl TenantPlugins {
    /// As [`TenantPlugins::app`], pinned to the version on trial if this call is one of its.
    pub fn app_for(&self, name: &str, call: &Chooser) -> Option<AppSlot> {
        let active = self.app(name)?;
        let trial = self.0.trial_for(&active.generation, call);
        let trial = trial.and_then(|generation| {
            let name = generation.manifest.apps.iter().find(|own| own.eq_ignore_ascii_case(name))?;
            Some(AppSlot { name: Arc::from(name.as_str()), generation: generation.clone() })
        });
        Some(trial.unwrap_or(active))
    }

    /// As [`TenantPlugins::function`], pinned to the version on trial if this call is one of its.
    pub fn function_for(&self, name: &str, call: &Chooser) -> Option<FunctionSlot> {
        let active = self.function(name)?;
        let trial = self.0.trial_for(&active.generation, call);
        let trial = trial.and_then(|generation| {
            let name = generation.manifest.functions.iter().find(|own| own.eq_ignore_ascii_case(name))?;
            Some(FunctionSlot { name: Arc::from(name.as_str()), generation: generation.clone() })
        });
        Some(trial.unwrap_or(active))
    }

    /// Makes the version on trial the active one.
    pub async fn promote(&self, id: &str, by: By) -> Result<Installed, ChangeError> {
        let (inner, id) = (self.0.clone(), id.to_owned());
        let promotion = async move {
            let _one = inner.changing.lock().await;
            let trial = inner.record(&id)?.canary.ok_or_else(|| ChangeError::NoCanary(id.clone()))?;
            inner.reactivate(&id, trial.kept, Event::Promoted, by).await
        };
        self.0.spawned(promotion).await
    }
}

impl Inner {
    /// The version on trial beside `active`, if a call is one of its.
    fn trial_for(&self, active: &Generation, call: &Chooser) -> Option<Arc<Generation>> {
        let table = self.table.load();
        let trial = table.deployments.get(&active.manifest.id)?.canary.as_ref()?;
        trial.split.takes(call).then(|| trial.generation.clone())
    }

    /// Everything is checked: make it durable, then let some new runs use it.
    pub(super) async fn begin_canary(
        self: &Arc<Self>,
        manifest: Manifest,
        version: Version,
        trial: Trial,
        change: Change,
    ) -> Result<Installed, InstallError> {
        let id = manifest.id.clone();
        let mut record = self.known(&id);
        let table = self.table.load_full();
        let present = table.deployments.get(&id).filter(|entry| entry.active.is_ok());
        let (Some(present), Some(active)) = (present, record.current().cloned()) else {
            return Err(InstallError::NothingBeside);
        };
        if active == trial.kept {
            return Err(InstallError::ActiveAlready);
        }
        // Two versions of a service would both be the one that knows.
        if version.worlds().contains(&World::Service) || present.deployment.service().is_some() {
            return Err(InstallError::NotOfCalls("a service"));
        }
        if version.worlds().contains(&World::Strategy) {
            return Err(InstallError::NotOfCalls("strategies"));
        }
        names_are_free(&table, &manifest)?;
        let installed = Installed {
            id: id.clone(),
            version: manifest.version.clone(),
            digest: version.digest(),
            signer: trial.kept.signer,
            replaced: None,
            replaced_version: None,
            granted: trial.kept.granted.iter().copied().collect(),
            canary: Some(trial.split.clone()),
            changed: true,
        };
        if let (Some(signer), Some(package)) = (trial.kept.signer, trial.kept.package) {
            record.publishing.installed(signer, manifest.serial, package, &change.trust);
        }
        let generation = self.new_generation(&present.deployment, manifest, version, &trial.kept);
        let split = trial.split.clone();
        record.canary = Some(trial);
        record.note(self.port.clock().unix_ms, change.event, change.by);
        self.store(&id, record).await.map_err(InstallError::Journal)?;
        self.swap(&id, Some(Entry { canary: Some(OnTrial { split, generation }), ..present.clone() }));
        Ok(installed)
    }

    /// All calls use the active version again. Callers hold `changing`.
    pub(super) async fn end_canary(&self, mut record: Record, event: Event, by: By) -> Result<Installed, ChangeError> {
        let manifest = |kept: &Kept| Manifest::parse("plugin.toml", &kept.manifest).map_err(InstallError::from);
        let active = record.current().cloned().expect("callers found it installed");
        let id = manifest(&active)?.id;
        let trial = record.canary.clone().ok_or_else(|| ChangeError::NoCanary(id.clone()))?;
        record.note(self.port.clock().unix_ms, event, by);
        record.canary = None;
        self.store(&id, record).await.map_err(InstallError::Journal)?;
        if let Some(entry) = self.table.load().deployments.get(&id) {
            self.swap(&id, Some(Entry { canary: None, ..entry.clone() }));
        }
        Ok(Installed {
            id,
            version: active.version(),
            digest: active.digest,
            signer: active.signer,
            replaced: Some(trial.kept.digest),
            replaced_version: Some(trial.kept.version()),
            granted: active.granted.iter().copied().collect(),
            canary: None,
            changed: true,
        })
    }

    /// The version on trial with this number failed too often. Nothing if it is not on trial any more.
    pub(super) async fn end_failed_canary(self: Arc<Self>, id: String, number: u64, why: String) {
        let _one = self.changing.lock().await;
        let entry = self.table.load().deployments.get(&id).cloned();
        let on_trial = entry.and_then(|entry| entry.canary).is_some_and(|trial| trial.generation.number == number);
        let Some(record) = self.record(&id).ok().filter(|_| on_trial) else { return };
        tracing::warn!(tenant = %self.tenant, plugin = %id, %why, "the version on trial is taken back");
        let by = By { who: "system".into(), why };
        if let Err(error) = self.end_canary(record, Event::CanaryFailed, by).await {
            tracing::error!(tenant = %self.tenant, plugin = %id, %error, "cannot take the version on trial back");
        }
    }

    /// The version on trial of the last run of the host. One that does not come up takes no calls.
    pub(super) async fn bring_up_canary(&self, entry: &Entry, trial: &Trial) -> Option<OnTrial> {
        match self.load_kept(&trial.kept).await {
            Ok((manifest, version)) => {
                let generation = self.new_generation(&entry.deployment, manifest, version, &trial.kept);
                Some(OnTrial { split: trial.split.clone(), generation })
            }
            Err(error) => {
                tracing::error!(tenant = %self.tenant, %error, "a version on trial does not come up");
                None
            }
        }
    }

    /// The version on trial, for people.
    pub(super) fn describe_canary(entry: &Entry, record: &Record) -> Option<Canary> {
        let trial = record.canary.as_ref()?;
        Some(Canary {
            version: trial.kept.version(),
            digest: trial.kept.digest,
            split: trial.split.clone(),
            granted: trial.kept.granted.iter().copied().collect(),
            live: entry.canary.as_ref().map_or(0, |trial| trial.generation.live()),
            unix_ms: trial.unix_ms,
            by: trial.by.clone(),
        })
    }

    /// Whether a generation is the one on trial.
    pub(super) fn is_on_trial(&self, id: &str, generation: &Arc<Generation>) -> bool {
        let table = self.table.load();
        let trial = table.deployments.get(id).and_then(|entry| entry.canary.as_ref());
        trial.is_some_and(|trial| Arc::ptr_eq(&trial.generation, generation))
    }

    /// Ends the version on trial if there is one: what a roll-back means then.
    pub(super) async fn roll_back_canary(&self, id: &str, by: &By) -> Option<Result<Installed, ChangeError>> {
        let record = self.record(id).ok().filter(|record| record.canary.is_some())?;
        Some(self.end_canary(record, Event::CanaryEnded, by.clone()).await)
    }

    /// Lets a deployment's history know of a trial that ends with the version it was beside.
    pub(super) fn note_end_of_trial(&self, record: &mut Record, event: Event, by: &By) {
        if record.canary.is_some() && event != Event::Promoted {
            record.note(self.port.clock().unix_ms, Event::CanaryEnded, by.clone());
        }
        record.canary = None;
    }

    /// Lets the version on trial end by itself.
    pub(super) fn canary_fails(self: Arc<Self>, id: &str, generation: &Arc<Generation>, why: String) {
        let (id, number) = (id.to_owned(), generation.number);
        let guests = generation.host.guests().clone();
        guests.spawn(async move { self.end_failed_canary(id, number, why).await });
    }
}
