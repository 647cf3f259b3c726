//! The dialplan run of a leg: asks of the plan become requests to the call, functions and applications of plugins.

use std::sync::Arc;
use std::time::{Duration, Instant};

use call::{Cause, DialArguments, DialStatus, Input, LegId, Outcome, Request, RequestError, RequestId, Route};
use dialplan::{Ask, Execution, Level, Reply};
use futures_util::FutureExt as _;
use plugin::FunctionCall;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use super::message::{AppResult, DialplanVerb, Message};
use super::plugin_port::Port;
use super::{CallTask, Waiting};

#[cfg(test)]
mod tests;

/// What runs on a leg.
pub(crate) struct Run {
    program: Program,
    /// Tells what the run waits for from what it waited for before.
    number: u64,
    context: String,
    waits: Waits,
    /// Cancelled when the leg is over: whatever is asked of it fails, `h` still runs.
    leg_gone: CancellationToken,
    absolute: Option<Instant>,
}

enum Program {
    Dialplan(Box<Execution>),
    /// An application without a dialplan around it.
    App,
}

/// What the run waits for.
enum Waits {
    Nothing,
    Request(RequestId),
    App { name: String, plugin: Option<String>, task: AbortHandle },
    Function(AbortHandle),
}

/// What the plan asked for, kept for the translation of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Verb,
    WaitDigit,
    HangUp,
    Dial,
    /// Busy and congestion: after the tone the leg is hung up with this.
    Indicate(Cause),
}

impl Run {
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.absolute
    }

    pub(super) fn location(&self) -> Option<(String, String, u32)> {
        let Program::Dialplan(execution) = &self.program else { return None };
        let at = execution.location();
        Some((at.context, at.extension, at.priority))
    }

    pub(super) fn application(&self) -> Option<String> {
        match &self.waits {
            Waits::App { name, plugin, .. } => Some(match plugin {
                Some(plugin) => format!("{name} ({plugin})"),
                None => name.clone(),
            }),
            _ => None,
        }
    }

    pub(super) fn leg_is_gone(&mut self) {
        self.leg_gone.cancel();
        self.absolute = None;
    }

    /// Stops what it waits for outside of the call.
    pub(super) fn abort(self) {
        match self.waits {
            Waits::App { task, .. } | Waits::Function(task) => task.abort(),
            Waits::Nothing | Waits::Request(_) => {}
        }
    }
}

impl CallTask {
    pub(super) fn start_run(&mut self, leg: LegId, route: Route) {
        self.run_count += 1;
        let number = self.run_count;
        let context = self.context_of(leg, &route);
        if self.context.is_empty() {
            self.context.clone_from(&context);
            self.chooser.dialed = self.attribute(leg, "dialed.number").unwrap_or_default();
            // As it was authenticated, whatever it says of itself.
            let endpoint = self.legs.get(&leg).and_then(|leg| leg.endpoint.as_ref());
            self.chooser.endpoint = endpoint.map(|endpoint| endpoint.name.clone());
        }
        let run = |program, context| Run {
            program,
            number,
            context,
            waits: Waits::Nothing,
            leg_gone: CancellationToken::new(),
            absolute: None,
        };
        let extension = match route {
            Route::App { name, arguments } => {
                self.runs.insert(leg, run(Program::App, context));
                return self.run_app(leg, name, arguments);
            }
            Route::Dialed(exten) | Route::Transferred { target: exten, .. } | Route::Dialplan { exten, .. } => exten,
        };
        let definition = self.tenant.definition();
        let execution = definition.dialplan.start(dialplan::Start {
            context: context.clone(),
            extension,
            caller: self.attribute(leg, "caller.number").unwrap_or_default(),
            variables: self.first_variables(leg),
        });
        self.runs.insert(leg, run(Program::Dialplan(Box::new(execution)), context));
        self.ready.push_back((leg, Reply::Start));
    }

