//! The tenant as its plugins see it: key-value store, recordings, settings, log and clock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use call::TenantId;
use plugin::{
    BlobFailure, BoxFuture, Clock as Reading, Driver, HttpFailure, HttpRequest, HttpResponse, KvError, KvSpace,
    LineOffer, LineRefusal, LogLevel, LogRecord, TenantPort,
};
use store::{BlobName, Blobs, CasError, Class, Kv, TenantStore};

use super::definition::Definition;
use super::device::Devices;
use super::exchange::Exchange;
use super::http::Requests;
use crate::shared::Clock;

/// What plugins of one tenant can reach outside of calls.
pub(crate) struct Port {
    tenant: TenantId,
    /// The tenant's own: what a reload puts there, the next run of a plugin sees.
    definition: Arc<ArcSwap<Definition>>,
    devices: Arc<Devices>,
    store: TenantStore,
    requests: Requests,
    exchange: Exchange,
    clock: Clock,
    started: Instant,
    /// Where time passes as calls know it; guests have a runtime of their own.
    runtime: tokio::runtime::Handle,
}

impl Port {
    /// Within the runtime that calls run in.
    pub(crate) fn new(
        definition: Arc<ArcSwap<Definition>>,
        devices: Arc<Devices>,
        store: TenantStore,
        exchange: Exchange,
        http: net::http::Client,
    ) -> Self {
        let tenant = definition.load().id.clone();
        let requests = Requests::new(Arc::clone(&definition), http);
        let clock = exchange.clock;
        let started = tokio::time::Instant::now().into_std();
        let runtime = tokio::runtime::Handle::current();
        Self { tenant, definition, devices, store, requests, exchange, clock, started, runtime }
    }

    /// The plugin's own keys, within the smaller of its own bound and the store's.
    fn kv(&self, space: KvSpace<'_>) -> Result<Kv, KvError> {
        let kv = self.store.kv(Class::PluginKv(space.plugin.into()));
        let kv = kv.map_err(|error| KvError::Failed(error.to_string()))?;
        Ok(match space.quota {
            Some(bytes) => kv.within(bytes),
            None => kv,
        })
    }
}

impl Port {
    /// Nobody knows how much a plugin keeps.
    fn unknown(&self, plugin: &str, error: &dyn std::fmt::Display) -> u64 {
        tracing::warn!(tenant = %self.tenant, plugin, %error, "what a plugin keeps cannot be read");
        0
    }

    /// Does something with blobs, which blocks on the disk.
    fn blobs<T: Send + 'static>(
        &self,
        body: impl FnOnce(&Blobs) -> Result<T, BlobFailure> + Send + 'static,
    ) -> BoxFuture<'static, Result<T, BlobFailure>> {
        let store = self.store.clone();
        let work = move || body(&store.blobs().map_err(failed)?);
        Box::pin(async move { tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(failed(error))) })
    }
}

fn failed(error: impl std::fmt::Display) -> BlobFailure {
    BlobFailure(error.to_string())
}

/// A plugin's blob as the store knows it.
fn blob(plugin: &str, name: &str) -> Result<BlobName, BlobFailure> {
    BlobName::new(&plugin::blob_name(plugin, name)).map_err(failed)
}

fn refused(error: store::WriteError) -> KvError {
    match error {
        store::WriteError::Quota { .. } => KvError::Limit(error.to_string()),
        other => KvError::Failed(other.to_string()),
    }
}

