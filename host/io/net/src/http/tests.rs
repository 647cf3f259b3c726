//! Real servers on loopback, and names that a test gives addresses to.

mod tls;

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use super::resolve::Addresses;
use super::*;

/// Names with the addresses that they have.
#[derive(Default)]
struct Names {
    known: HashMap<String, Vec<SocketAddr>>,
    asked: AtomicUsize,
}

impl Resolve for Arc<Names> {
    fn resolve(&self, lookup: Lookup) -> Addresses<'_> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let found = self.known.get(&lookup.host).cloned().unwrap_or_default();
        Box::pin(async move { Ok(found) })
    }
}

fn names(known: &[(&str, &[SocketAddr])]) -> Arc<Names> {
    let known = known.iter().map(|(name, addresses)| ((*name).to_owned(), addresses.to_vec())).collect();
    Arc::new(Names { known, asked: AtomicUsize::new(0) })
}

fn client(names: &Arc<Names>) -> Client {
    Client::new(Vec::new(), Arc::clone(names)).unwrap()
}

/// A server that answers each connection's first request with the text that `answer` makes of it.
struct Server {
    address: SocketAddr,
    heard: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start(answer: impl Fn(&str) -> String + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard: Arc<Mutex<Vec<String>>> = Arc::default();
        let hears = Arc::clone(&heard);
        let task = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let request = read(&mut stream).await;
                let said = answer(&request);
                hears.lock().unwrap().push(request);
                // Who has read enough hangs up.
                drop(stream.write_all(said.as_bytes()).await);
            }
        });
        Self { address, heard, task }
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

/// A request with the body that its length says.
async fn read(stream: &mut tokio::net::TcpStream) -> String {
    let mut text = String::new();
    loop {
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).await.unwrap();
        text.push_str(std::str::from_utf8(&bytes[..count]).unwrap());
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
            return text;
        }
    }
}

fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn redirect(status: u16, location: &str) -> String {
    format!("HTTP/1.1 {status} Elsewhere\r\nlocation: {location}\r\ncontent-length: 0\r\n\r\n")
}

/// A GET that may go everywhere on 127.0.0.1.
fn get(url: &str) -> Request {
    Request {
        target: Target::parse(url).unwrap(),
        method: "GET".into(),
        headers: Vec::new(),
        body: Bytes::new(),
        timeout: Duration::from_secs(20),
        redirects: 2,
        body_max: 100,
        headers_max: 4,
        header_bytes_max: 100,
        allowed: Arc::new(|_| true),
        networks: Arc::new(["127.0.0.1".parse().unwrap()]),
        held: Arc::new(()),
    }
}

fn header(name: &str, value: &str) -> Header {
    Header { name: name.into(), value: value.into(), secret: false }
}

fn is_denied(result: &Result<Response, Failure>) -> bool {
    matches!(result, Err(Failure::Denied { .. }))
}

#[tokio::test]
async fn a_request_says_what_was_written_and_no_more() {
    let server = Server::start(|_| ok("hello")).await;
    let names = names(&[("api.example", &[server.address])]);
    let port = server.address.port();
    let request = Request {
        method: "POST".into(),
        headers: vec![header("X-One", "1"), header("x-one", "2"), header("User-Agent", "mine")],
        body: Bytes::from_static(b"body"),
        ..get(&format!("http://API.example:{port}/a%20b?c=d#e"))
    };
    let response = client(&names).send(request).await.unwrap();
    assert_eq!((response.status, &response.body[..]), (200, &b"hello"[..]));
    assert_eq!(response.url, format!("http://api.example:{port}/a%20b?c=d"));
    assert_eq!(response.headers, [("content-length".to_owned(), "5".to_owned())]);
    let heard = server.heard().remove(0);
    let mut lines: Vec<&str> = heard.lines().collect();
    assert_eq!(lines[0], "POST /a%20b?c=d HTTP/1.1");
    lines.sort_unstable();
    let host = format!("host: api.example:{port}");
    assert_eq!(
        lines,
        [
            "",
            "POST /a%20b?c=d HTTP/1.1",
            "body",
            "content-length: 4",
            &host,
            "user-agent: mine",
            "x-one: 1",
            "x-one: 2"
        ]
    );
    assert_eq!(names.asked.load(Ordering::Relaxed), 1, "looked up once: what was checked is what is asked");
}

