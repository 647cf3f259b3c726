//! A party's attachment to a call.

use std::time::Duration;

use crate::host::{Options, port};
use crate::{Error, Result};

/// One party's attachment to a call.
///
/// Methods that wait suspend the plugin. When the party hangs up they return [`Code::Gone`](crate::Code::Gone) at once: let `?`
/// carry it out of your function.
#[derive(Debug)]
pub struct Leg(pub(crate) port::Leg);

/// A Q.850 cause for hanging up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cause(pub u16);

impl Cause {
    /// Normal clearing.
    pub const NORMAL: Self = Self(16);
    /// Busy.
    pub const BUSY: Self = Self(17);
    /// No answer.
    pub const NO_ANSWER: Self = Self(19);
    /// Rejected.
    pub const REJECTED: Self = Self(21);
    /// Congestion.
    pub const CONGESTION: Self = Self(34);
}

/// Something that happened to a leg, or to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Grows by one for each event of one source.
    pub seq: u64,
    /// `dtmf`, `hangup`, … More may come: ignore what you do not know.
    pub kind: String,
    /// Who it happened to.
    pub source: String,
    /// What is known about it.
    pub data: Vec<(String, String)>,
}

impl Event {
    /// One detail, such as `digit` of a `dtmf` event.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.data.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl Leg {
    /// A name for logs, unique within the host's life.
    pub fn id(&self) -> String {
        port::id(&self.0)
    }

    /// A property: `caller.number`, `caller.name`, `dialed.number`, `endpoint`, `state`, `codec`, `language`, `account-code`, or one
    /// that was set.
    pub fn attribute(&self, name: &str) -> Option<String> {
        port::attribute(&self.0, name)
    }

    /// Changes a property, or makes a new one. What the call itself knows (`state`, `endpoint`, …) is denied.
    pub fn set_attribute(&self, name: &str, value: &str) -> Result {
        port::set_attribute(&self.0, name, value)
    }

    /// The number of the party, or an empty string.
    pub fn caller_number(&self) -> String {
        self.attribute("caller.number").unwrap_or_default()
    }

    /// The number that was dialled, or an empty string.
    pub fn dialed_number(&self) -> String {
        self.attribute("dialed.number").unwrap_or_default()
    }

    /// Tells the caller that it rings.
    pub fn ring(&self) -> Result {
        port::ring(&self.0)
    }

    /// Begins early media: prompts are heard before the call is answered.
    pub fn progress(&self) -> Result {
        port::progress(&self.0)
    }

    /// Answers the call.
    pub fn answer(&self) -> Result {
        port::answer(&self.0)
    }

    /// Hangs up.
    pub fn hang_up(&self, cause: Cause) {
        port::hang_up(&self.0, cause.0);
    }

    /// Waits; digits that come meanwhile are kept.
    pub fn wait(&self, duration: Duration) -> Result {
        port::wait(&self.0, milliseconds(duration))
    }

    /// Plays prompts to their end: `leg.play("hello")`, `leg.play(["digits/4", "digits/2"])`.
    pub fn play(&self, prompts: impl Prompts) -> Result {
        port::play(&self.0, &prompts.into_list(), &Options::new()).map(drop)
    }

    /// Plays prompts until their end or until one of the digits of `interrupt` is dialled, which is returned.
    pub fn play_until(&self, prompts: impl Prompts, interrupt: &str) -> Result<Option<char>> {
        let options = vec![("interrupt".to_owned(), interrupt.to_owned())];
        let digit = port::play(&self.0, &prompts.into_list(), &options)?;
        Ok(digit.and_then(|digit| digit.chars().next()))
    }

    /// Plays prompts over and over while the plugin is in [`Leg::wait`] or [`Leg::next_event`], until it plays, reads, records, echoes or
    /// dials something else.
    pub fn play_in_background(&self, prompts: impl Prompts) -> Result {
        let options = vec![("background".to_owned(), "yes".to_owned())];
        port::play(&self.0, &prompts.into_list(), &options).map(drop)
    }

    /// Reads digits.
    ///
    /// ```
    /// # use jackfield_sdk::{Digits, Leg, Result};
    /// fn pin(leg: &Leg) -> Result<String> {
    ///     leg.read_digits(Digits::up_to(4).prompt("enter-digits").first_within_secs(7))
    /// }
    /// ```
    pub fn read_digits(&self, digits: Digits) -> Result<String> {
        port::read_digits(&self.0, digits.max, milliseconds(digits.timeout), &digits.options)
    }

