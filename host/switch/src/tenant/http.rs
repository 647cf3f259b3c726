//! The way of a tenant's plugins to other servers: whose hosts and networks they may reach, and what the log says of a refusal.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use call::TenantId;
use net::http::{Client, Failure, Header, Request, Target};
use plugin::limit::HTTP_HEADER_BYTES;
use plugin::{BoxFuture, HostPattern, HttpFailure, HttpRequest, HttpResponse, Secrets};
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;

use super::definition::{Definition, Secret};
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
        let headers = asked.headers.into_iter().map(|header| filled(header, &target, &asked.secrets, &own.secrets));
        let headers = headers.collect::<Result<_, _>>()?;
        let networks = own.networks.clone();
        let hosts = asked.hosts;
        let allowed = move |target: &Target| {
            let mut hosts = hosts.iter().chain(&own.hosts);
            hosts.any(|host| host.matches(target.host(), target.port(), target.is_https()))
        };
        Ok(Request {
            target,
            method: asked.method,
            headers,
            body: asked.body.into(),
            timeout: asked.timeout,
            redirects: asked.redirects,
            body_max: plugin::limit::HTTP_RESPONSE_BYTES,
            headers_max: plugin::limit::HTTP_HEADERS,
            header_bytes_max: HTTP_HEADER_BYTES,
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

/// What stands for a secret in a header's value, before its name and after.
const PLACE: (&str, &str) = ("{{secret:", "}}");

/// A header with the tenant's secrets in place of their names (I5): the guest never has them, and no error quotes them.
fn filled(
    (name, value): (String, String),
    target: &Target,
    declared: &Secrets,
    known: &BTreeMap<String, Secret>,
) -> Result<Header, Failure> {
    let denied = |what: String| Failure::Denied { what, address: None };
    let (mut filled, mut rest) = (String::new(), value.as_str());
    while let Some((before, after)) = rest.split_once(PLACE.0) {
        let open = || Failure::Invalid(format!("the value of {name}: {{{{secret:NAME}}}} is not closed"));
        let (secret, after) = after.split_once(PLACE.1).ok_or_else(open)?;
        let hosts = declared.get(secret).ok_or_else(|| denied(format!("the manifest names no secret {secret:?}")))?;
        let is_for = |host: &HostPattern| host.matches(target.host(), target.port(), target.is_https());
        if hosts.as_ref().is_some_and(|hosts| !hosts.iter().any(is_for)) {
            return Err(denied(format!("the secret {secret} is not for {}:{}", target.host(), target.port())));
        }
        let text = known.get(secret).ok_or_else(|| denied(format!("the tenant has not set the secret {secret}")))?;
        filled.push_str(before);
        filled.push_str(&text.0);
        if filled.len() > HTTP_HEADER_BYTES {
            return Err(Failure::TooLarge(format!("{name} with its secrets: at most {HTTP_HEADER_BYTES} bytes")));
        }
        rest = after;
    }
    let secret = rest.len() < value.len();
    filled.push_str(rest);
    Ok(Header { name, value: filled, secret })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared() -> Secrets {
        let hosts = vec!["api.example.com".parse().unwrap()];
        [("KEY".to_owned(), None), ("TOKEN".to_owned(), Some(hosts)), ("UNSET".to_owned(), None)].into()
    }

    fn fill(value: &str, url: &str) -> Result<Header, Failure> {
        let secret = |text: &str| Secret(text.into());
        let known = [("KEY".to_owned(), secret("k")), ("TOKEN".to_owned(), secret("{{secret:KEY}}"))];
        let known = known.into_iter().chain([("OTHER".to_owned(), secret("o"))]).collect();
        filled(("x-a".to_owned(), value.to_owned()), &Target::parse(url).unwrap(), &declared(), &known)
    }

    #[test]
    fn a_secret_stands_where_its_name_stood() {
        for (value, expected, secret) in [
            ("", "", false),
            ("a}}b{{c", "a}}b{{c", false),
            ("{{SECRET:KEY}}", "{{SECRET:KEY}}", false),
            ("{{secret:KEY}}", "k", true),
            ("Bearer {{secret:KEY}}!", "Bearer k!", true),
            ("{{secret:KEY}}:{{secret:KEY}}", "k:k", true),
            // What a secret holds is not looked into.
            ("{{secret:TOKEN}}", "{{secret:KEY}}", true),
        ] {
            let header = fill(value, "https://api.example.com/").unwrap();
            assert_eq!((header.value.as_str(), header.secret), (expected, secret), "{value}");
        }
        assert!(fill("{{secret:KEY}}", "https://other.example.com/").is_ok());
    }

    #[test]
    fn a_secret_goes_where_the_manifest_says_and_nowhere_else() {
        for (value, url, expected) in [
            ("{{secret:TOKEN}}", "https://other.example.com/", "the secret TOKEN is not for other.example.com:443"),
            ("{{secret:TOKEN}}", "https://api.example.com:8443/", "the secret TOKEN is not for api.example.com:8443"),
            ("{{secret:OTHER}}", "https://api.example.com/", "the manifest names no secret \"OTHER\""),
            ("{{secret:}}", "https://api.example.com/", "the manifest names no secret \"\""),
            ("{{secret:UNSET}}", "https://api.example.com/", "the tenant has not set the secret UNSET"),
        ] {
            let refused = fill(value, url);
            assert!(matches!(&refused, Err(Failure::Denied { what, .. }) if what == expected), "{value}: {refused:?}");
        }
        assert!(matches!(fill("{{secret:KEY", "https://api.example.com/"), Err(Failure::Invalid(_))));
    }

    #[test]
    fn a_header_with_its_secrets_has_a_bound() {
        let fill = |times: usize| fill(&"{{secret:KEY}}".repeat(times), "https://api.example.com/");
        assert!(fill(HTTP_HEADER_BYTES).is_ok());
        assert!(matches!(fill(HTTP_HEADER_BYTES + 1), Err(Failure::TooLarge(_))));
    }
}