/// I6: header injection, and headers that say who is asked or where a message ends.
#[tokio::test]
async fn headers_of_the_host_and_control_characters_are_refused() {
    let client = client(&names(&[]));
    for (name, value) in [
        ("Host", "other.example"),
        ("Connection", "close"),
        ("Content-Length", "3"),
        ("Transfer-Encoding", "chunked"),
        ("Proxy-Authorization", "x"),
        ("Upgrade", "h2c"),
        ("TE", "trailers"),
        ("Trailer", "x"),
        ("Expect", "100-continue"),
        ("Keep-Alive", "5"),
        ("X-A", "b\r\nHost: other.example"),
        ("X-A", "b\nc"),
        ("X-A", "b\0"),
        ("X-A\r\nHost", "other.example"),
        ("X A", "b"),
        ("", "b"),
        ("X-A:", "b"),
    ] {
        let request = Request { headers: vec![header(name, value)], ..get("http://127.0.0.1:1/") };
        assert!(matches!(client.send(request).await, Err(Failure::Invalid(_))), "{name:?}: {value:?}");
    }
    for method in ["CONNECT", "TRACE", "get", "", "GET / HTTP/1.1\r\nHost: other.example\r\n\r\nGET"] {
        let request = Request { method: method.into(), ..get("http://127.0.0.1:1/") };
        assert!(matches!(client.send(request).await, Err(Failure::Invalid(_))), "{method:?}");
    }
}

/// I6: no address inside is reached, by whichever name or spelling, and one inside is enough to refuse a name.
#[tokio::test]
async fn addresses_inside_are_reached_only_where_an_administrator_says_so() {
    let server = Server::start(|_| ok("inside")).await;
    let (inside, port) = (server.address, server.address.port());
    let outside: SocketAddr = "93.184.216.34:80".parse().unwrap();
    let mapped: SocketAddr = format!("[::ffff:127.0.0.1]:{port}").parse().unwrap();
    let names = names(&[
        ("inside.example", &[inside]),
        ("mixed.example", &[outside, inside]),
        ("mapped.example", &[mapped]),
        ("localhost", &[inside]),
    ]);
    let client = client(&names);
    let none: Arc<[Network]> = Arc::new([]);
    let hosts = ["inside.example", "mixed.example", "mapped.example", "localhost"];
    let spellings = ["127.0.0.1", "127.1", "0x7f.1", "017700000001", "2130706433", "[::1]", "[::ffff:7f00:1]"];
    for host in hosts.iter().chain(&spellings) {
        let request = Request { networks: Arc::clone(&none), ..get(&format!("http://{host}:{port}/")) };
        let refused = client.send(request).await;
        let Err(Failure::Denied { what, address: Some(address) }) = &refused else { panic!("{host}: {refused:?}") };
        assert!(!address.ip().to_string().contains("93."), "{address}");
        assert!(host.parse::<IpAddr>().is_ok() || !what.contains(&format!("127.0.0.1:{port}")), "{what}");
    }
    assert!(server.heard().is_empty());
    for host in ["inside.example", "mapped.example", "localhost", "0x7f.1"] {
        assert_eq!(client.send(get(&format!("http://{host}:{port}/"))).await.unwrap().body, "inside", "{host}");
    }
    let other: Arc<[Network]> = Arc::new([format!("127.0.0.1:{}", port ^ 1).parse().unwrap()]);
    let request = Request { networks: other, ..get(&format!("http://127.0.0.1:{port}/")) };
    assert!(is_denied(&client.send(request).await), "another port there is another server");
}

