//! The server under test: `jackfield demo` on free ports, with files of its own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

use crate::crowd::Account;
use crate::patience::until;
use crate::process::Process;

/// A running demo PBX.
pub(crate) struct Server {
    process: Process,
    ready: Value,
    dir: TempDir,
}

/// How a command of the server's went.
pub(crate) struct Answer {
    pub(crate) code: i32,
    pub(crate) printed: Value,
}

impl Server {
    /// The demo as it is.
    pub(crate) fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), "127.0.0.1:0")
    }

    /// A demo whose phones are offered SHA-256 and nothing else.
    pub(crate) fn with_sha_256() -> Self {
        let demo = Self::start();
        let file = demo.config().join("jackfield.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let changed = text.replace("digest = [\"md5\"]", "digest = [\"sha-256\"]");
        assert_ne!(changed, text, "the demo offers MD5");
        std::fs::write(&file, changed).unwrap();
        demo.crash_and_restart()
    }

    /// A demo whose files are there already.
    fn start_in(dir: TempDir, sip: &str) -> Self {
        let mut command = program();
        command.arg("demo").arg("--dir").arg(dir.path()).args(["--sip", sip, "--json"]);
        let process = Process::start("jackfield", &mut command);
        let ready = serde_json::from_str(&process.prints("{\"ready\":true")).unwrap();
        Self { process, ready, dir }
    }

    /// Where phones reach it over UDP.
    pub(crate) fn sip(&self) -> SocketAddr {
        self.ready["sip"].as_str().unwrap().parse().unwrap()
    }

    /// Where phones reach it over TCP.
    pub(crate) fn sip_tcp(&self) -> SocketAddr {
        let health = self.ask(&["health"]);
        let listeners = health["sip"].as_array().unwrap().iter();
        let tcp = listeners.filter_map(|listener| listener.as_str()?.strip_prefix("tcp:")).next();
        tcp.expect("the demo listens on TCP").parse().unwrap()
    }

    /// The secret of a phone.
    pub(crate) fn secret(&self, tenant: &str, endpoint: &str) -> String {
        let named = |list: &Value, name: &str| {
            let entries = list.as_array().unwrap();
            entries.iter().find(|entry| entry["name"] == name).unwrap_or_else(|| panic!("no {name}")).clone()
        };
        let tenant = named(&self.ready["tenants"], tenant);
        named(&tenant["endpoints"], endpoint)["secret"].as_str().unwrap().to_owned()
    }

    /// The account of a phone for a crowd of calls.
    pub(crate) fn account(&self, tenant: &str, endpoint: &str) -> Account {
        Account {
            server: self.sip(),
            domain: format!("{tenant}.test"),
            name: endpoint.to_owned(),
            secret: self.secret(tenant, endpoint),
        }
    }

    /// A file of a tenant.
    pub(crate) fn file(&self, tenant: &str, name: &str) -> PathBuf {
        self.dir.path().join("config/tenants").join(tenant).join(name)
    }

    /// The file of the one recording in a tenant whose name has this in it.
    #[track_caller]
    pub(crate) fn recording(&self, tenant: &str, name: &str) -> PathBuf {
        let part = name.replace('/', "+");
        let found: Vec<PathBuf> =
            self.recordings(tenant).into_iter().filter(|path| path.to_string_lossy().contains(&part)).collect();
        assert_eq!(found.len(), 1, "{name}: {found:?}");
        found[0].clone()
    }

    /// The files of a tenant's recordings, those being written included.
    pub(crate) fn recordings(&self, tenant: &str) -> Vec<PathBuf> {
        let folder = self.dir.path().join("data/store/blobs").join(tenant);
        let files = std::fs::read_dir(folder).into_iter().flatten();
        files.map(|file| file.unwrap().path()).collect()
    }

    /// Waits until so many seconds of a recording that is being written are on disk.
    #[track_caller]
    pub(crate) fn until_recorded(&self, tenant: &str, seconds: u64) {
        until(&format!("{seconds} seconds of a recording"), || {
            let unfinished =
                self.recordings(tenant).into_iter().find(|path| path.to_string_lossy().contains(".unfinished"));
            (std::fs::metadata(unfinished?).ok()?.len() > seconds * 16_000).then_some(())
        });
    }

    /// A folder that lives as long as the server.
    pub(crate) fn scratch(&self, name: &str) -> PathBuf {
        let folder = self.dir.path().join("scratch").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        folder
    }

    /// Runs `jackfield ARGUMENTS --json` against this server.
    pub(crate) fn command(&self, arguments: &[&str]) -> Answer {
        let mut command = program();
        command.args(arguments).arg("--json").env("JACKFIELD_DATA", self.dir.path().join("data"));
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        let printed = serde_json::from_str(text.trim()).unwrap_or_else(|error| {
            let errors = String::from_utf8_lossy(&output.stderr);
            panic!("jackfield {arguments:?} printed `{text}` ({error}); {errors}")
        });
        Answer { code: output.status.code().unwrap_or(-1), printed }
    }

    /// Runs `jackfield ARGUMENTS` against this server as people do; the exit code and everything printed.
    pub(crate) fn say(&self, arguments: &[&str]) -> (i32, String) {
        said(program().args(arguments).env("JACKFIELD_DATA", self.dir.path().join("data")))
    }

    /// Runs `jackfield ARGUMENTS` against this server, beside the test.
    pub(crate) fn begin(&self, arguments: &[&str]) -> Process {
        let mut command = program();
        command.args(arguments).env("JACKFIELD_DATA", self.dir.path().join("data"));
        Process::start("jackfield", &mut command)
    }

    /// Installs an unsigned package in acme and consents to all that it asks for.
    pub(crate) fn installs(&self, package: &str) -> Value {
        let install = ["plugin", "install", "acme", package, "--unsigned"];
        let plan = self.ask(&[&install[..], &["--plan"]].concat());
        let growth: Vec<&str> = plan["growth"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        let growth = growth.join(",");
        let consent = if growth.is_empty() { vec!["--yes"] } else { vec!["--yes", "--grant", growth.as_str()] };
        self.ask(&[&install[..], &consent].concat())
    }

    /// A file of the server's data.
    pub(crate) fn data(&self, name: &str) -> PathBuf {
        self.dir.path().join("data").join(name)
    }

    /// The server's threads: their names and nice values.
    pub(crate) fn threads(&self) -> Vec<(String, i32)> {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.id())).unwrap();
        let stat = threads.filter_map(|thread| std::fs::read_to_string(thread.ok()?.path().join("stat")).ok());
        // proc(5): the name in parentheses is field 2, the nice value field 19.
        let nice = |stat: &str| {
            let (name, rest) = stat.split_once('(')?.1.rsplit_once(')')?;
            Some((name.to_owned(), rest.split_whitespace().nth(16)?.parse().ok()?))
        };
        stat.filter_map(|stat| nice(&stat)).collect()
    }

    /// How many of the server's threads wait in `open` for the other end of a pipe.
    pub(crate) fn threads_that_open_a_pipe(&self) -> usize {
        let threads = std::fs::read_dir(format!("/proc/{}/task", self.id())).unwrap();
        let place = |thread: std::io::Result<std::fs::DirEntry>| std::fs::read(thread.ok()?.path().join("wchan")).ok();
        threads.filter_map(place).filter(|place| place == b"wait_for_partner").count()
    }

    /// Tells the server to stop, and then to have no patience with its calls; waits until it has.
    pub(crate) fn stop_at_once(&mut self) {
        self.process.terminate();
        self.process.prints("once more stops at once");
        self.process.terminate();
        assert!(self.process.ends().success());
    }

    /// The configuration's directory.
    pub(crate) fn config(&self) -> PathBuf {
        self.dir.path().join("config")
    }

    /// As [`Server::command`], for what must work.
    #[track_caller]
    pub(crate) fn ask(&self, arguments: &[&str]) -> Value {
        let Answer { code, printed } = self.command(arguments);
        assert_eq!(code, 0, "jackfield {arguments:?}: {printed}");
        printed
    }

    /// The calls that are up.
    pub(crate) fn calls(&self) -> Vec<Value> {
        self.ask(&["calls"]).as_array().unwrap().clone()
    }

    /// Ends a call as an administrator does.
    pub(crate) fn hang_up(&self, call: &Value) {
        self.command(&["calls", "hang-up", call["id"].as_str().unwrap()]);
    }

    /// Waits until so many calls are up.
    #[track_caller]
    pub(crate) fn until_calls(&self, count: usize) -> Vec<Value> {
        until(&format!("{count} calls"), || Some(self.calls()).filter(|calls| calls.len() == count))
    }

    /// The phones of a tenant that are registered, as (endpoint, contact).
    pub(crate) fn registrations(&self, tenant: &str) -> Vec<(String, String)> {
        let listed = self.ask(&["registrations", "--tenant", tenant]);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        listed.as_array().unwrap().iter().map(|one| (text(&one["endpoint"]), text(&one["contact"]))).collect()
    }

    /// Waits until a phone is registered.
    #[track_caller]
    pub(crate) fn until_registered(&self, tenant: &str, endpoint: &str) {
        until(&format!("the registration of {endpoint} in {tenant}"), || {
            self.registrations(tenant).into_iter().find(|(name, _)| name == endpoint)
        });
    }

    /// A tenant's call records once there are so many.
    #[track_caller]
    pub(crate) fn records(&self, tenant: &str, count: usize) -> Vec<Value> {
        let folder = self.data("store/cdr").join(tenant);
        until(&format!("{count} call records of {tenant}"), || {
            Some(read_records(&folder)).filter(|records| records.len() >= count)
        })
    }

    /// A tenant's recorded runs once there are so many.
    #[track_caller]
    pub(crate) fn until_runs(&self, tenant: &str, count: usize) -> Vec<Value> {
        until(&format!("{count} recorded runs of {tenant}"), || {
            let runs = self.ask(&["plugin", "runs", tenant]).as_array().unwrap().clone();
            Some(runs).filter(|runs| runs.len() >= count)
        })
    }

    /// Appends to a tenant's file and lets the server read it again.
    pub(crate) fn extend(&self, tenant: &str, name: &str, more: &str) -> Answer {
        let path = self.file(tenant, name);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, text + more).unwrap();
        self.command(&["reload"])
    }

    /// Kills the server without warning and starts it again on the same files and port.
    pub(crate) fn crash_and_restart(self) -> Self {
        let sip = self.sip().to_string();
        let Self { mut process, dir, .. } = self;
        process.kill();
        Self::start_in(dir, &sip)
    }

    /// The log so far.
    pub(crate) fn log(&self) -> String {
        self.process.printed()
    }

    /// The process, to ask whether it is still the same one.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }
}

fn read_records(folder: &Path) -> Vec<Value> {
    let Ok(files) = std::fs::read_dir(folder) else { return Vec::new() };
    let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    // The last line may be on its way.
    texts.flat_map(|text| text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect::<Vec<_>>()).collect()
}

/// Runs a program to its end; its exit code and everything it printed.
pub(crate) fn said(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&text).into_owned())
}

/// The server's binary: beside this test, as `cargo xtask test` builds both, or what `JACKFIELD_BINARY` names.
pub(crate) fn program() -> Command {
    let path = std::env::var_os("JACKFIELD_BINARY").map_or_else(beside, PathBuf::from);
    assert!(path.is_file(), "{} is not built: run `cargo xtask test`", path.display());
    Command::new(path)
}

/// The folder in which the test's profile puts its binaries.
pub(crate) fn profile() -> PathBuf {
    let own = std::env::var_os("JACKFIELD_BINARY").map_or_else(|| std::env::current_exe().unwrap(), PathBuf::from);
    let folder = own.parent().unwrap();
    // A test is PROFILE/deps/NAME.
    if folder.ends_with("deps") { folder.parent().unwrap().into() } else { folder.into() }
}

fn beside() -> PathBuf {
    profile().join("jackfield")
}
