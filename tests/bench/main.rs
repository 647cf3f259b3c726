//! The figures of performance.md that need a running server and a load generator that this project did not write.
//!
//! The server is pinned to one core, SIPp to another; both talk over loopback. The unit is processor time of the server per
//! piece of work, from /proc, because machines are shared and noisy. Each row is run three times and shows its median, and
//! beside it what that would be on the machine that the goals are of (`reference`).

#[cfg(feature = "scenario")]
#[path = "../harness/attack.rs"]
mod attack;
mod cpu;
#[cfg(feature = "scenario")]
#[path = "../harness/crowd.rs"]
mod crowd;
#[cfg(feature = "scenario")]
#[path = "../harness/guest.rs"]
mod guest;
mod probe;
mod reference;
mod report;
mod rows;
mod server;
mod sipp;

use std::{env, path::PathBuf, process::ExitCode};

use report::Report;
use rows::Row;

const USAGE: &str = "\
usage: bench [P1] [P2] [P3] [P4] [P8] [P9] [P10] [P11] [P12] [P13] [P14]
             [--server FILE] [--json FILE] [--runs N] [--quick] [--gate]

  --server FILE   the jackfield binary [default: beside this program]
  --json FILE     append one JSON line per row here [default: bench/results.jsonl in the target directory]
  --runs N        runs per row, of which the median counts [default: 3]
  --quick         a tenth of the work, to see that everything runs
  --gate          fail if a row misses its goal";

/// What the command line asks for.
pub(crate) struct Options {
    rows: Vec<Row>,
    server: PathBuf,
    json: PathBuf,
    runs: usize,
    /// Divides the amount of work.
    divisor: u32,
    gate: bool,
}

fn main() -> ExitCode {
    match options(env::args().skip(1)).and_then(|options| run(&options)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn options(mut arguments: impl Iterator<Item = String>) -> Result<Options, String> {
    let program = env::current_exe().map_err(|error| format!("where am I? {error}"))?;
    let beside = program.parent().unwrap_or(&program).to_owned();
    let mut options = Options {
        rows: Vec::new(),
        server: beside.join("jackfield"),
        json: beside.parent().unwrap_or(&beside).join("bench/results.jsonl"),
        runs: 3,
        divisor: 1,
        gate: false,
    };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value\n{USAGE}"));
        match argument.as_str() {
            "--server" => options.server = value()?.into(),
            "--json" => options.json = value()?.into(),
            "--runs" => options.runs = value()?.parse().map_err(|_| "--runs takes a number".to_owned())?,
            "--quick" => options.divisor = 10,
            "--gate" => options.gate = true,
            name => options.rows.push(Row::named(name).ok_or(format!("{name}?\n{USAGE}"))?),
        }
    }
    if options.rows.is_empty() {
        options.rows = Row::ALL.to_vec();
    }
    options.runs = options.runs.max(1);
    Ok(options)
}

fn run(options: &Options) -> Result<ExitCode, String> {
    let mut report = Report::new(&options.json)?;
    for row in &options.rows {
        let mut runs = Vec::new();
        for number in 1..=options.runs {
            eprintln!("{} run {number} of {} …", row.name(), options.runs);
            runs.push(row.run(options).map_err(|error| format!("{}: {error}", row.name()))?);
        }
        report.add(row, runs)?;
    }
    report.print();
    Ok(if options.gate && report.missed() > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
