//! baresip: a softphone with a tone in place of its microphone and recordings in place of its loudspeaker.

use std::path::PathBuf;

use codec::SampleRate;
use tempfile::TempDir;

use crate::audio::{Heard, prompt, write_tone};
use crate::patience::until;
use crate::process::{Process, peer};
use crate::server::Server;

/// 16-bit samples, at least 8,000 a second.
const BYTES_A_SECOND: u64 = 16_000;

/// What is in its line about a call that is up.
const STATUS: &str = "(bit/s)";

/// What it prints when a call is over.
const ENDED: &str = "session closed";

/// What it prints when a key is released.
const RELEASED: &str = "DTMF digit end";

/// A running baresip with one account.
pub(crate) struct Baresip {
    process: Process,
    dir: TempDir,
    domain: String,
    /// Samples a second of its recordings.
    rate: SampleRate,
    /// Calls that had ended when the last one began.
    ended: usize,
}

/// Who it is and how it behaves.
pub(crate) struct Phone<'a> {
    pub(crate) tenant: &'a str,
    pub(crate) endpoint: &'a str,
    /// The tone it sends, in hertz.
    pub(crate) tone: u32,
    /// `PCMA`, `PCMU` or `G722`.
    pub(crate) codec: &'a str,
    /// `auto` or `manual`.
    pub(crate) answers: &'a str,
    /// `udp` or `tcp`.
    pub(crate) transport: &'a str,
    /// Another secret than its own.
    pub(crate) secret: Option<&'a str>,
}

impl<'a> Phone<'a> {
    /// A phone that takes every call.
    pub(crate) fn new(tenant: &'a str, endpoint: &'a str, tone: u32) -> Self {
        Self { tenant, endpoint, tone, codec: "PCMA", answers: "auto", transport: "udp", secret: None }
    }
}

/// The module folders of Debian's architectures; baresip is told one.
fn modules() -> PathBuf {
    let folders = ["/usr/lib/baresip/modules", "/usr/local/lib/baresip/modules"];
    let found = folders.iter().map(PathBuf::from).find(|folder| folder.is_dir());
    found.expect("baresip's modules are not installed: run `cargo xtask setup`")
}

impl Baresip {
    /// Starts it; it registers at once.
    pub(crate) fn start(server: &Server, phone: &Phone<'_>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().display();
        // Its source wants the rate of the codec; one file for a whole minute, because it does not play it twice.
        let rate = if phone.codec == "G722" { SampleRate::Hz16000 } else { SampleRate::Hz8000 };
        write_tone(&dir.path().join("tone.wav"), rate, phone.tone, 300);
        let config = format!(
            "sip_listen 127.0.0.1:0\nnet_interface 127.0.0.1\nrtp_ports 20000-49152\ncall_max_calls 4\n\
             audio_source aufile,{path}/tone.wav\naudio_alert aufile,{path}/tone.wav\nsnd_path {path}\n\
             module_path {}\nmodule stdio.so\nmodule g711.so\nmodule g722.so\nmodule aufile.so\nmodule sndfile.so\n\
             module_tmp account.so\nmodule_app menu.so\n",
            modules().display()
        );
        std::fs::write(dir.path().join("config"), config).unwrap();
        let domain = format!("{}.test", phone.tenant);
        let secret = phone.secret.map_or_else(|| server.secret(phone.tenant, phone.endpoint), str::to_owned);
        let proxy = if phone.transport == "tcp" { server.sip_tcp() } else { server.sip() };
        // It names codecs with the rate of their audio.
        let codec = if phone.codec == "G722" { "G722/16000/1" } else { phone.codec };
        let account = format!(
            "<sip:{}@{domain};transport={transport}>;auth_pass={secret};outbound=\"sip:{proxy};transport={transport}\";\
             regint=60;answermode={};audio_codecs={codec}\n",
            phone.endpoint,
            phone.answers,
            transport = phone.transport,
        );
        std::fs::write(dir.path().join("accounts"), account).unwrap();
        let mut command = peer("baresip");
        command.arg("-v").arg("-f").arg(dir.path());
        let process = Process::start(&format!("baresip {}@{domain}", phone.endpoint), &mut command);
        process.prints("baresip is ready");
        Self { process, dir, domain, rate, ended: 0 }
    }

    /// Starts it and waits until it is registered.
    pub(crate) fn registered(server: &Server, phone: &Phone<'_>) -> Self {
        let this = Self::start(server, phone);
        this.process.prints("200 OK");
        server.until_registered(phone.tenant, phone.endpoint);
        this
    }

