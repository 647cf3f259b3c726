//! Asking other servers by HTTP. Capability `http`, with the hosts that may be asked in `plugin.toml`:
//!
//! ```toml
//! [capabilities]
//! http = { hosts = ["api.example.com"] }
//! ```
//!
//! ```
//! use jackfield_sdk::{Leg, Result, apps, http};
//!
//! apps! { "Weather" => weather }
//!
//! /// Weather(town): says what an API knows, or that it knows nothing.
//! fn weather(leg: Leg, town: &str) -> Result {
//!     leg.answer()?;
//!     let answer = http::get(format!("https://api.example.com/weather/{town}"))?;
//!     match (answer.status, answer.text()) {
//!         (200, Ok("rain")) => leg.play("weather/rain"),
//!         (200, _) => leg.play("weather/sun"),
//!         _ => leg.play("weather/unknown"),
//!     }
//! }
//! # fn main() {}
//! ```
//!
//! A header's value may have secrets of the tenant, which the plugin never sees: `Bearer {{secret:API_KEY}}`, with
//! `secrets = { API_KEY = {} }` beside `hosts`.
//!
//! What the host refuses is `Code::Denied`, and the administrator's log says why. A status such as 404 is a response, not an error.

use std::time::Duration;

use crate::host::port;
use crate::{Error, Result};

/// A request, until it is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct Request {
    /// `GET`, `POST`, …
    pub method: String,
    /// Where to.
    pub url: String,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    timeout: Option<Duration>,
    redirects: Option<u32>,
}

/// What a server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// The URL that was asked in the end, after redirections.
    pub url: String,
    /// Names in lower case, and values.
    pub headers: Vec<(String, String)>,
    /// The body, not decoded.
    pub body: Vec<u8>,
}

/// Asks for a URL.
pub fn get(url: impl Into<String>) -> Result<Response> {
    Request::new("GET", url).send()
}

impl Request {
    /// A request by `method`.
    pub fn new(method: &str, url: impl Into<String>) -> Self {
        let (method, url) = (method.to_owned(), url.into());
        Self { method, url, headers: Vec::new(), body: Vec::new(), timeout: None, redirects: None }
    }

    /// A POST of `body`.
    pub fn post(url: impl Into<String>, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..Self::new("POST", url) }
    }

    /// A header more.
    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// The longest it may take, at most a minute; ten seconds unless said.
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout: Some(timeout), ..self }
    }

    /// How many redirections are followed, at most 5; 5 unless said.
    pub fn redirects(self, redirects: u32) -> Self {
        Self { redirects: Some(redirects), ..self }
    }

    /// Sends it and waits for all of the response.
    pub fn send(self) -> Result<Response> {
        let mut options = Vec::new();
        if let Some(timeout) = self.timeout {
            options.push(("timeout-ms".to_owned(), timeout.as_millis().to_string()));
        }
        if let Some(redirects) = self.redirects {
            options.push(("redirects".to_owned(), redirects.to_string()));
        }
        port::http_send(self, &options)
    }
}

impl Response {
    /// The first value of a header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> Result<&str> {
        std::str::from_utf8(&self.body).map_err(|_| Error::failed(format!("what {} said is not text", self.url)))
    }

    /// Whether the status is one of success, 200 to 299.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}
