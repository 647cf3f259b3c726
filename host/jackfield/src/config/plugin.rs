//! `[plugins.ID]`: which plugins a tenant's calls can use, each looked at before anything is changed for it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use net::http::Network;
use plugin::limit::HTTP_SECRET_BYTES;
use plugin::{Capability, Consent, Digest, HostPattern, Origin, PublisherKey, Right, Terms, Trust, TrustError};
use switch::definition::{PluginHttp, Secret};
use toml_edit::Item;

use super::document::Section;
use super::names::Offers;
use super::plan::{self, Contexts};
use super::problem::{Problem, Severity, suggestion};
use super::running::RunningTenant;
use super::setting::{Described, Setting, boolean, list, publisher, text};
use crate::packages::{Opened, Shelf};

/// A plugin of the tenant, as its table and its package say it.
#[derive(Clone, Debug)]
pub(crate) struct Plugin {
    /// The plugin's id, as its own manifest says it.
    pub(crate) id: String,
    /// What is in the package.
    pub(crate) opened: Arc<Opened>,
    /// The capabilities allowed, and who is trusted.
    pub(crate) terms: Terms,
    /// The plugin's settings in this tenant.
    pub(crate) config: BTreeMap<String, String>,
    /// What it reaches by HTTP beyond what its manifest says.
    pub(crate) http: PluginHttp,
    /// Where calls from its network enter the dialplan, if it is a channel driver.
    pub(crate) channel_context: Option<String>,
    /// Where the table stands, for problems with the package.
    pub(crate) place: Problem,
}

/// Where a plugin's package is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Package {
    /// Came with the server.
    Bundled(String),
    /// A package file, or a folder.
    Path(PathBuf),
}

const PACKAGE: Setting<String> = Setting {
    key: "package",
    doc: "the name of a bundled plugin, or the path of a package file or of a folder with plugin.toml and the component. \
          Without it, the table's name",
    bound: "a name, or a path with a / in it, relative to this folder",
    default: None,
    read: text,
};

const VERSION: Setting<String> = Setting {
    key: "version",
    doc: "the version the package must have",
    bound: "as in \"0.1.0\"",
    default: None,
    read: text,
};

const GRANTS: Setting<Vec<String>> = Setting {
    key: "grants",
    doc: "the capabilities you allow, with the bounds that the plugin's manifest asks for; without it, a bundled plugin has those that \
          its manifest declares and another one none",
    bound: "a list of \"blob\", \"bus\", \"choice\", \"dial\", \"dialplan\", \"event\", \"http\", \"kv\", \"lines\", \"metrics\", \"recording\", \"schedule\"",
    default: None,
    read: |item| list(item, 16, text),
};

const PUBLISHER: Setting<PublisherKey> = Setting {
    key: "publisher",
    doc: "who is trusted with this plugin, pinned elsewhere or not; needed where a plugin passes from one publisher to another",
    bound: "\"ed25519:\" and 64 hex digits",
    default: None,
    read: publisher,
};

const UNSIGNED: Setting<bool> = Setting {
    key: "unsigned",
    doc: "whether a folder or package that nobody signed is taken; bundled plugins need no signature",
    bound: "true or false",
    default: Some("false"),
    read: boolean,
};

const HTTP_HOSTS: Setting<Vec<HostPattern>> = Setting {
    key: "http-hosts",
    doc: "servers that the plugin may ask by HTTP besides those that its manifest names; without a port, 443 by https and 80 by http",
    bound: "at most 32 hosts, as in \"api.example.com\", \"*.example.com:8443\" or \"10.1.2.3:8080\"",
    default: Some("[]"),
    read: |item| list(item, plugin::limit::HTTP_HOSTS, parsed),
};

const HTTP_PRIVATE: Setting<Vec<Network>> = Setting {
    key: "http-private",
    doc: "addresses that are not of the public internet (this machine, your network) and that the plugin may reach all the same, under \
          whichever allowed name or number; without a port, every port there",
    bound: "at most 32 addresses or networks, as in \"127.0.0.1:8080\", \"10.1.0.0/16\" or \"[fd00::7]:443\"",
    default: Some("[]"),
    read: |item| list(item, plugin::limit::HTTP_HOSTS, parsed),
};

