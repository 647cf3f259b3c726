//! A tenant's deployments: which version of which plugin is active, since when, by whom and why.

mod canary;
mod cron;
mod events;
pub(crate) mod journal;
mod lines;
mod runs;

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::future::Future;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;
use call::TenantId;
use tokio::sync::Semaphore;

use crate::deployment::{
    By, ChangeError, Deployed, Event, HistoryEntry, InstallError, Installed, OpenError, Terms, Trouble,
};
use crate::error::RunError;
use crate::generation::{Generation, Parts, Verdict, lock};
use crate::grant::Capability;
use crate::host::Host;
use crate::inspection::{self, Inspection};
use crate::limit::{DEPLOYMENTS, HTTP_IN_FLIGHT};
use crate::loader::{Digest, LoadError, Version, World};
use crate::manifest::{Manifest, RequestedLimits};
use crate::metrics::Metrics;
use crate::package::Package;
use crate::plan::{self, Basis, Given, Held, Plan, Want};
use crate::port::TenantPort;
use crate::slot::{AppSlot, FunctionSlot, ServiceInbox, ServiceSlot, StrategySlot};
use crate::tail::{Tail, TailLine};
use crate::tape::shelf::Shelf;
use crate::trust::Trust;
use crate::usage::Counters;
use canary::OnTrial;
use events::{Own, Subscribers};
use journal::{Journal, Kept, Record, Trial};
use lines::Lines;

pub use cron::TimesOfDay;
pub(crate) use events::{Data, Refused, When};
pub use lines::Driver;

/// One tenant's plugins. Cheap to clone.
#[derive(Clone)]
pub struct TenantPlugins(Arc<Inner>);

impl fmt::Debug for TenantPlugins {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "TenantPlugins({})", self.0.tenant)
    }
}

struct Inner {
    host: Host,
    tenant: TenantId,
    port: Arc<dyn TenantPort>,
    path: PathBuf,
    /// What calls look into: replaced as a whole, so that a version's names change at once.
    table: ArcSwap<Table>,
    /// Changes are made one after the other; two administrators do not meet (J6).
    changing: tokio::sync::Mutex<()>,
    journal: Mutex<Journal>,
    runs: Arc<AtomicUsize>,
    shelf: Arc<Shelf>,
    subscribers: Subscribers,
}

#[derive(Clone, Default)]
struct Table {
    deployments: BTreeMap<String, Entry>,
    /// By lower-case name.
    apps: HashMap<String, (Arc<str>, Arc<Generation>)>,
    functions: HashMap<String, (Arc<str>, Arc<Generation>)>,
    strategies: HashMap<String, (Arc<str>, Arc<Generation>)>,
    schemes: HashMap<String, Arc<Generation>>,
}

#[derive(Clone)]
struct Entry {
    deployment: Arc<Deployment>,
    /// The active version, or why there is none.
    active: Result<Arc<Generation>, String>,
    canary: Option<OnTrial>,
}

impl Entry {
    /// What runs of it.
    fn generations(&self) -> impl Iterator<Item = &Arc<Generation>> {
        self.active.iter().chain(self.canary.iter().map(|trial| &trial.generation))
    }
}

/// What happens to a plugin, by whom, and on whose word.
struct Change {
    event: Event,
    by: By,
    trust: Trust,
}

/// What stays the same while versions of one plugin replace each other.
pub(crate) struct Deployment {
    id: String,
    tenant: Weak<Inner>,
    /// Runs of the whole tenant.
    pub(crate) tenant_runs: Arc<AtomicUsize>,
    pub(crate) runs: AtomicU64,
    /// Requests by HTTP that may still be sent, of all versions together.
    pub(crate) http: Arc<Semaphore>,
    pub(crate) metrics: Mutex<Metrics>,
    pub(crate) tail: Tail,
    usage: Arc<Counters>,
    faults: AtomicU64,
    last_fault: Mutex<Option<String>>,
    /// Changed only while the tenant's plugins are.
    service: ArcSwapOption<ServiceInbox>,
    events: Own,
    lines: Lines,
    guests: tokio::runtime::Handle,
    generations: Mutex<Vec<Weak<Generation>>>,
    numbers: AtomicU64,
    rolling_back: AtomicBool,
}

