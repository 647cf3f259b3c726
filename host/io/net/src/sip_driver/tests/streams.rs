//! TCP: framing at every byte, bounds, slow and silent peers, and connections of our own.

use super::*;

/// Reads messages until there are `count` of them.
async fn read_messages(stream: &mut TcpStream, count: usize) -> Vec<String> {
    let mut framer = sip::message::Framer::new();
    let mut buffer = vec![0; 65_536];
    let mut messages = Vec::new();
    while messages.len() < count {
        let length = stream.read(&mut buffer).await.unwrap();
        assert!(length > 0, "closed after {} of {count} messages", messages.len());
        framer.push(&buffer[..length]);
        while let Some(frame) = framer.poll_frame() {
            if let sip::message::Frame::Message(bytes) = frame.unwrap() {
                messages.push(String::from_utf8(bytes.to_vec()).unwrap());
            }
        }
    }
    messages
}

/// Reads until the server closes; returns what it said before. A reset is an end as well.
async fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut rest = Vec::new();
    match stream.read_to_end(&mut rest).await {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
    }
    rest
}

/// A7: a request that comes byte by byte is the same request.
#[tokio::test]
async fn options_dribbled_byte_by_byte_are_answered() {
    let f = start(config(2));
    let mut stream = TcpStream::connect(f.tcp).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for number in 0..3 {
        for byte in request("OPTIONS", "TCP", number, "").as_bytes() {
            stream.write_all(&[*byte]).await.unwrap();
        }
        assert_status(&read_messages(&mut stream, 1).await[0], 200, number);
    }
}

/// A7: a thousand requests in one piece are a thousand requests, over any number of shards.
#[tokio::test]
async fn a_thousand_pipelined_requests_are_all_answered() {
    for shards in [1, 4] {
        let f = start(config(shards));
        let mut stream = TcpStream::connect(f.tcp).await.unwrap();
        let all: String = (0..1_000).map(|number| request("OPTIONS", "TCP", number, "")).collect();
        let (mut reader, mut writer) = stream.split();
        let write = async { writer.write_all(all.as_bytes()).await.unwrap() };
        let read = async {
            let mut text = String::new();
            let mut buffer = vec![0; 65_536];
            while text.matches("SIP/2.0 200 ").count() < 1_000 || !text.ends_with("\r\n\r\n") {
                let length = reader.read(&mut buffer).await.unwrap();
                assert!(length > 0);
                text.push_str(std::str::from_utf8(&buffer[..length]).unwrap());
            }
            text
        };
        let ((), text) = tokio::join!(write, read);
        let branches: HashSet<&str> = text.lines().filter_map(|line| line.split("branch=").nth(1)).collect();
        assert_eq!(branches.len(), 1_000);
    }
}

/// RFC 5626 §4.4.1: a double CRLF is answered by one.
#[tokio::test]
async fn a_ping_is_answered() {
    let f = start(config(1));
    let mut stream = TcpStream::connect(f.tcp).await.unwrap();
    stream.write_all(b"\r\n\r\n").await.unwrap();
    let mut pong = [0; 2];
    stream.read_exact(&mut pong).await.unwrap();
    assert_eq!(&pong, b"\r\n");
}

/// A4: a stream that cannot be cut into messages is told why and closed.
#[tokio::test]
async fn a_framing_error_is_refused_and_closes_the_connection() {
    let f = start(config(1));
    for (broken, answered) in [
        (request("OPTIONS", "TCP", 1, "").replace("Content-Length: 0", "Content-Length: 0\r\nContent-Length: 5"), true),
        (request("OPTIONS", "TCP", 1, "").replace("Content-Length: 0", "Content-Length: 99999999999999999999"), true),
        (format!("\r{}", "x".repeat(100)), false),
    ] {
        let mut stream = TcpStream::connect(f.tcp).await.unwrap();
        stream.write_all(broken.as_bytes()).await.unwrap();
        let answer = read_to_end(&mut stream).await;
        assert_eq!(answer.starts_with(b"SIP/2.0 4"), answered, "{}", String::from_utf8_lossy(&answer));
    }
}

