//! The reference of all settings, made from the settings themselves.

use std::fmt::Write;

use serde::Serialize;

use super::setting::Table;
use super::{server, tenant};

/// Every table of both files.
pub(crate) fn tables() -> impl Iterator<Item = &'static Table> {
    server::TABLES.iter().chain(tenant::TABLES)
}

/// The reference as text: each table with its keys, what they mean, their bound and default.
pub(crate) fn text() -> String {
    let mut text = String::new();
    for table in tables() {
        let header = if table.name.is_empty() { String::new() } else { format!(" [{}]", table.name) };
        writeln!(text, "# {}{header}: {} (a change needs a {})", table.file, table.doc, applied_by(table))
            .expect("text takes all writes");
        for setting in table.settings {
            let default = setting.default().map_or_else(|| "(none)".to_owned(), str::to_owned);
            writeln!(text, "{} = {default}\n    {}\n    {}", setting.key(), setting.doc(), setting.bound())
                .expect("text takes all writes");
        }
        text.push('\n');
    }
    text
}

/// What a change of a table's settings waits for.
fn applied_by(table: &Table) -> &'static str {
    match table.file {
        "tenant.toml" => "reload",
        _ => "restart",
    }
}

/// One setting, for programs.
#[derive(Serialize)]
pub(crate) struct Row {
    file: &'static str,
    table: &'static str,
    key: &'static str,
    doc: &'static str,
    bound: &'static str,
    default: Option<&'static str>,
    /// What a change waits for: `reload` or `restart`.
    applied_by: &'static str,
}

/// The settings of a table, for programs.
pub(crate) fn rows(table: &'static Table) -> impl Iterator<Item = Row> {
    table.settings.iter().map(|setting| Row {
        file: table.file,
        table: table.name,
        key: setting.key(),
        doc: setting.doc(),
        bound: setting.bound(),
        default: setting.default(),
        applied_by: applied_by(table),
    })
}
