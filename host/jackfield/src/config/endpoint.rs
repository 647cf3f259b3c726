//! Endpoints and the templates they inherit from (F16).

use std::collections::BTreeMap;
use std::time::Duration;

use call::Party;
use codec::Codec;
use sip::auth::Algorithm;
use toml_edit::Item;

use super::document::{Section, warning};
use super::plan::Contexts;
use super::problem::{Problem, suggestion};
use super::secret;
use super::setting::{Described, Setting, boolean, duration, integer, list, text, word};

/// An endpoint as configured, inheritance resolved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// Its name: the user part of its address and its user name.
    pub(crate) name: String,
    /// What it proves itself with.
    pub(crate) credential: Credential,
    /// Whether MD5 answers are accepted beside SHA-256.
    pub(crate) md5: bool,
    /// The dialplan context its calls start in.
    pub(crate) context: String,
    /// The caller id its calls show.
    pub(crate) caller: Party,
    /// Codecs in order of preference.
    pub(crate) codecs: Vec<Codec>,
    /// Contacts registered at once.
    pub(crate) contacts_max: usize,
    /// What one more contact does.
    pub(crate) eviction: Eviction,
    /// Shortest registration accepted.
    pub(crate) expiry_min: Duration,
    /// Longest registration granted.
    pub(crate) expiry_max: Duration,
}

/// What an endpoint proves itself with.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Credential {
    /// The secret itself.
    Secret(String),
    /// Hashes of `user:realm:secret` in hexadecimal, the realm being the tenant's first domain.
    Hashes {
        /// By SHA-256.
        sha256: Option<String>,
        /// By MD5.
        md5: Option<String>,
    },
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Never in a log, not even by accident.
        f.write_str("Credential(…)")
    }
}

/// What happens when one more contact registers than allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Eviction {
    /// It is refused.
    Refuse,
    /// The one that would expire first goes.
    Oldest,
}

const INHERITS: Setting<Vec<String>> = Setting {
    key: "inherits",
    doc: "templates whose settings apply here; a later one overrides an earlier one, the table itself overrides all",
    bound: "a name or a list of at most 8 names",
    default: Some("[]"),
    read: |item| if item.is_str() { Ok(vec![text(item)?]) } else { list(item, 8, text) },
};

const SECRET: Setting<String> = Setting {
    key: "secret",
    doc: "the password; a weak one is refused",
    bound: "10 to 128 characters, not containing the user name, not a common word",
    default: None,
    read: text,
};

const HA1_SHA256: Setting<String> = Setting {
    key: "ha1-sha256",
    doc: "instead of the secret: SHA-256 of user:realm:secret, the realm being the tenant's first domain",
    bound: "64 hexadecimal digits",
    default: None,
    read: |item| hash(item, 64),
};

const HA1_MD5: Setting<String> = Setting {
    key: "ha1-md5",
    doc: "instead of the secret: MD5 of user:realm:secret",
    bound: "32 hexadecimal digits",
    default: None,
    read: |item| hash(item, 32),
};

const MD5: Setting<bool> = Setting {
    key: "md5",
    doc: "whether the phone may answer by MD5; needed for phones that cannot do SHA-256 (RFC 8760)",
    bound: "true or false",
    default: Some("true"),
    read: boolean,
};

const CONTEXT: Setting<String> = Setting {
    key: "context",
    doc: "the dialplan context in which calls of this endpoint start",
    bound: "a context of the tenant's dialplan.conf",
    default: Some("\"internal\""),
    read: text,
};

const CALLER_ID: Setting<Party> = Setting {
    key: "caller-id",
    doc: "what others see as caller; the phone itself cannot choose another. Without it, the endpoint's name",
    bound: "\"Name <number>\" or \"number\"",
    default: None,
    read: caller_id,
};

const CODECS: Setting<Vec<Codec>> = Setting {
    key: "codecs",
    doc: "codecs in order of preference",
    bound: "a list of \"pcma\", \"pcmu\", \"g722\"",
    default: Some("[\"g722\", \"pcma\", \"pcmu\"]"),
    read: codecs,
};

const CONTACTS_MAX: Setting<usize> = Setting {
    key: "contacts-max",
    doc: "phones that may be registered at once; all of them ring",
    bound: "1 to 50",
    default: Some("5"),
    read: |item| integer(item, 1..=50),
};

const EVICTION: Setting<Eviction> = Setting {
    key: "eviction",
    doc: "what happens when one more registers: the oldest goes, or the new one is refused",
    bound: "\"oldest\" or \"refuse\"",
    default: Some("\"oldest\""),
    read: |item| word(item, &[("oldest", Eviction::Oldest), ("refuse", Eviction::Refuse)]),
};

const EXPIRY_MIN: Setting<Duration> = Setting {
    key: "expiry-min",
    doc: "the shortest registration; a phone that asks for less is told so (423)",
    bound: "\"1s\" to \"1d\"",
    default: Some("\"60s\""),
    read: |item| duration(item, 1..=86_400),
};