const CHANNEL_CONTEXT: Setting<String> = Setting {
    key: "channel-context",
    doc: "the context of the dialplan in which calls from a channel driver's network start, as those of a trunk do; without it, such a plugin can be \
          called and cannot call",
    bound: "a context of dialplan.conf",
    default: None,
    read: text,
};

/// The keys of a plugin's table.
pub(crate) const SETTINGS: &[&dyn Described] =
    &[&PACKAGE, &VERSION, &GRANTS, &PUBLISHER, &UNSIGNED, &HTTP_HOSTS, &HTTP_PRIVATE, &CHANNEL_CONTEXT];

impl Plugin {
    /// What tells a table and its package from what they were: the digest of package and grants.
    pub(crate) fn fingerprint(&self) -> String {
        let grants = match &self.terms.consent {
            Consent::Only(grants) => Some(grants),
            Consent::Declared | Consent::Growth(_) => None,
        };
        Digest::of(format!("{} {grants:?}", self.opened.package.digest()).as_bytes()).to_string()
    }
}

/// The plugins of a tenant's file that can be used. Wrong TOML is a problem of the file; a plugin that cannot be installed as
/// its table wants it is a fault of that plugin alone.
pub(crate) fn read(
    root: &Section<'_>,
    (folder, contexts): (&Path, Contexts<'_>),
    (shelf, running): (&Shelf<'_>, Option<&RunningTenant>),
    publishers: Vec<PublisherKey>,
    (problems, faults): (&mut Vec<Problem>, &mut Vec<Problem>),
) -> Vec<Plugin> {
    let publishers = shelf.publishers().iter().copied().chain(publishers).collect();
    let pinned = Trust { publishers, ..Trust::default() };
    let mut plugins = Vec::new();
    let mut offers = Offers::default();
    for (id, section) in root.tables("plugins", problems) {
        let before = problems.len();
        section.only(SETTINGS, &["config", "secrets"], problems);
        let table = Table::read(id, &section, (folder, &pinned), problems);
        let context = table.channel_context.as_deref();
        problems.extend(
            context.and_then(|name| contexts.check(name, |text| section.problem_at(CHANNEL_CONTEXT.key, text))),
        );
        if problems.len() > before {
            continue;
        }
        match table.open(&section, shelf, running) {
            Ok(plugin) => {
                let manifest = &plugin.opened.inspection.manifest;
                match offers.add(&plugin.id, &manifest.apps, &manifest.functions) {
                    Ok(()) => plugins.push(plugin),
                    Err(taken) => faults.push(section.problem(taken.to_string())),
                }
            }
            Err(fault) => faults.push(fault),
        }
    }
    plugins
}

/// A table as written.
struct Table {
    id: String,
    package: Package,
    version: Option<String>,
    grants: Option<Vec<String>>,
    trust: Trust,
    config: Vec<(String, String)>,
    http: PluginHttp,
    channel_context: Option<String>,
}

impl Table {
    fn read(id: String, section: &Section<'_>, (folder, pinned): (&Path, &Trust), problems: &mut Vec<Problem>) -> Self {
        let written = section.optional(&PACKAGE, problems).unwrap_or_else(|| id.clone());
        let package = match written.contains('/') {
            true => Package::Path(folder.join(&written)),
            false => Package::Bundled(written),
        };
        let config = section.table("config", problems).map(|config| config.texts(problems)).unwrap_or_default();
        let version = section.optional(&VERSION, problems);
        let grants = section.optional(&GRANTS, problems);
        let (publisher, unsigned) = (section.optional(&PUBLISHER, problems), section.get(&UNSIGNED, problems));
        let trust = Trust { publisher, unsigned, ..pinned.clone() };
        let (hosts, networks) = (section.get(&HTTP_HOSTS, problems), section.get(&HTTP_PRIVATE, problems).into());
        let secrets = section.table("secrets", problems).map(|section| secrets(&section, folder, problems));
        let http = PluginHttp { hosts, networks, secrets: secrets.unwrap_or_default() };
        let channel_context = section.optional(&CHANNEL_CONTEXT, problems);
        Self { id, package, version, grants, trust, config, http, channel_context }
    }

    /// Looks into the package, and whether it is what the table says.
    fn open(
        self,
        section: &Section<'_>,
        shelf: &Shelf<'_>,
        running: Option<&RunningTenant>,
    ) -> Result<Plugin, Problem> {
        let opened = shelf.open(&self.package).map_err(|error| {
            let installed = running.iter().flat_map(|tenant| tenant.plugins.iter().map(|plugin| plugin.id.as_str()));
            let problem = section.problem_at(PACKAGE.key, error.to_string());
            Problem { hint: error.hint(installed), ..problem }
        })?;
        let manifest = &opened.inspection.manifest;
        if manifest.id != self.id {
            let text = format!("the package is the plugin `{}`", manifest.id);
            return Err(section.problem(text).hint(format!("call the table [plugins.{}]", manifest.id)));
        }
        if let Some(wanted) = self.version.as_ref().filter(|wanted| **wanted != manifest.version) {
            let text = format!("version {wanted} is wanted, the package is {}", manifest.version);
            return Err(section.problem_at(VERSION.key, text));
        }
        self.trust.takes(&opened.package, manifest).map_err(|error| {
            let problem = section.problem_at(PACKAGE.key, error.to_string());
            Problem { hint: trust_hint(&error), ..problem }
        })?;
        for (key, value) in &self.config {
            settings_fit(manifest, key, value).map_err(|(text, hint)| {
                let config = section.table("config", &mut Vec::new()).unwrap_or_else(|| section.clone());
                Problem { hint, ..config.problem_at(key, text) }
            })?;
        }
        let reaches = [HTTP_HOSTS.key, HTTP_PRIVATE.key].into_iter().find(|key| section.has(key));
        if let Some(key) = reaches.filter(|_| !manifest.capabilities.contains_key(&Capability::Http)) {
            return Err(section.problem_at(key, "the plugin does not ask for http: this would allow nothing"));
        }
        if self.channel_context.is_some() && !manifest.capabilities.contains_key(&Capability::Lines) {
            let text = "the plugin does not ask for lines: no calls come from it";
            return Err(section.problem_at(CHANNEL_CONTEXT.key, text));
        }
        for name in self.http.secrets.keys() {
            secret_is_named(manifest, name).map_err(|(text, hint)| {
                let secrets = section.table("secrets", &mut Vec::new()).unwrap_or_else(|| section.clone());
                Problem { hint: Some(hint), ..secrets.problem_at(name, text) }
            })?;
        }
        let grants = |text: String| section.problem_at(GRANTS.key, text);
        let consent = consent(self.grants.as_deref()).map_err(grants)?;
        // A publisher's word is not an administrator's: a package that is replaced by another would grant itself more.
        let asked: Vec<&str> = manifest.capabilities.keys().map(|capability| capability.name()).collect();
        if consent == Consent::Declared && opened.package.origin != Origin::Bundled && !asked.is_empty() {
            let text = format!("it asks for {}, and nothing here allows that", asked.join(", "));
            return Err(grants(text).hint(format!("grants = [\"{}\"]", asked.join("\", \""))));
        }
        opened.inspection.grant(&consent).map_err(|error| grants(error.to_string()))?;
        let config = self.config.into_iter().collect();
        let place = Problem { severity: Severity::Error, ..section.problem("") };
        let terms = Terms { consent, trust: self.trust, basis: None, canary: None };
        let (http, channel_context) = (self.http, self.channel_context);
        Ok(Plugin { id: self.id, opened, terms, config, http, channel_context, place })
    }
}

fn parsed<T: FromStr<Err: Display>>(item: &Item) -> Result<T, String> {
    text(item)?.parse().map_err(|error: T::Err| error.to_string())
}

/// What to write so that a package is taken all the same.
fn trust_hint(error: &TrustError) -> Option<String> {
    match error {
        TrustError::Unsigned => Some("`unsigned = true` takes it all the same".into()),
        TrustError::UnknownPublisher(key) => Some(format!(
            "if that key is its publisher's: publishers = [\"{key}\"] in this file or below [plugins] in jackfield.toml, or \
             publisher = \"{key}\" here for this plugin alone"
        )),
        _ => None,
    }
}

/// Whether a plugin has a setting and takes this value; else what is wrong and what to do.
fn settings_fit(manifest: &plugin::Manifest, key: &str, value: &str) -> Result<(), (String, Option<String>)> {
    let Some(setting) = manifest.config.get(key) else {
        let known = || manifest.config.keys().map(String::as_str);
        let all = || match manifest.config.is_empty() {
            true => "it has none".to_owned(),
            false => format!("it has {}", known().collect::<Vec<_>>().join(", ")),
        };
        let hint = suggestion(key, known()).unwrap_or_else(all);
        return Err((format!("the plugin has no setting `{key}`"), Some(hint)));
    };
    match setting.kind.accepts(value) {
        true => Ok(()),
        false => Err((format!("the setting `{key}` is \"{value}\", which is not {}", setting.kind), None)),
    }
}

/// The secrets of a plugin: `KEY = "text"`, or `KEY = { file = "secrets/key" }` below the tenant's folder.
fn secrets(section: &Section<'_>, folder: &Path, problems: &mut Vec<Problem>) -> BTreeMap<String, Secret> {
    let read = |item: &Item| match item.as_table_like() {
        None => text(item).map_err(|_| "expected text in quotes, or { file = \"secrets/key\" }".to_owned()),
        Some(table) => {
            let file = table.get("file").filter(|_| table.len() == 1).and_then(Item::as_str);
            let file = file.ok_or("expected text in quotes, or { file = \"secrets/key\" }")?;
            // A tenant's file tells what is in the tenant's folder and nothing else of this machine.
            let read = plan::read_inside(folder, file).map_err(|error| format!("{file}: {error}"))?;
            Ok(read.trim_end_matches(['\r', '\n']).to_owned())
        }
    };
    let mut secrets = BTreeMap::new();
    for (name, item) in section.items() {
        // What is wrong with a secret is told without the secret.
        let fits = |text: &str| (1..=HTTP_SECRET_BYTES).contains(&text.len()) && text.chars().all(|c| !c.is_control());
        let bound = format!("a secret has 1 to {HTTP_SECRET_BYTES} bytes and no control characters");
        match read(item).and_then(|text| if fits(&text) { Ok(text) } else { Err(bound) }) {
            Ok(text) => drop(secrets.insert(name.to_owned(), Secret(text.into()))),
            Err(message) => problems.push(section.problem_at(name, format!("{name}: {message}"))),
        }
    }
    secrets
}

/// Whether a plugin wants a secret of this name; else what is wrong and what to do.
fn secret_is_named(manifest: &plugin::Manifest, name: &str) -> Result<(), (String, String)> {
    let bounds = manifest.capabilities.get(&Capability::Http);
    let known: Vec<&str> = bounds.into_iter().flat_map(|bounds| bounds.secrets.keys()).map(String::as_str).collect();
    if known.contains(&name) {
        return Ok(());
    }
    let all = || match known.as_slice() {
        [] => "it wants none".to_owned(),
        known => format!("it wants {}", known.join(", ")),
    };
    let hint = suggestion(name, known.iter().copied()).unwrap_or_else(all);
    Err((format!("the plugin wants no secret `{name}`"), hint))
}

/// What an administrator allows, from the names of capabilities.
pub(crate) fn consent(grants: Option<&[String]>) -> Result<Consent, String> {
    let Some(grants) = grants else { return Ok(Consent::Declared) };
    let capability = |name: &String| {
        let found = Capability::ALL.into_iter().find(|capability| capability.name() == name);
        found.ok_or_else(|| unknown_right(name, Capability::ALL.into_iter().map(Capability::name)))
    };
    Ok(Consent::Only(grants.iter().map(capability).collect::<Result<_, _>>()?))
}

/// What an administrator allows besides what the active version has, from the names in a plan.
pub(crate) fn consent_to_growth(grants: &[String]) -> Result<Consent, String> {
    let right = |name: &String| name.parse::<Right>().map_err(|_| unknown_right(name, Right::all().map(Right::name)));
    Ok(Consent::Growth(grants.iter().map(right).collect::<Result<_, _>>()?))
}

fn unknown_right<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.collect();
    let hint = suggestion(name, known.iter().copied());
    format!("no capability `{name}`: {}", hint.unwrap_or_else(|| format!("there are {}", known.join(", "))))
}