impl TenantPlugins {
    pub(crate) async fn open(host: Host, tenant: TenantId, port: Arc<dyn TenantPort>) -> Result<Self, OpenError> {
        let path = host.0.directory.journal(&tenant);
        let journal = Journal::read(&path).map_err(|message| OpenError::Journal { tenant: tenant.clone(), message })?;
        let shelf = Arc::new(Shelf::open(host.0.directory.runs(&tenant)));
        let inner = Arc::new(Inner {
            host,
            tenant,
            port,
            path,
            table: ArcSwap::default(),
            changing: tokio::sync::Mutex::default(),
            journal: Mutex::new(journal.clone()),
            runs: Arc::default(),
            shelf,
            subscribers: Subscribers::default(),
        });
        let opening = inner.clone();
        inner
            .spawned(async move {
                for (id, record) in &journal.plugins {
                    if let Some(kept) = record.current() {
                        opening.come_up(id, kept, record.canary.as_ref()).await;
                    }
                }
            })
            .await;
        Ok(Self(inner))
    }

    /// Verifies, compiles and activates a plugin. New runs use it from now on, runs that live stay on theirs.
    /// Goes on to its end even if the future is dropped.
    pub async fn install(&self, package: Package, terms: Terms, by: By) -> Result<Installed, InstallError> {
        let inner = self.0.clone();
        self.0.spawned(async move { inner.install(package, terms, by).await }).await
    }

    /// What installing a package would change of what the plugin may do. Nothing of it is compiled.
    ///
    /// # Errors
    /// It could not be installed, whatever is consented to.
    pub fn plan(&self, package: &Package, trust: &Trust) -> Result<Plan, InstallError> {
        let inspection = Inspection::of(package)?;
        let record = self.0.known(&inspection.manifest.id);
        record.trusts(package, &inspection.manifest, trust)?;
        let mut wants = self.0.wants(&inspection.manifest, inspection.uses(), record.current());
        for want in &mut wants {
            want.imports = inspection.functions_of(want.right);
        }
        Ok(Plan {
            component: Digest::of(&package.wasm),
            signer: package.signer(),
            publisher: record.publishing.publisher,
            replaces: record.current().map(|kept| (kept.version(), kept.digest)),
            wants,
            basis: Basis { package: package.digest(), state: record.state() },
            uses: inspection.uses().to_vec(),
            manifest: inspection.manifest,
        })
    }

    /// Makes a version active again that was installed before: `which` is its own version, as in `0.1.0`, or the beginning of its digest.
    pub async fn activate(&self, id: &str, which: &str, by: By) -> Result<Installed, ChangeError> {
        let (inner, id, which) = (self.0.clone(), id.to_owned(), which.to_owned());
        let activation = async move {
            let _one = inner.changing.lock().await;
            let kept = inner.record(&id)?.find(&id, &which)?.clone();
            inner.reactivate(&id, kept, Event::Activated, by).await
        };
        self.0.spawned(activation).await
    }

    /// Makes the version before the active one active; ends the version on trial where there is one.
    pub async fn rollback(&self, id: &str, by: By) -> Result<Installed, ChangeError> {
        let (inner, id) = (self.0.clone(), id.to_owned());
        let rolling = async move {
            let _one = inner.changing.lock().await;
            if let Some(ended) = inner.roll_back_canary(&id, &by).await {
                return ended;
            }
            let former = inner.record(&id)?.former().cloned();
            let former = former.ok_or_else(|| ChangeError::NothingBefore(id.clone()))?;
            inner.reactivate(&id, former, Event::RolledBack, by).await
        };
        self.0.spawned(rolling).await
    }

    /// Removes a plugin; live runs end on their version.
    pub async fn remove(&self, id: &str, by: By) -> Result<(), ChangeError> {
        let (inner, id) = (self.0.clone(), id.to_owned());
        let removal = async move {
            let _one = inner.changing.lock().await;
            let mut record = inner.record(&id)?;
            record.clear();
            record.note(inner.port.clock().unix_ms, Event::Removed, by);
            inner.store(&id, record).await.map_err(InstallError::Journal)?;
            inner.swap(&id, None);
            Ok(())
        };
        self.0.spawned(removal).await
    }

    /// All deployments, by id.
    pub fn list(&self) -> Vec<Deployed> {
        let table = self.0.table.load();
        table.deployments.iter().filter_map(|(id, entry)| self.0.describe(id, entry)).collect()
    }

