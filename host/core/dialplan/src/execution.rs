//! One run of a plan for one leg.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::ask::{Ask, Level, Reply};
use crate::calendar::Calendar;
use crate::limit;
use crate::plan::{Candidates, Dialplan, Found};
use crate::template::{Compiler, Quoting};
use crate::text::{cut, printable};

mod machine;
mod place;
mod variables;
mod verbs;

use self::machine::Machine;
use self::variables::Variables;

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
    caller: String,
    phase: Phase,
    state: State,
    here: Here,
    /// The extension the present line is of, and the line.
    extension: Found,
    statement: u32,
    machine: Machine,
    variables: Variables,
    /// Where `Return` leads, innermost last. Their locals are in `variables`.
    returns: Vec<Here>,
    /// Asks of the present line that follow the one just made.
    queue: VecDeque<Ask>,
    logs: VecDeque<Ask>,
    /// The last ask was a log line, and this one, if any, comes after it.
    telling: Option<Option<Ask>>,
    redirect: Option<Redirect>,
    timeouts: Timeouts,
    exception: Exception,
    idle_steps: u32,
    steps: u32,
    faults: u32,
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

/// The same inside: with the extensions whose priorities the number has.
#[derive(Clone, Debug, Default)]
struct Here {
    context: u32,
    number: String,
    priority: u32,
    candidates: Candidates,
}

/// Where the run goes once the present question is answered.
#[derive(Clone, Debug)]
enum Redirect {
    To(Here),
    /// To an extension that begins so.
    Typed(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Live,
    /// The leg is gone: `h` may run.
    Leaving,
    Over,
}

/// What the next reply answers.
#[derive(Clone, Debug)]
enum State {
    Begin(Box<(String, String)>),
    Fetch,
    Evaluate,
    Function {
        slice: u8,
    },
    Application,
    Dial,
    /// Anything that is simply done.
    Effect,
    Indicate {
        cause: u16,
    },
    Digits {
        typed: String,
    },
    HangUp,
}

#[derive(Clone, Copy, Debug)]
struct Timeouts {
    response: Duration,
    digit: Duration,
    absolute: Option<Duration>,
}

/// Why the run came to `e`, `i`, `t` or `T`: what `${EXCEPTION(…)}` tells.
#[derive(Clone, Debug, Default)]
struct Exception {
    reason: &'static str,
    location: Location,
}

impl Execution {
    pub(crate) fn new(plan: Arc<Dialplan>, start: Start) -> Self {
        let mut run = Self {
            plan,
            caller: start.caller,
            phase: Phase::Live,
            state: State::Begin(Box::new((start.context, start.extension))),
            here: Here::default(),
            extension: (0, 0),
            statement: 0,
            machine: Machine::default(),
            variables: Variables::default(),
            returns: Vec::new(),
            queue: VecDeque::new(),
            logs: VecDeque::new(),
            telling: None,
            redirect: None,
            timeouts: Timeouts { response: limit::RESPONSE_TIMEOUT, digit: limit::DIGIT_TIMEOUT, absolute: None },
            exception: Exception::default(),
            idle_steps: 0,
            steps: 0,
            faults: 0,
        };
        for (name, value) in start.variables {
            run.set_variable(&name, &value);
        }
        run
    }

    /// Takes the answer to the last question and goes on to the next. A reply that does not fit the question counts as
    /// [`Reply::Done`]; [`Reply::HungUp`] and [`Reply::AbsoluteTimeout`] fit every question.
    pub fn step(&mut self, calendar: &dyn Calendar, reply: Reply) -> Ask {
        let plan = Arc::clone(&self.plan);
        let interrupts = matches!(reply, Reply::HungUp | Reply::AbsoluteTimeout) && self.phase == Phase::Live;
        let mut ask = match self.telling.take() {
            Some(held) if !interrupts => held,
            _ => self.answer(&plan, calendar, reply),
        };
        loop {
            if self.logs.len() >= limit::LOG_LINES / 2 || (ask.is_some() && !self.logs.is_empty()) {
                self.telling = Some(ask);
                return self.logs.pop_front().expect("it was just seen not to be empty");
            }
            match ask {
                Some(ask) => return ask,
                None => ask = self.advance(&plan, calendar),
            }
        }
    }

