//! `system`: log, clock, random, settings.

use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use crate::abi::v0_1::app::jackfield::pbx::system::Host;
use crate::generation::{Generation, lock};
use crate::instance::{Run, State};
use crate::limit::{LOG_BYTES, LOG_LINE_BYTES, LOG_LINES, RANDOM_BYTES};
use crate::port::{LogLevel, LogRecord, TenantPort};
use crate::tail::TailEvent;
use crate::tape::Tape;

/// Bytes of a setting's name.
const KEY_BYTES: usize = 64;

impl Host for State {
    fn log(&mut self, level: String, message: String) -> wasmtime::Result<()> {
        self.enter()?;
        let level = match level.as_str() {
            "error" => LogLevel::Error,
            "warn" => LogLevel::Warn,
            "debug" => LogLevel::Debug,
            _ => LogLevel::Info,
        };
        self.log.write(level, &message);
        Ok(())
    }

    fn now(&mut self) -> wasmtime::Result<(u64, u64)> {
        self.enter()?;
        let Some(tenant) = self.tenant() else { return Ok((0, 0)) };
        let clock = tenant.clock();
        Ok((clock.unix_ms, clock.up_ms))
    }

    fn random(&mut self, bytes: u32) -> wasmtime::Result<Vec<u8>> {
        self.enter()?;
        let mut random = vec![0; bytes.min(RANDOM_BYTES) as usize];
        getrandom::fill(&mut random).map_err(|error| wasmtime::format_err!("no random bytes: {error}"))?;
        Ok(match self.run.tape() {
            Some(tape) => {
                let recorded: Option<Vec<u8>> =
                    tape.cross_now(format!("random {}", random.len()), || Some(random.clone()));
                // None: a replayed run of another version, which asks for what the recorded one did not.
                recorded.unwrap_or(random)
            }
            None => random,
        })
    }

    fn config(&mut self, key: String) -> wasmtime::Result<Option<String>> {
        self.enter()?;
        let Some(generation) = self.generation.clone().filter(|_| key.len() <= KEY_BYTES) else { return Ok(None) };
        let Some(tenant) = self.tenant() else { return Ok(None) };
        let Some(setting) = generation.manifest.config.get(&key) else { return Ok(None) };
        let set = self.settings.get_or_insert_with(|| tenant.settings(&generation.manifest.id)).get(&key);
        // A value of the wrong type is the administrator's mistake: a reload reports it, the plugin sees the default.
        Ok(set.filter(|value| setting.kind.accepts(value)).or(setting.default.as_ref()).cloned())
    }
}

/// What one run may log, and where it goes. Shared with the run's standard output.
pub(crate) struct LogQuota {
    /// Weak: a kept instance must not keep the generation that keeps it.
    generation: Weak<Generation>,
    tape: Option<Arc<Tape>>,
    run: Mutex<Box<str>>,
    lines: AtomicU32,
    bytes: AtomicUsize,
}

impl LogQuota {
    pub(crate) fn new(generation: Option<&Arc<Generation>>, run: &Run) -> Self {
        let generation = generation.map(Arc::downgrade).unwrap_or_default();
        let tape = run.tape().cloned();
        Self {
            generation,
            tape,
            run: Mutex::new(run.name().into()),
            lines: AtomicU32::new(0),
            bytes: AtomicUsize::new(0),
        }
    }

    /// Begins another run of the same generation.
    pub(crate) fn renew(&self, run: &str) {
        let mut name = lock(&self.run);
        if **name != *run {
            *name = run.into();
        }
        self.lines.store(0, Ordering::Relaxed);
        self.bytes.store(0, Ordering::Relaxed);
    }

    /// Writes one line, or drops it when the run has logged enough; the last line says so.
    pub(crate) fn write(&self, level: LogLevel, message: &str) {
        let Some(generation) = self.generation.upgrade() else { return };
        let mut end = message.len().min(LOG_LINE_BYTES);
        while !message.is_char_boundary(end) {
            end -= 1;
        }
        generation.usage.did(0, end as u64);
        let before = self.bytes.fetch_add(end, Ordering::Relaxed);
        let line = self.lines.fetch_add(1, Ordering::Relaxed);
        let full = |line: u32, bytes: usize| line >= LOG_LINES || bytes >= LOG_BYTES;
        if full(line, before) {
            // Only the first line over the quota finds the one before it within.
            self.lines.fetch_max(LOG_LINES + 1, Ordering::Relaxed);
            if line <= LOG_LINES && before.saturating_sub(end) < LOG_BYTES {
                self.pass(&generation, LogLevel::Warn, "this run has logged enough; the rest is dropped");
            }
            return;
        }
        // No control characters: a line stays a line, and a terminal is not driven by a plugin.
        let clean: String =
            message[..end].chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }).collect();
        self.pass(&generation, level, &clean);
    }

    fn pass(&self, generation: &Generation, level: LogLevel, message: &str) {
        let record = LogRecord {
            plugin: &generation.manifest.id,
            version: &generation.manifest.version,
            run: &lock(&self.run),
            level,
            message,
        };
        generation.tell(record.run, TailEvent::Said { level, message: message.into() });
        match &self.tape {
            Some(tape) => tape.log(record),
            None => generation.tenant.log(record),
        }
    }
}
