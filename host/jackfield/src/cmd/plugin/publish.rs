//! `jackfield plugin publish`: a package file into a registry, from where servers install it.

use std::path::PathBuf;

use ::plugin::{Archive, limit};
use clap::Args;
use oci_client::secrets::RegistryAuth;
use serde_json::json;

use crate::cmd::output::Output;
use crate::cmd::{Exit, Failure};
use crate::packages::read_bounded;
use crate::packages::remote::{self, Remote};

#[derive(Args)]
pub(super) struct Publish {
    /// The package file, as `plugin pack` made it.
    package: PathBuf,
    /// Where to: oci://REGISTRY/REPOSITORY:TAG.
    place: String,
    /// Who the registry knows.
    #[arg(long, value_name = "NAME", requires = "password_file")]
    username: Option<String>,
    /// A file with the password or token.
    #[arg(long, value_name = "FILE", requires = "username")]
    password_file: Option<PathBuf>,
}

impl Publish {
    pub(super) async fn run(self, output: Output) -> Result<(), Failure> {
        let not_done = |error: &dyn std::fmt::Display| Failure::new(Exit::NotDone, error.to_string());
        let file = read_bounded(&self.package, limit::PACKAGE_BYTES).map_err(|error| not_done(&error))?;
        let archive = Archive::read(&file);
        let archive = archive.map_err(|error| not_done(&format!("{}: {error}", self.package.display())))?;
        let place = match Remote::of(&self.place) {
            Some(Ok(Remote::Registry(reference))) => reference,
            Some(Err(error)) => return Err(not_done(&error)),
            _ => return Err(not_done(&format!("{}: no oci://REGISTRY/REPOSITORY:TAG", self.place))),
        };
        let auth = match (self.username, self.password_file) {
            (Some(name), Some(path)) => {
                let password = std::fs::read_to_string(&path);
                let password = password.map_err(|error| not_done(&format!("{}: {error}", path.display())))?;
                RegistryAuth::Basic(name, password.trim_end().to_owned())
            }
            _ => RegistryAuth::Anonymous,
        };
        let digest = remote::publish(&place, file, &archive, &auth).await.map_err(|error| not_done(&error))?;
        let pinned = format!("oci://{}/{}@{digest}", place.registry(), place.repository());
        let value = json!({ "place": self.place, "pinned": pinned, "package": archive.digest().to_string() });
        output.value(&value, || format!("{} is there, for ever as {pinned}", self.place));
        Ok(())
    }
}
