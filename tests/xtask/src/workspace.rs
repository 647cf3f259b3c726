//! Where things are: the checkout, the target directory, the built binaries.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::command::{Failure, Step};

/// The checkout this program was built from and the target directory it was built into.
pub(crate) struct Workspace {
    /// The folder with the root `Cargo.toml`.
    pub(crate) root: PathBuf,
    /// Cargo's target directory, wherever `CARGO_TARGET_DIR` or a configuration file put it.
    pub(crate) target: PathBuf,
}

impl Workspace {
    /// Finds both: the checkout is known at compile time, the target directory is where this program runs.
    pub(crate) fn locate() -> Result<Self, Failure> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).expect("tests/xtask is two folders deep");
        let program = std::env::current_exe().map_err(|source| Failure::Read { path: "xtask".into(), source })?;
        let target = program
            .ancestors()
            .nth(2)
            .ok_or_else(|| Failure::Usage("start me with `cargo xtask`, from a target directory".into()))?;
        Ok(Self { root: root.into(), target: target.into() })
    }

    /// The cargo that started us, in the checkout.
    pub(crate) fn cargo<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Step {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        Step::new(cargo).args(arguments).directory(&self.root).env("CARGO_TARGET_DIR", &self.target)
    }

    /// The path of a program of this workspace, built or not.
    pub(crate) fn binary(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }

    /// Where the server looks for its bundled plugins: beside its binary.
    pub(crate) fn bundled_plugins(&self) -> PathBuf {
        self.target.join("release/plugins")
    }
}
