//! From what the files say to what the switch takes.

use std::sync::Arc;

use sip::auth::{Algorithm, Ha1};
use sip::registrar::WhenFull;
use switch::definition::{Definition, Endpoint, Number};

use crate::config::{self, Credential, Tenant};

/// A tenant for the switch. `host_realm` is the realm of phones that log in as `100@acme.test`.
pub(crate) fn definition(tenant: &Tenant, host_realm: &str) -> Definition {
    let realm = tenant.domains.first().map_or("", String::as_str);
    let endpoints = tenant
        .endpoints
        .iter()
        .map(|one| (one.name.clone(), Arc::new(endpoint(one, (realm, host_realm), &tenant.digest))));
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
        recordings_max: tenant.recordings_max,
        plugin_settings: tenant
            .plugins
            .iter()
            .map(|plugin| (plugin.id.clone(), Arc::new(plugin.config.clone())))
            .collect(),
    }
}

fn endpoint(endpoint: &config::Endpoint, (realm, host_realm): (&str, &str), digest: &[Algorithm]) -> Endpoint {
    let (ha1, host_ha1) = match &endpoint.credential {
        Credential::Secret(secret) => {
            let with_domain = format!("{}@{realm}", endpoint.name);
            (Ha1::derive(&endpoint.name, realm, secret), Some(Ha1::derive(&with_domain, host_realm, secret)))
        }
        // A hash is of one realm only.
        Credential::Hashes { sha256, md5 } => (hashes(sha256.as_deref(), md5.as_deref()), None),
    };
    // What is not offered is not accepted either: else a phone could be talked down to it (B3).
    let md5 = endpoint.md5 && digest.contains(&Algorithm::Md5);
    let sha256 = digest.contains(&Algorithm::Sha256);
    let allowed = |ha1: Ha1| Ha1 { md5: ha1.md5.filter(|_| md5), sha256: ha1.sha256.filter(|_| sha256) };
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

#[cfg(test)]
mod tests {
    use super::*;

    /// B3: an algorithm that the tenant does not offer has no chance, in its own realm and in the host's.
    #[test]
    fn what_is_not_offered_is_not_accepted() {
        let toml = |digest: &str| {
            format!(
                "domains = [\"acme.test\"]\ndigest = {digest}\n[endpoints.100]\ncontext = \"internal\"\nsecret = \"Wj7mKq2TzRnP4xVb\"\n"
            )
        };
        let hashes = |digest: &str| {
            let folder = tempfile::tempdir().unwrap();
            let tenant = folder.path().join("tenants/acme");
            std::fs::create_dir_all(&tenant).unwrap();
            std::fs::write(tenant.join("tenant.toml"), toml(digest)).unwrap();
            std::fs::write(tenant.join("dialplan.conf"), "[internal]\nexten => 1,1,Answer()\n").unwrap();
            let packages = crate::packages::Packages::new(None);
            let loaded = config::Loaded::read(folder.path(), &packages, &config::Running::default());
            let tenant = loaded.tenants.into_values().next().unwrap().unwrap();
            let endpoint = definition(&tenant, "jackfield").endpoints["100"].clone();
            let of = |ha1: &Ha1| (ha1.md5.is_some(), ha1.sha256.is_some());
            (of(&endpoint.ha1), of(endpoint.host_ha1.as_ref().unwrap()))
        };
        assert_eq!(hashes("[\"md5\"]"), ((true, false), (true, false)));
        assert_eq!(hashes("[\"sha-256\"]"), ((false, true), (false, true)));
        assert_eq!(hashes("[\"sha-256\", \"md5\"]"), ((true, true), (true, true)));
    }
}
