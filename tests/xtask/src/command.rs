//! Running other programs, and the one error type of this crate.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Why a command of `cargo xtask` stopped.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line makes no sense.
    #[error("{0}")]
    Usage(String),
    /// Something is missing that we cannot install; the text says what was tried and what to do.
    #[error("{0}")]
    Missing(String),
    /// A program could not be started.
    #[error("cannot start `{line}`: {source}")]
    Start {
        /// The command line.
        line: String,
        /// Why.
        source: std::io::Error,
    },
    /// A program ran and failed; it has printed its own reasons.
    #[error("`{line}` failed: {status}")]
    Failed {
        /// The command line.
        line: String,
        /// Its exit status.
        status: std::process::ExitStatus,
    },
    /// A file or folder could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    Read {
        /// The path.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

/// Names the path in an error of the file system.
pub(crate) fn at<T>(path: &Path, result: std::io::Result<T>) -> Result<T, Failure> {
    result.map_err(|source| Failure::Read { path: path.into(), source })
}

/// One program to run: never a shell line, never with our standard input.
pub(crate) struct Step {
    command: Command,
}

impl Step {
    pub(crate) fn new(program: impl AsRef<OsStr>) -> Self {
        let mut command = Command::new(program);
        command.stdin(Stdio::null());
        Self { command }
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn directory(mut self, path: &Path) -> Self {
        self.command.current_dir(path);
        self
    }

    /// Prints the command line, runs it with our output, and fails unless it succeeds.
    pub(crate) fn run(mut self) -> Result<(), Failure> {
        let line = self.line();
        eprintln!("+ {line}");
        match self.command.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Failure::Failed { line, status }),
            Err(source) => Err(Failure::Start { line, source }),
        }
    }

    /// Runs silently and returns what it printed.
    pub(crate) fn output(mut self) -> Result<String, Failure> {
        let line = self.line();
        match self.command.stderr(Stdio::inherit()).output() {
            Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
            Ok(output) => Err(Failure::Failed { line, status: output.status }),
            Err(source) => Err(Failure::Start { line, source }),
        }
    }

    /// Runs silently and tells whether it succeeded; a program that does not exist did not.
    pub(crate) fn succeeds(mut self) -> bool {
        self.command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
    }

    /// Replaces this process by the program, so that signals and the exit code are the program's own.
    pub(crate) fn become_it(mut self) -> Result<(), Failure> {
        let line = self.line();
        eprintln!("+ {line}");
        self.command.stdin(Stdio::inherit());
        Err(Failure::Start { line, source: self.command.exec() })
    }

    fn line(&self) -> String {
        let words: Vec<OsString> =
            std::iter::once(self.command.get_program()).chain(self.command.get_args()).map(OsStr::to_owned).collect();
        words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }
}
