//! Explains a route without a call: what matches, from where, and why other lines do not.

use std::collections::BTreeMap;
use std::fmt;

use crate::calendar::Calendar;
use crate::limit;
use crate::plan::{Candidates, Context, Dialplan, Extension, Include, Place, is_dialable};
use crate::statement::{Assign, Branches, Statement, Target, Verb};
use crate::still::{self, Still};
use crate::template::{Compiler, Quoting};
use crate::text::printable;

/// The question: what happens when `from` dials `to` in `context`?
#[derive(Clone, Copy, Debug)]
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

/// Explains a route: the contexts searched with what matches and what does not, then the lines that would run. Bounded: at most
/// [`limit::TRACE_LINES`] lines.
pub fn explain(plan: &Dialplan, calendar: &dyn Calendar, query: &Query<'_>) -> Vec<TraceLine> {
    let mut trace = Trace { plan, calendar, lines: Vec::new() };
    let number = printable(query.to);
    let Some(context) = plan.context(query.context) else {
        trace.add(TraceKind::End, 0, None, format!("the context {} does not exist", printable(query.context)));
        return trace.lines;
    };
    if !is_dialable(query.to) {
        trace.add(TraceKind::End, 0, None, format!("`{number}` is not something that can be dialled"));
        return trace.lines;
    }
    trace.search(context, query);
    let mut found = plan.find(calendar, context, query.to, query.from);
    found.retain(|found| !plan.extension(*found).priorities.is_empty());
    let mut run = Run { context, number: query.to.to_owned(), priority: 1, found, values: BTreeMap::new() };
    run.values.insert("CALLERID(num)".to_owned(), query.from.to_owned());
    run.values.insert("CALLERID(number)".to_owned(), query.from.to_owned());
    if run.found.is_empty() {
        run.found = plan.special(calendar, context, "i");
        let (kind, text) = match run.found.is_empty() {
            true => (TraceKind::End, format!("nothing matches {number}: the call is refused as not found")),
            false => (TraceKind::Match, format!("nothing matches {number}: the extension i takes it")),
        };
        trace.add(kind, 0, None, text);
        run.values.insert("INVALID_EXTEN".to_owned(), std::mem::replace(&mut run.number, "i".to_owned()));
    }
    if !run.found.is_empty() {
        trace.run(run);
    }
    trace.lines
}

struct Trace<'p> {
    plan: &'p Dialplan,
    calendar: &'p dyn Calendar,
    lines: Vec<TraceLine>,
}

/// As far as the run is known.
struct Run {
    context: u32,
    number: String,
    priority: u32,
    found: Candidates,
    values: BTreeMap<String, String>,
}

