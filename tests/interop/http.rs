//! A plugin in each language asks a real server, which the tenant's file lets it reach, and plays what that says; another address
//! is refused, and the log says why. The tenant's secret is in the request, and nowhere else (H15, I5, I6, capability `http`).

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;

use serde_json::json;

use crate::audio::Heard;
use crate::languages::{Author, copy_folder, source};

#[test]
fn rust() {
    plays_what_a_server_says("rust");
}

#[test]
fn python() {
    plays_what_a_server_says("python");
}

#[test]
fn javascript() {
    plays_what_a_server_says("javascript");
}

#[test]
fn c() {
    plays_what_a_server_says("c");
}

fn plays_what_a_server_says(language: &'static str) {
    let author = Author::new(language);
    let asked = listens(|request, stream| {
        let answer = match is_whole(&request) {
            true => "HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nthank-you",
            false => "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
        };
        stream.write_all(answer.as_bytes()).unwrap();
    });
    let other = listens(|request, _| panic!("nobody may ask here: {request}"));
    copy_folder(&source(&format!("interop/plugins/fetch/{language}")), &author.folder.join("fetch"));
    author.command(&["plugin", "build", "fetch"]);
    let package = author.folder.join("fetch/build/package");
    let table = format!(
        "\n[plugins.app-fetch]\npackage = {package:?}\nunsigned = true\ngrants = [\"http\", \"metrics\"]\n\
         http-hosts = [\"127.0.0.1:{}\", \"{asked}\"]\nhttp-private = [\"{asked}\"]\n\
         [plugins.app-fetch.secrets]\nDESK = \"{SECRET}\"\n",
        other.port()
    );
    let answer = author.server.extend("acme", "tenant.toml", &table);
    assert_eq!(answer.code, 0, "{}", answer.printed);
    let plan = format!("\n[internal](+)\nexten => 701,1,Fetch(http://{asked}/desk?a=b,http://{other}/)\n");
    let answer = author.server.extend("acme", "dialplan.conf", &plan);
    assert_eq!(answer.code, 0, "{}", answer.printed);
    let recording = author.folder.join("heard.wav");
    let path = Path::to_str(&recording).unwrap();
    author.server.ask(&["call", "acme", "100", "701", "--expect-hangup", "--record", path]);
    Heard::read(&recording).assert_prompts(&["thank-you", "invalid"]);
    let shown = author.server.ask(&["plugin", "show", "acme", "app-fetch"]);
    assert_eq!(shown["metrics"]["fetched"], json!({"kind": "counter", "value": 1}), "{shown}");
    assert_eq!(shown["metrics"]["last_status"], json!({"kind": "gauge", "value": 201}), "{shown}");
    let log = author.server.log();
    let refused = log.lines().find(|line| line.contains("a request by HTTP was refused")).unwrap_or_default();
    assert!(!log.contains(SECRET));
    for word in ["acme", "app-fetch", &other.to_string(), "this machine"] {
        assert!(refused.contains(word), "{word} is in the log: {refused}");
    }
}

const SECRET: &str = "Wj7mKq2TzRnP4xVb";

/// A server for the rest of the test's process; each connection is one request.
fn listens(answer: impl Fn(String, &mut TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut reader = BufReader::new(stream.try_clone().unwrap());
            let mut request = String::new();
            while !request.ends_with("\r\n\r\n") && reader.read_line(&mut request).unwrap() > 0 {}
            let mut body = [0; 2];
            reader.read_exact(&mut body).unwrap();
            request.push_str(std::str::from_utf8(&body).unwrap());
            answer(request, &mut stream);
        }
    });
    address
}

fn is_whole(request: &str) -> bool {
    let lower = request.to_lowercase();
    let lines = ["post /desk?a=b http/1.1", "content-length: 2", "é"];
    let desk = format!("x-desk: Desk {SECRET}");
    lines.into_iter().all(|line| lower.lines().any(|own| own == line)) && request.lines().any(|own| own == desk)
}
