//! `plugin.toml`: what a plugin says about itself.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

use crate::grant::Capability;
use crate::hosts::HostPattern;
use crate::limit;

/// A parsed `plugin.toml`.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The plugin's id: `app-echo`.
    pub id: String,
    /// Its own version.
    pub version: String,
    /// Grows with every package that its publisher signs: an old one does not come back as news. 0 where the file does not say.
    pub serial: u64,
    /// One line for people.
    pub title: String,
    /// The dialplan applications it provides.
    pub apps: Vec<String>,
    /// The dialplan functions it provides.
    pub functions: Vec<String>,
    /// The strategies it provides, by which other plugins choose.
    pub strategies: Vec<String>,
    /// The schemes of the addresses that its channel driver calls: `xmpp` of `xmpp:bob@example.net`.
    pub schemes: Vec<String>,
    /// Whether it has a part that lives as long as it is installed.
    pub service: bool,
    /// What it wants to be allowed, with its bounds.
    pub capabilities: BTreeMap<Capability, Bounds>,
    /// What it wants to use, where that differs from the default.
    pub limits: RequestedLimits,
    /// Its settings.
    pub config: BTreeMap<String, Setting>,
    /// How its author builds it; nothing to the host.
    pub build: Build,
}

/// How a plugin is built by `jackfield plugin build`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Build {
    /// What it is written in; Rust unless said.
    #[serde(default)]
    pub language: Language,
    /// A shell line that builds it in the plugin's folder, instead of the language's own.
    pub command: Option<String>,
    /// The component or core module that the line leaves, below the plugin's folder; `build/plugin.wasm` unless said.
    pub artifact: Option<String>,
}

/// A language with an SDK.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// `sdk/rust`
    #[default]
    Rust,
    /// `sdk/python`
    Python,
    /// `sdk/javascript`
    JavaScript,
    /// `sdk/c`
    C,
}

/// The bounds of one capability.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bounds {
    /// `kv` and `blob`: bytes the plugin may keep in each tenant. The tenant's own bound holds besides.
    pub quota: Option<u64>,
    /// `dial`: targets that ring at once.
    pub max: Option<u32>,
    /// `http`: the hosts it may ask. Every other capability has none.
    pub hosts: Option<Vec<HostPattern>>,
    /// `http`: the secrets of the tenant that it may have put into a request's headers.
    pub secrets: Secrets,
}

/// Names of secrets, each with the hosts it is for; without, for every host that the plugin may ask.
pub type Secrets = BTreeMap<String, Option<Vec<HostPattern>>>;

impl Bounds {
    /// Whether it is more than `other` in anything. No bound is more than any.
    pub(crate) fn exceed(&self, other: &Self) -> bool {
        let more = |own: Option<u64>, other: Option<u64>| own.unwrap_or(u64::MAX) > other.unwrap_or(u64::MAX);
        let had = |host: &HostPattern| other.hosts().iter().any(|other| other.covers(host));
        more(self.quota, other.quota)
            || more(self.max.map(u64::from), other.max.map(u64::from))
            || !self.hosts().iter().all(had)
            || !self
                .secrets
                .iter()
                .all(|(name, hosts)| other.secrets.get(name).is_some_and(|had| is_within(hosts, had)))
    }

    /// The hosts it may ask.
    pub(crate) fn hosts(&self) -> &[HostPattern] {
        self.hosts.as_deref().unwrap_or_default()
    }
}

/// Whether a secret goes to no host that it did not go to.
fn is_within(hosts: &Option<Vec<HostPattern>>, had: &Option<Vec<HostPattern>>) -> bool {
    match (hosts, had) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(hosts), Some(had)) => hosts.iter().all(|host| had.iter().any(|had| had.covers(host))),
    }
}

