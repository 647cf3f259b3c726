use super::super::{AuthorizationError, Challenge, Credentials};
use super::*;
use crate::message::{HeaderName, Method, Response, StatusCode, Uri};

const REALM: &str = "acme.test";
const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

#[allow(clippy::disallowed_methods, reason = "a test may take any instant as its start")]
fn start() -> Instant {
    Instant::now()
}

fn ha1() -> Ha1 {
    Ha1::derive("100", REALM, "secret")
}

/// A server, its clock and one phone.
struct Setup {
    now: Instant,
    challenger: Challenger,
    count: u32,
}

impl Setup {
    fn new(config: Config) -> Self {
        let now = start();
        Self { now, challenger: Challenger::new(now, [9; 32], config), count: 0 }
    }

    fn challenge(&mut self) -> Challenge {
        self.challenges(false).remove(0)
    }

    fn challenges(&mut self, stale: bool) -> Vec<Challenge> {
        let mut response = Response::new(StatusCode::UNAUTHORIZED);
        self.challenger.challenge(self.now, Side::User, REALM, PEER, stale, &mut response.headers);
        Challenge::all(&response)
    }

    /// The request of a phone with this secret, answering the challenge with the next count.
    fn request(&mut self, challenge: &Challenge, secret: &str) -> Request {
        self.count += 1;
        request(&Credentials::new("100", secret), challenge, self.count)
    }

    fn verify(&mut self, request: &Request) -> Result<Verified, Rejected> {
        self.verify_as(request, PEER, Some(&ha1()))
    }

    fn verify_as(&mut self, request: &Request, peer: IpAddr, account: Option<&Ha1>) -> Result<Verified, Rejected> {
        let authorization = Authorization::find(request, Side::User, REALM).unwrap();
        self.challenger.verify(self.now, &authorization, request, peer, account)
    }
}

fn uri() -> Uri {
    "sip:acme.test".parse().unwrap()
}

fn request(credentials: &Credentials, challenge: &Challenge, count: u32) -> Request {
    let (name, value) = credentials.authorize(challenge, &Method::Register, &uri(), b"", "c0ffee", count);
    Request::new(Method::Register, uri()).with_header(name, value)
}

fn with_value(request: &Request, from: &str, to: &str) -> Request {
    let value = request.headers.get_str(&HeaderName::Authorization).unwrap().to_owned();
    assert!(value.contains(from), "{value}");
    let mut changed = request.clone();
    changed.headers.set(HeaderName::Authorization, value.replace(from, to));
    changed
}

#[test]
fn f32_both_algorithms_are_offered_the_stronger_first() {
    // RFC 8760 §2.3.
    let offered = Setup::new(Config::default()).challenges(false);
    let algorithms: Vec<Algorithm> = offered.iter().map(|challenge| challenge.algorithm).collect();
    assert_eq!(algorithms, [Algorithm::Sha256, Algorithm::Md5]);
    assert!(offered.iter().all(|challenge| challenge.realm == REALM && challenge.qop == super::super::Qop::Auth));
}

#[test]
fn f32_both_algorithms_are_accepted_and_counts_go_up() {
    let mut setup = Setup::new(Config::default());
    for challenge in setup.challenges(false) {
        setup.count = 0;
        for _ in 0..3 {
            let request = setup.request(&challenge, "secret");
            assert_eq!(setup.verify(&request), Ok(Verified { algorithm: challenge.algorithm }));
            setup.count += 5;
        }
        assert_eq!(setup.challenger.nonces(), 1);
        setup.challenger.counts.clear();
    }
}

#[test]
fn b1_replays_are_refused() {
    let mut setup = Setup::new(Config::default());
    let challenge = setup.challenge();
    let first = setup.request(&challenge, "secret");
    let second = setup.request(&challenge, "secret");
    assert!(setup.verify(&second).is_ok());
    assert_eq!(setup.verify(&second), Err(Rejected::Replay), "twice");
    assert_eq!(setup.verify(&first), Err(Rejected::Replay), "backward");
}

