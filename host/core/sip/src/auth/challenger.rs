//! The server's side: challenges and the verification of their answers.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{Choice, ConstantTimeEq};

use super::digest::{self, Algorithm, Ha1};
use super::header::Authorization;
use super::{Side, digest::Hash};
use crate::limit;
use crate::message::{Headers, Request, quote};

/// What a [`Challenger`] offers and how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The offered algorithms, the preferred first (RFC 8760 §2.3). The list is the same for every user name, so that it
    /// tells nothing about an account (B4).
    pub algorithms: Vec<Algorithm>,
    /// How long a nonce is good, by the monotonic clock (B2).
    pub nonce_life: Duration,
    /// How many nonces in use keep their count; the oldest make room and count as expired.
    pub nonces_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            algorithms: vec![Algorithm::Sha256, Algorithm::Md5],
            nonce_life: Duration::from_secs(300),
            nonces_max: limit::NONCES_MAX,
        }
    }
}

/// The server's side of digest authentication.
#[derive(Debug)]
pub struct Challenger {
    key: Key,
    config: Config,
    epoch: Instant,
    serial: u32,
    /// The highest count of each nonce in use, oldest nonce first.
    counts: BTreeMap<Issue, u32>,
    /// Every nonce issued up to here that is not in `counts` is forgotten, hence expired.
    forgotten: Option<Issue>,
    /// What an unknown user is compared with, so that the work is the same (B4).
    decoy: Ha1,
}

/// When a nonce was issued and its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Issue {
    milliseconds: u64,
    serial: u32,
}

/// The key of the MAC, kept out of `Debug`.
struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Key(…)")
    }
}

/// An answer that holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    /// The algorithm that was used; the audit reports MD5.
    pub algorithm: Algorithm,
}

/// Why an answer does not hold. For the log only: the peer hears the same challenge whatever it is, except that
/// [`Rejected::Stale`] sets `stale=true`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    /// The secret is right and the nonce is ours but too old: the client may try again without asking its user.
    #[error("expired nonce")]
    Stale,
    /// The nonce is not ours, or was given to another peer (B1).
    #[error("foreign nonce")]
    ForeignNonce,
    /// The count was used before (B1).
    #[error("replayed nonce count")]
    Replay,
    /// The algorithm is unknown, was not offered, or is not allowed for the account (B3).
    #[error("algorithm")]
    Algorithm,
    /// `qop=auth` with a nonce count and a client nonce is mandatory (B3).
    #[error("quality of protection")]
    Qop,
    /// The digest was made for another request (B1).
    #[error("URI")]
    Uri,
    /// No such user, or a wrong secret.
    #[error("credentials")]
    Credentials,
}

impl Challenger {
    /// A challenger; the key must be random, secret and its own: one that another challenger shares would let both issue
    /// the same nonce. Nonces of another key are foreign.
    pub fn new(now: Instant, key: [u8; 32], config: Config) -> Self {
        let decoy = Ha1::derive("decoy", "decoy", &digest::hex(&mac(&key, &[b"decoy"])));
        Self { key: Key(key), config, epoch: now, serial: 0, counts: BTreeMap::new(), forgotten: None, decoy }
    }

    /// Adds the challenges to the headers of a 401 or 407, one line for each offered algorithm, preferred first.
    pub fn challenge(
        &mut self,
        now: Instant,
        side: Side,
        realm: &str,
        peer: IpAddr,
        stale: bool,
        headers: &mut Headers,
    ) {
        let nonce = self.issue(now, realm, peer);
        let realm = quote(realm);
        let stale = if stale { ",stale=true" } else { "" };
        for algorithm in &self.config.algorithms {
            let algorithm = algorithm.as_str();
            let value = format!("Digest realm={realm},nonce=\"{nonce}\",qop=\"auth\",algorithm={algorithm}{stale}");
            headers.push(side.challenge_header(), value);
        }
    }

    fn issue(&mut self, now: Instant, realm: &str, peer: IpAddr) -> String {
        self.serial = self.serial.wrapping_add(1);
        let issue = Issue { milliseconds: self.milliseconds(now), serial: self.serial };
        issue.nonce(&self.key, realm, peer)
    }

