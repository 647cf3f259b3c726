//! Outside a component the host's functions go to a fake of this thread. `jackfield-testkit` is one.

use std::cell::RefCell;
use std::rc::Rc;

use super::Options;
use crate::http::{Request, Response};
use crate::strategy::Candidate;
use crate::{Event, Result};

/// What stands in for the host in a native test. One method per function of the WIT package, with the same meaning.
#[allow(missing_docs, reason = "each is documented in wit/v0.1 under the same name")]
pub trait Fake {
    fn id(&self, leg: u32) -> String;
    fn attribute(&self, leg: u32, name: &str) -> Option<String>;
    fn set_attribute(&self, leg: u32, name: &str, value: &str) -> Result;
    fn ring(&self, leg: u32) -> Result;
    fn progress(&self, leg: u32) -> Result;
    fn answer(&self, leg: u32) -> Result;
    fn hang_up(&self, leg: u32, cause: u16);
    fn wait(&self, leg: u32, ms: u32) -> Result;
    fn play(&self, leg: u32, prompts: &[String], options: &Options) -> Result<Option<String>>;
    fn read_digits(&self, leg: u32, max: u32, timeout: u32, options: &Options) -> Result<String>;
    fn send_digits(&self, leg: u32, digits: &str) -> Result;
    fn echo(&self, leg: u32, stop: &str) -> Result;
    fn next_event(&self, leg: u32, timeout: u32) -> Result<Option<Event>>;
    fn dial(&self, leg: u32, targets: &[String], timeout: u32, options: &Options) -> Result<Options>;
    fn record(&self, leg: u32, name: &str, max: u32, options: &Options) -> Result<Options>;
    fn variable(&self, leg: u32, name: &str) -> Option<String>;
    fn set_variable(&self, leg: u32, name: &str, value: &str) -> Result;
    fn evaluate(&self, leg: u32, expression: &str) -> Result<String>;
    fn read_function(&self, leg: u32, name: &str, arguments: &[String]) -> Result<String>;
    fn run(&self, leg: u32, application: &str, arguments: &str) -> Result;
    fn goto(&self, leg: u32, context: Option<&str>, extension: Option<&str>, priority: &str) -> Result;
    fn blob_list(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<(String, u64)>>;
    fn blob_rename(&self, from: &str, to: &str) -> Result<bool>;
    fn blob_remove(&self, name: &str) -> Result<bool>;
    fn http_send(&self, request: Request, options: &Options) -> Result<Response>;
    fn metrics_add(&self, name: &str, by: u64) -> Result;
    fn metrics_set(&self, name: &str, value: i64) -> Result;
    fn kv_get(&self, key: &str) -> Result<Option<Vec<u8>>>;
    fn kv_set(&self, key: &str, value: &[u8]) -> Result;
    fn kv_swap(&self, key: &str, old: Option<&[u8]>, new: Option<&[u8]>) -> Result<bool>;
    fn kv_delete(&self, key: &str) -> Result;
    fn kv_keys(&self, prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>>;
    fn ask(&self, request: &[u8], timeout: u32) -> Result<Vec<u8>>;
    fn choose(&self, strategy: &str, question: &Options, candidates: &[Candidate]) -> Result<Vec<String>>;
    fn subscribe(&self, prefix: &str) -> Result;
    fn unsubscribe(&self, prefix: &str) -> Result<bool>;
    fn publish(&self, topic: &str, data: &Options) -> Result<u32>;
    fn device(&self, endpoint: &str) -> Option<String>;
    fn after(&self, name: &str, delay: u32, data: &Options) -> Result;
    fn at(&self, name: &str, pattern: &str, data: &Options) -> Result;
    fn cancel(&self, name: &str) -> Result<bool>;
    fn line_offer(&self, to: &str, description: &str, options: &Options) -> Result<String>;
    fn line_find(&self, id: &str) -> bool;
    fn line_ring(&self, id: &str) -> Result;
    fn line_progress(&self, id: &str, description: &str) -> Result;
    fn line_answer(&self, id: &str, description: &str) -> Result;
    fn line_hang_up(&self, id: &str, cause: u16);
    fn log(&self, level: &str, message: &str);
    fn now(&self) -> (u64, u64);
    fn random(&self, bytes: u32) -> Vec<u8>;
    fn config(&self, key: &str) -> Option<String>;
}

thread_local! {
    static FAKE: RefCell<Option<Rc<dyn Fake>>> = const { RefCell::new(None) };
}

/// Makes `fake` the host of this thread while `body` runs.
pub fn with_fake<T>(fake: Rc<dyn Fake>, body: impl FnOnce() -> T) -> T {
    struct Restore(Option<Rc<dyn Fake>>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let before = self.0.take();
            FAKE.with(|current| *current.borrow_mut() = before);
        }
    }
    let _restore = Restore(FAKE.with(|current| current.borrow_mut().replace(fake)));
    body()
}

/// A leg of the fake host, by its number there.
pub fn leg(number: u32) -> crate::Leg {
    crate::Leg(Leg(number))
}

fn fake() -> Rc<dyn Fake> {
    FAKE.with(|current| current.borrow().clone())
        .expect("outside a component the SDK works within jackfield_testkit::Fake::run only")
}

#[derive(Debug)]
pub(crate) struct Leg(u32);

#[derive(Debug)]
pub(crate) struct Line(String);

pub(crate) fn id(leg: &Leg) -> String {
    fake().id(leg.0)
}
pub(crate) fn attribute(leg: &Leg, name: &str) -> Option<String> {
    fake().attribute(leg.0, name)
}
pub(crate) fn set_attribute(leg: &Leg, name: &str, value: &str) -> Result {
    fake().set_attribute(leg.0, name, value)
}
pub(crate) fn ring(leg: &Leg) -> Result {
    fake().ring(leg.0)
}
pub(crate) fn progress(leg: &Leg) -> Result {
    fake().progress(leg.0)
}
pub(crate) fn answer(leg: &Leg) -> Result {
    fake().answer(leg.0)
}
pub(crate) fn hang_up(leg: &Leg, cause: u16) {
    fake().hang_up(leg.0, cause);
}
pub(crate) fn wait(leg: &Leg, ms: u32) -> Result {
    fake().wait(leg.0, ms)
}
pub(crate) fn play(leg: &Leg, prompts: &[String], options: &Options) -> Result<Option<String>> {
    fake().play(leg.0, prompts, options)
}
pub(crate) fn read_digits(leg: &Leg, max: u32, timeout: u32, options: &Options) -> Result<String> {
    fake().read_digits(leg.0, max, timeout, options)
}
pub(crate) fn send_digits(leg: &Leg, digits: &str) -> Result {
    fake().send_digits(leg.0, digits)
}
pub(crate) fn echo(leg: &Leg, stop: &str) -> Result {
    fake().echo(leg.0, stop)
}
pub(crate) fn next_event(leg: &Leg, timeout: u32) -> Result<Option<Event>> {
    fake().next_event(leg.0, timeout)
}
pub(crate) fn dial(leg: &Leg, targets: &[String], timeout: u32, options: &Options) -> Result<Options> {
    fake().dial(leg.0, targets, timeout, options)
}
pub(crate) fn record(leg: &Leg, name: &str, max: u32, options: &Options) -> Result<Options> {
    fake().record(leg.0, name, max, options)
}
pub(crate) fn variable(leg: &Leg, name: &str) -> Option<String> {
    fake().variable(leg.0, name)
}
pub(crate) fn set_variable(leg: &Leg, name: &str, value: &str) -> Result {
    fake().set_variable(leg.0, name, value)
}
pub(crate) fn evaluate(leg: &Leg, expression: &str) -> Result<String> {
    fake().evaluate(leg.0, expression)
}
pub(crate) fn read_function(leg: &Leg, name: &str, arguments: &[String]) -> Result<String> {
    fake().read_function(leg.0, name, arguments)
}
pub(crate) fn run(leg: &Leg, application: &str, arguments: &str) -> Result {
    fake().run(leg.0, application, arguments)
}
pub(crate) fn goto(leg: &Leg, context: Option<&str>, extension: Option<&str>, priority: &str) -> Result {
    fake().goto(leg.0, context, extension, priority)
}
pub(crate) fn blob_list(prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<(String, u64)>> {
    fake().blob_list(prefix, after, limit)
}
pub(crate) fn blob_rename(from: &str, to: &str) -> Result<bool> {
    fake().blob_rename(from, to)
}
pub(crate) fn blob_remove(name: &str) -> Result<bool> {
    fake().blob_remove(name)
}
pub(crate) fn http_send(request: Request, options: &Options) -> Result<Response> {
    fake().http_send(request, options)
}
pub(crate) fn metrics_add(name: &str, by: u64) -> Result {
    fake().metrics_add(name, by)
}
pub(crate) fn metrics_set(name: &str, value: i64) -> Result {
    fake().metrics_set(name, value)
}
pub(crate) fn kv_get(key: &str) -> Result<Option<Vec<u8>>> {
    fake().kv_get(key)
}
pub(crate) fn kv_set(key: &str, value: &[u8]) -> Result {
    fake().kv_set(key, value)
}
pub(crate) fn kv_swap(key: &str, old: Option<&[u8]>, new: Option<&[u8]>) -> Result<bool> {
    fake().kv_swap(key, old, new)
}
pub(crate) fn kv_delete(key: &str) -> Result {
    fake().kv_delete(key)
}
pub(crate) fn kv_keys(prefix: &str, after: Option<&str>, limit: u32) -> Result<Vec<String>> {
    fake().kv_keys(prefix, after, limit)
}
pub(crate) fn ask(request: &[u8], timeout: u32) -> Result<Vec<u8>> {
    fake().ask(request, timeout)
}
pub(crate) fn choose(strategy: &str, question: &Options, candidates: &[Candidate]) -> Result<Vec<String>> {
    fake().choose(strategy, question, candidates)
}
pub(crate) fn subscribe(prefix: &str) -> Result {
    fake().subscribe(prefix)
}
pub(crate) fn unsubscribe(prefix: &str) -> Result<bool> {
    fake().unsubscribe(prefix)
}
pub(crate) fn publish(topic: &str, data: &Options) -> Result<u32> {
    fake().publish(topic, data)
}
pub(crate) fn device(endpoint: &str) -> Option<String> {
    fake().device(endpoint)
}
pub(crate) fn after(name: &str, delay: u32, data: &Options) -> Result {
    fake().after(name, delay, data)
}
pub(crate) fn at(name: &str, pattern: &str, data: &Options) -> Result {
    fake().at(name, pattern, data)
}
pub(crate) fn cancel(name: &str) -> Result<bool> {
    fake().cancel(name)
}
pub(crate) fn line_offer(to: &str, description: &str, options: &Options) -> Result<Line> {
    fake().line_offer(to, description, options).map(Line)
}
pub(crate) fn line_find(id: &str) -> Option<Line> {
    fake().line_find(id).then(|| Line(id.to_owned()))
}
pub(crate) fn line_id(line: &Line) -> String {
    line.0.clone()
}
pub(crate) fn line_ring(line: &Line) -> Result {
    fake().line_ring(&line.0)
}
pub(crate) fn line_progress(line: &Line, description: &str) -> Result {
    fake().line_progress(&line.0, description)
}
pub(crate) fn line_answer(line: &Line, description: &str) -> Result {
    fake().line_answer(&line.0, description)
}
pub(crate) fn line_hang_up(line: &Line, cause: u16) {
    fake().line_hang_up(&line.0, cause);
}
pub(crate) fn log(level: &str, message: &str) {
    fake().log(level, message);
}
pub(crate) fn now() -> (u64, u64) {
    fake().now()
}
pub(crate) fn random(bytes: u32) -> Vec<u8> {
    fake().random(bytes)
}
pub(crate) fn config(key: &str) -> Option<String> {
    fake().config(key)
}
