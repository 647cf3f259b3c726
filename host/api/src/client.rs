//! The command line's end of the socket.

use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

use crate::control::ControlError;

/// Largest answer that is read: ten thousand registrations take three megabytes.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// A running server's API.
#[derive(Clone, Debug)]
pub struct Client {
    path: PathBuf,
}

/// Why there is no answer, or a bad one.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No server listens there.
    #[error("no server answers on {}: {source}", path.display())]
    Unreachable {
        /// The socket.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The server said no.
    #[error(transparent)]
    Control(#[from] ControlError),
    /// What came back is no answer of this API.
    #[error("the server's answer makes no sense: {0}")]
    Nonsense(String),
}

impl Client {
    /// The server that listens on this socket.
    pub fn new(socket: &Path) -> Self {
        Self { path: socket.into() }
    }

    /// Asks for something.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.send(Method::GET, path, Bytes::new()).await
    }

    /// Orders something.
    pub async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, ClientError> {
        let body = serde_json::to_vec(body).map_err(|error| ClientError::Nonsense(error.to_string()))?;
        self.send(Method::POST, path, body.into()).await
    }

    /// Removes something.
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        self.send(Method::DELETE, path, Bytes::new()).await
    }

    async fn send<T: DeserializeOwned>(&self, method: Method, path: &str, body: Bytes) -> Result<T, ClientError> {
        let unreachable = |source| ClientError::Unreachable { path: self.path.clone(), source };
        let nonsense = |error: &dyn std::fmt::Display| ClientError::Nonsense(error.to_string());
        let stream = UnixStream::connect(&self.path).await.map_err(unreachable)?;
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
        let (mut sender, connection) = handshake.map_err(|error| nonsense(&error))?;
        let connection = tokio::spawn(connection);
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "jackfield")
            .header("content-type", "application/json")
            .body(Full::new(body))
            .map_err(|error| nonsense(&error))?;
        let response = sender.send_request(request).await.map_err(|error| nonsense(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| nonsense(&error))?.to_bytes();
        drop(sender);
        connection.abort();
        match status {
            StatusCode::OK => serde_json::from_slice(&body).map_err(|error| nonsense(&error)),
            _ => match serde_json::from_slice::<ControlError>(&body) {
                Ok(error) => Err(error.into()),
                Err(_) => Err(ClientError::Nonsense(format!("{status}: {}", String::from_utf8_lossy(&body)))),
            },
        }
    }
}
