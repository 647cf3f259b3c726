//! What sessions and the door share: the transactions, the deadlines, the randomness and our own addresses.

use std::borrow::Cow;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rustc_hash::FxHashMap;

use super::types::{Destination, Flow, SessionId, Transport, shard_of};
use super::write::Writer;
use super::{Config, ExtraHeaders};
use crate::message::{HeaderName, Method, StatusCode};
use crate::transaction::keyed::Secret;
use crate::transaction::table::Io;
use crate::transaction::{client, server};

/// The methods we understand, for Allow (§20.5).
pub(crate) const ALLOW: &[u8] = b"INVITE,ACK,CANCEL,BYE,OPTIONS,INFO,PRACK,UPDATE,REFER,NOTIFY,REGISTER,MESSAGE";

/// The extensions we understand, for Supported and the check of Require (§8.2.2.3).
pub(crate) const EXTENSIONS: [&str; 3] = ["100rel", "timer", "replaces"];

/// What sessions and the door share.
#[derive(Debug)]
pub(crate) struct Core {
    pub(crate) config: Config,
    pub(crate) random: StdRng,
    pub(crate) secret: Secret,
    pub(crate) io: Io,
    pub(crate) client: client::Table,
    pub(crate) server: server::Table,
    /// Our tags, 64 random bits each, and whose they are.
    pub(crate) tags: FxHashMap<u64, SessionId>,
}

impl Core {
    /// Nothing at work.
    pub(crate) fn new(config: Config, seed: [u8; 32]) -> Self {
        let mut random = StdRng::from_seed(seed);
        let secret = Secret { k0: random.random(), k1: random.random() };
        let client = client::Table::new(config.timings.clone(), config.limits.client_transactions);
        let server = server::Table::new(config.timings.clone(), config.limits.server_transactions);
        Self { config, random, secret, io: Io::new(), client, server, tags: FxHashMap::default() }
    }

    /// A new tag that belongs to a session.
    pub(crate) fn tag(&mut self, session: SessionId) -> u64 {
        loop {
            let tag = self.random.random();
            if let std::collections::hash_map::Entry::Vacant(vacant) = self.tags.entry(tag) {
                vacant.insert(session);
                return tag;
            }
        }
    }

    /// A Call-ID whose messages will meet this endpoint again.
    pub(crate) fn call_id(&mut self) -> Bytes {
        // Each try hits one of `shards`: a hundred tries per shard fail once in e^100.
        loop {
            let call_id = format!("{:016x}{:016x}", self.random.random::<u64>(), self.random.random::<u64>());
            if shard_of(call_id.as_bytes(), self.config.shards) == self.config.shard {
                return Bytes::from(call_id);
            }
        }
    }

    /// The key of a new client transaction.
    pub(crate) fn client_key(&mut self) -> client::Key {
        loop {
            let key = client::Key { branch: self.random.random(), cancel: false };
            if self.client.get(key).is_none() {
                return key;
            }
        }
    }

    /// A random duration of so many times ten milliseconds, as §14.1 wants it.
    pub(crate) fn tens_of_ms(&mut self, range: std::ops::RangeInclusive<u64>) -> std::time::Duration {
        std::time::Duration::from_millis(self.random.random_range(range) * 10)
    }

    /// `host:port` of ours for a destination.
    pub(crate) fn sent_by(&self, destination: &Destination) -> String {
        let transport = destination.transport();
        let mut fitting = self.config.addresses.iter().filter(|own| own.transport == transport).peekable();
        let any = fitting.peek().copied();
        // An IPv6 peer is shown our IPv6 address when there is one, and the same for IPv4; names fit both.
        let other_family = |host: &str| match destination.remote() {
            SocketAddr::V4(_) => host.starts_with('['),
            SocketAddr::V6(_) => host.parse::<Ipv4Addr>().is_ok(),
        };
        if let Some(own) = fitting.find(|own| !other_family(&own.host)).or(any) {
            return format!("{}:{}", own.host, own.port);
        }
        match (destination.flow(), self.config.addresses.first()) {
            (Some(flow), _) => flow.local.to_string(),
            // Nothing is known but that it leaves from here: RFC 3581 lets the answer find its way.
            (None, Some(own)) => format!("{}:{}", own.host, own.port),
            (None, None) => format!("0.0.0.0:{}", transport.default_port()),
        }
    }

