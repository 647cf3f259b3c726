//! What must be on the machine before anything of ours can run, installed once and found again in milliseconds.

use crate::command::Failure;
use crate::workspace::Workspace;
use crate::{languages, packages, plugins, wasm_target};

/// The target the plugins are built for.
pub(crate) const PLUGIN_TARGET: &str = "wasm32-wasip2";
/// The target that proves `host/core` touches no operating system.
pub(crate) const PURITY_TARGET: &str = "wasm32-unknown-unknown";

/// Everything the tests need: the phones of other projects, the compilers of other languages, both Wasm targets, the plugins.
pub(crate) fn everything(workspace: &Workspace) -> Result<(), Failure> {
    packages::install(packages::INTEROP)?;
    languages::install(workspace)?;
    wasm_target::install(PURITY_TARGET, workspace)?;
    plugins(workspace)
}

/// What the demo needs: the plugins, and therefore their target.
pub(crate) fn plugins(workspace: &Workspace) -> Result<(), Failure> {
    wasm_target::install(PLUGIN_TARGET, workspace)?;
    plugins::build(workspace)
}