/// As people read it after the capability's name; nothing where there is no bound.
impl fmt::Display for Bounds {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(hosts) = &self.hosts {
            formatter.write_str(" (")?;
            match hosts.as_slice() {
                [] => formatter.write_str("no host unless the tenant's file names one")?,
                hosts => formatter.write_str(&joined(hosts))?,
            }
            for (name, hosts) in &self.secrets {
                let hosts = hosts.as_deref().map_or_else(|| "all of them".to_owned(), joined);
                write!(formatter, "; your secret {name} to {hosts}")?;
            }
            return formatter.write_str(")");
        }
        match (self.quota, self.max) {
            (Some(quota), _) => write!(formatter, " (at most {quota} bytes)"),
            (None, Some(max)) => write!(formatter, " (at most {max} at once)"),
            (None, None) => Ok(()),
        }
    }
}

fn joined(hosts: &[HostPattern]) -> String {
    hosts.iter().map(HostPattern::to_string).collect::<Vec<_>>().join(", ")
}

/// Limits a manifest asks for; the host's own are the ceiling.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RequestedLimits {
    /// Bytes of memory of one instance.
    pub memory: Option<Size>,
    /// Milliseconds of computing at a stretch.
    pub cpu_burst_ms: Option<u32>,
    /// Seconds of one run.
    pub max_run_seconds: Option<u32>,
    /// Instructions of one function call.
    pub fuel: Option<u64>,
}

/// A setting of a plugin.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: SettingKind,
    /// What it is where the tenant says nothing.
    pub default: Option<String>,
    /// Whether it is never shown.
    #[serde(default)]
    pub secret: bool,
    /// A name for people.
    #[serde(default)]
    pub label: String,
    /// An explanation for people.
    #[serde(default)]
    pub help: String,
}

/// The type of a setting; its value crosses as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SettingKind {
    /// Any text.
    String,
    /// A whole number.
    Integer,
    /// `true` or `false`.
    Boolean,
}

impl fmt::Display for SettingKind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::String => "a text",
            Self::Integer => "a whole number",
            Self::Boolean => "true or false",
        })
    }
}

impl SettingKind {
    /// Whether `value` is of this type.
    pub fn accepts(self, value: &str) -> bool {
        match self {
            Self::String => true,
            Self::Integer => value.parse::<i64>().is_ok(),
            Self::Boolean => matches!(value, "true" | "false"),
        }
    }
}