/// C4: strangers get no more connections than their bound; who has authenticated does not count as one.
#[tokio::test]
async fn connections_are_bounded_per_address_and_in_all() {
    let mut config = config(1);
    config.connections = ConnectionLimits { total: 8, reserved: 4, per_address: 3, ..ConnectionLimits::default() };
    let mut f = start(config);
    let mut open = Vec::new();
    for number in 0..3 {
        open.push(asking(f.tcp, number).await.unwrap());
    }
    assert!(asking(f.tcp, 3).await.is_none());
    // A closed one makes room, as soon as the server has seen its end.
    let closed = f.driver.handle().counters().connections_ended;
    drop(open.pop());
    while f.driver.handle().counters().connections_ended == closed {
        tokio::task::yield_now().await;
    }
    open.push(asking(f.tcp, 4).await.unwrap());
    // Those with a name make room for strangers, up to the total.
    let handle = f.driver.handle();
    let mut trusted = 0;
    while let Ok(event) = f.events.try_recv() {
        if let Event::Request { flow, .. } = event {
            handle.trust(&flow);
            trusted += 1;
        }
    }
    assert_eq!(trusted, 4);
    for number in 5..8 {
        open.push(asking(f.tcp, number).await.unwrap());
    }
    assert!(asking(f.tcp, 8).await.is_none());
    let counters = handle.counters();
    assert_eq!((counters.connections, counters.connections_refused), (6, 2));
    // UDP is not concerned.
    assert_status(&ask(&udp_client(f.udp).await, &request("OPTIONS", "UDP", 9, "")).await, 200, 9);
}

/// A connection whose OPTIONS was answered, or `None` if it was closed instead.
async fn asking(server: SocketAddr, number: u64) -> Option<TcpStream> {
    let mut stream = TcpStream::connect(server).await.unwrap();
    // The server may have closed it before this is written.
    stream.write_all(request("OPTIONS", "TCP", number, "").as_bytes()).await.ok()?;
    let mut first = [0; 12];
    stream.read_exact(&mut first).await.ok()?;
    assert_eq!(&first, b"SIP/2.0 200 ");
    Some(stream)
}

/// C4: who connects and says nothing, says half of something, or falls silent is closed; who keeps alive is not.
#[tokio::test]
async fn silent_and_slow_senders_are_closed() {
    let soon = Duration::from_millis(60);
    let later = Duration::from_secs(3_600);
    let calm = ConnectionLimits { first_message: later, message: later, idle: later, ..ConnectionLimits::default() };
    for (limits, said) in [
        (ConnectionLimits { first_message: soon, ..calm.clone() }, ""),
        (ConnectionLimits { first_message: soon, ..calm.clone() }, "\r\n\r\n"),
        (ConnectionLimits { message: soon, ..calm.clone() }, "OPTIONS sip:x SIP/2.0\r\nVia: "),
        (ConnectionLimits { idle: soon, ..calm.clone() }, "whole"),
    ] {
        let mut config = config(1);
        config.connections = limits;
        let f = start(config);
        let mut stream = TcpStream::connect(f.tcp).await.unwrap();
        let said = if said == "whole" { request("OPTIONS", "TCP", 1, "") } else { said.to_owned() };
        stream.write_all(said.as_bytes()).await.unwrap();
        let answer = read_to_end(&mut stream).await;
        assert_eq!(answer.starts_with(b"SIP/2.0 200"), said.starts_with("OPTIONS sip:127"), "{said:?}");
        assert_eq!(f.driver.handle().counters().connections, 0);
    }
}

/// C4: a drip of one byte at a time does not put the end of the wait for the whole message off.
#[tokio::test]
async fn a_drip_does_not_keep_a_half_message_alive() {
    let mut config = config(1);
    config.connections.message = Duration::from_millis(60);
    let f = start(config);
    let mut stream = TcpStream::connect(f.tcp).await.unwrap();
    stream.write_all(request("OPTIONS", "TCP", 1, "").as_bytes()).await.unwrap();
    assert_eq!(read_messages(&mut stream, 1).await.len(), 1);
    let (mut reader, mut writer) = stream.split();
    let drip = async {
        let mut interval = tokio::time::interval(Duration::from_millis(5));
        loop {
            interval.tick().await;
            if writer.write_all(b"x").await.is_err() {
                return;
            }
        }
    };
    let closed = async {
        let mut rest = Vec::new();
        drop(reader.read_to_end(&mut rest).await);
    };
    tokio::select! {
        () = drip => {}
        () = closed => {}
    }
}

/// C4: a peer that asks and never reads is cut off at its own bound, and nobody else notices.
#[tokio::test]
async fn a_peer_that_never_reads_is_cut_off() {
    let mut config = config(1);
    config.connections.write = Duration::from_millis(200);
    let f = start(config);
    let stream = TcpStream::connect(f.tcp).await.unwrap();
    let mut number = 0;
    let all: String = (0..500).map(|number| request("OPTIONS", "TCP", number, "")).collect();
    // Until the server has closed: every answer goes into buffers that nobody empties.
    let mut stream = stream;
    while stream.write_all(all.as_bytes()).await.is_ok() {
        number += 1;
        if number % 8 == 0 {
            let other = udp_client(f.udp).await;
            assert_status(
                &ask(&other, &request("OPTIONS", "UDP", 1_000_000 + number, "")).await,
                200,
                1_000_000 + number,
            );
        }
    }
    assert!(asking(f.tcp, 1).await.is_some());
}

