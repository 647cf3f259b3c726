//! What is wrong with a file of the configuration, where, and what to write instead.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// One fault of one file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct Problem {
    /// The file, as the administrator would open it.
    pub(crate) file: PathBuf,
    /// The line, from 1; 0 where the whole file is meant.
    pub(crate) line: u32,
    /// The column in characters, from 1; 0 where it is not known.
    pub(crate) column: u32,
    /// Whether the file is refused for it.
    pub(crate) severity: Severity,
    /// What is wrong.
    pub(crate) message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) hint: Option<String>,
}

/// Whether a fault refuses its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Severity {
    /// The file is refused; the last good version stays.
    Error,
    /// The file is used.
    Warning,
}

impl Problem {
    /// A fault that concerns a whole file or folder.
    pub(crate) fn whole(file: impl Into<PathBuf>, message: impl Into<String>) -> Self {
        Self { file: file.into(), line: 0, column: 0, severity: Severity::Error, message: message.into(), hint: None }
    }

    /// The same with advice.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file.display())?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        let severity = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        write!(f, ": {severity}: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}

/// Whether any of them refuses its file.
pub(crate) fn any_error(problems: &[Problem]) -> bool {
    problems.iter().any(|problem| problem.severity == Severity::Error)
}

/// The most similar of some names, phrased as advice.
pub(crate) fn suggestion<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let near = known
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(&wrong.to_lowercase(), &name.to_lowercase()), name))
        // A third of the letters may be wrong; more is another word.
        .filter(|(distance, name)| *distance <= (name.chars().count() / 3).max(1))
        .min();
    near.map(|(_, name)| format!("did you mean `{name}`?"))
}

/// The most similar of some names, or all of them where they are few, phrased as advice.
pub(crate) fn choice<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    const FEW: usize = 12;
    let known: Vec<&str> = known.into_iter().collect();
    let all = || (1..=FEW).contains(&known.len()).then(|| format!("there are {}", known.join(", ")));
    suggestion(wrong, known.iter().copied()).or_else(all)
}

#[cfg(test)]
mod tests {
    use super::{choice, suggestion};

    #[test]
    fn only_a_similar_name_is_suggested() {
        let known = ["domains", "numbers", "language"];
        assert_eq!(suggestion("domian", known).as_deref(), Some("did you mean `domains`?"));
        assert_eq!(suggestion("Languag", known).as_deref(), Some("did you mean `language`?"));
        assert_eq!(suggestion("voicemail", known), None);
        assert_eq!(suggestion("999", ["109"]), None, "of a short name at most one letter");
        assert_eq!(choice("domian", known).as_deref(), Some("did you mean `domains`?"));
        assert_eq!(choice("voicemail", known).as_deref(), Some("there are domains, numbers, language"));
        assert_eq!(choice("voicemail", []), None);
    }
}
