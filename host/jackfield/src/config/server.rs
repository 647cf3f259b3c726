//! `jackfield.toml`: what belongs to the host and to no tenant.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::Path;
use std::time::Duration;

use ipnet::IpNet;
use plugin::PublisherKey;
use sip::auth::Algorithm;
use toml_edit::Item;

use super::document::{File, Section};
use super::problem::Problem;
use super::setting::{
    Described, Setting, Table, boolean, digest, domains, duration, integer, ip_address, list, publisher,
    socket_address, text, word,
};

/// The host's settings, in their bounds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// UDP addresses SIP is received on.
    pub(crate) sip_udp: Vec<SocketAddr>,
    /// TCP addresses SIP is received on.
    pub(crate) sip_tcp: Vec<SocketAddr>,
    /// The address that Via and Contact show, where it differs from the one bound.
    pub(crate) sip_advertised: Option<IpAddr>,
    /// Networks whose calls to a public number come in without a password.
    pub(crate) sip_trunks: Vec<IpNet>,
    /// Names of this host that are no tenant's domain, in lower case.
    pub(crate) sip_names: Vec<String>,
    /// The realm of phones that cannot send a domain and log in as `100@acme.test`.
    pub(crate) realm: String,
    /// The digest algorithms that everybody is offered.
    pub(crate) digest: Vec<Algorithm>,
    /// The address media sockets are bound to.
    pub(crate) media_address: IpAddr,
    /// The address SDP shows, where it differs from the one bound.
    pub(crate) media_advertised: Option<IpAddr>,
    /// The ports of RTP and RTCP; `None` lets the kernel choose.
    pub(crate) media_ports: Option<RangeInclusive<u16>>,
    /// Threads that carry media.
    pub(crate) media_threads: usize,
    /// Whether they may use io_uring.
    pub(crate) media_io_uring: bool,
    /// Calls at once on this host.
    pub(crate) calls_max: usize,
    /// How long a stop waits for calls to end.
    pub(crate) drain: Duration,
    /// Instances of plugins at once.
    pub(crate) plugin_instances: usize,
    /// Publishers whose plugins every tenant takes.
    pub(crate) publishers: Vec<PublisherKey>,
    /// What is logged: a filter of `tracing`.
    pub(crate) log_filter: String,
    /// How it is written.
    pub(crate) log_format: LogFormat,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people on a terminal, JSON elsewhere.
    Auto,
    /// One line of text per event.
    Human,
    /// One JSON object per event.
    Json,
}

const UDP: Setting<Vec<SocketAddr>> = Setting {
    key: "udp",
    doc: "UDP addresses on which SIP is received",
    bound: "at most 16 of \"ADDRESS:PORT\"",
    default: Some("[\"0.0.0.0:5060\"]"),
    read: |item| list(item, 16, socket_address),
};

const TCP: Setting<Vec<SocketAddr>> = Setting {
    key: "tcp",
    doc: "TCP addresses on which SIP is received",
    bound: "at most 16 of \"ADDRESS:PORT\"",
    default: Some("[\"0.0.0.0:5060\"]"),
    read: |item| list(item, 16, socket_address),
};

const SIP_ADVERTISED: Setting<IpAddr> = Setting {
    key: "advertised",
    doc: "the address that phones are shown; needed where SIP or media is received on 0.0.0.0, and where phones reach this host under another one (NAT)",
    bound: "an IP address",
    default: None,
    read: ip_address,
};

const REALM: Setting<String> = Setting {
    key: "realm",
    doc: "the realm in which phones log in as 100@acme.test that cannot send a domain",
    bound: "a name without quotes, at most 64 characters",
    default: Some("\"jackfield\""),
    read: realm,
};

const NAMES: Setting<Vec<String>> = Setting {
    key: "names",
    doc: "names in the DNS, and IPv4 addresses beside the listeners' and the advertised one, under which phones reach this host, and which \
          are no tenant's domain: phones that use them log in as 100@acme.test",
    bound: "at most 100 domain names or addresses",
    default: Some("[]"),
    read: |item| domains(item, 0..=100),
};

const DIGEST: Setting<Vec<Algorithm>> = Setting {
    key: "digest",
    doc: "the digest algorithms that phones are offered, preferred first; the same for all tenants, because a difference would tell \
          strangers which domains exist. Old phones (baresip 1.0, SIPp 3.6) give up when they see SHA-256: they need [\"md5\"]",
    bound: "a list of \"sha-256\", \"md5\"",
    default: Some("[\"sha-256\", \"md5\"]"),
    read: digest,
};