    /// The value of a variable as `${name}` gives it: locals of the subroutine, then the call's, then the plan's globals.
    /// Variables that tell the time need a clock: [`Execution::evaluate`].
    pub fn variable(&self, name: &str) -> Option<String> {
        self.lookup(name).map(|value| value.into_owned())
    }

    /// Sets a variable as `Set(name=value)` does, with `_` and `__` for inheritance. A value over the limit is cut.
    pub fn set_variable(&mut self, name: &str, value: &str) {
        if let Err(refused) = self.variables.set(name, value) {
            self.warn(refused);
        }
    }

    /// What a leg created by this one starts with: `_NAME` becomes `NAME`, `__NAME` stays as it is.
    pub fn inherited_variables(&self) -> Vec<(String, String)> {
        self.variables.inherited()
    }

    /// Fills in `${…}` and `$[…]` of a text for a plugin; functions of plugins are not available there.
    pub fn evaluate(&self, calendar: &dyn Calendar, text: &str) -> Result<String, EvaluateError> {
        let mut compiler = Compiler::default();
        let text = cut(text, limit::LINE_BYTES);
        compiler.piece(text, Quoting::Keep).map_err(|fault| EvaluateError::Invalid(fault.message))?;
        let mut machine = Machine::default();
        match machine.run(&compiler.ops, self, calendar) {
            None => Ok(machine.pop_text()),
            Some(call) => Err(EvaluateError::Function(call.name)),
        }
    }

    /// Goes on elsewhere once the present question is answered (a transfer, a plugin's `goto`). Empty context or extension mean
    /// the present one; the priority is a number or a label. Priority `*` says that the extension is only what the caller has
    /// typed so far: further digits are waited for as `WaitExten` does, in the present context. That is how `Background` ends.
    pub fn go_to(
        &mut self,
        calendar: &dyn Calendar,
        context: &str,
        extension: &str,
        priority: &str,
    ) -> Result<(), GoToError> {
        if self.phase != Phase::Live {
            return Err(GoToError::Over);
        }
        if priority == "*" {
            self.redirect = Some(Redirect::Typed(extension.to_owned()));
            return Ok(());
        }
        let parts = [context, extension, priority].map(str::to_owned);
        let there = self.resolve(&Arc::clone(&self.plan), calendar, &parts).map_err(|missing| match missing {
            place::Missing::Context(_) => GoToError::Context,
            place::Missing::Extension(..) => GoToError::Extension,
            place::Missing::Priority(_) => GoToError::Priority,
        })?;
        self.redirect = Some(Redirect::To(there));
        Ok(())
    }

    /// Where the run is now.
    pub fn location(&self) -> Location {
        Location {
            context: self.plan.context_name(self.here.context).to_owned(),
            extension: self.here.number.clone(),
            priority: self.here.priority,
        }
    }

    /// The plan it runs.
    pub fn plan(&self) -> &Arc<Dialplan> {
        &self.plan
    }

