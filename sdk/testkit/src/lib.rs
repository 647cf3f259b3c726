//! Tests plugin logic natively: a fake host that remembers what the plugin did, without Wasm and without a PBX.
//!
//! ```
//! use jackfield_sdk::{Leg, Result};
//! use jackfield_testkit::Fake;
//!
//! fn greet(leg: Leg, _arguments: &str) -> Result {
//!     leg.answer()?;
//!     leg.play("hello")
//! }
//!
//! let fake = Fake::new();
//! fake.run(|leg| greet(leg, "")).unwrap();
//! assert_eq!(fake.actions(), ["answer", "play hello"]);
//! ```
//!
//! What the caller does is said before: [`Fake::dials`] for what it dials at the next prompt, [`Fake::hangs_up_after`]
//! for when it goes. Time does not pass: a wait returns at once, a read without digits is a time-out.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

use jackfield_sdk::__native::{Fake as Host, leg, with_fake};
use jackfield_sdk::http::{Request, Response};
use jackfield_sdk::strategy::Candidate;
use jackfield_sdk::{Code, Error, Event, Leg, Result};

/// A fake host with one call.
#[derive(Default)]
pub struct Fake(Rc<State>);

#[derive(Default)]
struct State(RefCell<Inner>);

/// What a service answers to a request.
type Answers = Rc<dyn Fn(&[u8]) -> Result<Vec<u8>>>;

/// Whom a strategy of another plugin takes.
type Strategy = Rc<dyn Fn(&[Candidate]) -> Result<Vec<String>>>;

#[derive(Default)]
struct Inner {
    attributes: BTreeMap<String, String>,
    variables: BTreeMap<String, String>,
    values: BTreeMap<String, Vec<u8>>,
    /// The lengths of the plugin's blobs.
    blobs: BTreeMap<String, u64>,
    /// How the next recordings go: their length, and what ends them.
    recordings: VecDeque<(u32, String)>,
    config: BTreeMap<String, String>,
    applications: BTreeMap<String, Result>,
    functions: BTreeMap<String, String>,
    strategies: BTreeMap<String, Strategy>,
    answers: VecDeque<Result<Vec<u8>>>,
    /// What other servers say next, by URL.
    servers: BTreeMap<String, VecDeque<Result<Response>>>,
    requests: Vec<Request>,
    metrics: BTreeMap<String, i128>,
    service: Option<Answers>,
    subscribed: Vec<String>,
    published: Vec<String>,
    timers: BTreeMap<String, u32>,
    /// Timers of times of day.
    patterns: BTreeMap<String, String>,
    devices: BTreeMap<String, String>,
    /// Lines of a channel driver that are up.
    lines: Vec<String>,
    lines_offered: u32,
    /// The host takes no more lines.
    lines_refused: bool,
    events: VecDeque<Event>,
    /// What is dialled at the next prompts, one entry each.
    dialed: VecDeque<String>,
    dial_status: Option<String>,
    missing: Vec<String>,
    actions: Vec<String>,
    log: Vec<String>,
    went: Option<String>,
    /// How many more actions before the caller hangs up.
    patience: Option<usize>,
    unix_ms: u64,
    random: u64,
}

impl Fake {
    /// A call from 100 to 600 that nobody has answered.
    pub fn new() -> Self {
        let fake = Self::default();
        {
            let mut inner = fake.0.0.borrow_mut();
            inner.attributes.insert("caller.number".into(), "100".into());
            inner.attributes.insert("dialed.number".into(), "600".into());
            inner.unix_ms = 1_750_000_000_000;
        }
        fake
    }

    fn with(self, change: impl FnOnce(&mut Inner)) -> Self {
        change(&mut self.0.0.borrow_mut());
        self
    }

    /// A line of the channel driver, by its id.
    pub fn line(self, id: &str) -> Self {
        self.with(|inner| inner.lines.push(id.into()))
    }

    /// The host takes no more lines: `Line::offer` is error `limit`.
    pub fn refuses_lines(self) -> Self {
        self.with(|inner| inner.lines_refused = true)
    }

    /// A property of the leg.
    pub fn attribute(self, name: &str, value: &str) -> Self {
        self.with(|inner| drop(inner.attributes.insert(name.into(), value.into())))
    }

