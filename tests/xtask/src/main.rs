//! Jackfield's automation: `cargo xtask COMMAND`. Each command does its own set-up; see `setup.rs` for what that means.

mod command;
mod languages;
mod packages;
mod plugins;
mod prompts;
mod setup;
mod wasm_target;
mod workspace;

use std::process::ExitCode;

use command::{Failure, Step};
use workspace::Workspace;

const USAGE: &str = "\
Usage: cargo xtask COMMAND [ARGUMENTS]

  setup                 install what the other commands need (they do it themselves, too)
  demo [ARGUMENTS]      build host and plugins, run the demo PBX: `jackfield demo ARGUMENTS`
  test [ARGUMENTS]      build everything, run all tests (ARGUMENTS go to the test runner)
  bench [ARGUMENTS]     build everything, run the benches and print their table
  plugins               build the bundled plugins and put them beside the server binary
  tidy                  run only the tidy test: dependency walls, sizes, forbidden words
  prompts               speak the English prompts again with espeak-ng (they are in the tree)
  ci                    what CI runs: .ci/run
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let command = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    match run(&command, &rest) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("cargo xtask {command}: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: &str, rest: &[String]) -> Result<(), Failure> {
    let workspace = Workspace::locate()?;
    match command {
        "setup" => setup::everything(&workspace),
        "demo" => demo(&workspace, rest),
        "test" => test(&workspace, rest),
        "bench" => bench(&workspace, rest),
        "plugins" => setup::plugins(&workspace),
        "tidy" => workspace.cargo(["test", "--quiet", "--release", "--package", "xtask", "--test", "tidy"]).run(),
        "prompts" => prompts::speak(&workspace),
        "ci" => Step::new(workspace.root.join(".ci/run")).run(),
        "help" | "--help" | "-h" => {
            print!("{USAGE}");
            Ok(())
        }
        "" => Err(Failure::Usage(format!("no command given\n\n{USAGE}"))),
        unknown => Err(Failure::Usage(format!("there is no command `{unknown}`\n\n{USAGE}"))),
    }
}

fn demo(workspace: &Workspace, rest: &[String]) -> Result<(), Failure> {
    setup::plugins(workspace)?;
    workspace.cargo(["build", "--release", "--package", "jackfield"]).run()?;
    Step::new(workspace.binary("jackfield")).arg("demo").args(rest).become_it()
}

fn test(workspace: &Workspace, rest: &[String]) -> Result<(), Failure> {
    setup::everything(workspace)?;
    // The interop tests start the server as its users do, from its binary.
    workspace.cargo(["build", "--release", "--package", "jackfield"]).run()?;
    let runner: &[&str] = match workspace.cargo(["nextest", "--version"]).succeeds() {
        true => &["nextest", "run"],
        false => &["test"],
    };
    workspace.cargo(runner).args(["--release", "--workspace"]).args(rest).run()?;
    // nextest leaves the examples in the documentation out.
    match runner.len() > 1 && rest.is_empty() {
        true => workspace.cargo(["test", "--release", "--workspace", "--doc"]).run(),
        false => Ok(()),
    }
}

fn bench(workspace: &Workspace, rest: &[String]) -> Result<(), Failure> {
    setup::everything(workspace)?;
    packages::install(packages::BENCH)?;
    workspace.cargo(["build", "--release", "--package", "jackfield"]).run()?;
    workspace.cargo(["run", "--release", "--package", "tests", "--bin", "bench", "--"]).args(rest).run()
}
