//! The one engine: what code may use, how it is interrupted, where it lives.

use std::num::NonZeroUsize;
use std::sync::Arc;

use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OptLevel, PoolingAllocationConfig, Strategy,
    WasmBacktraceDetails,
};

use crate::limit;
use crate::ticker::Ticker;

/// What the guest code may use and how it is compiled: the same for the engine that runs and the one that only compiles.
fn code_config() -> Config {
    let mut config = Config::new();
    config.strategy(Strategy::Cranelift).cranelift_opt_level(OptLevel::Speed);
    // Every guest is interrupted by epochs; functions have fuel besides, so that the bound does not depend on the machine's load.
    config.epoch_interruption(true).consume_fuel(true);
    // Component-model async is young and its code had escapes this year; straight-line code does not need it.
    config.concurrency_support(false);
    config
        .wasm_memory64(false)
        .wasm_relaxed_simd(false)
        .wasm_custom_page_sizes(false)
        .wasm_wide_arithmetic(false)
        // Needed by QuickJS guests.
        .wasm_multi_memory(true)
        .wasm_tail_call(true);
    config.max_wasm_stack(limit::WASM_STACK).async_stack_size(limit::ASYNC_STACK).async_stack_zeroing(true);
    config.memory_init_cow(true);
    config.wasm_backtrace_details(WasmBacktraceDetails::Disable);
    config.wasm_backtrace_max_frames(NonZeroUsize::new(limit::BACKTRACE_FRAMES));
    config
}

/// The engine that runs guests, with a pool for `instances` of them.
pub(crate) fn running(instances: u32) -> wasmtime::Result<Engine> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(8))
        .total_memories(instances.saturating_mul(2))
        .total_tables(instances.saturating_mul(4))
        .total_stacks(instances)
        .max_memory_size(limit::MEMORY_SLOT)
        .table_elements(limit::TABLE_ELEMENTS)
        .max_core_instances_per_component(limit::CORE_INSTANCES_PER_COMPONENT)
        .max_memories_per_component(limit::MEMORIES_PER_COMPONENT)
        .max_tables_per_component(limit::TABLES_PER_COMPONENT)
        .linear_memory_keep_resident(1 << 20)
        .table_keep_resident(64 << 10)
        .pagemap_scan(Enabled::Auto);
    let mut config = code_config();
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    Engine::new(&config)
}

/// An engine for compiling alone: no pool, one thread. What it makes runs in [`running`].
pub(crate) fn compiling() -> wasmtime::Result<Engine> {
    let mut config = code_config();
    config.parallel_compilation(false);
    Engine::new(&config)
}

/// What moves the epoch on while a guest computes.
pub(crate) fn ticker(engine: &Engine) -> std::io::Result<Ticker> {
    let engine = engine.weak();
    Ticker::start(move || {
        // Without an engine there is nobody to interrupt.
        if let Some(engine) = engine.upgrade() {
            engine.increment_epoch();
        }
    })
}

/// What compiled code depends on besides its source: part of the cache's key.
pub(crate) fn fingerprint(engine: &Engine) -> Arc<str> {
    use std::hash::{Hash, Hasher};

    /// Feeds SHA-256 with what wasmtime says its output depends on.
    #[derive(Default)]
    struct Sha(sha2::Sha256);
    impl Hasher for Sha {
        fn write(&mut self, bytes: &[u8]) {
            sha2::Digest::update(&mut self.0, bytes);
        }
        fn finish(&self) -> u64 {
            0
        }
    }
    let mut hasher = Sha::default();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    let digest = sha2::Digest::finalize(hasher.0);
    digest[..8].iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}
