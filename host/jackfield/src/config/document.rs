//! A TOML file with the places of its values, read setting by setting; everything wrong is collected, not only the first.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use toml_edit::{Document, Item, TableLike};

use super::problem::{Problem, Severity, suggestion};
use super::setting::{Described, Setting};

/// Largest file that is read: a tenant with ten thousand endpoints takes two megabytes.
const FILE_BYTES_MAX: u64 = 16 << 20;

/// The table of a header that is not in the file.
static EMPTY: LazyLock<toml_edit::Table> = LazyLock::new(toml_edit::Table::new);

/// A parsed file.
pub(crate) struct File {
    path: PathBuf,
    text: String,
    document: Document<String>,
}

impl File {
    /// Reads and parses a file; a syntax error names its place.
    pub(crate) fn read(path: &Path) -> Result<Self, Problem> {
        let text = read_text(path)?;
        match Document::parse(text.clone()) {
            Ok(document) => Ok(Self { path: path.into(), text, document }),
            Err(error) => {
                let place = error.span().unwrap_or_default();
                Err(at(path, &text, place, error.message().trim().replace('\n', "; ")))
            }
        }
    }

    /// The top table.
    pub(crate) fn root(&self) -> Section<'_> {
        Section { file: self, name: String::new(), table: self.document.as_table(), span: 0..0 }
    }
}

/// Reads a text file of the configuration, within its bound.
pub(crate) fn read_text(path: &Path) -> Result<String, Problem> {
    let length = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?.len();
    if length > FILE_BYTES_MAX {
        return Err(Problem::whole(path, format!("{length} bytes, at most {FILE_BYTES_MAX}")));
    }
    std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

fn unreadable(path: &Path, error: &std::io::Error) -> Problem {
    Problem::whole(path, format!("cannot be read: {error}"))
}

/// A problem at a byte range of a text.
fn at(path: &Path, text: &str, span: Range<usize>, message: String) -> Problem {
    let before = text.get(..span.start).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Problem {
        line: count(before.matches('\n').count() + 1),
        column: count(before[line_start..].chars().count() + 1),
        ..Problem::whole(path, message)
    }
}

/// One table of a file.
#[derive(Clone)]
pub(crate) struct Section<'a> {
    file: &'a File,
    name: String,
    table: &'a dyn TableLike,
    span: Range<usize>,
}

impl<'a> Section<'a> {
    /// A problem of the table as a whole.
    pub(crate) fn problem(&self, message: impl Into<String>) -> Problem {
        at(&self.file.path, &self.file.text, self.span.clone(), message.into())
    }

    /// A problem of the value of a key, or of the table where the key is absent.
    pub(crate) fn problem_at(&self, key: &str, message: impl Into<String>) -> Problem {
        let span = self.table.get(key).and_then(Item::span).unwrap_or_else(|| self.span.clone());
        at(&self.file.path, &self.file.text, span, message.into())
    }

    /// A problem of a key itself.
    fn problem_of_key(&self, key: &str, message: impl Into<String>) -> Problem {
        let span = self.table.get_key_value(key).and_then(|(key, _)| key.span()).unwrap_or_else(|| self.span.clone());
        at(&self.file.path, &self.file.text, span, message.into())
    }

    /// Whether the key is there.
    pub(crate) fn has(&self, key: &str) -> bool {
        self.table.get(key).is_some()
    }

    /// The value of a setting that may be absent.
    pub(crate) fn optional<T>(&self, setting: &Setting<T>, problems: &mut Vec<Problem>) -> Option<T> {
        let item = self.table.get(setting.key)?;
        match (setting.read)(item) {
            Ok(value) => Some(value),
            Err(message) => {
                let message = format!("{}: {message}", setting.key);
                problems.push(self.problem_at(setting.key, message).hint(format!("allowed: {}", setting.bound)));
                None
            }
        }
    }

    /// The value of a setting with a default. After a problem the default stands in, so that the other settings are still read.
    pub(crate) fn get<T>(&self, setting: &Setting<T>, problems: &mut Vec<Problem>) -> T {
        let value = self.optional(setting, problems).or_else(|| setting.default_value());
        value.expect("a setting that is read by `get` has a default: the test `defaults_are_valid` checks it")
    }