    /// A variable of the dialplan.
    pub fn variable(self, name: &str, value: &str) -> Self {
        self.with(|inner| drop(inner.variables.insert(name.into(), value.into())))
    }

    /// A value the plugin finds in its kv space.
    pub fn value(self, key: &str, value: &str) -> Self {
        self.with(|inner| drop(inner.values.insert(key.into(), value.into())))
    }

    /// A recording the plugin made before.
    pub fn blob(self, name: &str, bytes: u64) -> Self {
        self.with(|inner| {
            inner.blobs.insert(name.into(), bytes);
        })
    }

    /// How long the next recording becomes and what ends it: `digit`, `silence`, `limit`, or `gone` for a hang-up. Several
    /// calls queue; without any it is two seconds and a digit.
    pub fn records(self, ms: u32, ended: &str) -> Self {
        self.with(|inner| inner.recordings.push_back((ms, ended.into())))
    }

    /// A setting of the plugin.
    pub fn config(self, key: &str, value: &str) -> Self {
        self.with(|inner| drop(inner.config.insert(key.into(), value.into())))
    }

    /// What the caller dials at the next prompt that takes digits; an empty text for nothing. Several calls queue.
    pub fn dials(self, digits: &str) -> Self {
        self.with(|inner| inner.dialed.push_back(digits.into()))
    }

    /// The caller hangs up after so many actions.
    pub fn hangs_up_after(self, actions: usize) -> Self {
        self.with(|inner| inner.patience = Some(actions))
    }

    /// How the next dials end: `ANSWER` unless said.
    pub fn dial_status(self, status: &str) -> Self {
        self.with(|inner| inner.dial_status = Some(status.into()))
    }

    /// A sound that does not exist.
    pub fn without_sound(self, name: &str) -> Self {
        self.with(|inner| inner.missing.push(name.into()))
    }

    /// Another application of the tenant, and how it ends; an unknown one is `invalid`.
    pub fn application(self, name: &str, result: Result) -> Self {
        self.with(|inner| drop(inner.applications.insert(name.into(), result)))
    }

    /// The value of a function of the tenant's plugins: `CUT(a,b)`, and what it is.
    pub fn function(self, called: &str, value: &str) -> Self {
        self.with(|inner| drop(inner.functions.insert(called.into(), value.into())))
    }

    /// A strategy of the tenant's plugins, and whom it takes; an unknown one is `invalid`.
    pub fn strategy(self, name: &str, takes: impl Fn(&[Candidate]) -> Result<Vec<String>> + 'static) -> Self {
        self.with(|inner| drop(inner.strategies.insert(name.into(), Rc::new(takes))))
    }

    /// What the plugin's service answers next.
    pub fn service_answers(self, answer: Result<Vec<u8>>) -> Self {
        self.with(|inner| inner.answers.push_back(answer))
    }

    /// What another server says next to a request for `url`; several calls queue, and the last answer stays. A URL of which nothing was said is
    /// `denied`.
    pub fn server(self, url: &str, status: u16, body: &str) -> Self {
        let response = Response { status, url: url.into(), headers: Vec::new(), body: body.into() };
        self.server_says(url, Ok(response))
    }

    /// The same for an answer with headers, or an error such as `timeout`.
    pub fn server_says(self, url: &str, answer: Result<Response>) -> Self {
        self.with(|inner| inner.servers.entry(url.into()).or_default().push_back(answer))
    }

    /// The plugin's service itself, once [`Fake::service_answers`] has nothing more: what an application asks is answered by it.
    pub fn service(self, answer: impl Fn(&[u8]) -> Result<Vec<u8>> + 'static) -> Self {
        self.with(|inner| inner.service = Some(Rc::new(answer)))
    }

    /// What an endpoint of the tenant is doing.
    pub fn device(self, endpoint: &str, state: &str) -> Self {
        self.with(|inner| drop(inner.devices.insert(endpoint.into(), state.into())))
    }

    /// An event the leg has.
    pub fn event(self, kind: &str, data: &[(&str, &str)]) -> Self {
        self.with(|inner| {
            let seq = inner.events.len() as u64 + 1;
            let data = data.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
            inner.events.push_back(Event { seq, kind: kind.into(), source: "leg-0".into(), data });
        })
    }

    /// The time, in milliseconds since 1970.
    pub fn now(self, unix_ms: u64) -> Self {
        self.with(|inner| inner.unix_ms = unix_ms)
    }