    /// One deployment.
    pub fn show(&self, id: &str) -> Option<Deployed> {
        self.0.describe(id, self.0.table.load().deployments.get(id)?)
    }

    /// What happened to a plugin, oldest first; also of one that was removed.
    pub fn history(&self, id: &str) -> Vec<HistoryEntry> {
        lock(&self.0.journal).plugins.get(id).map(|record| record.history.clone()).unwrap_or_default()
    }

    /// The application of that name (letter case does not matter), pinned to the version that is active now.
    pub fn app(&self, name: &str) -> Option<AppSlot> {
        let table = self.0.table.load();
        let (name, generation) = table.apps.get(&name.to_ascii_lowercase())?;
        Some(AppSlot { name: name.clone(), generation: generation.clone() })
    }

    /// The function of that name, pinned to the version that is active now.
    pub fn function(&self, name: &str) -> Option<FunctionSlot> {
        let table = self.0.table.load();
        let (name, generation) = table.functions.get(&name.to_ascii_lowercase())?;
        Some(FunctionSlot { name: name.clone(), generation: generation.clone() })
    }

    /// The service part of a plugin.
    pub fn service(&self, id: &str) -> Option<ServiceSlot> {
        self.0.table.load().deployments.get(id)?.deployment.service()
    }

    /// What a plugin said and how its runs ended after the line `seq`, oldest first; waits for something, and is none if there is no such plugin.
    pub async fn tail(&self, id: &str, seq: u64) -> Option<Vec<TailLine>> {
        let deployment = self.0.table.load().deployments.get(id)?.deployment.clone();
        Some(deployment.tail.after(seq).await)
    }

    /// Every application and function, as the manifests spell them: for the dialplan's check.
    pub fn names(&self) -> (Vec<String>, Vec<String>) {
        let table = self.0.table.load();
        let names = |map: &HashMap<String, (Arc<str>, Arc<Generation>)>| {
            let mut names: Vec<String> = map.values().map(|(name, _)| name.to_string()).collect();
            names.sort();
            names
        };
        (names(&table.apps), names(&table.functions))
    }
}

