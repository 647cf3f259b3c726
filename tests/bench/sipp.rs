//! SIPp (Debian package sip-tester) with scenarios of our own, pinned to the core that the server does not have.

use std::{
    collections::{HashMap, HashSet},
    fs,
    io::{self, Write},
    net::{SocketAddr, UdpSocket},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use crate::{
    cpu,
    server::{Endpoint, Server},
};

/// The log of messages.
const MESSAGES: &str = "messages.csv";

/// One run of SIPp.
pub(crate) struct Sipp {
    command: Command,
    dir: PathBuf,
}

/// SIPp at work. Dropping it ends it.
pub(crate) struct Running {
    child: Child,
    dir: PathBuf,
    /// The command line, for the report.
    pub(crate) command: String,
}

/// What SIPp counted.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) ok: u64,
    pub(crate) failed: u64,
    pub(crate) retransmissions: u64,
    /// From each INVITE to each response to it, if it was told to take times: status and microseconds.
    pub(crate) times_us: Vec<(u16, u64)>,
}

impl Sipp {
    /// SIPp with a scenario, in a directory of its own below the server's.
    pub(crate) fn new(server: &Server, scenario: &str, text: &str) -> Result<Self, String> {
        Self::at(server.dir(), server.sip, scenario, text)
    }

    /// SIPp with a scenario, in a directory of its own below `place`, for whoever listens at `address`.
    pub(crate) fn at(place: &Path, address: SocketAddr, scenario: &str, text: &str) -> Result<Self, String> {
        let dir = place.join(format!("sipp-{scenario}"));
        let failed = |error: io::Error| format!("{}: {error}", dir.display());
        if dir.exists() {
            fs::remove_dir_all(&dir).map_err(failed)?;
        }
        fs::create_dir_all(&dir).map_err(failed)?;
        fs::write(dir.join("scenario.xml"), text).map_err(failed)?;
        let (_, core) = cpu::cores()?;
        let mut command = cpu::pinned(core);
        command.args(["sipp", &address.to_string()]);
        command.args(["-sf", "scenario.xml", "-i", "127.0.0.1", "-nostdin", "-timer_resol", "1"]);
        command.args(["-trace_stat", "-stf", "stat.csv", "-fd", "1", "-trace_err", "-error_file", "errors.log"]);
        command.args(["-max_socket", "1000", "-buff_size", "4194304"]);
        command.current_dir(&dir);
        Ok(Self { command, dir })
    }

    pub(crate) fn arguments<const N: usize>(mut self, arguments: [&str; N]) -> Self {
        self.command.args(arguments);
        self
    }

    /// Takes times. SIPp's own response times are of the kernel's coarse clock, four milliseconds a step; the log of its
    /// messages has microseconds.
    pub(crate) fn timed(mut self) -> Self {
        self.command.args(["-trace_shortmsg", "-shortmessage_file", MESSAGES]);
        self
    }

    /// The accounts to take in turn: `[field0]` is the name, `[field1]` the line that answers a challenge, `[field2]` the
    /// domain.
    pub(crate) fn accounts(mut self, domain: &str, endpoints: &[Endpoint]) -> Result<Self, String> {
        let mut text = "SEQUENTIAL\n".to_owned();
        for Endpoint { name, secret } in endpoints {
            text += &format!("{name};[authentication username={name} password={secret}];{domain}\n");
        }
        fs::write(self.dir.join("accounts.csv"), text).map_err(|error| error.to_string())?;
        self.command.args(["-inf", "accounts.csv"]);
        Ok(self)
    }

    pub(crate) fn file(&self, name: &str, content: &[u8]) -> Result<(), String> {
        let write = || fs::File::create(self.dir.join(name))?.write_all(content);
        write().map_err(|error| format!("{name}: {error}"))
    }

    pub(crate) fn start(mut self) -> Result<Running, String> {
        let words = std::iter::once(self.command.get_program()).chain(self.command.get_args());
        let command = words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ");
        let output = fs::File::create(self.dir.join("output.txt")).map_err(|error| error.to_string())?;
        let spawned = self.command.stdin(Stdio::null()).stdout(output).stderr(Stdio::null()).spawn();
        let child = spawned.map_err(|error| format!("{command}: {error} (Debian package sip-tester)"))?;
        Ok(Running { child, dir: self.dir, command })
    }
}

impl Running {
    /// Waits for the end of the run. One in which more than one call in a hundred failed measured something else.
    pub(crate) fn finish(mut self) -> Result<Counts, String> {
        let status = self.child.wait().map_err(|error| error.to_string())?;
        let counts = counts(&self.dir).map_err(|error| format!("{status}: {error}\n{}", self.errors()))?;
        let all = counts.ok + counts.failed;
        // 0: all calls well; 1: some failed; anything else: it did not get to its end.
        if !matches!(status.code(), Some(0 | 1)) || all == 0 || counts.failed * 100 > all {
            let failed = counts.failed;
            return Err(format!("{}\n{status}, {failed} of {all} calls failed\n{}", self.command, self.errors()));
        }
        Ok(counts)
    }

