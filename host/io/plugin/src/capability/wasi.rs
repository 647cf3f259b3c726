//! WASI 0.2, because standard libraries import it: no files, no sockets, no environment; coarse clocks; output goes to the log.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::io::AsyncWrite;
use wasmtime::component::Linker;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};
use wasmtime_wasi::{HostMonotonicClock, HostWallClock, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use super::system::LogQuota;
use crate::generation::Generation;
use crate::instance::State;
use crate::limit::{LOG_LINE_BYTES, RANDOM_BYTES};
use crate::port::{Clock, LogLevel, TenantPort};
use crate::tape::Tape;

/// The interfaces that are linked. `wasi:sockets` and `wasi:http` are not: a component that imports them is refused.
pub(crate) const PACKAGES: [&str; 5] = ["wasi:cli", "wasi:clocks", "wasi:filesystem", "wasi:io", "wasi:random"];

pub(super) fn link(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    wasmtime_wasi::p2::add_to_linker_async(linker)
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        let Self { wasi, table, log, generation, run, .. } = self;
        let ctx = wasi.get_or_insert_with(|| {
            let clock = Coarse {
                generation: generation.as_ref().map(Arc::downgrade).unwrap_or_default(),
                tape: run.tape().cloned(),
            };
            Box::new(denying(log, clock))
        });
        WasiCtxView { ctx, table }
    }
}

fn denying(log: &Arc<LogQuota>, clock: Coarse) -> WasiCtx {
    let mut builder = WasiCtxBuilder::new();
    builder
        .stdout(Output { log: log.clone(), level: LogLevel::Info })
        .stderr(Output { log: log.clone(), level: LogLevel::Error })
        .wall_clock(clock.clone())
        .monotonic_clock(clock.clone())
        .max_random_size(RANDOM_BYTES.into())
        .allow_tcp(false)
        .allow_udp(false)
        .allow_ip_name_lookup(false)
        .allow_blocking_current_thread(false);
    if let Some(tape) = &clock.tape {
        // The libraries of languages draw the seeds of their hash tables here, and with them the order in which they go through them.
        let random = |purpose| StdRng::from_seed(tape.seed_for(purpose));
        let seed = tape.seed_for("insecure-seed");
        builder
            .secure_random(random("secure"))
            .insecure_random(random("insecure"))
            .insecure_random_seed(u128::from_le_bytes(seed.first_chunk().copied().expect("there are 32 bytes")));
    }
    builder.build()
}

/// The tenant's clocks: a millisecond at best (I3).
#[derive(Clone)]
struct Coarse {
    generation: Weak<Generation>,
    tape: Option<Arc<Tape>>,
}

impl Coarse {
    fn read(&self) -> Clock {
        match (&self.tape, self.generation.upgrade()) {
            (Some(tape), _) => tape.clock(),
            (None, Some(generation)) => generation.tenant.clock(),
            (None, None) => Clock { unix_ms: 0, up_ms: 0 },
        }
    }
}

impl HostWallClock for Coarse {
    fn resolution(&self) -> Duration {
        Duration::from_millis(1)
    }

    fn now(&self) -> Duration {
        Duration::from_millis(self.read().unix_ms)
    }
}

impl HostMonotonicClock for Coarse {
    fn resolution(&self) -> u64 {
        1_000_000
    }

    fn now(&self) -> u64 {
        self.read().up_ms.saturating_mul(1_000_000)
    }
}

/// Standard output and error: lines of the plugin's log, in its quota.
#[derive(Clone)]
struct Output {
    log: Arc<LogQuota>,
    level: LogLevel,
}

impl IsTerminal for Output {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Output {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // WASI 0.2 asks for `p2_stream` only.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(Lines { output: self.clone(), partial: Vec::new() })
    }
}

struct Lines {
    output: Output,
    partial: Vec<u8>,
}

impl Lines {
    fn emit(&mut self) {
        if !self.partial.is_empty() {
            self.output.log.write(self.output.level, &String::from_utf8_lossy(&self.partial));
            self.partial.clear();
        }
    }
}

impl OutputStream for Lines {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        for byte in bytes {
            match byte {
                b'\n' => self.emit(),
                byte => {
                    self.partial.push(byte);
                    if self.partial.len() >= LOG_LINE_BYTES {
                        self.emit();
                    }
                }
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(LOG_LINE_BYTES)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Lines {
    async fn ready(&mut self) {}
}

impl Drop for Lines {
    fn drop(&mut self) {
        self.emit();
    }
}
