//! The host: one per process.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use bytes::Bytes;
use call::TenantId;
use tokio::runtime::{Handle, Runtime};
use wasmtime::Engine;
use wasmtime::component::Linker;

use crate::deployment::OpenError;
use crate::generation::lock;
use crate::instance::State;
use crate::limit::{self, GUEST_NICE, Limits};
use crate::loader::cache::Directory;
use crate::loader::native::give_way;
use crate::loader::{self, Digest, LoadError, Version, VersionInner};
use crate::manifest::RequestedLimits;
use crate::port::TenantPort;
use crate::tenant::TenantPlugins;
use crate::ticker::Ticker;
use crate::{capability, collect, engine};

/// What a host is made of.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// Its own directory: compiled code, the key that authenticates it, components, the tenants' deployments. Nobody else writes there.
    pub dir: PathBuf,
    /// Instances that can live at once, all tenants together.
    pub instances: u32,
    /// Runs that can live at once in one tenant.
    pub runs_per_tenant: u32,
    /// Threads that run guests.
    pub threads: usize,
    /// Who compiles.
    pub compiler: Compiler,
    /// Bytes of native code that are kept. What is active stays in any case.
    pub compiled_bytes: u64,
    /// What a plugin may use that asks for nothing.
    pub limits: Limits,
    /// The most a manifest can ask for.
    pub ceiling: Limits,
}

/// Where components are compiled.
#[derive(Clone, Debug)]
pub enum Compiler {
    /// In a child process with limits on time and memory, started as `program arguments… INPUT OUTPUT`, which must call `plugin::compile_child`.
    Process {
        /// The program, usually the server's own binary.
        program: PathBuf,
        /// What comes before the two file names.
        arguments: Vec<String>,
    },
    /// On a thread of this process: for tests and tools.
    Thread,
}

impl HostConfig {
    /// The ordinary configuration in `dir`, compiling on a thread.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            instances: 1_000,
            runs_per_tenant: 500,
            threads: std::thread::available_parallelism().map_or(2, |count| count.get().clamp(2, 8)),
            compiler: Compiler::Thread,
            compiled_bytes: limit::COMPILED_BYTES,
            limits: Limits::default(),
            ceiling: Limits::ceiling(),
        }
    }
}

/// Why there is no host.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// The directory cannot be used.
    #[error("{path}: {source}")]
    Directory {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The engine cannot be made; mostly too little address space or too many instances for `vm.max_map_count`.
    #[error("no plugin engine: {0}")]
    Engine(String),
}

/// The plugin host. Cheap to clone; the last clone (and the last tenant's plugins) stops the guest threads.
#[derive(Clone)]
pub struct Host(pub(crate) Arc<Inner>);

impl fmt::Debug for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Host({})", self.0.config.dir.display())
    }
}

pub(crate) struct Inner {
    pub(crate) config: HostConfig,
    pub(crate) engine: Engine,
    pub(crate) ticker: Ticker,
    pub(crate) directory: Arc<Directory>,
    linker: Linker<State>,
    guests: Guests,
    /// Versions in memory: one per digest, whatever the number of tenants.
    versions: Mutex<HashMap<Digest, Weak<VersionInner>>>,
    /// Versions on their way into memory, and how often: no journal knows of them yet. Locked before `versions`, if both are.
    loading: Mutex<BTreeMap<Digest, usize>>,
    /// Compilations wait for each other: they take a core each.
    compiling: tokio::sync::Mutex<()>,
}

impl Host {
    /// Makes the engine, the pool and the threads.
    pub fn new(config: HostConfig) -> Result<Self, HostError> {
        let engine_error = |error: wasmtime::Error| HostError::Engine(format!("{error:#}"));
        let engine = engine::running(config.instances).map_err(engine_error)?;
        let linker = capability::link(&engine).map_err(engine_error)?;
        let ticker = engine::ticker(&engine).map_err(|error| HostError::Engine(error.to_string()))?;
        let directory = Directory::open(&config.dir, engine::fingerprint(&engine))
            .map_err(|source| HostError::Directory { path: config.dir.clone(), source })?;
        let directory = Arc::new(directory);
        let guests = Guests::new(config.threads).map_err(|error| HostError::Engine(error.to_string()))?;
        let inner = Arc::new(Inner {
            config,
            engine,
            ticker,
            directory,
            linker,
            guests,
            versions: Mutex::default(),
            loading: Mutex::default(),
            compiling: tokio::sync::Mutex::default(),
        });
        inner.guests().spawn(collect::every_interval(Arc::downgrade(&inner)));
        Ok(Self(inner))
    }

    /// Checks and compiles a component, or finds it in the cache. Nothing of it is active by that.
    pub async fn load(&self, wasm: Bytes) -> Result<Version, LoadError> {
        let inner = self.0.clone();
        let loading = self.0.guests().spawn(async move { inner.load(wasm).await });
        loading.await.unwrap_or_else(|panic| Err(LoadError::Compile(panic.to_string())))
    }

