//! From what the files say to what the switch takes.

use std::sync::Arc;

use sip::auth::Ha1;
use sip::registrar::WhenFull;
use switch::definition::{Definition, Endpoint, Number};

use crate::config::{self, Credential, Tenant};

/// A tenant for the switch. `host_realm` is the realm of phones that log in as `100@acme.test`.
pub(crate) fn definition(tenant: &Tenant, host_realm: &str) -> Definition {
    let realm = tenant.domains.first().map_or("", String::as_str);
    let endpoints = tenant.endpoints.iter().map(|one| (one.name.clone(), Arc::new(endpoint(one, realm, host_realm))));
    Definition {
        id: tenant.id.clone(),
        domains: tenant.domains.clone(),
        digest: tenant.digest.clone(),
        numbers: tenant
            .numbers
            .iter()
            .map(|number| Number { prefix: number.prefix.clone(), context: number.context.clone() })
            .collect(),
        endpoints: endpoints.collect(),
        dialplan: Arc::clone(&tenant.dialplan),
        language: tenant.language.clone(),
        time_zone: tenant.time_zone.clone(),
        calls_max: tenant.calls_max,
    }
}

fn endpoint(endpoint: &config::Endpoint, realm: &str, host_realm: &str) -> Endpoint {
    let (ha1, host_ha1) = match &endpoint.credential {
        Credential::Secret(secret) => {
            let with_domain = format!("{}@{realm}", endpoint.name);
            (Ha1::derive(&endpoint.name, realm, secret), Some(Ha1::derive(&with_domain, host_realm, secret)))
        }
        // A hash is of one realm only.
        Credential::Hashes { sha256, md5 } => (hashes(sha256.as_deref(), md5.as_deref()), None),
    };
    let allowed = |ha1: Ha1| if endpoint.md5 { ha1 } else { ha1.without_md5() };
    Endpoint {
        name: endpoint.name.clone(),
        ha1: allowed(ha1),
        host_ha1: host_ha1.map(allowed),
        context: endpoint.context.clone(),
        caller: endpoint.caller.clone(),
        codecs: endpoint.codecs.clone(),
        contacts_max: endpoint.contacts_max,
        when_full: match endpoint.eviction {
            config::Eviction::Refuse => WhenFull::Refuse,
            config::Eviction::Oldest => WhenFull::EvictOldest,
        },
        expiry_min: endpoint.expiry_min,
        expiry_max: endpoint.expiry_max,
    }
}

fn hashes(sha256: Option<&str>, md5: Option<&str>) -> Ha1 {
    let parse = |hash: &str| Ha1::parse(hash).expect("config checked the digits");
    Ha1 { sha256: sha256.map(parse).and_then(|ha1| ha1.sha256), md5: md5.map(parse).and_then(|ha1| ha1.md5) }
}
