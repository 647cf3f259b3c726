//! One run of a plan for one leg.

use std::sync::Arc;

use thiserror::Error;

use crate::ask::{Ask, Reply};
use crate::calendar::Calendar;
use crate::plan::Dialplan;

/// How a run begins.
#[derive(Clone, Debug, Default)]
pub struct Start {
    /// Where the leg enters the plan.
    pub context: String,
    /// What was dialled.
    pub extension: String,
    /// The caller's number, for `exten => name/caller` lines.
    pub caller: String,
    /// Variables the leg starts with (`CHANNEL`, `UNIQUEID`, inherited ones, …).
    pub variables: Vec<(String, String)>,
}

/// A running plan: where it is, its variables and its subroutine stack.
#[derive(Debug)]
pub struct Execution {
    plan: Arc<Dialplan>,
}

/// Where a run is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// The context.
    pub context: String,
    /// The extension, as dialled.
    pub extension: String,
    /// The priority.
    pub priority: u32,
}

impl Execution {
    pub(crate) fn new(plan: Arc<Dialplan>, _start: Start) -> Self {
        Self { plan }
    }

    /// Takes the answer to the last question and goes on to the next. A reply that does not fit the question counts as
    /// [`Reply::Done`]; [`Reply::HungUp`] and [`Reply::AbsoluteTimeout`] fit every question.
    pub fn step(&mut self, _calendar: &dyn Calendar, _reply: Reply) -> Ask {
        Ask::Finished
    }

    /// The value of a variable as `${name}` gives it: locals of the subroutine, then the call's, then the plan's globals.
    pub fn variable(&self, _name: &str) -> Option<String> {
        None
    }

    /// Sets a variable as `Set(name=value)` does, with `_` and `__` for inheritance. A value over the limit is cut.
    pub fn set_variable(&mut self, _name: &str, _value: &str) {}

    /// What a leg created by this one starts with: `_NAME` becomes `NAME`, `__NAME` stays as it is.
    pub fn inherited_variables(&self) -> Vec<(String, String)> {
        Vec::new()
    }

    /// Fills in `${…}` and `$[…]` of a text for a plugin; functions of plugins are not available there.
    pub fn evaluate(&self, _calendar: &dyn Calendar, _text: &str) -> Result<String, EvaluateError> {
        Err(EvaluateError::Invalid(String::new()))
    }

    /// Goes on elsewhere once the present question is answered (a transfer, a plugin's `goto`). Empty context or extension mean
    /// the present one; the priority is a number or a label.
    pub fn go_to(
        &mut self,
        _calendar: &dyn Calendar,
        _context: &str,
        _extension: &str,
        _priority: &str,
    ) -> Result<(), GoToError> {
        Err(GoToError::Context)
    }

    /// Where the run is now.
    pub fn location(&self) -> Location {
        Location::default()
    }

    /// The plan it runs.
    pub fn plan(&self) -> &Arc<Dialplan> {
        &self.plan
    }
}

/// Why a text could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EvaluateError {
    /// It is not well formed.
    #[error("{0}")]
    Invalid(String),
    /// It reads a function that a plugin provides.
    #[error("the function {0} cannot be read here")]
    Function(String),
}

/// Why a run cannot go there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum GoToError {
    /// There is no such context.
    #[error("no such context")]
    Context,
    /// The context has no such extension, nor `i`.
    #[error("no such extension")]
    Extension,
    /// The extension has no such priority or label.
    #[error("no such priority or label")]
    Priority,
}
