//! Packages that are elsewhere: a file behind a URL, or an artefact in a registry (OCI distribution specification 1.1).
//!
//! What comes is read like any package file: it is as trusted as its signature, wherever it was.

use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use oci_client::client::{Client, ClientConfig, ClientProtocol, Config, ImageLayer};
use oci_client::errors::OciDistributionError;
use oci_client::manifest::OciImageManifest;
use oci_client::secrets::RegistryAuth;
use oci_client::{ParseError, Reference};
use plugin::{Archive, limit};

/// How long a transfer may take.
const TIMEOUT: Duration = Duration::from_secs(120);
/// Hosts that a URL may lead through.
const REDIRECTS: usize = 5;
/// The layer that is a package file, as `plugin pack` writes it.
const PACKAGE: &str = "application/vnd.jackfield.plugin.v1";
/// The component alone, where other tools look for one (CNCF TAG Runtime, "Wasm OCI Artifact Layout").
const COMPONENT: &str = "application/wasm";
const CONFIG: &str = "application/vnd.wasm.config.v0+json";

/// Where a package is.
#[derive(Clone, Debug)]
pub(crate) enum Remote {
    /// `https://…`; `http://…` on this machine.
    Url(reqwest::Url),
    /// `oci://HOST/REPOSITORY:TAG` or `…@sha256:…`.
    Registry(Reference),
}

/// Why a package does not come, or go.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteError {
    #[error("{0}: no address: {1}")]
    Url(String, String),
    #[error("{0}: no reference of a registry: {1}")]
    Reference(String, ParseError),
    #[error("{0}: no registry: its host has a dot or a port, or is `localhost`")]
    NoRegistry(String),
    #[error("{0}: packages come over https from other machines, so that nobody on the way chooses which")]
    Plain(String),
    #[error("{place}: more than {most} bytes", most = limit::PACKAGE_BYTES)]
    TooLarge { place: String },
    #[error("{place}: it took longer than {TIMEOUT:?}")]
    Timeout { place: String },
    #[error("{place}: {}", causes(source))]
    Http { place: String, source: reqwest::Error },
    #[error("{place}: {}", causes(source))]
    Registry { place: String, source: Box<OciDistributionError> },
    #[error("{0}: no plugin: it has no layer of type {PACKAGE}")]
    NoPackage(String),
}

impl fmt::Display for Remote {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(url) => url.fmt(formatter),
            Self::Registry(reference) => write!(formatter, "oci://{reference}"),
        }
    }
}

impl Remote {
    /// What a text names; none if it is a file, a folder or a bundled plugin.
    pub(crate) fn of(text: &str) -> Option<Result<Self, RemoteError>> {
        if let Some(reference) = text.strip_prefix("oci://") {
            return Some(match reference.parse::<Reference>() {
                Err(error) => Err(RemoteError::Reference(text.to_owned(), error)),
                // What names no host would be one of a registry that nobody named.
                Ok(parsed) if !reference.starts_with(parsed.registry()) => {
                    Err(RemoteError::NoRegistry(text.to_owned()))
                }
                Ok(parsed) => Ok(Self::Registry(parsed)),
            });
        }
        let is_plain = text.starts_with("http://");
        (is_plain || text.starts_with("https://")).then(|| {
            let url = reqwest::Url::parse(text);
            let url = url.map_err(|error| RemoteError::Url(text.to_owned(), error.to_string()))?;
            match is_plain && !url.host_str().is_some_and(is_this_machine) {
                true => Err(RemoteError::Plain(text.to_owned())),
                false => Ok(Self::Url(url)),
            }
        })
    }

    /// Fetches the package file.
    pub(crate) async fn fetch(&self) -> Result<Bytes, RemoteError> {
        let fetch = async {
            match self {
                Self::Url(url) => self.download(url.clone()).await,
                Self::Registry(reference) => self.pull(reference).await,
            }
        };
        tokio::time::timeout(TIMEOUT, fetch).await.unwrap_or_else(|_| Err(RemoteError::Timeout { place: self.place() }))
    }

