//! Text to plan.

use std::collections::{BTreeMap, HashMap};

use crate::diagnostic::{Diagnostic, Severity};
use crate::limit;
use crate::lines::{self, Line};
use crate::pattern::Pattern;
use crate::plan::{Caller, Context, Dialplan, Extension, Hint, Include, Place, Priority, exact_key, similar};
use crate::source::Source;
use crate::statement::{Statements, Verb};
use crate::still;
use crate::template::{Compiler, Quoting};
use crate::text::{Fault, printable};
use crate::time_spec::TimeSpec;

mod check;

/// Parses the file `main` and what it includes. Either a whole plan, or every error found (at most
/// [`limit::DIAGNOSTICS`], after which one more says how many are left out).
pub fn parse(source: &dyn Source, main: &str) -> Result<Dialplan, Vec<Diagnostic>> {
    let lines::Lines { files, lines, faults } = lines::load(source, main);
    let mut parser = Parser { faults, ..Parser::default() };
    parser.plan.files = if files.is_empty() { vec![main.to_owned()] } else { files };
    for line in &lines {
        parser.line(line);
    }
    parser.finish()
}

/// A file being read. A section ends with the file it begins in; an included file begins in the section around it.
#[derive(Clone, Copy, Debug, Default)]
struct Open {
    file: u16,
    section: Section,
    /// The extension a `same` line continues.
    last: Option<(u32, u32)>,
}

#[derive(Clone, Copy, Debug, Default)]
enum Section {
    #[default]
    None,
    General,
    Globals,
    Context(u32),
    /// Its head is faulty: what follows cannot be judged.
    Skipped,
}

#[derive(Default)]
struct Parser {
    plan: Dialplan,
    statements: Statements,
    faults: Vec<Diagnostic>,
    open: Vec<Open>,
    /// Extensions by context, name and caller.
    known: HashMap<(u32, String), u32>,
    extensions: usize,
}

impl Parser {
    fn line(&mut self, line: &Line) {
        let depth = usize::from(line.depth);
        self.open.truncate(depth);
        if self.open.len() == depth && self.open[depth - 1].file != line.file {
            self.open.pop();
        }
        let outer = self.open.last().copied().unwrap_or_default();
        self.open.resize(depth, Open { file: line.file, ..outer });
        let place = Place { file: line.file, line: line.number };
        if let Err(fault) = self.content(place, &line.text) {
            self.statements.recover();
            let inside = (fault.at.as_ptr() as usize).checked_sub(line.text.as_ptr() as usize);
            let column = inside.and_then(|bytes| Some(line.text.get(..bytes)?.chars().count()));
            let column = column.and_then(|chars| u32::try_from(chars).ok()).map(|chars| chars + line.indent + 1);
            self.fault(place, column, fault.message, fault.hint);
        }
    }