    /// A tenant's plugins as they were when the host was last up. A deployment that cannot come up is reported in
    /// [`TenantPlugins::list`] and does not stop the others.
    pub async fn tenant(&self, tenant: TenantId, port: Arc<dyn TenantPort>) -> Result<TenantPlugins, OpenError> {
        TenantPlugins::open(self.clone(), tenant, port).await
    }

    /// Versions in memory.
    pub fn versions(&self) -> usize {
        lock(&self.0.versions).values().filter(|version| version.strong_count() > 0).count()
    }
}

impl Inner {
    /// Where guests run.
    pub(crate) fn guests(&self) -> &Handle {
        self.guests.0.as_ref().expect("there until dropped").handle()
    }

    /// What a manifest asks for, within what there is.
    pub(crate) fn limits_for(&self, asked: &RequestedLimits) -> Limits {
        let (given, most) = (&self.config.limits, &self.config.ceiling);
        Limits {
            memory: asked.memory.map_or(given.memory, |size| size.0.min(most.memory)),
            cpu_burst: asked
                .cpu_burst_ms
                .map_or(given.cpu_burst, |ms| Duration::from_millis(ms.into()).min(most.cpu_burst)),
            max_run: asked
                .max_run_seconds
                .map_or(given.max_run, |seconds| Duration::from_secs(seconds.into()).min(most.max_run)),
            fuel: asked.fuel.map_or(given.fuel, |fuel| fuel.min(most.fuel)),
            ..given.clone()
        }
    }

    pub(crate) async fn load(&self, wasm: Bytes) -> Result<Version, LoadError> {
        let digest = Digest::of(&wasm);
        if let Some(version) = self.in_memory(digest) {
            return Ok(version);
        }
        // Until it is in memory: its component must not be collected while it waits for its turn to be compiled.
        let _loading = Loading::begin(&self.loading, digest);
        let (bytes, directory) = (wasm.clone(), self.directory.clone());
        let inspection = tokio::task::spawn_blocking(move || {
            let inspected = loader::inspect::inspect(&bytes)?;
            directory.keep(digest, &bytes)?;
            Ok(inspected)
        });
        let inspected = inspection.await.unwrap_or_else(|panic| Err(LoadError::Invalid(panic.to_string())))?;
        let _one = self.compiling.lock().await;
        if let Some(version) = self.in_memory(digest) {
            return Ok(version);
        }
        let component = self.directory.compiled(&self.engine, &self.config.compiler, digest).await?;
        let version = self.ticker.watch(loader::link(&self.linker, &component, digest, inspected)).await?;
        lock(&self.versions).insert(digest, Arc::downgrade(&version.0));
        Ok(version)
    }

    /// What compiled code depends on besides its source.
    pub(crate) fn fingerprint(&self) -> Arc<str> {
        self.directory.fingerprint()
    }

    /// Does something with the files of a version, unless it is in memory or on its way there; it cannot begin to be meanwhile.
    pub(crate) fn unless_in_use<T>(&self, digest: Digest, work: impl FnOnce() -> T) -> Option<T> {
        let loading = lock(&self.loading);
        let in_use = loading.contains_key(&digest) || self.in_memory(digest).is_some();
        (!in_use).then(work)
    }

    /// The versions in memory.
    pub(crate) fn in_memory_digests(&self) -> Vec<Digest> {
        let versions = lock(&self.versions);
        versions.iter().filter(|(_, version)| version.strong_count() > 0).map(|(digest, _)| *digest).collect()
    }

    fn in_memory(&self, digest: Digest) -> Option<Version> {
        let mut versions = lock(&self.versions);
        versions.retain(|_, version| version.strong_count() > 0);
        versions.get(&digest)?.upgrade().map(Version)
    }
}

/// A version on its way into memory.
struct Loading<'a> {
    all: &'a Mutex<BTreeMap<Digest, usize>>,
    digest: Digest,
}

impl<'a> Loading<'a> {
    fn begin(all: &'a Mutex<BTreeMap<Digest, usize>>, digest: Digest) -> Self {
        *lock(all).entry(digest).or_default() += 1;
        Self { all, digest }
    }
}

impl Drop for Loading<'_> {
    fn drop(&mut self) {
        if let Entry::Occupied(mut count) = lock(self.all).entry(self.digest) {
            *count.get_mut() -= 1;
            if *count.get() == 0 {
                count.remove();
            }
        }
    }
}

/// The guests' own runtime: a guest that computes delays other guests by a tick, and nobody else. Its threads go behind those of SIP
/// and audio: with the same priority, every attack of `tests/guest` at once cost the neighbours' calls packets where one core was all
/// there was.
struct Guests(Option<Runtime>);

impl Guests {
    fn new(threads: usize) -> std::io::Result<Self> {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(threads.max(1))
            .thread_name("guest")
            // Timers and I/O are looked at after every poll: with the default of 61 one spinning guest delayed a neighbour's timer by 157 ms.
            .event_interval(1)
            .on_thread_start(|| {
                if let Err(error) = give_way(GUEST_NICE) {
                    tracing::warn!(%error, "a guest thread keeps the priority of all others");
                }
            })
            .enable_all()
            .build()
            .map(|runtime| Self(Some(runtime)))
    }
}

impl Drop for Guests {
    /// The last owner may be a task: a runtime must not be waited for there.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
