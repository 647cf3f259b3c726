//! Everything a running dialplan can ask of the world, and everything it can be told.

use std::time::Duration;

/// What an [`Execution`](crate::Execution) wants done before its next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Answer the leg. Reply [`Reply::Done`].
    Answer,
    /// Tell the caller that it rings (180). Reply [`Reply::Done`].
    Ringing,
    /// Open early media (183). Reply [`Reply::Done`].
    Progress,
    /// Let the caller hear or see busy until it hangs up or the time-out passes; the plan then hangs up with cause 17.
    /// Reply [`Reply::Done`] at the time-out, [`Reply::HungUp`] when the caller left.
    Busy {
        /// How long to indicate; without it until the caller hangs up (a rejected leg ends at once).
        timeout: Option<Duration>,
    },
    /// As [`Ask::Busy`], with congestion and cause 34.
    Congestion {
        /// How long to indicate; without it until the caller hangs up.
        timeout: Option<Duration>,
    },
    /// Let this much time pass. Reply [`Reply::Done`].
    Wait(Duration),
    /// Wait for the next digit of the caller. Reply [`Reply::Digit`] or [`Reply::TimedOut`].
    WaitDigit {
        /// How long to wait for this one digit.
        timeout: Duration,
    },
    /// Hang up, with a Q.850 cause if the plan named one. Whatever is replied, the `h` extension follows.
    HangUp(Option<u16>),
    /// Ring endpoints and join the caller to the first that answers. The switch sets `DIALSTATUS`, `HANGUPCAUSE` and its like by
    /// [`Execution::set_variable`](crate::Execution::set_variable) and replies [`Reply::Done`] when the conversation is over.
    Dial {
        /// The text between the brackets, variables filled in.
        arguments: String,
    },
    /// Run an application of the tenant. Reply [`Reply::Done`]; [`Reply::Digit`] when the caller's key ended it and is the first of
    /// an extension (`Background`); [`Reply::Failed`] when it is unknown or broke down: the call goes to `e`, or is hung up.
    App {
        /// The name as written in the plan; applications are found without regard to case.
        name: String,
        /// The text between the brackets, variables filled in.
        arguments: String,
    },
    /// Read a function of the tenant. Reply [`Reply::Value`], or [`Reply::Failed`]: its value is then empty.
    ReadFunction {
        /// The name before the bracket.
        name: String,
        /// The arguments as they are separated in the plan's text: a comma inside a value does not separate.
        arguments: Vec<String>,
    },
    /// Write a function of the tenant. Reply [`Reply::Done`] or [`Reply::Failed`].
    WriteFunction {
        /// The name before the bracket.
        name: String,
        /// The arguments as they are separated in the plan's text.
        arguments: Vec<String>,
        /// What `Set` assigns.
        value: String,
    },
    /// The absolute time-out of the call starts anew now, or is lifted. When it passes, answer the question then open with
    /// [`Reply::AbsoluteTimeout`]. Reply [`Reply::Done`].
    SetAbsoluteTimeout(Option<Duration>),
    /// A line for the tenant's log, from `Verbose`, `Log` or a fault of the plan. Control and direction characters are already
    /// escaped. Reply [`Reply::Done`].
    Log {
        /// How much it matters.
        level: Level,
        /// One line; faults begin with `file:line`.
        message: String,
    },
    /// The run is over, after `h` too. Every further step asks the same.
    Finished,
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For whoever follows one call (`Verbose` 3 and up, `Log(DEBUG)`).
    Debug,
    /// Ordinary events.
    Info,
    /// Something the plan's author should look at.
    Warning,
    /// The plan could not go on as written.
    Error,
}

/// The answer to an [`Ask`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Begin. Any reply begins a run that has not begun.
    Start,
    /// It is done.
    Done,
    /// The value of a function.
    Value(String),
    /// The caller pressed this key.
    Digit(char),
    /// No key came in time.
    TimedOut,
    /// It could not be done.
    Failed {
        /// Why, for the log.
        message: String,
    },
    /// The leg is gone: `h` runs, and nothing asked for on the leg can succeed any more.
    HungUp,
    /// The time given by [`Ask::SetAbsoluteTimeout`] has passed: `T` runs, or the call is hung up.
    AbsoluteTimeout,
}