    /// Takes the answer to the last question and does what the plan asks for next.
    pub(super) fn step(&mut self, leg: LegId, reply: Reply) {
        let calendar = self.tenant.calendar(self.shared.wallclock());
        let Some(run) = self.runs.get_mut(&leg) else { return };
        let Program::Dialplan(execution) = &mut run.program else {
            return self.run_ended(leg, None);
        };
        run.waits = Waits::Nothing;
        let ask = execution.step(&calendar, reply);
        self.do_ask(leg, ask);
    }

    fn do_ask(&mut self, leg: LegId, ask: Ask) {
        match ask {
            Ask::Answer => self.ask_call(leg, Asked::Verb, Request::Answer { leg }),
            Ask::Ringing => self.ask_call(leg, Asked::Verb, Request::Ring { leg }),
            Ask::Progress => self.ask_call(leg, Asked::Verb, Request::Progress { leg }),
            Ask::Busy { timeout } => self.indicate(leg, Cause::USER_BUSY, timeout),
            Ask::Congestion { timeout } => self.indicate(leg, Cause::CONGESTION, timeout),
            Ask::Wait(duration) => self.ask_call(leg, Asked::Verb, Request::Wait { leg, duration }),
            Ask::WaitDigit { timeout } => {
                let request = Request::ReadDigits {
                    leg,
                    max: 1,
                    timeout,
                    inter_digit: timeout,
                    terminators: String::new(),
                    prompts: Vec::new(),
                };
                self.ask_call(leg, Asked::WaitDigit, request);
            }
            Ask::HangUp(cause) => {
                let cause = cause.map_or(Cause::NORMAL_CLEARING, Cause::from_number);
                self.ask_call(leg, Asked::HangUp, Request::HangUp { leg, cause });
            }
            Ask::Dial { arguments } => self.dial(leg, &arguments),
            Ask::App { name, arguments } => self.run_app(leg, name, arguments),
            Ask::ReadFunction { name, arguments } => self.read_function(leg, &name, arguments),
            Ask::WriteFunction { name, arguments, value } => self.write_function(leg, &name, arguments, value),
            Ask::SetAbsoluteTimeout(timeout) => {
                let now = self.shared.now();
                if let Some(run) = self.runs.get_mut(&leg) {
                    run.absolute = timeout.map(|timeout| now + timeout);
                }
                self.ready.push_back((leg, Reply::Done));
            }
            Ask::Log { level, message } => {
                self.log(level, &message);
                self.ready.push_back((leg, Reply::Done));
            }
            Ask::Finished => self.run_ended(leg, None),
        }
    }

    fn ask_call(&mut self, leg: LegId, asked: Asked, request: Request) {
        let id = self.request(request, Waiting::Run(leg, asked));
        if let Some(run) = self.runs.get_mut(&leg) {
            run.waits = Waits::Request(id);
        }
    }

    /// An unanswered caller is refused with the cause; an answered one hears the tone first.
    fn indicate(&mut self, leg: LegId, cause: Cause, timeout: Option<Duration>) {
        /// How long a tone is heard when the plan does not say: longer than anybody listens.
        const PATIENCE: Duration = Duration::from_secs(120);
        if !self.legs.get(&leg).is_some_and(super::Leg::answered) {
            return self.ask_call(leg, Asked::HangUp, Request::HangUp { leg, cause });
        }
        // Four periods a prompt, because the number of prompts is bounded.
        let (periods, period) = match cause == Cause::USER_BUSY {
            true => ("tone:425/500,0/500,425/500,0/500,425/500,0/500,425/500,0/500", Duration::from_secs(4)),
            false => ("tone:425/250,0/250,425/250,0/250,425/250,0/250,425/250,0/250", Duration::from_secs(2)),
        };
        let count = timeout.unwrap_or(PATIENCE).min(PATIENCE).as_millis().div_ceil(period.as_millis());
        let count = usize::try_from(count).unwrap_or(usize::MAX).clamp(1, call::limit::PROMPTS);
        let prompts = vec![periods.to_owned(); count];
        self.ask_call(leg, Asked::Indicate(cause), Request::Play { leg, prompts, interrupt: String::new() });
    }

