//! What crosses the API, as both ends write it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// How the server is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// The server's version.
    pub version: String,
    /// The directory of its configuration.
    pub config: String,
    /// Seconds since it came up.
    pub up_s: u64,
    /// Calls that are up.
    pub calls: usize,
    /// Where SIP is received, as `udp:127.0.0.1:5060`.
    pub sip: Vec<String>,
    /// Every tenant of the configuration.
    pub tenants: Vec<TenantHealth>,
    /// What does not work, for people: a full disk, for instance.
    pub problems: Vec<String>,
}

/// The interfaces a server offers to plugins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wit {
    /// Their version.
    pub version: String,
    /// The files of the package, text by name.
    pub files: BTreeMap<String, String>,
}

/// How a tenant is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantHealth {
    /// Its name.
    pub name: String,
    /// Whether its calls are carried.
    pub serving: bool,
    /// Why its files are refused, where they are: the last good version is serving, if there is one.
    pub problems: Vec<Problem>,
}

/// A fault of a file of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The file.
    pub file: String,
    /// The line, from 1; 0 where the whole file is meant.
    pub line: u32,
    /// The column, from 1; 0 where it is not known.
    pub column: u32,
    /// `error` or `warning`.
    pub severity: String,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What a reload did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadReport {
    /// Whether everything was valid.
    pub ok: bool,
    /// Problems of `jackfield.toml` and of no single tenant; also settings that need a restart.
    pub problems: Vec<Problem>,
    /// Every tenant.
    pub tenants: Vec<TenantReload>,
}

/// What a reload did to a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantReload {
    /// Its name.
    pub name: String,
    /// What became of it.
    pub result: ReloadResult,
    /// What is wrong with its files.
    pub problems: Vec<Problem>,
}

/// What became of a tenant in a reload.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReloadResult {
    /// Its files are valid and in use now.
    Applied,
    /// Its files are refused; the version before is still in use.
    Kept,
    /// Its files are refused and there was no version before: its calls are not carried.
    Refused,
    /// Its folder is gone: its calls end and no new ones are carried.
    Removed,
}

/// A call that is up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    /// Its id.
    pub id: String,
    /// Its tenant.
    pub tenant: String,
    /// Seconds since it began.
    pub seconds: u64,
    /// Its parties.
    pub legs: Vec<Leg>,
}

/// A party of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leg {
    /// Its number inside the call.
    pub leg: u32,
    /// The endpoint, where it is one of the tenant's.
    pub endpoint: Option<String>,
    /// What it is doing: `ringing`, `up`, …
    pub state: String,
    /// The application it is in, or who it talks with.
    pub detail: String,
}

/// A phone that is registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// Its tenant.
    pub tenant: String,
    /// Its endpoint.
    pub endpoint: String,
    /// Where it wants to be called.
    pub contact: String,
    /// Where it registered from.
    pub source: String,
    /// Seconds until it must register again.
    pub expires_s: u64,
    /// What it says it is.
    pub user_agent: String,
}

/// A question about a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialplanQuery {
    /// The tenant.
    pub tenant: String,
    /// Who calls: an endpoint's name.
    pub from: String,
    /// What is dialled.
    pub to: String,
    /// Where the caller enters the dialplan; without it, where that endpoint's calls start.
    pub context: Option<String>,
}

/// What would happen to a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DialplanTrace {
    /// Step by step.
    pub lines: Vec<TraceLine>,
}

/// One step of a route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TraceLine {
    /// `context`, `include`, `match`, `no-match`, `step` or `end`.
    pub kind: String,
    /// How far it is indented.
    pub depth: u8,
    /// `file:line`, where it speaks of one.
    pub place: Option<String>,
    /// The sentence or statement.
    pub text: String,
}

/// A plugin of a tenant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plugin {
    /// Its id.
    pub id: String,
    /// Its own version.
    pub version: String,
    /// One line for people.
    pub title: String,
    /// The active component's SHA-256.
    pub digest: String,
    /// The publisher whose signature its package had, as `ed25519:…`.
    pub signer: Option<String>,
    /// Versions that can be activated, newest first.
    pub available: Vec<Available>,
    /// Its applications.
    pub apps: Vec<String>,
    /// Its functions.
    pub functions: Vec<String>,
    /// Its strategies, by which other plugins choose.
    #[serde(default)]
    pub strategies: Vec<String>,
    /// The schemes of the addresses that it calls as a channel driver.
    #[serde(default)]
    pub schemes: Vec<String>,
    /// What it may do.
    pub granted: Vec<String>,
    /// Calls in the active version.
    pub live: usize,
    /// The version on trial.
    #[serde(default)]
    pub canary: Option<Canary>,
    /// Calls in former versions.
    pub draining: usize,
    /// Runs since the server came up.
    pub runs: u64,
    /// Traps and exceeded limits since the server came up.
    pub faults: u64,
    /// The last of them.
    pub last_fault: Option<String>,
    /// What it uses.
    #[serde(default)]
    pub usage: Usage,
    /// Numbers of its own since the server came up, by name.
    #[serde(default)]
    pub metrics: BTreeMap<String, Metric>,
    /// Events its service was too slow for.
    #[serde(default)]
    pub events_lost: u64,
    /// Whether `tenant.toml` declares it; else it was installed by a command.
    pub declared: bool,
    /// Why it does not run, where it does not.
    pub trouble: Option<String>,
}

