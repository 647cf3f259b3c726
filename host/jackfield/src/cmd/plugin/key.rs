//! `jackfield plugin key`: what a publisher signs packages with.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ::plugin::SecretKey;
use clap::Subcommand;
use serde_json::json;

use crate::cmd::output::Output;
use crate::cmd::{Exit, Failure};

#[derive(Subcommand)]
pub(super) enum Key {
    /// Make a key. Whoever has the file is the publisher: keep it, and keep a copy.
    New {
        /// The file to make; only you can read it.
        file: PathBuf,
    },
    /// Print the public key of a file: what administrators pin.
    Show {
        /// The file that `plugin key new` made.
        file: PathBuf,
    },
}

impl Key {
    pub(super) fn run(&self, output: Output) -> Result<(), Failure> {
        let (file, key) = match self {
            Self::New { file } => {
                let key = SecretKey::generate().map_err(|error| failed(file, &error))?;
                write(file, &key).map_err(|error| failed(file, &error))?;
                (file, key)
            }
            Self::Show { file } => (file, read(file)?),
        };
        let public = key.public();
        output.value(&json!({ "file": file, "publisher": public }), || public.to_string());
        Ok(())
    }
}

/// A key from its file.
pub(super) fn read(file: &Path) -> Result<SecretKey, Failure> {
    let text = fs::read_to_string(file).map_err(|error| failed(file, &error))?;
    text.parse().map_err(|error: ::plugin::KeyError| failed(file, &error))
}

/// Never over a file that is there: it may be somebody's only key.
fn write(file: &Path, key: &SecretKey) -> std::io::Result<()> {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    writeln!(file, "{}", key.to_text())?;
    file.sync_all()
}

fn failed(file: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::NotDone, format!("{}: {error}", file.display()))
}