    /// Runs plugin code on the call.
    pub fn run<T>(&self, body: impl FnOnce(Leg) -> T) -> T {
        with_fake(self.0.clone(), || body(leg(0)))
    }

    /// What the plugin did, in order: `answer`, `play hello`, `read 4`, `wait 500`, `dial 101`, …
    pub fn actions(&self) -> Vec<String> {
        self.0.0.borrow().actions.clone()
    }

    /// What the plugin logged: `info text`.
    pub fn log(&self) -> Vec<String> {
        self.0.0.borrow().log.clone()
    }

    /// A value of the kv space, as text.
    pub fn stored(&self, key: &str) -> Option<String> {
        self.0.0.borrow().values.get(key).map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// The requests to other servers that the plugin sent.
    pub fn requests(&self) -> Vec<Request> {
        self.0.0.borrow().requests.clone()
    }

    /// A counter or gauge of the plugin.
    pub fn metric(&self, name: &str) -> Option<i128> {
        self.0.0.borrow().metrics.get(name).copied()
    }

    /// The names of the plugin's recordings.
    pub fn blobs(&self) -> Vec<String> {
        self.0.0.borrow().blobs.keys().cloned().collect()
    }

    /// The kinds of events its service has subscribed to.
    pub fn subscribed(&self) -> Vec<String> {
        self.0.0.borrow().subscribed.clone()
    }

    /// What the plugin published: `topic name=value …`.
    pub fn published(&self) -> Vec<String> {
        self.0.0.borrow().published.clone()
    }

    /// The timers that are set: name and delay in milliseconds.
    pub fn timers(&self) -> Vec<(String, u32)> {
        self.0.0.borrow().timers.clone().into_iter().collect()
    }

    /// The timers of times of day that are set: name and pattern.
    pub fn times_of_day(&self) -> Vec<(String, String)> {
        self.0.0.borrow().patterns.clone().into_iter().collect()
    }

    /// A variable as the plugin left it.
    pub fn set(&self, variable: &str) -> Option<String> {
        self.0.0.borrow().variables.get(variable).cloned()
    }

    /// Where the plugin sent the dialplan: `context,extension,priority`, with empty parts for "as it is".
    pub fn went(&self) -> Option<String> {
        self.0.0.borrow().went.clone()
    }
}

fn gone() -> Error {
    Error::new(Code::Gone, "the caller hung up")
}

impl State {
    /// Remembers an action; an error once the caller is gone.
    fn act(&self, action: impl Into<String>) -> Result {
        let mut inner = self.0.borrow_mut();
        match &mut inner.patience {
            Some(0) => return Err(gone()),
            Some(left) => *left -= 1,
            None => {}
        }
        inner.actions.push(action.into());
        Ok(())
    }

    fn exist(&self, prompts: &[String]) -> Result {
        let inner = self.0.borrow();
        let is_missing = |prompt: &&String| {
            inner.missing.contains(prompt)
                || prompt.strip_prefix("blob:").is_some_and(|name| !inner.blobs.contains_key(name))
        };
        match prompts.iter().find(is_missing) {
            Some(missing) => Err(Error::invalid(format!("no sound {missing}"))),
            None => Ok(()),
        }
    }
}

fn option<'a>(options: &'a [(String, String)], name: &str) -> Option<&'a str> {
    options.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

impl State {
    fn on_line(&self, id: &str, what: &str) -> Result {
        let mut inner = self.0.borrow_mut();
        if !inner.lines.iter().any(|line| line == id) {
            return Err(Error::new(Code::Gone, "the line is over"));
        }
        inner.actions.push(format!("line {id} {what}"));
        Ok(())
    }
}

impl Host for State {
    fn id(&self, leg: u32) -> String {
        format!("leg-{leg}")
    }

    fn attribute(&self, _leg: u32, name: &str) -> Option<String> {
        self.0.borrow().attributes.get(name).cloned()
    }

    fn set_attribute(&self, _leg: u32, name: &str, value: &str) -> Result {
        self.0.borrow_mut().attributes.insert(name.into(), value.into());
        Ok(())
    }

    fn ring(&self, _leg: u32) -> Result {
        self.act("ring")
    }

    fn progress(&self, _leg: u32) -> Result {
        self.act("progress")
    }

