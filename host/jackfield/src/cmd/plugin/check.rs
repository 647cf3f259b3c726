//! `jackfield plugin check`: whether a plugin fits a server, read from its bytes. Nothing is compiled or run.

use std::path::{Path, PathBuf};

use ::plugin::{Capability, Compatibility, Manifest, Missing, Offer, WIT_VERSION, World};
use api::types::Wit;
use author::componentize;
use clap::Args;
use serde::Serialize;

use super::build;
use crate::cmd::output::{Output, printable};
use crate::cmd::{Exit, Failure, Server};
use crate::packages::component;

#[derive(Args)]
pub(super) struct Check {
    /// The folder with plugin.toml, built or packed, or a component file alone.
    #[arg(default_value = ".")]
    plugin: PathBuf,
    /// The server it shall fit: a version of the WIT, or the data directory (or the api.sock in it) of a server that runs [default: this program's own WIT].
    #[arg(long, value_name = "VERSION|DIR")]
    against: Option<String>,
}

/// What stands between a plugin and a server.
#[derive(Serialize)]
struct Verdict {
    ok: bool,
    /// The server's WIT.
    wit: String,
    /// What was read.
    component: PathBuf,
    worlds: Vec<World>,
    missing: Vec<Missing>,
    /// Capabilities the component uses and the manifest does not declare: no server installs it.
    undeclared: Vec<Capability>,
    /// Capabilities the manifest declares and the component does not use: administrators are asked for no reason.
    unused: Vec<Capability>,
    /// What else a server would refuse.
    problems: Vec<String>,
}

impl Check {
    pub(super) async fn run(self, output: Output) -> Result<(), Failure> {
        let offer = self.offer().await?;
        let (manifest, path) = if self.plugin.is_dir() { built(&self.plugin)? } else { (None, self.plugin.clone()) };
        let wasm = std::fs::read(&path).map_err(|error| {
            let text = format!("{}: {error} (`jackfield plugin build` makes it)", path.display());
            Failure::new(Exit::NotFound, text)
        })?;
        let not_done = |error: String| Failure::new(Exit::NotDone, format!("{}: {error}", path.display()));
        let wasm = componentize(wasm).map_err(not_done)?;
        let found = Compatibility::of(&wasm, &offer).map_err(|error| not_done(error.to_string()))?;
        let verdict = verdict(&offer, manifest.as_ref(), path.clone(), found);
        output.value(&verdict, || text(&verdict, &self.plugin));
        if verdict.ok { Ok(()) } else { Err(Failure::new(Exit::NotDone, "")) }
    }

    /// What the plugin is compared with.
    async fn offer(&self) -> Result<Offer, Failure> {
        let own = || Offer::new(WIT_VERSION, ::plugin::WIT_0_1).map_err(not_read);
        let Some(against) = &self.against else { return own() };
        let minor = WIT_VERSION.rsplit_once('.').map_or(WIT_VERSION, |(minor, _)| minor);
        if against == WIT_VERSION || against == minor {
            return own();
        }
        let path = Path::new(against);
        if !path.exists() {
            let text = format!(
                "{against}: neither a version that this program knows ({WIT_VERSION}) nor the data directory of a server"
            );
            return Err(Failure::new(Exit::NotFound, text));
        }
        let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
        let wit: Wit = Server::of(folder).get("/v1/wit").await?;
        let files = wit.files.iter().map(|(name, text)| (name.as_str(), text.as_str()));
        Offer::new(&wit.version, files).map_err(not_read)
    }
}

fn not_read(error: ::plugin::OfferError) -> Failure {
    Failure::new(Exit::NotDone, error.to_string())
}

/// The manifest of a folder and where its component is: beside it in a package, else where the build leaves it.
pub(super) fn built(folder: &Path) -> Result<(Option<Manifest>, PathBuf), Failure> {
    let manifest = build::manifest(folder);
    let (_, manifest) = manifest.map_err(|failure| Failure { exit: Exit::NotDone, ..failure })?;
    let packed = component(folder).or_else(|_| component(&folder.join("build/package")));
    let path = packed.unwrap_or_else(|_| build::artifact(folder, &manifest));
    Ok((Some(manifest), path))
}

fn verdict(offer: &Offer, manifest: Option<&Manifest>, component: PathBuf, found: Compatibility) -> Verdict {
    let declares = |capability: &Capability| manifest.is_none_or(|own| own.capabilities.contains_key(capability));
    let undeclared: Vec<Capability> = found.uses.iter().copied().filter(|used| !declares(used)).collect();
    let declared = manifest.into_iter().flat_map(|own| own.capabilities.keys().copied());
    let unused = declared.filter(|capability| !found.uses.contains(capability)).collect();
    let mut problems = Vec::new();
    if found.worlds.is_empty() {
        problems.push(format!("it exports none of jackfield:pbx/apps, /functions, /services: {}", found.exports));
    } else {
        problems.extend(manifest.and_then(|own| found.fits(own).err()).map(|error| error.to_string()));
    }
    Verdict {
        ok: found.missing.is_empty() && undeclared.is_empty() && problems.is_empty(),
        wit: offer.version().to_owned(),
        component,
        worlds: found.worlds,
        missing: found.missing,
        undeclared,
        unused,
        problems,
    }
}

fn text(verdict: &Verdict, plugin: &Path) -> String {
    let wit = &verdict.wit;
    let mut lines = Vec::new();
    for missing in &verdict.missing {
        lines.push(format!("import {}", printable(&missing.import)));
        match &missing.wanted {
            Some(wanted) => {
                let offered = missing.offered.as_deref().unwrap_or("nothing of that name");
                lines.push(format!("  - wanted   {}", printable(wanted)));
                lines.push(format!("  + offered  {offered}"));
            }
            None => lines.push(format!("  {}", printable(&missing.why))),
        }
        lines.extend(
            missing.needs.iter().map(|needs| format!("  needs WIT {}, this server has {wit}", printable(needs))),
        );
    }
    let file = plugin.join("plugin.toml");
    for capability in &verdict.undeclared {
        lines.push(format!(
            "{}: the component uses {capability}: add `{capability} = {{}}` below [capabilities]",
            file.display()
        ));
    }
    for capability in &verdict.unused {
        lines.push(format!(
            "{}: {capability} is declared and not used: administrators are asked for it (a warning)",
            file.display()
        ));
    }
    lines.extend(verdict.problems.iter().map(|problem| printable(problem)));
    let state = if verdict.ok { "fits" } else { "does not fit" };
    lines.push(format!("{}: {state} WIT {wit}", verdict.component.display()));
    lines.join("\n")
}
