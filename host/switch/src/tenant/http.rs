//! The way of a tenant's plugins to other servers: whose hosts and networks they may reach, and what the log says of a refusal.

use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use call::TenantId;
use net::http::{Client, Failure, Header, Request, Target};
use plugin::{BoxFuture, HttpFailure, HttpRequest, HttpResponse};
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;

use super::definition::Definition;
use crate::limit;

/// What sends the requests of one tenant's plugins.
pub(super) struct Requests {
    tenant: TenantId,
    definition: Arc<ArcSwap<Definition>>,
    client: Client,
    places: Arc<Semaphore>,
}

impl Requests {
    pub(super) fn new(definition: Arc<ArcSwap<Definition>>, client: Client) -> Self {
        let tenant = definition.load().id.clone();
        Self { tenant, definition, client, places: Arc::new(Semaphore::new(limit::HTTP_PER_TENANT)) }
    }

    /// Sends a plugin's request: on a task of its own, because what TLS computes is not the guest's.
    pub(super) fn send<'a>(
        &'a self,
        plugin: &'a str,
        asked: HttpRequest,
    ) -> BoxFuture<'a, Result<HttpResponse, HttpFailure>> {
        Box::pin(async move {
            let sent = async {
                let request = self.request(plugin, asked)?;
                let client = self.client.clone();
                let task = AbortOnDropHandle::new(tokio::spawn(async move { client.send(request).await }));
                task.await.unwrap_or_else(|panic| Err(Failure::Failed(format!("a fault of the host: {panic}"))))
            };
            match sent.await {
                Ok(net::http::Response { status, url, headers, body }) => {
                    Ok(HttpResponse { status, url, headers, body: body.into() })
                }
                Err(failure) => Err(self.told(plugin, failure)),
            }
        })
    }

    fn request(&self, plugin: &str, asked: HttpRequest) -> Result<Request, Failure> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Failure::Busy)?;
        let target = Target::parse(&asked.url)?;
        let own = self.definition.load().plugin_http.get(plugin).cloned().unwrap_or_default();
        let networks = own.networks.clone();
        let hosts = asked.hosts;
        let allowed = move |target: &Target| {
            let mut hosts = hosts.iter().chain(&own.hosts);
            hosts.any(|host| host.matches(target.host(), target.port(), target.is_https()))
        };
        let headers = asked.headers.into_iter().map(|(name, value)| Header { name, value, secret: false });
        Ok(Request {
            target,
            method: asked.method,
            headers: headers.collect(),
            body: asked.body.into(),
            timeout: asked.timeout,
            redirects: asked.redirects,
            body_max: plugin::limit::HTTP_RESPONSE_BYTES,
            headers_max: plugin::limit::HTTP_HEADERS,
            header_bytes_max: plugin::limit::HTTP_HEADER_BYTES,
            allowed: Arc::new(allowed),
            networks,
            held: Arc::new(place),
        })
    }

    /// What the plugin is told; an administrator finds in the log what it is not.
    fn told(&self, plugin: &str, failure: Failure) -> HttpFailure {
        let text = failure.to_string();
        match failure {
            Failure::Invalid(_) => HttpFailure::Invalid(text),
            Failure::Denied { what, address } => {
                let (tenant, address) = (&self.tenant, address.as_ref().map(SocketAddr::to_string));
                let address = address.as_deref();
                tracing::warn!(%tenant, plugin, address, "a request by HTTP was refused: {what}");
                HttpFailure::Denied(what)
            }
            Failure::TooLarge(_) | Failure::Busy => HttpFailure::Limit(text),
            Failure::Timeout(_) => HttpFailure::Timeout(text),
            Failure::Failed(_) => HttpFailure::Failed(text),
        }
    }
}
