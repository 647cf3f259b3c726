//! Requests by HTTP/1.1 to other servers, for who must not choose freely where they go (hostile H15, I6).
//!
//! Each hop is checked by itself: the URL against who asks, every address of its host against the networks that are not of the
//! public internet. The connection goes to an address that was checked; nothing is looked up twice. Redirections are
//! followed here, and what was meant for one server is not told to another. One connection a request: there is nothing that two
//! of them share.

mod address;
mod exchange;
mod resolve;
mod target;

use std::any::Any;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use hyper::{HeaderMap, Method, StatusCode};
use rustls::pki_types::CertificateDer;
use tokio::sync::Semaphore;

pub use address::{Network, NetworkError};
pub use resolve::{Addresses, Lookup, Resolve, System};
pub use target::Target;

/// Requests at once, of everybody together: a descriptor each.
const REQUESTS: usize = 1_024;

/// Headers that say how a message is framed or who is asked: RFC 9110 §7.2 and §7.6.1. They follow from the URL and the body.
const OWN_HEADERS: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Headers that are meant for one server and told to no other.
const PERSONAL_HEADERS: &[&str] = &["authorization", "cookie"];

/// Whether a host may be asked at all.
pub type Allowed = Arc<dyn Fn(&Target) -> bool + Send + Sync>;

/// What goes on as long as anything of a request does, also a look-up that cannot be cancelled.
pub type Held = Arc<dyn Any + Send + Sync>;

/// A request.
pub struct Request {
    /// What is asked for.
    pub target: Target,
    /// `GET`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE` or `OPTIONS`.
    pub method: String,
    /// The headers.
    pub headers: Vec<Header>,
    /// The body.
    pub body: Bytes,
    /// The longest it may take, redirections and the body of the response included.
    pub timeout: Duration,
    /// Redirections that are followed; the one after them is the response.
    pub redirects: u32,
    /// Bytes of the response's body.
    pub body_max: usize,
    /// Headers of the response.
    pub headers_max: usize,
    /// Bytes of the response's headers.
    pub header_bytes_max: usize,
    /// Hosts that may be asked, redirections included.
    pub allowed: Allowed,
    /// Networks beyond the public internet that may be reached.
    pub networks: Arc<[Network]>,
    /// What ends with the request.
    pub held: Held,
}

/// A header of a request.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Whether it is meant for this server alone, and for no one on the way.
    pub secret: bool,
}

impl fmt::Debug for Header {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.name, if self.secret { "…" } else { &self.value })
    }
}

/// A response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// What was asked in the end.
    pub url: String,
    /// The headers, in the server's order; names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, as it was sent.
    pub body: Bytes,
}

/// Why there is no response.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// What is asked is no request.
    #[error("{0}")]
    Invalid(String),
    /// It may not be asked.
    #[error("{what}")]
    Denied {
        /// What may not be.
        what: String,
        /// The address that is not of the public internet: for the administrator, not for who asked.
        address: Option<SocketAddr>,
    },
    /// The response is larger than it may be.
    #[error("{0}")]
    TooLarge(String),
    /// It took too long.
    #[error("no response within {0:?}")]
    Timeout(Duration),
    /// Too many requests are on their way.
    #[error("too many requests are on their way")]
    Busy,
    /// It was tried and did not work.
    #[error("{0}")]
    Failed(String),
}

/// Whoever does TLS in this process by a library's own choice does it as we do.
pub fn choose_tls_provider() {
    // An error says that it is chosen already.
    drop(rustls::crypto::ring::default_provider().install_default());
}

/// There is no TLS.
#[derive(Debug, thiserror::Error)]
#[error("no TLS: {0}")]
pub struct ClientError(#[from] rustls::Error);

/// Who sends requests. Cheap to clone.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    resolver: Box<dyn Resolve>,
    tls: Arc<rustls::ClientConfig>,
    requests: Arc<Semaphore>,
}

impl fmt::Debug for Client {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Client")
    }
}

impl Client {
    /// A client that trusts the servers whose certificates these authorities signed (DER). An authority that cannot be read is left out.
    ///
    /// # Errors
    /// The library of TLS has nothing that both of its halves know.
    pub fn new(authorities: Vec<Vec<u8>>, resolver: impl Resolve) -> Result<Self, ClientError> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(authorities.into_iter().map(CertificateDer::from));
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let tls = Arc::new(config.with_root_certificates(roots).with_no_client_auth());
        let (resolver, requests) = (Box::new(resolver), Arc::new(Semaphore::new(REQUESTS)));
        Ok(Self(Arc::new(Inner { resolver, tls, requests })))
    }

    /// Sends a request and reads the response. Dropping it ends it.
    ///
    /// # Errors
    /// There is no response, or none that may be had.
    pub async fn send(&self, request: Request) -> Result<Response, Failure> {
        let timeout = request.timeout;
        let _place = self.0.requests.try_acquire().map_err(|_| Failure::Busy)?;
        let message = Message::of(&request)?;
        let sent = tokio::time::timeout(timeout, self.0.follow(&request, message)).await;
        sent.unwrap_or(Err(Failure::Timeout(timeout)))
    }
}

