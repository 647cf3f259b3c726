//! The yardstick: what a call through a plain proxy that this project did not write costs on this machine, now.
//!
//! The goals of performance.md are processor times of one machine, on which Kamailio's proxy took 0.25 ms a call. Another
//! machine, a virtual one above all, may take ten times as long to wake a sleeping process, and nearly all of the rows is
//! that. So Kamailio is measured beside each run in the same way, and goals are compared with times divided by what it took.

use std::{
    fs::{self, File},
    net::{SocketAddr, UdpSocket},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;

use crate::{
    cpu,
    rows::{CALLED, CALLER},
    server::Endpoint,
    sipp::{Ports, Running, Sipp},
};

const CONFIGURATION: &str = include_str!("reference/kamailio.cfg");
const LOG: &str = "kamailio.log";
/// What a call took on the machine of performance.md.
const BASELINE_MS: f64 = 0.25;
/// As P2 does it.
const RATE: u32 = 300;
const CALLS: u32 = 1_500;
const CALL_MS: u32 = 100;
/// How often it is asked whether it is there, a tenth of a second apart.
const ASKED_MAX: u32 = 100;

/// How many times as long as on the machine of performance.md a call through the proxy takes; none without Kamailio.
pub(crate) fn slowness(divisor: u32) -> Result<Option<f64>, String> {
    if Command::new("kamailio").arg("-v").output().is_err() {
        eprintln!("bench: without kamailio, times are judged as they are");
        return Ok(None);
    }
    let proxy = Proxy::start()?;
    proxy.calls(CALLS / 10)?;
    let before = proxy.cpu()?;
    let calls = CALLS / divisor;
    proxy.calls(calls)?;
    Ok(Some((proxy.cpu()? - before).as_secs_f64() * 1e3 / f64::from(calls) / BASELINE_MS))
}

/// Kamailio and the phone behind it. Dropping it ends both.
struct Proxy {
    child: Child,
    dir: TempDir,
    address: SocketAddr,
    _phone: Running,
}

impl Proxy {
    fn start() -> Result<Self, String> {
        let dir = tempfile::tempdir().map_err(|error| format!("temporary directory: {error}"))?;
        let local = |port| SocketAddr::from(([127, 0, 0, 1], port));
        let (address, ports) = (local(Ports::free()?.sip), Ports::free()?);
        let phone = Sipp::at(dir.path(), address, "phone", CALLED)?
            .arguments(["-p", &ports.sip.to_string(), "-mp", &ports.media.to_string()])
            .start()?;
        let text = CONFIGURATION.replace("HERE", &address.to_string());
        let text = text.replace("PHONE", &local(ports.sip).to_string());
        let configuration = dir.path().join("kamailio.cfg");
        fs::write(&configuration, text).map_err(|error| format!("{}: {error}", configuration.display()))?;
        let (core, _) = cpu::cores()?;
        let mut command = cpu::pinned(core);
        command.args(["kamailio", "-DD", "-E", "-f"]).arg(&configuration);
        let log = File::create(dir.path().join(LOG)).map_err(|error| error.to_string())?;
        command.arg("-Y").arg(dir.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        let child = command.spawn().map_err(|error| format!("kamailio: {error}"))?;
        let proxy = Self { child, dir, address, _phone: phone };
        proxy.wait()?;
        Ok(proxy)
    }

    /// Until it answers.
    fn wait(&self) -> Result<(), String> {
        let failed = |error: std::io::Error| format!("kamailio: {error}");
        let socket = UdpSocket::bind("127.0.0.1:0").map_err(failed)?;
        socket.set_read_timeout(Some(Duration::from_millis(100))).map_err(failed)?;
        let own = socket.local_addr().map_err(failed)?;
        for number in 0..ASKED_MAX {
            let request = format!(
                "OPTIONS sip:{to} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{number}\r\nMax-Forwards: 70\r\n\
                 From: <sip:bench@{own}>;tag=1\r\nTo: <sip:{to}>\r\nCall-ID: {number}\r\nCSeq: 1 OPTIONS\r\n\
                 Content-Length: 0\r\n\r\n",
                to = self.address
            );
            // Refused until it listens.
            let sent = socket.send_to(request.as_bytes(), self.address);
            if sent.is_ok() && socket.recv(&mut [0; 2_048]).is_ok() {
                return Ok(());
            }
        }
        let log = fs::read_to_string(self.dir.path().join(LOG)).unwrap_or_default();
        Err(format!("kamailio does not answer\n{log}"))
    }

    /// Places calls as P2 does; the proxy challenges nobody.
    fn calls(&self, count: u32) -> Result<(), String> {
        let caller = Endpoint { name: "100".to_owned(), secret: String::new() };
        let ports = Ports::free()?;
        let running = Sipp::at(self.dir.path(), self.address, "caller", &without_challenge(CALLER)?)?
            .accounts("proxy.test", &[caller])?
            .arguments(["-s", "101", "-p", &ports.sip.to_string(), "-mp", &ports.media.to_string()])
            .arguments(["-r", &RATE.to_string(), "-m", &count.max(1).to_string(), "-d", &CALL_MS.to_string()])
            .arguments(["-timeout", "180s"])
            .start()?;
        running.finish().map(drop)
    }

    fn cpu(&self) -> Result<Duration, String> {
        cpu::time_of_family(self.child.id())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // It ends its children only if it is asked to end.
        let asked = Command::new("kill").arg(self.child.id().to_string()).status();
        if !asked.is_ok_and(|status| status.success()) || self.child.wait().is_err() {
            eprintln!("bench: kamailio did not end");
        }
    }
}

/// The scenario from its second INVITE on, which carries no credentials.
fn without_challenge(scenario: &str) -> Result<String, String> {
    const SEND: &str = "<send retrans=\"500\">";
    let (head, rest) = scenario.split_once(SEND).ok_or("the scenario sends nothing")?;
    let (_, rest) = rest.split_once(SEND).ok_or("the scenario sends no second INVITE")?;
    Ok(format!("{head}{SEND}{rest}").replace("      [field1]\n", ""))
}