    /// Takes what the reply says to the present state. An ask if that is what follows, else the run goes on.
    fn answer(&mut self, plan: &Dialplan, calendar: &dyn Calendar, reply: Reply) -> Option<Ask> {
        let reply = match (reply, self.phase) {
            (_, Phase::Over) => return Some(Ask::Finished),
            (Reply::HungUp, Phase::Live) => {
                self.leave(plan, calendar);
                return None;
            }
            (Reply::AbsoluteTimeout, Phase::Live) => return self.time_is_up(plan, calendar),
            // In `h` nothing more can be lost.
            (Reply::HungUp | Reply::AbsoluteTimeout, _) => Reply::Done,
            (reply, _) => reply,
        };
        match mem::replace(&mut self.state, State::Fetch) {
            State::Begin(entry) => return self.begin(plan, calendar, &entry.0, entry.1),
            State::Fetch => {}
            State::Evaluate => self.state = State::Evaluate,
            State::Function { slice } => self.take_value(reply, slice),
            State::Application => match reply {
                Reply::Failed { message } if self.redirect.is_none() => {
                    return self.fault(plan, calendar, &message, TEMPORARY_FAILURE);
                }
                Reply::Digit(digit) if self.redirect.is_none() => {
                    return self.digit(plan, calendar, String::new(), digit);
                }
                _ => self.next(),
            },
            State::Dial => {
                if let Reply::Failed { message } = reply {
                    self.warn(format!("Dial failed: {message}"));
                    self.set_variable("DIALSTATUS", "CHANUNAVAIL");
                }
                self.next();
            }
            State::Effect => {
                if let Reply::Failed { message } = reply {
                    self.warn(message);
                }
                match self.queue.pop_front() {
                    Some(ask) => return self.ask(State::Effect, ask),
                    None => self.next(),
                }
            }
            State::Indicate { cause } => return self.hang_up(Some(cause)),
            State::Digits { typed } if self.redirect.is_none() => {
                return match reply {
                    Reply::Digit(digit) => self.digit(plan, calendar, typed, digit),
                    _ => self.digits_ended(plan, calendar, typed),
                };
            }
            State::Digits { .. } => {}
            State::HangUp => self.leave(plan, calendar),
        }
        None
    }

    /// One piece of work that needs no answer, or the ask that follows.
    fn advance(&mut self, plan: &Dialplan, calendar: &dyn Calendar) -> Option<Ask> {
        if self.phase == Phase::Over {
            return Some(Ask::Finished);
        }
        match self.state {
            State::Evaluate => self.evaluate_line(plan, calendar),
            _ => self.fetch(plan, calendar),
        }
    }

    fn fetch(&mut self, plan: &Dialplan, calendar: &dyn Calendar) -> Option<Ask> {
        match self.redirect.take() {
            Some(Redirect::To(there)) => self.here = there,
            Some(Redirect::Typed(typed)) => return self.typed(plan, calendar, typed),
            None => {}
        }
        self.steps += 1;
        self.idle_steps += 1;
        if self.idle_steps > limit::IDLE_STEPS || self.steps > limit::STEPS {
            return self.looping(plan);
        }
        let priority = self.here.priority;
        let find = |found: &Found| Some((*found, plan.extension(*found).statement(priority)?));
        let Some((extension, statement)) = self.here.candidates.iter().find_map(find) else {
            return self.fall_through();
        };
        (self.extension, self.statement) = (extension, statement);
        self.machine.reset();
        self.state = State::Evaluate;
        None
    }

    fn evaluate_line(&mut self, plan: &Dialplan, calendar: &dyn Calendar) -> Option<Ask> {
        let mut machine = mem::take(&mut self.machine);
        let call = machine.run(&plan.statements[self.statement as usize].ops, self, calendar);
        self.idle_steps = self.idle_steps.saturating_add(machine.take_work());
        for note in machine.take_notes() {
            self.warn(note);
        }
        self.machine = machine;
        match call {
            Some(call) => self.ask(
                State::Function { slice: call.slice },
                Ask::ReadFunction { name: call.name, arguments: call.arguments },
            ),
            None => self.execute(plan, calendar),
        }
    }

    fn take_value(&mut self, reply: Reply, slice: u8) {
        let value = match reply {
            Reply::Value(value) => value,
            Reply::Failed { message } => {
                self.warn(message);
                String::new()
            }
            _ => String::new(),
        };
        self.machine.resume(&value, slice);
        self.state = State::Evaluate;
    }

    /// No such priority: the run is over. A busy or failed `Dial` before says how (Asterisk's autofallthrough).
    fn fall_through(&mut self) -> Option<Ask> {
        if self.phase != Phase::Live {
            self.phase = Phase::Over;
            return Some(Ask::Finished);
        }
        let cause = match self.variable("DIALSTATUS").as_deref() {
            Some("BUSY") => Some(USER_BUSY),
            Some("CONGESTION" | "CHANUNAVAIL") => Some(CONGESTION),
            _ => None,
        };
        self.hang_up(cause)
    }