    fn content<'a>(&mut self, place: Place, text: &'a str) -> Result<(), Fault<'a>> {
        if let Some(head) = text.strip_prefix('[') {
            (self.here().section, self.here().last) = (Section::Skipped, None);
            self.here().section = self.head(place, text, head)?;
            return Ok(());
        }
        match self.here().section {
            Section::Skipped | Section::General => Ok(()),
            Section::None => Err(Fault::new(text, "this line is in no context").hint("begin one with [name]")),
            Section::Globals => self.global(text),
            Section::Context(context) => self.entry(place, context, text),
        }
    }

    fn here(&mut self) -> &mut Open {
        self.open.last_mut().expect("every line has a depth of at least 1")
    }

    /// `name]` or `name](+)`.
    fn head<'a>(&mut self, place: Place, text: &'a str, head: &'a str) -> Result<Section, Fault<'a>> {
        let (name, after) = head.split_once(']').ok_or_else(|| Fault::new(text, "`[` is not closed by `]`"))?;
        let (name, after) = (name.trim(), after.trim());
        if name.is_empty() || name.contains([',', '$', '(', '"', '\\']) || name.contains(char::is_control) {
            return Err(Fault::new(text, format!("`{}` is not the name of a context", printable(name))));
        }
        let append = match after {
            "" => false,
            "(+)" => true,
            _ => {
                let fault = Fault::new(after, format!("`{}` cannot follow a context's name", printable(after)));
                return Err(fault.hint("only (+) can; share lines with `include =>`"));
            }
        };
        match name {
            "general" => return Ok(Section::General),
            "globals" => return Ok(Section::Globals),
            _ => {}
        }
        if let Some(context) = self.plan.context(name) {
            if !append {
                let first = self.plan.place(self.plan.contexts[context as usize].place);
                let message = format!("[{name}] was begun at {first} already; both are taken together");
                let warning = self.plan.warning(place, message, Some(format!("write [{name}](+) if that is meant")));
                self.plan.warnings.push(warning);
            }
            return Ok(Section::Context(context));
        }
        if append {
            let fault = Fault::new(text, format!("(+) adds to [{name}], which does not exist before this line"));
            return Err(match self.similar_context(name) {
                Some(similar) => fault.hint(format!("did you mean [{similar}]?")),
                None => fault,
            });
        }
        let context = u32::try_from(self.plan.contexts.len()).expect("LINES fits");
        self.plan.contexts.push(Context { name: name.into(), place, ..Context::default() });
        self.plan.names.insert(name.into(), context);
        Ok(Section::Context(context))
    }

    fn similar_context(&self, name: &str) -> Option<String> {
        let contexts: Vec<&str> = self.plan.contexts().collect();
        similar(name, &contexts).map(str::to_owned)
    }

    /// `NAME=value`; `${…}` of globals before it is filled in.
    fn global<'a>(&mut self, text: &'a str) -> Result<(), Fault<'a>> {
        let (name, value) = key_value(text)?;
        let valid = !name.is_empty() && name.len() <= limit::NAME_BYTES;
        if !valid || name.contains(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            return Err(Fault::new(text, format!("`{}` is not the name of a variable", printable(name))));
        }
        let mut compiler = Compiler::default();
        compiler.piece(value, Quoting::Keep)?;
        let globals = &self.plan.globals;
        let lookup = |name: &str| {
            let value = globals.get(name).map_or_else(String::new, |value| value.to_string());
            Some(value).filter(|_| !name.contains('('))
        };
        let value = still::fill(&compiler.ops, &lookup).remove(0);
        if !value.known {
            return Err(Fault::new(text, "a global cannot use a function"));
        }
        if self.plan.globals.len() >= limit::VARIABLES {
            return Err(Fault::new(text, format!("there are more than {} globals", limit::VARIABLES)));
        }
        self.plan.globals.insert(name.into(), value.text.into());
        Ok(())
    }

    fn entry<'a>(&mut self, place: Place, context: u32, text: &'a str) -> Result<(), Fault<'a>> {
        const KEYWORDS: [&str; 4] = ["exten", "same", "include", "ignorepat"];
        let (key, value) = key_value(text)?;
        match key.to_ascii_lowercase().as_str() {
            "exten" => {
                self.here().last = None;
                let (name, rest) = value.split_once(',').ok_or_else(|| Fault::new(value, MISSING).hint(EXTEN))?;
                let extension = self.extension(place, context, name.trim())?;
                self.here().last = Some((context, extension));
                self.priority(place, context, extension, rest)
            }
            "same" => match self.here().last {
                Some((context, extension)) => self.priority(place, context, extension, value),
                None => Err(Fault::new(text, "`same` has no `exten` line before it in this context")),
            },
            "include" => self.include(place, context, value),
            // Dial tone after a first digit: phones make their own.
            "ignorepat" | "autohints" => Ok(()),
            "switch" | "lswitch" | "eswitch" => {
                let fault = Fault::new(text, format!("`{key} =>` does not exist here"));
                Err(fault.hint("include a context of this tenant"))
            }
            _ => {
                let fault = Fault::new(text, format!("`{}` begins no line of a context", printable(key)));
                Err(match similar(key, &KEYWORDS) {
                    Some(similar) => fault.hint(format!("did you mean `{similar} =>`?")),
                    None => fault.hint(EXTEN),
                })
            }
        }
    }

    /// Finds or makes the extension `name` or `name/caller`.
    fn extension<'a>(&mut self, place: Place, context: u32, written: &'a str) -> Result<u32, Fault<'a>> {
        if let Some(known) = self.known.get(&(context, written.to_owned())) {
            return Ok(*known);
        }
        let (name, caller) = split_caller(written);
        if name.is_empty() {
            return Err(Fault::new(written, "the extension has no name").hint(EXTEN));
        }
        if !crate::text::is_literal(written) {
            let fault = Fault::new(written, "an extension's name cannot be filled in from a variable");
            return Err(fault.hint("use a pattern like _X."));
        }
        let pattern = name.strip_prefix('_').map(Pattern::parse).transpose()?;
        if pattern.is_none() && !crate::plan::is_dialable(name) {
            return Err(Fault::new(written, format!("`{}` cannot be dialled", printable(name))));
        }
        let caller = match caller {
            None => None,
            Some(text) => Some(Caller { text: text.into(), pattern: caller_pattern(text)? }),
        };
        self.extensions += 1;
        if self.extensions > limit::EXTENSIONS {
            return Err(Fault::new(written, format!("the plan has more than {} extensions", limit::EXTENSIONS)));
        }
        let owner = &mut self.plan.contexts[context as usize];
        let id = u32::try_from(owner.extensions.len()).expect("EXTENSIONS fits");
        match &pattern {
            Some(pattern) => owner.patterns.insert(pattern, id),
            None => owner.exact.entry(exact_key(name).into()).or_default().push(id),
        }
        let name = name.into();
        owner.extensions.push(Extension { name, pattern, caller, place, priorities: Vec::new(), hint: None });
        self.known.insert((context, written.to_owned()), id);
        Ok(id)
    }

    /// `priority[(label)],application(arguments)` or `hint,devices`.
    fn priority<'a>(&mut self, place: Place, context: u32, id: u32, text: &'a str) -> Result<(), Fault<'a>> {
        let (number, application) = text.split_once(',').ok_or_else(|| Fault::new(text, MISSING).hint(EXTEN))?;
        let (number, application) = (number.trim(), application.trim());
        if number.eq_ignore_ascii_case("hint") {
            return self.hint(context, id, application);
        }
        let extension = &self.plan.contexts[context as usize].extensions[id as usize];
        let (written, label) = label(number)?;
        let number = priority_number(written, extension.priorities.last().map(|last| last.number))?;
        if let Some(label) = label
            && let Some(earlier) = extension.label(label)
        {
            return Err(Fault::new(label, format!("the label {label} is at priority {earlier} already")));
        }
        let slot = extension.priorities.binary_search_by_key(&number, |priority| priority.number);
        let Err(slot) = slot else {
            let earlier = self.statements.all[extension.statement(number).expect("it was found") as usize].place();
            let message = format!("priority {number} of {} is at {} already", extension.name, self.plan.place(earlier));
            return Err(Fault::new(text, message).hint("number with n, or remove one"));
        };
        if extension.priorities.len() >= limit::PRIORITIES {
            return Err(Fault::new(text, format!("an extension has at most {} priorities", limit::PRIORITIES)));
        }
        if application.is_empty() {
            return Err(Fault::new(text, MISSING).hint(EXTEN));
        }
        let statement = self.statements.compile(place.file, place.line, application)?;
        let statement = u32::try_from(statement).expect("LINES × statements of a line fits");
        let priority = Priority { number, label: label.map(Into::into), statement };
        self.plan.contexts[context as usize].extensions[id as usize].priorities.insert(slot, priority);
        Ok(())
    }

    fn hint<'a>(&mut self, context: u32, id: u32, text: &'a str) -> Result<(), Fault<'a>> {
        let mut compiler = Compiler::default();
        compiler.piece(text, Quoting::Keep)?;
        let extension = &mut self.plan.contexts[context as usize].extensions[id as usize];
        if text.is_empty() {
            return Err(Fault::new(text, "the hint names no device"));
        }
        if extension.hint.is_some() {
            return Err(Fault::new(text, format!("{} has a hint already", extension.name)));
        }
        extension.hint = Some(Hint { text: text.into(), ops: compiler.ops.into() });
        Ok(())
    }

    /// `context[,times,weekdays,days,months[,zone]]`.
    fn include<'a>(&mut self, place: Place, context: u32, text: &'a str) -> Result<(), Fault<'a>> {
        let at = text.find([',', '|']);
        let (name, when_text) = at.map_or((text, ""), |at| (&text[..at], &text[at + 1..]));
        let name = name.trim();
        if name.is_empty() {
            return Err(Fault::new(text, "`include` names no context"));
        }
        let when = if when_text.is_empty() { None } else { Some(TimeSpec::parse(when_text)?) };
        let include = Include { name: name.into(), context: None, when, when_text: when_text.into(), place };
        self.plan.contexts[context as usize].includes.push(include);
        Ok(())
    }

    fn finish(mut self) -> Result<Dialplan, Vec<Diagnostic>> {
        self.plan.statements = std::mem::take(&mut self.statements.all);
        check::resolve_includes(&mut self.plan);
        check::extensions(&self.plan, &mut self.faults);
        let mut warnings = check::targets(&self.plan);
        self.plan.warnings.append(&mut warnings);
        if self.faults.is_empty() {
            self.plan.warnings.sort_by_key(|warning| (warning.file.clone(), warning.line));
            self.plan.warnings.truncate(limit::DIAGNOSTICS);
            return Ok(self.plan);
        }
        let order: BTreeMap<_, _> = self.plan.files.iter().enumerate().map(|(nth, file)| (file.clone(), nth)).collect();
        self.faults.sort_by_key(|fault| (order.get(&fault.file).copied(), fault.line));
        if let Some(left_out) = self.faults.len().checked_sub(limit::DIAGNOSTICS).filter(|left_out| *left_out > 0) {
            self.faults.truncate(limit::DIAGNOSTICS);
            let file = self.plan.files[0].clone();
            let message = format!("{left_out} more errors are not listed");
            self.faults.push(Diagnostic {
                severity: Severity::Error,
                file,
                line: 0,
                column: None,
                message,
                hint: None,
            });
        }
        Err(self.faults)
    }

    fn fault(&mut self, place: Place, column: Option<u32>, message: String, hint: Option<String>) {
        let file = self.plan.files[usize::from(place.file)].clone();
        self.faults.push(Diagnostic { severity: Severity::Error, file, line: place.line, column, message, hint });
    }
}

