//! The configuration: the only reader of its files.
//!
//! `jackfield.toml` is the host's; each folder of `tenants/` is one tenant's. Files become plain values in their bounds, or
//! problems with file, line and column; a broken tenant is that tenant's trouble alone (F10).

mod claims;
mod document;
mod endpoint;
mod names;
mod plan;
mod plugin;
mod problem;
pub(crate) mod reference;
mod running;
pub(crate) mod secret;
mod server;
mod setting;
mod sounds;
mod tenant;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use call::TenantId;
use sip::auth::Algorithm;

pub(crate) use claims::Claims;
pub(crate) use endpoint::{Credential, Endpoint, Eviction};
pub(crate) use names::Offers;
pub(crate) use plugin::{Package, Plugin, consent, consent_to_growth};
pub(crate) use problem::{Problem, Severity, choice, suggestion};
pub(crate) use running::{InstalledPlugin, Running, RunningTenant};
pub(crate) use server::{LogFormat, Server};
pub(crate) use tenant::Tenant;

use crate::packages::{Packages, Shelf};

/// Everything below a configuration folder, tenant by tenant as far as it is valid.
pub(crate) struct Loaded {
    /// The host's settings, or what is wrong with them.
    pub(crate) server: Result<Server, Vec<Problem>>,
    /// Each tenant, or what is wrong with it.
    pub(crate) tenants: BTreeMap<TenantId, Result<Tenant, Vec<Problem>>>,
    /// Who has which domain and number after this.
    pub(crate) claims: Claims,
    /// Problems of no single tenant: a folder with an impossible name.
    pub(crate) others: Vec<Problem>,
}

impl Loaded {
    /// Reads a configuration folder for a server. A tenant that runs is not changed by files with faults; one that does not run is
    /// served as far as its files go.
    pub(crate) fn read(folder: &Path, packages: &Packages, running: &Running) -> Self {
        let server = Server::read(&folder.join("jackfield.toml"));
        // Where the host's file is broken, what it offers is not known, and no endpoint is to blame.
        let offered = server.as_ref().map_or(&[Algorithm::Sha256, Algorithm::Md5][..], |server| &server.digest);
        let written = || server.as_ref().map(|server| server.publishers.clone()).unwrap_or_default();
        let shelf = Shelf::new(packages, running.publishers.clone().unwrap_or_else(written));
        let mut others = Vec::new();
        let mut tenants = BTreeMap::new();
        for name in tenant_folders(&folder.join("tenants"), &mut others) {
            let path = folder.join("tenants").join(&name);
            match TenantId::new(&name) {
                Ok(id) => {
                    let before = running.tenants.get(&id);
                    let read = Tenant::read(&path, id.clone(), (&shelf, before), offered);
                    let faultless = |tenant: &Tenant| tenant.faults.is_empty() && tenant.lacks.is_empty();
                    let refused = |tenant: Tenant| Err(sorted([tenant.faults, tenant.lacks, tenant.warnings].concat()));
                    let judged = match read {
                        Ok(tenant) if before.is_some() && !faultless(&tenant) => refused(tenant),
                        read => read,
                    };
                    tenants.insert(id, judged);
                }
                Err(error) => {
                    others.push(Problem::whole(path, format!("the folder's name cannot be a tenant's: {error}")))
                }
            }
        }
        let mut loaded = Self { server, tenants, claims: running.claims.clone(), others };
        loaded.settle_claims(folder);
        loaded
    }

    /// Gives each name to one tenant. Who has it keeps it, whether the rest of its file is valid or not: else a broken file would hand a
    /// number to a stranger.
    fn settle_claims(&mut self, folder: &Path) {
        let gone: Vec<TenantId> = self.claims.owners().filter(|id| !self.tenants.contains_key(*id)).cloned().collect();
        gone.iter().for_each(|id| self.claims.release(id));
        // First everybody gives up what they no longer want, so that a number can move in one reload.
        for tenant in self.tenants.values().flatten() {
            self.claims.keep_only(tenant);
        }
        for (id, result) in &mut self.tenants {
            let Ok(tenant) = result else { continue };
            let place = || Tenant::place_of_domains(&folder.join("tenants").join(id.as_str()));
            if let Err(problems) = self.claims.enter(tenant, place) {
                *result = Err(problems);
            }
        }
    }

    /// Every problem and warning, in the order of the files.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let server = self.server.as_ref().err().into_iter().flatten();
        let mut problems: Vec<Problem> = server.chain(&self.others).cloned().collect();
        for tenant in self.tenants.values() {
            problems.extend(match tenant {
                Ok(Tenant { faults, lacks, warnings, .. }) => sorted([&faults[..], lacks, warnings].concat()),
                Err(wrong) => wrong.clone(),
            });
        }
        problems
    }
}

/// By file and line.
fn sorted(mut problems: Vec<Problem>) -> Vec<Problem> {
    problems.sort();
    problems
}

/// The names of the tenants' folders. Names that begin with a dot are an editor's or a version control's.
fn tenant_folders(folder: &Path, problems: &mut Vec<Problem>) -> Vec<String> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            problems.push(Problem::whole(folder, format!("cannot be read: {error}")));
            return Vec::new();
        }
    };
    let folders = entries.flatten().filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| !name.starts_with('.'));
    names.sort();
    names
}
