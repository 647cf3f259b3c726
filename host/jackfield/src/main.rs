//! Jackfield: a multi-tenant PBX whose features are sandboxed WebAssembly plugins.
//!
//! The binary reads the command line, the environment and files, and hands plain values to the crates that do the work;
//! `wire.rs` shows the whole object graph, `cmd/` has one file per command.

mod admin;
mod author;
mod cmd;
mod config;
mod definition;
mod log;
mod packages;
mod sounds;
mod wire;

use std::process::ExitCode;

use clap::Parser;

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
    runtime.block_on(cmd::run(arguments))
}
