//! The client's side: answering 401 and 407.

use std::fmt;

use bytes::Bytes;

use super::digest::{self, Algorithm, Ha1};
use super::header::{Challenge, Qop};
use crate::message::{HeaderName, Method, Response, Uri, quote};

/// What a client knows to answer challenges with.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    username: String,
    secret: Secret,
    realm: Option<String>,
    allow_md5: bool,
}

#[derive(Clone, PartialEq, Eq)]
enum Secret {
    Plain(String),
    Ha1(Ha1),
}

/// Why no challenge of a response is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChooseError {
    /// There is no digest challenge that can be answered.
    #[error("no digest challenge of a known algorithm")]
    NoChallenge,
    /// The challenges are of other realms than the one the secret is for (B9).
    #[error("challenge of another realm")]
    OtherRealm,
    /// Only algorithms are offered that these credentials do not use (B3).
    #[error("no allowed algorithm is offered")]
    Algorithm,
}

impl Credentials {
    /// A user name and its secret, good for any realm that asks.
    pub fn new(username: &str, secret: &str) -> Self {
        Self { username: username.to_owned(), secret: Secret::Plain(secret.to_owned()), realm: None, allow_md5: true }
    }

    /// A user name and stored hashes; those belong to one realm.
    pub fn from_ha1(username: &str, realm: &str, ha1: Ha1) -> Self {
        Self { username: username.to_owned(), secret: Secret::Ha1(ha1), realm: Some(realm.to_owned()), allow_md5: true }
    }

    /// The same, answering only this realm: a called party that asks gets nothing to crack (B9).
    #[must_use]
    pub fn with_realm(mut self, realm: &str) -> Self {
        self.realm = Some(realm.to_owned());
        self
    }

    /// The same, never answering by MD5.
    #[must_use]
    pub fn without_md5(mut self) -> Self {
        self.allow_md5 = false;
        self
    }

    /// The user name.
    pub fn username(&self) -> &str {
        &self.username
    }

    /// The challenge of a 401 or 407 to answer: the strongest algorithm among those for our realm, the first of equals.
    pub fn choose(&self, response: &Response) -> Result<Challenge, ChooseError> {
        let challenges = Challenge::all(response);
        if challenges.is_empty() {
            return Err(ChooseError::NoChallenge);
        }
        let expected = |challenge: &Challenge| self.realm.as_ref().is_none_or(|realm| *realm == challenge.realm);
        let ours: Vec<Challenge> = challenges.into_iter().filter(expected).collect();
        if ours.is_empty() {
            return Err(ChooseError::OtherRealm);
        }
        let usable = ours.into_iter().filter(|challenge| self.can(challenge.algorithm));
        // `max_by_key` gives the last of equals; reversed, that is the first.
        usable.rev().max_by_key(|challenge| challenge.algorithm).ok_or(ChooseError::Algorithm)
    }

    fn can(&self, algorithm: Algorithm) -> bool {
        if algorithm == Algorithm::Md5 && !self.allow_md5 {
            return false;
        }
        match &self.secret {
            Secret::Plain(_) => true,
            Secret::Ha1(ha1) => ha1.hex(algorithm).is_some(),
        }
    }

    /// The header that answers a challenge of [`Credentials::choose`] for one request.
    ///
    /// `cnonce` must be random; `count` is 1 for the first request with this nonce and grows by one with each.
    pub fn authorize(
        &self,
        challenge: &Challenge,
        method: &Method,
        uri: &Uri,
        body: &[u8],
        cnonce: &str,
        count: u32,
    ) -> (HeaderName, Bytes) {
        let algorithm = challenge.algorithm;
        let uri = uri.to_string();
        let covered = (challenge.qop == Qop::AuthInt).then_some(body);
        let ha1 = self.ha1(challenge);
        let ha2 = digest::ha2(algorithm, method.as_str(), uri.as_bytes(), covered);
        let nonce = challenge.nonce.as_bytes();
        let mut value = format!(
            "Digest username={},realm={},nonce={},uri={},algorithm={}",
            quote(&self.username),
            quote(&challenge.realm),
            quote(&challenge.nonce),
            quote(&uri),
            algorithm.as_str(),
        );
        let response = match challenge.qop {
            Qop::None => algorithm.hash(&[ha1.as_bytes(), nonce, ha2.as_bytes()]),
            Qop::Auth | Qop::AuthInt => {
                let qop = if covered.is_some() { "auth-int" } else { "auth" };
                let count = format!("{count:08x}");
                value.push_str(&format!(",qop={qop},nc={count},cnonce={}", quote(cnonce)));
                let parts = [count.as_bytes(), cnonce.as_bytes(), qop.as_bytes(), ha2.as_bytes()];
                algorithm.hash(&[ha1.as_bytes(), nonce, parts[0], parts[1], parts[2], parts[3]])
            }
        };
        value.push_str(&format!(",response=\"{}\"", response.hex()));
        if let Some(opaque) = &challenge.opaque {
            value.push_str(&format!(",opaque={}", quote(opaque)));
        }
        (challenge.side.authorization_header(), Bytes::from(value))
    }

    fn ha1(&self, challenge: &Challenge) -> String {
        match &self.secret {
            Secret::Plain(secret) => {
                let parts = [self.username.as_bytes(), challenge.realm.as_bytes(), secret.as_bytes()];
                challenge.algorithm.hash(&parts).hex()
            }
            Secret::Ha1(ha1) => ha1.hex(challenge.algorithm).unwrap_or_default(),
        }
    }
}

/// A secret stays out of logs.
impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Credentials").field("username", &self.username).field("realm", &self.realm).finish()
    }
}

#[cfg(test)]
mod tests;
