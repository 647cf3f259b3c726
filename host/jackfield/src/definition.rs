//! From what the files say to what the switch takes.

use std::sync::Arc;

use sip::auth::Ha1;
use sip::registrar::WhenFull;
use switch::definition::{Definition, Endpoint, Hashes, Number};

use crate::config::{self, Credential, Tenant};

/// A tenant for the switch. `host_realm` is the realm of phones that log in as `100@acme.test`.
pub(crate) fn definition(tenant: &Tenant, host_realm: &str) -> Definition {
    let endpoints = tenant.endpoints.iter();
    let endpoints = endpoints.map(|one| (one.name.clone(), Arc::new(endpoint(one, &tenant.domains, host_realm))));
    Definition {
        id: tenant.id.clone(),
        domains: tenant.domains.clone(),
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
        channel_contexts: tenant
            .plugins
            .iter()
            .filter_map(|plugin| Some((plugin.id.clone(), plugin.channel_context.clone()?)))
            .collect(),
        plugin_http: tenant.plugins.iter().map(|plugin| (plugin.id.clone(), Arc::new(plugin.http.clone()))).collect(),
    }
}

fn endpoint(endpoint: &config::Endpoint, domains: &[String], host_realm: &str) -> Endpoint {
    // What the endpoint may not use is not even known: else its phone could be talked down to it (B3).
    let allowed = |ha1: Ha1| Ha1 { md5: ha1.md5.filter(|_| endpoint.md5), ..ha1 };
    let hashes = domains.iter().zip(0..).filter_map(|(domain, number)| {
        let hashes = match &endpoint.credential {
            Credential::Secret(secret) => {
                let with_domain = format!("{}@{domain}", endpoint.name);
                Hashes {
                    own: allowed(Ha1::derive(&endpoint.name, domain, secret)),
                    host: Some(allowed(Ha1::derive(&with_domain, host_realm, secret))),
                }
            }
            // A hash is of one realm only: the first domain.
            Credential::Hashes { sha256, md5 } if number == 0 => {
                Hashes { own: allowed(hashed(sha256.as_deref(), md5.as_deref())), host: None }
            }
            Credential::Hashes { .. } => return None,
        };
        Some((domain.clone(), hashes))
    });
    Endpoint {
        name: endpoint.name.clone(),
        hashes: hashes.collect(),
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

fn hashed(sha256: Option<&str>, md5: Option<&str>) -> Ha1 {
    let parse = |hash: &str| Ha1::parse(hash).expect("config checked the digits");
    Ha1 { sha256: sha256.map(parse).and_then(|ha1| ha1.sha256), md5: md5.map(parse).and_then(|ha1| ha1.md5) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first endpoint of a tenant whose file has these lines.
    fn of(domains: &str, endpoint: &str) -> Arc<Endpoint> {
        let folder = tempfile::tempdir().unwrap();
        let tenant = folder.path().join("tenants/acme");
        std::fs::create_dir_all(&tenant).unwrap();
        let toml = format!("domains = [{domains}]\n[endpoints.100]\ncontext = \"internal\"\n{endpoint}\n");
        std::fs::write(tenant.join("tenant.toml"), toml).unwrap();
        std::fs::write(tenant.join("dialplan.conf"), "[internal]\nexten => 1,1,Answer()\n").unwrap();
        let packages = crate::packages::Packages::new(None);
        let loaded = config::Loaded::read(folder.path(), &packages, &config::Running::default());
        let tenant = loaded.tenants.into_values().next().unwrap().unwrap();
        definition(&tenant, "jackfield").endpoints["100"].clone()
    }

    const SECRET: &str = "Wj7mKq2TzRnP4xVb";

    /// B3: an algorithm that the endpoint may not use has no chance, in the realms of its domains and in the host's.
    #[test]
    fn what_is_not_allowed_is_not_accepted() {
        for (md5, expected) in [(true, (true, true)), (false, (false, true))] {
            let endpoint = of("\"acme.test\"", &format!("secret = \"{SECRET}\"\nmd5 = {md5}"));
            let known = |ha1: &Ha1| (ha1.md5.is_some(), ha1.sha256.is_some());
            let hashes = &endpoint.hashes["acme.test"];
            assert_eq!((known(&hashes.own), known(hashes.host.as_ref().unwrap())), (expected, expected));
        }
    }

    /// B4: each domain is a realm of its own, so that a second one does not show whose it is.
    #[test]
    fn an_endpoint_can_log_in_with_every_domain() {
        let endpoint = of("\"acme.test\", \"acme.example\"", &format!("secret = \"{SECRET}\""));
        for domain in ["acme.test", "acme.example"] {
            let Hashes { own, host } = &endpoint.hashes[domain];
            assert_eq!(*own, Ha1::derive("100", domain, SECRET));
            assert_eq!(*host.as_ref().unwrap(), Ha1::derive(&format!("100@{domain}"), "jackfield", SECRET));
        }
        let hash = format!("ha1-sha256 = \"{}\"", "ab".repeat(32));
        let hashed = of("\"acme.test\", \"acme.example\"", &hash);
        assert_eq!(hashed.hashes.keys().collect::<Vec<_>>(), ["acme.test"], "a hash is of one realm only");
    }
}
