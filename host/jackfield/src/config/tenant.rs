//! One tenant's folder: `tenant.toml`, `dialplan.conf` and `sounds/`.

use std::path::Path;
use std::sync::Arc;

use ::plugin::{Keeping, PublisherKey};
use call::TenantId;
use dialplan::Dialplan;
use sip::auth::Algorithm;
use toml_edit::Item;

use super::document::{File, Section};
use super::endpoint::{self, Endpoint};
use super::names::Offers;
use super::plan;
use super::plugin::{self, Plugin};
use super::problem::{Problem, any_error};
use super::running::RunningTenant;
use super::setting::{Described, Setting, Table, domains, integer, list, publisher, text};
use super::sounds;
use crate::packages::Shelf;

/// A tenant as configured.
#[derive(Clone, Debug)]
pub(crate) struct Tenant {
    /// Its name, which is its folder's.
    pub(crate) id: TenantId,
    /// SIP domains in lower case; each is the realm of phones that use it.
    pub(crate) domains: Vec<String>,
    /// Public numbers.
    pub(crate) numbers: Vec<Number>,
    /// Phones and users.
    pub(crate) endpoints: Vec<Endpoint>,
    /// The routing program.
    pub(crate) dialplan: Arc<Dialplan>,
    /// Publishers whose plugins the tenant takes besides the host's.
    pub(crate) publishers: Vec<PublisherKey>,
    /// What the tenant's calls can use.
    pub(crate) plugins: Vec<Plugin>,
    /// The prompts' language.
    pub(crate) language: String,
    /// The time zone of `GotoIfTime` and `STRFTIME`.
    pub(crate) time_zone: String,
    /// Calls at once.
    pub(crate) calls_max: usize,
    /// Errors of one plugin, one line of the dialplan or one prompt each: they refuse a reload, because there is a good version
    /// before, but keep no tenant from its start.
    pub(crate) faults: Vec<Problem>,
    /// Names of the dialplan that nobody will provide, as far as the files tell: faults as well.
    pub(crate) lacks: Vec<Problem>,
    /// Recordings at once.
    pub(crate) recordings_max: usize,
    /// What is recorded of its plugins' runs.
    pub(crate) keep_runs: Keeping,
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

const DOMAINS: Setting<Vec<String>> = Setting {
    key: "domains",
    doc: "SIP domains of the tenant; each is the realm of the phones that use it, and the first is what the tenant shows as its own. \
          No other tenant may have them",
    bound: "1 to 100 domain names",
    default: None,
    read: |item| domains(item, 1..=100),
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

const RECORDINGS: Setting<usize> = Setting {
    key: "recordings",
    doc: "recordings of this tenant at once; a further one is refused with `limit`",
    bound: "0 to 256, which is the host's own bound",
    default: Some("64"),
    read: |item| integer(item, 0..=256),
};

const KEEP_RUNS: Setting<usize> = Setting {
    key: "keep-runs",
    doc: "runs of applications that are recorded for `jackfield plugin replay`, the newest; they hold what callers typed and what plugins read",
    bound: "0 to 10000",
    default: Some("0"),
    read: |item| integer(item, 0..=::plugin::limit::TAPES),
};

const KEEP_RUNS_WITHOUT: Setting<Vec<String>> = Setting {
    key: "keep-runs-without",
    doc: "how the questions begin that are recorded without arguments and answers; a replay ends there",
    bound: "at most 32 texts, as in [\"ReadDigits\", \"kv get\"]",
    default: Some("[]"),
    read: |item| list(item, 32, text),
};

const PUBLISHERS: Setting<Vec<PublisherKey>> = Setting {
    key: "publishers",
    doc: "the keys of publishers whose signed plugins this tenant takes, besides those of jackfield.toml",
    bound: "at most 100 of \"ed25519:\" and 64 hex digits",
    default: Some("[]"),
    read: |item| list(item, 100, publisher),
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

const ROOT: &[&dyn Described] =
    &[&DOMAINS, &LANGUAGE, &TIME_ZONE, &CALLS, &RECORDINGS, &KEEP_RUNS, &KEEP_RUNS_WITHOUT, &PUBLISHERS];
const NUMBERS: &[&dyn Described] = &[&PREFIX, &NUMBER_CONTEXT];

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
        doc: "plugins; their own settings stand in [plugins.NAME.config], and secrets for the headers of their requests by HTTP in [plugins.NAME.secrets]: \
              KEY = \"text\", or KEY = { file = \"secrets/key\" } below this folder",
        settings: plugin::SETTINGS,
    },
];

impl Tenant {
    /// Reads a tenant's folder; every problem of its files is found at once. `offered` are the host's digest algorithms.
    pub(crate) fn read(
        folder: &Path,
        id: TenantId,
        (shelf, running): (&Shelf<'_>, Option<&RunningTenant>),
        offered: &[Algorithm],
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut faults = Vec::new();
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
        let contexts = plan::Contexts(dialplan.as_deref());
        let domains = root.optional(&DOMAINS, &mut problems);
        if domains.is_none() && !root.has(DOMAINS.key) {
            let hint = format!("as in domains = [\"{id}.example\"]");
            problems.push(root.problem_at(DOMAINS.key, "the tenant has no domains").hint(hint));
        }
        let publishers = root.get(&PUBLISHERS, &mut problems);
        let tenant = Self {
            domains: domains.unwrap_or_default(),
            numbers: numbers(&root, contexts, &mut problems),
            endpoints: endpoint::Reader::new(id.as_str(), &root, contexts, &mut problems).read(&root, &mut problems),
            plugins: plugin::read(
                &root,
                (folder, contexts),
                (shelf, running),
                publishers.clone(),
                (&mut problems, &mut faults),
            ),
            publishers,
            language: root.get(&LANGUAGE, &mut problems),
            time_zone: root.get(&TIME_ZONE, &mut problems),
            calls_max: root.get(&CALLS, &mut problems),
            faults: Vec::new(),
            lacks: Vec::new(),
            recordings_max: root.get(&RECORDINGS, &mut problems),
            keep_runs: keeping(&root, &mut problems),
            warnings: Vec::new(),
            dialplan: dialplan.clone().unwrap_or_default(),
            id,
        };
        let mentioned: Vec<String> = root.tables("plugins", &mut Vec::new()).into_iter().map(|(id, _)| id).collect();
        let offers = Offers::planned(&tenant.plugins, &mentioned, running, &mut faults);
        let lacks = offers.lacks(folder, &tenant.dialplan, shelf.packages());
        sounds::check(&folder.join("sounds"), &mut faults, &mut problems);
        for endpoint in tenant.endpoints.iter().filter(|endpoint| !endpoint.can_log_in(offered)) {
            let place =
                root.table("endpoints", &mut Vec::new()).and_then(|all| all.table(&endpoint.name, &mut Vec::new()));
            let message = format!("endpoint `{}` cannot log in by any algorithm that the host offers", endpoint.name);
            problems.push(place.as_ref().unwrap_or(&root).problem(message));
        }
        // A template's fault is found once for each endpoint that inherits it.
        problems.sort();
        problems.dedup();
        match any_error(&problems) {
            true => {
                let mut all = [problems, faults, lacks].concat();
                all.sort();
                Err(all)
            }
            false => Ok(Self { warnings: problems, faults, lacks, ..tenant }),
        }
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

fn keeping(root: &Section<'_>, problems: &mut Vec<Problem>) -> Keeping {
    Keeping { runs: root.get(&KEEP_RUNS, problems), redact: root.get(&KEEP_RUNS_WITHOUT, problems) }
}

fn numbers(root: &Section<'_>, contexts: plan::Contexts<'_>, problems: &mut Vec<Problem>) -> Vec<Number> {
    let mut numbers: Vec<Number> = Vec::new();
    for section in root.list_of_tables("numbers", problems) {
        section.only(NUMBERS, &[], problems);
        let context = section.get(&NUMBER_CONTEXT, problems);
        problems.extend(contexts.check(&context, |text| section.problem_at(NUMBER_CONTEXT.key, text)));
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
