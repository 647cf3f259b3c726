//! A parsed plan, and finding extensions in it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::calendar::Calendar;
use crate::diagnostic::{Diagnostic, Severity};
use crate::execution::{Execution, Start};
use crate::limit;
use crate::pattern::{Pattern, Trie};
use crate::statement::{Assign, Statement, VERBS, Verb};
use crate::still;
use crate::template::{Native, Op};
use crate::time_spec::TimeSpec;

/// A valid plan. It never changes: a reload makes another, and running calls keep the one they began with.
#[derive(Debug, Default)]
pub struct Dialplan {
    pub(crate) files: Vec<String>,
    pub(crate) contexts: Vec<Context>,
    pub(crate) names: BTreeMap<Box<str>, u32>,
    pub(crate) globals: BTreeMap<Box<str>, Box<str>>,
    pub(crate) statements: Vec<Statement>,
    pub(crate) warnings: Vec<Diagnostic>,
}

#[derive(Debug, Default)]
pub(crate) struct Context {
    pub(crate) name: Box<str>,
    pub(crate) place: Place,
    pub(crate) extensions: Vec<Extension>,
    pub(crate) includes: Vec<Include>,
    /// Names that are no patterns, with `-` left out of numbers.
    pub(crate) exact: BTreeMap<Box<str>, SmallVec<[u32; 1]>>,
    pub(crate) patterns: Trie,
}

/// A file's index and a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: u16,
    pub(crate) line: u32,
}

#[derive(Debug)]
pub(crate) struct Include {
    pub(crate) name: Box<str>,
    /// Nothing if there is no such context.
    pub(crate) context: Option<u32>,
    pub(crate) when: Option<TimeSpec>,
    pub(crate) when_text: Box<str>,
    pub(crate) place: Place,
}

#[derive(Debug)]
pub(crate) struct Extension {
    /// As written, with `_` if it is a pattern.
    pub(crate) name: Box<str>,
    pub(crate) pattern: Option<Pattern>,
    pub(crate) caller: Option<Caller>,
    pub(crate) place: Place,
    /// In ascending order.
    pub(crate) priorities: Vec<Priority>,
    pub(crate) hint: Option<Hint>,
}

/// `name/caller`: only for these callers; an empty one is for callers without a number.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) text: Box<str>,
    pub(crate) pattern: Option<Pattern>,
}

#[derive(Debug)]
pub(crate) struct Priority {
    pub(crate) number: u32,
    pub(crate) label: Option<Box<str>>,
    /// Index into the plan's statements.
    pub(crate) statement: u32,
}

#[derive(Debug)]
pub(crate) struct Hint {
    pub(crate) text: Box<str>,
    pub(crate) ops: Box<[Op]>,
}

/// Which extension of which context.
pub(crate) type Found = (u32, u32);
/// Extensions that match one number, most specific first.
pub(crate) type Candidates = SmallVec<[Found; 2]>;

/// A name of a plan that nobody provides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownName {
    /// What it is the name of.
    pub kind: NameKind,
    /// As written.
    pub name: String,
    /// The file, as the plan includes it.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
    /// What was perhaps meant.
    pub similar: Option<String>,
}

