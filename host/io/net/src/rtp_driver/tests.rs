//! Real sockets on loopback: packets go through, ports come back, legs move between threads.

use std::net::{Ipv4Addr, UdpSocket};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use media::engine::{LegOptions, Source};
use media::negotiation::{Direction, LocalMedia, Negotiation};
use media::rtp::{Header, Packet};

use super::*;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn driver(threads: usize) -> RtpHandle {
    driver_with(threads, true)
}

fn driver_with(threads: usize, io_uring: bool) -> RtpHandle {
    let config = RtpConfig { threads, bind: LOOPBACK, advertised: None, ports: Ports::Ephemeral, io_uring };
    RtpDriver::start(config).unwrap()
}

/// With packets moved together and one by one.
fn in_both_ways(test: impl Fn(RtpHandle)) {
    [true, false].into_iter().for_each(|io_uring| test(driver_with(1, io_uring)));
}

/// A phone with a socket of its own, and the leg it talks to.
struct Phone {
    socket: UdpSocket,
    port: RtpPort,
    events: Receiver<Event>,
    sequence: u16,
}

impl Phone {
    fn new(handle: &RtpHandle, affinity: u64) -> Self {
        let socket = UdpSocket::bind((LOOPBACK, 0)).unwrap();
        // Only so that a broken test ends at all.
        socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        let (sender, events) = channel();
        let sink: EventSink = Arc::new(move |event| {
            sender.send(event).ok();
            Ok(())
        });
        let port = handle.allocate(affinity, LegOptions::default(), sink).unwrap();
        let local = LocalMedia {
            address: port.address(),
            session_id: 1,
            codecs: vec![codec::Codec::Pcmu],
            dtmf: true,
            ptime_ms: 20,
            trusted_addresses: Vec::new(),
        };
        let mut negotiation = Negotiation::new(local);
        negotiation.set_direction(Direction::SendRecv);
        let own = socket.local_addr().unwrap().port();
        let offer = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {own} RTP/AVP 0\r\n"
        );
        negotiation.answer(offer.as_bytes()).unwrap();
        let stream = negotiation.stream().unwrap().clone();
        handle.command(Command::Update { leg: port.leg(), stream }).unwrap();
        Self { socket, port, events, sequence: 0 }
    }

    /// Waits until the leg's thread has done all commands so far: packets do not wait for them.
    fn settle(&self, handle: &RtpHandle) {
        handle.command(Command::Play { leg: self.port.leg(), play: u32::MAX, sources: Vec::new() }).unwrap();
        assert_eq!(self.events.recv().unwrap(), Event::PlayEnded { leg: self.port.leg(), play: u32::MAX });
    }

    fn say(&mut self, payload: u8) {
        let timestamp = u32::from(self.sequence) * 160;
        let header = Header { marker: false, payload_type: 0, sequence: self.sequence, timestamp, ssrc: 7 };
        self.sequence += 1;
        let mut packet = header.to_bytes().to_vec();
        packet.resize(172, payload);
        self.socket.send_to(&packet, self.port.address()).unwrap();
    }

    /// The next packet's header and first byte.
    fn hear(&self) -> (Header, u8) {
        let mut buffer = [0; 1500];
        loop {
            let (len, _) = self.socket.recv_from(&mut buffer).unwrap();
            if let Some(packet) = Packet::parse(&buffer[..len]).filter(|packet| packet.header.payload_type < 64) {
                return (packet.header, packet.payload[0]);
            }
        }
    }
}

#[test]
fn fifty_packets_are_relayed_each_way() {
    in_both_ways(fifty_packets);
}

fn fifty_packets(handle: RtpHandle) {
    let (mut alice, mut bob) = (Phone::new(&handle, 1), Phone::new(&handle, 1));
    handle.command(Command::Bridge { a: alice.port.leg(), b: bob.port.leg() }).unwrap();
    alice.settle(&handle);
    let mut last: Option<(Header, Header)> = None;
    for n in 0..50 {
        alice.say(n);
        bob.say(100 + n);
        let ((to_bob, from_alice), (to_alice, from_bob)) = (bob.hear(), alice.hear());
        assert_eq!((from_alice, from_bob), (n, 100 + n));
        if let Some((before_bob, before_alice)) = last {
            assert_eq!(to_bob.sequence, before_bob.sequence.wrapping_add(1));
            assert_eq!(to_alice.timestamp, before_alice.timestamp.wrapping_add(160));
        }
        last = Some((to_bob, to_alice));
    }
    assert!(
        matches!(alice.events.recv().unwrap(), Event::Latched { remote, .. } if remote == alice.socket.local_addr().unwrap())
    );
}

/// Packets that come all at once go on all at once, though a socket is read once in a batch.
#[test]
fn a_burst_is_relayed_whole_and_in_order() {
    in_both_ways(bursts);
}

fn bursts(handle: RtpHandle) {
    let (mut alice, bob) = (Phone::new(&handle, 1), Phone::new(&handle, 1));
    handle.command(Command::Bridge { a: alice.port.leg(), b: bob.port.leg() }).unwrap();
    alice.settle(&handle);
    for burst in 0..3 {
        (0..60).for_each(|n| alice.say(burst * 60 + n));
        for n in 0..60 {
            assert_eq!(bob.hear().1, burst * 60 + n);
        }
    }
}