const MISSING: &str = "the line is not complete";
const EXTEN: &str = "write `exten => name,priority,Application(arguments)`";

/// `key => value` or `key = value`.
fn key_value(text: &str) -> Result<(&str, &str), Fault<'_>> {
    let Some((key, value)) = text.split_once('=') else {
        return Err(Fault::new(text, "the line has no `=>`").hint(EXTEN));
    };
    Ok((key.trim(), value.strip_prefix('>').unwrap_or(value).trim()))
}

/// `name/caller`; a `/` inside of a pattern's set is none.
fn split_caller(written: &str) -> (&str, Option<&str>) {
    let mut in_set = false;
    for (at, c) in written.char_indices() {
        match c {
            '[' => in_set = true,
            ']' => in_set = false,
            '/' if !in_set => return (&written[..at], Some(&written[at + 1..])),
            _ => {}
        }
    }
    (written, None)
}

fn caller_pattern(text: &str) -> Result<Option<Pattern>, Fault<'_>> {
    match text.strip_prefix('_') {
        Some(pattern) => Pattern::parse(pattern).map(Some),
        None if text.is_empty() => Ok(None),
        None => Ok(Some(Pattern::literal(text))),
    }
}

/// Takes `(label)` off a priority.
fn label(text: &str) -> Result<(&str, Option<&str>), Fault<'_>> {
    let Some((number, rest)) = text.split_once('(') else { return Ok((text, None)) };
    let label = rest.strip_suffix(')').ok_or_else(|| Fault::new(text, "the label's `(` is not closed by `)`"))?;
    let valid = label.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'));
    if label.is_empty() || !valid || label.bytes().all(|byte| byte.is_ascii_digit()) {
        let fault = Fault::new(text, format!("`{}` is not a label", printable(label)));
        return Err(fault.hint("a label is a word, not a number"));
    }
    Ok((number.trim(), Some(label)))
}