    fn answer(&self, _leg: u32) -> Result {
        self.act("answer")?;
        self.0.borrow_mut().attributes.insert("state".into(), "up".into());
        Ok(())
    }

    fn hang_up(&self, _leg: u32, cause: u16) {
        if self.act(format!("hang-up {cause}")).is_ok() {
            self.0.borrow_mut().patience = Some(0);
        }
    }

    fn wait(&self, _leg: u32, ms: u32) -> Result {
        self.act(format!("wait {ms}"))?;
        self.0.borrow_mut().unix_ms += u64::from(ms);
        Ok(())
    }

    fn play(&self, _leg: u32, prompts: &[String], options: &Vec<(String, String)>) -> Result<Option<String>> {
        if option(options, "background") == Some("yes") {
            return self.act(format!("background {}", prompts.join(" "))).map(|()| None);
        }
        self.exist(prompts)?;
        self.act(format!("play {}", prompts.join(" ")))?;
        let Some(interrupt) = option(options, "interrupt").filter(|digits| !digits.is_empty()) else { return Ok(None) };
        let mut inner = self.0.borrow_mut();
        let Some(dialed) = inner.dialed.front_mut() else { return Ok(None) };
        match dialed.chars().next().filter(|digit| interrupt.contains(*digit)) {
            Some(digit) => {
                dialed.remove(0);
                if dialed.is_empty() {
                    inner.dialed.pop_front();
                }
                Ok(Some(digit.to_string()))
            }
            None => {
                if dialed.is_empty() {
                    inner.dialed.pop_front();
                }
                Ok(None)
            }
        }
    }

    fn read_digits(&self, _leg: u32, max: u32, _timeout: u32, options: &Vec<(String, String)>) -> Result<String> {
        let prompts: Vec<String> =
            options.iter().filter(|(name, _)| name == "prompt").map(|(_, prompt)| prompt.clone()).collect();
        self.exist(&prompts)?;
        self.act([format!("read {max}"), prompts.join(" ")].join(" ").trim_end().to_owned())?;
        let terminators = option(options, "terminators").unwrap_or("#");
        let dialed = self.0.borrow_mut().dialed.pop_front().unwrap_or_default();
        Ok(dialed.chars().take_while(|digit| !terminators.contains(*digit)).take(max as usize).collect())
    }

    fn send_digits(&self, _leg: u32, digits: &str) -> Result {
        self.act(format!("send {digits}"))
    }

    fn echo(&self, _leg: u32, stop: &str) -> Result {
        self.act(format!("echo {stop}").trim_end().to_owned())
    }

    fn next_event(&self, _leg: u32, _timeout: u32) -> Result<Option<Event>> {
        self.act("next-event")?;
        Ok(self.0.borrow_mut().events.pop_front())
    }

    fn dial(
        &self,
        _leg: u32,
        targets: &[String],
        _timeout: u32,
        _options: &Vec<(String, String)>,
    ) -> Result<Vec<(String, String)>> {
        self.act(format!("dial {}", targets.join("&")))?;
        let status = self.0.borrow().dial_status.clone().unwrap_or_else(|| "ANSWER".into());
        Ok(vec![("status".into(), status), ("cause".into(), "16".into())])
    }

    fn record(
        &self,
        _leg: u32,
        name: &str,
        max: u32,
        _options: &Vec<(String, String)>,
    ) -> Result<Vec<(String, String)>> {
        self.act(format!("record {name}"))?;
        let mut inner = self.0.borrow_mut();
        let (ms, ended) = inner.recordings.pop_front().unwrap_or((2_000, "digit".into()));
        let ms = ms.min(max);
        inner.unix_ms += u64::from(ms);
        inner.blobs.insert(name.into(), u64::from(ms) * 16);
        if ended == "gone" {
            inner.patience = Some(0);
        }
        Ok(vec![("blob".into(), name.into()), ("length-ms".into(), ms.to_string()), ("ended".into(), ended)])
    }

    fn variable(&self, _leg: u32, name: &str) -> Option<String> {
        self.0.borrow().variables.get(name).cloned()
    }

    fn set_variable(&self, _leg: u32, name: &str, value: &str) -> Result {
        self.0.borrow_mut().variables.insert(name.into(), value.into());
        Ok(())
    }

