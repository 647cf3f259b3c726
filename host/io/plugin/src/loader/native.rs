//! What the kernel and the processor are asked for: loading native code this host made (the only unsafe code of this crate), a child's
//! limits on itself, and how long and how willingly a thread computes.

#![allow(unsafe_code, reason = "each block says why it holds")]

use std::io;
use std::path::Path;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setpriority_process, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use wasmtime::Engine;
use wasmtime::component::Component;

/// Maps compiled code.
///
/// The caller has checked the file's MAC: it was written by this host, for this engine, into a directory nobody else writes to.
pub(super) fn map_authenticated(engine: &Engine, path: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the bytes are the output of `Engine::precompile_component`, authenticated by the caller; see above for the file not changing.
    unsafe { Component::deserialize_file(engine, path) }
}

/// Computing time of this thread.
pub(crate) fn thread_cpu_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().expect("no thread computes for a negative time")
}

/// Lets this thread give way to those of SIP and audio, which compute little and cannot wait. Nice values of Linux are a thread's own.
pub(crate) fn give_way(nice: i32) -> io::Result<()> {
    Ok(setpriority_process(None, nice)?)
}

/// Limits this process's CPU seconds and address space and gives way to everybody else.
pub(super) fn limit_self(cpu_seconds: u64, address_space: u64) -> io::Result<()> {
    let set = |resource, value| setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) });
    set(Resource::Cpu, cpu_seconds)?;
    set(Resource::As, address_space)?;
    set(Resource::Core, 0)?;
    give_way(19)
}