    /// Sends digits to the party; `w` is half a second of pause.
    pub fn send_digits(&self, digits: &str) -> Result {
        port::send_digits(&self.0, digits)
    }

    /// Sends what the party says back to it, until it dials a digit of `stop` or hangs up.
    pub fn echo(&self, stop: &str) -> Result {
        port::echo(&self.0, stop)
    }

    /// The next event, or none after the time-out.
    pub fn next_event(&self, timeout: Duration) -> Result<Option<Event>> {
        port::next_event(&self.0, milliseconds(timeout))
    }

    /// Dials, joins the leg with the first that answers, and returns when that is over. Capability `dial`.
    pub fn dial(&self, dial: Dial) -> Result<Dialed> {
        let result = port::dial(&self.0, &dial.targets, milliseconds(dial.timeout), &dial.options)?;
        let get = |name: &str| result.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        Ok(Dialed {
            status: get("status").unwrap_or_default(),
            cause: Cause(get("cause").and_then(|cause| cause.parse().ok()).unwrap_or(0)),
            details: result,
        })
    }

    /// Records what the party says; durable when it returns. Capability `recording`.
    pub fn record(&self, record: Record) -> Result<Recorded> {
        let told = port::record(&self.0, &record.name, milliseconds(record.max), &record.options)?;
        let get = |name: &str| told.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        let blob = get("blob").unwrap_or(&record.name).to_owned();
        Ok(Recorded {
            prompt: format!("blob:{blob}"),
            blob,
            duration: Duration::from_millis(get("length-ms").and_then(|ms| ms.parse().ok()).unwrap_or(0)),
            ended: get("ended").unwrap_or_default().to_owned(),
            digit: get("digit").and_then(|digit| digit.chars().next()),
        })
    }

    /// A variable of the dialplan. Capability `dialplan`, like all that follow.
    pub fn variable(&self, name: &str) -> Option<String> {
        port::variable(&self.0, name)
    }

    /// Sets a variable of the dialplan.
    pub fn set_variable(&self, name: &str, value: &str) -> Result {
        port::set_variable(&self.0, name, value)
    }

    /// Evaluates `${…}` and `$[…]` as the dialplan does.
    pub fn evaluate(&self, expression: &str) -> Result<String> {
        port::evaluate(&self.0, expression)
    }

    /// The value of a function that a plugin of the tenant provides, as `${NAME(a,b)}` has it.
    pub fn read_function(&self, name: &str, arguments: &[String]) -> Result<String> {
        port::read_function(&self.0, name, arguments)
    }

    /// Runs another application of the tenant.
    pub fn run(&self, application: &str, arguments: &str) -> Result {
        port::run(&self.0, application, arguments)
    }

    /// Where the dialplan goes on when this run returns: an extension of the present context, at priority 1.
    pub fn goto_extension(&self, extension: &str) -> Result {
        port::goto(&self.0, None, Some(extension), "1")
    }

    /// The dialplan goes on as if the caller had dialled these digits in `WaitExten`: if more could follow, they are waited for.
    pub fn goto_dialed(&self, digits: &str) -> Result {
        port::goto(&self.0, None, Some(digits), "*")
    }

    /// Whether the leg is answered.
    pub fn is_answered(&self) -> bool {
        self.attribute("state").as_deref() == Some("up")
    }

    /// Where the dialplan goes on when this run returns.
    pub fn goto(&self, context: &str, extension: &str, priority: &str) -> Result {
        port::goto(&self.0, Some(context), Some(extension), priority)
    }
}

/// How digits are read.
#[derive(Clone, Debug)]
pub struct Digits {
    max: u32,
    timeout: Duration,
    options: Options,
}

impl Digits {
    /// Up to `max` digits, ended by `#`; five seconds for the first, three for each other.
    pub fn up_to(max: u32) -> Self {
        Self { max, timeout: Duration::from_secs(5), options: Options::new() }
    }

    /// Played first, until a digit comes; may be given several times.
    pub fn prompt(mut self, prompts: impl Prompts) -> Self {
        self.options.extend(prompts.into_list().into_iter().map(|prompt| ("prompt".to_owned(), prompt)));
        self
    }