    pub(crate) fn dial(&mut self, number: &str) {
        let domain = &self.domain;
        self.process.line(&format!("/dial sip:{number}@{domain}"));
    }

    /// Dials and waits until the other side has answered.
    pub(crate) fn calls(&mut self, number: &str) {
        let before = self.process.count("Call established");
        self.ended = self.process.count(ENDED);
        self.dial(number);
        self.process.prints_again("Call established", before + 1);
    }

    pub(crate) fn command(&mut self, command: &str) {
        self.process.line(&format!("/{command}"));
    }

    /// Puts the other side on hold, and waits for its consent.
    pub(crate) fn holds(&mut self) {
        self.offers_with_key("x");
    }

    /// Takes it back.
    pub(crate) fn resumes(&mut self) {
        self.offers_with_key("X");
    }

    fn offers_with_key(&mut self, key: &str) {
        let before = self.process.count("got SDP answer");
        self.process.keys(key);
        self.process.prints_again("got SDP answer", before + 1);
    }

    /// Ends the call from this side.
    pub(crate) fn hang_up(&mut self) {
        let before = self.process.count("terminate call");
        self.command("hangup");
        self.process.prints_again("terminate call", before + 1);
    }

    /// Waits until the other side has ended the call.
    #[track_caller]
    pub(crate) fn is_let_go(&self) {
        self.process.prints_again(ENDED, self.ended + 1);
    }

    /// Presses keys one after the other, each released before the next is pressed.
    pub(crate) fn digits(&mut self, digits: &str) {
        for digit in digits.chars() {
            let ended = self.process.count(RELEASED);
            self.process.keys(&digit.to_string());
            self.process.prints_again(RELEASED, ended + 1);
        }
    }

    #[track_caller]
    pub(crate) fn prints(&self, text: &str) -> String {
        self.process.prints(text)
    }

    /// Waits until it has recorded so many seconds of the call that is up.
    #[track_caller]
    pub(crate) fn hears_seconds(&self, seconds: u64) {
        self.records_bytes(seconds * BYTES_A_SECOND);
    }

    /// Waits until it has recorded so many seconds more than now.
    #[track_caller]
    pub(crate) fn hears_seconds_more(&self, seconds: u64) {
        self.records_bytes(self.recorded() + seconds * BYTES_A_SECOND);
    }

    /// Waits until the call has gone on for so many of its status lines, heard or not: there are four to eight a second.
    #[track_caller]
    pub(crate) fn goes_on_for(&self, lines: usize) {
        let before = self.process.count(STATUS);
        self.process.prints_again(STATUS, before + lines);
    }

    /// Waits until the call that is up brings this prompt.
    #[track_caller]
    pub(crate) fn hears_prompt(&self, name: &str) {
        until(&format!("the prompt {name}:\n{}", self.process.printed()), || {
            let recording = self.recordings().pop()?;
            Heard::read_unfinished(&recording, self.rate).position_of(&prompt(name), 0)
        });
    }

    #[track_caller]
    fn records_bytes(&self, enough: u64) {
        until(&format!("{enough} bytes of audio:\n{}", self.process.printed()), || {
            (self.recorded() > enough).then_some(())
        });
    }

    fn recorded(&self) -> u64 {
        self.recordings().last().map_or(0, |last| std::fs::metadata(last).unwrap().len())
    }

    /// Waits until the call that is up brings this tone, whatever it brought before.
    #[track_caller]
    pub(crate) fn hears_tone(&self, hertz: u32) {
        until(&format!("{hertz} Hz:\n{}", self.process.printed()), || {
            let recording = self.recordings().pop()?;
            (Heard::read_unfinished(&recording, self.rate).purity(hertz) > 0.9).then_some(())
        });
    }

    /// What the last call brought, when it is over.
    pub(crate) fn heard(&self) -> Heard {
        until("the end of the recording", || {
            let last = self.recordings().pop()?;
            let header = std::fs::read(&last).unwrap();
            // The length stands in the header only when the file is closed.
            (header.len() > 44 && header[40..44] != [0; 4]).then_some(())
        });
        Heard::read(self.recordings().last().unwrap())
    }

    /// The decoded audio of each call, oldest first: the name begins with the time.
    fn recordings(&self) -> Vec<PathBuf> {
        let files = std::fs::read_dir(self.dir.path()).unwrap().map(|file| file.unwrap().path());
        let mut recordings: Vec<PathBuf> = files.filter(|path| path.to_string_lossy().ends_with("-dec.wav")).collect();
        recordings.sort();
        recordings
    }
}