impl Trace<'_> {
    fn add(&mut self, kind: TraceKind, depth: u8, place: Option<Place>, text: String) {
        let place = place.map(|place| (self.plan.files[usize::from(place.file)].clone(), place.line));
        match self.lines.len() + 1 {
            len if len < limit::TRACE_LINES => self.lines.push(TraceLine { kind, depth, place, text }),
            len if len == limit::TRACE_LINES => {
                let text = "the explanation ends here, it is long enough".to_owned();
                self.lines.push(TraceLine { kind: TraceKind::End, depth: 0, place: None, text });
            }
            _ => {}
        }
    }

    fn search(&mut self, context: u32, query: &Query<'_>) {
        let mut searched = Vec::new();
        let mut order = Vec::new();
        self.plan.visit(self.calendar, context, &mut |include, context| {
            order.push((include.map(|include| (include.place, include.when_text.clone())), context));
            true
        });
        for (include, id) in order {
            let context = &self.plan.contexts[id as usize];
            if let Some((place, when)) = include {
                let when = if when.is_empty() { String::new() } else { format!(" (now is within {when})") };
                self.add(TraceKind::Include, 0, Some(place), format!("includes {}{when}", context.name));
            }
            self.add(TraceKind::Context, 0, Some(context.place), format!("context {}", context.name));
            self.matches(context, query);
            searched.push(id);
        }
        for id in &searched {
            for include in &self.plan.contexts[*id as usize].includes {
                self.skipped(include);
            }
        }
    }

    fn skipped(&mut self, include: &Include) {
        let text = match (&include.context, &include.when) {
            (None, _) => format!("the included context {} does not exist", include.name),
            (_, Some(when)) if !when.holds(self.calendar) => {
                format!("does not include {}: now is not within {}", include.name, include.when_text)
            }
            _ => return,
        };
        self.add(TraceKind::Include, 1, Some(include.place), text);
    }

    fn matches(&mut self, context: &Context, query: &Query<'_>) {
        let id = self.plan.context(&context.name).expect("it is one of the plan's contexts");
        let found = self.plan.find(self.calendar, id, query.to, query.from);
        let own: Vec<u32> =
            found.iter().filter(|(context, _)| *context == id).map(|(_, extension)| *extension).collect();
        for extension in &own {
            let extension = &context.extensions[*extension as usize];
            let caller = extension.caller.as_ref().map(|caller| format!(" for the caller {}", caller.text));
            let text = format!("{} matches{}", extension.name, caller.unwrap_or_default());
            self.add(TraceKind::Match, 1, Some(extension.place), text);
        }
        // The nearest misses: most characters in common first.
        let others = (0_u32..).zip(&context.extensions).filter(|(nth, _)| !own.contains(nth));
        let mut others: Vec<_> = others.map(|(_, other)| (common(other, query.to), other)).collect();
        others.sort_by_key(|(common, _)| std::cmp::Reverse(*common));
        let left_out = others.len().saturating_sub(limit::TRACE_MISSES);
        for (_, other) in others.into_iter().take(limit::TRACE_MISSES) {
            self.add(TraceKind::NoMatch, 1, Some(other.place), miss(other, query));
        }
        if left_out > 0 {
            self.add(TraceKind::NoMatch, 1, None, format!("{left_out} more do not match"));
        }
    }

    fn run(&mut self, mut run: Run) {
        let mut hops = 0;
        loop {
            let found = run.found.iter().find_map(|found| self.plan.extension(*found).statement(run.priority));
            let Some(statement) = found.map(|statement| &self.plan.statements[statement as usize]) else {
                self.add(TraceKind::End, 0, None, format!("{} has no priority {}: hang-up", run.number, run.priority));
                return;
            };
            let text = run.fill_text(self.plan, statement);
            self.add(TraceKind::Step, 1, Some(statement.place()), format!("{} {}", run.priority, text));
            if self.lines.len() >= limit::TRACE_LINES {
                return;
            }
            let values = run.fill(self.plan, &statement.ops);
            match run.after(self.calendar, &statement.verb, &values) {
                After::Next => run.priority += 1,
                After::End(why) => return self.add(TraceKind::End, 0, None, why.to_owned()),
                After::Go(parts) => {
                    hops += 1;
                    if hops > limit::TRACE_HOPS {
                        return self.add(TraceKind::End, 0, None, "further jumps are not followed".to_owned());
                    }
                    if let Err(missing) = run.go(self.plan, self.calendar, &parts) {
                        return self.add(TraceKind::End, 0, Some(statement.place()), missing);
                    }
                    let text = format!("context {}, extension {}", self.plan.context_name(run.context), run.number);
                    self.add(TraceKind::Match, 0, None, text);
                }
            }
        }
    }
}

/// What follows a line.
enum After {
    Next,
    Go(Vec<String>),
    End(&'static str),
}

impl Run {
    fn fill(&self, plan: &Dialplan, ops: &[crate::template::Op]) -> Vec<Still> {
        still::fill(ops, &|name| match name {
            "EXTEN" => Some(self.number.clone()),
            "CONTEXT" => Some(plan.context_name(self.context).to_owned()),
            "PRIORITY" => Some(self.priority.to_string()),
            name => self.values.get(name).cloned().or_else(|| plan.globals.get(name).map(|value| value.to_string())),
        })
    }

    fn fill_text(&self, plan: &Dialplan, statement: &Statement) -> String {
        let mut compiler = Compiler::default();
        let text = match compiler.piece(&statement.text, Quoting::Keep) {
            Ok(()) => self.fill(plan, &compiler.ops).remove(0).text,
            Err(_) => statement.text.to_string(),
        };
        printable(&text)
    }

