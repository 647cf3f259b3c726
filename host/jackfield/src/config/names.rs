//! Which applications and functions a tenant's plugins provide, and which of them its dialplan uses in vain.

use std::collections::BTreeMap;
use std::path::Path;

use dialplan::{Dialplan, Known, NameKind};

use super::plugin::Plugin;
use super::problem::Problem;
use super::running::RunningTenant;
use crate::packages::Packages;

/// What plugins provide, each name with its plugin.
#[derive(Clone, Debug, Default)]
pub(crate) struct Offers {
    apps: BTreeMap<String, Offer>,
    functions: BTreeMap<String, Offer>,
}

/// A name as its plugin writes it. It is looked up by its lower case, as calls do.
#[derive(Clone, Debug)]
struct Offer {
    name: String,
    plugin: String,
}

/// Two plugins provide the same name.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is provided by the plugin `{owner}` already")]
pub(crate) struct Taken {
    name: String,
    owner: String,
}

impl Offers {
    /// Adds a plugin's names, all or none.
    pub(crate) fn add(&mut self, plugin: &str, apps: &[String], functions: &[String]) -> Result<(), Taken> {
        for (names, known) in [(apps, &self.apps), (functions, &self.functions)] {
            for name in names {
                let owner = known.get(&name.to_ascii_lowercase()).filter(|offer| offer.plugin != plugin);
                if let Some(owner) = owner {
                    return Err(Taken { name: name.clone(), owner: owner.plugin.clone() });
                }
            }
        }
        for (names, known) in [(apps, &mut self.apps), (functions, &mut self.functions)] {
            let offer = |name: &String| Offer { name: name.clone(), plugin: plugin.to_owned() };
            known.extend(names.iter().map(|name| (name.to_ascii_lowercase(), offer(name))));
        }
        Ok(())
    }

    /// What a tenant's plugins will provide once its file is in use: those it declares, and those that were installed by
    /// command. A second plugin for the same name is a fault of the one that the file declares.
    pub(crate) fn planned(
        plugins: &[Plugin],
        mentioned: &[String],
        running: Option<&RunningTenant>,
        faults: &mut Vec<Problem>,
    ) -> Self {
        let mut offers = Self::default();
        for installed in running.iter().flat_map(|running| &running.plugins) {
            let replaced = plugins.iter().any(|plugin| plugin.id == installed.id);
            // One that the file mentions with a fault stays as it is.
            let stays =
                mentioned.contains(&installed.id) || running.is_some_and(|running| running.is_by_hand(&installed.id));
            if stays && !replaced {
                offers.add(&installed.id, &installed.apps, &installed.functions).unwrap_or_else(|taken| {
                    tracing::error!(%taken, "two installed plugins have the same name");
                });
            }
        }
        for plugin in plugins {
            if running.is_some_and(|running| running.is_removed(&plugin.id, &plugin.fingerprint())) {
                continue;
            }
            let manifest = &plugin.opened.inspection.manifest;
            if let Err(taken) = offers.add(&plugin.id, &manifest.apps, &manifest.functions) {
                faults.push(Problem { message: taken.to_string(), ..plugin.place.clone() });
            }
        }
        offers
    }

    /// The lines of a dialplan that use names which nobody provides. The folder is the tenant's.
    pub(crate) fn lacks(&self, folder: &Path, plan: &Dialplan, packages: &Packages) -> Vec<Problem> {
        let names =
            |offers| -> Vec<&str> { BTreeMap::values(offers).map(|offer: &Offer| offer.name.as_str()).collect() };
        let (apps, functions) = (names(&self.apps), names(&self.functions));
        let tenant = folder.file_name().unwrap_or_default().to_string_lossy();
        let unknown = plan.check_names(Known { applications: &apps, functions: &functions });
        let problem = |one: dialplan::UnknownName| {
            let kind = match one.kind {
                NameKind::Application => "application",
                NameKind::Function => "function",
            };
            let bundled = packages.provider(one.kind, &one.name);
            // A removal by command leaves the table where it is, so the command is named first.
            let install = |plugin: String| {
                let command = format!("`jackfield plugin install {tenant} {plugin}`");
                format!("the bundled plugin `{plugin}` does: {command}, or [plugins.{plugin}] in tenant.toml")
            };
            let similar = || one.similar.as_ref().map(|similar| format!("did you mean `{similar}`?"));
            let message = format!("no plugin of the tenant provides the {kind} {}", one.name);
            let place = Problem::whole(folder.join(&one.file), message);
            Problem { line: one.line, hint: bundled.map(install).or_else(similar), ..place }
        };
        unknown.into_iter().map(problem).collect()
    }
}
