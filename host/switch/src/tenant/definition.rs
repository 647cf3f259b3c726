//! What configuration says of a tenant, as plain values: the switch never reads a file.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use call::{Party, TenantId};
use codec::Codec;
use dialplan::Dialplan;
use net::http::Network;
use plugin::HostPattern;
use sip::auth::Ha1;
use sip::message::Uri;
use sip::registrar::WhenFull;

/// One tenant as configured. Replaced whole on reload.
#[derive(Clone, Debug)]
pub struct Definition {
    /// The tenant's name; also the name of its directory and the prefix of everything it stores.
    pub id: TenantId,
    /// SIP domains in lower case, each the realm of phones that use it. No domain belongs to two tenants.
    pub domains: Vec<String>,
    /// Public numbers (DIDs) or prefixes of them, as digits. No number belongs to two tenants.
    pub numbers: Vec<Number>,
    /// Phones and users, by name.
    pub endpoints: BTreeMap<String, Arc<Endpoint>>,
    /// The routing program.
    pub dialplan: Arc<Dialplan>,
    /// The prompts' language when a call has no other, as in `en`.
    pub language: String,
    /// IANA name of the time zone in which `GotoIfTime` and `STRFTIME` think.
    pub time_zone: String,
    /// Calls that may be up at once.
    pub calls_max: usize,
    /// Recordings that may be going on at once.
    pub recordings_max: usize,
    /// Settings of plugins, by the plugin's id.
    pub plugin_settings: BTreeMap<String, Arc<BTreeMap<String, String>>>,
    /// The contexts that calls from channel drivers' networks start in, by the plugin's id.
    pub channel_contexts: BTreeMap<String, String>,
    /// What plugins reach outside beyond what their manifests say, by the plugin's id.
    pub plugin_http: BTreeMap<String, Arc<PluginHttp>>,
}

/// What the tenant's file lets one plugin reach by HTTP.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PluginHttp {
    /// Hosts besides those that the manifest names.
    pub hosts: Vec<HostPattern>,
    /// Networks besides the public internet.
    pub networks: Arc<[Network]>,
    /// Secrets for the headers of its requests, by name.
    pub secrets: BTreeMap<String, Secret>,
}

/// A text that is shown to nobody.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Arc<str>);

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("…")
    }
}

/// A public number and where its calls enter the dialplan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number {
    /// Digits, or the first digits of a block; the longest match wins (F9).
    pub prefix: String,
    /// The dialplan context that calls to it start in.
    pub context: String,
}

/// A phone, softphone or user that registers and calls.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// Its name: the user part of its address of record and its user name.
    pub name: String,
    /// What its password hashes to, by each domain that it can log in with.
    pub hashes: BTreeMap<String, Hashes>,
    /// The dialplan context its calls start in.
    pub context: String,
    /// The caller id that its calls show; a phone cannot choose another.
    pub caller: Party,
    /// Codecs in order of preference.
    pub codecs: Vec<Codec>,
    /// Contacts that may be registered at once.
    pub contacts_max: usize,
    /// What happens to a registration over `contacts_max`.
    pub when_full: WhenFull,
    /// Shortest registration accepted; a shorter one is answered with 423.
    pub expiry_min: Duration,
    /// Longest registration granted; a longer wish is shortened.
    pub expiry_max: Duration,
}

/// What a password hashes to for one domain of a tenant. Without an MD5 value the phone must do SHA-256 (RFC 8760).
#[derive(Clone, Debug)]
pub struct Hashes {
    /// In the realm that is the domain.
    pub own: Ha1,
    /// For `name@domain` in the host's realm, for phones that cannot send a domain. Absent where only hashes are configured.
    pub host: Option<Ha1>,
}

impl Definition {
    /// The domain that the tenant shows as its own: the first.
    pub fn domain(&self) -> &str {
        self.domains.first().map_or("", String::as_str)
    }

    /// The endpoint of this name.
    pub fn endpoint(&self, name: &str) -> Option<&Arc<Endpoint>> {
        self.endpoints.get(name)
    }

    /// Whether a URI names this tenant: one of its domains, or one of the host's own names (`hosts`, lower case).
    pub fn is_own_host(&self, uri: &Uri, hosts: &[String]) -> bool {
        let Some(host) = uri.host() else { return false };
        self.domains.iter().chain(hosts).any(|own| host.is(own))
    }
}
