//! The compilers of plugins that are not written in Rust, below the target directory: only `tests/interop` needs them.

use std::fs;
use std::path::Path;

use crate::command::{Failure, Step, at};
use crate::packages::{self, Package};
use crate::workspace::Workspace;

/// Exact versions: what a component imports is theirs to decide.
const PYTHON: &str = "componentize-py==0.25.1";
const JAVASCRIPT: &str = "componentize-qjs@0.4.5";

/// What these come by, and what C needs. Debian's compiler brings its WASI library and built-ins in packages without a program.
const TOOLS: &[Package] = &[
    Package { program: "python3", package: "python3" },
    Package { program: "npm", package: "npm" },
    Package { program: "make", package: "make" },
];
const C: &[&str] = &["clang", "lld", "wasi-libc", "libclang-rt-dev-wasm32"];

/// Installs what is missing.
pub(crate) fn install(workspace: &Workspace) -> Result<(), Failure> {
    packages::install(TOOLS)?;
    if !compiles_c(workspace)? {
        packages::install_all(C)?;
    }
    let tools = workspace.target.join("tools");
    at(&tools, fs::create_dir_all(&tools))?;
    once(&tools, "python", PYTHON, || python(&tools))?;
    once(&tools, "javascript", JAVASCRIPT, || {
        Step::new("npm")
            .args(["install", "--silent", "--no-audit", "--no-fund", "--prefix"])
            .arg(&tools)
            .arg(JAVASCRIPT)
            .run()
    })
}

fn python(tools: &Path) -> Result<(), Failure> {
    let folder = tools.join("python");
    let make = || Step::new("python3").args(["-m", "venv", "--clear"]).arg(&folder);
    if !make().succeeds() {
        // Debian ships the module apart.
        packages::install_all(&["python3-venv"])?;
        make().run()?;
    }
    Step::new(folder.join("bin/pip")).args(["install", "--quiet", "--disable-pip-version-check", PYTHON]).run()
}

/// Installs unless a mark says that this very version is there.
fn once(tools: &Path, name: &str, version: &str, install: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    let mark = tools.join(name).with_extension("version");
    if fs::read_to_string(&mark).is_ok_and(|installed| installed == version) {
        return Ok(());
    }
    install()?;
    at(&mark, fs::write(&mark, version))
}

/// Whether a C program that uses the library can be compiled and linked.
fn compiles_c(workspace: &Workspace) -> Result<bool, Failure> {
    let source = workspace.target.join("tools/probe.c");
    at(&source, fs::create_dir_all(workspace.target.join("tools")))?;
    at(&source, fs::write(&source, "#include <stdlib.h>\nint main(void) { return abs(-1); }\n"))?;
    let compile = Step::new("clang").args(["--target=wasm32-wasi", "-o", "/dev/null"]).arg(&source);
    Ok(compile.succeeds())
}
