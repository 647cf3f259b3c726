//! The driver on loopback with real sockets and ports of the kernel's choice (F46).

use std::{
    collections::HashSet,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use sip::{
    endpoint::{ClientRequestId, Destination, OutboundRequest},
    message::{Message, Method, NameAddr, Uri, parse},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, UdpSocket},
    sync::mpsc,
};

use super::*;

mod calls;
mod descriptors;
mod streams;

/// A switch that answers what it is asked and keeps what it heard.
struct Answering {
    events: mpsc::UnboundedSender<Event>,
    refusals: mpsc::UnboundedSender<(Subject, CommandError)>,
}

impl SipSink for Answering {
    fn handle_event(&self, _now: Instant, event: Event, commands: &mut Vec<Command>) {
        match &event {
            Event::Request { transaction, .. } => commands.push(Command::Respond {
                transaction: *transaction,
                status: 200,
                reason: None,
                headers: Vec::new(),
                body: Bytes::new(),
            }),
            Event::Invite { session, .. } => {
                commands.push(Command::Answer { session: *session, body: Bytes::new(), headers: Vec::new() });
            }
            _ => {}
        }
        // A test that has ended hears no more.
        drop(self.events.send(event));
    }

    fn handle_refusal(&self, subject: Subject, error: CommandError) {
        self.refusals.send((subject, error)).unwrap_or_default();
    }
}

struct Fixture {
    driver: SipDriver,
    events: mpsc::UnboundedReceiver<Event>,
    refusals: mpsc::UnboundedReceiver<(Subject, CommandError)>,
    udp: SocketAddr,
    tcp: SocketAddr,
}

fn loopback() -> SocketAddr {
    (Ipv4Addr::LOCALHOST, 0).into()
}

fn config(shards: u16) -> SipConfig {
    let listeners = vec![Listener::new(Transport::Udp, loopback()), Listener::new(Transport::Tcp, loopback())];
    SipConfig { listeners, shards, ..SipConfig::default() }
}

fn start(config: SipConfig) -> Fixture {
    start_tapped(config, None)
}

fn start_tapped(config: SipConfig, tap: Option<Arc<dyn MessageTap>>) -> Fixture {
    let (event_sender, events) = mpsc::unbounded_channel();
    let (refusal_sender, refusals) = mpsc::unbounded_channel();
    let sink = Arc::new(Answering { events: event_sender, refusals: refusal_sender });
    let driver = SipDriver::start(config, sink, tap).unwrap();
    let of = |transport| driver.local_addresses().iter().find(|(known, _)| *known == transport).unwrap().1;
    Fixture { udp: of(Transport::Udp), tcp: of(Transport::Tcp), driver, events, refusals }
}