impl Inner {
    /// Runs on the host's own threads, and to its end even if the caller loses interest.
    async fn spawned<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        match self.host.0.guests().spawn(work).await {
            Ok(result) => result,
            Err(join) => std::panic::resume_unwind(join.into_panic()),
        }
    }

    fn record(&self, id: &str) -> Result<Record, ChangeError> {
        let journal = lock(&self.journal);
        match journal.plugins.get(id).filter(|record| record.active.is_some()) {
            Some(record) => Ok(record.clone()),
            None => {
                let installed = journal.plugins.iter().filter(|(_, record)| record.active.is_some());
                let nearest = installed
                    .map(|(known, _)| (strsim::damerau_levenshtein(id, known), known.clone()))
                    .min()
                    .filter(|(distance, known)| *distance <= 1 + known.len() / 3);
                Err(ChangeError::Unknown { id: id.into(), hint: nearest.map(|(_, known)| known) })
            }
        }
    }

    async fn install(self: &Arc<Self>, package: Package, terms: Terms, by: By) -> Result<Installed, InstallError> {
        let manifest = Manifest::parse("plugin.toml", &package.manifest)?;
        if let Some(planned) = terms.basis.filter(|basis| basis.package != package.digest()) {
            return Err(InstallError::OtherPackage { planned: planned.package, found: package.digest() });
        }
        // Before anything of it is compiled, and again when nothing can change meanwhile.
        self.known(&manifest.id).trusts(&package, &manifest, &terms.trust)?;
        let version = self.host.0.load(package.wasm.clone()).await?;
        inspection::declares_its_uses(&manifest, version.capabilities())?;
        inspection::fits(&manifest, version.worlds())?;
        let _one = self.changing.lock().await;
        let record = self.known(&manifest.id);
        record.trusts(&package, &manifest, &terms.trust)?;
        if terms.basis.is_some_and(|basis| basis.state != record.state()) {
            return Err(InstallError::StalePlan);
        }
        let wants = self.wants(&manifest, version.capabilities(), record.current());
        let granted = plan::grant(&manifest, version.capabilities(), &terms.consent, &wants)?;
        let kept = Kept {
            digest: version.digest(),
            package: Some(package.digest()),
            signer: package.signer(),
            manifest: package.manifest.clone(),
            granted,
            failed: false,
        };
        let change = |event| Change { event, by: by.clone(), trust: terms.trust };
        match terms.canary {
            Some(split) => {
                let trial = Trial { kept, split, unix_ms: self.port.clock().unix_ms, by: by.clone() };
                self.begin_canary(manifest, version, trial, change(Event::CanaryStarted)).await
            }
            None => self.make_active(manifest, version, kept, change(Event::Installed)).await,
        }
    }

    /// What a package wants, compared with what the active version has.
    fn wants(&self, manifest: &Manifest, uses: &[Capability], active: Option<&Kept>) -> Vec<Want> {
        let former =
            active.and_then(|kept| Some((Manifest::parse("plugin.toml", &kept.manifest).ok()?, &kept.granted)));
        let held = former.as_ref().map(|(manifest, granted)| Held { manifest, granted });
        let unasked = RequestedLimits::default();
        let given = Given {
            asked: self.host.0.limits_for(&manifest.limits),
            before: self.host.0.limits_for(held.as_ref().map_or(&unasked, |held| &held.manifest.limits)),
        };
        plan::wants(manifest, uses, held.as_ref(), &given)
    }

    /// What is known of a plugin, installed or not.
    fn known(&self, id: &str) -> Record {
        lock(&self.journal).plugins.get(id).cloned().unwrap_or_default()
    }

    async fn reactivate(
        self: &Arc<Self>,
        id: &str,
        kept: Kept,
        event: Event,
        by: By,
    ) -> Result<Installed, ChangeError> {
        let (manifest, version) = self.load_kept(&kept).await?;
        debug_assert_eq!(manifest.id, id);
        let change = Change { event, by, trust: Trust::default() };
        Ok(self.make_active(manifest, version, Kept { failed: false, ..kept }, change).await?)
    }

    async fn load_kept(&self, kept: &Kept) -> Result<(Manifest, Version), InstallError> {
        let manifest = Manifest::parse("plugin.toml", &kept.manifest)?;
        let wasm = self.host.0.directory.component(kept.digest)?;
        Ok((manifest, self.host.0.load(Bytes::from(wasm)).await?))
    }

    /// Everything is checked: hand the service over, make it durable, then let new runs use it.
    async fn make_active(
        self: &Arc<Self>,
        manifest: Manifest,
        version: Version,
        kept: Kept,
        change: Change,
    ) -> Result<Installed, InstallError> {
        let id = manifest.id.clone();
        let digest = version.digest();
        let granted: Vec<Capability> = kept.granted.iter().copied().collect();
        let mut record = self.known(&id);
        let (replaced, replaced_version) = (record.active, record.current().map(Kept::version));
        let table = self.table.load_full();
        let present = table.deployments.get(&id);
        let running = present.is_some_and(|entry| entry.active.is_ok());
        let installed = Installed {
            id: id.clone(),
            version: manifest.version.clone(),
            digest,
            signer: kept.signer,
            replaced,
            replaced_version,
            granted,
            canary: None,
            changed: true,
        };
        if running && record.current() == Some(&kept) {
            return Ok(Installed { replaced: None, replaced_version: None, changed: false, ..installed });
        }
        if present.is_none() && table.deployments.len() >= DEPLOYMENTS {
            return Err(InstallError::TooMany(table.deployments.len()));
        }
        names_are_free(&table, &manifest)?;
        let deployment = present.map_or_else(|| self.new_deployment(&id), |entry| entry.deployment.clone());
        let serial = manifest.serial;
        let generation = self.new_generation(&deployment, manifest, version, &kept);
        let former = present.and_then(|entry| entry.active.as_ref().ok());
        deployment.hand_service_over(&generation).await.map_err(InstallError::Service)?;
        if let (Some(signer), Some(package)) = (kept.signer, kept.package) {
            record.publishing.installed(signer, serial, package, &change.trust);
        }
        self.note_end_of_trial(&mut record, change.event, &change.by);
        record.activate(kept);
        record.note(self.port.clock().unix_ms, change.event, change.by);
        if let Err(error) = self.store(&id, record).await {
            if let Some(former) = former {
                // What was not made durable did not happen.
                if let Err(error) = deployment.hand_service_over(former).await {
                    tracing::error!(plugin = %id, %error, "the former service did not come back");
                }
            }
            return Err(InstallError::Journal(error));
        }
        self.swap(&id, Some(Entry { deployment, active: Ok(generation), canary: None }));
        Ok(installed)
    }

    /// A deployment of the last run of the host; trouble is kept with it.
    async fn come_up(self: &Arc<Self>, id: &str, kept: &Kept, trial: Option<&Trial>) {
        let deployment = self.new_deployment(id);
        let active = match self.load_kept(kept).await {
            Ok((manifest, version)) => {
                let generation = self.new_generation(&deployment, manifest, version, kept);
                deployment.hand_service_over(&generation).await.map(|()| generation)
            }
            Err(error) => Err(error.to_string()),
        };
        if let Err(error) = &active {
            tracing::error!(tenant = %self.tenant, plugin = id, %error, "a plugin does not come up");
        }
        let mut entry = Entry { deployment, active, canary: None };
        if let (Some(trial), true) = (trial, entry.active.is_ok()) {
            entry.canary = self.bring_up_canary(&entry, trial).await;
        }
        self.swap(id, Some(entry));
    }

    fn new_deployment(self: &Arc<Self>, id: &str) -> Arc<Deployment> {
        Arc::new(Deployment {
            id: id.into(),
            tenant: Arc::downgrade(self),
            tenant_runs: self.runs.clone(),
            runs: AtomicU64::new(0),
            http: Arc::new(Semaphore::new(HTTP_IN_FLIGHT)),
            metrics: Mutex::default(),
            tail: Tail::default(),
            usage: Arc::default(),
            faults: AtomicU64::new(0),
            last_fault: Mutex::default(),
            service: ArcSwapOption::default(),
            events: Own::default(),
            lines: Lines::default(),
            guests: self.host.0.guests().clone(),
            generations: Mutex::default(),
            numbers: AtomicU64::new(0),
            rolling_back: AtomicBool::new(false),
        })
    }

    fn new_generation(
        &self,
        deployment: &Arc<Deployment>,
        manifest: Manifest,
        version: Version,
        kept: &Kept,
    ) -> Arc<Generation> {
        let generation = Generation::new(Parts {
            number: deployment.numbers.fetch_add(1, Ordering::Relaxed) + 1,
            version,
            manifest,
            granted: kept.granted.clone(),
            tenant: self.port.clone(),
            host: self.host.0.clone(),
            deployment: Arc::downgrade(deployment),
            usage: deployment.usage.clone(),
        });
        lock(&deployment.generations).push(Arc::downgrade(&generation));
        generation
    }

    /// Makes a change durable, then visible to `list` and `history`.
    async fn store(&self, id: &str, record: Record) -> Result<(), String> {
        let mut journal = lock(&self.journal).clone();
        journal.plugins.insert(id.into(), record);
        let path = self.path.clone();
        let written = tokio::task::spawn_blocking(move || journal.write(&path).map(|()| journal)).await;
        let journal = written.map_err(|panic| panic.to_string())?.map_err(|error| error.to_string())?;
        *lock(&self.journal) = journal;
        Ok(())
    }

    /// What calls see from now on. Callers hold `changing`, or nobody else has this tenant yet.
    fn swap(&self, id: &str, entry: Option<Entry>) {
        let mut table = Table::clone(&self.table.load());
        let stays: Vec<Arc<Generation>> = entry.iter().flat_map(Entry::generations).cloned().collect();
        let former = match entry {
            Some(entry) => table.deployments.insert(id.into(), entry),
            None => table.deployments.remove(id),
        };
        (table.apps, table.functions, table.strategies, table.schemes) = Default::default();
        for generation in table.deployments.values().filter_map(|entry| entry.active.as_ref().ok()) {
            let named = |name: &String| (name.to_ascii_lowercase(), (Arc::from(name.as_str()), generation.clone()));
            table.apps.extend(generation.manifest.apps.iter().map(named));
            table.functions.extend(generation.manifest.functions.iter().map(named));
            table.strategies.extend(generation.manifest.strategies.iter().map(named));
            table.schemes.extend(generation.manifest.schemes.iter().map(|name| (name.clone(), generation.clone())));
        }
        self.table.store(Arc::new(table));
        for gone in former.iter().flat_map(Entry::generations) {
            if !stays.iter().any(|stays| Arc::ptr_eq(stays, gone)) {
                gone.retire();
            }
        }
    }

    fn describe(&self, id: &str, entry: &Entry) -> Option<Deployed> {
        // Not under the locks below: it may read the disk. Who may keep nothing gets no space by being looked at.
        let may = |right| entry.active.as_ref().is_ok_and(|active| active.granted.contains(&right));
        let kv = if may(Capability::Kv) { self.port.kv_bytes(id) } else { 0 };
        let records = may(Capability::Blob) || may(Capability::Recording);
        let blob = if records { self.port.blob_bytes(id) } else { 0 };
        let journal = lock(&self.journal);
        let record = journal.plugins.get(id)?;
        let deployment = &entry.deployment;
        let mut generations = lock(&deployment.generations);
        generations.retain(|generation| generation.strong_count() > 0);
        let alive: Vec<Arc<Generation>> = generations.iter().filter_map(Weak::upgrade).collect();
        let live = entry.active.as_ref().map_or(0, |active| active.live());
        let canary = Self::describe_canary(entry, record);
        let present = live + canary.as_ref().map_or(0, |canary| canary.live);
        let current = record.current()?;
        // Of one that does not come up, what it was installed with.
        let manifest = match &entry.active {
            Ok(active) => Some(active.manifest.clone()),
            Err(_) => Manifest::parse("plugin.toml", &current.manifest).ok(),
        };
        let trouble = match &entry.active {
            Err(why) => Some(Trouble::NotLoaded(why.clone())),
            Ok(active) => active.suspended_for().map(|remaining| Trouble::Suspended {
                remaining_ms: u64::try_from(remaining.as_millis()).unwrap_or(u64::MAX),
            }),
        };
        Some(Deployed {
            id: id.into(),
            version: current.version(),
            title: manifest.as_ref().map(|manifest| manifest.title.clone()).unwrap_or_default(),
            digest: current.digest,
            signer: current.signer,
            available: record.available(),
            apps: manifest.as_ref().map(|manifest| manifest.apps.clone()).unwrap_or_default(),
            functions: manifest.as_ref().map(|manifest| manifest.functions.clone()).unwrap_or_default(),
            strategies: manifest.as_ref().map(|manifest| manifest.strategies.clone()).unwrap_or_default(),
            schemes: manifest.map(|manifest| manifest.schemes).unwrap_or_default(),
            service: deployment.service().is_some(),
            granted: entry.active.as_ref().map(|active| active.granted.iter().copied().collect()).unwrap_or_default(),
            live,
            draining: alive.iter().map(|generation| generation.live()).sum::<usize>().saturating_sub(present),
            canary,
            generations: alive.len(),
            runs: deployment.runs.load(Ordering::Relaxed),
            faults: deployment.faults.load(Ordering::Relaxed),
            last_fault: lock(&deployment.last_fault).clone(),
            metrics: lock(&deployment.metrics).all(),
            usage: deployment.usage.read((kv, blob)),
            events_lost: deployment.service().map_or(0, |service| service.events_lost()),
            trouble,
        })
    }

    /// The version `number` failed too often. Nothing if another is active by now.
    async fn roll_back_failed(self: Arc<Self>, id: String, number: u64, why: String) {
        let _one = self.changing.lock().await;
        let active = self.table.load().deployments.get(&id).and_then(|entry| entry.active.as_ref().ok().cloned());
        let Some(failed) = active.filter(|active| active.number == number) else { return };
        let Ok(mut record) = self.record(&id) else { return };
        let Some(former) = record.former().cloned() else { return };
        let digest = failed.version.digest();
        record.current_failed();
        lock(&self.journal).plugins.insert(id.clone(), record);
        tracing::warn!(tenant = %self.tenant, plugin = %id, from = %digest.short(), to = %former.digest.short(), %why, "rolling back");
        let by = By { who: "system".into(), why };
        if let Err(error) = self.reactivate(&id, former, Event::RolledBackAutomatically, by).await {
            tracing::error!(tenant = %self.tenant, plugin = %id, %error, "cannot roll back");
        }
    }
}

