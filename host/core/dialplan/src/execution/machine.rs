//! Runs the operations of one line. It stops at a plugin's function and is resumed with its value.

use crate::calendar::Calendar;
use crate::execution::Execution;
use crate::limit;
use crate::template::{Native, Op, slice_text};
use crate::text::cut;
use crate::time_spec::TimeSpec;
use crate::value::{Binary, Value};

/// The stack of one line, and how far the line has come.
#[derive(Debug, Default)]
pub(super) struct Machine {
    stack: Vec<Value>,
    at: usize,
    /// What to tell the plan's author.
    notes: Vec<&'static str>,
    /// Bytes and the like that were handled, for the loop guard.
    work: usize,
}

/// A function to be read.
pub(super) struct Call {
    pub(super) name: String,
    pub(super) arguments: Vec<String>,
    pub(super) slice: u8,
}

/// Work that counts as one line.
const WORK_PER_STEP: usize = 1_024;
/// What one character costs that a regular expression is searched in.
const SEARCH_WORK: usize = 128;

impl Machine {
    pub(super) fn reset(&mut self) {
        self.stack.clear();
        self.at = 0;
    }

    /// Runs on until the end of the line, or to a function that has to be asked for.
    pub(super) fn run(&mut self, ops: &[Op], run: &Execution, calendar: &dyn Calendar) -> Option<Call> {
        while let Some(op) = ops.get(self.at) {
            self.at += 1;
            self.work += 16;
            match op {
                Op::Open => self.stack.push(Value::Text(String::new())),
                Op::Text(text) => self.append(text),
                Op::Name(name) => match run.lookup(name) {
                    Some(value) => self.append(&value),
                    None => self.append(&time_variable(name, calendar)),
                },
                Op::Fetch { slice } => {
                    let slice = self.split(*slice);
                    let name = self.pop_text();
                    match run.lookup(&name) {
                        Some(value) => self.append(slice_text(&value, &slice)),
                        None => self.append(slice_text(&time_variable(&name, calendar), &slice)),
                    }
                }
                Op::Call { name, arguments, slice } => {
                    let slice_values = self.split(*slice);
                    let arguments = self.split(*arguments).into_iter().map(Value::into_text).collect();
                    self.stack.extend(slice_values);
                    return Some(Call { name: name.to_string(), arguments, slice: *slice });
                }
                Op::Native { function, arguments, slice } => {
                    let slice = self.split(*slice);
                    let arguments = self.split(*arguments);
                    let value = native(*function, arguments, run, calendar);
                    self.append(slice_text(&value, &slice));
                }
                Op::Unary(operator) => {
                    let value = self.pop();
                    self.stack.push(operator.apply(&value));
                }
                Op::Binary(operator) => self.binary(*operator),
                Op::Conditional => {
                    let (no, yes, condition) = (self.pop(), self.pop(), self.pop());
                    self.stack.push(if condition.is_true() { yes } else { no });
                }
                Op::Result => {
                    let value = self.pop_text();
                    self.append(&value);
                }
            }
        }
        None
    }

    /// Goes on with the value of the function that was asked for.
    pub(super) fn resume(&mut self, value: &str, slice: u8) {
        let slice = self.split(slice);
        self.append(slice_text(value, &slice));
    }

    fn binary(&mut self, operator: Binary) {
        let (right, left) = (self.pop(), self.pop());
        if matches!(operator, Binary::Match | Binary::Search) {
            self.work += (left.text().len() + right.text().len()) * SEARCH_WORK;
        }
        let (value, note) = operator.apply(left, right);
        note.into_iter().for_each(|note| self.note(note));
        self.stack.push(value);
    }

    fn append(&mut self, text: &str) {
        let Some(Value::Text(top)) = self.stack.last_mut() else {
            unreachable!("the compiler opens a text before it appends")
        };
        let kept = cut(text, limit::VALUE_BYTES.saturating_sub(top.len()));
        top.push_str(kept);
        self.work += kept.len();
        if kept.len() < text.len() {
            self.note("a value is cut at 8192 bytes");
        }
    }

