//! The demo's files: made once, with secrets nobody else has.

use std::fmt::Write;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::config::{Credential, Loaded, Running, secret};
use crate::packages::Packages;

const JACKFIELD: &str = include_str!("jackfield.toml");
const TENANT: &str = include_str!("tenant.toml");
const DIALPLAN: &str = include_str!("dialplan.conf");
const TENANTS: [&str; 2] = ["acme", "globex"];
/// Who has the phones 100-109: called parties see the name, and 603 finds it.
const PEOPLE: [&str; 10] = ["Alice", "Bob", "Carol", "David", "Erin", "Frank", "Grace", "Heidi", "Ivan", "Judy"];

/// A tenant and its phones, as printed.
#[derive(Serialize)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) endpoints: Vec<Endpoint>,
}

/// A phone and its secret.
#[derive(Serialize)]
pub(crate) struct Endpoint {
    pub(crate) name: String,
    pub(crate) secret: String,
    /// The name that called parties see.
    pub(super) caller: String,
}

impl Account {
    /// Where its secrets are written.
    pub(super) fn file(&self, dir: &Path) -> PathBuf {
        dir.join("config/tenants").join(&self.name).join("tenant.toml")
    }
}

/// Makes the files that are not there. True if it made the host's own, by which a later start knows that there was one before.
pub(super) fn make(dir: &Path, sip: Option<SocketAddr>, plugins: &Path) -> Result<bool, String> {
    let config = dir.join("config");
    if host_file(dir).exists() {
        return Ok(false);
    }
    let failed = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    let sip = sip.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 5060)));
    let names = plugin_names(plugins).map_err(|error| failed(plugins, error))?;
    for tenant in TENANTS {
        // Made by a start that went no further: the secrets stay.
        if !config.join("tenants").join(tenant).join("dialplan.conf").exists() {
            make_tenant(&config, tenant, 100, DIALPLAN, &names)?;
        }
    }
    // Last, because it is what a second start looks for.
    make_host(dir, sip)?;
    Ok(true)
}

/// Writes the host's own file.
pub(crate) fn make_host(dir: &Path, sip: SocketAddr) -> Result<(), String> {
    write(&host_file(dir), &JACKFIELD.replace("{sip}", &sip.to_string()).replace("{ip}", &sip.ip().to_string()))
}

/// Makes a tenant with ten phones, the first of which has this number, and secrets nobody else has.
pub(crate) fn make_tenant(
    config: &Path,
    tenant: &str,
    first: u32,
    dialplan: &str,
    plugins: &[String],
) -> Result<(), String> {
    let failed = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    let folder = config.join("tenants").join(tenant);
    let toml = tenant_toml(tenant, first, plugins).map_err(|error| failed(Path::new("/dev/urandom"), error))?;
    // Secrets are for whoever runs the demo.
    let mut private = fs::DirBuilder::new();
    private.recursive(true).mode(0o700).create(folder.join("sounds")).map_err(|error| failed(&folder, error))?;
    write(&folder.join("tenant.toml"), &toml)?;
    write(&folder.join("dialplan.conf"), dialplan)
}

/// Takes the host's file away that this start made: it has an address on which nothing could listen.
pub(super) fn unmake(dir: &Path) -> Result<(), String> {
    let file = host_file(dir);
    fs::remove_file(&file).map_err(|error| format!("{}: {error}", file.display()))
}

fn host_file(dir: &Path) -> PathBuf {
    dir.join("config/jackfield.toml")
}

/// What the phones can dial, as the dialplan's comments say it.
pub(super) fn numbers() -> impl Iterator<Item = &'static str> {
    let comments = DIALPLAN.lines().filter_map(|line| line.strip_prefix("; "));
    comments.filter(|comment| comment.starts_with(|first: char| first.is_ascii_digit()))
}

/// Whether the secrets have been shown to whoever runs the demo.
pub(super) fn are_secrets_shown(dir: &Path) -> bool {
    shown_file(dir).exists()
}

/// Takes note that the secrets have been shown.
pub(super) fn note_secrets_shown(dir: &Path) -> Result<(), String> {
    write(&shown_file(dir), "")
}

fn shown_file(dir: &Path) -> PathBuf {
    dir.join("data/secrets-shown")
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| io::Write::write_all(&mut file, text.as_bytes()));
    written.map_err(|error| format!("{}: {error}", path.display()))
}

