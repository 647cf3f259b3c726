//! Calls over several shards.

use super::*;

struct Caller {
    socket: UdpSocket,
    number: u64,
    to: String,
}

impl Caller {
    /// Calls, is answered, and confirms.
    async fn call(server: SocketAddr, number: u64, extra: &str) -> Self {
        let socket = udp_client(server).await;
        let invite = request("INVITE", "UDP", number, "").replace("Max-Forwards", &format!("{extra}Max-Forwards"));
        socket.send(invite.as_bytes()).await.unwrap();
        let answer = loop {
            let response = receive(&socket).await;
            if !response.starts_with("SIP/2.0 1") {
                break response;
            }
        };
        assert_status(&answer, 200, number);
        let to = answer.lines().find(|line| line.starts_with("To:")).unwrap().to_owned();
        let caller = Self { socket, number, to };
        caller.send("ACK", 1).await;
        caller
    }

    async fn send(&self, method: &str, cseq: u32) {
        let message = request(method, "UDP", self.number, "")
            .replace("To: <sip:b@127.0.0.1>", &self.to)
            .replace("branch=z9hG4bK-", &format!("branch=z9hG4bK-{method}-"))
            .replace("CSeq: 1 ", &format!("CSeq: {cseq} "));
        self.socket.send(message.as_bytes()).await.unwrap();
    }

    fn to_tag(&self) -> &str {
        self.to.split("tag=").nth(1).unwrap()
    }
}

/// Every message of a call meets the endpoint of its Call-ID, whichever socket and connection it comes over.
#[tokio::test]
async fn calls_go_through_on_every_shard() {
    let mut f = start(config(4));
    let mut shards = HashSet::new();
    for number in 0..20 {
        let caller = Caller::call(f.udp, number, "").await;
        let Event::Invite { session, .. } = f.events.recv().await.unwrap() else { panic!("the call comes first") };
        assert_eq!(session.shard(), sip::endpoint::shard_of(format!("call-{number}").as_bytes(), 4));
        shards.insert(session.shard());
        assert!(matches!(f.events.recv().await.unwrap(), Event::Confirmed { session: of, .. } if of == session));
        caller.send("BYE", 2).await;
        assert!(receive(&caller.socket).await.starts_with("SIP/2.0 200 "));
        assert!(matches!(f.events.recv().await.unwrap(), Event::Ended { session: of, .. } if of == session));
    }
    assert_eq!(shards.len(), 4);
}

/// RFC 3891: the dialog to be replaced may belong to another shard than the call that replaces it.
#[tokio::test]
async fn replaces_finds_its_dialog_on_any_shard() {
    let mut f = start(config(4));
    let first = Caller::call(f.udp, 1, "").await;
    let Event::Invite { session: replaced, .. } = f.events.recv().await.unwrap() else {
        panic!("the call comes first")
    };
    f.events.recv().await.unwrap();
    for number in 2..12 {
        // The dialog as the endpoint sees it: its own tag is the To tag of the INVITE it got.
        let replaces = format!("Replaces: call-1;to-tag={};from-tag=f1\r\n", first.to_tag());
        Caller::call(f.udp, number, &replaces).await;
        let Event::Invite { replaces_session, replaces, .. } = f.events.recv().await.unwrap() else {
            panic!("the call comes before its confirmation")
        };
        assert_eq!(replaces_session, Some(replaced));
        assert_eq!(f.driver.handle().find_session(replaces.unwrap()).await, Some(replaced));
        assert!(matches!(f.events.recv().await.unwrap(), Event::Confirmed { .. }));
    }
    let unknown = format!("Replaces: call-1;to-tag=nobody;from-tag={}\r\n", "f1");
    let socket = udp_client(f.udp).await;
    let invite = request("INVITE", "UDP", 99, "").replace("Max-Forwards", &format!("{unknown}Max-Forwards"));
    socket.send(invite.as_bytes()).await.unwrap();
    receive(&socket).await;
    if let Ok(Event::Invite { replaces_session, .. }) = f.events.try_recv() {
        assert_eq!(replaces_session, None);
    }
}

/// A listener on the wildcard shows peers the address it was told to.
#[tokio::test]
async fn the_advertised_address_stands_in_contact() {
    let advertised = Some(AdvertisedHost { host: "pbx.example.com".to_owned(), port: Some(5_099) });
    let wildcard = Listener { advertised, ..Listener::new(Transport::Udp, "0.0.0.0:0".parse().unwrap()) };
    let tcp = Listener::new(Transport::Tcp, loopback());
    let f = start(SipConfig { listeners: vec![wildcard, tcp], shards: 1, ..SipConfig::default() });
    let server = (Ipv4Addr::LOCALHOST, f.udp.port()).into();
    let socket = udp_client(server).await;
    socket.send(request("INVITE", "UDP", 1, "").as_bytes()).await.unwrap();
    let answer = receive(&socket).await;
    let contact = answer.lines().find(|line| line.starts_with("Contact:")).unwrap();
    assert!(contact.contains("pbx.example.com:5099"), "{contact}");
}
