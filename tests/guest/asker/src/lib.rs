//! A plugin that asks other servers: `Ask(method,url,headers,body,timeout-ms)`, `AskMany(url,count)`, `AskService(url)` by way of its
//! service, and `ASK(url)`, which may not.
//!
//! They leave the response's status or the error's code in `ASKSTATUS`, and its body or the error's detail in `ASKBODY`.

use std::time::Duration;

use jackfield_sdk::http::{self, Request, Response};
use jackfield_sdk::{Function, Leg, Result, Service, apps, functions, metrics, service, system};

apps! { "Ask" => ask, "AskMany" => ask_many, "AskService" => ask_service }
functions! { "ASK" => ask_value }
service! { Asker }

/// `Ask(method,url,headers,body,timeout-ms)`: the two in the middle are numbers, of headers or of bytes, or `NAME=VALUE` and a text.
fn ask(leg: Leg, arguments: &str) -> Result {
    let mut parts = arguments.split(',');
    let mut next = || parts.next().unwrap_or_default();
    let mut request = Request::new(next(), next());
    request.headers = match next() {
        "" => Vec::new(),
        text => match (text.parse::<usize>(), text.split_once('=')) {
            (Ok(count), _) => (0..count).map(|number| (format!("x-{number}"), String::new())).collect(),
            (_, Some((name, value))) => vec![(name.into(), value.replace("\\r", "\r").replace("\\n", "\n"))],
            (_, None) => vec![(text.into(), String::new())],
        },
    };
    let body = next();
    request.body = body.parse::<usize>().map_or_else(|_| body.into(), |bytes| vec![b'x'; bytes]);
    if let Ok(ms) = next().parse() {
        request = request.timeout(Duration::from_millis(ms));
    }
    tell(&leg, request.send())
}

/// `AskMany(url,count)`: the last answer counts.
fn ask_many(leg: Leg, arguments: &str) -> Result {
    let (url, count) = arguments.split_once(',').unwrap_or((arguments, "1"));
    for _ in 1..count.parse().unwrap_or(1) {
        http::get(url)?;
    }
    tell(&leg, http::get(url))
}

/// `AskService(url)`: the service asks.
fn ask_service(leg: Leg, url: &str) -> Result {
    let answer = system::ask(url.as_bytes(), Duration::from_secs(60));
    leg.set_variable("ASKSTATUS", answer.as_ref().map_or_else(|error| error.code.as_str(), |_| "200"))
}

fn tell(leg: &Leg, answer: Result<Response>) -> Result {
    metrics::add("asked", 1)?;
    metrics::set("last_bytes", answer.as_ref().map_or(-1, |answer| answer.body.len() as i64))?;
    let (status, body) = match answer {
        Ok(answer) => (answer.status.to_string(), String::from_utf8_lossy(&answer.body).into_owned()),
        Err(error) => (error.code.as_str().to_owned(), error.detail),
    };
    leg.set_variable("ASKSTATUS", &status)?;
    // A variable holds 4,096 bytes.
    leg.set_variable("ASKBODY", body.get(..4_096).unwrap_or(&body))
}

/// `ASK(url)`: an error's code and text are its value.
fn ask_value(function: Function<'_>) -> Result<String> {
    Ok(http::get(function.argument(0)).map_or_else(|error| error.to_string(), |answer| answer.status.to_string()))
}

/// Asks for the URL of each request.
struct Asker;

impl Service for Asker {
    fn start(_restored: Option<Vec<u8>>) -> Result<Self> {
        Ok(Self)
    }

    fn answer(&mut self, request: &[u8]) -> Result<Vec<u8>> {
        Ok(http::get(String::from_utf8_lossy(request))?.body)
    }
}