    fn dial(&mut self, leg: LegId, arguments: &str) {
        let context = self.runs.get(&leg).map(|run| run.context.clone()).unwrap_or_default();
        match DialArguments::parse(arguments, &context) {
            Ok(dial) => {
                let request =
                    Request::Dial { leg, targets: dial.targets, timeout: dial.timeout, options: dial.options };
                self.ask_call(leg, Asked::Dial, request);
            }
            Err(error) => {
                self.log(Level::Error, &format!("Dial({arguments}): {error}"));
                self.set_variable(leg, "DIALSTATUS", DialStatus::ChanUnavail.as_str());
                self.ready.push_back((leg, Reply::Done));
            }
        }
    }

    /// Translates the call's answer to the question the plan asked.
    pub(super) fn answered_run(&mut self, leg: LegId, asked: Asked, result: Result<Outcome, RequestError>) {
        let reply = match (asked, result) {
            (_, Err(RequestError::Gone)) | (Asked::HangUp, _) => Reply::HungUp,
            (Asked::Indicate(cause), _) => {
                return self.ask_call(leg, Asked::HangUp, Request::HangUp { leg, cause });
            }
            (Asked::WaitDigit, Ok(Outcome::Digits { digits, .. })) => {
                digits.chars().next().map_or(Reply::TimedOut, Reply::Digit)
            }
            (Asked::WaitDigit, Err(RequestError::Timeout)) => Reply::TimedOut,
            (Asked::Dial, Ok(outcome)) => self.dialed(leg, outcome),
            (_, Ok(_)) => Reply::Done,
            (_, Err(error)) => Reply::Failed { message: error.to_string() },
        };
        if self.runs.contains_key(&leg) {
            self.ready.push_back((leg, reply));
        }
    }

    fn dialed(&mut self, leg: LegId, outcome: Outcome) -> Reply {
        let Outcome::Dialed { status, cause, answered_ms, dialed_ms, go_on, .. } = outcome else { return Reply::Done };
        self.set_variable(leg, "DIALSTATUS", status.as_str());
        self.set_variable(leg, "HANGUPCAUSE", &cause.number().to_string());
        self.set_variable(leg, "ANSWEREDTIME", &(answered_ms / 1000).to_string());
        self.set_variable(leg, "DIALEDTIME", &(dialed_ms / 1000).to_string());
        if go_on { Reply::Done } else { Reply::HungUp }
    }

    fn run_app(&mut self, leg: LegId, name: String, arguments: String) {
        self.run_count += 1;
        let number = self.run_count;
        let chooser = self.chooser.clone();
        let Some(run) = self.runs.get_mut(&leg) else { return };
        run.number = number;
        let port = Port::new(
            self.call.id(),
            self.sender.clone(),
            Arc::clone(&self.tenant),
            run.leg_gone.clone(),
            chooser.clone(),
        );
        let Some(slot) = self.tenant.plugins.app_for(&name, &chooser) else {
            return self.app_over(leg, &name, AppResult::Unknown);
        };
        let plugin = format!("{}@{}", slot.plugin(), slot.digest());
        self.plugin = Some(plugin.clone());
        let inbox = self.sender.clone();
        let task = self.shared.tasks.spawn(async move {
            let result = super::plugin_port::run_to_end(slot, leg, arguments, port).await;
            // The call may have ended meanwhile.
            drop(inbox.send(Message::AppEnded { leg, run: number, result }).await);
        });
        run.waits = Waits::App { name, plugin: Some(plugin), task: task.abort_handle() };
    }

    pub(super) fn app_ended(&mut self, leg: LegId, number: u64, result: AppResult) {
        // Only the application that the run waits for: one that was stopped may have sent its end just before.
        let waits = |run: &&mut Run| run.number == number && matches!(run.waits, Waits::App { .. });
        if let Some(run) = self.runs.get_mut(&leg).filter(waits) {
            let application = run.application().unwrap_or_default();
            self.app_over(leg, &application, result);
        }
    }