const EXPIRY_MAX: Setting<Duration> = Setting {
    key: "expiry-max",
    doc: "the longest registration; a longer wish is shortened",
    bound: "\"1m\" to \"7d\"",
    default: Some("\"1h\""),
    read: |item| duration(item, 60..=604_800),
};

/// What a template may say, and an endpoint too.
pub(crate) const SHARED: &[&dyn Described] =
    &[&INHERITS, &MD5, &CONTEXT, &CODECS, &CONTACTS_MAX, &EVICTION, &EXPIRY_MIN, &EXPIRY_MAX];

/// What only an endpoint may say: two endpoints must not share a secret.
pub(crate) const OWN: &[&dyn Described] = &[&SECRET, &HA1_SHA256, &HA1_MD5, &CALLER_ID];

impl Endpoint {
    /// Whether there is an algorithm that is offered, allowed and can be checked.
    pub(crate) fn can_log_in(&self, offered: &[Algorithm]) -> bool {
        offered.iter().any(|algorithm| match (algorithm, &self.credential) {
            (Algorithm::Md5, Credential::Hashes { md5, .. }) => self.md5 && md5.is_some(),
            (Algorithm::Md5, Credential::Secret(_)) => self.md5,
            (Algorithm::Sha256, Credential::Hashes { sha256, .. }) => sha256.is_some(),
            (Algorithm::Sha256, Credential::Secret(_)) => true,
        })
    }
}

/// Everything in reach of one tenant's endpoints.
pub(crate) struct Reader<'a> {
    tenant: &'a str,
    templates: BTreeMap<String, Section<'a>>,
    contexts: Contexts<'a>,
}

impl<'a> Reader<'a> {
    /// Reads the templates.
    pub(crate) fn new(
        tenant: &'a str,
        root: &Section<'a>,
        contexts: Contexts<'a>,
        problems: &mut Vec<Problem>,
    ) -> Self {
        let templates: BTreeMap<String, Section<'a>> = root.tables("templates", problems).into_iter().collect();
        for section in templates.values() {
            section.only(SHARED, &[], problems);
        }
        Self { tenant, templates, contexts }
    }

    /// Reads every endpoint.
    pub(crate) fn read(&self, root: &Section<'a>, problems: &mut Vec<Problem>) -> Vec<Endpoint> {
        let mut endpoints: Vec<Endpoint> = Vec::new();
        let mut secrets: BTreeMap<String, String> = BTreeMap::new();
        let known = [OWN, SHARED].concat();
        for (name, section) in root.tables("endpoints", problems) {
            section.only(&known, &[], problems);
            if let Some(fault) = name_fault(&name) {
                problems.push(section.problem(format!("endpoint name `{name}`: {fault}")));
            }
            if let Some(endpoint) = self.endpoint(&name, &section, problems) {
                if let Credential::Secret(secret) = &endpoint.credential
                    && let Some(other) = secrets.insert(secret.clone(), name.clone())
                {
                    problems.push(section.problem_at("secret", format!("secret: endpoint `{other}` has the same one")));
                }
                endpoints.push(endpoint);
            }
        }
        endpoints
    }

    fn endpoint(&self, name: &str, section: &Section<'a>, problems: &mut Vec<Problem>) -> Option<Endpoint> {
        let mut layers = Vec::new();
        self.layers(section, &mut layers, &mut Vec::new(), problems);
        let layers = Layers(layers);
        let context = layers.get(&CONTEXT, problems);
        let place = |text| layers.of(CONTEXT.key, section).problem_at(CONTEXT.key, text);
        problems.extend(self.contexts.check(&context, place));
        let (expiry_min, expiry_max) = (layers.get(&EXPIRY_MIN, problems), layers.get(&EXPIRY_MAX, problems));
        if expiry_min > expiry_max {
            let problem =
                layers.of(EXPIRY_MIN.key, section).problem_at(EXPIRY_MIN.key, "expiry-min is longer than expiry-max");
            problems.push(problem);
        }
        let credential = self.credential(name, section, problems);
        Some(Endpoint {
            name: name.to_owned(),
            credential: credential?,
            md5: layers.get(&MD5, problems),
            context,
            caller: section.optional(&CALLER_ID, problems).unwrap_or_else(|| Party::new(name, name)),
            codecs: layers.get(&CODECS, problems),
            contacts_max: layers.get(&CONTACTS_MAX, problems),
            eviction: layers.get(&EVICTION, problems),
            expiry_min,
            expiry_max,
        })
    }