/// What plugins provide to plans.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// An application, `Echo()`.
    Application,
    /// A function, `${LEN()}`.
    Function,
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
    /// Begins a run. An extension longer than 80 characters, or with a control character, a space or one of
    /// ``"'$()[]{}<>,;&|\^` `` in it, is invalid whatever patterns there are, so that it can never become part of an argument.
    /// Nor can `h`, `i`, `t`, `T` and `e` be dialled: they are what the plan does on its own.
    pub fn start(self: &Arc<Self>, start: Start) -> Execution {
        Execution::new(Arc::clone(self), start)
    }

    /// What the author should look at although the plan is valid.
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// The applications and functions that are neither native nor known, where they stand, each with the most similar name. At most
    /// [`limit::DIAGNOSTICS`].
    pub fn check_names(&self, known: Known<'_>) -> Vec<UnknownName> {
        let applications: Vec<&str> = VERBS.iter().chain(known.applications).copied().collect();
        let natives = Native::ALL.iter().map(|(name, _)| *name);
        let functions: Vec<&str> = natives.chain(known.functions.iter().copied()).collect();
        // Letter case counts for natives only, which the parser has told apart already.
        let is_among = |name: &str, among: &[&str]| among.iter().any(|known| known.eq_ignore_ascii_case(name));
        let mut unknown = Vec::new();
        for statement in &self.statements {
            let mut note = |kind, name: &str, among: &[&str]| {
                let place = statement.place();
                unknown.push(UnknownName {
                    kind,
                    name: name.to_owned(),
                    file: self.files[usize::from(place.file)].clone(),
                    line: place.line,
                    similar: similar(name, among).map(str::to_owned),
                });
            };
            if let Verb::App(name) = &statement.verb
                && !is_among(name, &applications)
            {
                note(NameKind::Application, name, &applications);
            }
            for name in statement.functions().filter(|name| !is_among(name, known.functions)) {
                note(NameKind::Function, name, &functions);
            }
        }
        unknown.sort_by(|one, other| (&one.file, one.line).cmp(&(&other.file, other.line)));
        unknown.dedup();
        unknown.truncate(limit::DIAGNOSTICS);
        unknown
    }

    /// The names of the contexts, in the order of the file.
    pub fn contexts(&self) -> impl Iterator<Item = &str> {
        self.contexts.iter().map(|context| &*context.name)
    }

    /// Whether there is a context of this name.
    pub fn has_context(&self, name: &str) -> bool {
        self.names.contains_key(name)
    }

    /// Whether `extension` can be dialled: has a first priority in `context` or what it includes now.
    pub fn has_extension(&self, calendar: &dyn Calendar, context: &str, extension: &str, caller: &str) -> bool {
        let Some(context) = self.context(context).filter(|_| !is_special(extension)) else { return false };
        self.find(calendar, context, extension, caller).iter().any(|found| self.extension(*found).has_priority(1))
    }

    /// The hint (devices separated by `&`) of an extension, `${EXTEN}` and globals filled in.
    pub fn hint(&self, calendar: &dyn Calendar, context: &str, extension: &str) -> Option<String> {
        let id = self.context(context)?;
        let found = self.find(calendar, id, extension, "").into_iter().find_map(|f| self.extension(f).hint.as_ref())?;
        let lookup = |name: &str| match name {
            "EXTEN" => Some(extension.to_owned()),
            "CONTEXT" => Some(context.to_owned()),
            name => self.globals.get(name).map(|value| value.to_string()),
        };
        Some(still::fill(&found.ops, &lookup).remove(0).text)
    }

    /// Every hint: context, extension or pattern, and its text as written.
    pub fn hints(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.contexts.iter().flat_map(|context| {
            let hinted = context.extensions.iter().filter_map(|extension| Some((extension, extension.hint.as_ref()?)));
            hinted.map(|(extension, hint)| (&*context.name, &*extension.name, &*hint.text))
        })
    }

    pub(crate) fn context(&self, name: &str) -> Option<u32> {
        self.names.get(name).copied()
    }

    pub(crate) fn context_name(&self, context: u32) -> &str {
        self.contexts.get(context as usize).map_or("", |context| &context.name)
    }

    pub(crate) fn extension(&self, (context, extension): Found) -> &Extension {
        &self.contexts[context as usize].extensions[extension as usize]
    }

    /// `file:line`, for faults met while running.
    pub(crate) fn place(&self, place: Place) -> String {
        format!("{}:{}", self.files.get(usize::from(place.file)).map_or("", String::as_str), place.line)
    }

    /// All extensions of the context, then of its includes in order, that match now, most specific first in each.
    pub(crate) fn find(&self, calendar: &dyn Calendar, context: u32, number: &str, caller: &str) -> Candidates {
        let mut found = Candidates::new();
        if is_dialable(number) {
            let chars: Vec<char> = number.chars().filter(|c| *c != '-').collect();
            self.visit(calendar, context, &mut |_, context| {
                self.find_in(context, number, &chars, caller, &mut found);
                found.len() < limit::CANDIDATES
            });
        }
        found
    }

    fn find_in(&self, id: u32, number: &str, chars: &[char], caller: &str, found: &mut Candidates) {
        let context = &self.contexts[id as usize];
        let begin = found.len();
        let admits = |extension: u32| {
            let own = &context.extensions[extension as usize].caller;
            own.as_ref().is_none_or(|own| own.admits(caller))
        };
        if let Some(same) = context.exact.get(&*exact_key(number)) {
            found.extend(same.iter().filter(|extension| admits(**extension)).map(|extension| (id, *extension)));
        }
        context.patterns.find(chars, &mut |extension| {
            if admits(extension) {
                found.push((id, extension));
            }
            found.len() < begin + limit::CANDIDATES
        });
        // For the same number, lines for this caller come before those for all.
        found[begin..].sort_by_key(|found| self.extension(*found).caller.is_none());
    }

    /// Whether a longer number beginning with this one matches something in the context or its includes now.
    pub(crate) fn wants_more(&self, calendar: &dyn Calendar, context: u32, number: &str) -> bool {
        let chars: Vec<char> = number.chars().filter(|c| *c != '-').collect();
        let key = exact_key(number);
        let mut wants = false;
        self.visit(calendar, context, &mut |_, context| {
            let context = &self.contexts[context as usize];
            let mut longer =
                context.exact.range::<str, _>((Bound::Included(&*key), Bound::Unbounded)).map(|(name, _)| name);
            // Names like `start` are not dialled digit by digit.
            let mut names = longer.by_ref().take_while(|name| name.starts_with(&*key));
            wants |= names.any(|name| name.len() > key.len() && name.chars().all(is_digit));
            wants |= context.patterns.wants_more(&chars);
            !wants
        });
        wants
    }

    /// Calls `visit` with the include that leads there, if any, and each context searched, until it returns false.
    pub(crate) fn visit(
        &self,
        calendar: &dyn Calendar,
        context: u32,
        visit: &mut dyn FnMut(Option<&Include>, u32) -> bool,
    ) {
        let mut seen = BTreeSet::new();
        self.visit_from(calendar, (None, context), 0, &mut seen, visit);
    }

    fn visit_from(
        &self,
        calendar: &dyn Calendar,
        (include, context): (Option<&Include>, u32),
        depth: usize,
        seen: &mut BTreeSet<u32>,
        visit: &mut dyn FnMut(Option<&Include>, u32) -> bool,
    ) -> bool {
        if depth > limit::INCLUDE_DEPTH || seen.len() >= limit::INCLUDED_CONTEXTS || !seen.insert(context) {
            return true;
        }
        visit(include, context)
            && self.contexts[context as usize].includes.iter().all(|include| match include.context {
                Some(next) if include.when.as_ref().is_none_or(|when| when.holds(calendar)) => {
                    self.visit_from(calendar, (Some(include), next), depth + 1, seen, visit)
                }
                _ => true,
            })
    }

    pub(crate) fn warning(&self, place: Place, message: String, hint: Option<String>) -> Diagnostic {
        let file = self.files[usize::from(place.file)].clone();
        Diagnostic { severity: Severity::Warning, file, line: place.line, column: None, message, hint }
    }
}