/// What the demo's dialplan needs of plugins beyond their being there.
const SETTINGS: [(&str, &str); 2] =
    [("app-queue", "config.queues = \"demo 101 102\"\n"), ("chan-loopback", "channel-context = \"internal\"\n")];

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

fn tenant_toml(tenant: &str, first: u32, plugins: &[String]) -> io::Result<String> {
    let mut toml = TENANT.replace("{domain}", &format!("{tenant}.test"));
    for (number, person) in (first..).zip(PEOPLE) {
        let name = number.to_string();
        let secret = strong_secret(&name, tenant)?;
        let caller = format!("caller-id = \"{person} <{name}>\"");
        write!(toml, "\n[endpoints.{name}]\ninherits = \"phone\"\nsecret = \"{secret}\"\n{caller}\n")
            .expect("text takes all writes");
    }
    for plugin in plugins {
        let more = SETTINGS.iter().find(|(id, _)| id == plugin).map_or("", |(_, more)| more);
        write!(toml, "\n[plugins.{plugin}]\n{more}").expect("text takes all writes");
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

/// The accounts as the files have them now, of every tenant whose files can be read.
pub(crate) fn accounts(dir: &Path, plugins: &Path) -> Vec<Account> {
    let packages = Packages::new(Some(plugins.into()));
    let loaded = Loaded::read(&dir.join("config"), &packages, &Running::default());
    let account = |tenant: crate::config::Tenant| Account {
        name: tenant.id.as_str().to_owned(),
        domain: tenant.domains[0].clone(),
        endpoints: tenant
            .endpoints
            .into_iter()
            .filter_map(|endpoint| match endpoint.credential {
                Credential::Secret(secret) => {
                    Some(Endpoint { name: endpoint.name, secret, caller: endpoint.caller.name })
                }
                Credential::Hashes { .. } => None,
            })
            .collect(),
    };
    loaded.tenants.into_values().flatten().map(account).collect()
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
        let first = accounts(dir.path(), plugins.path());
        assert_eq!(first.iter().map(|one| one.domain.as_str()).collect::<Vec<_>>(), ["acme.test", "globex.test"]);
        assert!(first.iter().all(|one| one.endpoints.len() == 10));
        assert!(!make(dir.path(), None, plugins.path()).unwrap());
        let second = accounts(dir.path(), plugins.path());
        assert_eq!(first[1].endpoints[9].secret, second[1].endpoints[9].secret);
        assert_ne!(first[0].endpoints[0].secret, first[1].endpoints[0].secret, "the same number, another secret");
    }

    /// A start that could not listen leaves no address behind, and the secrets stay what they are.
    #[test]
    fn a_failed_first_start_is_no_start() {
        let (dir, plugins) = (tempfile::tempdir().unwrap(), plugins());
        let taken: SocketAddr = "127.0.0.1:5060".parse().unwrap();
        assert!(make(dir.path(), Some(taken), plugins.path()).unwrap());
        let first = accounts(dir.path(), plugins.path());
        unmake(dir.path()).unwrap();
        let free: SocketAddr = "127.0.0.1:5070".parse().unwrap();
        assert!(make(dir.path(), Some(free), plugins.path()).unwrap());
        assert!(fs::read_to_string(host_file(dir.path())).unwrap().contains("127.0.0.1:5070"));
        let second = accounts(dir.path(), plugins.path());
        assert_eq!(first[0].endpoints[0].secret, second[0].endpoints[0].secret);
    }

    /// What is printed is what the dialplan has.
    #[test]
    fn every_number_is_explained_and_every_explanation_is_a_number() {
        let internal = DIALPLAN.split("[internal]").nth(1).unwrap().split("\n[").next().unwrap();
        let dialled = internal.lines().filter_map(|line| line.strip_prefix("exten => ")?.split(',').next());
        let mut dialled: Vec<String> =
            dialled.map(|number| number.replace("_10X", "100-109").replace("_8.", "8 and a number")).collect();
        dialled.retain(|number| number != "i");
        let explained: Vec<&str> = numbers().map(|line| line.split(':').next().unwrap()).collect();
        assert_eq!(explained, dialled);
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