impl Manifest {
    /// Parses the text of a manifest; `file` is only for messages.
    pub fn parse(file: &str, text: &str) -> Result<Self, ManifestError> {
        let at = |line: usize, message: String| ManifestError { file: file.into(), line, message, hint: None };
        if text.len() > limit::MAX_MANIFEST_BYTES {
            return Err(at(1, format!("larger than {} bytes", limit::MAX_MANIFEST_BYTES)));
        }
        let raw: Raw = toml::from_str(text).map_err(|error| ManifestError::from_toml(file, text, &error))?;
        let manifest = Self {
            id: raw.plugin.id,
            version: raw.plugin.version,
            serial: raw.plugin.serial,
            title: raw.plugin.title,
            apps: raw.provides.apps,
            functions: raw.provides.functions,
            strategies: raw.provides.strategies,
            schemes: raw.provides.schemes,
            service: raw.provides.service,
            capabilities: raw.capabilities.into_map(),
            limits: raw.limits,
            config: raw.config,
            build: raw.build,
        };
        manifest.check().map_err(|(key, message)| at(line_of(text, key), message))?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), (&'static str, String)> {
        if !is_id(&self.id) {
            return Err(("id", format!("id {:?} is not made of a-z, 0-9 and '-' (at most 63)", self.id)));
        }
        if self.version.is_empty() || self.version.len() > 64 || self.version.chars().any(|c| !c.is_ascii_graphic()) {
            return Err(("version", format!("version {:?} is empty, too long or has spaces", self.version)));
        }
        // The dialplan's names have no hyphen.
        let provided = [
            ("apps", &self.apps, "letters, digits and '_'"),
            ("functions", &self.functions, "letters, digits and '_'"),
            ("strategies", &self.strategies, "letters, digits, '-' and '_'"),
        ];
        for (key, names, made_of) in provided {
            if names.len() > limit::PROVIDES {
                return Err((key, format!("more than {} names", limit::PROVIDES)));
            }
            let fits =
                |name: &str| is_name(&if key == "strategies" { name.replace('-', "_") } else { name.to_owned() });
            if let Some(name) = names.iter().find(|name| !fits(name)) {
                return Err((key, format!("{name:?} is not a name ({made_of}, at most 64)")));
            }
        }
        self.check_schemes().map_err(|message| ("schemes", message))?;
        if self.capabilities.values().any(|bounds| bounds.hosts().len() > limit::HTTP_HOSTS) {
            return Err(("http", format!("more than {} hosts", limit::HTTP_HOSTS)));
        }
        let secrets = || self.capabilities.values().flat_map(|bounds| &bounds.secrets);
        if secrets().count() > limit::HTTP_SECRETS {
            return Err(("http", format!("more than {} secrets", limit::HTTP_SECRETS)));
        }
        if let Some((name, _)) = secrets().find(|(name, _)| !is_name(name)) {
            return Err(("http", format!("{name:?} is not a secret's name (letters, digits and '_', at most 64)")));
        }
        let hosts = secrets().flat_map(|(_, hosts)| hosts).map(Vec::len).max();
        if hosts.is_some_and(|hosts| hosts > limit::HTTP_HOSTS) {
            return Err(("http", format!("a secret for more than {} hosts", limit::HTTP_HOSTS)));
        }
        if self.config.len() > limit::PROVIDES {
            return Err(("config", format!("more than {} settings", limit::PROVIDES)));
        }
        for (name, setting) in &self.config {
            if let Some(default) = setting.default.as_ref().filter(|default| !setting.kind.accepts(default)) {
                return Err(("default", format!("default {default:?} of {name} is not of its type")));
            }
        }
        Ok(())
    }
}

impl Manifest {
    fn check_schemes(&self) -> Result<(), String> {
        if self.schemes.len() > limit::PROVIDES {
            return Err(format!("more than {} names", limit::PROVIDES));
        }
        if let Some(scheme) =
            self.schemes.iter().find(|scheme| !is_scheme(scheme) || RESERVED.contains(&scheme.as_str()))
        {
            let reserved = RESERVED.join(", ");
            return Err(format!(
                "{scheme:?} is not a scheme a driver can have (a-z, 0-9, at most 64, and none of {reserved})"
            ));
        }
        let drives = self.service && self.capabilities.contains_key(&Capability::Lines);
        if !(drives || self.schemes.is_empty()) {
            return Err(
                "calls of these schemes are the service's: `service = true`, and lines under [capabilities]".into()
            );
        }
        Ok(())
    }
}

/// Schemes that the host itself understands.
const RESERVED: [&str; 5] = ["local", "pjsip", "sip", "sips", "tel"];

