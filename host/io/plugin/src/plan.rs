//! What an installation would change of what a plugin may do: read from the package before anything is compiled, so that an
//! administrator consents to what is installed, and again to what a later version wants more.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::deployment::InstallError;
use crate::grant::{Capability, Consent};
use crate::limit::Limits;
use crate::loader::Digest;
use crate::manifest::{Bounds, Manifest};
use crate::package::key::PublisherKey;

/// What a plugin is allowed: a capability, or more of the host than it gets unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// A capability, with its bounds.
    Capability(Capability),
    /// A limit of `[limits]`.
    Limit(Limit),
}

/// A limit that a manifest can raise above the host's default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// Bytes of memory of one instance.
    Memory,
    /// Milliseconds of computing at a stretch.
    CpuBurst,
    /// Seconds of one run.
    MaxRun,
    /// Instructions of one function call.
    Fuel,
}

impl Limit {
    const ALL: [Self; 4] = [Self::Memory, Self::CpuBurst, Self::MaxRun, Self::Fuel];

    fn of(self, limits: &Limits) -> u64 {
        match self {
            Self::Memory => limits.memory,
            Self::CpuBurst => u64::try_from(limits.cpu_burst.as_millis()).unwrap_or(u64::MAX),
            Self::MaxRun => limits.max_run.as_secs(),
            Self::Fuel => limits.fuel,
        }
    }

    fn unit(self) -> &'static str {
        match self {
            Self::Memory => "bytes",
            Self::CpuBurst => "ms",
            Self::MaxRun => "s",
            Self::Fuel => "instructions",
        }
    }
}

impl Right {
    /// Its name, as an administrator grants it: the key in `plugin.toml`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Capability(capability) => capability.name(),
            Self::Limit(Limit::Memory) => "memory",
            Self::Limit(Limit::CpuBurst) => "cpu-burst-ms",
            Self::Limit(Limit::MaxRun) => "max-run-seconds",
            Self::Limit(Limit::Fuel) => "fuel",
        }
    }

    /// What it lets a plugin do, for an administrator.
    pub fn means(self) -> &'static str {
        match self {
            Self::Capability(capability) => capability.means(),
            Self::Limit(Limit::Memory) => "takes more of the host's memory for each call",
            Self::Limit(Limit::CpuBurst) => "computes longer at a stretch",
            Self::Limit(Limit::MaxRun) => "stays in a call for longer",
            Self::Limit(Limit::Fuel) => "computes longer in one function call",
        }
    }

    /// All there are.
    pub fn all() -> impl Iterator<Item = Self> {
        Capability::ALL.into_iter().map(Self::Capability).chain(Limit::ALL.into_iter().map(Self::Limit))
    }
}

impl fmt::Display for Right {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// No right has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nothing that can be granted is called {0:?}")]
pub struct RightError(pub String);

impl FromStr for Right {
    type Err = RightError;

    fn from_str(text: &str) -> Result<Self, RightError> {
        Self::all().find(|right| right.name() == text).ok_or_else(|| RightError(text.into()))
    }
}

impl Serialize for Right {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Right {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// How what a package wants compares with what the active version has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// As before.
    Same,
    /// It uses what it did not have: needs consent.
    New,
    /// It wants more of what it has: needs consent.
    Grown,
    /// It wants less of what it has.
    Less,
    /// It had it and asks for it no more.
    Gone,
    /// Its manifest asks for it, but its component imports nothing of it: not granted.
    Unused,
}

/// One line of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Want {
    /// What.
    pub right: Right,
    /// Compared with before.
    pub difference: Difference,
    /// The bounds it asks for, for people; empty where there are none.
    pub asks: String,
    /// The bounds it has, likewise.
    pub had: String,
    /// The functions that the component imports by it.
    pub imports: Vec<String>,
}

impl Want {
    /// Whether an administrator has to say so.
    pub fn needs_consent(&self) -> bool {
        matches!(self.difference, Difference::New | Difference::Grown)
    }
}

/// What a plan was made of: an installation that names it is refused when either has changed since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Basis {
    /// The package.
    pub package: Digest,
    /// What was known of the plugin: its versions, history and publishers.
    pub state: Digest,
}

/// What an installation would do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// What the package says of itself.
    pub manifest: Manifest,
    /// Its component.
    pub component: Digest,
    /// Who signed it.
    pub signer: Option<PublisherKey>,
    /// Whose plugin it is until now.
    pub publisher: Option<PublisherKey>,
    /// The version it replaces, and its component.
    pub replaces: Option<(String, Digest)>,
    /// What it may do, one by one.
    pub wants: Vec<Want>,
    /// What this was made of.
    pub basis: Basis,
    pub(crate) uses: Vec<Capability>,
}

