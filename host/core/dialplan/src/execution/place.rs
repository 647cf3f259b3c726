//! Going from one place of the plan to another.

use crate::ask::Ask;
use crate::calendar::Calendar;
use crate::execution::{Exception, Execution, Here, Phase, State, TEMPORARY_FAILURE, UNALLOCATED};
use crate::plan::{Candidates, Dialplan, is_special};
use crate::text::printable;

/// What of a target is not there.
#[derive(Debug)]
pub(super) enum Missing {
    Context(String),
    /// The context and the number that it does not have.
    Extension(u32, String),
    Priority(String),
}

/// Work of finding an extension, in lines.
const FIND_STEPS: u32 = 8;

impl Execution {
    pub(super) fn begin(
        &mut self,
        plan: &Dialplan,
        calendar: &dyn Calendar,
        context: &str,
        number: String,
    ) -> Option<Ask> {
        let Some(context) = plan.context(context) else {
            self.log(crate::ask::Level::Error, &format!("the context {context} does not exist"));
            return self.turn_away();
        };
        let candidates = plan.find(calendar, context, &number, &self.caller);
        let begins = !is_special(&number) && candidates.iter().any(|found| plan.extension(*found).has_priority(1));
        self.here = Here { context, number, priority: 1, candidates };
        if !begins && !self.go_invalid(plan, calendar, context) {
            return self.turn_away();
        }
        None
    }

    /// The number cannot be reached: there is nothing to run, not even `h`.
    fn turn_away(&mut self) -> Option<Ask> {
        let ask = self.hang_up(Some(UNALLOCATED));
        self.phase = Phase::Leaving;
        ask
    }

    /// `[context,][extension,]priority` from here. An empty context or extension is the present one.
    pub(super) fn resolve(
        &mut self,
        plan: &Dialplan,
        calendar: &dyn Calendar,
        parts: &[String],
    ) -> Result<Here, Missing> {
        self.idle_steps = self.idle_steps.saturating_add(FIND_STEPS);
        let (priority, rest) = parts.split_last().expect("a target has 1 to 3 parts");
        let context = match rest {
            [context, _] if !context.is_empty() => {
                plan.context(context).ok_or_else(|| Missing::Context(context.clone()))?
            }
            _ => self.here.context,
        };
        let (number, candidates) = match rest.last() {
            Some(number) if !number.is_empty() => {
                let candidates = plan.find(calendar, context, number, &self.caller);
                (number.clone(), candidates)
            }
            _ if context == self.here.context => (self.here.number.clone(), self.here.candidates.clone()),
            _ => {
                let candidates = plan.find(calendar, context, &self.here.number, &self.caller);
                (self.here.number.clone(), candidates)
            }
        };
        let extensions = || candidates.iter().map(|found| plan.extension(*found));
        if extensions().all(|extension| extension.priorities.is_empty()) {
            return Err(Missing::Extension(context, number));
        }
        let wanted = self.priority_number(priority).or_else(|| extensions().find_map(|e| e.label(priority)));
        match wanted.filter(|wanted| extensions().any(|extension| extension.has_priority(*wanted))) {
            Some(priority) => Ok(Here { context, number, priority, candidates }),
            None => Err(Missing::Priority(priority.clone())),
        }
    }

    /// A number, `n`, or `+2` and `-2` from here.
    fn priority_number(&self, text: &str) -> Option<u32> {
        let here = self.here.priority;
        match text.strip_prefix('+') {
            Some(more) => more.parse().ok().and_then(|more| here.checked_add(more)),
            None if text.starts_with('-') => text[1..].parse().ok().and_then(|less| here.checked_sub(less)),
            None if text == "n" => here.checked_add(1),
            None => text.parse().ok(),
        }
    }

    /// Goes to a target written in the plan. A number that is not there leads to `i`.
    pub(super) fn go(&mut self, plan: &Dialplan, calendar: &dyn Calendar, parts: &[String]) -> Option<Ask> {
        match self.resolve(plan, calendar, parts) {
            Ok(there) => {
                self.here = there;
                self.state = State::Fetch;
                None
            }
            Err(Missing::Extension(context, number)) => self.invalid(plan, calendar, context, number),
            Err(missing) => self.missing(plan, calendar, &missing),
        }
    }

    pub(super) fn missing(&mut self, plan: &Dialplan, calendar: &dyn Calendar, missing: &Missing) -> Option<Ask> {
        let message = match missing {
            Missing::Context(context) => format!("the context {} does not exist", printable(context)),
            Missing::Extension(context, number) => {
                format!("{} is not in the context {}", printable(number), plan.context_name(*context))
            }
            Missing::Priority(priority) => format!("there is no priority or label {}", printable(priority)),
        };
        self.fault(plan, calendar, &message, TEMPORARY_FAILURE)
    }