    /// The tables an endpoint's settings are looked for in, the first one being the endpoint itself.
    fn layers(
        &self,
        section: &Section<'a>,
        layers: &mut Vec<Section<'a>>,
        path: &mut Vec<String>,
        problems: &mut Vec<Problem>,
    ) {
        layers.push(section.clone());
        for name in section.get(&INHERITS, problems).into_iter().rev() {
            if path.contains(&name) {
                problems.push(section.problem_at(INHERITS.key, format!("template `{name}` inherits from itself")));
                continue;
            }
            let Some(template) = self.templates.get(&name) else {
                let problem = section.problem_at(INHERITS.key, format!("there is no template `{name}`"));
                let hint = suggestion(&name, self.templates.keys().map(String::as_str));
                problems.push(problem.hint(hint.unwrap_or_else(|| format!("add [templates.{name}]"))));
                continue;
            };
            path.push(name);
            self.layers(template, layers, path, problems);
            path.pop();
        }
    }

    fn credential(&self, name: &str, section: &Section<'_>, problems: &mut Vec<Problem>) -> Option<Credential> {
        let secret = section.optional(&SECRET, problems);
        let (sha256, md5) = (section.optional(&HA1_SHA256, problems), section.optional(&HA1_MD5, problems));
        match (secret, sha256, md5) {
            (Some(secret), None, None) => {
                if let Some(weakness) = secret::weakness(&secret, name, self.tenant) {
                    let hint = "make one with `openssl rand -base64 18`";
                    problems.push(section.problem_at(SECRET.key, format!("secret: {weakness}")).hint(hint));
                }
                Some(Credential::Secret(secret))
            }
            (None, None, None) => {
                // A wrong value has been reported already.
                if !section.has(SECRET.key) && !section.has(HA1_SHA256.key) && !section.has(HA1_MD5.key) {
                    problems.push(section.problem(format!("endpoint `{name}` has no secret: nobody could log in")));
                }
                None
            }
            (None, sha256, md5) => {
                if sha256.is_none() {
                    let message = "only MD5 answers can be checked: there is no ha1-sha256";
                    problems.push(warning(section.problem_at(HA1_MD5.key, message)));
                }
                Some(Credential::Hashes { sha256, md5 })
            }
            (Some(_), _, _) => {
                problems.push(section.problem_at(SECRET.key, "both a secret and a hash of it are given; keep one"));
                None
            }
        }
    }
}

/// An endpoint and the templates it inherits from, the most specific first.
struct Layers<'a>(Vec<Section<'a>>);

impl<'a> Layers<'a> {
    fn get<T>(&self, setting: &Setting<T>, problems: &mut Vec<Problem>) -> T {
        let section = self.0.iter().find(|section| section.has(setting.key)).unwrap_or(&self.0[0]);
        section.get(setting, problems)
    }

    /// The table that decides a key.
    fn of<'b>(&'b self, key: &str, own: &'b Section<'a>) -> &'b Section<'a> {
        self.0.iter().find(|section| section.has(key)).unwrap_or(own)
    }
}

/// Why a name cannot be the user part of a SIP address, a dialled extension and a word of the dialplan at once.
fn name_fault(name: &str) -> Option<&'static str> {
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    match () {
        () if name.is_empty() => Some("it is empty"),
        () if name.len() > 64 => Some("longer than 64 characters"),
        () if !name.chars().all(allowed) => Some("only letters, digits, `-`, `_` and `.` are allowed"),
        () => None,
    }
}

fn hash(item: &Item, digits: usize) -> Result<String, String> {
    let hash = text(item)?;
    let fits = hash.len() == digits && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    fits.then(|| hash.to_ascii_lowercase()).ok_or_else(|| format!("expected {digits} hexadecimal digits"))
}

fn codecs(item: &Item) -> Result<Vec<Codec>, String> {
    let names = list(item, 16, text)?;
    let mut codecs = Vec::new();
    for name in &names {
        let codec = Codec::from_name(name).ok_or_else(|| format!("there is no codec \"{name}\""))?;
        if codecs.contains(&codec) {
            return Err(format!("\"{name}\" is named twice"));
        }
        codecs.push(codec);
    }
    if codecs.is_empty() { Err("at least one codec is needed".into()) } else { Ok(codecs) }
}

/// `"Name <number>"`, `"<number>"` or `"number"`.
fn caller_id(item: &Item) -> Result<Party, String> {
    let written = text(item)?;
    let (name, number) = match written.strip_suffix('>').and_then(|text| text.split_once('<')) {
        Some((name, number)) => (name.trim().trim_matches('"'), number.trim()),
        None => ("", written.trim()),
    };
    let digits = number.strip_prefix('+').unwrap_or(number);
    if digits.is_empty() || digits.len() > 32 || !digits.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(format!("\"{written}\" has no number; write \"Name <number>\""));
    }
    if name.len() > 64 || name.contains(['"', '<', '>', '\\']) {
        return Err("the name is longer than 64 bytes or has a quote or bracket in it".into());
    }
    Ok(Party::new(if name.is_empty() { number } else { name }, number))
}
