//! D1 on real sockets: somebody on the same network sprays RTP at every media port of the server, before a call is up and all through
//! it. Nobody hears the sprayer, and the sprayer hears nobody.

use std::collections::BTreeSet;
use std::fs;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::baresip::{Baresip, Phone};
use crate::patience::until;
use crate::server::Server;

/// What the sprayer would let everybody hear: a square wave of four samples.
const HERTZ: u32 = 2_000;

/// A thread that sprays.
struct Sprayer {
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    ended: AtomicBool,
    /// Packets sent to media ports.
    sent: AtomicUsize,
    /// Media ports that were sprayed at the same time, at most.
    ports: AtomicUsize,
    /// Bytes that came back.
    received: AtomicUsize,
}

impl Sprayer {
    /// Begins to spray, from an address of its own, at all UDP ports of the server but those of SIP.
    fn start(server: &Server) -> Self {
        let socket = UdpSocket::bind("127.0.0.66:0").unwrap();
        // A wait for what may come back is the rhythm of the packets.
        socket.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
        let state = Arc::new(State::default());
        let (of_thread, process, sip) = (Arc::clone(&state), server.id(), server.sip().port());
        let thread = std::thread::spawn(move || {
            let mut number = 0_u16;
            while !of_thread.ended.load(Ordering::Relaxed) {
                let ports = udp_ports(process);
                let media = ports.iter().filter(|port| **port != sip);
                of_thread.ports.fetch_max(media.clone().count(), Ordering::Relaxed);
                number = number.wrapping_add(1);
                for port in media {
                    of_thread.sent.fetch_add(1, Ordering::Relaxed);
                    // The port may have been closed meanwhile.
                    socket.send_to(&packet(number), ("127.0.0.1", *port)).unwrap_or_default();
                }
                let mut answer = [0; 2_048];
                of_thread.received.fetch_add(socket.recv(&mut answer).unwrap_or_default(), Ordering::Relaxed);
            }
        });
        Self { state, thread: Some(thread) }
    }

    /// Waits until so many packets more were sprayed.
    fn sprays(&self, packets: usize) {
        let enough = self.state.sent.load(Ordering::Relaxed) + packets;
        until("the sprayer", || (self.state.sent.load(Ordering::Relaxed) >= enough).then_some(()));
    }

    /// Stops, and asserts that nothing came back although there was something to hit.
    #[track_caller]
    fn got_nothing(mut self, ports: usize) {
        self.state.ended.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
        let (sprayed, received) =
            (self.state.ports.load(Ordering::Relaxed), self.state.received.load(Ordering::Relaxed));
        assert!(sprayed >= ports, "{sprayed} media ports were found, {ports} are in the call");
        assert_eq!(received, 0, "bytes for whoever sprays");
    }
}

impl Drop for Sprayer {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
    }
}

/// An RTP packet of 20 ms in G.711 A-law (RFC 3550 §5.1).
fn packet(number: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 8];
    packet.extend(number.to_be_bytes());
    packet.extend((u32::from(number) * 160).to_be_bytes());
    packet.extend(0x6666_6666_u32.to_be_bytes());
    packet.extend([0xaa, 0xaa, 0x2a, 0x2a].repeat(40));
    packet
}

/// The UDP ports that a process has open, as Linux tells them: its sockets by their inodes, and what each is bound to.
fn udp_ports(process: u32) -> BTreeSet<u16> {
    let Ok(descriptors) = fs::read_dir(format!("/proc/{process}/fd")) else { return BTreeSet::new() };
    let links = descriptors.flatten().filter_map(|descriptor| fs::read_link(descriptor.path()).ok());
    let own: BTreeSet<String> =
        links.filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned())).collect();
    let sockets = fs::read_to_string(format!("/proc/{process}/net/udp")).unwrap_or_default();
    let port = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        own.contains(*fields.get(9)?).then_some(())?;
        u16::from_str_radix(fields.get(1)?.split_once(':')?.1, 16).ok()
    };
    sockets.lines().skip(1).filter_map(port).collect()
}

#[test]
fn a_sprayer_is_neither_heard_nor_served_in_a_call() {
    let server = Server::start();
    let callee = Baresip::registered(&server, &Phone::new("acme", "101", 1_000));
    let mut caller = Baresip::registered(&server, &Phone::new("acme", "100", 440));
    let sprayer = Sprayer::start(&server);
    caller.calls("101");
    caller.hears_tone(1_000);
    callee.hears_tone(440);
    sprayer.sprays(400);
    callee.hears_seconds_more(1);
    caller.hang_up();
    sprayer.got_nothing(4);
    callee.heard().assert_tone(440, &[HERTZ]);
    caller.heard().assert_tone(1_000, &[HERTZ]);
}

#[test]
fn a_sprayer_is_neither_heard_nor_served_by_an_application() {
    let server = Server::start();
    let mut phone = Baresip::registered(&server, &Phone::new("acme", "100", 440));
    let sprayer = Sprayer::start(&server);
    // What comes in is sent back: to the phone, and to nobody else.
    phone.calls("600");
    phone.hears_tone(440);
    sprayer.sprays(400);
    phone.hears_seconds_more(1);
    phone.hang_up();
    sprayer.got_nothing(2);
    phone.heard().assert_tone(440, &[HERTZ]);
}
