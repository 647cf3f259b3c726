use super::*;
use crate::message::{Message, parse};

fn received() -> Received {
    Received {
        transport: "UDP".to_owned(),
        local: "192.0.2.10:5060".parse().unwrap(),
        remote: "192.0.2.1:5060".parse().unwrap(),
        connection: 0,
    }
}

fn request(cseq: u32, lines: &str) -> Request {
    from("1@192.0.2.1", cseq, lines)
}

fn from(call_id: &str, cseq: u32, lines: &str) -> Request {
    let text = format!(
        "REGISTER sip:acme.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{cseq}\r\nf: <sip:100@acme.test>;tag=1\r\n\
         t: <sip:100@acme.test>\r\ni: {call_id}\r\nCSeq: {cseq} REGISTER\r\n{lines}\r\n"
    );
    match parse(Bytes::from(text)) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

/// Registers and keeps what holds; gives the Contact values of the answer.
fn register(
    bindings: &mut Bindings,
    now: u64,
    request: &Request,
    limits: &Limits,
) -> Result<Vec<String>, RegisterError> {
    let before = bindings.clone();
    match bindings.register(now, request, &received(), limits) {
        Ok(registered) => {
            let response = registered.response(now, request);
            *bindings = registered.bindings;
            let contacts = response.headers.get_all(&HeaderName::Contact);
            Ok(contacts.map(|value| String::from_utf8(value.to_vec()).unwrap()).collect())
        }
        Err(error) => {
            assert_eq!(*bindings, before, "a failing request changes nothing");
            Err(error)
        }
    }
}

fn limits() -> Limits {
    Limits::default()
}

#[test]
fn f48_a_contact_is_added_refreshed_and_removed() {
    let mut bindings = Bindings::new();
    let add = request(1, "m: <sip:100@192.0.2.1:5060>\r\nExpires: 600\r\nUser-Agent: Phone\r\n");
    assert_eq!(register(&mut bindings, 1_000, &add, &limits()).unwrap(), ["<sip:100@192.0.2.1:5060>;expires=600"]);
    assert_eq!((bindings.all()[0].expires_at, bindings.all()[0].user_agent.as_str()), (1_600, "Phone"));
    let query = request(2, "");
    assert_eq!(register(&mut bindings, 1_100, &query, &limits()).unwrap(), ["<sip:100@192.0.2.1:5060>;expires=500"]);
    let refresh = request(3, "m: <sip:100@192.0.2.1:5060>;expires=700\r\nExpires: 60\r\n");
    assert_eq!(register(&mut bindings, 1_200, &refresh, &limits()).unwrap(), ["<sip:100@192.0.2.1:5060>;expires=700"]);
    let remove = request(4, "m: <sip:%31%30%30@192.0.2.1:5060>;expires=0\r\n");
    assert!(register(&mut bindings, 1_300, &remove, &limits()).unwrap().is_empty());
    assert!(bindings.is_empty());
}

#[test]
fn a_query_is_told_from_a_change() {
    let bindings = Bindings::new();
    assert!(!bindings.register(0, &request(1, ""), &received(), &limits()).unwrap().changed);
    assert!(bindings.register(0, &request(1, "m: <sip:a@b>\r\n"), &received(), &limits()).unwrap().changed);
}

#[test]
fn f48_times_are_clamped_and_refused() {
    let granted = |lines: &str| register(&mut Bindings::new(), 0, &request(1, lines), &limits());
    let contact = |expires: &str| format!("m: <sip:a@b>{expires}\r\n");
    assert_eq!(granted(&contact(";expires=60")).unwrap(), ["<sip:a@b>;expires=60"]);
    assert_eq!(granted(&contact(";expires=59")), Err(RegisterError::IntervalTooBrief { min_expires: 60 }));
    assert_eq!(granted(&contact(";expires=3601")).unwrap(), ["<sip:a@b>;expires=3600"]);
    // §10.2.1.1 and B6: malformed, 2^32 and more are the default.
    for odd in ["", ";expires=4294967296", ";expires=99999999999999999999", ";expires=-1", ";expires=\"x\"", ";expires"]
    {
        assert_eq!(granted(&contact(odd)).unwrap(), ["<sip:a@b>;expires=3600"], "{odd}");
    }
    let error = RegisterError::IntervalTooBrief { min_expires: 60 };
    let response = error.response(&request(1, ""));
    assert_eq!((response.status.code(), response.headers.number(&HeaderName::MinExpires)), (423, Some(60)));
    // §10.3 step 7: an hour is never too brief.
    let strict = Limits { min_expires: 7_200, max_expires: 9_000, ..limits() };
    assert!(register(&mut Bindings::new(), 0, &request(1, "m: <sip:a@b>;expires=3600\r\n"), &strict).is_ok());
}

#[test]
fn one_bad_contact_spoils_the_whole_request() {
    let mut bindings = Bindings::new();
    register(&mut bindings, 0, &request(1, "m: <sip:a@b>\r\n"), &limits()).unwrap();
    for lines in [
        "m: <sip:c@d>, <sip:e@f>;expires=1\r\n",
        "m: <sip:c@d>, <mailto:x@y>\r\n",
        "m: <sip:c@d>, <sip:e@f>;q=1.1\r\n",
        "m: <sip:c@d>;q=x\r\n",
        "m: <sip:a@b>;expires=0, <sip:e@f>;expires=1\r\n",
    ] {
        register(&mut bindings, 1, &request(2, lines), &limits()).unwrap_err();
    }
    assert_eq!(bindings.all().len(), 1);
}

#[test]
fn star_removes_all_and_only_with_zero() {
    let mut bindings = Bindings::new();
    register(&mut bindings, 0, &request(1, "m: <sip:a@b>, <sip:c@d>\r\n"), &limits()).unwrap();
    for lines in ["m: *\r\n", "m: *\r\nExpires: 1\r\n", "m: *\r\nm: <sip:a@b>\r\nExpires: 0\r\n"] {
        let refused = bindings.register(1, &request(2, lines), &received(), &limits()).unwrap_err();
        assert_eq!(refused.status().code(), 400, "{lines}");
    }
    let star = "m: *\r\nExpires: 0\r\n";
    assert_eq!(register(&mut bindings, 1, &request(1, star), &limits()), Err(RegisterError::OutOfOrder));
    assert!(register(&mut bindings, 1, &request(2, star), &limits()).unwrap().is_empty());
    assert!(bindings.is_empty());
}

#[test]
fn an_older_request_of_the_same_call_id_is_refused() {
    let mut bindings = Bindings::new();
    register(&mut bindings, 0, &request(5, "m: <sip:a@b>\r\n"), &limits()).unwrap();
    for cseq in [4, 5] {
        let removal = request(cseq, "m: <sip:a@b>;expires=0\r\n");
        assert_eq!(register(&mut bindings, 1, &removal, &limits()), Err(RegisterError::OutOfOrder));
    }
    // A restarted phone begins again with a new Call-ID.
    register(&mut bindings, 2, &from("2@192.0.2.1", 1, "m: <sip:a@b>\r\n"), &limits()).unwrap();
    assert_eq!((bindings.all().len(), bindings.all()[0].cseq), (1, 1));
    // Two values for one contact in one request: the last counts.
    let twice = from("3", 1, "m: <sip:a@b>;expires=100\r\nm: <sip:a@B>;expires=200\r\n");
    assert_eq!(register(&mut bindings, 3, &twice, &limits()).unwrap(), ["<sip:a@B>;expires=200"]);
}

#[test]
fn f48_contacts_above_the_limit_are_refused_or_evict_the_oldest() {
    let full = || {
        let mut bindings = Bindings::new();
        for (index, user) in ["a", "b", "c"].iter().enumerate() {
            let contact = format!("m: <sip:{user}@h>\r\n");
            register(&mut bindings, index as u64, &from(user, 1, &contact), &limits()).unwrap();
        }
        register(&mut bindings, 10, &from("a", 2, "m: <sip:a@h>\r\n"), &limits()).unwrap();
        bindings
    };
    let refuse = Limits { contacts_max: 3, when_full: WhenFull::Refuse, ..limits() };
    let fourth = from("d", 1, "m: <sip:d@h>\r\n");
    assert_eq!(register(&mut full(), 11, &fourth, &refuse), Err(RegisterError::TooManyContacts));
    assert!(register(&mut full(), 11, &from("a", 3, "m: <sip:a@h>\r\n"), &refuse).is_ok(), "a refresh needs no room");

    let evict = Limits { when_full: WhenFull::EvictOldest, ..refuse };
    let registered = full().register(11, &fourth, &received(), &evict).unwrap();
    assert_eq!(registered.evicted.len(), 1);
    assert_eq!(registered.evicted[0].uri.user(), Some("b"), "refreshed longest ago");
    // One request may not evict its own contacts.
    let many = from("e", 1, "m: <sip:1@h>, <sip:2@h>, <sip:3@h>, <sip:4@h>\r\n");
    assert_eq!(register(&mut full(), 11, &many, &evict), Err(RegisterError::TooManyContacts));
    // B6: a thousand contacts are no list that is read.
    let list = (0..1_000).map(|index| format!("<sip:{index}@h>")).collect::<Vec<_>>();
    let lines: String = list.chunks(50).map(|part| format!("m: {}\r\n", part.join(","))).collect();
    assert_eq!(register(&mut full(), 11, &from("f", 1, &lines), &evict).unwrap_err().status().code(), 400);
    // Expired contacts take no room.
    assert!(register(&mut full(), 5_000, &many, &Limits { contacts_max: 4, ..evict }).is_ok());
}

#[test]
fn the_preferred_contact_comes_first() {
    let mut bindings = Bindings::new();
    let lines = "m: <sip:a@h>;q=0.5, <sip:b@h>;q=1.0, <sip:c@h>;q=0.75;expires=100\r\n";
    let contacts = register(&mut bindings, 0, &request(1, lines), &limits()).unwrap();
    assert_eq!(contacts, ["<sip:b@h>;expires=3600", "<sip:c@h>;q=0.750;expires=100", "<sip:a@h>;q=0.500;expires=3600"]);
    register(&mut bindings, 1, &from("2", 1, "m: <sip:d@h>\r\n"), &limits()).unwrap();
    let order: Vec<_> = bindings.active(2).iter().map(|binding| binding.uri.user().unwrap()).collect();
    assert_eq!(order, ["d", "b", "c", "a"]);
}

#[test]
fn bindings_end_at_their_second() {
    let mut bindings = Bindings::new();
    register(&mut bindings, 1_000, &request(1, "m: <sip:a@h>;expires=60, <sip:b@h>;expires=120\r\n"), &limits())
        .unwrap();
    assert_eq!(
        (bindings.next_expiry(), bindings.active(1_059).len(), bindings.active(1_060).len()),
        (Some(1_060), 2, 1)
    );
    assert_eq!(bindings.expire(1_060).len(), 1);
    assert_eq!(bindings.next_expiry(), Some(1_120));
}

#[test]
fn b6_path_is_kept_from_edge_proxies_only() {
    let lines = "m: <sip:a@h>\r\nPath: <sip:edge1.test;lr>, <sip:edge2.test;lr>\r\nSupported: path\r\n";
    let refused = register(&mut Bindings::new(), 0, &request(1, lines), &limits()).unwrap_err();
    assert_eq!(refused.status().code(), 403);
    let trusting = Limits { accept_path: true, ..limits() };
    let registered = Bindings::new().register(0, &request(1, lines), &received(), &trusting).unwrap();
    assert_eq!(registered.bindings.all()[0].path, ["<sip:edge1.test;lr>", "<sip:edge2.test;lr>"]);
    let response = registered.response(0, &request(1, lines));
    assert_eq!(response.headers.name_addrs(&HeaderName::Path).unwrap().len(), 2);
}

#[test]
fn a_device_keeps_one_binding_for_each_flow() {
    // RFC 5626 §6: the contact may change, instance and reg-id say which binding it is.
    let contact = |user: &str, reg_id: u32| {
        format!(
            "Supported: path, outbound\r\nm: <sip:{user}@h>;+sip.instance=\"<urn:uuid:00000000-0000-1000-8000-AABBCCDDEEFF>\";reg-id={reg_id}\r\n"
        )
    };
    let mut bindings = Bindings::new();
    register(&mut bindings, 0, &request(1, &contact("a", 1)), &limits()).unwrap();
    register(&mut bindings, 1, &request(2, &contact("a", 2)), &limits()).unwrap();
    register(&mut bindings, 2, &request(3, &contact("moved", 1)), &limits()).unwrap();
    let users: Vec<_> = bindings.all().iter().map(|binding| binding.uri.user().unwrap()).collect();
    assert_eq!(users, ["moved", "a"]);
    let registered = bindings.register(3, &request(4, &contact("moved", 1)), &received(), &limits()).unwrap();
    let response = registered.response(3, &request(4, ""));
    assert!(response.headers.has_token(&HeaderName::Require, "outbound"));
    assert!(response.headers.get_str(&HeaderName::Contact).unwrap().contains(";reg-id=1;expires=3600"));
}

#[test]
fn connections_of_an_earlier_run_are_forgotten() {
    let over = |connection| Received { connection, transport: "TCP".to_owned(), ..received() };
    let first = Bindings::new().register(0, &request(1, "m: <sip:a@h>\r\n"), &over(7), &limits()).unwrap().bindings;
    let mut both = first.register(0, &from("2", 1, "m: <sip:b@h>\r\n"), &over(8), &limits()).unwrap().bindings;
    both.forget_connections();
    assert_eq!(both.all().len(), 2);
    assert!(both.all().iter().all(|binding| binding.received.connection == 0 && binding.received.transport == "TCP"));
}

#[test]
fn rfc_4475_registrations() {
    let to = |uri: &str| {
        let text = format!(
            "REGISTER sip:acme.test SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nf: <sip:a@h>;tag=1\r\nt: {uri}\r\ni: 1\r\n\
             CSeq: 1 REGISTER\r\nm: <sip:a@h>\r\n\r\n"
        );
        let Ok(Message::Request(request)) = parse(Bytes::from(text)) else { panic!("{uri}") };
        Bindings::new().register(0, &request, &received(), &limits()).map(drop)
    };
    // §3.3.4.
    assert_eq!(to("isbn:2983792873").unwrap_err().status().code(), 400);
    assert!(to("sips:a@h").is_ok());
    // §3.3.14: the escaped Route is given back with the contact.
    let kept = "<sip:user@example.com?Route=%3Csip:sip.example.com%3E>";
    let contacts = register(&mut Bindings::new(), 0, &request(1, &format!("m: {kept}\r\n")), &limits()).unwrap();
    assert_eq!(contacts, [format!("{kept};expires=3600")]);
    // §3.1.1.4: escaped NULs are two contacts.
    let nulls = "m: <sip:%00@host5.example.com>\r\nm: <sip:%00%00@host5.example.com>\r\n";
    assert_eq!(register(&mut Bindings::new(), 0, &request(1, nulls), &limits()).unwrap().len(), 2);
}

#[test]
fn bindings_survive_a_store() {
    let mut bindings = Bindings::new();
    let lines = "m: <sip:a@[2001:db8::1]:5070;transport=tcp>;q=0.3;+x=\"y\\\"z\"\r\nUser-Agent: \"Ü\"\r\n";
    register(&mut bindings, 1_000, &request(1, lines), &limits()).unwrap();
    let json = serde_json::to_string(&bindings).unwrap();
    assert_eq!(serde_json::from_str::<Bindings>(&json).unwrap(), bindings);
    assert!(serde_json::from_str::<Bindings>(&json.replace("sip:a@", "sip:a b@")).is_err());
}
