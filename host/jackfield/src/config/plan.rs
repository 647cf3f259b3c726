//! A tenant's dialplan: `dialplan.conf` and what it includes, from inside the tenant's folder only.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use dialplan::{Dialplan, Severity as PlanSeverity, Source, SourceError};

use super::problem::{Problem, Severity, suggestion};

/// Largest file of a dialplan: ten thousand extensions take less than a megabyte.
const FILE_BYTES_MAX: u64 = 8 << 20;

/// Reads and parses the tenant's dialplan; `None` where it is broken.
pub(crate) fn read(folder: &Path, problems: &mut Vec<Problem>) -> Option<Arc<Dialplan>> {
    let here = |diagnostic: &dialplan::Diagnostic| Problem {
        line: diagnostic.line,
        column: diagnostic.column.unwrap_or(0),
        severity: match diagnostic.severity {
            PlanSeverity::Error => Severity::Error,
            PlanSeverity::Warning => Severity::Warning,
        },
        hint: diagnostic.hint.clone(),
        ..Problem::whole(folder.join(&diagnostic.file), diagnostic.message.clone())
    };
    match dialplan::parse(&Folder(folder.to_owned()), "dialplan.conf") {
        Ok(plan) => {
            problems.extend(plan.warnings().iter().map(here));
            Some(Arc::new(plan))
        }
        Err(diagnostics) => {
            problems.extend(diagnostics.iter().map(here));
            None
        }
    }
}

/// A file of a tenant's folder; a link that leads out of it leads nowhere.
pub(super) fn read_inside(folder: &Path, name: &str) -> Result<String, SourceError> {
    Folder(folder.to_owned()).load(name)
}

/// The contexts of a tenant's dialplan. Where that is broken, every name passes.
#[derive(Clone, Copy)]
pub(crate) struct Contexts<'a>(pub(crate) Option<&'a Dialplan>);

impl Contexts<'_> {
    /// What is wrong with the name of a context that stands at `place`, if anything is.
    pub(crate) fn check(self, name: &str, place: impl FnOnce(String) -> Problem) -> Option<Problem> {
        let dialplan = self.0.filter(|dialplan| !dialplan.has_context(name))?;
        let all = || format!("it has: {}", dialplan.contexts().collect::<Vec<_>>().join(", "));
        let hint = suggestion(name, dialplan.contexts()).unwrap_or_else(all);
        Some(place(format!("the dialplan has no context `{name}`")).hint(hint))
    }
}

/// Files of one folder. A link that leads out of it leads nowhere.
struct Folder(PathBuf);

impl Source for Folder {
    fn load(&self, name: &str) -> Result<String, SourceError> {
        let unreadable = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => SourceError::NotFound,
            _ => SourceError::Unreadable(error.to_string()),
        };
        let folder = self.0.canonicalize().map_err(unreadable)?;
        let file = folder.join(name).canonicalize().map_err(unreadable)?;
        if !file.starts_with(&folder) {
            return Err(SourceError::Outside);
        }
        let length = std::fs::metadata(&file).map_err(unreadable)?.len();
        if length > FILE_BYTES_MAX {
            return Err(SourceError::Unreadable(format!("{length} bytes, at most {FILE_BYTES_MAX}")));
        }
        std::fs::read_to_string(&file).map_err(unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_include_cannot_leave_the_folder() {
        let outer = tempfile::tempdir().unwrap();
        let folder = outer.path().join("acme");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(outer.path().join("secret.conf"), "").unwrap();
        std::fs::write(folder.join("inside.conf"), "").unwrap();
        std::os::unix::fs::symlink(outer.path().join("secret.conf"), folder.join("link.conf")).unwrap();
        let source = Folder(folder);
        assert_eq!(source.load("inside.conf"), Ok(String::new()));
        assert_eq!(source.load("missing.conf"), Err(SourceError::NotFound));
        assert_eq!(source.load("../secret.conf"), Err(SourceError::Outside));
        assert_eq!(source.load("link.conf"), Err(SourceError::Outside));
    }
}