impl Deployment {
    /// Where runs of its tenant are kept.
    pub(crate) fn shelf(&self) -> Option<Arc<Shelf>> {
        Some(self.tenant.upgrade()?.shelf.clone())
    }

    /// Its service, if it has one.
    pub(crate) fn service(&self) -> Option<ServiceSlot> {
        self.service.load().as_ref().map(|inbox| inbox.slot())
    }

    /// A strategy of the tenant's, pinned to the version that is active now.
    pub(crate) fn strategy(&self, name: &str) -> Option<StrategySlot> {
        let table = self.tenant.upgrade()?.table.load_full();
        let (name, generation) = table.strategies.get(&name.to_ascii_lowercase())?;
        Some(StrategySlot { name: name.clone(), generation: generation.clone() })
    }

    async fn hand_service_over(self: &Arc<Self>, to: &Arc<Generation>) -> Result<(), String> {
        let present = self.service.load_full();
        match (present, to.version.worlds().contains(&World::Service)) {
            (None, false) => {}
            (Some(service), true) => {
                service.replace(to.clone()).await?;
                self.keep_events(&to.granted);
                if !to.granted.contains(&Capability::Lines) {
                    self.end_lines();
                }
            }
            (None, true) => {
                // Its inbox is there before it starts: it may subscribe and set timers then.
                let (inbox, started) = ServiceInbox::open(to.clone());
                self.service.store(Some(Arc::new(inbox)));
                if let Err(error) = started.await.unwrap_or_else(|_| Err("it panicked".into())) {
                    self.service.store(None);
                    self.forget_events();
                    return Err(error);
                }
            }
            (Some(_), false) => {
                self.service.store(None);
                self.forget_events();
                self.end_lines();
            }
        }
        Ok(())
    }

