//! `jackfield plugin inspect`: what a package can do, read from the package. Nothing of it is run, and no server is asked.

use std::path::PathBuf;

use ::plugin::{Capability, Digest, Inspection, Manifest, Origin, PublisherKey, World};
use clap::Args;
use serde::Serialize;

use super::{short, some};
use crate::cmd::output::{Output, printable};
use crate::cmd::serve::Bundled;
use crate::cmd::{Exit, Failure};
use crate::config::Package;
use crate::packages::remote::Remote;
use crate::packages::{PackageError, Packages, Prompts};

#[derive(Args)]
pub(super) struct Inspect {
    /// A package file, a folder with plugin.toml and the component, the name of a bundled plugin, or where a package is
    /// (https://…, oci://REGISTRY/REPOSITORY:TAG).
    package: String,
    #[command(flatten)]
    bundled: Bundled,
}

/// What a package is, and what it wants.
#[derive(Serialize)]
struct Report {
    id: String,
    version: String,
    serial: u64,
    title: String,
    /// The SHA-256 of the package file, or of manifest and component of a folder.
    digest: Digest,
    /// The component's SHA-256.
    component: Digest,
    signer: Option<PublisherKey>,
    bundled: bool,
    worlds: Vec<World>,
    apps: Vec<String>,
    functions: Vec<String>,
    strategies: Vec<String>,
    schemes: Vec<String>,
    /// What the manifest asks for, with its bounds.
    declares: Vec<String>,
    /// What the component really imports; nothing else can be done by it.
    uses: Vec<Capability>,
    imports: Vec<String>,
    prompts: Option<usize>,
    /// Why no server takes it.
    problem: Option<String>,
}

impl Inspect {
    pub(super) async fn run(self, output: Output) -> Result<(), Failure> {
        let (package, prompts) = self.read().await.map_err(|error| {
            let exit = match &error {
                PackageError::NotBundled { .. } | PackageError::NoManifest(_) => Exit::NotFound,
                _ => Exit::NotDone,
            };
            let hint = error.hint([]).map(|hint| format!(" ({hint})")).unwrap_or_default();
            Failure::new(exit, format!("{error}{hint}"))
        })?;
        let look = Inspection::look(&package).map_err(|error| Failure::new(Exit::NotDone, error.to_string()))?;
        let manifest = &look.manifest;
        let report = Report {
            id: manifest.id.clone(),
            version: manifest.version.clone(),
            serial: manifest.serial,
            title: manifest.title.clone(),
            digest: package.digest(),
            component: Digest::of(&package.wasm),
            signer: package.signer(),
            bundled: package.origin == Origin::Bundled,
            worlds: look.worlds().to_vec(),
            apps: manifest.apps.clone(),
            functions: manifest.functions.clone(),
            strategies: manifest.strategies.clone(),
            schemes: manifest.schemes.clone(),
            declares: declared(manifest),
            uses: look.uses().to_vec(),
            imports: look.imports().to_vec(),
            prompts: match prompts {
                Prompts::Packed(prompts) => Some(prompts.len()),
                Prompts::Folder(_) => None,
            },
            problem: look.fits().err().map(|error| error.to_string()),
        };
        output.value(&report, || text(&report, &package.origin));
        Ok(())
    }
}

impl Inspect {
    async fn read(&self) -> Result<(::plugin::Package, Prompts), PackageError> {
        if let Some(place) = Remote::of(&self.package) {
            return Packages::fetch(&place?).await;
        }
        let packages = Packages::new(self.bundled.folder().ok());
        packages.read(&match self.package.contains('/') || PathBuf::from(&self.package).exists() {
            true => Package::Path(PathBuf::from(&self.package)),
            false => Package::Bundled(self.package.clone()),
        })
    }
}

/// The capabilities of a manifest, each with the bounds it asks for.
fn declared(manifest: &Manifest) -> Vec<String> {
    manifest.capabilities.iter().map(|(capability, bounds)| format!("{capability}{bounds}")).collect()
}

fn text(report: &Report, origin: &Origin) -> String {
    let names = |capabilities: &[Capability]| capabilities.iter().map(Capability::to_string).collect::<Vec<_>>();
    let mut lines = vec![
        format!("{} {}, serial {}: {}", report.id, report.version, report.serial, printable(&report.title)),
        format!("package    {}, {origin}", report.digest),
        format!("component  {}", short(&report.component.to_string())),
        format!("apps       {}", some(&report.apps)),
        format!("functions  {}", some(&report.functions)),
        format!("strategies {}", some(&report.strategies)),
        format!("schemes    {}", some(&report.schemes)),
        format!("asks for   {}", some(&report.declares)),
        format!("uses       {}", some(&names(&report.uses))),
    ];
    lines.extend(report.imports.iter().map(|import| format!("imports    {}", printable(import))));
    lines.extend(report.prompts.map(|count| format!("prompts    {count}")));
    lines.extend(report.problem.iter().map(|problem| format!("problem    {}", printable(problem))));
    lines.join("\n")
}
