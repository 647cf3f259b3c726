//! What each native verb does with the values its line left.

use std::time::Duration;

use crate::ask::{Ask, Level};
use crate::calendar::Calendar;
use crate::duration::{milliseconds, seconds};
use crate::execution::{CONGESTION, EXCHANGE_ROUTING_ERROR, Execution, State, TEMPORARY_FAILURE, USER_BUSY};
use crate::limit;
use crate::parse::loop_depth;
use crate::plan::Dialplan;
use crate::statement::{Assign, Branches, Routine, Target, Verb, cause, log_level};
use crate::template::Native;
use crate::text::cut;
use crate::time_spec::TimeSpec;
use crate::value::Value;

type Values = std::vec::IntoIter<Value>;

impl Execution {
    /// The line is evaluated: do it.
    pub(super) fn execute(&mut self, plan: &Dialplan, calendar: &dyn Calendar) -> Option<Ask> {
        let mut values = self.machine.take_values();
        match &plan.statements[self.statement as usize].verb {
            Verb::App(name) => {
                let ask = Ask::App { name: name.to_string(), arguments: text(&mut values) };
                self.ask(State::Application, ask)
            }
            Verb::Dial => self.ask(State::Dial, Ask::Dial { arguments: text(&mut values) }),
            Verb::Answer => {
                let delay = milliseconds(&text(&mut values)).filter(|delay| !delay.is_zero());
                self.queue.extend(delay.map(Ask::Wait));
                self.ask(State::Effect, Ask::Answer)
            }
            Verb::Progress => self.ask(State::Effect, Ask::Progress),
            Verb::Ringing => self.ask(State::Effect, Ask::Ringing),
            Verb::Busy => {
                let timeout = seconds(&text(&mut values));
                self.ask(State::Indicate { cause: USER_BUSY }, Ask::Busy { timeout })
            }
            Verb::Congestion => {
                let timeout = seconds(&text(&mut values));
                self.ask(State::Indicate { cause: CONGESTION }, Ask::Congestion { timeout })
            }
            Verb::Hangup => {
                let written = text(&mut values);
                if !written.trim().is_empty() && cause(&written).is_none() {
                    self.warn(format!("{} is not a cause", cut(&written, limit::NAME_BYTES)));
                }
                self.hang_up(cause(&written))
            }
            Verb::Wait => self.wait(&text(&mut values)),
            Verb::WaitExten => {
                let timeout = seconds(&text(&mut values)).filter(|timeout| !timeout.is_zero());
                let timeout = timeout.unwrap_or(self.timeouts.response);
                self.ask(State::Digits { typed: String::new() }, Ask::WaitDigit { timeout })
            }
            Verb::NoOp => self.go_on(),
            Verb::Verbose(level) => {
                self.log(if *level < 3 { Level::Info } else { Level::Debug }, &text(&mut values));
                self.go_on()
            }
            Verb::Log => {
                let level = log_level(&text(&mut values)).unwrap_or(Level::Info);
                self.log_at(plan, level, &text(&mut values));
                self.go_on()
            }
            Verb::Set(assigns) => self.assign(assigns, values),
            verb => self.control(plan, calendar, verb, values),
        }
    }

    fn go_on(&mut self) -> Option<Ask> {
        self.next();
        None
    }

    fn wait(&mut self, written: &str) -> Option<Ask> {
        let duration = seconds(written).unwrap_or_else(|| {
            if !written.is_empty() {
                self.warn(format!("{} is not a number of seconds", cut(written, limit::NAME_BYTES)));
            }
            Duration::ZERO
        });
        if duration.is_zero() { self.go_on() } else { self.ask(State::Effect, Ask::Wait(duration)) }
    }