impl TenantPort for Port {
    fn kv_get<'a>(&'a self, space: KvSpace<'a>, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KvError>> {
        Box::pin(async move { self.kv(space)?.get(key.as_bytes()).map_err(|error| KvError::Failed(error.to_string())) })
    }

    fn kv_set<'a>(&'a self, space: KvSpace<'a>, key: &'a str, value: Vec<u8>) -> BoxFuture<'a, Result<(), KvError>> {
        Box::pin(async move {
            let kv = self.kv(space)?;
            kv.put(key.as_bytes(), &value).map_err(refused)?;
            kv.committed().await.map_err(|error| KvError::Failed(error.to_string()))
        })
    }

    fn kv_swap<'a>(
        &'a self,
        space: KvSpace<'a>,
        key: &'a str,
        old: Option<Vec<u8>>,
        new: Option<Vec<u8>>,
    ) -> BoxFuture<'a, Result<bool, KvError>> {
        Box::pin(async move {
            let kv = self.kv(space)?;
            match kv.cas(key.as_bytes(), old.as_deref(), new.as_deref()) {
                Ok(()) => {
                    kv.committed().await.map_err(|error| KvError::Failed(error.to_string()))?;
                    Ok(true)
                }
                Err(CasError::Changed { .. }) => Ok(false),
                Err(CasError::Write(error)) => Err(refused(error)),
                Err(other) => Err(KvError::Failed(other.to_string())),
            }
        })
    }

    fn kv_delete<'a>(&'a self, space: KvSpace<'a>, key: &'a str) -> BoxFuture<'a, Result<(), KvError>> {
        Box::pin(async move {
            let kv = self.kv(space)?;
            kv.delete(key.as_bytes()).map_err(refused)?;
            kv.committed().await.map_err(|error| KvError::Failed(error.to_string()))
        })
    }

    fn kv_keys<'a>(
        &'a self,
        space: KvSpace<'a>,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<String>, KvError>> {
        Box::pin(async move {
            let limit = (limit as usize).min(Kv::SCAN_ENTRIES_MAX);
            let found = self.kv(space)?.scan(prefix.as_bytes(), after.map(str::as_bytes), limit);
            let found = found.map_err(|error| KvError::Failed(error.to_string()))?;
            Ok(found.into_iter().map(|entry| String::from_utf8_lossy(&entry.key).into_owned()).collect())
        })
    }

    fn blob_list<'a>(
        &'a self,
        plugin: &'a str,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<(String, u64)>, BlobFailure>> {
        let (folder, start) = (plugin::blob_name(plugin, ""), plugin::blob_name(plugin, prefix));
        let after = after.map(|after| blob(plugin, after)).transpose();
        self.blobs(move |blobs| {
            let found = blobs.list(&start, after?.as_ref(), limit as usize);
            let own = found
                .iter()
                .filter_map(|info| Some((info.name.as_str().strip_prefix(&folder)?.to_owned(), info.bytes)));
            Ok(own.collect())
        })
    }

    fn blob_rename<'a>(
        &'a self,
        plugin: &'a str,
        from: &'a str,
        to: &'a str,
    ) -> BoxFuture<'a, Result<bool, BlobFailure>> {
        let names = blob(plugin, from).and_then(|from| Ok((from, blob(plugin, to)?)));
        self.blobs(move |blobs| {
            let (from, to) = names?;
            blobs.rename(&from, &to).map_err(failed)
        })
    }

    fn blob_remove<'a>(&'a self, plugin: &'a str, name: &'a str) -> BoxFuture<'a, Result<bool, BlobFailure>> {
        let name = blob(plugin, name);
        self.blobs(move |blobs| blobs.delete(&name?).map_err(failed))
    }

    fn http<'a>(&'a self, plugin: &'a str, request: HttpRequest) -> BoxFuture<'a, Result<HttpResponse, HttpFailure>> {
        self.requests.send(plugin, request)
    }

    fn kv_bytes(&self, plugin: &str) -> u64 {
        let kv = self.store.kv(Class::PluginKv(plugin.into()));
        kv.map(|kv| kv.usage().bytes).unwrap_or_else(|error| self.unknown(plugin, &error))
    }

    fn blob_bytes(&self, plugin: &str) -> u64 {
        let blobs = self.store.blobs();
        let used = blobs.map(|blobs| blobs.used_below(&plugin::blob_name(plugin, "")));
        used.unwrap_or_else(|error| self.unknown(plugin, &error))
    }

    fn settings(&self, plugin: &str) -> Arc<BTreeMap<String, String>> {
        self.definition.load().plugin_settings.get(plugin).cloned().unwrap_or_default()
    }

    fn log(&self, record: LogRecord<'_>) {
        let (tenant, plugin, version, run) = (&self.tenant, record.plugin, record.version, record.run);
        match record.level {
            LogLevel::Debug => tracing::debug!(%tenant, plugin, version, run, "{}", record.message),
            LogLevel::Info => tracing::info!(%tenant, plugin, version, run, "{}", record.message),
            LogLevel::Warn => tracing::warn!(%tenant, plugin, version, run, "{}", record.message),
            LogLevel::Error => tracing::error!(%tenant, plugin, version, run, "{}", record.message),
        }
    }

    fn time_zone(&self) -> String {
        self.definition.load().time_zone.clone()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        let (mut due, passed) = tokio::sync::oneshot::channel::<()>();
        self.runtime.spawn(async move {
            // Whoever loses interest ends it.
            tokio::select! {
                () = tokio::time::sleep(time) => drop(due.send(())),
                () = due.closed() => {}
            }
        });
        Box::pin(async move {
            if passed.await.is_err() {
                // The host ends; so will whoever waits.
                std::future::pending::<()>().await;
            }
        })
    }

    fn offer_line(&self, driver: Driver, offer: LineOffer) -> Result<String, LineRefusal> {
        let _calls = self.runtime.enter();
        self.exchange.offer_line(driver, offer)
    }

    fn device(&self, endpoint: &str) -> Option<&'static str> {
        let configured = || self.definition.load().endpoint(endpoint).map(|_| "unregistered");
        self.devices.state(endpoint).or_else(configured)
    }

    fn clock(&self) -> Reading {
        // Guests ask on threads of another runtime: it is the calls' time that they are told.
        let _calls = self.runtime.enter();
        let now = tokio::time::Instant::now().into_std();
        let up = now.saturating_duration_since(self.started);
        Reading {
            unix_ms: crate::cdr::unix_ms(self.clock.now()),
            up_ms: u64::try_from(up.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
