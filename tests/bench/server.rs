//! The server under load: `jackfield demo` in a directory of its own, pinned to one core.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufRead, BufReader, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde::Deserialize;
use tempfile::TempDir;

use crate::cpu;

/// A running demo. Dropping it ends it.
pub(crate) struct Server {
    binary: PathBuf,
    child: Child,
    /// Configuration, data, log and SIPp's files.
    /// `None` only while it is being ended.
    dir: Option<TempDir>,
    pub(crate) sip: SocketAddr,
    pub(crate) tenant: Tenant,
    /// The demo's second one.
    pub(crate) neighbour: Tenant,
}

/// The line that the demo prints when it is ready.
#[derive(Deserialize)]
struct Ready {
    sip: SocketAddr,
    tenants: Vec<Tenant>,
}

/// A tenant of the demo.
#[derive(Default, Deserialize)]
pub(crate) struct Tenant {
    pub(crate) name: String,
    pub(crate) domain: String,
    pub(crate) endpoints: Vec<Endpoint>,
}

/// A registered contact.
#[derive(Debug, Deserialize)]
pub(crate) struct Binding {
    /// Seconds until it ends.
    pub(crate) expires_s: u64,
}

/// A phone's account.
#[derive(Clone, Deserialize)]
pub(crate) struct Endpoint {
    pub(crate) name: String,
    pub(crate) secret: String,
}

impl Tenant {
    pub(crate) fn endpoint(&self, name: &str) -> Result<&Endpoint, String> {
        let found = self.endpoints.iter().find(|endpoint| endpoint.name == name);
        found.ok_or_else(|| format!("the demo has no endpoint {name}"))
    }
}

impl Server {
    /// Starts the demo and waits until it is ready.
    ///
    /// The first start makes the configuration, and compiles the plugins; the second one is measured.
    pub(crate) fn start(binary: &Path) -> Result<Self, String> {
        Self::start_as(binary, cpu::pinned)
    }

    /// The same with the priority that programs have: where the server's own threads compete, real time would let each of them keep
    /// the core for a tenth of a second.
    #[cfg(feature = "scenario")]
    pub(crate) fn start_like_any_other(binary: &Path) -> Result<Self, String> {
        Self::start_as(binary, cpu::on)
    }

