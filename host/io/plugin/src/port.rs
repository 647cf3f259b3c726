//! The two doors a plugin's host calls leave by: the call it works on, and its tenant.
//!
//! The switch implements both. Futures are awaited on the guests' own runtime, so they must not need a reactor of the
//! caller's (a channel to a task is right). Dropping a future must be safe at any point: that is how a run is killed.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use call::{LegId, Outcome, Request, RequestError};
use serde::{Deserialize, Serialize};

use crate::hosts::HostPattern;
use crate::manifest::Secrets;
use crate::tenant::Driver;

/// An owned, boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The call one run belongs to: whatever the plugin asks of it becomes a request like a phone's or the API's.
pub trait CallPort: Send + Sync + 'static {
    /// The call, as its record names it.
    fn name(&self) -> String;

    /// Does one thing to the call; answered by `call::Effect::Reply`.
    fn request(&self, request: Request) -> BoxFuture<'_, Result<Outcome, RequestError>>;

    /// A channel variable, a global or a host variable; none if there is none.
    fn variable<'a>(&'a self, leg: LegId, name: &'a str) -> BoxFuture<'a, Option<String>>;

    /// Sets a channel variable.
    fn set_variable<'a>(&'a self, leg: LegId, name: &'a str, value: &'a str)
    -> BoxFuture<'a, Result<(), RequestError>>;

    /// Evaluates dialplan text: `${…}` and `$[…]`.
    fn evaluate<'a>(&'a self, leg: LegId, expression: &'a str) -> BoxFuture<'a, Result<String, RequestError>>;

    /// Runs another application of the tenant on the leg and returns when it is over.
    fn run<'a>(
        &'a self,
        leg: LegId,
        application: &'a str,
        arguments: &'a str,
    ) -> BoxFuture<'a, Result<(), RequestError>>;

    /// The value of a function of the tenant's plugins.
    fn read_function<'a>(
        &'a self,
        leg: LegId,
        name: &'a str,
        arguments: Vec<String>,
    ) -> BoxFuture<'a, Result<String, RequestError>>;

    /// Where the dialplan goes on after this run; `None` means the present context or extension.
    fn goto<'a>(
        &'a self,
        leg: LegId,
        context: Option<&'a str>,
        extension: Option<&'a str>,
        priority: &'a str,
    ) -> BoxFuture<'a, Result<(), RequestError>>;

    /// Resolves when the run's leg is gone; pending until then. The run's grace period begins here.
    fn gone(&self) -> BoxFuture<'_, ()>;
}

/// A plugin's own keys in its tenant. Both values come from the deployment, never from the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KvSpace<'a> {
    /// The plugin's id: keys of two plugins never meet.
    pub plugin: &'a str,
    /// Bytes that the manifest asks for. The tenant's own bound per plugin holds besides: the smaller of both.
    pub quota: Option<u64>,
}

/// The tenant a deployment belongs to.
pub trait TenantPort: Send + Sync + 'static {
    /// A value of the plugin's kv space.
    fn kv_get<'a>(&'a self, space: KvSpace<'a>, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KvError>>;

    /// Puts a value; resolves when it is durable.
    fn kv_set<'a>(&'a self, space: KvSpace<'a>, key: &'a str, value: Vec<u8>) -> BoxFuture<'a, Result<(), KvError>>;

    /// Compare and swap, `None` being absence; resolves when it is durable.
    fn kv_swap<'a>(
        &'a self,
        space: KvSpace<'a>,
        key: &'a str,
        old: Option<Vec<u8>>,
        new: Option<Vec<u8>>,
    ) -> BoxFuture<'a, Result<bool, KvError>>;

    /// Deletes a key; resolves when it is durable.
    fn kv_delete<'a>(&'a self, space: KvSpace<'a>, key: &'a str) -> BoxFuture<'a, Result<(), KvError>>;

    /// Keys with a prefix, in byte order, greater than `after`.
    fn kv_keys<'a>(
        &'a self,
        space: KvSpace<'a>,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<String>, KvError>>;

    /// Blobs of a plugin whose names begin with `prefix`, in byte order, greater than `after`: name and bytes. The plugin's id comes from
    /// the deployment, never from the guest; so with all that follow.
    fn blob_list<'a>(
        &'a self,
        plugin: &'a str,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<(String, u64)>, BlobFailure>>;

    /// Gives a blob of a plugin another name, over one that has it; resolves when it is durable. False if there is none.
    fn blob_rename<'a>(
        &'a self,
        plugin: &'a str,
        from: &'a str,
        to: &'a str,
    ) -> BoxFuture<'a, Result<bool, BlobFailure>>;

    /// Removes a blob of a plugin; resolves when it is durable. False if there is none.
    fn blob_remove<'a>(&'a self, plugin: &'a str, name: &'a str) -> BoxFuture<'a, Result<bool, BlobFailure>>;

    /// Sends a plugin's request to another server, within its bounds; dropping the future ends it.
    fn http<'a>(&'a self, plugin: &'a str, request: HttpRequest) -> BoxFuture<'a, Result<HttpResponse, HttpFailure>>;

    /// Bytes that the plugin keeps in its kv space. Reads the disk where nobody has used the space since the start.
    fn kv_bytes(&self, plugin: &str) -> u64;

    /// Bytes that the plugin keeps in blobs. Reads the disk where nobody has used the tenant's blobs since the start.
    fn blob_bytes(&self, plugin: &str) -> u64;

    /// The tenant's settings for the plugin as they are now; what is not there has the manifest's default.
    fn settings(&self, plugin: &str) -> Arc<BTreeMap<String, String>>;

    /// A line of the plugin's log, already within its quota. Must not block.
    fn log(&self, record: LogRecord<'_>);

    /// The IANA name of the tenant's time zone.
    fn time_zone(&self) -> String;

    /// Resolves when so much time has passed on the tenant's clock.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;

    /// A party of a channel driver's network calls: the id of its line, which is the driver's already. Must not block.
    fn offer_line(&self, driver: Driver, offer: LineOffer) -> Result<String, LineRefusal>;

    /// What an endpoint is doing, in the words of WIT `event.device`; none if there is no such endpoint. Must not block.
    fn device(&self, endpoint: &str) -> Option<&'static str>;

    /// The two clocks a guest may see; the host makes them coarse.
    fn clock(&self) -> Clock;
}