    fn after(&mut self, calendar: &dyn Calendar, verb: &Verb, values: &[Still]) -> After {
        let parts = |at: usize, target: Target| {
            let parts = &values[at..at + usize::from(target.parts)];
            let known = parts.iter().all(|part| part.known);
            if known { After::Go(parts.iter().map(|part| part.text.clone()).collect()) } else { After::Next }
        };
        let either = |at: usize, holds: bool, branches: &Branches<Target>| match (holds, branches.yes, branches.no) {
            (true, Some(yes), _) => parts(at, yes),
            (false, yes, Some(no)) => parts(at + yes.map_or(0, |yes| usize::from(yes.parts)), no),
            _ => After::Next,
        };
        match verb {
            Verb::Goto(target) => match parts(0, *target) {
                After::Next => After::End("where it goes depends on the call"),
                after => after,
            },
            Verb::GotoIf(branches) if values[0].known => either(1, values[0].value().is_true(), branches),
            Verb::GotoIfTime(Some(when), branches) => either(0, when.holds(calendar), branches),
            Verb::Set(assigns) => {
                self.set(assigns, values);
                After::Next
            }
            Verb::Hangup => After::End("hang-up"),
            Verb::Busy | Verb::Congestion => After::End("the call ends"),
            Verb::Return => After::End("Return outside of a subroutine"),
            _ => After::Next,
        }
    }

    fn set(&mut self, assigns: &[Assign], values: &[Still]) {
        let mut values = values.iter();
        for assign in assigns {
            match assign {
                Assign::Variable => {
                    let (Some(name), Some(value)) = (values.next(), values.next()) else { return };
                    let name = name.text.trim_start_matches('_').to_owned();
                    if value.known {
                        self.values.insert(name, value.text.clone());
                    } else {
                        self.values.remove(&name);
                    }
                }
                Assign::Function { arguments, .. } | Assign::Native { arguments, .. } => {
                    values.nth(usize::from(*arguments));
                }
            }
        }
    }

    fn go(&mut self, plan: &Dialplan, calendar: &dyn Calendar, parts: &[String]) -> Result<(), String> {
        let (priority, rest) = parts.split_last().expect("a target has 1 to 3 parts");
        if let [context, _] = rest {
            let missing = || format!("the context {} does not exist", printable(context));
            self.context = plan.context(context).ok_or_else(missing)?;
        }
        if let Some(number) = rest.last() {
            self.found = plan.find(calendar, self.context, number, &self.values["CALLERID(num)"]);
            self.number = number.clone();
            if self.found.is_empty() {
                self.found = plan.special(calendar, self.context, "i");
                self.number = "i".to_owned();
                self.priority = 1;
                let missing = format!("{} is not in {}", printable(number), plan.context_name(self.context));
                return if self.found.is_empty() { Err(missing) } else { Ok(()) };
            }
        }
        let label = || self.found.iter().find_map(|found| plan.extension(*found).label(priority));
        let number = priority.parse().ok().or_else(label);
        self.priority = number.ok_or_else(|| format!("there is no priority or label {}", printable(priority)))?;
        Ok(())
    }
}

/// How many characters agree from the left.
fn common(extension: &Extension, number: &str) -> usize {
    match &extension.pattern {
        Some(pattern) => pattern.matching_chars(number),
        None => extension.name.chars().zip(number.chars()).take_while(|(own, dialled)| own == dialled).count(),
    }
}

fn miss(extension: &Extension, query: &Query<'_>) -> String {
    let (name, common) = (&extension.name, common(extension, query.to));
    let matches = match &extension.pattern {
        Some(pattern) => pattern.matches(query.to),
        None => **name == *query.to,
    };
    match (&extension.caller, matches) {
        (Some(caller), true) => format!("{name} is only for the caller {}", caller.text),
        _ if common >= query.to.chars().count() => format!("{name} wants more than {}", query.to),
        _ if common == 0 => format!("{name} does not begin so"),
        _ => format!("{name} agrees only in {}", query.to.chars().take(common).collect::<String>()),
    }
}

impl fmt::Display for TraceLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:indent$}{}", "", self.text, indent = usize::from(self.depth) * 2)?;
        match &self.place {
            Some((file, line)) => write!(f, "  [{file}:{line}]"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