#[test]
fn b1_the_answer_holds_for_its_request_only() {
    let mut setup = Setup::new(Config::default());
    let challenge = setup.challenge();
    let register = setup.request(&challenge, "secret");
    let mut invite = register.clone();
    invite.method = Method::Invite;
    assert_eq!(setup.verify(&invite), Err(Rejected::Credentials));
    let mut elsewhere = register.clone();
    elsewhere.uri = "sip:+15551234@acme.test".parse().unwrap();
    assert_eq!(setup.verify(&elsewhere), Err(Rejected::Uri));
    assert_eq!(setup.verify(&with_value(&register, "uri=\"sip:acme.test\"", "uri=\"x\"")), Err(Rejected::Uri));
    let mut same = register;
    same.uri = "sip:ACME.test;transport=udp".parse().unwrap();
    assert!(setup.verify(&same).is_ok());
}

#[test]
fn b1_a_nonce_belongs_to_its_peer_realm_and_server() {
    let mut setup = Setup::new(Config::default());
    let challenge = setup.challenge();
    let register = setup.request(&challenge, "secret");
    let other: IpAddr = "192.0.2.2".parse().unwrap();
    assert_eq!(setup.verify_as(&register, other, Some(&ha1())), Err(Rejected::ForeignNonce));
    let mapped: IpAddr = "::ffff:192.0.2.1".parse().unwrap();
    assert!(setup.verify_as(&register, mapped, Some(&ha1())).is_ok(), "one peer on a socket for both families");

    let mut restarted = Setup::new(Config::default());
    restarted.challenger = Challenger::new(restarted.now, [8; 32], Config::default());
    assert_eq!(restarted.verify(&register), Err(Rejected::ForeignNonce));

    let nonce = challenge.nonce.clone();
    for index in [0, 11, 19, 20, 43] {
        let mut forged = nonce.clone().into_bytes();
        forged[index] = if forged[index] == b'0' { b'1' } else { b'0' };
        let forged = Challenge { nonce: String::from_utf8(forged).unwrap(), ..challenge.clone() };
        let request = setup.request(&forged, "secret");
        assert_eq!(setup.verify(&request), Err(Rejected::ForeignNonce));
    }
    for forged in ["", "0", "abc", "zz", &nonce[..42], &format!("{nonce}00")] {
        let request = setup.request(&Challenge { nonce: forged.to_owned(), ..challenge.clone() }, "secret");
        assert_eq!(setup.verify(&request), Err(Rejected::ForeignNonce), "{forged:?}");
    }
}

#[test]
fn b2_only_an_old_nonce_with_the_right_secret_is_stale() {
    let mut setup = Setup::new(Config::default());
    let challenge = setup.challenge();
    let life = Config::default().nonce_life;
    setup.now += life;
    let request = setup.request(&challenge, "secret");
    assert!(setup.verify(&request).is_ok());
    setup.now += Duration::from_millis(1);
    let right = setup.request(&challenge, "secret");
    let wrong = setup.request(&challenge, "wrong");
    assert_eq!(setup.verify(&wrong), Err(Rejected::Credentials));
    assert_eq!(setup.verify(&right), Err(Rejected::Stale));
    assert_eq!(setup.challenger.nonces(), 0);
    let again = setup.challenges(true).remove(0);
    assert!(again.stale);
    setup.count = 0;
    let request = setup.request(&again, "secret");
    assert!(setup.verify(&request).is_ok());
    // The clock of the peer plays no part, and a monotonic clock does not jump back before the start.
    setup.now -= life * 10;
    setup.verify(&request).unwrap_err();
}

