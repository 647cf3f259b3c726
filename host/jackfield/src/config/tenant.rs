//! One tenant's folder: `tenant.toml`, `dialplan.conf` and `sounds/`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use call::TenantId;
use dialplan::Dialplan;
use sip::auth::Algorithm;
use toml_edit::Item;

use super::document::{File, Section};
use super::endpoint::{self, Endpoint};
use super::plan;
use super::problem::{Problem, Severity, any_error, suggestion};
use super::setting::{Described, Setting, Table, integer, list, text, word};

/// A tenant as configured.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    /// Its name, which is its folder's.
    pub(crate) id: TenantId,
    /// SIP domains in lower case; the first is the realm.
    pub(crate) domains: Vec<String>,
    /// The digest algorithms that phones are offered.
    pub(crate) digest: Vec<Algorithm>,
    /// Public numbers.
    pub(crate) numbers: Vec<Number>,
    /// Phones and users.
    pub(crate) endpoints: Vec<Endpoint>,
    /// The routing program.
    pub(crate) dialplan: Arc<Dialplan>,
    /// What the tenant's calls can use.
    pub(crate) plugins: Vec<Plugin>,
    /// The prompts' language.
    pub(crate) language: String,
    /// The time zone of `GotoIfTime` and `STRFTIME`.
    pub(crate) time_zone: String,
    /// Calls at once.
    pub(crate) calls_max: usize,
    /// What should be looked at although it is valid.
    pub(crate) warnings: Vec<Problem>,
}

/// A public number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Number {
    /// The number or its first digits.
    pub(crate) prefix: String,
    /// Where its calls enter the dialplan.
    pub(crate) context: String,
    /// Where it is written, for conflicts.
    pub(crate) place: Problem,
}

/// A plugin of the tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plugin {
    /// The plugin's id, as its own manifest says it.
    pub(crate) id: String,
    /// The folder of the package, or the name of a bundled one.
    pub(crate) package: Package,
    /// The version the package must have.
    pub(crate) version: Option<String>,
    /// The capabilities allowed; without it, those the manifest declares.
    pub(crate) grants: Option<Vec<String>>,
    /// The plugin's settings in this tenant.
    pub(crate) config: BTreeMap<String, String>,
    /// Where the table stands, for problems with the package.
    pub(crate) place: Problem,
}

/// Where a plugin's package is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Package {
    /// Came with the server.
    Bundled(String),
    /// A folder.
    Folder(PathBuf),
}

const DOMAINS: Setting<Vec<String>> = Setting {
    key: "domains",
    doc: "SIP domains of the tenant; the first is the realm of its phones. No other tenant may have them",
    bound: "1 to 100 domain names",
    default: None,
    read: domains,
};

const DIGEST: Setting<Vec<Algorithm>> = Setting {
    key: "digest",
    doc: "the digest algorithms that phones are offered, preferred first. Old phones (baresip 1.0, SIPp 3.6) give up when they see \
          SHA-256: their tenant needs [\"md5\"]",
    bound: "a list of \"sha-256\", \"md5\"",
    default: Some("[\"sha-256\", \"md5\"]"),
    read: digest,
};

const LANGUAGE: Setting<String> = Setting {
    key: "language",
    doc: "the language of prompts",
    bound: "two letters, or as in \"pt-br\"",
    default: Some("\"en\""),
    read: language,
};

const TIME_ZONE: Setting<String> = Setting {
    key: "time-zone",
    doc: "the time zone in which GotoIfTime and STRFTIME think",
    bound: "an IANA name such as \"Europe/Madrid\"",
    default: Some("\"UTC\""),
    read: time_zone,
};

const CALLS: Setting<usize> = Setting {
    key: "calls",
    doc: "calls of this tenant at once; further ones are answered with 503",
    bound: "1 to 100000",
    default: Some("1000"),
    read: |item| integer(item, 1..=100_000),
};

const PREFIX: Setting<String> = Setting {
    key: "prefix",
    doc: "a public number, or the first digits of a block of numbers; the longest match wins",
    bound: "3 to 20 digits, without +",
    default: None,
    read: digits,
};