    async fn download(&self, url: reqwest::Url) -> Result<Bytes, RemoteError> {
        let failed = |source| RemoteError::Http { place: self.place(), source };
        net::http::choose_tls_provider();
        let is_secure = url.scheme() == "https";
        // What is of this machine leads nowhere else: the way there could be one that is not encrypted.
        let redirects = if is_secure { REDIRECTS } else { 0 };
        let client = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::limited(redirects))
            .https_only(is_secure)
            .build()
            .map_err(failed)?;
        let response = client.get(url).send().await.and_then(reqwest::Response::error_for_status);
        let mut response = response.map_err(failed)?;
        let mut package = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            self.take(&mut package, &chunk)?;
        }
        Ok(package.into())
    }

    async fn pull(&self, reference: &Reference) -> Result<Bytes, RemoteError> {
        let failed = |source| RemoteError::Registry { place: self.place(), source: Box::new(source) };
        let client = client(reference);
        let (manifest, _) = client.pull_image_manifest(reference, &RegistryAuth::Anonymous).await.map_err(failed)?;
        let layer = manifest.layers.iter().find(|layer| layer.media_type == PACKAGE);
        let layer = layer.ok_or_else(|| RemoteError::NoPackage(self.place()))?;
        // Its end is an error where the bytes are not those of the digest.
        let mut stream = client.pull_blob_stream(reference, layer).await.map_err(failed)?.stream;
        let mut package = Vec::new();
        while let Some(chunk) = std::future::poll_fn(|context| stream.as_mut().poll_next(context)).await {
            self.take(&mut package, &chunk.map_err(|error| failed(error.into()))?)?;
        }
        Ok(package.into())
    }

    fn take(&self, package: &mut Vec<u8>, chunk: &[u8]) -> Result<(), RemoteError> {
        if package.len() + chunk.len() > limit::PACKAGE_BYTES {
            return Err(RemoteError::TooLarge { place: self.place() });
        }
        package.extend_from_slice(chunk);
        Ok(())
    }

    fn place(&self) -> String {
        self.to_string()
    }
}

/// Puts a package file into a registry; the digest by which it can be named.
pub(crate) async fn publish(
    reference: &Reference,
    file: Bytes,
    archive: &Archive,
    auth: &RegistryAuth,
) -> Result<String, RemoteError> {
    let component = ImageLayer::new(archive.package().wasm, COMPONENT.to_owned(), None);
    let layers = [component, ImageLayer::new(file, PACKAGE.to_owned(), None)];
    let digests: Vec<String> = layers.iter().map(ImageLayer::sha256_digest).collect();
    let config = serde_json::json!({ "architecture": "wasm", "os": "wasip2", "layerDigests": digests });
    let config = Config::new(config.to_string().into_bytes(), CONFIG.to_owned(), None);
    let manifest = OciImageManifest::build(&layers, &config, None);
    let place = || format!("oci://{reference}");
    let failed = |source| RemoteError::Registry { place: place(), source: Box::new(source) };
    let client = client(reference);
    let push = async {
        client.push(reference, &layers, config, auth, Some(manifest)).await?;
        client.fetch_manifest_digest(reference, auth).await
    };
    match tokio::time::timeout(TIMEOUT, push).await {
        Ok(pushed) => pushed.map_err(failed),
        Err(_) => Err(RemoteError::Timeout { place: place() }),
    }
}

fn client(reference: &Reference) -> Client {
    net::http::choose_tls_provider();
    let host = reference.resolve_registry();
    let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
    let protocol = if is_this_machine(host) { ClientProtocol::Http } else { ClientProtocol::Https };
    Client::new(ClientConfig { protocol, ..ClientConfig::default() })
}

/// Whether nobody else can be on the way.
fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// An error with those below it, which have what matters: `error sending request` alone tells nobody that a port is closed.
fn causes(error: &dyn std::error::Error) -> String {
    let below = std::iter::successors(Some(error), |error| error.source());
    let mut texts: Vec<String> = below.map(ToString::to_string).collect();
    texts.dedup();
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_from_files() {
        for file in ["app-echo", "./a", "/srv/p.jfp", "oci:/x", "ftp://a/b"] {
            assert!(Remote::of(file).is_none(), "{file}");
        }
        for place in
            ["https://plugins.example/echo.jfp", "http://127.0.0.1:8000/e", "http://[::1]/e", "http://localhost/e"]
        {
            assert_eq!(Remote::of(place).unwrap().unwrap().to_string(), place);
        }
        let reference = Remote::of("oci://registry.example:5000/acme/echo:0.1.0").unwrap().unwrap();
        assert!(matches!(&reference, Remote::Registry(one) if one.tag() == Some("0.1.0")), "{reference}");
    }

    #[test]
    fn nobody_on_the_way_chooses_the_package() {
        for place in ["http://plugins.example/e", "http://127.0.0.1.example/e", "http://10.0.0.1/e"] {
            assert!(matches!(Remote::of(place), Some(Err(RemoteError::Plain(_)))), "{place}");
        }
        assert!(matches!(Remote::of("oci://registry.example/a b"), Some(Err(RemoteError::Reference(..)))));
        assert!(matches!(Remote::of("oci://acme/echo:1"), Some(Err(RemoteError::NoRegistry(_)))));
        assert!(matches!(Remote::of("https://"), Some(Err(RemoteError::Url(..)))));
    }
}
