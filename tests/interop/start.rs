//! Starts that go wrong: the port is taken, or one tenant's files are broken.

use std::net::UdpSocket;
use std::path::Path;
use std::process::Command;

use crate::patience::until;
use crate::process::Process;
use crate::server::program;

fn demo(folder: &Path, sip: &str) -> Command {
    let mut command = program();
    command.arg("demo").arg("--dir").arg(folder).args(["--sip", sip]);
    command
}

/// A first start that finds its port taken says how to choose another, and is no first start: the next one shows the secrets, and
/// the port that could not be had is forgotten.
#[test]
fn a_taken_port_costs_nobody_the_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let taken = UdpSocket::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let mut failed = Process::start("demo", &mut demo(folder.path(), &address));
    assert_eq!(failed.ends().code(), Some(1));
    let said = failed.printed();
    assert!(
        said.contains(&format!("udp:{address}: another program has that port")) && said.contains("--sip"),
        "{said}"
    );

    let mut second = Process::start("demo", &mut demo(folder.path(), "127.0.0.1:0"));
    second.prints("Stop with Ctrl-C");
    let secrets = secrets(folder.path());
    assert_eq!(secrets.len(), 20);
    assert!(secrets.iter().all(|secret| second.printed().contains(secret)), "{}", second.printed());
    let kept = std::fs::read_to_string(folder.path().join("config/jackfield.toml")).unwrap();
    assert!(!kept.contains(&address), "{kept}");
    // It takes note only after it has shown them: rather twice than never.
    until("the note that they were shown", || folder.path().join("data/secrets-shown").exists().then_some(()));
    second.kill();

    let third = Process::start("demo", &mut demo(folder.path(), "127.0.0.1:0"));
    third.prints("Stop with Ctrl-C");
    assert!(
        !secrets.iter().any(|secret| third.printed().contains(secret)),
        "they are shown once:\n{}",
        third.printed()
    );
    assert!(third.printed().contains("tenants/acme/tenant.toml"), "{}", third.printed());
}

/// The secrets of all phones, from the files.
fn secrets(folder: &Path) -> Vec<String> {
    let file =
        |tenant: &str| std::fs::read_to_string(folder.join("config/tenants").join(tenant).join("tenant.toml")).unwrap();
    let text = [file("acme"), file("globex")].concat();
    text.lines().filter_map(|line| Some(line.strip_prefix("secret = \"")?.trim_end_matches('"').to_owned())).collect()
}

/// F10: one broken tenant stops neither the demo nor the server; it is named with file and line, and the others are served.
#[test]
fn a_broken_tenant_does_not_stop_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Process::start("demo", &mut demo(folder.path(), "127.0.0.1:0"));
    first.prints("Stop with Ctrl-C");
    first.kill();
    let tenants = folder.path().join("config/tenants");
    std::fs::write(tenants.join("acme/dialplan.conf"), "[internal]\nexten => 600,1,Goto(((\n").unwrap();
    let mut serve = program();
    serve.arg("serve").arg("--config").arg(folder.path().join("config")).arg("--data").arg(folder.path().join("data"));
    let ways = [("demo", demo(folder.path(), "127.0.0.1:0"), "Stop with Ctrl-C"), ("serve", serve, "Tenant acme")];
    for (name, mut command, last) in ways {
        let mut process = Process::start(name, &mut command);
        process.prints(last);
        process.prints("Tenant acme is NOT served");
        process.prints("acme/dialplan.conf:2:");
        let health = program().arg("health").arg("--data").arg(folder.path().join("data")).output().unwrap();
        let health = String::from_utf8_lossy(&health.stdout).into_owned();
        assert!(health.contains("acme: not serving") && health.contains("globex: serving"), "{name}: {health}");
        process.kill();
    }
}

/// A plugin that cannot be had, a name that nobody provides and a broken prompt are no reason for a tenant not to start.
#[test]
fn a_fault_of_a_part_does_not_stop_a_tenant() {
    let folder = tempfile::tempdir().unwrap();
    let mut first = Process::start("demo", &mut demo(folder.path(), "127.0.0.1:0"));
    first.prints("Stop with Ctrl-C");
    first.kill();
    let tenant = folder.path().join("config/tenants/acme");
    let toml = std::fs::read_to_string(tenant.join("tenant.toml")).unwrap();
    std::fs::write(tenant.join("tenant.toml"), toml.replace("[plugins.app-echo]", "[plugins.app-ecko]")).unwrap();
    std::fs::write(tenant.join("sounds/hello.wav"), "no audio").unwrap();
    let second = Process::start("demo", &mut demo(folder.path(), "127.0.0.1:0"));
    second.prints("Stop with Ctrl-C");
    second.prints("Tenant acme is served as far as possible");
    second.prints("did you mean `app-echo`?");
    second.prints("sounds/hello.wav: error: not a WAV file");
    // What the file does not mention for a mistake is not taken for removed.
    let data = folder.path().join("data");
    let list = program().args(["plugin", "list", "acme", "--data"]).arg(&data).output().unwrap();
    assert!(String::from_utf8_lossy(&list.stdout).contains("app-echo"));
}