    /// The sub-table of a key; an empty one where it is absent.
    pub(crate) fn table(&self, key: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        let item = self.table.get(key)?;
        match item.as_table_like() {
            Some(table) => Some(self.section(key, table, self.place(key, item))),
            None => {
                problems.push(self.problem_at(key, format!("{key}: expected a table, found {}", item.type_name())));
                None
            }
        }
    }

    /// A table that is not in the file: every setting has its default.
    pub(crate) fn empty(&self, key: &str) -> Self {
        self.section(key, &*EMPTY, self.span.clone())
    }

    /// The named tables below a key, as in `[endpoints.100]`.
    pub(crate) fn tables(&self, key: &str, problems: &mut Vec<Problem>) -> Vec<(String, Self)> {
        let Some(section) = self.table(key, problems) else { return Vec::new() };
        let names: Vec<&str> = section.table.iter().map(|(name, _)| name).collect();
        names.into_iter().filter_map(|name| Some((name.to_owned(), section.table(name, problems)?))).collect()
    }

    /// The tables of a list, as in `[[numbers]]`.
    pub(crate) fn list_of_tables(&self, key: &str, problems: &mut Vec<Problem>) -> Vec<Self> {
        let Some(item) = self.table.get(key) else { return Vec::new() };
        if let Some(tables) = item.as_array_of_tables() {
            let section = |table: &'a toml_edit::Table| self.section(key, table, table.span().unwrap_or_default());
            return tables.iter().map(section).collect();
        }
        let values = item.as_array().map(|array| array.iter().collect::<Vec<_>>());
        let inline = values.filter(|values| values.iter().all(|value| value.is_inline_table()));
        match inline {
            Some(values) => values
                .into_iter()
                .filter_map(|value| Some(self.section(key, value.as_inline_table()?, value.span().unwrap_or_default())))
                .collect(),
            None => {
                problems.push(self.problem_at(key, format!("{key}: expected tables, as in [[{key}]]")));
                Vec::new()
            }
        }
    }

    /// Every key and value as text, for tables whose keys the administrator chooses.
    pub(crate) fn texts(&self, problems: &mut Vec<Problem>) -> Vec<(String, String)> {
        let mut texts = Vec::new();
        for (key, item) in self.table.iter() {
            let text = match item.as_value() {
                Some(toml_edit::Value::String(text)) => text.value().clone(),
                Some(toml_edit::Value::Integer(number)) => number.value().to_string(),
                Some(toml_edit::Value::Boolean(truth)) => truth.value().to_string(),
                _ => {
                    problems.push(self.problem_at(key, format!("{key}: expected text, a number, true or false")));
                    continue;
                }
            };
            texts.push((key.to_owned(), text));
        }
        texts
    }

    /// Every key and its value.
    pub(crate) fn items(&self) -> impl Iterator<Item = (&'a str, &'a Item)> {
        self.table.iter()
    }

    /// Reports every key that is none of these, with the most similar one.
    pub(crate) fn only(&self, known: &[&dyn Described], tables: &[&str], problems: &mut Vec<Problem>) {
        let names: Vec<&str> = known.iter().map(|setting| setting.key()).chain(tables.iter().copied()).collect();
        for (key, _) in self.table.iter().filter(|(key, _)| !names.contains(key)) {
            let place = match self.name.as_str() {
                "" => String::new(),
                name => format!(" in [{name}]"),
            };
            let problem = self.problem_of_key(key, format!("unknown key `{key}`{place}"));
            let hint = suggestion(key, names.iter().copied());
            problems.push(problem.hint(hint.unwrap_or_else(|| format!("known: {}", names.join(", ")))));
        }
    }

    fn section(&self, key: &str, table: &'a dyn TableLike, span: Range<usize>) -> Self {
        let name = match self.name.as_str() {
            "" => key.to_owned(),
            outer => format!("{outer}.{key}"),
        };
        Self { file: self.file, name, table, span }
    }

    /// Where a table begins: its header, else the key.
    fn place(&self, key: &str, item: &Item) -> Range<usize> {
        let key_span = || self.table.get_key_value(key).and_then(|(key, _)| key.span());
        item.span().or_else(key_span).unwrap_or_else(|| self.span.clone())
    }
}

/// Makes a problem one that does not refuse the file.
pub(crate) fn warning(problem: Problem) -> Problem {
    Problem { severity: Severity::Warning, ..problem }
}
