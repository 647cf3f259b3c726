//! The doors with a tape in them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use call::{LegId, Outcome, Request, RequestError};
use serde::{Deserialize, Serialize};

use super::Tape;
use crate::loader::Digest;
use crate::port::{
    BlobFailure, BoxFuture, CallPort, Clock, HttpFailure, HttpRequest, HttpResponse, KvError, KvSpace, LineOffer,
    LineRefusal, LogRecord, TenantPort,
};
use crate::tenant::Driver;

/// What a replayed run reaches where it should not.
const NOTHING_BEHIND: &str = "a replayed run has nothing behind it";

impl Tape {
    fn call(&self) -> &dyn CallPort {
        &*self.doors().expect(NOTHING_BEHIND).call
    }

    fn tenant(&self) -> &dyn TenantPort {
        &*self.doors().expect(NOTHING_BEHIND).tenant
    }
}

impl CallPort for Tape {
    fn name(&self) -> String {
        self.doors().map(|doors| doors.call.name()).unwrap_or_default()
    }

    fn request(&self, request: Request) -> BoxFuture<'_, Result<Outcome, RequestError>> {
        let asked = format!("{request:?}");
        self.cross(asked, || self.call().request(request))
    }

    fn variable<'a>(&'a self, leg: LegId, name: &'a str) -> BoxFuture<'a, Option<String>> {
        self.cross(format!("variable {leg} {name:?}"), || self.call().variable(leg, name))
    }

    fn set_variable<'a>(
        &'a self,
        leg: LegId,
        name: &'a str,
        value: &'a str,
    ) -> BoxFuture<'a, Result<(), RequestError>> {
        self.cross(format!("set variable {leg} {name:?} {value:?}"), || self.call().set_variable(leg, name, value))
    }

    fn evaluate<'a>(&'a self, leg: LegId, expression: &'a str) -> BoxFuture<'a, Result<String, RequestError>> {
        self.cross(format!("evaluate {leg} {expression:?}"), || self.call().evaluate(leg, expression))
    }

    fn run<'a>(
        &'a self,
        leg: LegId,
        application: &'a str,
        arguments: &'a str,
    ) -> BoxFuture<'a, Result<(), RequestError>> {
        let asked = format!("run {leg} {application}({arguments:?})");
        self.cross(asked, || self.call().run(leg, application, arguments))
    }

    fn read_function<'a>(
        &'a self,
        leg: LegId,
        name: &'a str,
        arguments: Vec<String>,
    ) -> BoxFuture<'a, Result<String, RequestError>> {
        let asked = format!("read function {leg} {name} {arguments:?}");
        self.cross(asked, || self.call().read_function(leg, name, arguments))
    }

    fn goto<'a>(
        &'a self,
        leg: LegId,
        context: Option<&'a str>,
        extension: Option<&'a str>,
        priority: &'a str,
    ) -> BoxFuture<'a, Result<(), RequestError>> {
        let asked = format!("go to {leg} {context:?} {extension:?} {priority:?}");
        self.cross(asked, || self.call().goto(leg, context, extension, priority))
    }

    /// A recorded end of the leg is in the answers.
    fn gone(&self) -> BoxFuture<'_, ()> {
        match self.doors() {
            Some(doors) => doors.call.gone(),
            None => Box::pin(std::future::pending()),
        }
    }
}