    fn milliseconds(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.epoch).as_millis()).unwrap_or(u64::MAX) & TIME_MASK
    }

    /// Verifies an answer against an account; `None` is a user that does not exist.
    ///
    /// An unknown user costs the same hashes as a known one and gives the same verdict as a wrong secret (B4).
    pub fn verify(
        &mut self,
        now: Instant,
        authorization: &Authorization,
        request: &Request,
        peer: IpAddr,
        account: Option<&Ha1>,
    ) -> Result<Verified, Rejected> {
        let issue = Issue::parse(&self.key, authorization, peer).ok_or(Rejected::ForeignNonce)?;
        let algorithm = authorization.algorithm.filter(|own| self.config.algorithms.contains(own));
        let algorithm = algorithm.ok_or(Rejected::Algorithm)?;
        let count = count(authorization).ok_or(Rejected::Qop)?;
        if !is_for(authorization, request) {
            return Err(Rejected::Uri);
        }
        if !bool::from(self.matches(algorithm, authorization, request, account)) {
            let refused = account.is_some_and(|account| account.value(algorithm).is_none());
            return Err(if refused { Rejected::Algorithm } else { Rejected::Credentials });
        }
        // Only now: whoever gets here knows the secret, so the table cannot be filled by strangers.
        self.count(now, issue, count)?;
        Ok(Verified { algorithm })
    }

    fn matches(
        &self,
        algorithm: Algorithm,
        authorization: &Authorization,
        request: &Request,
        account: Option<&Ha1>,
    ) -> Choice {
        let stored = account.and_then(|account| account.value(algorithm));
        let decoy = self.decoy.value(algorithm).expect("the decoy has every algorithm");
        let known = Choice::from(u8::from(stored.is_some()));
        let ha1 = digest::hex(stored.unwrap_or(decoy));
        let ha2 = digest::ha2(algorithm, request.method.as_str(), &authorization.uri, None);
        let expected: Hash = algorithm.hash(&[
            ha1.as_bytes(),
            &authorization.nonce,
            &authorization.count,
            &authorization.cnonce,
            b"auth",
            ha2.as_bytes(),
        ]);
        let given = digest::unhex(&authorization.response).unwrap_or_default();
        // Slices of different length are unequal at once; the length is no secret.
        expected.as_bytes().ct_eq(&given) & known
    }

    /// Takes note of a count that was never used with this nonce.
    fn count(&mut self, now: Instant, issue: Issue, count: u32) -> Result<(), Rejected> {
        let age = self.milliseconds(now).saturating_sub(issue.milliseconds);
        let expired = Duration::from_millis(age) > self.config.nonce_life;
        let forgotten = !self.counts.contains_key(&issue) && self.forgotten.is_some_and(|last| issue <= last);
        if expired || forgotten {
            self.counts.remove(&issue);
            return Err(Rejected::Stale);
        }
        let highest = self.counts.entry(issue).or_insert(0);
        if count <= *highest {
            return Err(Rejected::Replay);
        }
        *highest = count;
        while self.counts.len() > self.config.nonces_max {
            if let Some((oldest, _)) = self.counts.pop_first() {
                self.forgotten = self.forgotten.max(Some(oldest));
            }
        }
        Ok(())
    }

    /// How many nonces keep a count at the moment.
    pub fn nonces(&self) -> usize {
        self.counts.len()
    }
}

/// Six bytes of milliseconds last 8,900 years.
const TIME_MASK: u64 = (1 << 48) - 1;
const STAMP_BYTES: usize = 10;
/// 96 bits, as in HMAC-SHA-256-96: a challenge is small, because anybody can ask for one (C8).
const TAG_BYTES: usize = 12;

impl Issue {
    fn stamp(self) -> [u8; STAMP_BYTES] {
        let mut stamp = [0; STAMP_BYTES];
        stamp[..6].copy_from_slice(&self.milliseconds.to_be_bytes()[2..]);
        stamp[6..].copy_from_slice(&self.serial.to_be_bytes());
        stamp
    }

    fn tag(stamp: &[u8], key: &Key, realm: &str, peer: IpAddr) -> [u8; TAG_BYTES] {
        let address = match peer {
            IpAddr::V4(address) => address.to_ipv6_mapped(),
            IpAddr::V6(address) => address,
        };
        // Every part but the last has a fixed length, so that no two inputs run together alike.
        let mac = mac(&key.0, &[stamp, &address.octets(), realm.as_bytes()]);
        let mut tag = [0; TAG_BYTES];
        tag.copy_from_slice(&mac[..TAG_BYTES]);
        tag
    }

    fn nonce(self, key: &Key, realm: &str, peer: IpAddr) -> String {
        let stamp = self.stamp();
        let mut bytes = [0; STAMP_BYTES + TAG_BYTES];
        bytes[..STAMP_BYTES].copy_from_slice(&stamp);
        bytes[STAMP_BYTES..].copy_from_slice(&Self::tag(&stamp, key, realm, peer));
        digest::hex(&bytes)
    }

    /// The issue of a nonce that carries our tag for this realm and peer.
    fn parse(key: &Key, authorization: &Authorization, peer: IpAddr) -> Option<Self> {
        let bytes = digest::unhex(&authorization.nonce).filter(|bytes| bytes.len() == STAMP_BYTES + TAG_BYTES)?;
        let (stamp, tag) = bytes.split_at(STAMP_BYTES);
        if !bool::from(Self::tag(stamp, key, &authorization.realm, peer).ct_eq(tag)) {
            return None;
        }
        let mut milliseconds = [0; 8];
        milliseconds[2..].copy_from_slice(&stamp[..6]);
        let mut serial = [0; 4];
        serial.copy_from_slice(&stamp[6..]);
        Some(Self { milliseconds: u64::from_be_bytes(milliseconds), serial: u32::from_be_bytes(serial) })
    }
}

/// The nonce count of an answer that has everything `qop=auth` demands (RFC 7616 §3.4): eight hex digits above zero.
fn count(authorization: &Authorization) -> Option<u32> {
    let auth = authorization.qop.as_deref().is_some_and(|qop| qop.eq_ignore_ascii_case(b"auth"));
    if !auth || authorization.cnonce.is_empty() || authorization.count.len() != 8 {
        return None;
    }
    let digits = digest::unhex(&authorization.count)?;
    let count = u32::from_be_bytes(digits.try_into().ok()?);
    (count > 0).then_some(count)
}

/// RFC 3261 §22.4: the digest URI is the Request-URI. Parameters are left out of the comparison, because phones add
/// `transport` to one of the two only; user, host and port say whom a request is for.
fn is_for(authorization: &Authorization, request: &Request) -> bool {
    let Ok(uri) = authorization.uri() else { return false };
    let asked = &request.uri;
    let hosts = match (uri.host(), asked.host()) {
        (Some(own), Some(theirs)) => own.matches(theirs),
        (None, None) => true,
        _ => false,
    };
    hosts
        && uri.scheme() == asked.scheme()
        && uri.port() == asked.port()
        && uri.user_unescaped() == asked.user_unescaped()
}

fn mac(key: &[u8; 32], parts: &[&[u8]]) -> [u8; 32] {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests;