const NUMBER_CONTEXT: Setting<String> = Setting {
    key: "context",
    doc: "the dialplan context in which its calls start",
    bound: "a context of the tenant's dialplan.conf",
    default: Some("\"incoming\""),
    read: text,
};

const PACKAGE: Setting<String> = Setting {
    key: "package",
    doc: "the name of a bundled plugin, or the path of a folder with plugin.toml and the component. Without it, the table's name",
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
    doc: "the capabilities you allow; without it, those the plugin's manifest declares",
    bound: "a list of \"bus\", \"dial\", \"dialplan\", \"kv\", \"recording\"",
    default: None,
    read: |item| list(item, 16, text),
};

const ROOT: &[&dyn Described] = &[&DOMAINS, &DIGEST, &LANGUAGE, &TIME_ZONE, &CALLS];
const NUMBERS: &[&dyn Described] = &[&PREFIX, &NUMBER_CONTEXT];
const PLUGINS: &[&dyn Described] = &[&PACKAGE, &VERSION, &GRANTS];

/// All tables of the file, for the reference.
pub(crate) const TABLES: &[Table] = &[
    Table { file: "tenant.toml", name: "", doc: "the tenant itself", settings: ROOT },
    Table { file: "tenant.toml", name: "[numbers]", doc: "public numbers, one table each", settings: NUMBERS },
    Table {
        file: "tenant.toml",
        name: "templates.NAME",
        doc: "settings that endpoints inherit",
        settings: endpoint::SHARED,
    },
    Table {
        file: "tenant.toml",
        name: "endpoints.NAME",
        doc: "phones and users: what a template has, and",
        settings: endpoint::OWN,
    },
    Table {
        file: "tenant.toml",
        name: "plugins.NAME",
        doc: "plugins; their own settings stand in [plugins.NAME.config]",
        settings: PLUGINS,
    },
];

impl Tenant {
    /// Reads a tenant's folder; every problem of its files is found at once.
    pub(crate) fn read(folder: &Path, id: TenantId) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let dialplan = plan::read(folder, &mut problems);
        let file = match File::read(&folder.join("tenant.toml")) {
            Ok(file) => file,
            Err(problem) => {
                problems.push(problem);
                return Err(problems);
            }
        };
        let root = file.root();
        root.only(ROOT, &["numbers", "templates", "endpoints", "plugins"], &mut problems);
        let has_context = |name: &str| dialplan.as_ref().is_none_or(|dialplan| dialplan.has_context(name));
        let contexts: Vec<&str> = dialplan.iter().flat_map(|dialplan| dialplan.contexts()).collect();
        let domains = root.optional(&DOMAINS, &mut problems);
        if domains.is_none() && !root.has(DOMAINS.key) {
            let hint = format!("as in domains = [\"{id}.example\"]");
            problems.push(root.problem_at(DOMAINS.key, "the tenant has no domains").hint(hint));
        }
        let tenant = Self {
            domains: domains.unwrap_or_default(),
            digest: root.get(&DIGEST, &mut problems),
            numbers: numbers(&root, &has_context, &contexts, &mut problems),
            endpoints: endpoint::Reader::new(id.as_str(), &root, &has_context, contexts, &mut problems)
                .read(&root, &mut problems),
            plugins: plugins(&root, folder, &mut problems),
            language: root.get(&LANGUAGE, &mut problems),
            time_zone: root.get(&TIME_ZONE, &mut problems),
            calls_max: root.get(&CALLS, &mut problems),
            warnings: Vec::new(),
            dialplan: dialplan.clone().unwrap_or_default(),
            id,
        };
        // A template's fault is found once for each endpoint that inherits it.
        problems.sort();
        problems.dedup();
        if any_error(&problems) { Err(problems) } else { Ok(Self { warnings: problems, ..tenant }) }
    }

    /// Where the domains are written, for conflicts.
    pub(crate) fn place_of_domains(folder: &Path) -> Problem {
        let path = folder.join("tenant.toml");
        match File::read(&path) {
            Ok(file) => file.root().problem_at(DOMAINS.key, ""),
            Err(problem) => problem,
        }
    }
}