impl Extension {
    pub(crate) fn has_priority(&self, number: u32) -> bool {
        self.statement(number).is_some()
    }

    pub(crate) fn statement(&self, number: u32) -> Option<u32> {
        let found = self.priorities.binary_search_by_key(&number, |priority| priority.number).ok()?;
        Some(self.priorities[found].statement)
    }

    pub(crate) fn label(&self, label: &str) -> Option<u32> {
        let mut labelled = self.priorities.iter().filter(|priority| priority.label.as_deref() == Some(label));
        labelled.next().map(|priority| priority.number)
    }
}

impl Caller {
    fn admits(&self, caller: &str) -> bool {
        match &self.pattern {
            Some(pattern) => pattern.matches(caller),
            None => caller.is_empty(),
        }
    }
}

impl Statement {
    pub(crate) fn place(&self) -> Place {
        Place { file: self.file, line: self.line }
    }

    /// Names of plugins' functions it reads or writes.
    fn functions(&self) -> impl Iterator<Item = &str> {
        let read = self.ops.iter().filter_map(|op| match op {
            Op::Call { name, .. } => Some(&**name),
            _ => None,
        });
        let assigns: &[Assign] = match &self.verb {
            Verb::Set(assigns) => assigns,
            _ => &[],
        };
        read.chain(assigns.iter().filter_map(|assign| match assign {
            Assign::Function { name, .. } => Some(&**name),
            _ => None,
        }))
    }
}

/// A name that might have been meant: most of its letters agree.
pub(crate) fn similar<'a>(name: &str, among: &[&'a str]) -> Option<&'a str> {
    let name = name.to_lowercase();
    let distance = |other: &&str| strsim::damerau_levenshtein(&name, &other.to_lowercase());
    let best = among.iter().min_by_key(|other| distance(other)).copied()?;
    (distance(&best) <= name.chars().count().div_ceil(3)).then_some(best)
}

/// How a name that is no pattern is looked up: `-` means nothing in a number, but is a letter of `front-desk`.
pub(crate) fn exact_key(name: &str) -> std::borrow::Cow<'_, str> {
    let number = name.contains('-') && name.chars().all(|c| is_digit(c) || c == '-');
    if number { name.replace('-', "").into() } else { name.into() }
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || matches!(c, '*' | '#' | '+' | 'A'..='D')
}

/// Extensions that nobody dials.
pub(crate) fn is_special(name: &str) -> bool {
    matches!(name, "h" | "i" | "t" | "T" | "e")
}

/// Whether a text can be the name of an extension at all, however it got here.
pub(crate) fn is_dialable(number: &str) -> bool {
    let forbidden = |c: char| c.is_control() || c.is_whitespace() || r#""'$()[]{}<>,;&|\^`"#.contains(c);
    !number.is_empty()
        && number.chars().count() <= limit::EXTENSION_CHARS
        && !number.contains(forbidden)
        && crate::text::printable(number) == number
}
