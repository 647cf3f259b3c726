//! `jackfield doctor`: what of this machine is not as a server or an author needs it, each with the line that mends it.
//!
//! It looks and changes nothing: what mends is mostly a package or a kernel setting, which is its user's to decide.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use ::plugin::{Language, Manifest, WIT_0_1};
use api::types::Wit;
use clap::Args;
use serde::Serialize;

use super::output::{Output, printable};
use super::{Exit, Failure, Server, socket};

/// Open files that a small server needs: two sockets for each of some hundred calls.
const OPEN_FILES: u64 = 4_096;
/// Memory areas that the plugins' instances need; it is what Linux grants unless told otherwise.
const MEMORY_AREAS: u64 = 65_530;
/// The port of SIP (RFC 3261 §19.1.2).
const SIP_PORT: u16 = 5060;

/// Look whether this machine has what a server and a plugin's author need.
#[derive(Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    server: Server,
    /// A plugin's folder: its language's tools have to be there, and its WIT has to be the server's.
    folder: Option<PathBuf>,
}

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    Ok,
    /// It is only in the way of something one may not want.
    Note,
    /// It is in the way of what was asked for.
    Error,
}

/// One thing that was looked at.
#[derive(Clone, Debug, Serialize)]
struct Finding {
    about: String,
    state: State,
    found: String,
    /// The line that mends it.
    mend: Option<String>,
}

impl Finding {
    fn ok(about: impl Into<String>, found: impl Into<String>) -> Self {
        Self { about: about.into(), state: State::Ok, found: found.into(), mend: None }
    }

    fn bad(state: State, about: impl Into<String>, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { about: about.into(), state, found: found.into(), mend: Some(mend.into()) }
    }
}

#[derive(Serialize)]
struct Verdict {
    ok: bool,
    findings: Vec<Finding>,
}

impl Doctor {
    pub(crate) async fn run(self, output: Output) -> Result<(), Failure> {
        let manifest = self.folder.as_deref().map(manifest).transpose()?;
        let language = manifest.as_ref().map(|manifest| manifest.build.language);
        let mut findings = tools(language);
        let answers = self.server.get::<Wit>("/v1/wit").await.ok();
        findings.push(data(&self.server.directory(), answers.is_some()));
        if answers.is_none() {
            findings.extend(["udp", "tcp"].map(port));
        }
        findings.push(memory_areas(&read("/proc/sys/vm/max_map_count")));
        findings.push(open_files(&read("/proc/self/limits")));
        if let Some(folder) = &self.folder {
            findings.push(drift(folder, answers));
        }
        let verdict = Verdict { ok: findings.iter().all(|one| one.state != State::Error), findings };
        output.value(&verdict, || text(&verdict));
        if verdict.ok { Ok(()) } else { Err(Failure::new(Exit::NotDone, "")) }
    }
}

fn manifest(folder: &Path) -> Result<Manifest, Failure> {
    let path = folder.join("plugin.toml");
    let text = std::fs::read_to_string(&path);
    let text = text.map_err(|error| Failure::new(Exit::NotFound, format!("{}: {error}", path.display())))?;
    Manifest::parse(&path.display().to_string(), &text)
        .map_err(|error| Failure::new(Exit::Configuration, error.to_string()))
}

/// A file of the kernel's; empty where there is none.
fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// What a language needs: a command that tells its version, and the line that brings it.
const TOOLS: [(Language, &str, &str, &str); 6] = [
    (Language::Rust, "Rust", "cargo --version", "curl https://sh.rustup.rs -sSf | sh"),
    (
        Language::Rust,
        "Rust's wasm32-wasip2",
        "test -d \"$(rustc --print target-libdir --target wasm32-wasip2)\" && echo installed",
        "rustup target add wasm32-wasip2",
    ),
    (Language::Python, "Python's componentize-py", "componentize-py --version", "pip install componentize-py"),
    (
        Language::JavaScript,
        "JavaScript's componentize-qjs",
        "componentize-qjs --version 2>/dev/null || command -v componentize-qjs",
        "npm install --global componentize-qjs",
    ),
    (
        Language::C,
        "C's clang and wasm-ld",
        "make --version >/dev/null && wasm-ld --version >/dev/null && clang --version | head -n 1",
        C_PACKAGES,
    ),
    (
        Language::C,
        "C's wasi-libc",
        "echo '#include <stdlib.h>' | clang --target=wasm32-wasi -E - >/dev/null && echo installed",
        C_PACKAGES,
    ),
];