const TRUNKS: Setting<Vec<IpNet>> = Setting {
    key: "trunks",
    doc: "networks of carriers: their calls to a public number go to its tenant without a password",
    bound: "at most 100 networks such as \"192.0.2.0/24\"",
    default: Some("[]"),
    read: |item| list(item, 100, network),
};

const MEDIA_ADDRESS: Setting<IpAddr> = Setting {
    key: "address",
    doc: "the address media is received on",
    bound: "an IP address",
    default: Some("\"0.0.0.0\""),
    read: ip_address,
};

const MEDIA_ADVERTISED: Setting<IpAddr> = Setting {
    key: "advertised",
    doc: "the address shown in SDP, if it is another than that of [sip]",
    bound: "an IP address",
    default: None,
    read: ip_address,
};

const MEDIA_PORTS: Setting<Option<RangeInclusive<u16>>> = Setting {
    key: "ports",
    doc: "the UDP ports of RTP and RTCP, two per leg",
    bound: "\"FIRST-LAST\" between 1024 and 65535, or \"any\"",
    default: Some("\"10000-29999\""),
    read: ports,
};

const MEDIA_THREADS: Setting<usize> = Setting {
    key: "threads",
    doc: "threads that carry media",
    bound: "1 to 64",
    default: Some("1"),
    read: |item| integer(item, 1..=64),
};

const MEDIA_IO_URING: Setting<bool> = Setting {
    key: "io-uring",
    doc: "move packets by io_uring where the kernel allows it, which costs less",
    bound: "true or false",
    default: Some("true"),
    read: boolean,
};

const CALLS_MAX: Setting<usize> = Setting {
    key: "calls",
    doc: "calls at once on this host; further ones are answered with 503",
    bound: "1 to 100000",
    default: Some("10000"),
    read: |item| integer(item, 1..=100_000),
};

const DRAIN: Setting<Duration> = Setting {
    key: "drain",
    doc: "how long a stop waits for calls to end by themselves",
    bound: "\"0s\" to \"24h\"",
    default: Some("\"30s\""),
    read: |item| duration(item, 0..=86_400),
};

const PLUGIN_INSTANCES: Setting<usize> = Setting {
    key: "instances",
    doc: "instances of plugins at once, all tenants together; one tenant has at most half of them in calls",
    bound: "1 to 20000",
    default: Some("1000"),
    read: |item| integer(item, 1..=20_000),
};

const PUBLISHERS: Setting<Vec<PublisherKey>> = Setting {
    key: "publishers",
    doc: "the keys of publishers whose signed plugins every tenant takes; each tenant can pin more",
    bound: "at most 100 of \"ed25519:\" and 64 hex digits",
    default: Some("[]"),
    read: |item| list(item, 100, publisher),
};

const LOG_FILTER: Setting<String> = Setting {
    key: "filter",
    doc: "what is logged: a level, or levels by target as in \"info,sip=debug\"",
    bound: "a filter of the tracing library",
    default: Some("\"info\""),
    read: text,
};

const LOG_FORMAT: Setting<LogFormat> = Setting {
    key: "format",
    doc: "how log lines are written; auto means text on a terminal, else JSON",
    bound: "\"auto\", \"human\" or \"json\"",
    default: Some("\"auto\""),
    read: |item| word(item, &[("auto", LogFormat::Auto), ("human", LogFormat::Human), ("json", LogFormat::Json)]),
};

const SIP: &[&dyn Described] = &[&UDP, &TCP, &SIP_ADVERTISED, &NAMES, &REALM, &DIGEST, &TRUNKS];
const MEDIA: &[&dyn Described] = &[&MEDIA_ADDRESS, &MEDIA_ADVERTISED, &MEDIA_PORTS, &MEDIA_THREADS, &MEDIA_IO_URING];
const LIMITS: &[&dyn Described] = &[&CALLS_MAX, &DRAIN];
const PLUGINS: &[&dyn Described] = &[&PLUGIN_INSTANCES, &PUBLISHERS];
const LOG: &[&dyn Described] = &[&LOG_FILTER, &LOG_FORMAT];

/// All tables of the file, for the reference.
pub(crate) const TABLES: &[Table] = &[
    Table { file: "jackfield.toml", name: "sip", doc: "signalling", settings: SIP },
    Table { file: "jackfield.toml", name: "media", doc: "RTP", settings: MEDIA },
    Table { file: "jackfield.toml", name: "limits", doc: "what the host carries", settings: LIMITS },
    Table { file: "jackfield.toml", name: "plugins", doc: "the plugin host", settings: PLUGINS },
    Table { file: "jackfield.toml", name: "log", doc: "logging", settings: LOG },
];