    fn app_over(&mut self, leg: LegId, application: &str, result: AppResult) {
        let Some(run) = self.runs.get_mut(&leg) else { return };
        let gone = run.leg_gone.is_cancelled();
        let bare = matches!(run.program, Program::App);
        run.waits = Waits::Nothing;
        let (status, reply) = match result {
            AppResult::Done => ("SUCCESS".to_owned(), Reply::Done),
            AppResult::Failed { status, message } => {
                self.log(Level::Error, &format!("{application} failed ({status}): {message}"));
                (status, Reply::Failed { message })
            }
            AppResult::Unknown => {
                let message = format!("no plugin of this tenant has the application {application}");
                ("UNKNOWN".to_owned(), Reply::Failed { message })
            }
        };
        if bare {
            return self
                .run_ended(leg, matches!(reply, Reply::Failed { .. }).then_some(Cause::NORMAL_TEMPORARY_FAILURE));
        }
        self.set_variable(leg, "APPSTATUS", &status);
        self.ready.push_back((leg, if gone { Reply::HungUp } else { reply }));
    }

    fn read_function(&mut self, leg: LegId, name: &str, arguments: Vec<String>) {
        let Some(slot) = self.tenant.plugins.function_for(name, &self.chooser) else {
            return self.no_function(leg, name);
        };
        let future = slot.read(arguments, self.function_call(leg)).map(|result| match result {
            Ok(Ok(value)) => Reply::Value(value),
            Ok(Err(error)) => Reply::Failed { message: error.to_string() },
            Err(error) => Reply::Failed { message: error.to_string() },
        });
        self.await_function(leg, future);
    }

    fn write_function(&mut self, leg: LegId, name: &str, arguments: Vec<String>, value: String) {
        let Some(slot) = self.tenant.plugins.function_for(name, &self.chooser) else {
            return self.no_function(leg, name);
        };
        let future = slot.write(arguments, value, self.function_call(leg)).map(|result| match result {
            Ok(Ok(())) => Reply::Done,
            Ok(Err(error)) => Reply::Failed { message: error.to_string() },
            Err(error) => Reply::Failed { message: error.to_string() },
        });
        self.await_function(leg, future);
    }

    fn function_call(&self, leg: LegId) -> Option<FunctionCall> {
        let gone = self.runs.get(&leg)?.leg_gone.clone();
        Some(FunctionCall {
            leg,
            port: Port::new(self.call.id(), self.sender.clone(), Arc::clone(&self.tenant), gone, self.chooser.clone()),
        })
    }

    fn no_function(&mut self, leg: LegId, name: &str) {
        let message = format!("no plugin of this tenant has the function {name}");
        self.ready.push_back((leg, Reply::Failed { message }));
    }

    /// A function that needs nothing of the call is over at its first poll; one that asks the call must not keep its task.
    fn await_function(&mut self, leg: LegId, future: impl Future<Output = Reply> + Send + 'static) {
        self.run_count += 1;
        let number = self.run_count;
        let Some(run) = self.runs.get_mut(&leg) else { return };
        run.number = number;
        let mut future = Box::pin(future);
        if let Some(reply) = future.as_mut().now_or_never() {
            return self.ready.push_back((leg, reply));
        }
        let inbox = self.sender.clone();
        let task = self.shared.tasks.spawn(async move {
            let reply = future.await;
            // The call may have ended meanwhile.
            drop(inbox.send(Message::FunctionEnded { leg, run: number, reply }).await);
        });
        run.waits = Waits::Function(task.abort_handle());
    }

    pub(super) fn function_ended(&mut self, leg: LegId, number: u64, reply: Reply) {
        if self.runs.get(&leg).is_some_and(|run| run.number == number && matches!(run.waits, Waits::Function(_))) {
            self.ready.push_back((leg, reply));
        }
    }

    /// The call sends the leg elsewhere: the run stops here, without `h`.
    pub(super) fn end_run(&mut self, leg: LegId) {
        if let Some(Waits::Request(id)) = self.runs.get(&leg).map(|run| &run.waits) {
            let id = *id;
            self.waiting.remove(&id);
            self.input(Input::Withdraw { id });
        }
        self.run_ended(leg, None);
    }

    fn run_ended(&mut self, leg: LegId, cause: Option<Cause>) {
        if let Some(run) = self.runs.remove(&leg) {
            run.abort();
            self.ready.retain(|(ready, _)| *ready != leg);
            self.input(Input::RouteEnded { leg, cause });
        }
    }