    fn invalid(&mut self, plan: &Dialplan, calendar: &dyn Calendar, context: u32, number: String) -> Option<Ask> {
        let before = std::mem::replace(&mut self.here.number, number.clone());
        if self.go_invalid(plan, calendar, context) {
            self.state = State::Fetch;
            return None;
        }
        self.here.number = before;
        self.missing(plan, calendar, &Missing::Extension(context, number))
    }

    /// To `i` of the context for the number that `here` has and the context does not.
    fn go_invalid(&mut self, plan: &Dialplan, calendar: &dyn Calendar, context: u32) -> bool {
        // Cleaned of what no number has, as plans use it again.
        let invalid: String = self.here.number.chars().filter(|c| crate::plan::is_dialable(&c.to_string())).collect();
        let candidates = plan.special(calendar, context, "i");
        if candidates.is_empty() {
            return false;
        }
        self.set_variable("INVALID_EXTEN", crate::text::cut(&invalid, crate::limit::EXTENSION_CHARS));
        self.except("INVALID");
        self.here = Here { context, number: "i".to_owned(), priority: 1, candidates };
        true
    }

    /// To one of the one-letter extensions of the present context, if it has it.
    pub(super) fn go_special(
        &mut self,
        plan: &Dialplan,
        calendar: &dyn Calendar,
        name: &str,
        reason: &'static str,
    ) -> bool {
        if plan.contexts.is_empty() {
            return false;
        }
        let candidates = plan.special(calendar, self.here.context, name);
        if candidates.is_empty() {
            return false;
        }
        if !reason.is_empty() {
            self.except(reason);
        }
        self.here = Here { context: self.here.context, number: name.to_owned(), priority: 1, candidates };
        self.state = State::Fetch;
        true
    }

    fn except(&mut self, reason: &'static str) {
        self.exception = Exception { reason, location: self.location() };
    }

    /// One more digit of an extension dialled in the plan.
    pub(super) fn digit(
        &mut self,
        plan: &Dialplan,
        calendar: &dyn Calendar,
        mut typed: String,
        digit: char,
    ) -> Option<Ask> {
        if digit.is_ascii_digit() || matches!(digit, '*' | '#' | 'A'..='D') {
            typed.push(digit);
        }
        self.typed(plan, calendar, typed)
    }

    /// Waits for more of an extension that begins so, as long as more could match.
    pub(super) fn typed(&mut self, plan: &Dialplan, calendar: &dyn Calendar, typed: String) -> Option<Ask> {
        let full = typed.len() >= crate::limit::EXTENSION_CHARS;
        if !full && plan.wants_more(calendar, self.here.context, &typed) {
            let timeout = self.timeouts.digit;
            return self.ask(State::Digits { typed }, Ask::WaitDigit { timeout });
        }
        self.digits_ended(plan, calendar, typed)
    }

    /// No further digit comes: the extension, `i`, or for none at all the next line or `t`.
    pub(super) fn digits_ended(&mut self, plan: &Dialplan, calendar: &dyn Calendar, typed: String) -> Option<Ask> {
        let context = self.here.context;
        if typed.is_empty() {
            let next = self.here.priority + 1;
            if self.here.candidates.iter().any(|found| plan.extension(*found).has_priority(next)) {
                self.next();
                return None;
            }
            if self.go_special(plan, calendar, "t", "RESPONSETIMEOUT") {
                return None;
            }
            return self.hang_up(None);
        }
        let candidates = plan.find(calendar, context, &typed, &self.caller);
        if candidates.iter().any(|found| plan.extension(*found).has_priority(1)) {
            self.here = Here { context, number: typed, priority: 1, candidates };
            self.state = State::Fetch;
            return None;
        }
        self.invalid(plan, calendar, context, typed)
    }
}

impl Dialplan {
    /// `i`, `t`, `T`, `h` or `e` where it has a first priority. Only lines with that very name count: `_.` is not meant for them.
    pub(crate) fn special(&self, calendar: &dyn Calendar, context: u32, name: &str) -> Candidates {
        let mut found = self.find(calendar, context, name, "");
        found.retain(|found| self.extension(*found).pattern.is_none());
        if !found.iter().any(|found| self.extension(*found).has_priority(1)) {
            found.clear();
        }
        found
    }
}
