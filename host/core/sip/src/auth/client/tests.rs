use super::super::Side;
use super::*;
use crate::message::StatusCode;

fn response(values: &[&str]) -> Response {
    values.iter().fold(Response::new(StatusCode::UNAUTHORIZED), |response, value| {
        response.with_header(HeaderName::WwwAuthenticate, (*value).to_owned())
    })
}

const MD5: &str = "Digest realm=\"acme.test\", nonce=\"n\", qop=\"auth,auth-int\", opaque=\"o\"";
const SHA256: &str = "Digest realm=\"acme.test\",nonce=\"n\",qop=\"auth\",algorithm=SHA-256";

fn uri() -> Uri {
    "sip:bob@acme.test".parse().unwrap()
}

#[test]
fn the_strongest_algorithm_is_answered() {
    let credentials = Credentials::new("100", "secret");
    for order in [[MD5, SHA256], [SHA256, MD5]] {
        assert_eq!(credentials.choose(&response(&order)).unwrap().algorithm, Algorithm::Sha256);
    }
    let unknown = SHA256.replace("SHA-256", "SHA-512-256");
    assert_eq!(credentials.choose(&response(&[&unknown, MD5])).unwrap().algorithm, Algorithm::Md5);
}

#[test]
fn b9_only_the_expected_realm_is_answered() {
    let credentials = Credentials::new("100", "secret").with_realm("carrier.test");
    assert_eq!(credentials.choose(&response(&[MD5])), Err(ChooseError::OtherRealm));
    let theirs = MD5.replace("acme", "carrier");
    assert_eq!(credentials.choose(&response(&[SHA256, &theirs])).unwrap().realm, "carrier.test");
    let hashed = Credentials::from_ha1("100", "carrier.test", Ha1::derive("100", "carrier.test", "secret"));
    assert_eq!(hashed.choose(&response(&[SHA256])), Err(ChooseError::OtherRealm));
}

#[test]
fn b3_md5_is_not_answered_when_it_is_not_allowed() {
    let strict = Credentials::new("100", "secret").without_md5();
    assert_eq!(strict.choose(&response(&[MD5])), Err(ChooseError::Algorithm));
    let hashed = Credentials::from_ha1("100", "acme.test", Ha1::derive("100", "acme.test", "secret").without_md5());
    assert_eq!(hashed.choose(&response(&[MD5])), Err(ChooseError::Algorithm));
    assert!(hashed.choose(&response(&[MD5, SHA256])).is_ok());
}

#[test]
fn what_is_no_digest_challenge_is_not_answered() {
    let credentials = Credentials::new("100", "secret");
    for values in [
        &[][..],
        &["Basic realm=\"acme.test\""],
        &["Digest realm=\"x\""],
        &["Digest realm=\"x\",nonce=\"n\",qop=\"other\""],
    ] {
        assert_eq!(credentials.choose(&response(values)), Err(ChooseError::NoChallenge), "{values:?}");
    }
}

#[test]
fn answers_give_back_what_was_asked() {
    let credentials = Credentials::new("100", "secret");
    let challenge = credentials.choose(&response(&[MD5])).unwrap();
    let (name, value) = credentials.authorize(&challenge, &Method::Invite, &uri(), b"v=0", "c", 255);
    assert_eq!((name, challenge.qop), (HeaderName::Authorization, Qop::Auth));
    let value = std::str::from_utf8(&value).unwrap();
    for part in
        ["username=\"100\"", "opaque=\"o\"", "qop=auth,", "nc=000000ff", "uri=\"sip:bob@acme.test\"", "algorithm=MD5"]
    {
        assert!(value.contains(part), "{value}");
    }
    let proxy = Challenge { side: Side::Proxy, ..challenge };
    assert_eq!(credentials.authorize(&proxy, &Method::Invite, &uri(), b"", "c", 1).0, HeaderName::ProxyAuthorization);
}

#[test]
fn stored_hashes_answer_like_the_secret() {
    let plain = Credentials::new("100", "secret");
    let hashed = Credentials::from_ha1("100", "acme.test", Ha1::derive("100", "acme.test", "secret"));
    for offered in [MD5, SHA256] {
        let challenge = plain.choose(&response(&[offered])).unwrap();
        let answer = |credentials: &Credentials| credentials.authorize(&challenge, &Method::Bye, &uri(), b"", "c", 1).1;
        assert_eq!(answer(&plain), answer(&hashed));
    }
}

#[test]
fn old_servers_and_covered_bodies_are_answered() {
    // RFC 2617 §3.5's example without qop, by RFC 2069's formula.
    let credentials = Credentials::new("100", "secret");
    let old = credentials.choose(&response(&["Digest realm=\"acme.test\", nonce=\"n\""])).unwrap();
    let (_, value) = credentials.authorize(&old, &Method::Invite, &uri(), b"", "c", 1);
    assert_eq!(old.qop, Qop::None);
    assert!(!value.windows(4).any(|window| window == b"qop="));

    let covering = MD5.replace("auth,auth-int", "auth-int");
    let challenge = credentials.choose(&response(&[&covering])).unwrap();
    let answer = |body: &[u8]| credentials.authorize(&challenge, &Method::Invite, &uri(), body, "c", 1).1;
    assert_ne!(answer(b"v=0"), answer(b"v=1"));
    assert!(answer(b"").windows(12).any(|window| window == b"qop=auth-int"));
}

#[test]
fn a_secret_stays_out_of_logs() {
    assert!(!format!("{:?}", Credentials::new("100", "hunter2")).contains("hunter2"));
}