/// Why the tenant's store refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum KvError {
    /// The plugin's quota in its tenant is used up.
    #[error("quota: {0}")]
    Limit(String),
    /// The store could not do it.
    #[error("{0}")]
    Failed(String),
}

/// The store could not do what was asked with a blob.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{0}")]
pub struct BlobFailure(pub String);

/// A plugin's request to another server; what has a bound in `limit` keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpRequest {
    /// The method, as the guest wrote it.
    pub method: String,
    /// The URL, as the guest wrote it.
    pub url: String,
    /// The headers, as the guest wrote them.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    /// The longest it may take.
    pub timeout: Duration,
    /// Redirections that are followed.
    pub redirects: u32,
    /// The hosts that the plugin's manifest names. The tenant's file may name more.
    pub hosts: Vec<HostPattern>,
    /// The secrets that its manifest names, and the hosts they are for: a header's value has them as `{{secret:NAME}}`.
    pub secrets: Secrets,
}

/// What another server said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HttpResponse {
    /// The status code.
    pub status: u16,
    /// What was asked in the end.
    pub url: String,
    /// The headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// Why another server said nothing. The texts are for the plugin's author and hold no address that the plugin does not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum HttpFailure {
    /// What is asked is no request.
    #[error("{0}")]
    Invalid(String),
    /// It may not be asked.
    #[error("{0}")]
    Denied(String),
    /// A bound is reached.
    #[error("{0}")]
    Limit(String),
    /// It took too long.
    #[error("{0}")]
    Timeout(String),
    /// It was tried and did not work.
    #[error("{0}")]
    Failed(String),
}

/// A line of a channel driver, as the driver acts on it. None of this blocks.
pub trait LinePort: Send + Sync + 'static {
    /// The party rings.
    fn ring(&self) -> Result<(), LineRefusal>;

    /// The party is heard before it answers.
    fn progress(&self, description: String) -> Result<(), LineRefusal>;

    /// The party answers.
    fn answer(&self, description: String) -> Result<(), LineRefusal>;

    /// The line is over, for a Q.850 cause. Does nothing if it is already.
    fn hang_up(&self, cause: u16);
}

/// A call from a driver's network; what has a bound in `limit` keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineOffer {
    /// What is dialled.
    pub to: String,
    /// The caller's number; may be empty.
    pub number: String,
    /// The caller's name; may be empty.
    pub name: String,
    /// The caller's SDP offer.
    pub description: String,
    /// The line for whose sake it calls.
    pub because: Option<String>,
}

/// Why a driver cannot do that with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LineRefusal {
    /// It is over.
    #[error("the line is over")]
    Gone,
    /// It makes no sense, or not now.
    #[error("{0}")]
    Invalid(String),
    /// The tenant does not let it.
    #[error("{0}")]
    Denied(String),
    /// There are as many as there may be.
    #[error("{0}")]
    Limit(String),
    /// There is nobody who could be told of it.
    #[error("{0}")]
    Unsupported(String),
}

/// One line a plugin logged.
#[derive(Clone, Copy, Debug)]
pub struct LogRecord<'a> {
    /// The plugin's id.
    pub plugin: &'a str,
    /// The version that logged it.
    pub version: &'a str,
    /// The application or function that ran; empty for a service.
    pub run: &'a str,
    /// How bad it is.
    pub level: LogLevel,
    /// The text, at most 4,096 bytes, control characters replaced.
    pub message: &'a str,
}

/// How bad a line of a plugin's log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// For the author.
    Debug,
    /// Ordinary.
    Info,
    /// Somebody should look.
    Warn,
    /// Something did not work.
    Error,
}

/// A reading of both clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Milliseconds since 1970, UTC.
    pub unix_ms: u64,
    /// Milliseconds since the start of the host.
    pub up_ms: u64,
}
