//! Jackfield: a multi-tenant PBX whose features are sandboxed WebAssembly plugins.
//!
//! The binary reads the command line, the environment and files, and hands plain values to the crates that do the work;
//! `wire.rs` shows the whole object graph, `cmd/` has one file per command.

mod admin;
mod cmd;
mod config;
mod definition;
mod log;
mod packages;
mod sounds;
mod wire;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;

/// How long threads that are still busy may keep the program from ending.
const LAST_THREADS: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    let arguments = cmd::Arguments::parse();
    // The compiler's child limits itself before it makes anything.
    if let Some(code) = arguments.compile() {
        return code;
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("jackfield: no threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    let code = runtime.block_on(cmd::run(arguments));
    // A thread that reads from a disk that hangs, a prompt perhaps, would be waited for without end.
    runtime.shutdown_timeout(LAST_THREADS);
    code
}