const C_PACKAGES: &str = "apt-get install make clang lld wasi-libc libclang-rt-dev-wasm32";

/// The tools of every language. Only those of the author's own are needed.
fn tools(language: Option<Language>) -> Vec<Finding> {
    let look = |(own, about, line, mend): &(Language, &str, &str, &str)| match first_line(line) {
        Some(version) => Finding::ok(*about, version),
        None => {
            let state = if language == Some(*own) { State::Error } else { State::Note };
            Finding::bad(state, *about, "not installed", *mend)
        }
    };
    TOOLS.iter().map(look).collect()
}

/// The first line that a shell line prints, if it succeeds.
fn first_line(line: &str) -> Option<String> {
    let output = Command::new("sh").args(["-c", line]).stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let first = text.lines().next().map(str::trim).filter(|first| !first.is_empty())?;
    output.status.success().then(|| first.to_owned())
}

/// Whether a server could keep its data there.
fn data(folder: &Path, runs: bool) -> Finding {
    const ABOUT: &str = "data directory";
    let place = folder.display();
    if runs {
        return Finding::ok(ABOUT, format!("{place}: a server runs with it ({})", socket(folder).display()));
    }
    if !folder.exists() {
        let mend = format!("sudo install -d -m 700 -o \"$USER\" {place}");
        return Finding::bad(State::Note, ABOUT, format!("{place} is not there; a server makes it if it may"), mend);
    }
    match tempfile::tempfile_in(folder) {
        Ok(_) => Finding::ok(ABOUT, format!("{place} can be written")),
        Err(error) => {
            let mend = format!("sudo chown -R \"$USER\" {place}");
            Finding::bad(State::Error, ABOUT, format!("{place}: {error}"), mend)
        }
    }
}

/// Whether another program has the port of SIP.
fn port(transport: &str) -> Finding {
    let about = format!("port {SIP_PORT}/{transport}");
    let tables = ["", "6"].map(|version| read(&format!("/proc/net/{transport}{version}")));
    match tables.iter().any(|table| is_taken(table, SIP_PORT, transport == "tcp")) {
        false => Finding::ok(about, "free"),
        true => {
            let found = "another program has it";
            Finding::bad(State::Note, about, found, "jackfield demo --sip 127.0.0.1:5070")
        }
    }
}

/// Whether a table of sockets (`/proc/net/udp`, proc(5)) has one that receives on a port.
fn is_taken(table: &str, port: u16, only_listening: bool) -> bool {
    const LISTEN: &str = "0A";
    let suffix = format!(":{port:04X}");
    table.lines().skip(1).any(|line| {
        let mut columns = line.split_whitespace().skip(1);
        let (local, state) = (columns.next().unwrap_or_default(), columns.nth(1).unwrap_or_default());
        local.ends_with(&suffix) && (!only_listening || state == LISTEN)
    })
}

fn memory_areas(value: &str) -> Finding {
    const ABOUT: &str = "vm.max_map_count";
    match value.trim().parse::<u64>() {
        Ok(count) if count >= MEMORY_AREAS => Finding::ok(ABOUT, count.to_string()),
        Ok(count) => {
            let found = format!("{count}: plugins need {MEMORY_AREAS}");
            Finding::bad(State::Error, ABOUT, found, format!("sudo sysctl -w {ABOUT}={MEMORY_AREAS}"))
        }
        Err(_) => Finding { state: State::Note, ..Finding::ok(ABOUT, "this kernel does not tell it") },
    }
}

