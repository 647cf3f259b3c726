//! The only unsafe code of this crate: loading native code this host made, and a child's limits on itself.

#![allow(unsafe_code, reason = "each block says why it holds")]

use std::io;
use std::path::Path;
use std::time::Duration;

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
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid timespec for the duration of the call.
    let result = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    assert_eq!(result, 0, "every Linux has this clock");
    let nanoseconds = u32::try_from(time.tv_nsec).expect("below a second");
    Duration::new(u64::try_from(time.tv_sec).expect("time does not go back"), nanoseconds)
}

/// Limits this process's CPU seconds and address space and gives way to everybody else.
pub(super) fn limit_self(cpu_seconds: u64, address_space: u64) -> io::Result<()> {
    let set = |resource, value| {
        let limit = libc::rlimit { rlim_cur: value, rlim_max: value };
        // SAFETY: `limit` is a valid rlimit for the duration of the call.
        match unsafe { libc::setrlimit(resource, &raw const limit) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    };
    set(libc::RLIMIT_CPU, cpu_seconds)?;
    set(libc::RLIMIT_AS, address_space)?;
    set(libc::RLIMIT_CORE, 0)?;
    // SAFETY: no pointers; lowering one's own priority is always allowed.
    match unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, 19) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