/// What a plugin uses in its tenant: sums since the server came up, where nothing else is said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Computing, in microseconds of a core, host functions included.
    pub cpu_us: u64,
    /// Bytes of memory of its instances now.
    pub memory: u64,
    /// The most that was.
    pub memory_peak: u64,
    /// Calls of host functions.
    pub host_calls: u64,
    /// Bytes that it gave the host and got from it.
    pub moved: u64,
    /// Runs that did not begin.
    pub refused: u64,
    /// Bytes of its kv space now.
    pub kv: u64,
    /// Bytes of its recordings now.
    pub blob: u64,
}

/// A plugin and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TenantPlugin {
    /// The tenant.
    pub tenant: String,
    /// Its plugin.
    #[serde(flatten)]
    pub plugin: Plugin,
}

/// A number that a plugin counts or measures: `{"kind": "counter", "value": 3}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "value", rename_all = "kebab-case")]
pub enum Metric {
    /// Only grows.
    Counter(u64),
    /// Is what it was set to last.
    Gauge(i64),
}

/// A version on trial beside the active one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Canary {
    /// Which version, and for which calls.
    #[serde(flatten)]
    pub trial: Trial,
    /// What it may do.
    pub granted: Vec<String>,
    /// Calls in it.
    pub live: usize,
    /// Since when, as in `2026-11-23T09:51:42Z`.
    pub since: String,
    /// Who began it.
    pub who: String,
    /// Why.
    pub why: String,
}

/// A version that some calls use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The plugin's own version.
    pub version: String,
    /// The component's SHA-256.
    pub digest: String,
    /// Which calls, as in `10%`, `number=601` or `endpoint=100`.
    pub split: String,
}

/// A version of a plugin that can be activated: a component and the manifest it came with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Available {
    /// The plugin's own version.
    pub version: String,
    /// The component's SHA-256. Two versions have the same one where only the manifest differs.
    pub digest: String,
    /// Whether it is the active one.
    pub active: bool,
}

/// A plugin to install.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallRequest {
    /// The package file, or the folder with `plugin.toml` and the component, on the server's own machine: an absolute path. Or the name
    /// of a bundled plugin.
    pub package: String,
    /// Whether it may be one that nobody signed.
    #[serde(default)]
    pub unsigned: bool,
    /// The publisher who is trusted with this plugin from now on, pinned or not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    /// What is allowed of what the package wants and the active version does not have: the names in a plan's `growth`. Of a bundled
    /// plugin the capabilities it may have; without it, those that its manifest declares.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grants: Option<Vec<String>>,
    /// Which calls try it beside the active version, as in `10%`, `number=601` or `endpoint=100`; without it, all calls use it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<String>,
    /// The plan that was looked at: nothing else is installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis: Option<PlanBasis>,
    /// Who installs it.
    pub who: String,
    /// Why.
    #[serde(default)]
    pub why: String,
}

/// What a plan was made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanBasis {
    /// The SHA-256 of the package file, or of manifest and component of a folder.
    pub package: String,
    /// The SHA-256 of what was known of the plugin.
    pub state: String,
}

/// What an installation would change. Nothing has been changed for it, or compiled.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstallPlan {
    /// The plugin.
    pub id: String,
    /// The package's version of it.
    pub version: String,
    /// One line for people.
    pub title: String,
    /// The publisher's count of its packages.
    pub serial: u64,
    /// The component's SHA-256.
    pub component: String,
    /// The publisher whose signature the package has.
    pub signer: Option<String>,
    /// The publisher whose plugin it was until now.
    pub publisher: Option<String>,
    /// Whether it came with the server; then nothing needs consent.
    pub bundled: bool,
    /// The version that is active now.
    pub replaces: Option<Available>,
    /// What it may do and what it wants, one by one.
    pub rights: Vec<PlannedRight>,
    /// The names of those that need consent.
    pub growth: Vec<String>,
    /// For the installation, so that it is of this package and of nothing newer.
    pub basis: PlanBasis,
}

