//! Runs every command of the root README, in its order, in a copy of the tree.
//!
//! Two commands stand for themselves: `cargo xtask test` is what runs this, and `cargo xtask demo` is started in the checkout, where
//! it has been built. The demo takes a free port instead of 5060. A command that this test does not know fails it.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

#[test]
fn every_command_of_the_readme_does_what_it_says() {
    let book = Book::open();
    let readme = fs::read_to_string(book.checkout.join("README.md")).unwrap();
    let mut demo: Option<Demo> = None;
    let mut known_secret = None;
    for line in commands(&readme) {
        eprintln!("$ {line}");
        match line.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["cargo", "xtask", "test"] => assert!(book.xtask(&["help"]).contains("test [ARGUMENTS]")),
            ["cargo", "xtask", "demo"] => {
                let mut command = book.cargo();
                command.args(["xtask", "demo", "--dir"]).arg(book.copy.join("jackfield-demo"));
                let mut first = Demo::start(command);
                known_secret = Some(first.secret());
                first.stop();
            }
            ["jackfield", "demo"] => {
                let mut command = book.jackfield();
                command.arg("demo");
                let second = Demo::start(command);
                assert_eq!(Some(second.secret()), known_secret, "a second start reuses the first one's folder");
                demo = Some(second);
            }
            // Done twice they are not the same, or not possible.
            ["jackfield", "plugin", "new" | "install" | "remove" | "key" | "pack", ..] => {
                drop(book.ask_json(&words(line)));
            }
            ["jackfield", rest @ ..] => drop(book.ask(rest)),
            _ => panic!("the README has a command that tests/readme does not know: {line}"),
        }
    }
    book.greet_by_the_new_plugin();
    book.name_what_is_missing();
    book.check_the_small_configuration(&readme);
    demo.as_mut().expect("the README starts a demo").stop();
}

/// The example of the README is the template, letter by letter.
#[test]
fn the_first_plugin_is_the_template() {
    let checkout = checkout();
    let readme = fs::read_to_string(checkout.join("README.md")).unwrap();
    let template = fs::read_to_string(checkout.join("sdk/template/app/rust/src/lib.rs")).unwrap();
    assert!(
        readme.contains(&format!("```rust\n{template}```")),
        "README.md and sdk/template/app/rust/src/lib.rs differ"
    );
    assert!(template.lines().count() <= 15, "fifteen lines were promised");
}

/// What follows the program's name.
fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().skip(1).collect()
}

/// The table of exit codes is the one that `--help` prints.
#[test]
fn the_exit_codes_are_those_of_the_help() {
    let help = output(Command::new(target().join("release/jackfield")).arg("--help"));
    let readme = fs::read_to_string(checkout().join("README.md")).unwrap();
    let rows = readme.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    let codes: Vec<(&str, &str)> = rows.filter(|(code, _)| code.len() == 1 && code.parse::<u8>().is_ok()).collect();
    assert_eq!(codes.iter().map(|(code, _)| *code).collect::<String>(), "012345");
    for (code, meaning) in codes {
        assert!(help.lines().any(|line| line.trim() == format!("{code}  {meaning}")), "{code}: {meaning}\n{help}");
    }
}

/// The lines that begin with `$ ` in blocks of the kind `console`.
fn commands(readme: &str) -> Vec<&str> {
    let blocks = readme.split("```console\n").skip(1);
    let lines = blocks.flat_map(|block| block.split("```").next().unwrap().lines());
    lines.filter_map(|line| line.strip_prefix("$ ")).collect()
}

fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().into()
}

/// The target directory: this test is TARGET/release/deps/NAME.
fn target() -> PathBuf {
    std::env::current_exe().unwrap().ancestors().nth(3).unwrap().into()
}

/// The checkout, its copy, and the built server.
struct Book {
    checkout: PathBuf,
    target: PathBuf,
    copy: PathBuf,
}

impl Book {
    fn open() -> Self {
        let checkout = checkout();
        let target = target();
        let built = target.join("release/jackfield").is_file() && target.join("release/plugins").is_dir();
        assert!(built, "the server is not built: run the tests by `cargo xtask test`");
        // Kept between runs, because plugins are built in it.
        let copy = target.join("readme");
        let book = Self { checkout, target, copy };
        book.refresh_copy();
        book
    }

