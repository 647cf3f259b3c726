//! The dialplan language: `extensions.conf` text to a program, and its execution step by step.
//!
//! [`parse`] turns text into an immutable [`Dialplan`] or into every error it found; a broken file never gives part of a plan.
//! [`Dialplan::start`] makes an [`Execution`], one per leg. It is a machine without a clock, socket or task: each [`Execution::step`]
//! takes the answer to the previous question and returns the next thing it asks of the world, until [`Ask::Finished`].
//!
//! The language is Asterisk's, with differences made on purpose (what a caller sends must never become dialplan text):
//! - Text is taken apart **before** `${…}` is filled in. The value of a variable never adds an argument, a branch, an operator, a
//!   function call or a context: `Goto(${digits})` with `digits` = `secret,s,1` looks for an extension of that name here, and finds none.
//! - A dialled extension holding a control or delimiter character matches nothing (see [`start`](Dialplan::start)).
//! - `Macro`, `#exec` and `switch =>` are refused with what to use instead.
//!
//! ```
//! use std::sync::Arc;
//! use dialplan::{Ask, LocalTime, Reply, Start, Text};
//!
//! let text = "[office]\nexten => _1XX,1,NoOp(${EXTEN})\n same => n,Dial(${EXTEN},20)\n same => n,Hangup()\n";
//! let plan = Arc::new(dialplan::parse(&Text(text), "dialplan.conf").expect("a valid plan"));
//! let now = LocalTime::default();
//! let mut run = plan.start(Start { context: "office".into(), extension: "101".into(), ..Start::default() });
//! assert_eq!(run.step(&now, Reply::Start), Ask::Dial { arguments: "101,20".into() });
//! assert_eq!(run.step(&now, Reply::Done), Ask::HangUp(None));
//! assert_eq!(run.step(&now, Reply::HungUp), Ask::Finished);
//! ```

mod ask;
mod calendar;
mod diagnostic;
mod duration;
mod execution;
mod explain;
mod expression;
pub mod limit;
mod lines;
mod parse;
mod pattern;
mod plan;
mod source;
mod statement;
mod still;
mod template;
mod text;
mod time_spec;
mod value;

pub use crate::ask::{Ask, Level, Reply};
pub use crate::calendar::{Calendar, LocalTime, Weekday};
pub use crate::diagnostic::{Diagnostic, Severity};
pub use crate::execution::{EvaluateError, Execution, GoToError, Location, Start};
pub use crate::explain::{Query, TraceKind, TraceLine, explain};
pub use crate::parse::parse;
pub use crate::plan::{Dialplan, Known, NameKind, UnknownName};
pub use crate::source::{Source, SourceError, Text};
