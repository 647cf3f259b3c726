//! Packages from elsewhere: a real registry, a real web server, and what either may do wrong.

use std::fs::File;
use std::path::Path;

use crate::packages::{Publisher, active, assert_refused};
use crate::process::{Process, peer};
use crate::server::Server;

/// Debian's `docker-registry` on a port of its own, with its files in this folder.
fn registry(folder: &Path) -> (Process, String) {
    let config = format!(
        "version: 0.1\nlog:\n  level: info\nstorage:\n  filesystem:\n    rootdirectory: {}\nhttp:\n  addr: 127.0.0.1:0\n",
        folder.display()
    );
    std::fs::write(folder.join("config.yml"), config).unwrap();
    let process =
        Process::start("docker-registry", peer("docker-registry").arg("serve").arg(folder.join("config.yml")));
    let listens = process.prints("listening on 127.0.0.1:");
    let port = listens.split_once("listening on 127.0.0.1:").unwrap().1;
    let port: String = port.chars().take_while(char::is_ascii_digit).collect();
    (process, format!("oci://127.0.0.1:{port}"))
}

/// Python's web server with the files of this folder.
fn web(folder: &Path) -> (Process, String) {
    let mut command = peer("python3");
    command.args(["-u", "-m", "http.server", "0", "--bind", "127.0.0.1", "--directory"]).arg(folder);
    let process = Process::start("python3", &mut command);
    let serves = process.prints("Serving HTTP on");
    let url = serves.split_once("(http://").unwrap().1.split_once('/').unwrap().0.to_owned();
    (process, format!("http://{url}"))
}

#[test]
fn a_plugin_is_published_and_installed_by_registry() {
    let server = Server::start();
    let (_registry, registry) = registry(&server.scratch("registry"));
    let publisher = Publisher::new(&server);
    let package = publisher.package("0.2.0", 1);
    let place = format!("{registry}/acme/app-echo:0.2.0");
    let published = server.ask(&["plugin", "publish", &package, &place]);
    let inspected = server.ask(&["plugin", "inspect", &place]);
    assert_eq!(inspected["digest"], published["package"], "what comes is what went");
    assert_refused(&server, &[&place], "whom neither host nor tenant has pinned");

    let installed = server.ask(&["plugin", "install", "acme", &place, "--publisher", &publisher.name]);
    assert_eq!((&installed["version"], &installed["signer"]), (&"0.2.0".into(), &publisher.name.as_str().into()));
    let called = server.ask(&["call", "acme", "100", "600", "--dtmf", "#", "--expect-hangup"]);
    assert!(called["heard_ms"].as_u64().is_some(), "{called}");

    // A tag moves; what was named by its digest does not.
    let pinned = published["pinned"].as_str().unwrap();
    server.ask(&["plugin", "publish", &publisher.package("0.3.0", 2), &place]);
    assert_eq!(server.ask(&["plugin", "inspect", &place])["version"], "0.3.0");
    assert_eq!(server.ask(&["plugin", "inspect", pinned])["version"], "0.2.0");
    server.ask(&["plugin", "install", "acme", &place]);
    assert_eq!(active(&server, "acme")["version"], "0.3.0");
    assert_refused(&server, &[pinned], "it is older than what was installed");

    // `/v2/` answers 404 for what is not there.
    assert_refused(&server, &[&format!("{registry}/acme/app-ech:1")], "manifest unknown");
    assert_refused(&server, &["oci://127.0.0.1:1/acme/app-echo:1"], "refused");
}

#[test]
fn what_a_web_server_gives_is_checked_like_any_file() {
    let server = Server::start();
    let publisher = Publisher::new(&server);
    let package = publisher.package("0.2.0", 1);
    let folder = server.scratch("out");
    let (_web, web) = web(&folder);
    let url = format!("{web}/{}", Path::new(&package).file_name().unwrap().to_str().unwrap());
    let installed = server.ask(&["plugin", "install", "acme", &url, "--publisher", &publisher.name]);
    assert_eq!(installed["version"], "0.2.0");

    assert_refused(&server, &[&format!("{web}/nothing.jfp")], "404");
    let bytes = std::fs::read(&package).unwrap();
    std::fs::write(folder.join("half.jfp"), &bytes[..bytes.len() / 2]).unwrap();
    assert_refused(&server, &[&format!("{web}/half.jfp")], "the package is cut off");
    File::create(folder.join("huge.jfp")).unwrap().set_len((128 << 20) + 1).unwrap();
    assert_refused(&server, &[&format!("{web}/huge.jfp")], "more than 134217728 bytes");
    let (code, text) = server.say(&["plugin", "install", "acme", "http://plugins.example/echo.jfp"]);
    assert!(code != 0 && text.contains("packages come over https from other machines"), "{code} {text}");
}
