//! One request and its response on a connection of its own.

use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, LOCATION, USER_AGENT};
use hyper::{HeaderMap, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::{Failure, Message, Response, Target};

/// How long one address of several is tried.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Bytes that are read ahead; the head of a response must fit, and the parser wants no less.
const BUFFER_BYTES: usize = 32 << 10;
/// What the host calls itself.
const AGENT: HeaderValue = HeaderValue::from_static(concat!("jackfield/", env!("CARGO_PKG_VERSION")));

/// What a response may have.
#[derive(Clone, Copy)]
pub(super) struct Bounds {
    pub(super) body: usize,
    pub(super) headers: usize,
    pub(super) header_bytes: usize,
}

/// What came back.
pub(super) enum Answer {
    Response(Response),
    /// It is elsewhere.
    Redirect(StatusCode, String),
}

/// Sends the message to one of these addresses.
pub(super) async fn exchange(
    message: &Message,
    addresses: &[SocketAddr],
    tls: &Arc<rustls::ClientConfig>,
    bounds: Bounds,
    follows: bool,
) -> Result<Answer, Failure> {
    let target = &message.target;
    let stream = connect(target, addresses).await?;
    if !target.is_https() {
        return over(stream, message, bounds, follows).await;
    }
    let failed = |error: String| Failure::Failed(format!("TLS with {}: {error}", target.host()));
    let name = match target.ip() {
        Some(ip) => ServerName::from(ip),
        None => ServerName::try_from(target.host().to_owned()).map_err(|error| failed(error.to_string()))?,
    };
    let connector = TlsConnector::from(Arc::clone(tls));
    let stream = connector.connect(name, stream).await.map_err(|error| failed(error.to_string()))?;
    over(stream, message, bounds, follows).await
}

async fn connect(target: &Target, addresses: &[SocketAddr]) -> Result<TcpStream, Failure> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    // The kind alone: what a system says may hold the address.
    Err(Failure::Failed(format!("{}:{} does not take the connection: {}", target.host(), target.port(), last.kind())))
}

async fn over(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send,
    message: &Message,
    bounds: Bounds,
    follows: bool,
) -> Result<Answer, Failure> {
    let failed = |error: hyper::Error| refused(&error, bounds);
    let mut builder = http1::Builder::new();
    builder.max_buf_size(BUFFER_BYTES).max_headers(bounds.headers);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(failed)?;
    let exchange = async {
        let response = sender.send_request(request(message)?).await.map_err(failed)?;
        answer(message, response, bounds, follows).await
    };
    // An error of the connection is one of the exchange as well, and its end may come before all was read.
    let connection = async {
        drop(connection.await);
        std::future::pending::<()>().await;
    };
    let (exchange, connection) = (pin!(exchange), pin!(connection));
    tokio::select! {
        answer = exchange => answer,
        () = connection => unreachable!("it is pending"),
    }
}

/// RFC 9112 §3.2: Host comes from the URL and from nowhere else.
fn request(message: &Message) -> Result<hyper::Request<Full<Bytes>>, Failure> {
    let invalid = |error: &dyn std::fmt::Display| Failure::Invalid(format!("url: {error}"));
    let mut request = hyper::Request::new(Full::new(message.body.clone()));
    *request.method_mut() = message.method.clone();
    *request.uri_mut() = message.target.origin_form().parse().map_err(|error| invalid(&error))?;
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::try_from(message.target.authority()).map_err(|error| invalid(&error))?);
    headers.insert(USER_AGENT, AGENT);
    for name in message.headers.keys() {
        headers.remove(name);
    }
    headers.extend(message.headers.clone());
    Ok(request)
}

async fn answer(
    message: &Message,
    response: hyper::Response<Incoming>,
    bounds: Bounds,
    follows: bool,
) -> Result<Answer, Failure> {
    let (head, mut incoming) = response.into_parts();
    if let Some(location) = redirection(head.status, &head.headers).filter(|_| follows) {
        return Ok(Answer::Redirect(head.status, location));
    }
    let size: usize = head.headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if size > bounds.header_bytes {
        return Err(Failure::TooLarge(format!("headers of {size} bytes: at most {}", bounds.header_bytes)));
    }
    let mut body = BytesMut::new();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| refused(&error, bounds))?;
        let Some(data) = frame.data_ref() else { continue };
        if body.len() + data.len() > bounds.body {
            return Err(Failure::TooLarge(format!("a body of more than {} bytes", bounds.body)));
        }
        body.extend_from_slice(data);
    }
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let (status, url) = (head.status.as_u16(), message.target.as_str().to_owned());
    Ok(Answer::Response(Response { status, url, headers, body: body.freeze() }))
}

/// RFC 9110 §15.4: where to ask instead. Without a place to go to, it is an ordinary response.
fn redirection(status: StatusCode, headers: &HeaderMap) -> Option<String> {
    let redirects = matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308);
    let location = headers.get(LOCATION).filter(|_| redirects)?;
    Some(String::from_utf8_lossy(location.as_bytes()).into_owned())
}

fn refused(error: &hyper::Error, bounds: Bounds) -> Failure {
    match error.is_parse_too_large() {
        true => Failure::TooLarge(format!("headers: at most {} and {} bytes", bounds.headers, bounds.header_bytes)),
        false => Failure::Failed(format!("no response that can be read: {error}")),
    }
}