#[tokio::test]
async fn a_host_that_is_not_allowed_is_not_even_looked_up() {
    let names = names(&[]);
    let request = Request { allowed: Arc::new(|_| false), ..get("http://api.example/") };
    assert!(is_denied(&client(&names).send(request).await));
    assert_eq!(names.asked.load(Ordering::Relaxed), 0);
    let unknown = client(&names).send(get("http://api.example/")).await;
    assert_eq!(unknown, Err(Failure::Failed("api.example has no address".into())));
}

/// I6: a redirection is checked like a request.
#[tokio::test]
async fn redirections_are_checked_and_counted() {
    let server = Server::start(|request| match request.split(' ').nth(1).unwrap() {
        "/inside" => redirect(302, "http://inside.example/"),
        "/metadata" => redirect(307, "http://169.254.169.254/latest/"),
        "/odd" => redirect(302, "http://0x7f000002/"),
        "/other" => redirect(302, "http://other.example/"),
        "/file" => redirect(302, "file:///etc/passwd"),
        "/user" => redirect(302, "//a@api.example/"),
        "/once" => redirect(302, "/end"),
        "/twice" => redirect(302, "/once"),
        "/thrice" => redirect(302, "/twice"),
        "/nowhere" => "HTTP/1.1 302 Found\r\ncontent-length: 2\r\n\r\nno".into(),
        path => ok(path),
    })
    .await;
    let names = names(&[("api.example", &[server.address]), ("inside.example", &["10.0.0.1:80".parse().unwrap()])]);
    let client = client(&names);
    let url = |path: &str| format!("http://api.example:{}{path}", server.address.port());
    let request =
        |path: &str| Request { allowed: Arc::new(|target| target.host() != "other.example"), ..get(&url(path)) };
    for path in ["/inside", "/metadata", "/odd", "/other"] {
        let refused = client.send(request(path)).await;
        assert!(is_denied(&refused), "{path}: {refused:?}");
    }
    for path in ["/file", "/user"] {
        assert!(matches!(client.send(request(path)).await, Err(Failure::Failed(_))), "{path}");
    }
    let twice = client.send(request("/twice")).await.unwrap();
    assert_eq!((twice.status, twice.url, &twice.body[..]), (200, url("/end"), &b"/end"[..]));
    let thrice = client.send(request("/thrice")).await.unwrap();
    assert_eq!((thrice.status, thrice.url), (302, url("/once")), "the one after the last that is followed");
    assert_eq!(client.send(request("/nowhere")).await.unwrap().body, "no");
}

/// I5: what is meant for one server is told to no other.
#[tokio::test]
async fn an_other_origin_hears_nothing_that_was_meant_for_the_first() {
    let other = Server::start(|_| ok("other")).await;
    let to = format!("http://127.0.0.1:{}/", other.address.port());
    let first = Server::start(move |request| match request.split(' ').nth(1).unwrap() {
        "/away" => redirect(307, &to),
        _ => redirect(303, "/here"),
    })
    .await;
    let request = |path: &str| Request {
        method: "POST".into(),
        headers: vec![
            header("authorization", "Bearer a"),
            header("cookie", "b=c"),
            Header { secret: true, ..header("x-key", "d") },
            header("content-type", "text/plain"),
            header("x-plain", "e"),
        ],
        body: Bytes::from_static(b"body"),
        redirects: 1,
        ..get(&format!("http://127.0.0.1:{}{path}", first.address.port()))
    };
    let client = client(&names(&[]));
    client.send(request("/away")).await.unwrap();
    client.send(request("/stay")).await.unwrap();
    let told = |heard: &str, word: &str| heard.contains(word);
    let words = ["Bearer a", "b=c", "x-key: d", "text/plain", "x-plain: e", "POST", "body"];
    let heard = other.heard().remove(0);
    assert_eq!(words.map(|word| told(&heard, word)), [false, false, false, true, true, true, true], "{heard}");
    let heard = first.heard().remove(2);
    assert_eq!(words.map(|word| told(&heard, word)), [true, true, true, false, true, false, false], "{heard}");
}