/// The soft limit of `/proc/self/limits` (proc(5)).
fn open_files(limits: &str) -> Finding {
    const ABOUT: &str = "open files";
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"));
    match line.and_then(|line| line.split_whitespace().next()) {
        Some("unlimited") => Finding::ok(ABOUT, "unlimited"),
        Some(limit) if limit.parse().is_ok_and(|limit: u64| limit >= OPEN_FILES) => Finding::ok(ABOUT, limit),
        Some(limit) => {
            let found = format!("{limit}: each call needs some, {OPEN_FILES} are a beginning");
            Finding::bad(State::Note, ABOUT, found, format!("ulimit -n {OPEN_FILES}"))
        }
        None => Finding { state: State::Note, ..Finding::ok(ABOUT, "this kernel does not tell it") },
    }
}

/// Whether a plugin was built against the WIT that the server has.
fn drift(folder: &Path, server: Option<Wit>) -> Finding {
    const ABOUT: &str = "the plugin's WIT";
    let whose = if server.is_some() { "the running server" } else { "this program" };
    let own = || WIT_0_1.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let wit: BTreeMap<String, String> = server.map_or_else(own, |wit| wit.files);
    let built = folder.join("build/wit/v0.1");
    let build = format!("jackfield plugin build {}", folder.display());
    if !built.is_dir() {
        return Finding::bad(State::Note, ABOUT, "it was not built yet", build);
    }
    let differs =
        |(name, text): &(&String, &String)| std::fs::read_to_string(built.join(name)).ok().as_ref() != Some(*text);
    let other: Vec<&str> = wit.iter().filter(differs).map(|(name, _)| name.as_str()).collect();
    match other.as_slice() {
        [] => Finding::ok(ABOUT, format!("that of {whose}")),
        other => Finding::bad(State::Error, ABOUT, format!("{} of {whose} is another", other.join(", ")), build),
    }
}

fn text(verdict: &Verdict) -> String {
    let mut lines = Vec::new();
    for Finding { about, state, found, mend } in &verdict.findings {
        let mark = match state {
            State::Ok => "ok  ",
            State::Note => "note",
            State::Error => "BAD ",
        };
        lines.push(format!("{mark}  {about}: {}", printable(found)));
        lines.extend(mend.iter().map(|mend| format!("        {mend}")));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_found_in_the_kernels_table() {
        let udp = "  sl  local_address rem_address   st\n  12: 0100007F:13C4 00000000:0000 07 0:0\n";
        assert!(is_taken(udp, 5060, false) && !is_taken(udp, 5061, false));
        let connected = udp.replace(" 07 ", " 01 ");
        assert!(!is_taken(&connected, 5060, true), "who is connected does not listen");
        assert!(is_taken(&udp.replace(" 07 ", " 0A "), 5060, true));
    }

    #[test]
    fn each_bound_has_two_sides() {
        assert_eq!(memory_areas("65530\n").state, State::Ok);
        let low = memory_areas("65529\n");
        assert_eq!((low.state, low.mend.as_deref()), (State::Error, Some("sudo sysctl -w vm.max_map_count=65530")));
        let limits = |soft: &str| {
            format!("Limit  Soft Limit\nMax open files            {soft}                 1048576   files\n")
        };
        assert_eq!(open_files(&limits("4096")).state, State::Ok);
        assert_eq!(open_files(&limits("unlimited")).state, State::Ok);
        assert_eq!(open_files(&limits("4095")).mend.as_deref(), Some("ulimit -n 4096"));
    }

    #[test]
    fn a_plugin_that_was_built_against_another_wit_is_told_which() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(drift(folder.path(), None).state, State::Note);
        let built = folder.path().join("build/wit/v0.1");
        std::fs::create_dir_all(&built).unwrap();
        WIT_0_1.iter().for_each(|(name, text)| std::fs::write(built.join(name), text).unwrap());
        assert_eq!(drift(folder.path(), None).state, State::Ok);
        std::fs::write(built.join("kv.wit"), "interface kv {}").unwrap();
        let found = drift(folder.path(), None);
        assert_eq!((found.state, found.found.as_str()), (State::Error, "kv.wit of this program is another"));
        assert_eq!(found.mend.unwrap(), format!("jackfield plugin build {}", folder.path().display()));
    }

    #[test]
    fn a_folder_that_cannot_be_written_is_found() {
        assert_eq!(data(Path::new("/proc/self"), false).state, State::Error);
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(data(folder.path(), false).state, State::Ok);
        assert_eq!(data(&folder.path().join("none"), false).state, State::Note);
    }
}