#[test]
fn b3_no_downgrade() {
    let mut setup = Setup::new(Config::default());
    let offered = setup.challenges(false);
    let md5 = setup.request(&offered[1], "secret");
    let strict = ha1().without_md5();
    assert_eq!(setup.verify_as(&md5, PEER, Some(&strict)), Err(Rejected::Algorithm));
    let sha256 = setup.request(&offered[0], "secret");
    // qop removed, changed, or without what belongs to it.
    for (from, to) in [
        (",qop=auth", ""),
        ("qop=auth", "qop=auth-int"),
        ("cnonce=\"c0ffee\"", "cnonce=\"\""),
        (",cnonce=\"c0ffee\"", ""),
        (",nc=00000002", ""),
        ("nc=00000002", "nc=2"),
        ("nc=00000002", "nc=00000000"),
        ("nc=00000002", "nc=0000000g"),
    ] {
        assert_eq!(
            setup.verify_as(&with_value(&sha256, from, to), PEER, Some(&strict)),
            Err(Rejected::Qop),
            "{from}→{to}"
        );
    }
    for to in ["algorithm=SHA-512-256", "algorithm=MD5-sess", "algorithm=x"] {
        let changed = with_value(&sha256, "algorithm=SHA-256", to);
        assert_eq!(setup.verify_as(&changed, PEER, Some(&strict)), Err(Rejected::Algorithm), "{to}");
    }
    let only_strong = Config { algorithms: vec![Algorithm::Sha256], ..Config::default() };
    let mut setup = Setup::new(only_strong);
    let challenge = Challenge { algorithm: Algorithm::Md5, ..setup.challenge() };
    let request = setup.request(&challenge, "secret");
    assert_eq!(setup.verify(&request), Err(Rejected::Algorithm), "not offered");
}

#[test]
fn b4_unknown_users_and_wrong_secrets_get_the_same() {
    let mut setup = Setup::new(Config::default());
    let challenge = setup.challenge();
    let wrong = setup.request(&challenge, "wrong");
    let right = setup.request(&challenge, "secret");
    assert_eq!(setup.verify(&wrong), Err(Rejected::Credentials));
    assert_eq!(setup.verify_as(&right, PEER, None), Err(Rejected::Credentials));
    // Even who knows the decoy is not let in as a user who does not exist, or by an algorithm the account has not.
    let decoy = Credentials::from_ha1("100", REALM, setup.challenger.decoy.clone());
    let lucky = request(&decoy, &challenge, 9);
    assert_eq!(setup.verify_as(&lucky, PEER, None), Err(Rejected::Credentials));
    let none = Ha1 { md5: None, sha256: None };
    setup.verify_as(&right, PEER, Some(&none)).unwrap_err();
    assert_eq!(setup.challenger.nonces(), 0, "strangers leave no state");
}

#[test]
fn limit_nonces_max() {
    let mut setup = Setup::new(Config { nonces_max: 3, ..Config::default() });
    let challenges: Vec<Challenge> = (0..5)
        .map(|_| {
            setup.now += Duration::from_millis(1);
            setup.challenge()
        })
        .collect();
    for challenge in &challenges {
        let request = request(&Credentials::new("100", "secret"), challenge, 1);
        assert!(setup.verify(&request).is_ok());
        assert!(setup.challenger.nonces() <= 3);
    }
    // What made room counts as expired: it cannot be replayed, and its owner gets a fresh nonce without a question.
    let forgotten = request(&Credentials::new("100", "secret"), &challenges[1], 1);
    assert_eq!(setup.verify(&forgotten), Err(Rejected::Stale));
    let kept = request(&Credentials::new("100", "secret"), &challenges[4], 2);
    assert!(setup.verify(&kept).is_ok());
}