impl TenantPort for Tape {
    fn kv_get<'a>(&'a self, space: KvSpace<'a>, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KvError>> {
        let live = || -> BoxFuture<'a, Result<Option<Octets>, KvError>> {
            let value = self.tenant().kv_get(space, key);
            Box::pin(async { value.await.map(|value| value.map(Octets::from)) })
        };
        let answer = self.cross(format!("kv get {key:?}"), live);
        Box::pin(async { answer.await.map(|value| value.map(Vec::from)) })
    }

    fn kv_set<'a>(&'a self, space: KvSpace<'a>, key: &'a str, value: Vec<u8>) -> BoxFuture<'a, Result<(), KvError>> {
        let asked = format!("kv set {key:?} {}", text(&value));
        self.cross(asked, || self.tenant().kv_set(space, key, value))
    }

    fn kv_swap<'a>(
        &'a self,
        space: KvSpace<'a>,
        key: &'a str,
        old: Option<Vec<u8>>,
        new: Option<Vec<u8>>,
    ) -> BoxFuture<'a, Result<bool, KvError>> {
        let shown = |value: &Option<Vec<u8>>| value.as_deref().map_or_else(|| "nothing".to_owned(), text);
        let asked = format!("kv swap {key:?} {} {}", shown(&old), shown(&new));
        self.cross(asked, || self.tenant().kv_swap(space, key, old, new))
    }

    fn kv_delete<'a>(&'a self, space: KvSpace<'a>, key: &'a str) -> BoxFuture<'a, Result<(), KvError>> {
        self.cross(format!("kv delete {key:?}"), || self.tenant().kv_delete(space, key))
    }

    fn kv_keys<'a>(
        &'a self,
        space: KvSpace<'a>,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<String>, KvError>> {
        let asked = format!("kv keys {prefix:?} {after:?} {limit}");
        self.cross(asked, || self.tenant().kv_keys(space, prefix, after, limit))
    }

    fn blob_list<'a>(
        &'a self,
        plugin: &'a str,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<(String, u64)>, BlobFailure>> {
        let asked = format!("blob list {prefix:?} {after:?} {limit}");
        self.cross(asked, || self.tenant().blob_list(plugin, prefix, after, limit))
    }

    fn blob_rename<'a>(
        &'a self,
        plugin: &'a str,
        from: &'a str,
        to: &'a str,
    ) -> BoxFuture<'a, Result<bool, BlobFailure>> {
        self.cross(format!("blob rename {from:?} {to:?}"), || self.tenant().blob_rename(plugin, from, to))
    }

    fn blob_remove<'a>(&'a self, plugin: &'a str, name: &'a str) -> BoxFuture<'a, Result<bool, BlobFailure>> {
        self.cross(format!("blob remove {name:?}"), || self.tenant().blob_remove(plugin, name))
    }

    fn http<'a>(&'a self, plugin: &'a str, request: HttpRequest) -> BoxFuture<'a, Result<HttpResponse, HttpFailure>> {
        let HttpRequest { method, url, headers, body, .. } = &request;
        let asked = format!("http {method} {url} {headers:?} {}", text(body));
        self.cross(asked, || self.tenant().http(plugin, request))
    }

    /// As timers, which are the service's.
    fn time_zone(&self) -> String {
        String::new()
    }

    /// Timers are the service's, which has no tape.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        match self.doors() {
            Some(doors) => doors.tenant.sleep(time),
            None => Box::pin(std::future::pending()),
        }
    }

    /// Nobody asks a tape for it.
    fn kv_bytes(&self, _plugin: &str) -> u64 {
        0
    }

    /// Nor for this.
    fn blob_bytes(&self, _plugin: &str) -> u64 {
        0
    }

    /// Only services have lines, and they have no tape.
    fn offer_line(&self, _driver: Driver, _offer: LineOffer) -> Result<String, LineRefusal> {
        Err(LineRefusal::Denied("only a service has lines".into()))
    }

    /// Recorded by the capability.
    fn device(&self, endpoint: &str) -> Option<&'static str> {
        self.doors()?.tenant.device(endpoint)
    }

    fn settings(&self, plugin: &str) -> Arc<BTreeMap<String, String>> {
        let recorded = self.cross_now("settings".into(), || Some(BTreeMap::clone(&self.tenant().settings(plugin))));
        recorded.map_or_else(|| Arc::clone(&self.settings), Arc::new)
    }

    fn log(&self, record: LogRecord<'_>) {
        let asked = format!("log {:?} {:?}", record.level, record.message);
        self.cross_now(asked, || self.tenant().log(record));
    }

    fn clock(&self) -> Clock {
        let (unix_ms, up_ms) = self.cross_now("clock".into(), || {
            let Clock { unix_ms, up_ms } = self.tenant().clock();
            (unix_ms, up_ms)
        });
        Clock { unix_ms, up_ms }
    }
}

/// Bytes of a value that are shown as they are.
const SHOWN: usize = 256;

/// A value as people can read it and as another one never reads.
fn text(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) if text.len() <= SHOWN => format!("{text:?}"),
        _ => format!("{} bytes {}", value.len(), Digest::of(value)),
    }
}

/// Bytes as a tape has them: text where they are one.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Octets {
    Text(String),
    Bytes(Vec<u8>),
}

impl From<Vec<u8>> for Octets {
    fn from(bytes: Vec<u8>) -> Self {
        String::from_utf8(bytes).map_or_else(|no_text| Self::Bytes(no_text.into_bytes()), Self::Text)
    }
}

impl From<Octets> for Vec<u8> {
    fn from(octets: Octets) -> Self {
        match octets {
            Octets::Text(text) => text.into_bytes(),
            Octets::Bytes(bytes) => bytes,
        }
    }
}
