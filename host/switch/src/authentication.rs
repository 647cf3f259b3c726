//! Who sent a request, proven by digest; else the challenge that strangers get, which tells them nothing (hostile B4).

use std::net::IpAddr;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use sip::auth::{Authorization, AuthorizationError, Ha1, Rejected, Side};
use sip::endpoint::Flow;
use sip::message::{Headers, Host, Method, Request, Uri};

use crate::ingress::Refusal;
use crate::limit;
use crate::switch::{Inner, Switch};
use crate::tenant::Tenant;
use crate::tenant::definition::{Endpoint, Hashes};

/// Who sent a request.
pub(crate) struct Account {
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) endpoint: Arc<Endpoint>,
}

/// Whom a request says it is from; digest has to prove it.
enum Claim {
    /// Somebody of this domain, in lower case. It is the realm of the challenge, whether a tenant has it or nobody does, so that the
    /// domains of the host cannot be found by trying.
    Domain(String),
    /// A phone that cannot send a domain: its address has a name or an address of the host. It logs in as `100@acme.test`.
    Host,
}

/// An account that a user name stands for, and what its secret hashes to in the realm of the claim.
struct Found {
    account: Account,
    ha1: Ha1,
}

impl Switch {
    /// Who sent a request, proven by digest; or the challenge to answer it with. What is answered depends on nothing but
    /// the request: an unknown user, an unknown domain, a wrong secret and another tenant's account look the same (hostile B4).
    pub(crate) fn authenticate(&self, now: Instant, request: &Request, flow: &Flow) -> Result<Account, Refusal> {
        let peer = flow.remote.ip();
        let claim = self.claim(request);
        let realm = match &claim {
            Claim::Domain(domain) => domain,
            Claim::Host => &self.inner.settings.realm,
        };
        let authorization = match Authorization::find(request, Side::User, realm) {
            Ok(authorization) => authorization,
            Err(AuthorizationError::Missing) => return Err(self.challenge(now, realm, peer, false)),
            Err(AuthorizationError::Malformed(error)) => {
                tracing::info!(%peer, %error, "malformed Authorization");
                return Err(Refusal::new(400));
            }
        };
        let login = authorization.username();
        let found = match &claim {
            Claim::Domain(domain) => self.find(login, domain, |hashes| Some(hashes.own.clone())),
            // `100@acme.test`.
            Claim::Host => {
                login.rsplit_once('@').and_then(|(name, domain)| self.find(name, domain, |hashes| hashes.host.clone()))
            }
        };
        let ha1 = found.as_ref().map(|found| &found.ha1);
        let verdict = self.inner.challenger(realm, peer).verify(now, &authorization, request, peer, ha1);
        match (verdict, found) {
            (Ok(_), Some(Found { account, .. })) => {
                self.inner.shared.sip.trust(flow);
                Ok(account)
            }
            (Err(Rejected::Stale), _) => Err(self.challenge(now, realm, peer, true)),
            (verdict, _) => {
                if let Err(error) = verdict {
                    tracing::warn!(target: "security", %peer, realm, user = login, %error, "refused");
                }
                Err(self.challenge(now, realm, peer, false))
            }
        }
    }

    /// Whom the sender says it belongs to: by the address of record of a REGISTER, by the From of other requests, and by the
    /// Request-URI where those name no domain.
    fn claim(&self, request: &Request) -> Claim {
        let claimed = match request.method {
            Method::Register => request.headers.to(),
            _ => request.headers.from_(),
        };
        let domain = |uri: &Uri| self.domain(uri.host()?);
        // RFC 3323 §4.1.1.3: who wants to be nobody is from `anonymous.invalid`. Nobody has a domain of that kind (RFC 2606 §2).
        let is_somebodys = |domain: &String| !domain.ends_with(".invalid");
        let claimed = claimed.as_ref().and_then(|claimed| domain(claimed.uri())).filter(is_somebodys);
        let domain = claimed.or_else(|| domain(&request.uri));
        domain.map_or(Claim::Host, Claim::Domain)
    }

    /// The domain that a host stands for: any name and IPv4 address but the host's own, for it must not tell whether a tenant has it. An
    /// IPv6 address is no domain in a configuration.
    fn domain(&self, host: &Host) -> Option<String> {
        let text = host.to_string();
        let text = text.trim_end_matches('.').to_ascii_lowercase();
        let is_own = || self.inner.shared.hosts.iter().any(|own| host.is(own));
        let is_domain = !matches!(host, Host::Ip(IpAddr::V6(_))) && text.len() <= limit::DOMAIN && !is_own();
        (is_domain || self.inner.directory.load().by_domain(&text).is_some()).then_some(text)
    }

    fn challenge(&self, now: Instant, realm: &str, peer: IpAddr, stale: bool) -> Refusal {
        let mut headers = Headers::new();
        self.inner.challenger(realm, peer).challenge(now, Side::User, realm, peer, stale, &mut headers);
        Refusal { status: 401, headers: headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect() }
    }

    /// The account of a name in the tenant of a domain.
    fn find(&self, name: &str, domain: &str, ha1: impl Fn(&Hashes) -> Option<Ha1>) -> Option<Found> {
        let domain = domain.to_ascii_lowercase();
        let tenant = self.inner.directory.load().by_domain(&domain).cloned()?;
        let endpoint = tenant.definition().endpoint(name).cloned()?;
        let ha1 = endpoint.hashes.get(&domain).and_then(ha1)?;
        Some(Found { account: Account { tenant, endpoint }, ha1 })
    }
}

impl Inner {
    /// The challenger for a realm and a peer: always the same one, whatever SIP shard asks, so that a nonce is known where
    /// it comes back. Several, so that shards do not wait for one lock.
    fn challenger(&self, realm: &str, peer: IpAddr) -> std::sync::MutexGuard<'_, sip::auth::Challenger> {
        use std::hash::{Hash as _, Hasher as _};
        let mut hasher = rustc_hash::FxHasher::default();
        (realm, peer).hash(&mut hasher);
        let index = (hasher.finish() >> 32) as usize % self.challengers.len();
        self.challengers[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}
