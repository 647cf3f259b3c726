//! Who sent a request, proven by digest; else the challenge that strangers get, which tells them nothing (hostile B4).

use std::net::IpAddr;
use std::sync::{Arc, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use sip::auth::{Algorithm, Authorization, AuthorizationError, Challenge, Rejected, Side};
use sip::endpoint::Flow;
use sip::message::{Headers, Host, Method, Request, Uri};

use crate::ingress::Refusal;
use crate::limit;
use crate::switch::{Inner, Switch};
use crate::tenant::Tenant;
use crate::tenant::definition::{Definition, Endpoint};

/// Who sent a request.
pub(crate) struct Account {
    pub(crate) tenant: Arc<Tenant>,
    pub(crate) endpoint: Arc<Endpoint>,
}

/// Whom a request says it is from; digest has to prove it.
enum Claim {
    /// A phone of this tenant: its address has one of the tenant's domains.
    Tenant(Arc<Tenant>, Arc<Definition>),
    /// A phone that cannot send a domain: its address has a name or an address of the host. It logs in as `100@acme.test`, which its
    /// address may have as user part.
    Host { login: Option<String> },
    /// A domain that is nobody's. It is challenged as a tenant's is, so that the domains of the host cannot be found by trying.
    Nobody { domain: String },
}

impl Switch {
    /// Who sent a request, proven by digest; or the challenge to answer it with. What is answered depends on nothing but
    /// the request: an unknown user, a wrong secret and another tenant's account look the same (hostile B4).
    pub(crate) fn authenticate(&self, now: Instant, request: &Request, flow: &Flow) -> Result<Account, Refusal> {
        let peer = flow.remote.ip();
        let claim = self.claim(request);
        let realm = self.realm(&claim);
        let challenge =
            |login: Option<&str>, stale| self.challenge(now, realm, &self.offered(&claim, login), peer, stale);
        let authorization = match Authorization::find(request, Side::User, realm) {
            Ok(authorization) => authorization,
            Err(AuthorizationError::Missing) => return Err(challenge(None, false)),
            Err(AuthorizationError::Malformed(error)) => {
                tracing::info!(%peer, %error, "malformed Authorization");
                return Err(Refusal::new(400));
            }
        };
        let login = authorization.username();
        let (account, ha1) = match &claim {
            Claim::Tenant(tenant, _) => (find(tenant, login), Realm::Own),
            Claim::Host { .. } => (self.account_of_host_realm(login), Realm::Host),
            Claim::Nobody { .. } => (None, Realm::Own),
        };
        let ha1 = account.as_ref().and_then(|account| match ha1 {
            Realm::Own => Some(&account.endpoint.ha1),
            Realm::Host => account.endpoint.host_ha1.as_ref(),
        });
        let verdict = self.inner.challenger(realm, peer).verify(now, &authorization, request, peer, ha1);
        match (verdict, account) {
            (Ok(_), Some(account)) => {
                self.inner.shared.sip.trust(flow);
                Ok(account)
            }
            (Err(Rejected::Stale), _) => Err(challenge(Some(login), true)),
            (verdict, _) => {
                if let Err(error) = verdict {
                    tracing::warn!(target: "security", %peer, realm, user = login, %error, "refused");
                }
                Err(challenge(Some(login), false))
            }
        }
    }

    /// Whom the sender says it belongs to: by the address of record of a REGISTER, by the From of other requests.
    fn claim(&self, request: &Request) -> Claim {
        let claimed = match request.method {
            Method::Register => request.headers.to(),
            _ => request.headers.from_(),
        };
        let claimed = claimed.as_ref().map(|claimed| claimed.uri());
        let directory = self.inner.directory.load();
        let of = |uri: &Uri| directory.by_domain(&uri.host()?.to_string()).cloned();
        if let Some(tenant) = claimed.and_then(of).or_else(|| of(&request.uri)) {
            let definition = tenant.definition();
            return Claim::Tenant(tenant, definition);
        }
        match claimed.and_then(Uri::host) {
            Some(host @ Host::Name(name)) if !self.is_host_name(host) && name.len() <= limit::STRANGE_REALM => {
                Claim::Nobody { domain: name.trim_end_matches('.').to_ascii_lowercase() }
            }
            _ => Claim::Host { login: claimed.and_then(crate::address::dialed) },
        }
    }

    fn is_host_name(&self, host: &Host) -> bool {
        self.inner.shared.hosts.iter().any(|own| host.is(own))
    }

    fn realm<'a>(&'a self, claim: &'a Claim) -> &'a str {
        match claim {
            Claim::Tenant(_, definition) => definition.realm(),
            Claim::Host { .. } => &self.inner.settings.realm,
            Claim::Nobody { domain } => domain,
        }
    }

    /// The algorithms to offer: the tenant's own choice, wherever the request's domain tells the tenant.
    fn offered(&self, claim: &Claim, login: Option<&str>) -> Vec<Algorithm> {
        let named = |login: &str| {
            let (_, domain) = login.rsplit_once('@')?;
            Some(self.inner.directory.load().by_domain(domain)?.definition())
        };
        let definition = match claim {
            Claim::Tenant(_, definition) => Some(Arc::clone(definition)),
            Claim::Host { login: written } => [written.as_deref(), login].into_iter().flatten().find_map(named),
            Claim::Nobody { .. } => None,
        };
        definition.map_or_else(|| self.inner.settings.digest.clone(), |definition| definition.digest.clone())
    }

    fn challenge(&self, now: Instant, realm: &str, offered: &[Algorithm], peer: IpAddr, stale: bool) -> Refusal {
        let mut headers = Headers::new();
        self.inner.challenger(realm, peer).challenge(now, Side::User, realm, peer, stale, &mut headers);
        let algorithm = |value: &Bytes| Challenge::parse(Side::User, value).map(|challenge| challenge.algorithm);
        let headers = headers.iter().filter(|(_, value)| algorithm(value).is_some_and(|one| offered.contains(&one)));
        Refusal { status: 401, headers: headers.map(|(name, value)| (name.clone(), value.clone())).collect() }
    }

    /// `100@acme.test` for phones that cannot send a domain.
    fn account_of_host_realm(&self, login: &str) -> Option<Account> {
        let (name, domain) = login.rsplit_once('@')?;
        let tenant = self.inner.directory.load().by_domain(domain).cloned()?;
        find(&tenant, name)
    }
}

/// Which of an endpoint's hashes holds.
enum Realm {
    Own,
    Host,
}

fn find(tenant: &Arc<Tenant>, name: &str) -> Option<Account> {
    let endpoint = tenant.definition().endpoint(name).cloned()?;
    Some(Account { tenant: Arc::clone(tenant), endpoint })
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