/// What is sent at one hop.
struct Message {
    target: Target,
    method: Method,
    headers: HeaderMap,
    /// Names of the headers that hold a secret.
    secret: Vec<HeaderName>,
    body: Bytes,
}

impl Message {
    fn of(request: &Request) -> Result<Self, Failure> {
        let invalid = |text: String| Failure::Invalid(text);
        let method = match request.method.as_str() {
            "GET" => Method::GET,
            "HEAD" => Method::HEAD,
            "POST" => Method::POST,
            "PUT" => Method::PUT,
            "PATCH" => Method::PATCH,
            "DELETE" => Method::DELETE,
            "OPTIONS" => Method::OPTIONS,
            other => return Err(invalid(format!("method {other:?} is not offered"))),
        };
        let (mut headers, mut secret) = (HeaderMap::new(), Vec::new());
        for header in &request.headers {
            let name = HeaderName::try_from(&header.name)
                .map_err(|_| invalid(format!("{:?} is not a header's name", header.name)))?;
            if OWN_HEADERS.contains(&name.as_str()) {
                return Err(invalid(format!("the header {name} is the host's to say")));
            }
            // No CR, LF or NUL gets through here. The value may be a secret: it is not quoted.
            let mut value = HeaderValue::try_from(&header.value)
                .map_err(|_| invalid(format!("the value of {name} has characters that no header may have")))?;
            if header.secret {
                value.set_sensitive(true);
                secret.push(name.clone());
            }
            headers.append(name, value);
        }
        Ok(Self { target: request.target.clone(), method, headers, secret, body: request.body.clone() })
    }

    /// What is sent where a redirection goes.
    fn redirected(mut self, status: StatusCode, to: Target) -> Result<Self, Failure> {
        if self.target.is_https() && !to.is_https() {
            return Err(denied("a redirection from https to http".into()));
        }
        // RFC 9110 §15.4: what was posted is not posted again elsewhere, unless the server says 307 or 308.
        let is_post = self.method == Method::POST;
        let becomes_get = match status {
            StatusCode::SEE_OTHER => self.method != Method::HEAD,
            StatusCode::MOVED_PERMANENTLY | StatusCode::FOUND => is_post,
            _ => false,
        };
        if becomes_get {
            self.method = Method::GET;
            self.body = Bytes::new();
            self.headers = without(self.headers, |name| name.as_str().starts_with("content-"));
        }
        if !to.is_same_origin(&self.target) {
            let secret = std::mem::take(&mut self.secret);
            let personal = |name: &HeaderName| PERSONAL_HEADERS.contains(&name.as_str()) || secret.contains(name);
            self.headers = without(self.headers, personal);
        }
        Ok(Self { target: to, ..self })
    }
}

fn without(mut headers: HeaderMap, goes: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let gone: Vec<HeaderName> = headers.keys().filter(|name| goes(name)).cloned().collect();
    for name in gone {
        headers.remove(name);
    }
    headers
}

fn denied(what: String) -> Failure {
    Failure::Denied { what, address: None }
}

impl Inner {
    /// One hop after the other.
    async fn follow(&self, request: &Request, mut message: Message) -> Result<Response, Failure> {
        let mut redirects = 0;
        loop {
            let (addresses, public) = self.addresses(request, &message.target).await?;
            if !message.secret.is_empty() && public && !message.target.is_https() {
                return Err(denied("a secret is not sent over plain http".into()));
            }
            let head = exchange::Bounds {
                body: request.body_max,
                headers: request.headers_max,
                header_bytes: request.header_bytes_max,
            };
            let follows = redirects < request.redirects;
            match exchange::exchange(&message, &addresses, &self.tls, head, follows).await? {
                exchange::Answer::Response(response) => return Ok(response),
                exchange::Answer::Redirect(status, location) => {
                    let to = message.target.redirected(&location)?;
                    message = message.redirected(status, to)?;
                    redirects += 1;
                }
            }
        }
    }

    /// The addresses of a host, all of them checked, and whether they are of the public internet.
    async fn addresses(&self, request: &Request, target: &Target) -> Result<(Vec<SocketAddr>, bool), Failure> {
        if !(request.allowed)(target) {
            return Err(denied(format!(
                "{}:{} is not one of the hosts that may be asked",
                target.host(),
                target.port()
            )));
        }
        let addresses = match target.ip() {
            Some(ip) => vec![SocketAddr::new(ip, target.port())],
            None => {
                let lookup =
                    Lookup { host: target.host().into(), port: target.port(), held: Arc::clone(&request.held) };
                let found = self.resolver.resolve(lookup).await;
                found.map_err(|error| Failure::Failed(format!("{}: {error}", target.host())))?
            }
        };
        if addresses.is_empty() {
            return Err(Failure::Failed(format!("{} has no address", target.host())));
        }
        let mut public = true;
        for address in &addresses {
            let Some(what) = address::refusal(address.ip()) else { continue };
            // One address inside among others outside is how a name is made to point inside.
            if !request.networks.iter().any(|network| network.contains(*address)) {
                let what = format!("{} has an address that is not of the public internet ({what})", target.host());
                return Err(Failure::Denied { what, address: Some(*address) });
            }
            public = false;
        }
        Ok((addresses, public))
    }
}

#[cfg(test)]
mod tests;
