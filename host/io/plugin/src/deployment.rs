//! The words of deployments: what is installed, what is reported, what can be wrong.

use std::collections::{BTreeMap, BTreeSet};

use call::TenantId;
use serde::{Deserialize, Serialize};

use crate::canary::Split;
use crate::grant::{Capability, Consent};
use crate::loader::{Digest, LoadError};
use crate::manifest::ManifestError;
use crate::metrics::Metric;
use crate::package::key::PublisherKey;
use crate::plan::{Basis, Want};
use crate::trust::{Trust, TrustError};
use crate::usage::Usage;

/// On what terms an administrator installs a package.
#[derive(Clone, Debug)]
pub struct Terms {
    /// What it may do.
    pub consent: Consent,
    /// Whose packages are taken.
    pub trust: Trust,
    /// The plan that was consented to, if there was one: nothing else is installed.
    pub basis: Option<Basis>,
    /// Which calls try it beside the active version; all calls use it where this says nothing.
    pub canary: Option<Split>,
}

impl Terms {
    /// Takes a package that nobody signed, too.
    pub fn unsigned(consent: Consent) -> Self {
        Self { consent, trust: Trust { unsigned: true, ..Trust::default() }, basis: None, canary: None }
    }
}

/// Who changes something, and why; kept in the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct By {
    /// A user name, or `system`.
    pub who: String,
    /// Free text.
    pub why: String,
}

/// What an installation did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Installed {
    /// The plugin.
    pub id: String,
    /// The plugin's own version that is active now.
    pub version: String,
    /// Its component.
    pub digest: Digest,
    /// The publisher whose signature it has.
    pub signer: Option<PublisherKey>,
    /// The component before, if there was one. The same one where only the manifest is new.
    pub replaced: Option<Digest>,
    /// The plugin's own version before.
    pub replaced_version: Option<String>,
    /// What it may do.
    pub granted: Vec<Capability>,
    /// Which calls use it, if it is not active but on trial.
    pub canary: Option<Split>,
    /// False if the same version was active already: nothing was done.
    pub changed: bool,
}

/// One deployment as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deployed {
    /// The plugin.
    pub id: String,
    /// The plugin's own version.
    pub version: String,
    /// One line for people.
    pub title: String,
    /// The active component.
    pub digest: Digest,
    /// The publisher whose signature its package had.
    pub signer: Option<PublisherKey>,
    /// The versions that can be activated, newest first.
    pub available: Vec<Available>,
    /// Its applications.
    pub apps: Vec<String>,
    /// Its functions.
    pub functions: Vec<String>,
    /// Its strategies.
    pub strategies: Vec<String>,
    /// The schemes of the addresses it calls as a channel driver.
    pub schemes: Vec<String>,
    /// Whether it has a service part.
    pub service: bool,
    /// What it may do.
    pub granted: Vec<Capability>,
    /// Runs on the active version.
    pub live: usize,
    /// Runs pinned to former versions.
    pub draining: usize,
    /// The version on trial.
    pub canary: Option<Canary>,
    /// Generations in memory: 1 when nothing drains and none is on trial.
    pub generations: usize,
    /// Runs since the start of the host.
    pub runs: u64,
    /// Faults since the start of the host.
    pub faults: u64,
    /// The last fault, for people.
    pub last_fault: Option<String>,
    /// What it uses.
    pub usage: Usage,
    /// Numbers of its own, since the start of the host.
    pub metrics: BTreeMap<String, Metric>,
    /// Events its service had no room for, since the service started.
    pub events_lost: u64,
    /// Why it is not running, if it is not.
    pub trouble: Option<Trouble>,
}

/// A version on trial beside the active one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Canary {
    /// The plugin's own version.
    pub version: String,
    /// The component.
    pub digest: Digest,
    /// Which calls use it.
    pub split: Split,
    /// What it may do.
    pub granted: Vec<Capability>,
    /// Runs on it.
    pub live: usize,
    /// Since when, in milliseconds since 1970.
    pub unix_ms: u64,
    /// Who began it, and why.
    pub by: By,
}

/// A version on trial, in the history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OnTrial {
    /// The plugin's own version.
    pub version: String,
    /// The component.
    pub digest: Digest,
    /// Which calls used it.
    pub split: Split,
}

/// A version that can be activated: a component and the manifest it came with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Available {
    /// The plugin's own version.
    pub version: String,
    /// The component.
    pub digest: Digest,
    /// Whether it is the active one.
    pub active: bool,
}

/// Why a deployment does not run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub enum Trouble {
    /// It could not be loaded when the host came up.
    NotLoaded(String),
    /// It trapped too often and is tried again later.
    Suspended {
        /// In milliseconds.
        remaining_ms: u64,
    },
}

/// A line of a deployment's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// Milliseconds since 1970.
    pub unix_ms: u64,
    /// What happened.
    pub event: Event,
    /// The plugin's own version that was active afterwards. Entries of before do not say.
    #[serde(default)]
    pub version: Option<String>,
    /// The component that was active afterwards.
    pub digest: Option<Digest>,
    /// What it may do. Entries of before do not say.
    #[serde(default)]
    pub granted: BTreeSet<Capability>,
    /// The version that was on trial, or of which the trial ended.
    #[serde(default)]
    pub canary: Option<OnTrial>,
    /// Who and why.
    #[serde(flatten)]
    pub by: By,
}