    /// The first lines of what SIPp did not expect.
    fn errors(&self) -> String {
        let text = fs::read_to_string(self.dir.join("errors.log")).unwrap_or_default();
        text.lines().take(20).collect::<Vec<_>>().join("\n")
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // Already waited for after `finish`.
        if matches!(self.child.try_wait(), Ok(None)) && self.child.kill().is_ok() && self.child.wait().is_err() {
            eprintln!("bench: SIPp did not end");
        }
    }
}

/// The last line of SIPp's statistics, and its response times.
fn counts(dir: &Path) -> Result<Counts, String> {
    let text = fs::read_to_string(dir.join("stat.csv")).map_err(|error| format!("no statistics: {error}"))?;
    let (names, last) = (text.lines().next().unwrap_or_default(), text.lines().last().unwrap_or_default());
    let row: HashMap<&str, &str> = names.split(';').zip(last.split(';')).collect();
    let number = |name: &str| row.get(name).and_then(|text| text.trim().parse().ok());
    let number = |name: &str| number(name).ok_or_else(|| format!("no {name} in SIPp's statistics"));
    Ok(Counts {
        ok: number("SuccessfulCall(C)")?,
        failed: number("FailedCall(C)")?,
        retransmissions: number("Retransmissions(C)")?,
        times_us: times(&dir.join(MESSAGES))?,
    })
}

/// From the first sending of each INVITE to the first coming of each status. A line is date, time, seconds, S or R, Call-ID,
/// CSeq and the first line of the message, between tabs.
fn times(log: &Path) -> Result<Vec<(u16, u64)>, String> {
    let text = match fs::read_to_string(log) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(format!("{}: {error}", log.display())),
    };
    let mut sent: HashMap<(&str, &str), u64> = HashMap::new();
    let mut answered = HashSet::new();
    let mut times = Vec::new();
    for line in text.lines() {
        let [_, _, seconds, direction, call_id, cseq, first] = line.split('\t').collect::<Vec<_>>()[..] else {
            continue;
        };
        let at = microseconds(seconds).ok_or_else(|| format!("not a time: {line}"))?;
        let transaction = (call_id, cseq);
        if direction == "S" && first.starts_with("INVITE ") {
            sent.entry(transaction).or_insert(at);
        } else if direction == "R"
            && let Some(status) = first.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse().ok())
            && let Some(begun) = sent.get(&transaction)
            && answered.insert((transaction, status))
        {
            times.push((status, at.saturating_sub(*begun)));
        }
    }
    Ok(times)
}

fn microseconds(seconds: &str) -> Option<u64> {
    let (whole, fraction) = seconds.split_once('.')?;
    Some(whole.parse::<u64>().ok()? * 1_000_000 + fraction.parse::<u64>().ok().filter(|_| fraction.len() == 6)?)
}

impl Counts {
    /// The milliseconds that `percent` of the responses with this status did not exceed.
    pub(crate) fn percentile_ms(&self, status: u16, percent: f64) -> Result<f64, String> {
        let mut times: Vec<u64> = self.times_us.iter().filter(|time| time.0 == status).map(|time| time.1).collect();
        times.sort_unstable();
        let index = (times.len() as f64 * percent / 100.0).ceil() as usize;
        let time = times.get(index.max(1) - 1).ok_or_else(|| format!("SIPp logged no {status} to an INVITE"))?;
        Ok(*time as f64 / 1e3)
    }
}

/// Ports of a phone: SIP at the first, RTP from the second one on, which is even and has free ones behind it.
#[derive(Clone, Copy)]
pub(crate) struct Ports {
    pub(crate) sip: u16,
    pub(crate) media: u16,
}

impl Ports {
    /// Ports that are free now, since SIPp wants to be told.
    pub(crate) fn free() -> Result<Self, String> {
        for _ in 0..100 {
            let first = UdpSocket::bind("127.0.0.1:0").map_err(|error| error.to_string())?;
            let sip = first.local_addr().map_err(|error| error.to_string())?.port();
            let others: Vec<UdpSocket> =
                (1..6).map_while(|offset| UdpSocket::bind(("127.0.0.1", sip.checked_add(offset)?)).ok()).collect();
            if others.len() == 5 {
                return Ok(Self { sip, media: sip + 1 + (sip + 1) % 2 });
            }
        }
        Err("no free UDP ports".to_owned())
    }
}
