//! What a stranger is told: nothing that depends on which users and domains there are.

use std::net::UdpSocket;

use crate::patience::PATIENCE;
use crate::server::Server;

/// The answer to a REGISTER without credentials.
fn challenge(server: &Server, domain: &str, record: &str) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    let own = socket.local_addr().unwrap();
    let request = format!(
        "REGISTER sip:{domain} SIP/2.0\r\nVia: SIP/2.0/UDP {own};branch=z9hG4bK1;rport\r\nFrom: <sip:{record}>;tag=1\r\n\
         To: <sip:{record}>\r\nCall-ID: 1@{own}\r\nCSeq: 1 REGISTER\r\nMax-Forwards: 70\r\nContact: <sip:1@{own}>\r\n\
         Content-Length: 0\r\n\r\n"
    );
    socket.send_to(request.as_bytes(), server.sip()).unwrap();
    let mut bytes = [0; 4_096];
    let length = socket.recv(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes[..length]).into_owned()
}

/// The challenges: realm and algorithm of each.
fn offers(message: &str) -> Vec<(String, String)> {
    let lines = message.lines().filter_map(|line| line.strip_prefix("WWW-Authenticate: "));
    let field = |line: &str, name: &str| {
        let rest = line.split_once(&format!("{name}=")).unwrap().1;
        rest.trim_start_matches('"').split(['"', ',']).next().unwrap().trim_end().to_owned()
    };
    lines.map(|line| (field(line, "realm"), field(line, "algorithm"))).collect()
}

/// A message without what the request chose and with its random parts covered.
fn shape(message: &str, domain: &str) -> String {
    let chosen = ["Via:", "From:", "Call-ID:", "To:"];
    let lines = message.lines().filter(|line| !chosen.iter().any(|name| line.starts_with(name)));
    let covered = lines.map(|line| match line.split_once("nonce=\"") {
        Some((before, after)) => format!("{before}{}", after.split_once('"').unwrap().1),
        None => line.to_owned(),
    });
    covered.collect::<Vec<_>>().join("\n").replace(domain, "DOMAIN")
}

/// B4, F32: everybody is offered the same algorithms, in the realm that is the domain of the request, or in the host's by phones that
/// cannot send a domain.
#[test]
fn the_domain_of_a_request_is_its_realm_whoever_has_it() {
    let server = Server::with_sha_256();
    let rows = [
        ("acme.test", "100@acme.test", "acme.test"),
        ("globex.test", "100@globex.test", "globex.test"),
        ("nobody.test", "100@nobody.test", "nobody.test"),
        // Whom the request is sent to tells nothing about who sends it.
        ("acme.test", "100@nobody.test", "nobody.test"),
        ("acme.test", "100@127.0.0.1", "acme.test"),
        ("nobody.test", "100@127.0.0.1", "nobody.test"),
        ("127.0.0.1", "100@127.0.0.1", "jackfield"),
        ("127.0.0.1", "100%40acme.test@127.0.0.1", "jackfield"),
        ("127.0.0.1", "100%40nobody.test@127.0.0.1", "jackfield"),
    ];
    for (domain, record, realm) in rows {
        let offered = offers(&challenge(&server, domain, record));
        assert_eq!(offered, [(realm.to_owned(), "SHA-256".to_owned())], "{record} at {domain}");
    }
}

/// B4: a user that exists, one that does not, and a domain that does not, are answered with the same bytes.
#[test]
fn neither_users_nor_domains_can_be_found_by_trying() {
    let server = Server::start();
    let shapes = [("acme.test", "100"), ("acme.test", "199"), ("nobody.test", "100"), ("nobody.test", "199")]
        .map(|(domain, user)| shape(&challenge(&server, domain, &format!("{user}@{domain}")), domain));
    assert!(shapes[0].contains("SIP/2.0 401") && shapes[0].contains("realm=\"DOMAIN\""), "{}", shapes[0]);
    assert!(shapes.iter().all(|shape| *shape == shapes[0]), "{shapes:#?}");
}
