//! Everything an administrator can ask of a running server.

use std::future::Future;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::types::{
    Account, Call, DialplanQuery, DialplanTrace, Health, HistoryEntry, InstallPlan, InstallRequest, Installed, Plugin,
    RecordedRun, Registration, ReloadReport, Removed, ReplayRequest, ReplayedRun, TailLine, TenantPlugin, Wit,
};

/// The running server, as the API sees it. Every method may be called at any time and from several connections at once.
pub trait Control: Send + Sync + 'static {
    /// How the server is.
    fn health(&self) -> impl Future<Output = Health> + Send;

    /// What the server offers to plugins.
    fn wit(&self) -> Wit;

    /// Reads the configuration again: what is valid is applied, what is not keeps its last good version (F10).
    fn reload(&self) -> impl Future<Output = ReloadReport> + Send;

    /// Calls that are up, of one tenant or of all.
    fn calls(&self, tenant: Option<&str>) -> impl Future<Output = Result<Vec<Call>, ControlError>> + Send;

    /// Ends a call.
    fn hang_up(&self, call: &str) -> impl Future<Output = Result<(), ControlError>> + Send;

    /// Phones that are registered, of one tenant or of all.
    fn registrations(
        &self,
        tenant: Option<&str>,
    ) -> impl Future<Output = Result<Vec<Registration>, ControlError>> + Send;

    /// What would happen to a call, without making one.
    fn dialplan(&self, query: &DialplanQuery) -> impl Future<Output = Result<DialplanTrace, ControlError>> + Send;

    /// What a phone logs in with, for a test call. Only for who may read the configuration: the owner of the socket can.
    fn account(&self, tenant: &str, endpoint: &str) -> impl Future<Output = Result<Account, ControlError>> + Send;

    /// A tenant's plugins.
    fn plugins(&self, tenant: &str) -> impl Future<Output = Result<Vec<Plugin>, ControlError>> + Send;

    /// The plugins of one tenant or of all.
    fn all_plugins(&self, tenant: Option<&str>)
    -> impl Future<Output = Result<Vec<TenantPlugin>, ControlError>> + Send;

    /// One plugin of a tenant.
    fn plugin(&self, tenant: &str, id: &str) -> impl Future<Output = Result<Plugin, ControlError>> + Send;

    /// What an installation would change of what the plugin may do.
    fn plan(
        &self,
        tenant: &str,
        request: InstallRequest,
    ) -> impl Future<Output = Result<InstallPlan, ControlError>> + Send;

    /// Installs a plugin, or a new version of one; new calls use it, calls that are up stay on theirs (F61).
    fn install(
        &self,
        tenant: &str,
        request: InstallRequest,
    ) -> impl Future<Output = Result<Installed, ControlError>> + Send;

    /// Makes the version on trial the active one.
    fn promote(&self, tenant: &str, id: &str) -> impl Future<Output = Result<Installed, ControlError>> + Send;

    /// Ends the trial of a version; without one makes the version before the active one active. Or `to`: a plugin's own version or the beginning of a digest.
    fn roll_back(
        &self,
        tenant: &str,
        id: &str,
        to: Option<&str>,
    ) -> impl Future<Output = Result<Installed, ControlError>> + Send;

    /// Removes a plugin; calls inside it end on their version. One whose names the dialplan uses is removed by `force` only.
    fn remove(&self, tenant: &str, id: &str, force: bool)
    -> impl Future<Output = Result<Removed, ControlError>> + Send;

    /// What a plugin said and how its runs ended after the line `after`, oldest first. Where there is nothing it waits for so long.
    fn tail(
        &self,
        tenant: &str,
        id: &str,
        after: u64,
        wait: Duration,
    ) -> impl Future<Output = Result<Vec<TailLine>, ControlError>> + Send;

    /// What happened to a plugin, oldest first.
    fn history(&self, tenant: &str, id: &str) -> impl Future<Output = Result<Vec<HistoryEntry>, ControlError>> + Send;

    /// The recorded runs of a tenant, the newest first.
    fn runs(&self, tenant: &str) -> impl Future<Output = Result<Vec<RecordedRun>, ControlError>> + Send;

    /// The newest recorded run of a call, whole: a JSON object that `plugin replay` takes as a fixture.
    fn run(&self, tenant: &str, call: &str) -> impl Future<Output = Result<serde_json::Value, ControlError>> + Send;

    /// Runs recorded runs again, the newest first. Nothing of it reaches a call or the tenant's data.
    fn replay(
        &self,
        tenant: &str,
        request: ReplayRequest,
    ) -> impl Future<Output = Result<Vec<ReplayedRun>, ControlError>> + Send;
}

/// Why something was not done. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{message}{}", .hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default())]
pub struct ControlError {
    /// What kind of reason it is.
    pub code: ErrorCode,
    /// The reason, for people.
    pub message: String,
    /// What to do instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// The kinds of reasons, which programs can match.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorCode {
    /// The request makes no sense.
    Invalid,
    /// There is no such tenant, call or plugin.
    NotFound,
    /// It was looked at and refused: a plugin with a missing import, for instance.
    Refused,
    /// Something has changed since it was looked at: look again.
    Conflict,
    /// The server itself failed.
    Failed,
}

impl ControlError {
    /// A reason without advice.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), hint: None }
    }

    /// "There is no such thing."
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::NotFound, message)
    }

    /// The same reason with advice.
    pub fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}