    pub(super) fn expire_runs(&mut self, now: Instant) {
        let due: Vec<LegId> =
            self.runs.iter().filter(|(_, run)| run.absolute.is_some_and(|at| at <= now)).map(|(leg, _)| *leg).collect();
        for leg in due {
            let Some(run) = self.runs.get_mut(&leg) else { continue };
            run.absolute = None;
            match std::mem::replace(&mut run.waits, Waits::Nothing) {
                Waits::Request(id) => {
                    self.waiting.remove(&id);
                    self.input(Input::Withdraw { id });
                }
                Waits::App { task, .. } | Waits::Function(task) => task.abort(),
                Waits::Nothing => {}
            }
            self.ready.push_back((leg, Reply::AbsoluteTimeout));
        }
    }

    pub(super) fn dialplan_verb(&mut self, leg: LegId, verb: DialplanVerb) {
        let calendar = self.tenant.calendar(self.shared.wallclock());
        let execution = self.runs.get_mut(&leg).and_then(|run| match &mut run.program {
            Program::Dialplan(execution) => Some(execution),
            Program::App => None,
        });
        // Whoever asked may have been stopped meanwhile: an answer that nobody takes is dropped.
        match verb {
            DialplanVerb::Variable { name, reply } => {
                drop(reply.send(execution.and_then(|execution| execution.variable(&name))));
            }
            DialplanVerb::SetVariable { name, value, reply } => {
                let done = execution.map(|execution| execution.set_variable(&name, &value));
                drop(reply.send(done.ok_or(RequestError::Gone)));
            }
            DialplanVerb::Evaluate { text, reply } => {
                let result = execution.ok_or(RequestError::Gone).and_then(|execution| {
                    execution.evaluate(&calendar, &text).map_err(|error| RequestError::Invalid(error.to_string()))
                });
                drop(reply.send(result));
            }
            DialplanVerb::Goto { context, extension, priority, reply } => {
                let (context, extension) = (context.unwrap_or_default(), extension.unwrap_or_default());
                let result = execution.ok_or(RequestError::Gone).and_then(|execution| {
                    execution
                        .go_to(&calendar, &context, &extension, &priority)
                        .map_err(|error| RequestError::Invalid(error.to_string()))
                });
                drop(reply.send(result));
            }
        }
    }

    fn set_variable(&mut self, leg: LegId, name: &str, value: &str) {
        if let Some(Run { program: Program::Dialplan(execution), .. }) = self.runs.get_mut(&leg) {
            execution.set_variable(name, value);
        }
    }

    fn context_of(&self, leg: LegId, route: &Route) -> String {
        let own = || self.legs.get(&leg).map(|leg| leg.context.clone()).unwrap_or_default();
        match route {
            Route::Dialplan { context: Some(context), .. } => context.clone(),
            Route::Transferred { by: Some(by), .. } => {
                let definition = self.tenant.definition();
                definition.endpoint(by).map_or_else(own, |endpoint| endpoint.context.clone())
            }
            _ => own(),
        }
    }

    fn first_variables(&self, leg: LegId) -> Vec<(String, String)> {
        let endpoint = self.attribute(leg, "endpoint").unwrap_or_default();
        vec![
            ("CHANNEL".to_owned(), format!("SIP/{endpoint}-{leg}")),
            ("UNIQUEID".to_owned(), format!("{}.{leg}", self.id)),
            ("LINKEDID".to_owned(), self.id.to_string()),
            ("TENANT".to_owned(), self.tenant.id().to_string()),
        ]
    }

    fn attribute(&self, leg: LegId, name: &str) -> Option<String> {
        self.call.attribute(leg, name)
    }

    fn log(&self, level: Level, message: &str) {
        let (call, tenant) = (self.id, self.tenant.id());
        match level {
            Level::Debug => tracing::debug!(%call, %tenant, "{message}"),
            Level::Info => tracing::info!(%call, %tenant, "{message}"),
            Level::Warning => tracing::warn!(%call, %tenant, "{message}"),
            Level::Error => tracing::error!(%call, %tenant, "{message}"),
        }
    }
}
