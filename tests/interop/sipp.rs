//! SIPp: a program that plays one side of a scenario to the letter and fails where the other side departs from it.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use tempfile::TempDir;

use crate::process::{Process, peer};
use crate::server::Server;

/// A place on the loopback network that nobody else uses: an address, with all its ports.
///
/// SIPp cannot be told to take any free port. The address is ours as long as the socket that marks it is open, so that no two
/// tests meet, whatever runs beside them.
pub(crate) struct Place {
    address: Ipv4Addr,
    _mark: UdpSocket,
    dir: TempDir,
}

/// A SIPp that plays a scenario.
pub(crate) struct Sipp {
    process: Process,
    messages: PathBuf,
    errors: PathBuf,
}

/// Who plays, and what is put into the scenario.
pub(crate) struct Role<'a> {
    /// The file in `tests/interop/sipp`, without `.xml`.
    pub(crate) scenario: &'a str,
    pub(crate) tenant: &'a str,
    pub(crate) endpoint: &'a str,
    /// The secret, if it is not the endpoint's own.
    pub(crate) secret: Option<&'a str>,
    /// What is called.
    pub(crate) number: &'a str,
    /// Times it is played.
    pub(crate) times: u32,
    pub(crate) tcp: bool,
    /// Other words in brackets and what they stand for.
    pub(crate) words: &'a [(&'a str, &'a str)],
}

impl<'a> Role<'a> {
    pub(crate) fn new(scenario: &'a str, tenant: &'a str, endpoint: &'a str) -> Self {
        Self { scenario, tenant, endpoint, secret: None, number: "", times: 1, tcp: false, words: &[] }
    }

    pub(crate) fn to(self, number: &'a str) -> Self {
        Self { number, ..self }
    }

    pub(crate) fn times(self, times: u32) -> Self {
        Self { times, ..self }
    }
}

impl Place {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        loop {
            let next = std::process::id().wrapping_mul(64).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed));
            let [_, b, c, d] = next.to_be_bytes();
            let address = Ipv4Addr::new(127, b.clamp(1, 254), c, d.clamp(2, 254));
            if let Ok(mark) = UdpSocket::bind((address, 4747)) {
                return Self { address, _mark: mark, dir: tempfile::tempdir().unwrap() };
            }
        }
    }

    /// Begins a scenario here. Two at once need `port`s of their own; 5060 is the usual one.
    pub(crate) fn begin(&self, server: &Server, role: &Role<'_>) -> Sipp {
        let scenario =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("interop/sipp").join(role.scenario).with_extension("xml");
        let (messages, errors) = (self.dir.path().join("messages"), self.dir.path().join("errors"));
        let (server_address, transport): (SocketAddr, &str) = match role.tcp {
            true => (server.sip_tcp(), "t1"),
            false => (server.sip(), "u1"),
        };
        let secret = role.secret.map_or_else(|| server.secret(role.tenant, role.endpoint), str::to_owned);
        let domain = format!("{}.test", role.tenant);
        let mut command = peer("sipp");
        command.current_dir(self.dir.path()).arg("-sf").arg(scenario);
        command.args([
            "-i",
            &self.address.to_string(),
            "-mi",
            &self.address.to_string(),
            "-p",
            "5060",
            "-t",
            transport,
        ]);
        command.args(["-m", &role.times.to_string(), "-l", &role.times.to_string(), "-r", "25", "-nostdin"]);
        command.args(["-au", role.endpoint, "-ap", &secret, "-s", role.number, "-key", "user", role.endpoint]);
        // Without this it makes its digest for its peer's address instead of the request's URI (RFC 7616 §3.4).
        let uri = if role.number.is_empty() { domain.clone() } else { format!("{}@{domain}", role.number) };
        command.args(["-auth_uri", &uri, "-key", "domain", &domain]);
        for (word, meaning) in role.words {
            command.args(["-key", word, meaning]);
        }
        command.args([
            "-timeout",
            "170",
            "-timeout_error",
            "-trace_msg",
            "-message_overwrite",
            "true",
            "-message_file",
        ]);
        command.arg(&messages).args(["-trace_err", "-error_overwrite", "true", "-error_file"]).arg(&errors);
        command.arg(server_address.to_string());
        let process = Process::start(&format!("sipp {}", role.scenario), &mut command);
        Sipp { process, messages, errors }
    }

    /// Plays a scenario to its end.
    #[track_caller]
    pub(crate) fn plays(&self, server: &Server, role: &Role<'_>) -> Sipp {
        let mut sipp = self.begin(server, role);
        sipp.succeeds();
        sipp
    }

    /// Registers a phone that lives here.
    #[track_caller]
    pub(crate) fn registers(&self, server: &Server, tenant: &str, endpoint: &str) {
        self.plays(server, &Role::new("register", tenant, endpoint));
    }
}

impl Sipp {
    /// Waits for the end; every step of the scenario must have come about.
    #[track_caller]
    pub(crate) fn succeeds(&mut self) {
        let status = self.process.ends();
        assert!(
            status.success(),
            "{status}: {}\n{}",
            std::fs::read_to_string(&self.errors).unwrap_or_default(),
            self.messages()
        );
    }

    /// The messages that went to and fro.
    pub(crate) fn messages(&self) -> String {
        std::fs::read_to_string(&self.messages).unwrap_or_default()
    }

    /// Those that came in.
    pub(crate) fn received(&self) -> Vec<String> {
        let text = self.messages();
        let parts = text.split("----------------------------------------------- ");
        let received = parts.filter_map(|part| part.split_once("message received")?.1.split_once("\n\n"));
        received.map(|(_, message)| message.trim().to_owned()).collect()
    }
}