    fn evaluate(&self, _leg: u32, expression: &str) -> Result<String> {
        let inner = self.0.borrow();
        let mut text = expression.to_owned();
        for (name, value) in &inner.variables {
            text = text.replace(&format!("${{{name}}}"), value);
        }
        Ok(text)
    }

    fn read_function(&self, _leg: u32, name: &str, arguments: &[String]) -> Result<String> {
        let called = format!("{name}({})", arguments.join(","));
        let known = self.0.borrow().functions.get(&called).cloned();
        known.ok_or_else(|| Error::invalid(format!("no function {called}")))
    }

    fn run(&self, _leg: u32, application: &str, arguments: &str) -> Result {
        self.act(format!("run {application}({arguments})"))?;
        let known = self.0.borrow().applications.get(application).cloned();
        known.unwrap_or_else(|| Err(Error::invalid(format!("no application {application}"))))
    }

    fn goto(&self, _leg: u32, context: Option<&str>, extension: Option<&str>, priority: &str) -> Result {
        let place = format!("{},{},{priority}", context.unwrap_or_default(), extension.unwrap_or_default());
        self.0.borrow_mut().went = Some(place);
        Ok(())
    }

    fn blob_list(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<(String, u64)>> {
        let inner = self.0.borrow();
        let found = inner.blobs.iter().map(|(name, bytes)| (name.clone(), *bytes));
        let wanted =
            found.filter(|(name, _)| name.starts_with(prefix) && after.is_none_or(|after| name.as_str() > after));
        Ok(wanted.take(limit as usize).collect())
    }

    fn blob_rename(&self, from: &str, to: &str) -> Result<bool> {
        let mut inner = self.0.borrow_mut();
        let Some(bytes) = inner.blobs.remove(from) else { return Ok(false) };
        inner.blobs.insert(to.into(), bytes);
        Ok(true)
    }

    fn blob_remove(&self, name: &str) -> Result<bool> {
        Ok(self.0.borrow_mut().blobs.remove(name).is_some())
    }

    fn http_send(&self, request: Request, _options: &Vec<(String, String)>) -> Result<Response> {
        self.act(format!("http {} {}", request.method, request.url))?;
        let mut inner = self.0.borrow_mut();
        let answers = inner.servers.get_mut(&request.url);
        let answer = answers.and_then(|answers| match answers.len() {
            0 | 1 => answers.front().cloned(),
            _ => answers.pop_front(),
        });
        inner.requests.push(request);
        answer.unwrap_or_else(|| Err(Error::new(Code::Denied, "not one of the hosts that may be asked")))
    }

    fn metrics_add(&self, name: &str, by: u64) -> Result {
        *self.0.borrow_mut().metrics.entry(name.into()).or_default() += i128::from(by);
        Ok(())
    }

    fn metrics_set(&self, name: &str, value: i64) -> Result {
        self.0.borrow_mut().metrics.insert(name.into(), value.into());
        Ok(())
    }

    fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        Ok(self.0.borrow().values.get(key).cloned())
    }

    fn kv_set(&self, key: &str, value: &[u8]) -> Result {
        self.0.borrow_mut().values.insert(key.into(), value.into());
        Ok(())
    }

    fn kv_swap(&self, key: &str, old: Option<&[u8]>, new: Option<&[u8]>) -> Result<bool> {
        let mut inner = self.0.borrow_mut();
        if inner.values.get(key).map(Vec::as_slice) != old {
            return Ok(false);
        }
        match new {
            Some(new) => inner.values.insert(key.into(), new.into()),
            None => inner.values.remove(key),
        };
        Ok(true)
    }

    fn kv_delete(&self, key: &str) -> Result {
        self.0.borrow_mut().values.remove(key);
        Ok(())
    }

    fn kv_keys(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>> {
        let inner = self.0.borrow();
        let wanted = inner
            .values
            .keys()
            .filter(|key| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after))
            .take(limit as usize);
        Ok(wanted.cloned().collect())
    }

    fn ask(&self, request: &[u8], _timeout: u32) -> Result<Vec<u8>> {
        let (answer, service) = {
            let mut inner = self.0.borrow_mut();
            (inner.answers.pop_front(), inner.service.clone())
        };
        match (answer, service) {
            (Some(answer), _) => answer,
            (None, Some(service)) => service(request),
            (None, None) => Err(Error::unsupported("this plugin has no service")),
        }
    }

