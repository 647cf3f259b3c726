//! `http`: asking other servers.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::OwnedSemaphorePermit;

use super::{Options, at_most, error, invalid, limit};
use crate::abi::v0_1::Error;
use crate::abi::v0_1::app::jackfield::pbx::http::{Host, Request, Response};
use crate::generation::Generation;
use crate::grant::Capability;
use crate::instance::{Run, State};
use crate::limit::{
    HTTP_HEADER_BYTES, HTTP_HEADERS, HTTP_IN_FLIGHT, HTTP_REDIRECTS, HTTP_REQUEST_BYTES, HTTP_REQUESTS,
    HTTP_SERVICE_TIME, HTTP_TIMEOUT, HTTP_TIMEOUT_MAX, HTTP_URL_BYTES,
};
use crate::manifest::Secrets;
use crate::port::{HttpFailure, HttpRequest, TenantPort};

/// What a run has had of it.
#[derive(Default)]
pub(crate) struct HttpUse {
    requests: u32,
    waited: Duration,
}

impl HttpUse {
    /// How long one more request may take, if this run may send one.
    fn left(&self, run: &Run) -> Result<Duration, Error> {
        let left = match run {
            Run::App { .. } => HTTP_TIMEOUT_MAX,
            Run::Service => HTTP_SERVICE_TIME.saturating_sub(self.waited),
            Run::Function { .. } | Run::Strategy { .. } => {
                return Err(error("denied", "only an application or a service may do this"));
            }
            Run::Trial => return Err(error("denied", "not now")),
        };
        if self.requests == HTTP_REQUESTS {
            return Err(limit(format!("this run has sent {HTTP_REQUESTS} requests")));
        }
        if left.is_zero() {
            return Err(limit(format!("requests for this message took {HTTP_SERVICE_TIME:?}")));
        }
        Ok(left)
    }
}

impl From<HttpFailure> for Error {
    fn from(failure: HttpFailure) -> Self {
        let code = match &failure {
            HttpFailure::Invalid(_) => "invalid",
            HttpFailure::Denied(_) => "denied",
            HttpFailure::Limit(_) => "limit",
            HttpFailure::Timeout(_) => "timeout",
            HttpFailure::Failed(_) => "failed",
        };
        error(code, failure.to_string())
    }
}

/// A request that may be sent, and the place that it takes.
struct Ready {
    generation: Arc<Generation>,
    tenant: Arc<dyn TenantPort>,
    request: HttpRequest,
    _place: Option<OwnedSemaphorePermit>,
}

impl Host for State {
    async fn send(
        &mut self,
        request: Request,
        opts: Vec<(String, String)>,
    ) -> wasmtime::Result<Result<Response, Error>> {
        self.enter()?;
        let ready = match parse(request, &opts).and_then(|request| self.ready(request)) {
            Ok(ready) => ready,
            Err(error) => return Ok(Err(error)),
        };
        let begun = Instant::now();
        let call = self.waiting_port().cloned();
        let gone = async {
            match &call {
                Some(call) => call.gone().await,
                None => std::future::pending().await,
            }
        };
        let Ready { generation, tenant, request, _place } = ready;
        let bytes = request.url.len() + request.body.len();
        let answer = tokio::select! {
            biased;
            () = gone => Err(error("gone", "the caller hung up")),
            answer = tenant.http(&generation.manifest.id, request) => answer.map_err(Error::from),
        };
        self.http.waited += begun.elapsed();
        self.resumed();
        self.moved(bytes + answer.as_ref().map_or(0, |answer| answer.body.len()));
        Ok(answer.map(|answer| Response {
            status: answer.status,
            url: answer.url,
            headers: answer.headers,
            body: answer.body,
        }))
    }
}

impl State {
    /// Whether this run may send one more request now.
    fn ready(&mut self, mut request: HttpRequest) -> Result<Ready, Error> {
        let left = self.http.left(&self.run)?;
        let Some(generation) = self.generation.clone() else { return Err(error("denied", "not now")) };
        let Some(tenant) = self.tenant() else { return Err(error("denied", "not now")) };
        let busy = |_| limit(format!("{HTTP_IN_FLIGHT} requests of this plugin are on their way"));
        // A run that is over for its deployment, or a replayed one, shares its places with nobody.
        let places = generation.deployment.upgrade().map(|deployment| Arc::clone(&deployment.http));
        let place = places.map(|places| places.try_acquire_owned().map_err(busy)).transpose()?;
        self.http.requests += 1;
        request.timeout = request.timeout.min(left);
        if let Some(bounds) = generation.manifest.capabilities.get(&Capability::Http) {
            request.hosts = bounds.hosts().to_vec();
            request.secrets = bounds.secrets.clone();
        }
        Ok(Ready { generation, tenant, request, _place: place })
    }
}

fn parse(request: Request, opts: &[(String, String)]) -> Result<HttpRequest, Error> {
    let Request { method, url, headers, body } = request;
    at_most(&url, HTTP_URL_BYTES, "url")?;
    if body.len() > HTTP_REQUEST_BYTES {
        return Err(limit(format!("a body of {} bytes: at most {HTTP_REQUEST_BYTES}", body.len())));
    }
    if headers.len() > HTTP_HEADERS {
        return Err(limit(format!("{} headers: at most {HTTP_HEADERS}", headers.len())));
    }
    let bytes: usize = headers.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > HTTP_HEADER_BYTES {
        return Err(limit(format!("headers of {bytes} bytes: at most {HTTP_HEADER_BYTES}")));
    }
    let options = Options::new(opts, &["timeout-ms", "redirects"], None)?;
    let timeout = options.milliseconds("timeout-ms")?.unwrap_or(HTTP_TIMEOUT);
    if timeout.is_zero() || timeout > HTTP_TIMEOUT_MAX {
        return Err(invalid(format!("timeout-ms is not 1 to {}", HTTP_TIMEOUT_MAX.as_millis())));
    }
    let redirects = match options.get("redirects") {
        None => HTTP_REDIRECTS,
        Some(text) => text
            .parse()
            .ok()
            .filter(|count| *count <= HTTP_REDIRECTS)
            .ok_or_else(|| invalid(format!("redirects is not 0 to {HTTP_REDIRECTS}")))?,
    };
    Ok(HttpRequest { method, url, headers, body, timeout, redirects, hosts: Vec::new(), secrets: Secrets::new() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn redirections_have_a_bound() {
        let parse = |redirects: u32| {
            let request = Request { method: "GET".into(), url: "x".into(), headers: Vec::new(), body: Vec::new() };
            parse(request, &[("redirects".into(), redirects.to_string())])
        };
        assert_eq!(parse(HTTP_REDIRECTS).unwrap().redirects, HTTP_REDIRECTS);
        assert_eq!(parse(HTTP_REDIRECTS + 1).unwrap_err().code, "invalid");
    }

    /// Others wait for a service while it asks: not for ever.
    #[test]
    fn a_service_has_a_minute_for_all_its_requests() {
        let used = |waited| HttpUse { requests: 1, waited };
        assert_eq!(
            used(HTTP_SERVICE_TIME - Duration::from_secs(1)).left(&Run::Service).unwrap(),
            Duration::from_secs(1)
        );
        for waited in [HTTP_SERVICE_TIME, HTTP_SERVICE_TIME * 2] {
            assert_eq!(used(waited).left(&Run::Service).unwrap_err().code, "limit");
        }
    }
}
