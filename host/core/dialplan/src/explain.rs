//! Explains a route without a call: what matches, from where, and why other lines do not.

use crate::calendar::Calendar;
use crate::plan::Dialplan;

/// The question: what happens when `from` dials `to` in `context`?
#[derive(Clone, Debug)]
pub struct Query<'a> {
    /// Where the caller enters the plan.
    pub context: &'a str,
    /// The caller's number.
    pub from: &'a str,
    /// What is dialled.
    pub to: &'a str,
}

/// One line of an explanation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceLine {
    /// What kind of line it is.
    pub kind: TraceKind,
    /// How far it is indented.
    pub depth: u8,
    /// The file and line of the plan it speaks of, if one.
    pub place: Option<(String, u32)>,
    /// The sentence or statement.
    pub text: String,
}

/// What a line of an explanation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TraceKind {
    /// A context is searched.
    Context,
    /// An include is followed or skipped.
    Include,
    /// An extension or pattern matches.
    Match,
    /// One does not, and why.
    NoMatch,
    /// A priority that would run, with what can be filled in filled in.
    Step,
    /// The search or the run ends here.
    End,
}

/// Explains a route. Bounded: at most [`limit::TRACE_LINES`](crate::limit) lines.
pub fn explain(_plan: &Dialplan, _calendar: &dyn Calendar, _query: &Query<'_>) -> Vec<TraceLine> {
    Vec::new()
}
