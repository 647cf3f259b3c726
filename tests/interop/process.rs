//! A program that runs beside the test, with what it prints and what is typed into it.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Instant;

use crate::patience::{self, PATIENCE};

/// A started program. It is ended when this is dropped.
pub(crate) struct Process {
    name: String,
    child: Child,
    input: Option<ChildStdin>,
    output: Arc<Output>,
}

/// Everything printed so far, by lines.
#[derive(Default)]
struct Output {
    state: Mutex<Printed>,
    news: Condvar,
}

#[derive(Default)]
struct Printed {
    lines: Vec<String>,
    /// What has no line end yet, of each stream.
    rest: [String; 2],
    /// Streams that have ended, of the two.
    ended: usize,
}

/// The program of a peer, or how to get it.
pub(crate) fn peer(program: &str) -> Command {
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file());
    let found: PathBuf = found.unwrap_or_else(|| panic!("`{program}` is not installed: run `cargo xtask setup`"));
    Command::new(found)
}

impl Process {
    pub(crate) fn start(name: &str, command: &mut Command) -> Self {
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{name}: {command:?}: {error}"));
        let output = Arc::new(Output::default());
        collect(Arc::clone(&output), 0, child.stdout.take().unwrap());
        collect(Arc::clone(&output), 1, child.stderr.take().unwrap());
        Self { name: name.into(), input: child.stdin.take(), child, output }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Types a line.
    pub(crate) fn line(&mut self, text: &str) {
        self.keys(&format!("{text}\n"));
    }

    /// Types keys.
    pub(crate) fn keys(&mut self, keys: &str) {
        let input = self.input.as_mut().unwrap();
        input.write_all(keys.as_bytes()).and_then(|()| input.flush()).unwrap_or_else(|error| {
            panic!("{} does not listen: {error}\n{}", self.name, self.printed());
        });
    }

    /// Waits until a line with this text has been printed, and returns the first one.
    #[track_caller]
    pub(crate) fn prints(&self, text: &str) -> String {
        self.prints_again(text, 1)
    }

    /// Waits until a line with all of these texts has been printed.
    #[track_caller]
    pub(crate) fn prints_matching(&self, texts: &[&str]) {
        patience::until(&format!("{texts:?} of {}:\n{}", self.name, self.printed()), || {
            let state = self.output.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.lines.iter().any(|line| texts.iter().all(|text| line.contains(text))).then_some(())
        });
    }

    /// Waits until a line with this text has been printed for the `count`th time, and returns that one.
    #[track_caller]
    pub(crate) fn prints_again(&self, text: &str, count: usize) -> String {
        let end = Instant::now() + PATIENCE;
        let mut state = self.output.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(line) = state.lines.iter().filter(|line| line.contains(text)).nth(count - 1) {
                return line.clone();
            }
            let left = end.saturating_duration_since(Instant::now());
            if state.ended == 2 || left.is_zero() {
                let printed = state.text();
                drop(state);
                panic!("{} did not print `{text}` (for the {count}. time):\n{printed}", self.name);
            }
            state = self.output.news.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How many lines have this text so far.
    pub(crate) fn count(&self, text: &str) -> usize {
        let state = self.output.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.lines.iter().filter(|line| line.contains(text)).count()
    }

    /// Everything printed so far.
    pub(crate) fn printed(&self) -> String {
        self.output.state.lock().unwrap_or_else(PoisonError::into_inner).text()
    }

    /// Waits until it ends by itself.
    #[track_caller]
    pub(crate) fn ends(&mut self) -> ExitStatus {
        // Some programs wait for the end of their input.
        patience::until(&format!("the end of {}:\n{}", self.name, self.printed()), || self.child.try_wait().unwrap())
    }

    /// Asks it to end (SIGTERM).
    pub(crate) fn terminate(&self) {
        self.signal("-TERM");
    }

    /// Ends it as Ctrl-C does (SIGINT).
    pub(crate) fn interrupt(&self) {
        self.signal("-INT");
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args([name, &self.id().to_string()]).status();
        assert!(sent.expect("every Linux has it").success());
    }

    /// Kills it: no last words.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("it is our child");
        self.child.wait().expect("it is our child");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.kill();
        }
        if std::thread::panicking() {
            eprintln!("---- {}\n{}", self.name, self.printed());
        }
    }
}

impl Printed {
    fn text(&self) -> String {
        let from = self.lines.len().saturating_sub(400);
        format!("{}\n{}", self.lines[from..].join("\n"), self.rest.concat())
    }
}

/// Reads a stream to its end on a thread of its own, which ends with the program.
fn collect(output: Arc<Output>, which: usize, mut stream: impl Read + Send + 'static) {
    std::thread::spawn(move || {
        let mut buffer = [0; 4096];
        loop {
            let length = stream.read(&mut buffer).unwrap_or(0);
            let mut state = output.state.lock().unwrap_or_else(PoisonError::into_inner);
            for character in String::from_utf8_lossy(&buffer[..length]).chars() {
                match character {
                    '\n' | '\r' => {
                        let line = std::mem::take(&mut state.rest[which]);
                        // baresip writes its typed line anew with each key; what is kept has something in it.
                        if !line.trim().is_empty() {
                            state.lines.push(line);
                        }
                    }
                    _ => state.rest[which].push(character),
                }
            }
            state.ended += usize::from(length == 0);
            drop(state);
            output.news.notify_all();
            if length == 0 {
                return;
            }
        }
    });
}
