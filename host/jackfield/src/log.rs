//! Structured logs on standard error: text for people, JSON for programs. Nothing else writes there while serving.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

use crate::config::LogFormat;

/// Begins logging; the first call wins. A filter that makes no sense is told and replaced by `info`.
pub(crate) fn begin(filter: &str, format: LogFormat) {
    let (chosen, wrong) = match EnvFilter::try_new(filter) {
        Ok(chosen) => (chosen, None),
        Err(error) => (EnvFilter::new("info"), Some(error)),
    };
    let terminal = std::io::stderr().is_terminal();
    let json = match format {
        LogFormat::Auto => !terminal,
        LogFormat::Human => false,
        LogFormat::Json => true,
    };
    // https://no-color.org: any value that is not empty switches colours off.
    let colours = terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let builder = tracing_subscriber::fmt()
        .with_env_filter(chosen)
        .with_ansi(colours)
        .with_writer(BoxMakeWriter::new(std::io::stderr));
    let begun = if json { builder.json().flatten_event(true).try_init() } else { builder.try_init() };
    if let Err(error) = begun {
        eprintln!("jackfield: no log: {error}");
    }
    if let Some(error) = wrong {
        tracing::warn!(filter, %error, "the log filter makes no sense; using `info`");
    }
}