    /// Makes the copy what git would make of the checkout; only its own build output stays.
    fn refresh_copy(&self) {
        if self.copy.is_dir() {
            for entry in fs::read_dir(&self.copy).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true if path.ends_with("target") => {}
                    true => fs::remove_dir_all(path).unwrap(),
                    false => fs::remove_file(path).unwrap(),
                }
            }
        }
        let list = ["ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate"];
        let files = output(Command::new("git").args(list).current_dir(&self.checkout));
        for file in files.lines().filter(|file| self.checkout.join(file).is_file()) {
            let to = self.copy.join(file);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(self.checkout.join(file), &to).unwrap();
            // An untouched file must look untouched, or everything is built again.
            let modified = fs::metadata(self.checkout.join(file)).unwrap().modified().unwrap();
            fs::File::options().write(true).open(&to).unwrap().set_modified(modified).unwrap();
        }
    }

    fn cargo(&self) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.current_dir(&self.checkout).env("CARGO_TARGET_DIR", &self.target).stdin(Stdio::null());
        command
    }

    fn xtask(&self, arguments: &[&str]) -> String {
        output(self.cargo().arg("xtask").args(arguments))
    }

    fn jackfield(&self) -> Command {
        let mut command = Command::new(self.target.join("release/jackfield"));
        command.current_dir(&self.copy).env_remove("JACKFIELD_DATA").stdin(Stdio::null());
        command
    }

    /// Runs a command of the server's as the README has it, and once more for its JSON.
    fn ask(&self, arguments: &[&str]) -> Value {
        let text = output(self.jackfield().args(arguments));
        assert!(!text.trim().is_empty(), "{arguments:?} says nothing");
        self.ask_json(arguments)
    }

    fn ask_json(&self, arguments: &[&str]) -> Value {
        let json = output(self.jackfield().args(arguments).arg("--json"));
        serde_json::from_str(&json).unwrap_or_else(|error| panic!("{arguments:?} --json: {error}\n{json}"))
    }

    /// What the README promises after its last command: 605 greets, by the plugin that was just built.
    fn greet_by_the_new_plugin(&self) {
        let dialplan = self.copy.join("jackfield-demo/config/tenants/acme/dialplan.conf");
        let text = fs::read_to_string(&dialplan).unwrap();
        let with_605 = text.replace("[internal]\n", "[internal]\nexten => 605,1,Hello()\n same => n,Hangup()\n");
        assert_ne!(text, with_605);
        fs::write(&dialplan, with_605).unwrap();
        assert_eq!(self.ask(&["reload"])["ok"], true);
        let order = ["call", "acme", "100", "605", "--dtmf", "wwwwwwww7", "--expect-hangup", "--for", "60"];
        let call = self.ask_json(&order);
        assert_eq!(call["status"], 200);
        assert!(call["heard_ms"].as_u64().unwrap() > 1_000, "the greeting is heard: {call}");
    }
}

impl Book {
    /// What the README promises of a dialplan that names an application which no plugin provides, by `check` and by `reload`.
    fn name_what_is_missing(&self) {
        let dialplan = self.copy.join("jackfield-demo/config/tenants/acme/dialplan.conf");
        let text = fs::read_to_string(&dialplan).unwrap();
        fs::write(&dialplan, text.replace("605,1,Hello()", "605,1,Helo()")).unwrap();
        for command in [&["check", "--config", "jackfield-demo/config"][..], &["reload"]] {
            let failed = self.jackfield().args(command).output().unwrap();
            let said = String::from_utf8_lossy(&failed.stdout);
            assert_eq!(failed.status.code(), Some(3), "{said}");
            assert!(said.contains("dialplan.conf:5: error") && said.contains("did you mean `Hello`?"), "{said}");
        }
        fs::write(&dialplan, text).unwrap();
        assert_eq!(self.ask(&["reload"])["ok"], true);
    }

    /// The files that the README shows, each in a block that begins with its path, are a configuration without a mistake.
    fn check_the_small_configuration(&self, readme: &str) {
        let folder = self.copy.join("small");
        let blocks = readme.split("```").skip(1).step_by(2);
        let mut files = Vec::new();
        for block in blocks.filter_map(|block| block.split_once('\n')).map(|(_, text)| text) {
            let (first, _) = block.split_once('\n').unwrap_or_default();
            let Some(path) = first.strip_prefix("# CONFIG/").or(first.strip_prefix("; CONFIG/")) else { continue };
            fs::create_dir_all(folder.join(path).parent().unwrap()).unwrap();
            fs::write(folder.join(path), block).unwrap();
            files.push(path);
        }
        assert_eq!(files, ["jackfield.toml", "tenants/acme/tenant.toml", "tenants/acme/dialplan.conf"]);
        let package = folder.join("tenants/acme/packages/app-hello");
        fs::create_dir_all(package.parent().unwrap()).unwrap();
        drop(output(Command::new("cp").arg("-r").arg(self.copy.join("app-hello/build/package")).arg(package)));
        let verdict = self.ask(&["check", "--config", "small"]);
        assert_eq!(verdict["ok"], true, "{verdict}");
    }
}

/// A running demo.
struct Demo {
    child: Child,
    ready: Value,
}

impl Demo {
    /// Starts it on a free port and waits for its line.
    fn start(mut command: Command) -> Self {
        command.args(["--sip", "127.0.0.1:0", "--json"]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let ready: Value =
            serde_json::from_str(&line).unwrap_or_else(|error| panic!("no line of JSON: {error}: {line}"));
        assert_eq!(ready["ready"], true);
        assert_eq!(ready["tenants"].as_array().unwrap().len(), 2);
        Self { child, ready }
    }

    /// The secret of acme's phone 100.
    fn secret(&self) -> String {
        let secret = &self.ready["tenants"][0]["endpoints"][0]["secret"];
        secret.as_str().expect("phone 100 has a secret").to_owned()
    }

    /// Ends it as an administrator would, and waits until it is gone.
    fn stop(&mut self) {
        output(Command::new("kill").args(["-TERM", &self.child.id().to_string()]));
        assert!(self.child.wait().unwrap().success(), "it did not end well");
    }
}

impl Drop for Demo {
    /// A failed test leaves nothing running.
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|status| status.is_none()) {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

/// Runs a program to its end; what it printed, or a panic with it.
#[track_caller]
fn output(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}\n{out}\n{err}", output.status);
    out.into_owned()
}
