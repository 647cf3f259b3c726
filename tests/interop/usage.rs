//! F62: what plugins use, as an administrator sees it: `plugin top`, `plugin show` and the figures for Prometheus, each tenant by itself.

use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;

use serde_json::Value;

use crate::server::Server;

/// The line of a plugin, or of the tenant as a whole.
fn row<'a>(rows: &'a Value, tenant: &str, plugin: Option<&str>) -> &'a Value {
    let mut rows = rows.as_array().unwrap().iter();
    rows.find(|row| row["tenant"] == tenant && row["plugin"].as_str() == plugin).expect("it has a line")
}

/// What Prometheus would read.
fn metrics(server: &Server, query: &str) -> String {
    let mut stream = UnixStream::connect(server.data("api.sock")).unwrap();
    write!(stream, "GET /metrics{query} HTTP/1.1\r\nhost: jackfield\r\nconnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn what_plugins_use_is_seen_where_they_use_it() {
    let server = Server::start();
    for _ in 0..2 {
        // Counts how often it was called, in a dialplan function's kv.
        server.ask(&["call", "acme", "100", "609", "--expect-hangup"]);
    }
    let rows = server.ask(&["plugin", "top", "--once", "--every", "1"]);
    let core = row(&rows, "acme", Some("func-core"));
    for figure in ["cpu_us", "memory", "memory_peak", "host_calls", "moved", "kv", "runs"] {
        assert!(core[figure].as_u64().unwrap() > 0, "{figure}: {core}");
        assert_eq!(row(&rows, "globex", Some("func-core"))[figure], 0, "{figure} of the other tenant");
    }
    assert!(row(&rows, "acme", Some("app-playback"))["runs"].as_u64().unwrap() >= 2);
    let sum = |figure: &str| -> u64 {
        let own = rows.as_array().unwrap().iter().filter(|row| row["tenant"] == "acme" && !row["plugin"].is_null());
        own.map(|row| row[figure].as_u64().unwrap()).sum()
    };
    for figure in ["cpu_us", "memory", "host_calls", "runs"] {
        assert_eq!(row(&rows, "acme", None)[figure], sum(figure), "{figure}");
    }
    let only = server.ask(&["plugin", "top", "globex", "--once", "--every", "1"]);
    assert!(only.as_array().unwrap().iter().all(|row| row["tenant"] == "globex"), "{only}");
    assert_eq!(server.ask(&["plugin", "show", "acme", "func-core"])["usage"]["kv"], core["kv"]);
    let runs = core["runs"].as_u64().unwrap();
    assert!(
        metrics(&server, "").contains(&format!("jackfield_plugin_invocations_total{{plugin=\"func-core\"}} {runs}\n"))
    );
    let apart = metrics(&server, "?tenants=true");
    for (tenant, runs) in [("acme", runs), ("globex", 0)] {
        let line = format!("jackfield_plugin_invocations_total{{tenant=\"{tenant}\",plugin=\"func-core\"}} {runs}\n");
        assert!(apart.contains(&line), "{line} is in\n{apart}");
    }
}

/// A plugin is watched: what it did before, what its runs cost, and what it does now.
#[test]
fn what_a_plugin_does_is_seen_as_it_happens() {
    let server = Server::start();
    server.ask(&["call", "acme", "100", "601", "--expect-hangup"]);
    let last = server.ask(&["plugin", "tail", "acme", "app-playback", "--once", "--lines", "1"]);
    assert_eq!(
        (&last["kind"], &last["run"], &last["text"]),
        (&"ended".into(), &"Playback".into(), &"".into()),
        "{last}"
    );
    assert_eq!(last["call"], server.records("acme", 1)[0]["call"]);
    for figure in ["ms", "cpu_us", "host_calls", "memory"] {
        assert!(last["cost"][figure].as_u64().unwrap() > 0, "{figure}: {last}");
    }
    let watching = server.begin(&["plugin", "tail", "acme", "app-playback", "--lines", "0"]);
    server.extend("acme", "dialplan.conf", "\n[internal](+)\nexten => 699,1,Playback(no-such-sound)\n");
    server.ask(&["call", "acme", "100", "699", "--expect-hangup"]);
    watching.prints("Playback: warn  no-such-sound: ");
    let ended = watching.prints("Playback: ended after ");
    assert!(ended.contains("host calls"), "{ended}");
    let (code, text) = server.say(&["plugin", "tail", "acme", "app-playbak"]);
    assert!(code == 5 && text.contains("did you mean `app-playback`?"), "{code} {text}");
}
