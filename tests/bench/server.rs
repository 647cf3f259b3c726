//! The server under load: `jackfield demo` in a directory of its own, pinned to one core.

use std::{
    fs::File,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde::Deserialize;
use tempfile::TempDir;

use crate::cpu;

/// A running demo. Dropping it ends it.
pub(crate) struct Server {
    child: Child,
    /// Configuration, data, log and SIPp's files.
    dir: TempDir,
    pub(crate) sip: SocketAddr,
    pub(crate) tenant: Tenant,
}

/// The line that the demo prints when it is ready.
#[derive(Deserialize)]
struct Ready {
    sip: SocketAddr,
    tenants: Vec<Tenant>,
}

/// A tenant of the demo.
#[derive(Deserialize)]
pub(crate) struct Tenant {
    pub(crate) domain: String,
    pub(crate) endpoints: Vec<Endpoint>,
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
    pub(crate) fn start(binary: &Path) -> Result<Self, String> {
        let dir = tempfile::tempdir().map_err(|error| format!("temporary directory: {error}"))?;
        let log = File::create(dir.path().join("server.log")).map_err(|error| error.to_string())?;
        let (core, _) = cpu::cores()?;
        let mut child = Command::new("taskset")
            .args(["-c", &core.to_string()])
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
            child,
            dir,
            sip: SocketAddr::from(([127, 0, 0, 1], 0)),
            tenant: Tenant { domain: String::new(), endpoints: Vec::new() },
        };
        let ready = ready.map_err(|error| format!("{error}\n{}", server.log()))?;
        server.sip = ready.sip;
        server.tenant = ready.tenants.into_iter().next().ok_or("the demo has no tenant")?;
        Ok(server)
    }

    /// Processor time so far.
    pub(crate) fn cpu(&self) -> Result<Duration, String> {
        // taskset becomes the server: its process is the server's.
        cpu::time(self.child.id())
    }

    pub(crate) fn resident_mib(&self) -> Result<f64, String> {
        cpu::resident_mib(self.child.id())
    }

    /// A directory for files of this run.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// The end of the server's log, for an error message.
    pub(crate) fn log(&self) -> String {
        let log = std::fs::read_to_string(self.dir.path().join("server.log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself; its directory goes with it either way.
        if self.child.kill().is_ok() && self.child.wait().is_err() {
            eprintln!("bench: the server did not end");
        }
    }
}
