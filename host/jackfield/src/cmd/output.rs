//! What commands print: a table or sentence for people, or the same as JSON.

use std::io::Write;

use api::types;
use serde::Serialize;

use crate::config::{Problem, Severity};

/// How to print.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Output {
    pub(crate) json: bool,
}

impl Output {
    /// Prints a value as one JSON line, or its text.
    pub(crate) fn value(self, value: &impl Serialize, text: impl FnOnce() -> String) {
        let line = match self.json {
            true => serde_json::to_string(value).expect("our own types have no keys but text"),
            false => text(),
        };
        write_line(&line);
    }

    /// Prints why a command ended badly, unless that has been said.
    pub(crate) fn failure(self, message: &str) {
        match (message, self.json) {
            ("", _) => {}
            (message, true) => write_line(&serde_json::json!({ "error": message }).to_string()),
            (message, false) => eprintln!("jackfield: {message}"),
        }
    }
}

/// Writes to standard output. Whoever closed it (`| head`) has seen enough.
fn write_line(line: &str) {
    let mut out = std::io::stdout().lock();
    if out.write_all(line.as_bytes()).and_then(|()| out.write_all(b"\n")).and_then(|()| out.flush()).is_err() {
        tracing::debug!("nobody reads standard output");
    }
}

/// A table, or what to say where it would be empty.
pub(crate) fn table_or(nothing: &str, header: &[&str], rows: &[Vec<String>]) -> String {
    if rows.is_empty() { nothing.to_owned() } else { table(header, rows) }
}

/// Columns as wide as their widest cell; control characters of strangers (user agents, log lines) are escaped.
pub(crate) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let clean: Vec<Vec<String>> = rows.iter().map(|row| row.iter().map(|cell| printable(cell)).collect()).collect();
    let width = |column: usize| {
        let cells = clean.iter().map(|row| row[column].chars().count());
        cells.chain([header[column].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let line = |cells: Vec<&str>| {
        let padded: Vec<String> =
            cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}", width = *width)).collect();
        padded.join("  ").trim_end().to_owned()
    };
    let mut lines = vec![line(header.to_vec())];
    lines.extend(clean.iter().map(|row| line(row.iter().map(String::as_str).collect())));
    lines.join("\n")
}

/// Text without anything a terminal would obey (G2).
pub(crate) fn printable(text: &str) -> String {
    let obeyed = |character: char| {
        character.is_control() || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .flat_map(
            |character| {
                if obeyed(character) { character.escape_default().collect::<Vec<_>>() } else { vec![character] }
            },
        )
        .collect()
}

/// A problem as it crosses the API.
pub(crate) fn problem(problem: &Problem) -> types::Problem {
    types::Problem {
        file: problem.file.display().to_string(),
        line: problem.line,
        column: problem.column,
        severity: match problem.severity {
            Severity::Error => "error".into(),
            Severity::Warning => "warning".into(),
        },
        message: problem.message.clone(),
        hint: problem.hint.clone(),
    }
}

/// A problem as a line of text: `file:line:column: error: message (hint)`.
pub(crate) fn problem_line(problem: &types::Problem) -> String {
    let place = match (problem.line, problem.column) {
        (0, _) => problem.file.clone(),
        (line, 0) => format!("{}:{line}", problem.file),
        (line, column) => format!("{}:{line}:{column}", problem.file),
    };
    let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
    format!("{place}: {}: {}{hint}", problem.severity, problem.message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_a_stranger_cannot_move_the_cursor() {
        let rows = [vec!["100".into(), "a\u{1b}[2Jb".into()], vec!["1000".into(), "c".into()]];
        assert_eq!(table(&["endpoint", "agent"], &rows), "endpoint  agent\n100       a\\u{1b}[2Jb\n1000      c");
    }
}
