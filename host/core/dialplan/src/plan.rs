//! A parsed plan.

use std::sync::Arc;

use crate::calendar::Calendar;
use crate::diagnostic::Diagnostic;
use crate::execution::{Execution, Start};

/// A valid plan. It never changes: a reload makes another, and running calls keep the one they began with.
#[derive(Debug, Default)]
pub struct Dialplan {
    warnings: Vec<Diagnostic>,
}

/// Names the tenant's plugins provide, for [`Dialplan::check_names`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Known<'a> {
    /// Applications.
    pub applications: &'a [&'a str],
    /// Functions.
    pub functions: &'a [&'a str],
}

impl Dialplan {
    /// Begins a run. An extension with a control character, a space or one of `"$()[]{}<>,;&|\^` and backquote in it
    /// is invalid whatever patterns there are, so that it can never become part of an argument.
    pub fn start(self: &Arc<Self>, start: Start) -> Execution {
        Execution::new(Arc::clone(self), start)
    }

    /// What the author should look at although the plan is valid.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Warnings for applications and functions that are neither native nor known, each with the most similar name.
    pub fn check_names(&self, _known: Known<'_>) -> Vec<Diagnostic> {
        Vec::new()
    }

    /// The names of the contexts, in the order of the file.
    pub fn contexts(&self) -> impl Iterator<Item = &str> {
        std::iter::empty()
    }

    /// Whether there is a context of this name.
    pub fn has_context(&self, _name: &str) -> bool {
        false
    }

    /// Whether `extension` has a first priority in `context` or what it includes now.
    pub fn has_extension(&self, _calendar: &dyn Calendar, _context: &str, _extension: &str, _caller: &str) -> bool {
        false
    }

    /// The hint (devices separated by `&`) of an extension, `${EXTEN}` and globals filled in.
    pub fn hint(&self, _calendar: &dyn Calendar, _context: &str, _extension: &str) -> Option<String> {
        None
    }

    /// Every hint: context, extension or pattern, and its text as written.
    pub fn hints(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        std::iter::empty()
    }
}
