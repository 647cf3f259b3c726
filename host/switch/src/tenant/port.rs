//! The tenant as its plugins see it: key-value store, settings, log and clock.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use call::TenantId;
use plugin::{BoxFuture, Clock as Reading, KvError, KvSpace, LogLevel, LogRecord, TenantPort};
use store::{CasError, Class, Kv, TenantStore};

use super::definition::Definition;
use crate::shared::Clock;

/// What plugins of one tenant can reach outside of calls.
pub(crate) struct Port {
    tenant: TenantId,
    /// The tenant's own: what a reload puts there, the next run of a plugin sees.
    definition: Arc<ArcSwap<Definition>>,
    store: TenantStore,
    clock: Clock,
    started: Instant,
}

impl Port {
    pub(crate) fn new(definition: Arc<ArcSwap<Definition>>, store: TenantStore, clock: Clock) -> Self {
        let tenant = definition.load().id.clone();
        Self { tenant, definition, store, clock, started: tokio::time::Instant::now().into_std() }
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

    fn clock(&self) -> Reading {
        let now = tokio::time::Instant::now().into_std();
        let up = now.saturating_duration_since(self.started);
        Reading {
            unix_ms: crate::cdr::unix_ms(self.clock.now()),
            up_ms: u64::try_from(up.as_millis()).unwrap_or(u64::MAX),
        }
    }
}
