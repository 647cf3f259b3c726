use super::*;

fn uri(text: &str) -> Uri {
    text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[track_caller]
fn check(a: &str, b: &str, expected: bool) {
    assert_eq!(uri(a).equivalent(&uri(b)), expected, "{a} {b}");
    assert_eq!(uri(b).equivalent(&uri(a)), expected, "{b} {a}");
}

#[test]
fn rfc_3261_section_19_1_4_equivalent_examples() {
    check("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp", true);
    check("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true);
    check("sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true);
    check(
        "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
        "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        true,
    );
    check(
        "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
        "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        true,
    );
}

#[test]
fn rfc_3261_section_19_1_4_different_examples() {
    check("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP", false);
    check("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false);
    check("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false);
    check("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false);
    check("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false);
    check("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false);
    check("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false);
    check("sip:a@b", "sips:a@b", false);
    check("sip:a@b;user=phone", "sip:a@b", false);
    check("sip:a:x@b", "sip:a@b", false);
    check("sip:@b".replace('@', "").as_str(), "sip:a@b", false);
}

#[test]
fn equivalence_is_not_transitive() {
    // §19.1.4 gives this very example.
    let [on, none, off] =
        ["sip:carol@chicago.com;security=on", "sip:carol@chicago.com", "sip:carol@chicago.com;security=off"];
    check(on, none, true);
    check(none, off, true);
    check(on, off, false);
}

#[test]
fn telephone_numbers_compare_without_their_separators() {
    check("tel:+1-201-555-0123", "tel:+12015550123", true);
    check("tel:+1(201)555.0123;a=b;c=d", "TEL:+12015550123;C=D;A=B", true);
    check("tel:7042;phone-context=example.com", "tel:7042", false);
    check("tel:+12015550123", "tel:12015550123", false);
    check("tel:863-12ab", "tel:86312AB", true);
    check("tel:+49301234", "sip:+49301234@h", false);
}

#[test]
fn other_schemes_are_kept_whole() {
    let soap = uri("soap.beep://192.0.2.103:3002");
    assert_eq!((soap.scheme().as_str(), soap.to_string().as_str()), ("soap.beep", "soap.beep://192.0.2.103:3002"));
    check("urn:service:sos", "URN:service:sos", true);
}

#[test]
fn every_part_is_read_and_written_back() {
    let text = "sips:al%20ice;x=1:pw@[2001:db8::1]:5061;transport=tls;lr?Subject=a%20b&To=x";
    let uri = uri(text);
    assert_eq!(uri.to_string(), text);
    assert_eq!((uri.user(), uri.password(), uri.port()), (Some("al%20ice;x=1"), Some("pw"), Some(5061)));
    assert_eq!(
        (uri.param("TRANSPORT"), uri.is_loose_route(), uri.header("subject").unwrap()),
        (Some("tls"), true, Bytes::from("a b"))
    );
    assert_eq!(uri.host().unwrap().to_string(), "[2001:db8::1]");
}

#[test]
fn built_uris_are_escaped() {
    let host: Host = std::net::IpAddr::from([192, 0, 2, 1]).into();
    let built = Uri::sip(Some("a b@c\r\n#1"), host, None)
        .with_param("transport", "t c;p")
        .with_flag("lr")
        .with_header("Replaces", "1@h;to-tag=2;from-tag=3")
        .with_header("X", "a&b=c");
    let read = uri(&built.to_string());
    assert_eq!(read, built);
    assert_eq!(read.user_unescaped().unwrap(), "a b@c\r\n#1");
    assert_eq!(read.header("replaces").unwrap(), "1@h;to-tag=2;from-tag=3");
    assert_eq!(read.header("x").unwrap(), "a&b=c");
    assert_eq!(
        built.with_user("b").without_headers().without_param("lr").without_param("transport").to_string(),
        "sip:b@192.0.2.1"
    );
}

#[test]
fn hosts_compare_without_case_and_final_dot() {
    assert!(uri("sip:a@Acme.TEST.").host().unwrap().is("acme.test"));
    assert!(uri("sip:a@[2001:db8::1]").host().unwrap().is("2001:DB8:0::1"));
    assert!(!uri("sip:a@acme.test.evil").host().unwrap().is("acme.test"));
}
