//! The switch of one host: its tenants and its calls.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use call::{CallId, Cause, Outcome, Request, RequestError, TenantId};
use sip::auth::Challenger;
use tokio::sync::oneshot;

use crate::call_task::{Description, Message, Start, call_key};
use crate::limit;
use crate::port::{MediaPort, SipPort, SoundSource};
use crate::shared::{Settings, Shared};
use crate::tenant::definition::Definition;
use crate::tenant::directory::{Conflict, Directory};
use crate::tenant::{StartError, Tenant};

/// A running switch. Cheap to clone.
#[derive(Clone)]
pub struct Switch {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) directory: ArcSwap<Directory>,
    pub(crate) settings: Settings,
    pub(crate) challengers: Vec<Mutex<Challenger>>,
    store: store::Store,
    plugins: plugin::Host,
    sounds: Arc<dyn SoundSource>,
}

/// What became of one tenant's new definition.
#[derive(Debug)]
pub enum Applied {
    /// It is new and runs.
    Started,
    /// It runs with the new definition; its calls were not touched.
    Changed,
    /// It did not start; everything else goes on.
    Failed(StartError),
    /// It is no longer configured: its calls end, its stored state stays.
    Stopped,
}

/// Why a call could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OriginateError {
    /// There is no such tenant.
    #[error("there is no tenant {0}")]
    NoTenant(TenantId),
    /// The tenant or the host has as many calls as it may.
    #[error("{0}")]
    Full(String),
    /// The call said no.
    #[error(transparent)]
    Request(#[from] RequestError),
}

impl Switch {
    /// A switch without tenants.
    pub fn new(
        settings: Settings,
        sip: Arc<dyn SipPort>,
        media: Arc<dyn MediaPort>,
        store: store::Store,
        plugins: plugin::Host,
        sounds: Arc<dyn SoundSource>,
    ) -> Self {
        let shared = Arc::new(Shared::new(&settings, sip, media));
        let directory = ArcSwap::from_pointee(Directory::default());
        let challengers = (0..limit::CHALLENGERS).map(|_| {
            let key = shared.random.key();
            let config = sip::auth::Config { algorithms: settings.digest.clone(), ..sip::auth::Config::default() };
            Mutex::new(Challenger::new(shared.now(), key, config))
        });
        let challengers = challengers.collect();
        Self { inner: Arc::new(Inner { shared, directory, settings, challengers, store, plugins, sounds }) }
    }

    /// Puts a configuration in place: new tenants start, known ones get their new definition, missing ones stop.
    ///
    /// # Errors
    /// Two tenants claim the same name; nothing has changed.
    pub async fn apply(&self, definitions: Vec<Definition>) -> Result<Vec<(TenantId, Applied)>, Conflict> {
        Directory::check(&definitions)?;
        let before = self.inner.directory.load_full();
        let mut results = Vec::new();
        let mut tenants = Vec::new();
        for definition in definitions {
            let id = definition.id.clone();
            match before.tenant(&id) {
                Some(tenant) => {
                    tenant.redefine(definition);
                    tenants.push(Arc::clone(tenant));
                    results.push((id, Applied::Changed));
                }
                None => match self.start(definition).await {
                    Ok(tenant) => {
                        tenants.push(tenant);
                        results.push((id, Applied::Started));
                    }
                    Err(error) => results.push((id, Applied::Failed(error))),
                },
            }
        }
        let after = Directory::new(tenants)?;
        let gone = before.iter().filter(|tenant| after.tenant(tenant.id()).is_none());
        let gone: Vec<TenantId> = gone.map(|tenant| tenant.id().clone()).collect();
        self.inner.directory.store(Arc::new(after));
        for id in gone {
            self.end_calls(Some(&id), Cause::NORMAL_UNSPECIFIED);
            results.push((id, Applied::Stopped));
        }
        Ok(results)
    }

    async fn start(&self, definition: Definition) -> Result<Arc<Tenant>, StartError> {
        let inner = &self.inner;
        let sounds = Arc::clone(&inner.sounds);
        let outside = (&inner.shared, inner.settings.http.clone());
        Tenant::start(definition, &inner.store, &inner.plugins, sounds, outside).await
    }