    /// Verbs that lead elsewhere.
    fn control(&mut self, plan: &Dialplan, calendar: &dyn Calendar, verb: &Verb, mut values: Values) -> Option<Ask> {
        match verb {
            Verb::Goto(target) => {
                let parts = take(&mut values, target.parts);
                self.go(plan, calendar, &parts)
            }
            Verb::GotoIf(branches) => {
                let holds = truth(&mut values);
                self.go_either(plan, calendar, (branches, holds), values)
            }
            Verb::GotoIfTime(when, branches) => {
                let holds = self.time_holds(calendar, when.as_ref(), &mut values);
                self.go_either(plan, calendar, (branches, holds), values)
            }
            Verb::ExecIf(branches) => {
                let holds = truth(&mut values);
                self.run_either(branches, holds)
            }
            Verb::ExecIfTime(when, branches) => {
                let holds = self.time_holds(calendar, when.as_ref(), &mut values);
                self.run_either(branches, holds)
            }
            Verb::Gosub(routine) => self.gosub(plan, calendar, *routine, values),
            Verb::GosubIf(branches) => {
                let holds = truth(&mut values);
                let skipped = if holds { None } else { branches.yes };
                let skipped = skipped.map_or(0, |routine| routine.target.parts + routine.arguments);
                drop(take(&mut values, skipped));
                match if holds { branches.yes } else { branches.no } {
                    Some(routine) => self.gosub(plan, calendar, routine, values),
                    None => self.go_on(),
                }
            }
            Verb::Return => self.return_from(plan, calendar, &text(&mut values)),
            Verb::StackPop => match self.returns.pop() {
                Some(_) => {
                    self.variables.leave();
                    self.go_on()
                }
                None => self.fault(plan, calendar, "StackPop outside of a subroutine", TEMPORARY_FAILURE),
            },
            Verb::While if truth(&mut values) => self.go_on(),
            Verb::While | Verb::ExitWhile => self.go_in_loop(plan, calendar, |run, at| run.loop_end(plan, at), 1),
            Verb::EndWhile | Verb::ContinueWhile => {
                self.go_in_loop(plan, calendar, |run, at| run.loop_begin(plan, at), 0)
            }
            _ => unreachable!("execute has done the other verbs"),
        }
    }

    fn time_holds(&mut self, calendar: &dyn Calendar, when: Option<&TimeSpec>, values: &mut Values) -> bool {
        if let Some(when) = when {
            return when.holds(calendar);
        }
        let written = text(values);
        match TimeSpec::parse(&written) {
            Ok(when) => when.holds(calendar),
            Err(fault) => {
                self.warn(fault.message);
                false
            }
        }
    }

    fn go_either(
        &mut self,
        plan: &Dialplan,
        calendar: &dyn Calendar,
        (branches, holds): (&Branches<Target>, bool),
        mut values: Values,
    ) -> Option<Ask> {
        let yes = take(&mut values, branches.yes.map_or(0, |target| target.parts));
        let parts = if holds { yes } else { take(&mut values, branches.no.map_or(0, |target| target.parts)) };
        if parts.is_empty() { self.go_on() } else { self.go(plan, calendar, &parts) }
    }

    /// `ExecIf`: the chosen line takes the place of this one.
    fn run_either(&mut self, branches: &Branches<usize>, holds: bool) -> Option<Ask> {
        let Some(statement) = (if holds { branches.yes } else { branches.no }) else { return self.go_on() };
        self.statement = u32::try_from(statement).expect("the parser has checked that statements fit");
        self.machine.reset();
        self.state = State::Evaluate;
        None
    }

    fn gosub(&mut self, plan: &Dialplan, calendar: &dyn Calendar, routine: Routine, mut values: Values) -> Option<Ask> {
        let parts = take(&mut values, routine.target.parts);
        let arguments = take(&mut values, routine.arguments);
        if self.returns.len() >= limit::GOSUB_DEPTH {
            let message = format!("Gosub is nested deeper than {}", limit::GOSUB_DEPTH);
            return self.fault(plan, calendar, &message, EXCHANGE_ROUTING_ERROR);
        }
        let there = match self.resolve(plan, calendar, &parts) {
            Ok(there) => there,
            Err(missing) => return self.missing(plan, calendar, &missing),
        };
        if let Err(refused) = self.variables.enter(&arguments) {
            self.warn(refused);
        }
        self.next();
        self.returns.push(std::mem::replace(&mut self.here, there));
        None
    }

    fn return_from(&mut self, plan: &Dialplan, calendar: &dyn Calendar, value: &str) -> Option<Ask> {
        let Some(back) = self.returns.pop() else {
            return self.fault(plan, calendar, "Return outside of a subroutine", TEMPORARY_FAILURE);
        };
        self.variables.leave();
        self.here = back;
        self.state = State::Fetch;
        self.set_variable("GOSUB_RETVAL", value);
        None
    }