/// A prompt is heard before the phone has sent anything, and its end is told.
#[test]
fn a_prompt_is_played_in_real_time() {
    let handle = driver(2);
    let alice = Phone::new(&handle, 5);
    let sources = vec![Source::from_name("tone:425/200").unwrap().unwrap()];
    handle.command(Command::Play { leg: alice.port.leg(), play: 3, sources }).unwrap();
    let headers: Vec<_> = (0..10).map(|_| alice.hear().0).collect();
    assert!(headers.windows(2).all(|two| two[1].timestamp == two[0].timestamp.wrapping_add(160)));
    assert_eq!(alice.events.recv().unwrap(), Event::PlayEnded { leg: alice.port.leg(), play: 3 });
}

/// An attended transfer joins legs of calls on different threads: back and forth, with packets in flight.
#[test]
fn legs_of_different_threads_are_bridged() {
    let handle = driver(3);
    let mut phones: Vec<_> = (0..3).map(|affinity| Phone::new(&handle, affinity)).collect();
    for (round, (a, b)) in [(0, 1), (2, 1), (1, 0), (0, 2), (2, 0), (1, 2)].into_iter().cycle().take(60).enumerate() {
        handle.command(Command::Bridge { a: phones[a].port.leg(), b: phones[b].port.leg() }).unwrap();
        // The bridge is made some milliseconds later: packets sent before it are not heard.
        let mark = round as u8;
        phones[b].socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let heard = (0..3000).any(|_| {
            phones[a].say(mark);
            let mut buffer = [0; 1500];
            let heard = phones[b].socket.recv_from(&mut buffer);
            heard.is_ok_and(|(len, _)| Packet::parse(&buffer[..len]).is_some_and(|packet| packet.payload[0] == mark))
        });
        assert!(heard, "round {round}: {a} is not heard by {b}");
    }
}

/// C7: every port comes back, and the last word of a leg is its `Closed`.
#[test]
fn ports_come_back_and_closed_is_the_last_event() {
    let handle = driver(2);
    let (sender, events) = channel();
    for round in 0..200 {
        let sender = Mutex::new(sender.clone());
        let sink: EventSink = Arc::new(move |event| {
            sender.lock().unwrap().send(event).unwrap();
            Ok(())
        });
        let ports: Vec<_> =
            (0..4).map(|n| handle.allocate(round + n, LegOptions::default(), Arc::clone(&sink)).unwrap()).collect();
        let legs: Vec<_> = ports.iter().map(RtpPort::leg).collect();
        drop(ports);
        let mut closed: Vec<_> = (0..4).map(|_| events.recv().unwrap().leg()).collect();
        closed.sort_unstable();
        assert_eq!(closed, legs);
        assert_eq!(handle.command(Command::Echo { leg: legs[0], on: true }), Err(CommandError::Unknown));
    }
    // The lease is dropped just after the event.
    while handle.ports_in_use() > 0 {
        std::thread::yield_now();
    }
}

/// A receiver that is full gets its events later, in order, none twice.
#[test]
fn events_wait_for_a_slow_receiver() {
    let handle = driver(1);
    let (sender, events) = channel();
    let refusals = Mutex::new(10);
    let sink: EventSink = Arc::new(move |event| {
        let mut left = refusals.lock().unwrap();
        if *left > 0 {
            *left -= 1;
            return Err(event);
        }
        sender.send(event).unwrap();
        Ok(())
    });
    let port = handle.allocate(1, LegOptions::default(), sink).unwrap();
    for play in 0..20 {
        handle.command(Command::Play { leg: port.leg(), play, sources: Vec::new() }).unwrap();
    }
    for play in 0..20 {
        assert_eq!(events.recv().unwrap(), Event::PlayEnded { leg: port.leg(), play });
    }
    drop(port);
    assert!(matches!(events.recv().unwrap(), Event::Closed { .. }));
}

#[test]
fn a_range_without_a_pair_is_refused_and_an_exhausted_one_says_so() {
    let start = |range| {
        let ports = Ports::Range(range);
        RtpDriver::start(RtpConfig { threads: 1, bind: LOOPBACK, advertised: None, ports, io_uring: true })
    };
    assert!(matches!(start(10_001..=10_001), Err(StartError::EmptyRange(_))));
    let free = UdpSocket::bind((LOOPBACK, 0)).unwrap().local_addr().unwrap().port() & !1;
    let handle = start(free..=free + 1).unwrap();
    let sink: EventSink = Arc::new(|_| Ok(()));
    let held = handle.allocate(1, LegOptions::default(), Arc::clone(&sink)).unwrap();
    assert_eq!(held.address().port(), free);
    assert!(matches!(handle.allocate(1, LegOptions::default(), sink), Err(AllocateError::Exhausted)));
}

/// The driver ends with its last handle: threads are joined, sockets closed.
#[test]
fn dropping_the_last_handle_ends_the_threads() {
    let handle = driver(2);
    let phone = Phone::new(&handle, 1);
    let address = phone.port.address();
    drop(handle);
    drop(phone);
    UdpSocket::bind(address).unwrap();
}