fn numbers(
    root: &Section<'_>,
    has_context: &dyn Fn(&str) -> bool,
    contexts: &[&str],
    problems: &mut Vec<Problem>,
) -> Vec<Number> {
    let mut numbers: Vec<Number> = Vec::new();
    for section in root.list_of_tables("numbers", problems) {
        section.only(NUMBERS, &[], problems);
        let context = section.get(&NUMBER_CONTEXT, problems);
        if !has_context(&context) {
            let problem = section.problem_at(NUMBER_CONTEXT.key, format!("the dialplan has no context `{context}`"));
            let hint = suggestion(&context, contexts.iter().copied());
            problems.push(problem.hint(hint.unwrap_or_else(|| format!("it has: {}", contexts.join(", ")))));
        }
        let Some(prefix) = section.optional(&PREFIX, problems) else {
            if !section.has(PREFIX.key) {
                problems.push(section.problem("a number without `prefix`"));
            }
            continue;
        };
        let place = section.problem_at(PREFIX.key, "");
        if numbers.iter().any(|number| number.prefix == prefix) {
            problems.push(Problem { message: format!("the number {prefix} is listed twice"), ..place.clone() });
        }
        numbers.push(Number { prefix, context, place });
    }
    numbers
}

fn plugins(root: &Section<'_>, folder: &Path, problems: &mut Vec<Problem>) -> Vec<Plugin> {
    let mut plugins = Vec::new();
    for (id, section) in root.tables("plugins", problems) {
        section.only(PLUGINS, &["config"], problems);
        let written = section.optional(&PACKAGE, problems).unwrap_or_else(|| id.clone());
        let package = match written.contains('/') {
            true => Package::Folder(folder.join(&written)),
            false => Package::Bundled(written),
        };
        let config = section.table("config", problems).map(|config| config.texts(problems)).unwrap_or_default();
        plugins.push(Plugin {
            package,
            version: section.optional(&VERSION, problems),
            grants: section.optional(&GRANTS, problems),
            config: config.into_iter().collect(),
            place: Problem { severity: Severity::Error, ..section.problem("") },
            id,
        });
    }
    plugins
}

fn domains(item: &Item) -> Result<Vec<String>, String> {
    let mut domains = Vec::new();
    for written in list(item, 100, text)? {
        let domain = written.trim_end_matches('.').to_ascii_lowercase();
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if domain.len() > 253 || !domain.split('.').all(label) {
            return Err(format!("\"{written}\" is not a domain name"));
        }
        if domains.contains(&domain) {
            return Err(format!("\"{written}\" is listed twice"));
        }
        domains.push(domain);
    }
    if domains.is_empty() { Err("at least one domain is needed".into()) } else { Ok(domains) }
}

fn digest(item: &Item) -> Result<Vec<Algorithm>, String> {
    let algorithms = list(item, 2, |item| word(item, &[("sha-256", Algorithm::Sha256), ("md5", Algorithm::Md5)]))?;
    if algorithms.is_empty() { Err("at least one algorithm is needed".into()) } else { Ok(algorithms) }
}

fn language(item: &Item) -> Result<String, String> {
    let language = text(item)?;
    // It becomes the name of a folder.
    let fits =
        (2..=16).contains(&language.len()) && language.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
    fits.then_some(language).ok_or_else(|| "expected a language such as \"en\"".into())
}

fn time_zone(item: &Item) -> Result<String, String> {
    let zone = text(item)?;
    let part = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+'))
    };
    zone.split('/').all(part).then_some(zone).ok_or_else(|| "expected a name such as \"Europe/Madrid\"".into())
}

fn digits(item: &Item) -> Result<String, String> {
    let digits = text(item)?;
    let fits = (3..=20).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    fits.then_some(digits).ok_or_else(|| "expected 3 to 20 digits".into())
}