impl Server {
    /// Reads the file. An absent table has its defaults.
    pub(crate) fn read(path: &Path) -> Result<Self, Vec<Problem>> {
        let file = File::read(path).map_err(|problem| vec![problem])?;
        let mut problems = Vec::new();
        let server = Self::from_file(&file, &mut problems);
        if problems.is_empty() { Ok(server) } else { Err(problems) }
    }

    fn from_file(file: &File, problems: &mut Vec<Problem>) -> Self {
        let root = file.root();
        let names: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
        root.only(&[], &names, problems);
        let mut section = |name: &'static str, known: &[&dyn Described]| {
            let section = root.table(name, problems).unwrap_or_else(|| root.empty(name));
            section.only(known, &[], problems);
            section
        };
        let (sip, media) = (section("sip", SIP), section("media", MEDIA));
        let (limits, plugins, log) = (section("limits", LIMITS), section("plugins", PLUGINS), section("log", LOG));
        let server = Self {
            sip_udp: sip.get(&UDP, problems),
            sip_tcp: sip.get(&TCP, problems),
            sip_advertised: sip.optional(&SIP_ADVERTISED, problems),
            sip_names: sip.get(&NAMES, problems),
            realm: sip.get(&REALM, problems),
            digest: sip.get(&DIGEST, problems),
            sip_trunks: sip.get(&TRUNKS, problems),
            media_address: media.get(&MEDIA_ADDRESS, problems),
            media_advertised: media.optional(&MEDIA_ADVERTISED, problems),
            media_ports: media.get(&MEDIA_PORTS, problems),
            media_threads: media.get(&MEDIA_THREADS, problems),
            media_io_uring: media.get(&MEDIA_IO_URING, problems),
            calls_max: limits.get(&CALLS_MAX, problems),
            drain: limits.get(&DRAIN, problems),
            plugin_instances: plugins.get(&PLUGIN_INSTANCES, problems),
            publishers: plugins.get(&PUBLISHERS, problems),
            log_filter: log.get(&LOG_FILTER, problems),
            log_format: log.get(&LOG_FORMAT, problems),
        };
        if server.sip_udp.is_empty() && server.sip_tcp.is_empty() {
            problems.push(sip.problem_at("udp", "no phone can reach this host: both `udp` and `tcp` are empty"));
        }
        if problems.is_empty() {
            problems.extend(server.lacks_an_address(&sip, &media));
        }
        server
    }

    /// Phones answer to the address that they are told, and 0.0.0.0 is none.
    fn lacks_an_address(&self, sip: &Section<'_>, media: &Section<'_>) -> Option<Problem> {
        if self.sip_advertised.is_some() {
            return None;
        }
        let hint = match net::own_address() {
            Some(own) => format!("advertised = \"{own}\" below [sip], if that is where phones reach this host"),
            None => "advertised = \"ADDRESS\" below [sip], where phones reach this host".to_owned(),
        };
        let every = self.sip_udp.iter().chain(&self.sip_tcp).find(|address| address.ip().is_unspecified());
        if let Some(every) = every {
            let key = if self.sip_udp.contains(every) { UDP.key } else { TCP.key };
            let text =
                format!("SIP is received on {every}, whichever address that is here: phones have to be told one");
            return Some(sip.problem_at(key, text).hint(hint));
        }
        let is_told = !self.media_address.is_unspecified() || self.media_advertised.is_some();
        let text = || format!("audio is received on {}: phones have to be told one address", self.media_address);
        (!is_told).then(|| media.problem_at(MEDIA_ADDRESS.key, text()).hint(hint))
    }
}

fn realm(item: &Item) -> Result<String, String> {
    let realm = text(item)?;
    let fits = (1..=64).contains(&realm.len()) && !realm.contains(['"', '\\', ':']);
    fits.then_some(realm).ok_or_else(|| "empty, too long, or with a quote, backslash or colon in it".into())
}

fn network(item: &Item) -> Result<IpNet, String> {
    let written = text(item)?;
    let address = || written.parse::<IpAddr>().ok().map(IpNet::from);
    let network = written.parse().ok().or_else(address);
    network.ok_or_else(|| format!("\"{written}\" is not a network such as \"192.0.2.0/24\" or an address"))
}

fn ports(item: &Item) -> Result<Option<RangeInclusive<u16>>, String> {
    let written = text(item)?;
    if written == "any" {
        return Ok(None);
    }
    let range = written.split_once('-').and_then(|(first, last)| Some(first.parse::<u16>().ok()?..=last.parse().ok()?));
    // Two legs need four ports; below 1024 are other services.
    let fits = range.filter(|range| *range.start() >= 1_024 && range.end().saturating_sub(*range.start()) >= 3);
    fits.map(Some)
        .ok_or_else(|| format!("\"{written}\" is not a range of at least four ports, such as \"10000-29999\""))
}