    /// The value of our Contact for a destination.
    pub(crate) fn contact(&self, user: &str, destination: &Destination) -> Bytes {
        let at = if user.is_empty() { "" } else { "@" };
        let sent_by = self.sent_by(destination);
        let transport = destination.transport();
        Bytes::from(match transport {
            Transport::Udp => format!("<sip:{user}{at}{sent_by}>"),
            other => format!("<sip:{user}{at}{sent_by};transport={}>", other.uri_name()),
        })
    }

    /// Sends a request that [`Writer`] has finished, in a transaction of its own.
    pub(crate) fn send(
        &mut self,
        now: Instant,
        key: client::Key,
        (method, user): (Method, client::User),
        (destination, request): (Destination, Bytes),
    ) {
        self.client.start(now, &mut self.io, key, (method, user), (destination, request));
    }

    /// Answers a request without body, from what its transaction kept; nothing when it was answered already.
    pub(crate) fn answer(&mut self, now: Instant, key: server::Key, status: StatusCode, lines: &[(&str, &[u8])]) {
        let Some(mut writer) = self.server.response(key, status, None) else { return };
        for (name, value) in lines {
            writer.line(name, value);
        }
        self.server.respond(now, &mut self.io, key, status, writer.empty());
    }

    /// Answers a request of a sender that has proved nothing: with fewer challenges than the switch offers, and not at all,
    /// rather than with more than half as much again as was asked (C8).
    pub(crate) fn answer_stranger(
        &mut self,
        now: Instant,
        key: server::Key,
        status: StatusCode,
        (reason, headers, body): (Option<&[u8]>, &ExtraHeaders, &[u8]),
    ) {
        let is_challenge =
            |(name, _): &(HeaderName, _)| matches!(*name, HeaderName::WwwAuthenticate | HeaderName::ProxyAuthenticate);
        let mut headers = Cow::Borrowed(headers);
        loop {
            let Some(mut writer) = self.server.response(key, status, reason) else { return };
            writer.lines(&headers);
            let bytes = writer.body(b"", body);
            if self.server.get(key).is_some_and(|transaction| transaction.may_have(bytes.len())) {
                return self.respond(now, key, status, bytes);
            }
            // The last is the one that is wanted least; without any a challenge is none.
            let challenges = headers.iter().filter(|header| is_challenge(header)).count();
            match headers.iter().rposition(is_challenge).filter(|_| challenges > 1) {
                Some(last) => drop(headers.to_mut().remove(last)),
                None => return self.server.remove(&mut self.io, key),
            }
        }
    }

    /// Answers with a status and extra lines of the switch.
    pub(crate) fn answer_with(
        &mut self,
        now: Instant,
        key: server::Key,
        status: StatusCode,
        (reason, headers, body): (Option<&[u8]>, &ExtraHeaders, &[u8]),
    ) {
        let Some(mut writer) = self.server.response(key, status, reason) else { return };
        writer.lines(headers);
        let bytes = writer.body(b"", body);
        self.respond(now, key, status, bytes);
    }

    fn respond(&mut self, now: Instant, key: server::Key, status: StatusCode, bytes: Bytes) {
        if matches!(status.code(), 401 | 407) {
            self.server.challenge(now, &mut self.io, key, status, bytes);
        } else {
            self.server.respond(now, &mut self.io, key, status, bytes);
        }
    }

    /// User-Agent or Server, when configured.
    pub(crate) fn product(&self, writer: &mut Writer, name: &str) {
        if !self.config.user_agent.is_empty() {
            writer.line(name, self.config.user_agent.as_bytes());
        }
    }
}

/// Whether a datagram can have come from its source (§18.2, C8: no reflection to groups).
pub(crate) fn is_honest_source(flow: &Flow) -> bool {
    let remote = flow.remote;
    let broadcast = matches!(remote.ip(), std::net::IpAddr::V4(address) if address.is_broadcast());
    remote.port() != 0 && !remote.ip().is_multicast() && !remote.ip().is_unspecified() && !broadcast
}
