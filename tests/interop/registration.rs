//! Phones register with digest, strangers learn nothing, and a crash of the server costs nobody a registration.

use std::collections::BTreeSet;

use crate::baresip::{Baresip, Phone};
use crate::linphone::Linphone;
use crate::server::Server;
use crate::sipp::{Place, Role};

/// F8, F32, F48: the same name in both tenants, two kinds of phones, each with its own secret.
#[test]
fn phones_register_by_digest_in_both_tenants() {
    let server = Server::start();
    let (acme, globex) = (Place::new(), Place::new());
    acme.registers(&server, "acme", "100");
    globex.registers(&server, "globex", "100");
    let _baresip = Baresip::registered(&server, &Phone::new("acme", "101", 440));
    let names = |tenant: &str| server.registrations(tenant).into_iter().map(|(name, _)| name).collect::<BTreeSet<_>>();
    assert_eq!(names("acme"), BTreeSet::from(["100".into(), "101".into()]));
    assert_eq!(names("globex"), BTreeSet::from(["100".into()]));
    let contact = |tenant: &str| server.registrations(tenant).into_iter().find(|(name, _)| name == "100").unwrap().1;
    assert_ne!(contact("acme"), contact("globex"), "each tenant has its own phone 100");
}

/// F32: where only SHA-256 is offered, a phone that knows it registers (RFC 8760), and MD5 has no chance.
#[test]
fn a_phone_registers_by_sha_256() {
    let server = Server::with_sha_256();
    let linphone = Linphone::registered(&server, "acme", "102", 440);
    let log = linphone.log();
    assert!(log.contains("algorithm=SHA-256"), "Linphone answered otherwise:\n{log}");
}

/// B4, F8: a wrong secret, a user that does not exist and the other tenant's secret look the same to the byte.
#[test]
fn refusals_tell_strangers_nothing() {
    let server = Server::start();
    let foreign = server.secret("globex", "100");
    let refused = |user, secret| {
        let role = Role { secret: Some(secret), ..Role::new("refused", "acme", user) };
        let place = Place::new();
        let sipp = place.plays(&server, &role);
        let received = sipp.received();
        assert_eq!(received.len(), 2, "two challenges:\n{}", sipp.messages());
        received.into_iter().map(|message| without_the_request(&message)).collect::<Vec<_>>()
    };
    let wrong = refused("100", "not-the-secret-1");
    assert_eq!(wrong, refused("999", "not-the-secret-1"), "a user that does not exist");
    assert_eq!(wrong, refused("100", &foreign), "another tenant's secret");
    assert!(wrong[1].contains("SIP/2.0 401"), "{wrong:?}");
    assert!(server.registrations("acme").is_empty());
}

/// A response without what repeats the request, and with its nonces covered.
fn without_the_request(message: &str) -> String {
    let echoed = ["Via:", "From:", "Call-ID:", "CSeq:"];
    let mut lines = Vec::new();
    for line in message.lines().map(str::trim_end).filter(|line| !echoed.iter().any(|name| line.starts_with(name))) {
        lines.push(match line.split_once("nonce=\"") {
            Some((before, after)) => {
                let (nonce, rest) = after.split_once('"').unwrap();
                format!("{before}nonce of {}{rest}", nonce.len())
            }
            None if line.starts_with("To:") => {
                let tag = line.split_once(";tag=").expect("a final response has a To tag").1;
                format!("To tag of {}", tag.len())
            }
            None => line.to_owned(),
        });
    }
    lines.join("\n")
}

/// F48, K1: killed without warning and started again, the server still knows where its phones are, and calls them.
#[test]
fn a_crash_costs_no_registration() {
    let server = Server::start();
    let phone = Place::new();
    phone.registers(&server, "acme", "101");
    let before = server.registrations("acme");
    assert_eq!(before.len(), 1);
    let server = server.crash_and_restart();
    assert_eq!(server.registrations("acme"), before);
    let mut callee = phone.begin(&server, &Role::new("callee-hangs-up", "acme", "101"));
    Place::new().plays(&server, &Role::new("caller", "acme", "100").to("101"));
    callee.succeeds();
}