/// As in RFC 3986 §3.1, without the characters that nobody uses.
fn is_scheme(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// Why a manifest is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}{}", .hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default())]
pub struct ManifestError {
    /// The file, as given.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub message: String,
    /// What was probably meant.
    pub hint: Option<String>,
}

impl ManifestError {
    fn from_toml(file: &str, text: &str, error: &toml::de::Error) -> Self {
        let line = error.span().map_or(1, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
        let message = error.message().to_owned();
        // serde says: unknown field `quta`, expected `quota` or `max`.
        let hint = message.starts_with("unknown field").then(|| {
            let mut words = message.split('`').skip(1).step_by(2);
            let wrong = words.next().unwrap_or_default();
            words
                .map(|word| (strsim::damerau_levenshtein(wrong, word), word))
                .filter(|(distance, word)| *distance <= 1 + word.len() / 3)
                .min()
                .map(|(_, word)| format!("did you mean {word:?}?"))
        });
        Self { file: file.into(), line, message, hint: hint.flatten() }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    plugin: RawPlugin,
    #[serde(default)]
    provides: RawProvides,
    #[serde(default)]
    capabilities: RawCapabilities,
    #[serde(default)]
    limits: RequestedLimits,
    #[serde(default)]
    config: BTreeMap<String, Setting>,
    #[serde(default)]
    build: Build,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPlugin {
    id: String,
    version: String,
    #[serde(default)]
    serial: u64,
    #[serde(default)]
    title: String,
    /// For people and packages; the host does not act on it.
    #[serde(default, rename = "license")]
    _license: String,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawProvides {
    apps: Vec<String>,
    functions: Vec<String>,
    strategies: Vec<String>,
    schemes: Vec<String>,
    service: bool,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct RawCapabilities {
    dial: Option<RawDial>,
    recording: Option<Plain>,
    kv: Option<RawKept>,
    blob: Option<RawKept>,
    dialplan: Option<Plain>,
    bus: Option<Plain>,
    choice: Option<Plain>,
    http: Option<RawHttp>,
    metrics: Option<Plain>,
    event: Option<Plain>,
    schedule: Option<Plain>,
    lines: Option<Plain>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawKept {
    quota: Option<Size>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawDial {
    max: Option<u32>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawHttp {
    #[serde(default)]
    hosts: Vec<HostPattern>,
    #[serde(default)]
    secrets: BTreeMap<String, RawSecret>,
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSecret {
    hosts: Option<Vec<HostPattern>>,
}

impl RawHttp {
    fn into_bounds(self) -> Bounds {
        let secrets = self.secrets.into_iter().map(|(name, secret)| (name, secret.hosts)).collect();
        Bounds { hosts: Some(self.hosts), secrets, ..Bounds::default() }
    }
}

impl RawCapabilities {
    fn into_map(self) -> BTreeMap<Capability, Bounds> {
        let kept = |asked: Option<RawKept>| {
            asked.map(|kept| Bounds { quota: kept.quota.map(|size| size.0), ..Bounds::default() })
        };
        let plain = |asked: Option<Plain>| asked.map(|Plain {}| Bounds::default());
        [
            (Capability::Dial, self.dial.map(|dial| Bounds { max: dial.max, ..Bounds::default() })),
            (Capability::Recording, plain(self.recording)),
            (Capability::Blob, kept(self.blob)),
            (Capability::Kv, kept(self.kv)),
            (Capability::Dialplan, plain(self.dialplan)),
            (Capability::Bus, plain(self.bus)),
            (Capability::Choice, plain(self.choice)),
            (Capability::Metrics, plain(self.metrics)),
            (Capability::Http, self.http.map(RawHttp::into_bounds)),
            (Capability::Event, plain(self.event)),
            (Capability::Schedule, plain(self.schedule)),
            (Capability::Lines, plain(self.lines)),
        ]
        .into_iter()
        .filter_map(|(capability, bounds)| Some((capability, bounds?)))
        .collect()
    }
}

/// Bytes, written as a number or as `64KB`, `16MB` (powers of 1,024).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (digits, factor) = match text.trim() {
            text if text.ends_with("KB") => (&text[..text.len() - 2], 1 << 10),
            text if text.ends_with("MB") => (&text[..text.len() - 2], 1 << 20),
            text if text.ends_with("GB") => (&text[..text.len() - 2], 1 << 30),
            text => (text, 1),
        };
        let number: u64 =
            digits.trim().parse().map_err(|_| format!("{text:?} is not a size such as \"64KB\" or \"16MB\""))?;
        number.checked_mul(factor).map(Size).ok_or_else(|| format!("{text:?} is too large"))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Size;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a size such as \"64KB\"")
            }
            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Size, E> {
                u64::try_from(value).map(Size).map_err(|_| E::custom("a size is not negative"))
            }
            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Size, E> {
                value.parse().map_err(E::custom)
            }
        }
        deserializer.deserialize_any(Visitor)
    }
}

fn is_id(id: &str) -> bool {
    (1..=63).contains(&id.len())
        && !id.starts_with('-')
        && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// The first line where `key` is set; 1 when it is not there.
fn line_of(text: &str, key: &str) -> usize {
    let sets = |line: &str| line.trim_start().strip_prefix(key).is_some_and(|rest| rest.trim_start().starts_with('='));
    text.lines().position(sets).map_or(1, |line| line + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
[plugin]
id = "app-echo"
version = "0.1.0"
title = "Echo"
license = "MIT OR Apache-2.0"
[provides]
apps = ["Echo"]
[capabilities]
kv = { quota = "1MB" }
dial = { max = 2 }
dialplan = {}
[limits]
memory = "4MB"
cpu-burst-ms = 20
[config.greeting]
type = "string"
default = "hello"
label = "Greeting"
"#;

    fn refused(text: &str) -> ManifestError {
        Manifest::parse("plugin.toml", text).expect_err("must be refused")
    }

    #[test]
    fn a_full_manifest_is_read() {
        let manifest = Manifest::parse("plugin.toml", GOOD).unwrap();
        assert_eq!(manifest.apps, ["Echo"]);
        assert_eq!(manifest.capabilities[&Capability::Kv].quota, Some(1 << 20));
        assert_eq!(manifest.capabilities[&Capability::Dial].max, Some(2));
        assert_eq!(manifest.limits.memory, Some(Size(4 << 20)));
        assert_eq!(manifest.config["greeting"].default.as_deref(), Some("hello"));
    }

    #[test]
    fn unknown_keys_name_the_line_and_a_suggestion() {
        let error = refused(&GOOD.replace("quota", "quta"));
        assert_eq!((error.line, error.hint.as_deref()), (10, Some("did you mean \"quota\"?")), "{error}");
        let error = refused(&GOOD.replace("dialplan", "dailplan"));
        assert_eq!((error.line, error.hint.as_deref()), (12, Some("did you mean \"dialplan\"?")), "{error}");
        let error = refused(&GOOD.replace("cpu-burst-ms", "zzz"));
        assert_eq!((error.line, error.hint), (15, None));
    }

    #[test]
    fn schemes_are_a_services_and_not_the_hosts_own() {
        let driver = GOOD.replace("apps = [\"Echo\"]", "schemes = [\"loopback\"]\nservice = true");
        let driver = driver.replace("dialplan = {}", "lines = {}");
        assert_eq!(Manifest::parse("plugin.toml", &driver).unwrap().schemes, ["loopback"]);
        for bad in ["sip", "Loopback", "2go", "x-y", ""] {
            let error = refused(&driver.replace("\"loopback\"", &format!("{bad:?}")));
            assert_eq!(error.line, 8, "{error}");
        }
        assert!(refused(&driver.replace("service = true", "")).message.contains("service = true"));
        assert!(refused(&driver.replace("lines = {}", "")).message.contains("lines"));
    }

    #[test]
    fn a_strategy_may_have_a_hyphen_and_no_space() {
        let strategy = |name: &str| GOOD.replace("apps = [\"Echo\"]", &format!("strategies = [{name:?}]"));
        assert_eq!(Manifest::parse("plugin.toml", &strategy("longest-idle")).unwrap().strategies, ["longest-idle"]);
        for bad in ["", "longest idle", &"x".repeat(65)] {
            assert_eq!(refused(&strategy(bad)).line, 8, "{bad:?}");
        }
    }

    #[test]
    fn bad_values_name_the_line() {
        assert_eq!(refused(&GOOD.replace("\"app-echo\"", "\"App Echo\"")).line, 3);
        assert_eq!(refused(&GOOD.replace("[\"Echo\"]", "[\"Echo()\"]")).line, 8);
        assert_eq!(refused(&GOOD.replace("\"4MB\"", "\"4 horses\"")).line, 14);
        assert_eq!(refused(&GOOD.replace("\"string\"", "\"integer\"")).line, 18);
        assert_eq!(refused("").line, 1);
    }
}
