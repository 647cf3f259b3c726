//! The challenge and authorization headers (RFC 3261 §20.7, §20.44; RFC 7616 §3.3, §3.4).

use bytes::Bytes;

use super::Side;
use super::digest::Algorithm;
use crate::limit;
use crate::message::{Request, Response, SyntaxError, Text, Uri, split_list, unquote};

/// How much of a message the digest covers (RFC 7616 §3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qop {
    /// RFC 2069: nothing was offered; no nonce count protects the answer.
    None,
    /// `auth`: method and URI.
    Auth,
    /// `auth-int`: the body as well.
    AuthInt,
}

/// One digest challenge that this crate can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Who asks.
    pub side: Side,
    /// The realm.
    pub realm: String,
    /// The nonce.
    pub nonce: String,
    /// The opaque value that must be given back.
    pub opaque: Option<String>,
    /// The algorithm; MD5 when the challenge names none.
    pub algorithm: Algorithm,
    /// The best protection that is offered.
    pub qop: Qop,
    /// The last answer had an old nonce, not a wrong secret.
    pub stale: bool,
}

impl Challenge {
    /// The digest challenges of a response in their order; what cannot be answered is left out.
    pub fn all(response: &Response) -> Vec<Self> {
        let sides = [Side::User, Side::Proxy].into_iter();
        sides
            .flat_map(|side| {
                let name = side.challenge_header();
                let values = response.headers.get_all(&name).take(limit::CHALLENGES_MAX);
                values.filter_map(|value| Self::parse(side, value)).collect::<Vec<_>>()
            })
            .collect()
    }

    /// Reads one header line. RFC 3261 §20.44: challenges are not combined by commas.
    pub fn parse(side: Side, value: &Bytes) -> Option<Self> {
        let parameters = Parameters::parse(value).ok()?;
        let text = |name: &str| parameters.get(name).and_then(|value| String::from_utf8(value).ok());
        let algorithm = match parameters.get("algorithm") {
            None => Algorithm::Md5,
            Some(token) => Algorithm::parse(&token)?,
        };
        let qop = match text("qop") {
            None => Qop::None,
            Some(offered) => {
                let has = |wanted: &str| offered.split(',').any(|own| own.trim().eq_ignore_ascii_case(wanted));
                match (has("auth"), has("auth-int")) {
                    (true, _) => Qop::Auth,
                    (false, true) => Qop::AuthInt,
                    (false, false) => return None,
                }
            }
        };
        Some(Self {
            side,
            realm: text("realm")?,
            nonce: text("nonce")?,
            opaque: text("opaque"),
            algorithm,
            qop,
            stale: text("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true")),
        })
    }
}

/// The answer to a challenge as a peer sent it, checked for its form only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization {
    pub(super) username: String,
    pub(super) realm: String,
    pub(super) nonce: Vec<u8>,
    pub(super) uri: Vec<u8>,
    pub(super) response: Vec<u8>,
    pub(super) algorithm: Option<Algorithm>,
    pub(super) qop: Option<Vec<u8>>,
    pub(super) cnonce: Vec<u8>,
    pub(super) count: Vec<u8>,
}

/// Why a request has no usable authorization. The peer hears a challenge in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationError {
    /// There is none, or none for this realm and scheme (RFC 4475 §3.3.7).
    #[error("no digest authorization for this realm")]
    Missing,
    /// It does not follow the grammar, or something required is not in it.
    #[error("{0}")]
    Malformed(#[from] SyntaxError),
}

impl Authorization {
    /// The first digest authorization for this realm.
    pub fn find(request: &Request, side: Side, realm: &str) -> Result<Self, AuthorizationError> {
        let name = side.authorization_header();
        let mut malformed = None;
        for value in request.headers.get_all(&name).take(limit::CHALLENGES_MAX) {
            match Self::parse(value) {
                Ok(found) if found.realm == realm => return Ok(found),
                Ok(_) => {}
                Err(error) if is_digest(value) => malformed = malformed.or(Some(error)),
                Err(_) => {}
            }
        }
        Err(malformed.map_or(AuthorizationError::Missing, AuthorizationError::Malformed))
    }

    /// Reads one header line.
    pub fn parse(value: &Bytes) -> Result<Self, SyntaxError> {
        let parameters = Parameters::parse(value)?;
        let required = |name: &'static str| parameters.get(name).ok_or(SyntaxError(name));
        let text = |name: &'static str| String::from_utf8(required(name)?).map_err(|_| SyntaxError(name));
        Ok(Self {
            username: text("username")?,
            realm: text("realm")?,
            nonce: required("nonce")?,
            uri: required("uri")?,
            response: required("response")?,
            // RFC 7616 §3.4: without the parameter it is MD5; what we do not know stays `None` and is refused.
            algorithm: parameters.get("algorithm").map_or(Some(Algorithm::Md5), |token| Algorithm::parse(&token)),
            qop: parameters.get("qop"),
            cnonce: parameters.get("cnonce").unwrap_or_default(),
            count: parameters.get("nc").unwrap_or_default(),
        })
    }

    /// The user name, to look up the account with. It proves nothing before [`super::Challenger::verify`].
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The realm.
    pub fn realm(&self) -> &str {
        &self.realm
    }

    /// The URI the digest was made for.
    pub fn uri(&self) -> Result<Uri, SyntaxError> {
        Uri::parse(&Bytes::copy_from_slice(&self.uri))
    }
}

/// The `name=value` list behind `Digest`.
struct Parameters(Vec<(Text, Bytes)>);

impl Parameters {
    fn parse(value: &Bytes) -> Result<Self, SyntaxError> {
        if !is_digest(value) {
            return Err(SyntaxError("authentication scheme"));
        }
        let mut list: Vec<(Text, Bytes)> = Vec::with_capacity(12);
        for part in split_list(&value.slice(SCHEME.len()..)) {
            let part = part?;
            let equal = part.iter().position(|byte| *byte == b'=').ok_or(SyntaxError("authentication parameter"))?;
            let name = Text::new(part.slice_ref(part[..equal].trim_ascii())).ok_or(SyntaxError("parameter name"))?;
            let value = part.slice_ref(part[equal + 1..].trim_ascii());
            // Which of two values another implementation would take cannot be known (A6).
            if list.iter().any(|(own, _)| own.eq_ignore_ascii_case(&name)) {
                return Err(SyntaxError("parameter given twice"));
            }
            if list.len() == limit::PARAMETERS_MAX {
                return Err(SyntaxError("parameter count"));
            }
            list.push((name, value));
        }
        Ok(Self(list))
    }

    /// The value of a parameter, unquoted.
    fn get(&self, name: &str) -> Option<Vec<u8>> {
        self.0.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| unquote(value))
    }
}

const SCHEME: &[u8] = b"Digest ";

fn is_digest(value: &[u8]) -> bool {
    value.len() > SCHEME.len() && value[..SCHEME.len()].eq_ignore_ascii_case(SCHEME)
}