/// `7`, `n`, `n+2`, `s` (the same as the last) or `s+10`.
fn priority_number(text: &str, last: Option<u32>) -> Result<u32, Fault<'_>> {
    let relative = match text.as_bytes().first() {
        Some(b'n' | b'N') => Some(1),
        Some(b's' | b'S') => Some(0),
        _ => None,
    };
    let number = match relative {
        None => text.parse().ok(),
        Some(step) => {
            let Some(last) = last else {
                let fault = Fault::new(text, format!("`{text}` needs a priority of this extension before it"));
                return Err(fault.hint("begin with 1"));
            };
            let more = text[1..].trim();
            let more: Option<u32> = if more.is_empty() {
                Some(0)
            } else {
                more.strip_prefix('+').and_then(|more| more.trim().parse().ok())
            };
            more.map(|more| last.saturating_add(step).saturating_add(more))
        }
    };
    let number = number.filter(|number| (1..=limit::PRIORITY).contains(number));
    number.ok_or_else(|| {
        let shown = printable(text);
        Fault::new(text, format!("`{shown}` is not a priority")).hint("write a number from 1, n, s+10 or hint")
    })
}

/// Whether a verb changes what comes next by looking at other lines of its extension.
pub(crate) fn loop_depth(verb: &Verb) -> i32 {
    match verb {
        Verb::While => 1,
        Verb::EndWhile => -1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
