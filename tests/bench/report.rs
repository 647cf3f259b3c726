//! The table of performance.md with our column filled, and the same as JSON lines.

use std::{
    fs::{self, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};

use crate::rows::{Measured, Row};

/// Everything measured so far.
pub(crate) struct Report {
    json: PathBuf,
    lines: Vec<Line>,
}

struct Line {
    row: Row,
    medians: Vec<Median>,
    failed: u64,
}

struct Median {
    what: &'static str,
    unit: &'static str,
    value: f64,
    /// The value that the goal is about.
    judged: f64,
    goal: f64,
    stretch: f64,
}

impl Report {
    pub(crate) fn new(json: &Path) -> Result<Self, String> {
        if let Some(parent) = json.parent() {
            fs::create_dir_all(parent).map_err(|error| format!("{}: {error}", parent.display()))?;
        }
        Ok(Self { json: json.to_owned(), lines: Vec::new() })
    }

    /// Takes the runs of a row: writes them all, keeps their medians.
    pub(crate) fn add(&mut self, row: &Row, runs: Vec<Measured>) -> Result<(), String> {
        let figures = runs.first().map_or(&[][..], |run| &run.figures);
        let medians: Vec<Median> = figures
            .iter()
            .enumerate()
            .map(|(index, figure)| Median {
                what: figure.what,
                unit: figure.unit,
                value: median(runs.iter().filter_map(|run| Some(run.figures.get(index)?.value)).collect()),
                judged: median(
                    runs.iter()
                        .filter_map(|run| Some(run.figures.get(index)?.on_goals_machine(run.slowness)))
                        .collect(),
                ),
                goal: figure.goal,
                stretch: figure.stretch,
            })
            .collect();
        let value = json!({
            "row": row.name(),
            "medians": medians.iter().map(Median::json).collect::<Vec<_>>(),
            "runs": runs.iter().map(Measured::json).collect::<Vec<_>>(),
        });
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.json)
            .map_err(|error| format!("{}: {error}", self.json.display()))?;
        writeln!(file, "{value}").map_err(|error| format!("{}: {error}", self.json.display()))?;
        let failed = runs.iter().map(|run| run.failed).sum();
        self.lines.push(Line { row: *row, medians, failed });
        Ok(())
    }

    /// How many figures miss their goal.
    pub(crate) fn missed(&self) -> usize {
        self.lines.iter().flat_map(|line| &line.medians).filter(|median| median.judged > median.goal).count()
    }

    pub(crate) fn print(&self) {
        println!(
            "{:<4} {:<52} {:>10} {:>10} {:>9} {:>9}  verdict",
            "row", "what", "median", "judged", "goal", "stretch"
        );
        for line in &self.lines {
            for median in &line.medians {
                let verdict = match median.judged {
                    value if value <= median.stretch => "stretch reached",
                    value if value <= median.goal => "goal reached",
                    _ => "missed",
                };
                let what = format!("{}, {}", median.what, median.unit);
                let &Median { value, judged, goal, stretch, .. } = median;
                println!(
                    "{:<4} {what:<52} {value:>10.4} {judged:>10.4} {goal:>9} {stretch:>9}  {verdict}",
                    line.row.name()
                );
            }
            if line.failed > 0 {
                println!("{:<4} {} calls failed", line.row.name(), line.failed);
            }
        }
        println!(
            "judged: as on the machine that the goals are of, by what a call through Kamailio takes here (performance.md)"
        );
        println!("JSON lines: {}", self.json.display());
    }
}

impl Median {
    fn json(&self) -> Value {
        json!({"what": self.what, "unit": self.unit, "value": self.value, "judged": self.judged, "goal": self.goal, "stretch": self.stretch})
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
