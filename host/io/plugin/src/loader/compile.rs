//! Compiling: in a child process with limits, because a compiler's time and memory are not bounded by its input (H18).

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use wasmtime::Engine;

use super::LoadError;
use super::native;
use crate::engine;
use crate::host::Compiler;

/// CPU seconds of a compilation.
const CPU_SECONDS: u64 = 60;
/// Address space of the child.
const ADDRESS_SPACE: u64 = 4 << 30;
/// Wall time of the child: it runs at the lowest priority.
const WALL: Duration = Duration::from_secs(300);
/// Bytes of a child's complaint that are kept.
const COMPLAINT_BYTES: usize = 2_000;

/// The child's whole work: `INPUT OUTPUT`, a component's file and where the native code goes. For the server's `__compile` command.
pub fn compile_child(input: &Path, output: &Path) -> Result<(), String> {
    native::limit_self(CPU_SECONDS, ADDRESS_SPACE).map_err(|error| format!("cannot limit myself: {error}"))?;
    let wasm = std::fs::read(input).map_err(|error| format!("{}: {error}", input.display()))?;
    let engine = engine::compiling().map_err(|error| format!("{error:#}"))?;
    let code = engine.precompile_component(&wasm).map_err(|error| format!("{error:#}"))?;
    std::fs::write(output, code).map_err(|error| format!("{}: {error}", output.display()))
}

/// Compiles `input` to `output`.
pub(super) async fn compile(
    engine: &Engine,
    compiler: &Compiler,
    input: &Path,
    output: &Path,
) -> Result<(), LoadError> {
    match compiler {
        Compiler::Process { program, arguments } => in_child(program.as_os_str(), arguments, input, output).await,
        Compiler::Thread => {
            let (engine, input, output) = (engine.clone(), input.to_owned(), output.to_owned());
            let work = move || {
                let wasm = std::fs::read(&input).map_err(|error| LoadError::Store(error.to_string()))?;
                let code =
                    engine.precompile_component(&wasm).map_err(|error| LoadError::Compile(format!("{error:#}")))?;
                std::fs::write(&output, code).map_err(|error| LoadError::Store(error.to_string()))
            };
            tokio::task::spawn_blocking(work).await.unwrap_or_else(|panic| Err(LoadError::Compile(panic.to_string())))
        }
    }
}

async fn in_child(program: &OsStr, arguments: &[String], input: &Path, output: &Path) -> Result<(), LoadError> {
    let child = tokio::process::Command::new(program)
        .args(arguments)
        .args([input, output])
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| LoadError::Store(format!("cannot start the compiler: {error}")))?;
    let output = tokio::time::timeout(WALL, child.wait_with_output())
        .await
        .map_err(|_| LoadError::Compile(format!("it took more than {WALL:?}")))?
        .map_err(|error| LoadError::Store(error.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let complaint = &output.stderr[..output.stderr.len().min(COMPLAINT_BYTES)];
    let complaint = String::from_utf8_lossy(complaint);
    let complaint = complaint.trim();
    Err(LoadError::Compile(match complaint.is_empty() {
        true => format!("the compiler ended with {} (more time or memory than it may have?)", output.status),
        false => complaint.to_owned(),
    }))
}
