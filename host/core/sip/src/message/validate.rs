//! Checks of a parsed request that depend on what the element can do (RFC 3261 §8.2).

use bytes::Bytes;

use super::header_name::HeaderName;
use super::headers::Headers;
use super::method::Method;
use super::status::StatusCode;
use super::uri::Scheme;
use super::{Request, Response};

/// What an element can do, for the answers that must say so.
#[derive(Clone, Copy, Debug)]
pub struct Capabilities<'a> {
    /// The methods it serves, for Allow.
    pub methods: &'a [Method],
    /// The option tags it supports, for Require.
    pub extensions: &'a [&'a str],
    /// The types of body it understands, for Accept, such as `application/sdp`.
    pub content_types: &'a [&'a str],
}

/// The refusal of a well-formed request, with the headers the answer must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The status of the answer.
    pub status: StatusCode,
    /// What the answer says about our capabilities.
    pub headers: Vec<(HeaderName, Bytes)>,
}

impl Rejection {
    fn new(status: StatusCode, name: HeaderName, value: String) -> Self {
        Self { status, headers: vec![(name, Bytes::from(value))] }
    }

    /// The answer to the request, without a To tag.
    pub fn response(&self, request: &Request) -> Response {
        let mut response = Response::answering(request, self.status);
        for (name, value) in &self.headers {
            response.headers.push(name.clone(), value.clone());
        }
        response
    }
}

/// Checks a request in the order of §8.2: method, scheme of the Request-URI, Require, body.
///
/// ACK and CANCEL always pass: the first is never answered, the second only after its INVITE (§8.2.2.3, §9.2).
pub fn check(request: &Request, capabilities: &Capabilities<'_>) -> Result<(), Rejection> {
    if matches!(request.method, Method::Ack | Method::Cancel) {
        return Ok(());
    }
    check_method(&request.method, capabilities)?;
    if !request.uri.is_sip() && *request.uri.scheme() != Scheme::Tel {
        return Err(Rejection { status: StatusCode::UNSUPPORTED_URI_SCHEME, headers: Vec::new() });
    }
    check_require(&request.headers, capabilities)?;
    check_body(request, capabilities)
}

/// §8.2.1: 405 for a known method, §21.5.2: 501 for one never heard of.
fn check_method(method: &Method, capabilities: &Capabilities<'_>) -> Result<(), Rejection> {
    if capabilities.methods.contains(method) {
        return Ok(());
    }
    let status = match method {
        Method::Other(_) => StatusCode::NOT_IMPLEMENTED,
        _ => StatusCode::METHOD_NOT_ALLOWED,
    };
    let allow: Vec<&str> = capabilities.methods.iter().map(Method::as_str).collect();
    Err(Rejection::new(status, HeaderName::Allow, allow.join(", ")))
}

/// §8.2.2.3: every option tag that is not supported is listed.
fn check_require(headers: &Headers, capabilities: &Capabilities<'_>) -> Result<(), Rejection> {
    let supported = |tag: &&str| capabilities.extensions.iter().any(|own| own.eq_ignore_ascii_case(tag));
    let unsupported: Vec<&str> = headers.tokens(&HeaderName::Require).filter(|tag| !supported(tag)).collect();
    if unsupported.is_empty() {
        return Ok(());
    }
    Err(Rejection::new(StatusCode::BAD_EXTENSION, HeaderName::Unsupported, unsupported.join(", ")))
}

/// §8.2.3: a body in a type, or an encoding, that is not understood, unless its handling is optional.
fn check_body(request: &Request, capabilities: &Capabilities<'_>) -> Result<(), Rejection> {
    if request.body.is_empty() || is_optional(&request.headers) {
        return Ok(());
    }
    let encoded =
        request.headers.tokens(&HeaderName::ContentEncoding).any(|name| !name.eq_ignore_ascii_case("identity"));
    if encoded {
        return Err(Rejection::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            HeaderName::AcceptEncoding,
            "identity".to_owned(),
        ));
    }
    let known = request
        .headers
        .content_type()
        .is_some_and(|own| capabilities.content_types.iter().any(|known| known.eq_ignore_ascii_case(own)));
    if known {
        return Ok(());
    }
    Err(Rejection::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, HeaderName::Accept, capabilities.content_types.join(", ")))
}

fn is_optional(headers: &Headers) -> bool {
    headers.get_str(&HeaderName::ContentDisposition).is_some_and(|value| {
        value.split(';').skip(1).any(|parameter| {
            parameter.split_once('=').is_some_and(|(name, value)| {
                name.trim().eq_ignore_ascii_case("handling") && value.trim().eq_ignore_ascii_case("optional")
            })
        })
    })
}

/// True when the peer takes an answer with a body of this type (§20.1); an absent Accept means `application/sdp`.
///
/// RFC 4475 §3.3.15: an INVITE that does not is answered 406.
pub fn accepts(headers: &Headers, content_type: &str) -> bool {
    if !headers.contains(&HeaderName::Accept) {
        return content_type.eq_ignore_ascii_case("application/sdp");
    }
    let (kind, _) = content_type.split_once('/').unwrap_or((content_type, ""));
    headers.tokens(&HeaderName::Accept).any(|range| {
        let range = range.split(';').next().unwrap_or(range).trim();
        let (range_kind, subtype) = range.split_once('/').unwrap_or((range, ""));
        range == "*/*"
            || range.eq_ignore_ascii_case(content_type)
            || subtype == "*" && range_kind.eq_ignore_ascii_case(kind)
    })
}