#[tokio::test]
async fn a_response_has_bounds() {
    let server = Server::start(|request| match request.split(' ').nth(1).unwrap() {
        "/fits" => ok(&"x".repeat(100)),
        "/long" => ok(&"x".repeat(101)),
        "/endless" => format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nfff\r\n{}", "x".repeat(0xfff)),
        "/headers" => "HTTP/1.1 200 OK\r\na: 1\r\nb: 2\r\nc: 3\r\ncontent-length: 0\r\n\r\n".into(),
        "/many" => "HTTP/1.1 200 OK\r\na: 1\r\nb: 2\r\nc: 3\r\nd: 4\r\ncontent-length: 0\r\n\r\n".into(),
        "/wide" => format!("HTTP/1.1 200 OK\r\na: {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(84)),
        "/wider" => format!("HTTP/1.1 200 OK\r\na: {}\r\ncontent-length: 0\r\n\r\n", "x".repeat(85)),
        "/widest" => format!("HTTP/1.1 200 OK\r\na: {}\r\n\r\n", "x".repeat(100_000)),
        _ => "SIP/2.0 200 OK\r\n\r\n".into(),
    })
    .await;
    let client = client(&names(&[]));
    let url = |path: &str| format!("http://{}{path}", server.address);
    for path in ["/fits", "/headers", "/wide"] {
        assert!(client.send(get(&url(path))).await.is_ok(), "{path}");
    }
    for path in ["/long", "/endless", "/many", "/wider", "/widest"] {
        let refused = client.send(get(&url(path))).await;
        assert!(matches!(refused, Err(Failure::TooLarge(_))), "{path}: {refused:?}");
    }
    assert!(matches!(client.send(get(&url("/else"))).await, Err(Failure::Failed(_))));
}

/// H15: neither a server that says nothing nor one that never ends keeps a plugin longer than it wants to wait.
#[tokio::test]
async fn a_slow_server_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let slow = tokio::spawn(async move {
        let mut kept = Vec::new();
        for said in ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx"] {
            let (mut stream, _) = listener.accept().await.unwrap();
            read(&mut stream).await;
            stream.write_all(said.as_bytes()).await.unwrap();
            kept.push(stream);
        }
        kept
    });
    let client = client(&names(&[]));
    let timeout = Duration::from_millis(50);
    for _ in 0..3 {
        let request = Request { timeout, ..get(&format!("http://{address}/")) };
        assert_eq!(client.send(request).await, Err(Failure::Timeout(timeout)));
    }
    assert_eq!(slow.await.unwrap().len(), 3);
}

#[tokio::test]
async fn there_is_a_last_request_and_a_place_is_given_back() {
    let server = Server::start(|_| ok("")).await;
    let client = client(&names(&[]));
    let places = client.0.requests.clone();
    let taken = places.try_acquire_many_owned(u32::try_from(REQUESTS - 1).unwrap()).unwrap();
    let url = format!("http://{}/", server.address);
    assert!(client.send(get(&url)).await.is_ok());
    assert!(client.send(get(&url)).await.is_ok());
    let last = client.0.requests.clone().try_acquire_owned().unwrap();
    assert_eq!(client.send(get(&url)).await, Err(Failure::Busy));
    drop((taken, last));
}

/// I5: a secret goes by TLS, or to a server that the administrator named.
#[tokio::test]
async fn a_secret_does_not_leave_the_house_in_the_clear() {
    let names = names(&[("api.example", &["93.184.216.34:80".parse().unwrap()])]);
    let secret = || vec![Header { secret: true, ..header("x-key", "d") }];
    let refused = client(&names).send(Request { headers: secret(), ..get("http://api.example/") }).await;
    assert!(is_denied(&refused), "{refused:?}");
    let server = Server::start(|_| ok("")).await;
    let url = format!("http://{}/", server.address);
    client(&names).send(Request { headers: secret(), ..get(&url) }).await.unwrap();
    assert!(server.heard()[0].contains("x-key: d"));
}

#[test]
fn a_secret_is_not_shown() {
    let shown = format!("{:?}", [header("a", "b"), Header { secret: true, ..header("c", "hush") }]);
    assert_eq!(shown, "[a: b, c: …]");
}
