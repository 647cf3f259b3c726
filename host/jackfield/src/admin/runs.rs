//! Recorded runs, and running them again.

use api::types::{RecordedRun, ReplayRequest, ReplayedRun};
use api::{ControlError, ErrorCode};
use plugin::{Against, Recording, Replay};
use switch::Tenant;

use super::Admin;
use super::deploy::package_error;
use super::describe::rfc3339;

impl Admin {
    pub(super) async fn recorded(tenant: &Tenant) -> Result<Vec<RecordedRun>, ControlError> {
        read(tenant, |recordings| recordings.map(|recording| summary(&recording)).collect()).await
    }

    /// The newest run of a call.
    pub(super) async fn recording(tenant: &Tenant, call: &str) -> Result<Recording, ControlError> {
        let wanted = call.to_owned();
        let found =
            read(tenant, move |mut recordings| Iterator::find(&mut recordings, |one| one.call.starts_with(&wanted)))
                .await?;
        found.ok_or_else(|| no_run(tenant, Some(call)))
    }

    pub(super) async fn replay_runs(
        &self,
        tenant: &Tenant,
        request: ReplayRequest,
    ) -> Result<Vec<ReplayedRun>, ControlError> {
        let against = self.against(request.against.as_deref()).await?;
        let (call, plugin, of_package) = (request.call.clone(), request.plugin, against.1);
        let wanted = move |recording: &Recording| {
            call.as_ref().is_none_or(|call| recording.call.starts_with(call.as_str()))
                && plugin.as_ref().is_none_or(|plugin| recording.plugin == *plugin)
                // A package is one plugin's.
                && of_package.as_ref().is_none_or(|plugin| recording.plugin == *plugin)
        };
        let mut replayed = Vec::new();
        for recording in read(tenant, |recordings| recordings.filter(wanted).collect::<Vec<_>>()).await? {
            let run = summary(&recording);
            let outcome = tenant.plugins().replay(recording, against.0.clone()).await;
            replayed.push(outcome.map_or_else(
                |error| ReplayedRun {
                    version: run.version.clone(),
                    run: run.clone(),
                    same: 0,
                    recorded: None,
                    replayed: None,
                    problem: Some(error.to_string()),
                },
                |Replay { version, same, departure }| {
                    let (recorded, replayed) = departure.map(|other| (other.recorded, other.replayed)).unzip();
                    ReplayedRun { version, run: run.clone(), same, recorded, replayed, problem: None }
                },
            ));
        }
        if replayed.is_empty() {
            return Err(no_run(tenant, request.call.as_deref()));
        }
        Ok(replayed)
    }

    /// What `--against` names, and whose package it is if it is one.
    async fn against(&self, named: Option<&str>) -> Result<(Against, Option<String>), ControlError> {
        match named {
            None => Ok((Against::Same, None)),
            Some(package) if package.contains('/') => {
                let opened = self.open(package).await.map_err(|error| package_error(&error))?;
                let id = opened.inspection.manifest.id.clone();
                Ok((Against::Package(opened.package), Some(id)))
            }
            Some(version) => Ok((Against::Version(version.to_owned()), None)),
        }
    }
}

/// Reads recordings away from the threads of calls.
async fn read<T: Send + 'static>(
    tenant: &Tenant,
    work: impl FnOnce(&mut dyn Iterator<Item = Recording>) -> T + Send + 'static,
) -> Result<T, ControlError> {
    let plugins = tenant.plugins().clone();
    let done = tokio::task::spawn_blocking(move || work(&mut plugins.recordings())).await;
    done.map_err(|panic| ControlError::new(ErrorCode::Failed, panic.to_string()))
}

fn summary(recording: &Recording) -> RecordedRun {
    RecordedRun {
        call: recording.call.clone(),
        time: rfc3339(recording.unix_ms),
        plugin: recording.plugin.clone(),
        version: recording.version.clone(),
        app: format!("{}({})", recording.app, recording.arguments),
        questions: recording.crossings.len(),
        end: recording.end.clone(),
    }
}

fn no_run(tenant: &Tenant, call: Option<&str>) -> ControlError {
    let of = call.map(|call| format!(" of call {call}")).unwrap_or_default();
    let hint = "`keep-runs = 100` in tenant.toml keeps the newest hundred from then on";
    ControlError::new(ErrorCode::NotFound, format!("{} has kept no such run{of}", tenant.id()))
        .hint(Some(hint.to_owned()))
}
