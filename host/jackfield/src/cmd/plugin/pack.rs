//! `jackfield plugin pack`: from a built folder to one signed file.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ::plugin::{Archive, Inspection, limit};
use bytes::Bytes;
use clap::Args;
use serde_json::json;

use super::key;
use crate::cmd::output::Output;
use crate::cmd::{Exit, Failure};
use crate::config::Package;
use crate::packages::{Packages, Prompts, read_bounded};

#[derive(Args)]
pub(super) struct Pack {
    /// The folder with plugin.toml, the component and prompts: FOLDER/build/package after `plugin build`.
    folder: PathBuf,
    /// The publisher's key, as `plugin key new` made it.
    #[arg(long, value_name = "FILE", required_unless_present = "unsigned", conflicts_with = "unsigned")]
    key: Option<PathBuf>,
    /// Nobody signs it: administrators have to say that they take it all the same.
    #[arg(long)]
    unsigned: bool,
    /// The package file [default: ID-VERSION.jfp in this folder].
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Pack {
    pub(super) fn run(self, output: Output) -> Result<(), Failure> {
        let not_done = |error: &dyn std::fmt::Display| Failure::new(Exit::NotDone, error.to_string());
        let key = self.key.as_deref().map(key::read).transpose()?;
        let read = Packages::new(None).read(&Package::Path(self.folder.clone()));
        let (package, prompts) = read.map_err(|error| not_done(&error))?;
        // What a server would refuse, its publisher hears here.
        let inspection = Inspection::of(&package).map_err(|error| not_done(&error))?;
        let manifest = &inspection.manifest;
        if key.is_some() && manifest.serial == 0 {
            let text = "plugin.toml has no `serial`: a signed package needs one, a higher one each time (serial = 1 below [plugin])";
            return Err(not_done(&text));
        }
        let prompts = match prompts {
            Prompts::Folder(folder) => collect(&folder.join("prompts"))?,
            Prompts::Packed(_) => return Err(not_done(&format!("{}: it is packed already", self.folder.display()))),
        };
        let file = Archive::write(&package.manifest, &package.wasm, &prompts, key.as_ref());
        let file = file.map_err(|error| not_done(&error))?;
        let name = || PathBuf::from(format!("{}-{}.jfp", manifest.id, manifest.version));
        let path = self.out.clone().unwrap_or_else(name);
        fs::write(&path, &file).map_err(|error| not_done(&format!("{}: {error}", path.display())))?;
        let archive = Archive::read(&file).map_err(|error| not_done(&error))?;
        let value = json!({
            "package": path, "bytes": file.len(), "digest": archive.digest().to_string(), "signer": archive.signer(),
            "serial": manifest.serial,
        });
        output.value(&value, || {
            let package = archive.package();
            format!("{}: {} KB, digest {}, {}", path.display(), file.len() / 1000, archive.digest(), package.origin)
        });
        Ok(())
    }
}

/// The prompts below a folder, by their path in it. What is no prompt is told by the package's own rules.
fn collect(root: &Path) -> Result<BTreeMap<String, Bytes>, Failure> {
    let not_done =
        |path: &Path, error: std::io::Error| Failure::new(Exit::NotDone, format!("{}: {error}", path.display()));
    let mut prompts = BTreeMap::new();
    let mut folders = if root.is_dir() { vec![root.to_owned()] } else { Vec::new() };
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(|error| not_done(&folder, error))? {
            let path = entry.map_err(|error| not_done(&folder, error))?.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            let content = read_bounded(&path, limit::PROMPT_BYTES);
            prompts.insert(name, content.map_err(|error| Failure::new(Exit::NotDone, error.to_string()))?);
        }
    }
    Ok(prompts)
}