    /// A run of `generation` failed.
    pub(crate) fn fault(&self, generation: Arc<Generation>, run: &str, fault: &RunError, verdict: Verdict) {
        self.faults.fetch_add(1, Ordering::Relaxed);
        *lock(&self.last_fault) = Some(format!("{run}: {fault}"));
        let Some(tenant) = self.tenant.upgrade() else { return };
        if tenant.is_on_trial(&self.id, &generation) {
            if let Verdict::RollBack { faults, runs } = verdict {
                let why = format!("{faults} of its last {runs} runs failed, the last: {fault}");
                tenant.canary_fails(&self.id, &generation, why);
            }
            return;
        }
        let can_go_back = lock(&tenant.journal).plugins.get(&self.id).is_some_and(|record| record.former().is_some());
        match verdict {
            Verdict::RollBack { faults, runs } if can_go_back => {
                if self.rolling_back.swap(true, Ordering::AcqRel) {
                    return;
                }
                let why = format!("{faults} of the last {runs} runs failed, the last: {fault}");
                let (id, number, guests) = (self.id.clone(), generation.number, generation.host.guests().clone());
                guests.spawn(async move {
                    tenant.clone().roll_back_failed(id.clone(), number, why).await;
                    if let Some(entry) = tenant.table.load().deployments.get(&id) {
                        entry.deployment.rolling_back.store(false, Ordering::Release);
                    }
                });
            }
            Verdict::RollBack { .. } | Verdict::Go => {
                if !can_go_back {
                    generation.suspend_if_hopeless();
                }
            }
        }
    }
}

fn names_are_free(table: &Table, manifest: &Manifest) -> Result<(), InstallError> {
    let free = |name: &String, owner: Option<&Arc<Generation>>| match owner.map(|owner| &owner.manifest.id) {
        Some(plugin) if *plugin != manifest.id => {
            Err(InstallError::NameTaken { name: name.clone(), plugin: plugin.clone() })
        }
        _ => Ok(()),
    };
    let provided = [
        (&manifest.apps, &table.apps),
        (&manifest.functions, &table.functions),
        (&manifest.strategies, &table.strategies),
    ];
    for (names, taken) in provided {
        for name in names {
            free(name, taken.get(&name.to_ascii_lowercase()).map(|(_, generation)| generation))?;
        }
    }
    manifest.schemes.iter().try_for_each(|name| free(name, table.schemes.get(name)))
}

impl From<LoadError> for ChangeError {
    fn from(error: LoadError) -> Self {
        Self::Install(error.into())
    }
}