    fn hang_up(&mut self, cause: Option<u16>) -> Option<Ask> {
        if self.phase != Phase::Live {
            self.phase = Phase::Over;
            return Some(Ask::Finished);
        }
        self.ask(State::HangUp, Ask::HangUp(cause))
    }

    fn looping(&mut self, plan: &Dialplan) -> Option<Ask> {
        let message = match self.steps > limit::STEPS {
            true => format!("the call ran {} lines, it is hung up", limit::STEPS),
            false => "the plan is looping without an effect, the call is hung up".to_owned(),
        };
        self.log_at(plan, Level::Error, &message);
        (self.steps, self.idle_steps) = (self.steps.min(limit::STEPS - limit::IDLE_STEPS), 0);
        self.hang_up(Some(EXCHANGE_ROUTING_ERROR))
    }

    /// The plan cannot go on here: to `e` if there is one, else the call ends.
    fn fault(&mut self, plan: &Dialplan, calendar: &dyn Calendar, message: &str, cause: u16) -> Option<Ask> {
        self.log_at(plan, Level::Error, message);
        self.faults += 1;
        if self.phase == Phase::Live && self.faults <= limit::FAULTS && self.go_special(plan, calendar, "e", "ERROR") {
            return None;
        }
        self.hang_up(Some(cause))
    }

    /// The leg is gone: `h` runs in the context the call was in.
    fn leave(&mut self, plan: &Dialplan, calendar: &dyn Calendar) {
        let begun = !matches!(self.state, State::Begin(_));
        if self.phase == Phase::Live && begun {
            self.phase = Phase::Leaving;
            self.returns.clear();
            self.variables.leave_all();
            self.queue.clear();
            self.redirect = None;
            self.idle_steps = 0;
            if self.go_special(plan, calendar, "h", "") {
                return;
            }
        }
        self.phase = Phase::Over;
    }

    fn time_is_up(&mut self, plan: &Dialplan, calendar: &dyn Calendar) -> Option<Ask> {
        self.queue.clear();
        self.timeouts.absolute = None;
        let nowhere = matches!(self.state, State::HangUp | State::Begin(_));
        if nowhere || !self.go_special(plan, calendar, "T", "ABSOLUTETIMEOUT") {
            return self.hang_up(None);
        }
        None
    }

    fn next(&mut self) {
        self.here.priority += 1;
        self.state = State::Fetch;
    }

    fn ask(&mut self, state: State, ask: Ask) -> Option<Ask> {
        let takes_time = match &ask {
            Ask::App { .. } | Ask::Dial { .. } | Ask::WaitDigit { .. } | Ask::Busy { .. } | Ask::Congestion { .. } => {
                true
            }
            Ask::Wait(duration) => !duration.is_zero(),
            _ => false,
        };
        if takes_time {
            self.idle_steps = 0;
        }
        self.state = state;
        Some(ask)
    }

    /// A warning about the present line.
    fn warn(&mut self, message: impl AsRef<str>) {
        let plan = Arc::clone(&self.plan);
        self.log_at(&plan, Level::Warning, message.as_ref());
    }

    fn log_at(&mut self, plan: &Dialplan, level: Level, message: &str) {
        let place = plan.statements.get(self.statement as usize).map(|statement| plan.place(statement.place()));
        self.log(level, &format!("{}: {message}", place.unwrap_or_default()));
    }

    fn log(&mut self, level: Level, message: &str) {
        if self.logs.len() < limit::LOG_LINES {
            let message = printable(cut(message, limit::VALUE_BYTES));
            self.logs.push_back(Ask::Log { level, message });
        }
    }
}

// Q.850 causes.
const UNALLOCATED: u16 = 1;
const USER_BUSY: u16 = 17;
const EXCHANGE_ROUTING_ERROR: u16 = 25;
const CONGESTION: u16 = 34;
const TEMPORARY_FAILURE: u16 = 41;

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
    /// The context has no such extension.
    #[error("no such extension")]
    Extension,
    /// The extension has no such priority or label.
    #[error("no such priority or label")]
    Priority,
    /// The leg is gone already.
    #[error("the call is over")]
    Over,
}

#[cfg(test)]
mod tests;