fn options_to(request: u64, destination: Destination) -> Command {
    let uri = |text: &'static str| Uri::parse(&Bytes::from_static(text.as_bytes())).unwrap();
    let party = || NameAddr::new(uri("sip:us@127.0.0.1"));
    let outbound = OutboundRequest::new(
        ClientRequestId(request),
        Method::Options,
        destination,
        uri("sip:trunk@127.0.0.1;transport=tcp"),
        (party(), party()),
    );
    Command::SendRequest(Box::new(outbound))
}

/// A request to an address opens a connection, the next one uses it, and the answer comes back over it.
#[tokio::test]
async fn our_own_connections_are_opened_on_demand_and_used_again() {
    let mut f = start(config(3));
    let peer = TcpListener::bind(loopback()).await.unwrap();
    let destination = Destination::Address { transport: Transport::Tcp, remote: peer.local_addr().unwrap() };
    let handle = f.driver.handle();
    for request in 0..6 {
        handle.command(options_to(request, destination)).await.unwrap();
    }
    let (mut stream, _) = peer.accept().await.unwrap();
    for text in read_messages(&mut stream, 6).await {
        let Ok(Message::Request(request)) = parse(Bytes::from(text)) else { panic!("a request was sent") };
        let response = sip::message::Response::answering(&request, sip::message::StatusCode::OK);
        stream.write_all(&response.to_bytes()).await.unwrap();
    }
    let mut answered = HashSet::new();
    while answered.len() < 6 {
        if let Event::Response { request, status, .. } = f.events.recv().await.unwrap() {
            assert_eq!(status, 200);
            answered.insert(request);
        }
    }
    assert_eq!(handle.counters().connections_opened, 1);
}

/// §18.2.2: what was to go over a connection that is gone goes over a new one to the same address, or fails.
#[tokio::test]
async fn a_lost_connection_is_replaced_by_one_to_the_same_address() {
    let mut f = start(config(1));
    let peer = TcpListener::bind(loopback()).await.unwrap();
    let remote = peer.local_addr().unwrap();
    let gone = Flow { transport: Transport::Tcp, local: f.tcp, remote, connection: 4_711 };
    f.driver.handle().command(options_to(1, Destination::Flow(gone))).await.unwrap();
    let (mut stream, _) = peer.accept().await.unwrap();
    assert!(read_messages(&mut stream, 1).await[0].starts_with("OPTIONS "));
    // Of a peer that says where it listens the port that it came from does not matter.
    let came_from = Flow { remote: (remote.ip(), 1).into(), ..gone };
    f.driver.handle().command(options_to(3, Destination::Reopen { flow: came_from, listener: remote })).await.unwrap();
    assert!(read_messages(&mut stream, 1).await[0].starts_with("OPTIONS "), "over the connection that is there");
    drop((peer, stream));
    let nobody = TcpListener::bind(loopback()).await.unwrap().local_addr().unwrap();
    f.driver.handle().command(options_to(2, Destination::Flow(Flow { remote: nobody, ..gone }))).await.unwrap();
    loop {
        if let Event::Response { request: ClientRequestId(2), status, .. } = f.events.recv().await.unwrap() {
            assert_eq!(status, 503);
            break;
        }
    }
}

/// RFC 3261 §17.1.4: a peer that cannot be reached ends the transaction with 503 at once.
#[tokio::test]
async fn a_connection_that_cannot_be_opened_fails_every_request_that_waits_for_it() {
    let mut f = start(config(3));
    let nobody = TcpListener::bind(loopback()).await.unwrap().local_addr().unwrap();
    let destination = Destination::Address { transport: Transport::Tcp, remote: nobody };
    for request in 0..6 {
        f.driver.handle().command(options_to(request, destination)).await.unwrap();
    }
    let mut failed = HashSet::new();
    while failed.len() < 6 {
        if let Event::Response { request, status, response } = f.events.recv().await.unwrap() {
            assert_eq!((status, response), (503, None));
            failed.insert(request);
        }
    }
}

#[test]
fn addresses_of_one_customer_count_as_one() {
    use crate::connection::address_class;
    let class = |text: &str| address_class(text.parse().unwrap());
    assert_eq!(class("2001:db8:1:2:3::4"), class("2001:db8:1:2:ffff::"));
    assert_ne!(class("2001:db8:1:2::"), class("2001:db8:1:3::"));
    assert_eq!(class("::ffff:192.0.2.1"), class("192.0.2.1"));
    assert_ne!(class("192.0.2.1"), class("192.0.2.2"));
}
