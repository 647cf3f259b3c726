//! F65: the way of a plugin's author, in each language: `plugin new`, `plugin build`, install, call. And the same application in
//! all of them (`sdk/*/examples/reception`) under one suite of real calls: digits, kv, dial, recording, an error of its own, and
//! a dialplan function.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::audio::Heard;
use crate::baresip::{Baresip, Phone};
use crate::server::{Server, profile, program};

#[test]
fn rust() {
    Author::new("rust").is_heard();
}

#[test]
fn python() {
    Author::new("python").is_heard();
}

#[test]
fn javascript() {
    Author::new("javascript").is_heard();
}

#[test]
fn c() {
    Author::new("c").is_heard();
}

/// Somebody who writes plugins in one language, with a server to try them on.
pub(crate) struct Author {
    language: &'static str,
    pub(crate) server: Server,
    pub(crate) folder: PathBuf,
}

impl Author {
    pub(crate) fn new(language: &'static str) -> Self {
        let server = Server::start();
        let folder = server.scratch(language);
        Self { language, server, folder }
    }

    fn is_heard(&self) {
        self.begins_a_plugin();
        self.installs_the_reception();
        let mut caller = Baresip::registered(&self.server, &Phone::new("acme", "100", 440));
        let callee = Baresip::registered(&self.server, &Phone::new("acme", "101", 1_000));
        self.new_plugin_answers(&mut caller);
        self.desk_is_dialled(&mut caller, &callee);
        self.message_is_taken(&mut caller);
        self.own_error_goes_to_the_plan(&mut caller);
        self.function_is_read_and_assigned(&mut caller);
    }

    /// From nothing to an installed plugin of one's own.
    fn begins_a_plugin(&self) {
        self.command(&["plugin", "new", "app-front-desk", "--language", self.language]);
        self.command(&["plugin", "build", "app-front-desk"]);
        self.install("app-front-desk");
    }

    fn installs_the_reception(&self) {
        let reception = source(&format!("../sdk/{}/examples/reception", self.language));
        copy_folder(&reception, &self.folder.join("reception"));
        self.command(&["plugin", "build", "reception"]);
        self.install("reception");
        let (application, function) = (format!("Reception_{}", self.language), format!("DESK_{}", self.language));
        let plan = format!(
            "\n[internal]\nexten => 805,1,FrontDesk()\nexten => 806,1,{application}(1234=101)\n same => n,{application}(4321=102)\n \
             same => n,{application}()\nexten => 808,1,Answer()\n same => n,{application}(12=101)\n same => n,Playback(hello)\n\
             exten => 809,1,Answer()\n same => n,Set({function}(5678)=103)\n \
             same => n,Set(SEEN=${{{function}()}}${{{function}()}}-${{{function}(1234)}}-${{{function}(5678)}}-${{{function}(9999)}})\n \
             same => n,GotoIf($[\"${{SEEN}}\" = \"100100-101-103-\"]?right:wrong)\n \
             same => n(right),Playback(thank-you)\n same => n,Hangup()\n same => n(wrong),Playback(invalid)\n\
             exten => e,1,Playback(invalid)\n"
        );
        let answer = self.server.extend("acme", "dialplan.conf", &plan);
        assert_eq!(answer.code, 0, "{}", answer.printed);
    }

    fn new_plugin_answers(&self, caller: &mut Baresip) {
        caller.calls("805");
        caller.hears_seconds(1);
        caller.digits("7");
        caller.is_let_go();
        caller.heard().assert_prompts(&["hello", "digits/7", "goodbye"]);
    }

    /// A desk that does not exist, then one that does: its phone rings and both hear each other.
    fn desk_is_dialled(&self, caller: &mut Baresip, callee: &Baresip) {
        caller.calls("806");
        caller.hears_seconds(1);
        caller.digits("9999");
        caller.hears_seconds_more(1);
        caller.digits("1234");
        caller.hears_tone(1_000);
        callee.hears_tone(440);
        caller.hang_up();
        caller.heard().assert_prompts(&["invalid", "please-hold"]);
        callee.heard().assert_tone(440, &[1_000]);
    }

    /// Nobody is at 102: the caller leaves a tone.
    fn message_is_taken(&self, caller: &mut Baresip) {
        caller.calls("806");
        caller.hears_seconds(1);
        caller.digits("4321");
        caller.hears_prompt("unavailable");
        // The beep is over by then, and some seconds are recorded; nothing is heard meanwhile.
        caller.goes_on_for(40);
        caller.digits("#");
        caller.is_let_go();
        caller.heard().assert_prompts(&["please-hold", "unavailable", "thank-you"]);
        Heard::read(&self.server.recording("acme", "messages/4321")).assert_tone(440, &[]);
    }

    /// What the plugin itself finds wrong is a failure of its run: the dialplan goes to `e`.
    fn own_error_goes_to_the_plan(&self, caller: &mut Baresip) {
        caller.calls("808");
        caller.is_let_go();
        let heard = caller.heard();
        heard.assert_prompts(&["invalid"]);
        let log = self.server.log();
        assert!(log.contains("a desk has four digits"), "the plugin's own words are in the log:\n{log}");
    }

    /// A function is given the leg, in each of the calls, and must give it back.
    fn function_is_read_and_assigned(&self, caller: &mut Baresip) {
        caller.calls("809");
        caller.is_let_go();
        let plugin = self.server.ask(&["plugin", "show", "acme", &format!("app-reception-{}", self.language)]);
        assert_eq!(plugin["faults"], 0, "{plugin}");
        caller.heard().assert_prompts(&["thank-you"]);
    }

    pub(crate) fn install(&self, name: &str) {
        let package = self.folder.join(name).join("build/package");
        self.server.installs(package.to_str().unwrap());
    }

    /// Runs a command that needs no server, with the tools that `cargo xtask setup` installed.
    pub(crate) fn command(&self, arguments: &[&str]) {
        let output = self.program(arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "jackfield {arguments:?}: {}\n{errors}", output.status);
    }

    /// The same, to be started.
    pub(crate) fn program(&self, arguments: &[&str]) -> Command {
        let target = profile().parent().unwrap().to_owned();
        let tools = ["tools/python/bin", "tools/node_modules/.bin"].map(|folder| target.join(folder));
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(tools.into_iter().chain(std::env::split_paths(&path))).unwrap();
        let mut command = author(self.language, &target);
        command.args(arguments).current_dir(&self.folder).env("PATH", path);
        command
    }
}

/// The program. Rust plugins share what cargo builds, from one run of the tests to the next.
fn author(language: &str, target: &Path) -> Command {
    let mut command = program();
    match language {
        "rust" => command.env("CARGO_TARGET_DIR", target.join("authors")),
        _ => command.env_remove("CARGO_TARGET_DIR"),
    };
    command
}

/// A folder of the tree, as seen from `tests/`.
pub(crate) fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

pub(crate) fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_folder(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}