    fn start_as(binary: &Path, begin: fn(usize) -> Command) -> Result<Self, String> {
        let dir = tempfile::tempdir().map_err(|error| format!("temporary directory: {error}"))?;
        let first = Self::start_in(binary, dir, begin)?;
        for tenant in ["acme", "globex"] {
            let folder = first.dir().join(format!("demo/config/tenants/{tenant}"));
            let prepared = extend(&folder.join("dialplan.conf"));
            prepared.map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        let settings = first.dir().join("demo/config/jackfield.toml");
        append(&settings, ROOM).map_err(|error| format!("{}: {error}", settings.display()))?;
        Self::start_in(binary, first.end(), begin)
    }

    fn start_in(binary: &Path, dir: TempDir, begin: fn(usize) -> Command) -> Result<Self, String> {
        let log = File::create(dir.path().join("server.log")).map_err(|error| error.to_string())?;
        let (core, _) = cpu::cores()?;
        let mut child = begin(core)
            .arg(binary)
            .args(["demo", "--json", "--sip", "127.0.0.1:0", "--dir"])
            .arg(dir.path().join("demo"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|error| format!("taskset {}: {error}", binary.display()))?;
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it was asked for");
        let read = BufReader::new(stdout).read_line(&mut line);
        let ready = read.map_err(|error| error.to_string()).and_then(|_| {
            serde_json::from_str::<Ready>(&line).map_err(|error| format!("not the ready line: {error}: {line:?}"))
        });
        // Made here, so that the child ends with it on every way out.
        let mut server = Self {
            binary: binary.to_owned(),
            child,
            dir: Some(dir),
            sip: SocketAddr::from(([127, 0, 0, 1], 0)),
            tenant: Tenant::default(),
            neighbour: Tenant::default(),
        };
        let ready = ready.map_err(|error| format!("{error}\n{}", server.log()))?;
        server.sip = ready.sip;
        let mut tenants = ready.tenants.into_iter();
        server.tenant = tenants.next().ok_or("the demo has no tenant")?;
        server.neighbour = tenants.next().ok_or("the demo has one tenant only")?;
        Ok(server)
    }

    /// The server after `kill -9` and a new start on what it left behind.
    pub(crate) fn killed_and_started(self) -> Result<Self, String> {
        let binary = self.binary.clone();
        Self::start_in(&binary, self.end(), cpu::pinned)
    }

    /// Who is registered with the tenant.
    pub(crate) fn registered(&self) -> Result<Vec<Binding>, String> {
        let text = self.command(&["registrations", "--json", "--tenant", &self.tenant.name])?;
        serde_json::from_str(&text).map_err(|error| format!("registrations: {error}: {text}"))
    }

    /// What a command of the server's prints.
    pub(crate) fn command(&self, arguments: &[&str]) -> Result<String, String> {
        let mut command = Command::new(&self.binary);
        command.args(arguments).env("JACKFIELD_DATA", self.dir().join("demo/data"));
        let output = command.output().map_err(|error| error.to_string())?;
        let [text, errors] = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        if output.status.success() { Ok(text) } else { Err(format!("{command:?}: {text}{errors}")) }
    }

    /// Adds to a tenant's dialplan.
    #[cfg(feature = "scenario")]
    pub(crate) fn dial(&self, tenant: &Tenant, more: &str) -> Result<(), String> {
        let file = self.dir().join(format!("demo/config/tenants/{}/dialplan.conf", tenant.name));
        append(&file, more).map_err(|error| format!("{}: {error}", file.display()))?;
        self.command(&["reload"]).map(drop)
    }

    /// The account of a phone for the crowds.
    #[cfg(feature = "scenario")]
    pub(crate) fn account(&self, tenant: &Tenant, name: &str) -> Result<crate::crowd::Account, String> {
        let Endpoint { name, secret } = tenant.endpoint(name)?.clone();
        Ok(crate::crowd::Account { server: self.sip, domain: tenant.domain.clone(), name, secret })
    }

    /// Ends the server and keeps its directory.
    fn end(mut self) -> TempDir {
        self.dir.take().expect("only this takes it")
    }

    /// Processor time so far.
    pub(crate) fn cpu(&self) -> Result<Duration, String> {
        // taskset and nice become the server: their process is the server's.
        cpu::time(self.child.id())
    }

    pub(crate) fn resident_mib(&self) -> Result<f64, String> {
        cpu::resident_mib(self.child.id())
    }

    /// A directory for files of this run.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.as_ref().expect("only the end takes it").path()
    }

    /// The end of the server's log, for an error message.
    pub(crate) fn log(&self) -> String {
        let log = fs::read_to_string(self.dir().join("server.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// For P11: a tenant may have half of the host's instances, and all of a thousand calls are in one.
const ROOM: &str = "\n[plugins]\ninstances = 4000\n";

/// Adds what the rows call and the demo does not have: applications that answer by themselves, with 0.25 s and 30 s of prompts.
fn extend(dialplan: &Path) -> io::Result<()> {
    let long = ["main-menu"; 8].join("&");
    let numbers = format!(
        "\n[internal](+)\nexten => 690,1,Playback(beep)\n same => n,Hangup()\nexten => 691,1,Playback({long})\n same => n,Hangup()\n"
    );
    append(dialplan, &numbers)
}

fn append(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new().append(true).open(path)?.write_all(text.as_bytes())
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; its directory goes with it either way.
        if self.child.kill().is_ok() && self.child.wait().is_err() {
            eprintln!("bench: the server did not end");
        }
    }
}