    /// A tenant by name.
    pub fn tenant(&self, id: &TenantId) -> Option<Arc<Tenant>> {
        self.inner.directory.load().tenant(id).cloned()
    }

    /// All tenants by name.
    pub fn tenants(&self) -> Vec<Arc<Tenant>> {
        self.inner.directory.load().iter().cloned().collect()
    }

    /// The store's condition.
    pub fn store_health(&self) -> store::Health {
        self.inner.store.health()
    }

    /// Calls that are up.
    pub fn calls_up(&self) -> usize {
        self.inner.shared.calls_up()
    }

    /// What the calls of one tenant, or of all, are doing. A call that ends meanwhile is left out.
    pub async fn calls(&self, tenant: Option<&TenantId>) -> Vec<Description> {
        let calls = self.inner.shared.calls.values().into_iter();
        let calls = calls.filter(|(_, owner, _)| tenant.is_none_or(|tenant| tenant == owner));
        let mut descriptions = Vec::new();
        for (_, _, inbox) in calls {
            let (reply, answer) = oneshot::channel();
            if inbox.send(Message::Describe(reply)).await.is_ok()
                && let Ok(description) = answer.await
            {
                descriptions.push(description);
            }
        }
        descriptions.sort_by_key(|description| description.id);
        descriptions
    }

    /// Ends a call. False when there is none of this name.
    pub fn hang_up(&self, call: CallId) -> bool {
        let known = self.inner.shared.calls.get(call_key(call)).is_some_and(|(id, _, _)| id == call);
        if known {
            self.inner.shared.tell(call, Message::Abort(Cause::NORMAL_CLEARING));
        }
        known
    }

    /// Makes a call as the API asks for it.
    ///
    /// # Errors
    /// The tenant does not exist, is full, or the call refuses.
    pub async fn originate(&self, tenant: &TenantId, request: Request) -> Result<Outcome, OriginateError> {
        let tenant = self.tenant(tenant).ok_or_else(|| OriginateError::NoTenant(tenant.clone()))?;
        let (reply, answer) = oneshot::channel();
        let start = Start::Originate { request, reply };
        crate::call_task::spawn(&self.inner.shared, &tenant, start)
            .map_err(|full| OriginateError::Full(full.to_string()))?;
        let outcome = answer.await.map_err(|_| RequestError::Gone)?;
        Ok(outcome?)
    }

    fn end_calls(&self, tenant: Option<&TenantId>, cause: Cause) {
        for (id, owner, _) in self.inner.shared.calls.values() {
            if tenant.is_none_or(|tenant| *tenant == owner) {
                self.inner.shared.tell(id, Message::Abort(cause));
            }
        }
    }

    /// Takes no new calls, waits for those that are up, then ends the rest. Returns when the last record is handed on and what was
    /// written is on disk. A disk that hangs must not keep the host from stopping: what was told to end is waited for
    /// [`limit::DRAIN_END`] long and the disk [`limit::DRAIN_COMMIT`].
    pub async fn drain(&self, patience: Duration) {
        let shared = &self.inner.shared;
        shared.draining.store(true, Ordering::Relaxed);
        shared.tasks.close();
        if tokio::time::timeout(patience, shared.tasks.wait()).await.is_err() {
            self.end_calls(None, Cause::NORMAL_UNSPECIFIED);
            if tokio::time::timeout(limit::DRAIN_END, shared.tasks.wait()).await.is_err() {
                let (tasks, calls) = (shared.tasks.len(), shared.calls_up());
                tracing::error!(
                    tasks,
                    calls,
                    "something does not end although it was told to: the host stops without it"
                );
            }
        }
        match tokio::time::timeout(limit::DRAIN_COMMIT, self.inner.store.committed()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "the last writes may not be on disk"),
            Err(_) => tracing::error!("the disk hangs: the host stops without the last writes"),
        }
    }
}