    fn choose(
        &self,
        strategy: &str,
        _question: &Vec<(String, String)>,
        candidates: &[Candidate],
    ) -> Result<Vec<String>> {
        let known = self.0.borrow().strategies.get(strategy).cloned();
        known.ok_or_else(|| Error::invalid(format!("no plugin has the strategy {strategy:?}")))?(candidates)
    }

    fn subscribe(&self, prefix: &str) -> Result {
        let mut inner = self.0.borrow_mut();
        if !inner.subscribed.iter().any(|known| known == prefix) {
            inner.subscribed.push(prefix.into());
        }
        Ok(())
    }

    fn unsubscribe(&self, prefix: &str) -> Result<bool> {
        let mut inner = self.0.borrow_mut();
        let before = inner.subscribed.len();
        inner.subscribed.retain(|known| known != prefix);
        Ok(inner.subscribed.len() < before)
    }

    fn publish(&self, topic: &str, data: &Vec<(String, String)>) -> Result<u32> {
        let data = data.iter().map(|(name, value)| format!(" {name}={value}"));
        let line = [topic.to_owned()].into_iter().chain(data).collect();
        self.0.borrow_mut().published.push(line);
        Ok(0)
    }

    fn device(&self, endpoint: &str) -> Option<String> {
        self.0.borrow().devices.get(endpoint).cloned()
    }

    fn after(&self, name: &str, delay: u32, _data: &Vec<(String, String)>) -> Result {
        let mut inner = self.0.borrow_mut();
        inner.patterns.remove(name);
        inner.timers.insert(name.into(), delay);
        Ok(())
    }

    fn at(&self, name: &str, pattern: &str, _data: &Vec<(String, String)>) -> Result {
        let mut inner = self.0.borrow_mut();
        inner.timers.remove(name);
        inner.patterns.insert(name.into(), pattern.into());
        Ok(())
    }

    fn cancel(&self, name: &str) -> Result<bool> {
        let mut inner = self.0.borrow_mut();
        Ok(inner.timers.remove(name).is_some() | inner.patterns.remove(name).is_some())
    }

    fn line_offer(&self, to: &str, description: &str, options: &Vec<(String, String)>) -> Result<String> {
        let mut inner = self.0.borrow_mut();
        if inner.lines_refused {
            return Err(Error::new(Code::Limit, "no more lines"));
        }
        inner.lines_offered += 1;
        let id = format!("offered-{}", inner.lines_offered);
        let given: String = options.iter().map(|(name, value)| format!(" {name}={value}")).collect();
        inner.actions.push(format!("offer {id} {to} {description}{given}"));
        inner.lines.push(id.clone());
        Ok(id)
    }

    fn line_find(&self, id: &str) -> bool {
        self.0.borrow().lines.iter().any(|line| line == id)
    }

    fn line_ring(&self, id: &str) -> Result {
        self.on_line(id, "ring")
    }

    fn line_progress(&self, id: &str, description: &str) -> Result {
        self.on_line(id, &format!("progress {description}"))
    }

    fn line_answer(&self, id: &str, description: &str) -> Result {
        self.on_line(id, &format!("answer {description}"))
    }

    fn line_hang_up(&self, id: &str, cause: u16) {
        // On one that is over it does nothing, here as there.
        if self.on_line(id, &format!("hang-up {cause}")).is_ok() {
            self.0.borrow_mut().lines.retain(|line| line != id);
        }
    }

    fn log(&self, level: &str, message: &str) {
        self.0.borrow_mut().log.push(format!("{level} {message}"));
    }

    fn now(&self) -> (u64, u64) {
        let now = self.0.borrow().unix_ms;
        (now, now % 1_000_000)
    }

    /// The same bytes in every test (xorshift).
    fn random(&self, bytes: u32) -> Vec<u8> {
        let mut inner = self.0.borrow_mut();
        let mut next = || {
            let mut x = if inner.random == 0 { 0x9e37_79b9_7f4a_7c15 } else { inner.random };
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            inner.random = x;
            x.to_le_bytes()[3]
        };
        (0..bytes).map(|_| next()).collect()
    }

    fn config(&self, key: &str) -> Option<String> {
        self.0.borrow().config.get(key).cloned()
    }
}

#[cfg(test)]
mod tests;