/// What can happen to a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A version was installed and became active.
    Installed,
    /// A former version was made active.
    Activated,
    /// The version before was made active.
    RolledBack,
    /// The version before was made active because this one trapped too often.
    RolledBackAutomatically,
    /// A version was installed for some calls.
    CanaryStarted,
    /// The version on trial became active.
    Promoted,
    /// The trial was ended; all calls use the active version.
    CanaryEnded,
    /// The trial was ended because the version trapped too often.
    CanaryFailed,
    /// The deployment was removed; live runs end on their version.
    Removed,
}

/// Why a tenant's deployments are not known.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The journal cannot be read or is damaged.
    #[error("deployments of {tenant}: {message}")]
    Journal {
        /// Whose.
        tenant: TenantId,
        /// What is wrong.
        message: String,
    },
}

/// Why a plugin was not installed; what was active is still active.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The manifest is wrong.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Nobody who is trusted vouches for it, or it is old.
    #[error(transparent)]
    Untrusted(#[from] TrustError),
    /// The component is refused.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// It imports what it does not declare.
    #[error("it uses what plugin.toml does not declare: {}", list(.0))]
    Undeclared(Vec<Capability>),
    /// More was granted than it declares.
    #[error(
        "it does not declare {}, so that cannot be granted; it declares {}",
        list(asked),
        list_or_nothing(declared)
    )]
    NotDeclared {
        /// What was granted in vain.
        asked: Vec<Capability>,
        /// What it declares.
        declared: Vec<Capability>,
    },
    /// It imports what is not consented to.
    #[error("it needs what was not granted: {}", list(.0))]
    NotGranted(Vec<Capability>),
    /// It wants more than the active version has, and that was not consented to.
    #[error("it needs consent to {}", wanted(.0))]
    NoConsent(Vec<Want>),
    /// The package has changed since the plan was made.
    #[error("the package is not the one that was planned: {planned} was, this is {found}")]
    OtherPackage {
        /// What was consented to.
        planned: Digest,
        /// What is there.
        found: Digest,
    },
    /// The plugin has changed since the plan was made.
    #[error("the plugin was changed since the plan was made: what it would change may be another thing now")]
    StalePlan,
    /// There is no version that the other calls could use.
    #[error("no version of it runs that the other calls could use: install it for all of them")]
    NothingBeside,
    /// The version to be tried is the active one.
    #[error("this version is the active one")]
    ActiveAlready,
    /// A service is one for all calls, and a strategy does not know for which call it chooses.
    #[error("it has {0}, for all calls alike: it cannot be tried by some of them")]
    NotOfCalls(&'static str),
    /// The manifest and the exports do not fit.
    #[error("{0}")]
    Mismatch(String),
    /// Another plugin of the tenant provides a name already.
    #[error("{name} is provided by {plugin} already")]
    NameTaken {
        /// The application, function, strategy or scheme.
        name: String,
        /// Who provides it.
        plugin: String,
    },
    /// The new service did not take over.
    #[error("its service did not start: {0}")]
    Service(String),
    /// The tenant has too many.
    #[error("the tenant has {0} plugins already")]
    TooMany(usize),
    /// The change could not be made durable, so it was not made.
    #[error("the change could not be stored: {0}")]
    Journal(String),
}

/// Why a deployment was not changed.
#[derive(Debug, thiserror::Error)]
pub enum ChangeError {
    /// There is no such plugin.
    #[error("no plugin {id} is installed{}", .hint.as_ref().map(|hint| format!(" (did you mean {hint:?}?)")).unwrap_or_default())]
    Unknown {
        /// What was asked for.
        id: String,
        /// What is there.
        hint: Option<String>,
    },
    /// There is no former version.
    #[error("{0} has no former version")]
    NothingBefore(String),
    /// There is no version on trial.
    #[error("{0} has no version on trial")]
    NoCanary(String),
    /// That version was never installed, or is no longer kept.
    #[error("{id} has no version `{which}`")]
    UnknownVersion {
        /// The plugin.
        id: String,
        /// What was asked for.
        which: String,
    },
    /// More than one is meant.
    #[error("{id} has several versions `{which}`: name the beginning of one's digest: {}", digests.iter().map(Digest::short).collect::<Vec<_>>().join(", "))]
    SeveralVersions {
        /// The plugin.
        id: String,
        /// What was asked for.
        which: String,
        /// Those that fit.
        digests: Vec<Digest>,
    },
    /// The other version does not come up any more.
    #[error(transparent)]
    Install(#[from] InstallError),
}

fn wanted(wants: &[Want]) -> String {
    let one = |want: &Want| match want.asks.as_str() {
        "" => want.right.name().to_owned(),
        asks => format!("{} {asks}", want.right),
    };
    wants.iter().map(one).collect::<Vec<_>>().join(", ")
}

fn list(capabilities: &[Capability]) -> String {
    capabilities.iter().map(|capability| capability.name()).collect::<Vec<_>>().join(", ")
}

fn list_or_nothing(capabilities: &[Capability]) -> String {
    if capabilities.is_empty() { "nothing".into() } else { list(capabilities) }
}
