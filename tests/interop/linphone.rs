//! Linphone's console client, with files in place of the sound card.

use std::path::PathBuf;

use codec::SampleRate;
use tempfile::TempDir;

use crate::audio::{Heard, write_tone};
use crate::patience::until;
use crate::process::{Process, peer};
use crate::server::Server;

/// A running linphonec with one account; it takes every call.
pub(crate) struct Linphone {
    process: Process,
    dir: TempDir,
}

/// Ports as it likes, one account behind the server as its proxy, no network but this machine.
fn settings(server: &Server, tenant: &str, endpoint: &str) -> String {
    let (proxy, secret) = (server.sip(), server.secret(tenant, endpoint));
    format!(
        "[sip]\nsip_port=-1\nsip_tcp_port=-1\nsip_tls_port=-1\nguess_hostname=0\nuse_ipv6=0\nbind_address=127.0.0.1\n\
         default_proxy=0\n[rtp]\naudio_rtp_port=-1\n[net]\nfirewall_policy=none\n\
         [proxy_0]\nreg_proxy=<sip:{proxy};transport=udp>\nreg_route=<sip:{proxy};transport=udp;lr>\n\
         reg_identity=sip:{endpoint}@{tenant}.test\nreg_expires=600\nreg_sendregister=1\n\
         [auth_info_0]\nusername={endpoint}\npasswd={secret}\nrealm={tenant}.test\ndomain={tenant}.test\n"
    )
}

impl Linphone {
    /// Starts it and waits until it is registered.
    pub(crate) fn registered(server: &Server, tenant: &str, endpoint: &str, tone: u32) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| dir.path().join(name);
        std::fs::write(file("rc"), settings(server, tenant, endpoint)).unwrap();
        std::fs::create_dir_all(file(".local/share/linphone")).unwrap();
        std::fs::create_dir_all(file(".config/linphone")).unwrap();
        write_tone(&file("tone.wav"), SampleRate::Hz8000, tone, 300);
        let mut command = peer("linphonec");
        command.arg("-c").arg(file("rc")).args(["-a", "-S", "-d", "5", "-l"]).arg(file("log")).env("HOME", dir.path());
        let process = Process::start(&format!("linphonec {endpoint}@{tenant}.test"), &mut command);
        let mut this = Self { process, dir };
        this.process.line("soundcard use files");
        server.until_registered(tenant, endpoint);
        this
    }

    /// Sends the tone and records, from now on.
    pub(crate) fn talks(&mut self) {
        let (tone, recording) = (self.dir.path().join("tone.wav"), self.recording());
        self.process.line(&format!("record {}", recording.display()));
        self.process.line(&format!("play {}", tone.display()));
    }

    /// Calls a number and waits for the answer. `call` is the number that linphonec will give the call.
    pub(crate) fn calls(&mut self, number: &str, call: u32) {
        self.process.line(&format!("call {number}"));
        self.process.prints(&format!("for call {call} (audio)"));
    }

    /// Ends the present call.
    pub(crate) fn hangs_up(&mut self) {
        self.process.line("terminate");
        self.process.prints("ended");
    }

    /// Puts the present call on hold.
    pub(crate) fn pauses(&mut self, call: u32) {
        self.process.line("pause");
        self.process.prints_matching(&[&format!("Call {call} with"), "paused"]);
    }

    /// Connects the party of its first call with that of its second.
    pub(crate) fn transfers(&mut self) {
        self.process.line("transfer 1 --to-call 2");
    }

    /// Its own log, with the messages it sent and received.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    /// Waits until it has recorded so many seconds.
    #[track_caller]
    pub(crate) fn hears_seconds(&self, seconds: u64) {
        until("audio at Linphone", || {
            let length = std::fs::metadata(self.recording()).ok()?.len();
            (length > seconds * 16_000).then_some(())
        });
    }

    /// What the call brought, when it is over.
    pub(crate) fn heard(&self) -> Heard {
        until("the end of Linphone's recording", || {
            let bytes = std::fs::read(self.recording()).ok()?;
            (bytes.len() > 44 && bytes[40..44] != [0; 4]).then_some(())
        });
        Heard::read(&self.recording())
    }

    fn recording(&self) -> PathBuf {
        self.dir.path().join("heard.wav")
    }
}