    fn note(&mut self, note: &'static str) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    fn pop(&mut self) -> Value {
        self.stack.pop().expect("the compiler pushes what an operation pops")
    }

    pub(super) fn pop_text(&mut self) -> String {
        self.pop().into_text()
    }

    fn split(&mut self, count: u8) -> Vec<Value> {
        let at = self.stack.len().checked_sub(usize::from(count));
        self.stack.split_off(at.expect("the compiler pushes what an operation pops"))
    }

    /// The values the line has left, in order.
    pub(super) fn take_values(&mut self) -> std::vec::IntoIter<Value> {
        std::mem::take(&mut self.stack).into_iter()
    }

    pub(super) fn take_notes(&mut self) -> Vec<&'static str> {
        std::mem::take(&mut self.notes)
    }

    pub(super) fn take_work(&mut self) -> u32 {
        let steps = std::mem::take(&mut self.work) / WORK_PER_STEP;
        u32::try_from(steps).unwrap_or(u32::MAX)
    }
}

fn time_variable(name: &str, calendar: &dyn Calendar) -> String {
    let now = match name {
        "EPOCH" | "DATETIME" | "TIMESTAMP" => calendar.local_time(None),
        _ => None,
    };
    let Some(now) = now else { return String::new() };
    let (year, month, day) = (now.year, now.month, now.day);
    let (hour, minute, second) = (now.hour, now.minute, now.second);
    match name {
        "EPOCH" => now.epoch_s.to_string(),
        "DATETIME" => format!("{day:02}{month:02}{year:04}-{hour:02}:{minute:02}:{second:02}"),
        _ => format!("{year:04}{month:02}{day:02}-{hour:02}{minute:02}{second:02}"),
    }
}

fn native(function: Native, arguments: Vec<Value>, run: &Execution, calendar: &dyn Calendar) -> String {
    let mut arguments = arguments.into_iter();
    let first = arguments.next().unwrap_or_else(|| Value::Text(String::new()));
    let mut rest = arguments.map(Value::into_text);
    let text = first.text();
    let truth = |truth: bool| if truth { "1" } else { "0" }.to_owned();
    match function {
        Native::If | Native::IfTime => {
            let holds = match function {
                Native::If => first.is_true(),
                _ => TimeSpec::parse(&text).is_ok_and(|when| when.holds(calendar)),
            };
            rest.nth(usize::from(!holds)).unwrap_or_default()
        }
        Native::IsNull => truth(text.is_empty()),
        Native::Exists => truth(!text.is_empty()),
        Native::Global => run.plan.globals.get(&*text).map_or_else(String::new, |value| value.to_string()),
        Native::Local => run.variables.local(&text).unwrap_or_default().to_owned(),
        Native::Exception => match &*text.to_ascii_lowercase() {
            "reason" => run.exception.reason.to_owned(),
            "context" => run.exception.location.context.clone(),
            "exten" => run.exception.location.extension.clone(),
            "priority" => run.exception.location.priority.to_string(),
            _ => String::new(),
        },
        Native::Timeout => {
            let timeout = match &*text.to_ascii_lowercase() {
                "digit" => run.timeouts.digit,
                "response" => run.timeouts.response,
                _ => run.timeouts.absolute.unwrap_or_default(),
            };
            format!("{:.3}", timeout.as_secs_f64())
        }
        Native::Hint => {
            let (number, context) = text.split_once('@').unwrap_or((&*text, run.plan.context_name(run.here.context)));
            run.plan.hint(calendar, context, number).unwrap_or_default()
        }
        Native::DialplanExists => {
            let (number, priority) = (rest.next(), rest.next());
            let found = run.plan.context(&text).is_some_and(|context| match number {
                None => true,
                Some(number) => {
                    let priority = priority.unwrap_or_else(|| "1".to_owned());
                    let found = run.plan.find(calendar, context, &number, &run.caller);
                    found.iter().map(|found| run.plan.extension(*found)).any(|extension| {
                        priority.parse().map_or_else(
                            |_| extension.label(&priority).is_some(),
                            |priority| extension.has_priority(priority),
                        )
                    })
                }
            });
            truth(found)
        }
    }
}