#[test]
fn malformed_authorizations_are_told_apart_from_none() {
    let find = |value: &str| {
        let request = Request::new(Method::Register, uri()).with_header(HeaderName::Authorization, value.to_owned());
        Authorization::find(&request, Side::User, REALM)
    };
    let none = Request::new(Method::Register, uri());
    assert_eq!(Authorization::find(&none, Side::User, REALM), Err(AuthorizationError::Missing));
    // RFC 4475 §3.3.7.
    assert_eq!(find("NoOneKnowsThisScheme opaque-data=here"), Err(AuthorizationError::Missing));
    let good = "Digest username=\"100\",realm=\"acme.test\",nonce=\"n\",uri=\"sip:acme.test\",response=\"r\"";
    assert!(find(good).is_ok());
    assert_eq!(find(&good.replace("acme.test\",n", "other.test\",n")), Err(AuthorizationError::Missing));
    for bad in [
        "Digest ",
        "Digest x",
        "Digest username=\"100",
        "Digest ,",
        &good.replace("realm", "realms"),
        &format!("{good},username=\"101\""),
        &format!("{good},USERNAME=\"101\""),
    ] {
        assert!(matches!(find(bad), Err(AuthorizationError::Malformed(_) | AuthorizationError::Missing)), "{bad}");
    }
    assert!(find(&good.replace("Digest", "dIGEST").replace(',', " , ")).is_ok());
    let many = vec![good.replace("acme", "a"); limit::CHALLENGES_MAX];
    let mut request = Request::new(Method::Register, uri());
    many.into_iter().for_each(|value| request.headers.push(HeaderName::Authorization, value));
    request.headers.push(HeaderName::Authorization, good);
    assert_eq!(Authorization::find(&request, Side::User, REALM), Err(AuthorizationError::Missing));
}

#[test]
fn challenges_cannot_be_injected_through_the_realm() {
    let mut setup = Setup::new(Config::default());
    let mut headers = Headers::new();
    setup.challenger.challenge(setup.now, Side::Proxy, "a\"\r\nVia: x,b=\"", PEER, false, &mut headers);
    let value = headers.get_str(&HeaderName::ProxyAuthenticate).unwrap();
    assert!(value.starts_with("Digest realm=\"a\\\"Via: x,b=\\\"\",nonce="), "{value}");
}

/// C8: what a stranger's REGISTER draws, as a share of it. A phone's request is answered within the bound; a crafted
/// minimum is not: the endpoint says nothing then.
#[test]
fn c8_a_challenge_is_no_amplifier() {
    let ratio = |text: &str| {
        let bytes = bytes::Bytes::from(text.to_owned());
        let Ok(crate::message::Message::Request(request)) = crate::message::parse(bytes.clone()) else { panic!() };
        let mut setup = Setup::new(Config::default());
        let mut response = Response::answering(&request, StatusCode::UNAUTHORIZED);
        setup.challenger.challenge(setup.now, Side::User, REALM, PEER, false, &mut response.headers);
        (bytes.len(), response.to_bytes().len())
    };
    let phone = ratio(
        "REGISTER sip:acme.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bK8b8cb1a5c3f5d9c6;rport\r\n\
         Contact: <sip:100-0x55c2a8f8d8b0@192.0.2.1:5060>;expires=3600;+sip.instance=\"<urn:uuid:5c2f1a0e-1b1c-4f6e-8d6a>\"\r\n\
         Max-Forwards: 70\r\nTo: <sip:100@acme.test>\r\nFrom: <sip:100@acme.test>;tag=8d6a5c2f1a0e\r\nCall-ID: 1b1c4f6e8d6a5c2f\r\n\
         CSeq: 22012 REGISTER\r\nUser-Agent: baresip v3.15.0 (x86_64/Linux)\r\nSupported: gruu,path,outbound\r\n\
         Allow: INVITE,ACK,BYE,CANCEL,OPTIONS,NOTIFY,INFO,MESSAGE,UPDATE,REFER\r\nContent-Length: 0\r\n\r\n",
    );
    assert!(limit::answer_fits(phone.0, phone.1), "{phone:?}");
    let least =
        ratio("REGISTER sip:a SIP/2.0\r\nv:SIP/2.0/UDP a\r\nf:sip:a\r\nt:sip:a\r\ni:1\r\nCSeq:1 REGISTER\r\n\r\n");
    assert!(!limit::answer_fits(least.0, least.1), "{least:?}");
}