/// A request outside any dialog, with what makes it one of a kind taken from `number`.
fn request(method: &str, transport: &str, number: u64, body: &str) -> String {
    format!(
        "{method} sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/{transport} 127.0.0.1:9;rport;branch=z9hG4bK-{number}\r\n\
        Max-Forwards: 70\r\nFrom: <sip:a@127.0.0.1>;tag=f{number}\r\nTo: <sip:b@127.0.0.1>\r\n\
        Call-ID: call-{number}\r\nCSeq: 1 {method}\r\nContact: <sip:a@127.0.0.1:9>\r\n\
        Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn udp_client(server: SocketAddr) -> UdpSocket {
    let socket = UdpSocket::bind(loopback()).await.unwrap();
    socket.connect(server).await.unwrap();
    socket
}

async fn receive(socket: &UdpSocket) -> String {
    let mut buffer = vec![0; 65_536];
    let length = socket.recv(&mut buffer).await.unwrap();
    String::from_utf8(buffer[..length].to_vec()).unwrap()
}

async fn ask(socket: &UdpSocket, message: &str) -> String {
    socket.send(message.as_bytes()).await.unwrap();
    receive(socket).await
}

fn assert_status(response: &str, status: u16, number: u64) {
    assert!(response.starts_with(&format!("SIP/2.0 {status} ")), "{response}");
    assert!(response.contains(&format!("branch=z9hG4bK-{number}")), "{response}");
}

#[tokio::test]
async fn options_are_answered_over_udp_by_any_number_of_shards() {
    for (shards, socket_per_shard) in [(1, false), (4, false), (4, true)] {
        let mut config = config(shards);
        config.listeners[0].socket_per_shard = socket_per_shard;
        let f = start(config);
        for number in 0..50 {
            // Each client is another peer for a kernel that spreads peers over sockets.
            let client = udp_client(f.udp).await;
            let response = ask(&client, &request("OPTIONS", "UDP", number, "")).await;
            assert_status(&response, 200, number);
            // RFC 3581: the port we really came from.
            assert!(response.contains(&format!("rport={}", client.local_addr().unwrap().port())), "{response}");
        }
        assert_eq!(f.driver.handle().counters().received, 50);
        f.driver.stop().await;
    }
}

#[tokio::test]
async fn a_long_datagram_arrives_whole_and_a_cut_one_is_refused() {
    let f = start(config(2));
    let client = udp_client(f.udp).await;
    let whole = request("MESSAGE", "UDP", 1, &"x".repeat(60_000))
        .replace("Content-Length", "Content-Type: text/plain\r\nContent-Length");
    assert_status(&ask(&client, &whole).await, 200, 1);
    // §18.3: a datagram shorter than its Content-Length is refused with 400.
    let cut = request("MESSAGE", "UDP", 2, "0123456789")
        .replace("Content-Length", "Content-Type: text/plain\r\nContent-Length");
    assert_status(&ask(&client, &cut[..cut.len() - 1]).await, 400, 2);
}

/// C1: what is no SIP gets no answer, and afterwards everything works as before.
#[tokio::test]
async fn a_flood_of_garbage_is_answered_by_silence() {
    let f = start(config(2));
    let client = udp_client(f.udp).await;
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for number in 0..20_000_u64 {
        let garbage: Vec<u8> = (0..number % 97)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect();
        // A full buffer is loss, which is allowed here.
        drop(client.try_send(&garbage));
        if number % 64 == 0 {
            tokio::task::yield_now().await;
        }
    }
    for keep_alive in [&b"\r\n\r\n"[..], b"\r\n", b"\0\0\0\0", b""] {
        client.send(keep_alive).await.unwrap();
    }
    // The first thing that comes back is the answer to the first thing that was SIP.
    assert_status(&ask(&client, &request("OPTIONS", "UDP", 1, "")).await, 200, 1);
    assert!(f.driver.handle().counters().sent == 1);
}

#[tokio::test]
async fn a_stopped_driver_leaves_its_ports_to_the_next() {
    let mut next = config(2);
    for _ in 0..5 {
        let f = start(next.clone());
        next.listeners[0].bind = f.udp;
        next.listeners[1].bind = f.tcp;
        let client = udp_client(f.udp).await;
        assert_status(&ask(&client, &request("OPTIONS", "UDP", 1, "")).await, 200, 1);
        // A connection that is up does not hold the port either.
        let mut stream = TcpStream::connect(f.tcp).await.unwrap();
        stream.write_all(request("OPTIONS", "TCP", 2, "").as_bytes()).await.unwrap();
        let mut byte = [0];
        stream.read_exact(&mut byte).await.unwrap();
        let handle = f.driver.handle();
        f.driver.stop().await;
        assert_eq!(handle.command(hang_up(&handle)).await, Err(Stopped));
    }
}

fn hang_up(handle: &SipHandle) -> Command {
    Command::HangUp { session: handle.new_session(), status: 480, reason: None }
}

#[tokio::test]
async fn an_address_in_use_is_an_error_that_names_it() {
    let f = start(config(2));
    let (sender, _) = mpsc::unbounded_channel();
    let (refusals, _) = mpsc::unbounded_channel();
    let sink = Arc::new(Answering { events: sender, refusals });
    for (transport, bind) in [(Transport::Udp, f.udp), (Transport::Tcp, f.tcp)] {
        for socket_per_shard in [false, true] {
            let listener = Listener { socket_per_shard, ..Listener::new(transport, bind) };
            let config = SipConfig { listeners: vec![listener], shards: 2, ..SipConfig::default() };
            let error = SipDriver::start(config, Arc::clone(&sink) as Arc<dyn SipSink>, None).unwrap_err();
            assert!(error.to_string().contains(&bind.to_string()), "{error}");
        }
    }
    let wildcard = Listener::new(Transport::Udp, "0.0.0.0:0".parse().unwrap());
    let config = SipConfig { listeners: vec![wildcard], ..SipConfig::default() };
    let error = SipDriver::start(config, sink, None).unwrap_err();
    assert!(matches!(error, StartError::NoAdvertisedAddress { .. }), "{error}");
}

/// Two servers must not share an address unnoticed, even if both ask for a socket per shard.
#[tokio::test]
async fn shared_sockets_are_not_shared_with_another_process() {
    let mut first = config(2);
    first.listeners[0].socket_per_shard = true;
    let f = start(first);
    let listener = Listener { socket_per_shard: true, ..Listener::new(Transport::Udp, f.udp) };
    let config = SipConfig { listeners: vec![listener], shards: 2, ..SipConfig::default() };
    let (events, _) = mpsc::unbounded_channel();
    let (refusals, _) = mpsc::unbounded_channel();
    let error = SipDriver::start(config, Arc::new(Answering { events, refusals }), None).unwrap_err();
    assert!(matches!(error, StartError::Bind { .. }), "{error}");
}

#[derive(Default)]
struct Recorder(Mutex<Vec<(Direction, Transport, SocketAddr, usize)>>);

impl MessageTap for Recorder {
    fn message(
        &self,
        direction: Direction,
        transport: Transport,
        _local: Option<SocketAddr>,
        remote: SocketAddr,
        bytes: &Bytes,
    ) {
        self.0.lock().unwrap().push((direction, transport, remote, bytes.len()));
    }
}

#[tokio::test]
async fn a_tap_sees_both_directions() {
    let tap = Arc::new(Recorder::default());
    let f = start_tapped(config(1), Some(Arc::clone(&tap) as Arc<dyn MessageTap>));
    let client = udp_client(f.udp).await;
    let question = request("OPTIONS", "UDP", 1, "");
    let answer = ask(&client, &question).await;
    let remote = client.local_addr().unwrap();
    let seen = tap.0.lock().unwrap().clone();
    let expected = [
        (Direction::In, Transport::Udp, remote, question.len()),
        (Direction::Out, Transport::Udp, remote, answer.len()),
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_refused_command_is_told_to_the_switch() {
    let mut f = start(config(3));
    let handle = f.driver.handle();
    for _ in 0..3 {
        let command = hang_up(&handle);
        let subject = Subject::of(&command);
        handle.command(command).await.unwrap();
        assert_eq!(f.refusals.recv().await.unwrap(), (subject, CommandError::UnknownSession));
    }
    assert!(handle.try_command(hang_up(&handle)).is_ok());
}

/// What is dropped when a shard cannot follow: new requests first, calls that are up last.
#[test]
fn a_full_inbox_drops_new_requests_first() {
    let (router, mut inboxes) = route::routes(1);
    let flow = Flow { transport: Transport::Udp, local: loopback(), remote: loopback(), connection: 0 };
    let new = Bytes::from(request("INVITE", "UDP", 1, ""));
    let ongoing = Bytes::from(request("BYE", "UDP", 1, ""));
    for _ in 0..INBOX_MESSAGES {
        router.offer(0, flow, new.clone());
    }
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed) as usize;
    assert_eq!(count(&router.counters().requests_dropped), INBOX_MESSAGES / 4);
    for _ in 0..INBOX_MESSAGES / 4 {
        router.offer(0, flow, ongoing.clone());
    }
    assert_eq!(count(&router.counters().messages_dropped), 0);
    router.offer(0, flow, ongoing.clone());
    assert_eq!(count(&router.counters().messages_dropped), 1);
    inboxes[0].try_recv().unwrap();
    router.offer(0, flow, new);
    assert_eq!(count(&router.counters().requests_dropped), INBOX_MESSAGES / 4 + 1);
    router.offer(0, flow, ongoing);
    assert_eq!(count(&router.counters().messages_dropped), 1);
}