impl Plan {
    /// Whether an installation may go on where an administrator consents to this.
    ///
    /// # Errors
    /// It wants more, or more is consented to than it asks for.
    pub fn allows(&self, consent: &Consent) -> Result<(), InstallError> {
        grant(&self.manifest, &self.uses, consent, &self.wants).map(drop)
    }
}

/// What the active version of a plugin has.
pub(crate) struct Held<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) granted: &'a BTreeSet<Capability>,
}

/// What of the host a manifest gets, with and without asking.
pub(crate) struct Given {
    pub(crate) asked: Limits,
    pub(crate) before: Limits,
}

/// Compares what a package wants with what the active version has.
pub(crate) fn wants(manifest: &Manifest, uses: &[Capability], held: Option<&Held<'_>>, given: &Given) -> Vec<Want> {
    let none = BTreeSet::new();
    let granted = held.map_or(&none, |held| held.granted);
    let all: BTreeSet<Capability> = manifest.capabilities.keys().chain(granted).copied().collect();
    let bounds = |of: &BTreeMap<Capability, Bounds>, which| of.get(&which).cloned();
    let capabilities = all.into_iter().map(|which| {
        let asks = bounds(&manifest.capabilities, which);
        let had = granted.contains(&which).then(|| held.and_then(|held| bounds(&held.manifest.capabilities, which)));
        let had = had.map(Option::unwrap_or_default);
        let difference = match (&asks, &had) {
            (Some(asks), Some(had)) if asks.exceed(had) => Difference::Grown,
            (Some(asks), Some(had)) if had.exceed(asks) => Difference::Less,
            (Some(_), Some(_)) => Difference::Same,
            (Some(_), None) if uses.contains(&which) => Difference::New,
            (Some(_), None) => Difference::Unused,
            (None, _) => Difference::Gone,
        };
        let text = |bounds: Option<Bounds>| bounds.map(|bounds| bounds.to_string().trim().to_owned());
        Want {
            right: Right::Capability(which),
            difference,
            asks: text(asks).unwrap_or_default(),
            had: text(had).unwrap_or_default(),
            imports: Vec::new(),
        }
    });
    let limits = Limit::ALL.into_iter().filter_map(|which| {
        let (asks, had) = (which.of(&given.asked), which.of(&given.before));
        let difference = match asks.cmp(&had) {
            std::cmp::Ordering::Greater => Difference::Grown,
            std::cmp::Ordering::Less => Difference::Less,
            std::cmp::Ordering::Equal => return None,
        };
        let text = |value: u64| format!("{value} {}", which.unit());
        Some(Want { right: Right::Limit(which), difference, asks: text(asks), had: text(had), imports: Vec::new() })
    });
    capabilities.chain(limits).collect()
}

/// What is granted where an administrator consents to `given`: what the active version has and the new one still asks for, and what is
/// given.
pub(crate) fn consented(wants: &[Want], given: &BTreeSet<Right>) -> Result<BTreeSet<Capability>, InstallError> {
    let needs = wants.iter().filter(|want| want.needs_consent() && !given.contains(&want.right));
    let needs: Vec<Want> = needs.cloned().collect();
    if !needs.is_empty() {
        return Err(InstallError::NoConsent(needs));
    }
    let asked = |want: &&Want| want.difference != Difference::Gone;
    let kept = |want: &&Want| want.difference != Difference::Unused || given.contains(&want.right);
    let granted = wants.iter().filter(asked).filter(kept).filter_map(|want| match want.right {
        Right::Capability(capability) => Some(capability),
        Right::Limit(_) => None,
    });
    Ok(granted.collect())
}

/// What an administrator allows a package: for its grant, before it is compiled and again when nothing can change meanwhile.
pub(crate) fn grant(
    manifest: &Manifest,
    uses: &[Capability],
    consent: &Consent,
    wants: &[Want],
) -> Result<BTreeSet<Capability>, InstallError> {
    let Consent::Growth(given) = consent else { return crate::inspection::grant(manifest, uses, consent) };
    let capability = |right: &Right| match right {
        Right::Capability(capability) => Some(*capability),
        Right::Limit(_) => None,
    };
    // Dropped in silence, it would look like allowed.
    let asked = given.iter().filter_map(capability).filter(|given| !manifest.capabilities.contains_key(given));
    let asked: Vec<Capability> = asked.collect();
    if !asked.is_empty() {
        return Err(InstallError::NotDeclared { asked, declared: manifest.capabilities.keys().copied().collect() });
    }
    consented(wants, given)
}
