//! The demo's files: made once, with secrets nobody else has.

use std::fmt::Write;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::config::{Claims, Credential, Loaded, secret};

const JACKFIELD: &str = include_str!("jackfield.toml");
const TENANT: &str = include_str!("tenant.toml");
const DIALPLAN: &str = include_str!("dialplan.conf");
const TENANTS: [&str; 2] = ["acme", "globex"];

/// A tenant and its phones, as printed.
#[derive(Serialize)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) domain: String,
    pub(super) endpoints: Vec<Endpoint>,
}

/// A phone and its secret.
#[derive(Serialize)]
pub(super) struct Endpoint {
    pub(super) name: String,
    pub(super) secret: String,
}

impl Account {
    /// Where its secrets are written.
    pub(super) fn file(&self, dir: &Path) -> PathBuf {
        dir.join("config/tenants").join(&self.name).join("tenant.toml")
    }
}

/// Makes the files unless they are there. True if it did.
pub(super) fn make(dir: &Path, sip: Option<SocketAddr>, plugins: &Path) -> Result<bool, String> {
    let config = dir.join("config");
    if config.join("jackfield.toml").exists() {
        return Ok(false);
    }
    let failed = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    let sip = sip.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 5060)));
    let names = plugin_names(plugins).map_err(|error| failed(plugins, error))?;
    for tenant in TENANTS {
        let folder = config.join("tenants").join(tenant);
        let toml = tenant_toml(tenant, &names).map_err(|error| failed(Path::new("/dev/urandom"), error))?;
        // Secrets are for whoever runs the demo.
        let mut private = fs::DirBuilder::new();
        private.recursive(true).mode(0o700).create(folder.join("sounds")).map_err(|error| failed(&folder, error))?;
        write(&folder.join("tenant.toml"), &toml)?;
        write(&folder.join("dialplan.conf"), DIALPLAN)?;
    }
    // Last, because it is what a second start looks for.
    let text = JACKFIELD.replace("{sip}", &sip.to_string()).replace("{ip}", &sip.ip().to_string());
    write(&config.join("jackfield.toml"), &text)?;
    Ok(true)
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()));
    written.map_err(|error| format!("{}: {error}", path.display()))
}

/// The bundled plugins: every folder with a manifest.
fn plugin_names(plugins: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(plugins)? {
        let path = entry?.path();
        if path.join("plugin.toml").is_file()
            && let Some(name) = path.file_name()
        {
            names.push(name.to_string_lossy().into_owned());
        }
    }
    names.sort();
    Ok(names)
}

fn tenant_toml(tenant: &str, plugins: &[String]) -> io::Result<String> {
    let mut toml = TENANT.replace("{domain}", &format!("{tenant}.test"));
    for name in 100..110 {
        let name = name.to_string();
        let secret = strong_secret(&name, tenant)?;
        write!(toml, "\n[endpoints.{name}]\ninherits = \"phone\"\nsecret = \"{secret}\"\n")
            .expect("text takes all writes");
    }
    for plugin in plugins {
        write!(toml, "\n[plugins.{plugin}]\n").expect("text takes all writes");
    }
    Ok(toml)
}

/// A random secret may hold the digits of its user by chance; then another is made.
fn strong_secret(user: &str, tenant: &str) -> io::Result<String> {
    loop {
        let secret = secret::generate()?;
        if secret::weakness(&secret, user, tenant).is_none() {
            return Ok(secret);
        }
    }
}

/// The accounts as the files have them now.
pub(super) fn accounts(dir: &Path) -> Result<Vec<Account>, String> {
    let loaded = Loaded::read(&dir.join("config"), &Claims::default());
    let lines: Vec<String> = loaded.problems().iter().map(ToString::to_string).collect();
    let tenants = loaded.tenants.into_values().collect::<Result<Vec<_>, _>>().map_err(|_| lines.join("\n"))?;
    let account = |tenant: crate::config::Tenant| Account {
        name: tenant.id.as_str().to_owned(),
        domain: tenant.domains[0].clone(),
        endpoints: tenant
            .endpoints
            .into_iter()
            .filter_map(|endpoint| match endpoint.credential {
                Credential::Secret(secret) => Some(Endpoint { name: endpoint.name, secret }),
                Credential::Hashes { .. } => None,
            })
            .collect(),
    };
    Ok(tenants.into_iter().map(account).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugins() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("app-echo")).unwrap();
        fs::write(folder.path().join("app-echo/plugin.toml"), "").unwrap();
        folder
    }

    /// The demo's own files are valid, and a second start changes nothing.
    #[test]
    fn the_demo_is_made_once_and_is_valid() {
        let (dir, plugins) = (tempfile::tempdir().unwrap(), plugins());
        assert!(make(dir.path(), None, plugins.path()).unwrap());
        let first = accounts(dir.path()).unwrap();
        assert_eq!(first.iter().map(|one| one.domain.as_str()).collect::<Vec<_>>(), ["acme.test", "globex.test"]);
        assert!(first.iter().all(|one| one.endpoints.len() == 10));
        assert!(!make(dir.path(), None, plugins.path()).unwrap());
        let second = accounts(dir.path()).unwrap();
        assert_eq!(first[1].endpoints[9].secret, second[1].endpoints[9].secret);
        assert_ne!(first[0].endpoints[0].secret, first[1].endpoints[0].secret, "the same number, another secret");
    }

    #[test]
    fn only_the_owner_reads_the_secrets() {
        use std::os::unix::fs::PermissionsExt;
        let (dir, plugins) = (tempfile::tempdir().unwrap(), plugins());
        make(dir.path(), None, plugins.path()).unwrap();
        let file = dir.path().join("config/tenants/acme/tenant.toml");
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}
