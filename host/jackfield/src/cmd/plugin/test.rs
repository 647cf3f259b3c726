//! `jackfield plugin test`: the recorded calls of a plugin's own folder, run again on what was built.

use std::io;
use std::path::{Path, PathBuf};

use ::plugin::{Departure, Host, HostConfig, Package, Recording, Replay};
use clap::Args;
use serde::Serialize;

use super::check;
use crate::cmd::output::{Output, printable};
use crate::cmd::{Exit, Failure};

/// Run the recorded calls in FOLDER/tests again on the built plugin: each has to ask the same and end alike. Needs no server and reaches none.
///
/// `jackfield plugin replay TENANT CALL --save-fixture FOLDER/tests/NAME.json` makes one of a call that a server has kept.
#[derive(Args)]
pub(super) struct Test {
    /// The plugin's folder.
    #[arg(default_value = ".")]
    folder: PathBuf,
}

/// What came of one recorded call.
#[derive(Serialize)]
struct Verdict {
    file: PathBuf,
    passed: bool,
    /// Questions that were the same.
    same: usize,
    /// What was asked then, and what instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replayed: Option<String>,
    /// Why it could not be run.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl Test {
    pub(super) async fn run(self, output: Output) -> Result<(), Failure> {
        let package = self.package()?;
        let fixtures = fixtures(&self.folder.join("tests"))?;
        let folder = tempfile::tempdir().map_err(|error| failed(&error))?;
        let host = Host::new(HostConfig { instances: 4, ..HostConfig::new(folder.path()) });
        let host = host.map_err(|error| failed(&error))?;
        let mut verdicts = Vec::new();
        for file in fixtures {
            verdicts.push(verdict(&host, &package, file).await);
        }
        output.value(&verdicts, || text(&verdicts));
        match verdicts.iter().filter(|verdict| !verdict.passed).count() {
            0 => Ok(()),
            count => {
                Err(Failure::new(Exit::NotDone, format!("{count} of {} recorded calls go another way", verdicts.len())))
            }
        }
    }

    /// What `plugin build` has left.
    fn package(&self) -> Result<Package, Failure> {
        let (_, component) = check::built(&self.folder)?;
        let read = |path: &Path| {
            std::fs::read(path).map_err(|error| {
                let text = format!(
                    "{}: {error}; build it first: jackfield plugin build {}",
                    path.display(),
                    self.folder.display()
                );
                Failure::new(Exit::NotFound, text)
            })
        };
        let manifest = String::from_utf8_lossy(&read(&self.folder.join("plugin.toml"))?).into_owned();
        Ok(Package::folder(manifest, read(&component)?))
    }
}

fn failed(error: &dyn std::fmt::Display) -> Failure {
    Failure::new(Exit::NotDone, error.to_string())
}

/// The recorded calls, by name.
fn fixtures(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error: io::Error| failed(&format!("{}: {error}", folder.display()));
    let mut files = Vec::new();
    match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(unreadable(error)),
        Ok(entries) => {
            for entry in entries {
                files.push(entry.map_err(unreadable)?.path());
            }
        }
    }
    files.retain(|path| path.extension().is_some_and(|end| end == "json"));
    files.sort();
    if files.is_empty() {
        let text = format!(
            "{}: no recorded call (*.json) is there. With `keep-runs` in tenant.toml, `jackfield plugin replay TENANT CALL --save-fixture FILE` makes one",
            folder.display()
        );
        return Err(Failure::new(Exit::NotFound, text));
    }
    Ok(files)
}

async fn verdict(host: &Host, package: &Package, file: PathBuf) -> Verdict {
    let problem = |file, problem| Verdict {
        file,
        passed: false,
        same: 0,
        recorded: None,
        replayed: None,
        problem: Some(problem),
    };
    let recording = match recording(&file) {
        Ok(recording) => recording,
        Err(why) => return problem(file, why),
    };
    match host.replay(package.clone(), recording).await {
        Err(error) => problem(file, error.to_string()),
        Ok(Replay { same, departure, .. }) => {
            let passed = departure.is_none();
            let (recorded, replayed) =
                departure.map(|Departure { recorded, replayed, .. }| (recorded, replayed)).unzip();
            Verdict { file, passed, same, recorded, replayed, problem: None }
        }
    }
}

fn recording(file: &Path) -> Result<Recording, String> {
    let text = std::fs::read(file).map_err(|error| error.to_string())?;
    serde_json::from_slice(&text).map_err(|error| format!("it is no recorded call: {error}"))
}

fn text(verdicts: &[Verdict]) -> String {
    let mut lines = Vec::new();
    for Verdict { file, passed, same, recorded, replayed, problem } in verdicts {
        let name = file.display();
        match problem {
            Some(problem) => lines.push(format!("FAILED  {name}: {}", printable(problem))),
            None if *passed => lines.push(format!("passed  {name}: {same} questions")),
            None => lines.push(format!("FAILED  {name}: after {same} questions that are the same")),
        }
        for (when, what) in [("recorded", recorded), ("now", replayed)] {
            lines.extend(what.iter().map(|what| format!("        {when:8}  {}", printable(what))));
        }
    }
    let passed = verdicts.iter().filter(|verdict| verdict.passed).count();
    lines.push(format!("{passed} passed, {} failed", verdicts.len() - passed));
    lines.join("\n")
}