    /// Goes to the line of the loop around this one that `find` names by its place in the extension.
    fn go_in_loop(
        &mut self,
        plan: &Dialplan,
        calendar: &dyn Calendar,
        find: impl Fn(&Self, usize) -> Option<u32>,
        beyond: u32,
    ) -> Option<Ask> {
        let priorities = &plan.extension(self.extension).priorities;
        let here = self.here.priority;
        let at = priorities.binary_search_by_key(&here, |priority| priority.number).ok();
        match at.and_then(|at| find(self, at)) {
            Some(priority) => {
                self.here.priority = priority + beyond;
                self.state = State::Fetch;
                None
            }
            None => self.fault(plan, calendar, "there is no While around this line", TEMPORARY_FAILURE),
        }
    }

    /// The `EndWhile` of the loop that line `at` of the extension is in or begins.
    fn loop_end(&self, plan: &Dialplan, at: usize) -> Option<u32> {
        let after = plan.extension(self.extension).priorities.iter().skip(at + 1);
        let mut depth = 0;
        after
            .map(|priority| (priority.number, loop_depth(&plan.statements[priority.statement as usize].verb)))
            .find_map(|(number, change)| {
                depth += change;
                (depth < 0).then_some(number)
            })
    }

    /// The `While` of the loop that line `at` of the extension is in or ends.
    fn loop_begin(&self, plan: &Dialplan, at: usize) -> Option<u32> {
        let before = plan.extension(self.extension).priorities[..at].iter().rev();
        let mut depth = 0;
        before
            .map(|priority| (priority.number, loop_depth(&plan.statements[priority.statement as usize].verb)))
            .find_map(|(number, change)| {
                depth += change;
                (depth > 0).then_some(number)
            })
    }

    fn assign(&mut self, assigns: &[Assign], mut values: Values) -> Option<Ask> {
        for assign in assigns {
            match assign {
                Assign::Variable => {
                    let (name, value) = (text(&mut values), text(&mut values));
                    self.set_variable(name.trim(), &value);
                }
                Assign::Function { name, arguments } => {
                    let arguments = take(&mut values, *arguments);
                    let value = text(&mut values);
                    self.queue.push_back(Ask::WriteFunction { name: name.to_string(), arguments, value });
                }
                Assign::Native { function, arguments } => {
                    let argument = take(&mut values, *arguments).into_iter().next().unwrap_or_default();
                    let value = text(&mut values);
                    self.assign_native(*function, &argument, &value);
                }
            }
        }
        match self.queue.pop_front() {
            Some(ask) => self.ask(State::Effect, ask),
            None => self.go_on(),
        }
    }

    fn assign_native(&mut self, function: Native, argument: &str, value: &str) {
        if function == Native::Local {
            if let Err(refused) = self.variables.set_local(argument, value) {
                self.warn(refused);
            }
            return;
        }
        let Some(timeout) = seconds(value) else {
            return self.warn(format!("{} is not a number of seconds", cut(value, limit::NAME_BYTES)));
        };
        match &*argument.to_ascii_lowercase() {
            "digit" => self.timeouts.digit = timeout,
            "response" => self.timeouts.response = timeout,
            "absolute" => {
                self.timeouts.absolute = Some(timeout).filter(|timeout| !timeout.is_zero());
                self.queue.push_back(Ask::SetAbsoluteTimeout(self.timeouts.absolute));
            }
            _ => self.warn(format!("TIMEOUT({}) is not absolute, digit or response", cut(argument, limit::NAME_BYTES))),
        }
    }
}

fn text(values: &mut Values) -> String {
    values.next().map(Value::into_text).unwrap_or_default()
}

fn truth(values: &mut Values) -> bool {
    values.next().is_some_and(|value| match value {
        Value::Text(text) => Value::Text(text.trim().to_owned()).is_true(),
        number @ Value::Number(_) => number.is_true(),
    })
}

fn take(values: &mut Values, count: u8) -> Vec<String> {
    values.take(usize::from(count)).map(Value::into_text).collect()
}