/// A capability or a limit in a plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRight {
    /// Its name, as `grants` has it.
    pub name: String,
    /// What it lets a plugin do.
    pub means: String,
    /// `new` and `grown` need consent; else `same`, `less`, `gone`, or `unused`: declared, but not imported, so not granted.
    pub difference: String,
    /// The bounds it asks for; empty where there are none.
    pub asks: String,
    /// The bounds it has.
    pub had: String,
    /// The functions that the component imports by it.
    pub imports: Vec<String>,
}

/// What an installation or a roll-back did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Installed {
    /// The plugin.
    pub id: String,
    /// The plugin's own version that is active now.
    pub version: String,
    /// Its component.
    pub digest: String,
    /// The publisher whose signature its package has.
    pub signer: Option<String>,
    /// The component before; the same one where only the manifest is new.
    pub replaced: Option<String>,
    /// The plugin's own version before.
    pub replaced_version: Option<String>,
    /// What it may do.
    pub granted: Vec<String>,
    /// Which calls use it, if it is not active but on trial.
    #[serde(default)]
    pub canary: Option<String>,
    /// False if it was active already.
    pub changed: bool,
    /// Lines of the dialplan that use names which no plugin provides now.
    #[serde(default)]
    pub problems: Vec<Problem>,
}

/// What a removal did.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// The plugin.
    pub id: String,
    /// Whether `tenant.toml` still declares it; it stays away until that table changes.
    pub declared: bool,
    /// Lines of the dialplan that need it.
    pub problems: Vec<Problem>,
}

/// What a phone of a tenant logs in with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The user name.
    pub user: String,
    /// The SIP domain, which is the realm.
    pub domain: String,
    /// SHA-256 of `user:domain:secret`, where the phone may use it. As good as the secret.
    pub ha1_sha256: Option<String>,
    /// The same by MD5.
    pub ha1_md5: Option<String>,
}

/// The hashes stay out of logs.
impl fmt::Debug for Account {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Account({}@{})", self.user, self.domain)
    }
}

/// Something a plugin said, or how a run of it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TailLine {
    /// Counts from 1: a gap tells of lines that were not read in time. It begins anew with the server.
    pub seq: u64,
    /// When, as in `2026-11-23T09:51:42Z`.
    pub time: String,
    /// The plugin's own version that it was.
    pub version: String,
    /// The application, function or strategy; empty for the service.
    pub run: String,
    /// `said`, `ended` (a run of an application) or `failed` (a function, a strategy or the service).
    pub kind: String,
    /// Of what was said: `debug`, `info`, `warn` or `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<String>,
    /// What was said, or what went wrong; empty for a run that ended well.
    pub text: String,
    /// The call whose run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// What the run used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<RunCost>,
}

/// What one run used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunCost {
    /// Milliseconds from its begin to its end.
    pub ms: u64,
    /// Microseconds of computing, host functions included.
    pub cpu_us: u64,
    /// Host functions it called.
    pub host_calls: u64,
    /// Bytes it gave and got by them.
    pub moved: u64,
    /// Bytes of memory it had in the end.
    pub memory: u64,
}

/// A line of a plugin's history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryEntry {
    /// When, as in `2026-11-23T09:51:42Z`.
    pub time: String,
    /// The same in milliseconds since 1970.
    pub unix_ms: u64,
    /// What happened: `installed`, `rolled-back`, …
    pub event: String,
    /// The plugin's own version that was active afterwards, where it is known.
    pub version: Option<String>,
    /// The component that was active afterwards.
    pub digest: Option<String>,
    /// What it may do.
    #[serde(default)]
    pub granted: Vec<String>,
    /// The version that was on trial, or of which the trial ended.
    #[serde(default)]
    pub canary: Option<Trial>,
    /// Who did it.
    pub who: String,
    /// Why.
    pub why: String,
}

/// A recorded run of an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedRun {
    /// The call.
    pub call: String,
    /// When it began, as in `2026-11-23T09:51:42Z`.
    pub time: String,
    /// The plugin and the version it ran on.
    pub plugin: String,
    /// The version, as its manifest has it.
    pub version: String,
    /// The application, with its arguments.
    pub app: String,
    /// What it asked of the host.
    pub questions: usize,
    /// How it ended.
    pub end: String,
}

/// Runs recorded runs again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReplayRequest {
    /// The call, or the beginning of its name; all that are kept unless given.
    pub call: Option<String>,
    /// Of this plugin only.
    pub plugin: Option<String>,
    /// An installed version, its digest's beginning, or a package as for an installation; the version it ran on unless given.
    pub against: Option<String>,
}

/// What came of one recorded run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayedRun {
    /// What was run again.
    pub run: RecordedRun,
    /// On this version.
    pub version: String,
    /// Questions that were the same.
    pub same: usize,
    /// What the recorded run did where this one did something else; none if it did the same to its end.
    pub recorded: Option<String>,
    /// What this one did there.
    pub replayed: Option<String>,
    /// Why it could not be run again.
    pub problem: Option<String>,
}