    /// How long to wait for the first digit.
    pub fn first_within(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// How long to wait for the first digit, in seconds.
    pub fn first_within_secs(self, seconds: u32) -> Self {
        self.first_within(Duration::from_secs(seconds.into()))
    }

    /// The longest pause between digits.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.options.push(("inter-digit-ms".to_owned(), milliseconds(pause).to_string()));
        self
    }

    /// The digits that end the input; they are not part of it.
    pub fn terminators(mut self, terminators: &str) -> Self {
        self.options.push(("terminators".to_owned(), terminators.to_owned()));
        self
    }
}

/// How others are dialled.
#[derive(Clone, Debug)]
pub struct Dial {
    targets: Vec<String>,
    timeout: Duration,
    options: Options,
}

impl Dial {
    /// All these ring at once, for 30 seconds: `101`, `sip:alice@example.net`, `local:300@sales`.
    pub fn to(targets: impl Prompts) -> Self {
        Self { targets: targets.into_list(), timeout: Duration::from_secs(30), options: Options::new() }
    }

    /// How long they may ring.
    pub fn ring_for(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// The longest conversation.
    pub fn talk_for(mut self, limit: Duration) -> Self {
        self.options.push(("limit-ms".to_owned(), milliseconds(limit).to_string()));
        self
    }

    /// The caller hears a ring tone while they ring.
    pub fn ring_tone(mut self) -> Self {
        self.options.push(("ringback".to_owned(), "tone".to_owned()));
        self
    }
}

/// What became of a dial.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialed {
    /// `ANSWER`, `BUSY`, `NOANSWER`, `CANCEL`, `CONGESTION` or `CHANUNAVAIL`.
    pub status: String,
    /// Why it ended.
    pub cause: Cause,
    /// All that is known.
    pub details: Vec<(String, String)>,
}

/// How to record.
#[derive(Clone, Debug)]
pub struct Record {
    name: String,
    max: Duration,
    options: Options,
}

impl Record {
    /// Records to this name, for at most three minutes, until `#`, after a beep.
    pub fn to(name: impl Into<String>) -> Self {
        Self { name: name.into(), max: Duration::from_secs(180), options: Options::new() }
    }

    /// The longest recording.
    pub fn at_most(mut self, max: Duration) -> Self {
        self.max = max;
        self
    }

    /// Ends after this much silence.
    pub fn until_silence(mut self, silence: Duration) -> Self {
        self.options.push(("silence-ms".to_owned(), milliseconds(silence).to_string()));
        self
    }

    /// The digits that end it.
    pub fn terminators(mut self, terminators: &str) -> Self {
        self.options.push(("terminators".to_owned(), terminators.to_owned()));
        self
    }

    /// No beep before.
    pub fn without_beep(mut self) -> Self {
        self.options.push(("beep".to_owned(), "no".to_owned()));
        self
    }
}

/// A finished recording.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its name.
    pub blob: String,
    /// What to give to [`Leg::play`].
    pub prompt: String,
    /// Its length.
    pub duration: Duration,
    /// What ended it: `digit`, `silence`, `limit` (as long as it may be, or a quota) or `gone` (a hang-up). More may come.
    pub ended: String,
    /// The digit that ended it.
    pub digit: Option<char>,
}

/// One or several names: `"hello"`, `["digits/4", "digits/2"]`, a `Vec<String>`.
pub trait Prompts {
    /// The list of them.
    fn into_list(self) -> Vec<String>;
}

impl Prompts for &str {
    fn into_list(self) -> Vec<String> {
        vec![self.to_owned()]
    }
}

impl Prompts for String {
    fn into_list(self) -> Vec<String> {
        vec![self]
    }
}

impl Prompts for &String {
    fn into_list(self) -> Vec<String> {
        vec![self.clone()]
    }
}

impl<S: Into<String>> Prompts for Vec<S> {
    fn into_list(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

impl<S: AsRef<str>> Prompts for &[S] {
    fn into_list(self) -> Vec<String> {
        self.iter().map(|prompt| prompt.as_ref().to_owned()).collect()
    }
}

impl<S: Into<String>, const N: usize> Prompts for [S; N] {
    fn into_list(self) -> Vec<String> {
        self.into_iter().map(Into::into).collect()
    }
}

/// A `Duration` as it crosses; what is longer than 49 days is 49 days.
pub(crate) fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}

/// For dispatchers: the application is not one of this plugin's.
#[doc(hidden)]
pub fn unknown(name: &str) -> Error {
    Error::unsupported(format!("this plugin has no {name}"))
}
