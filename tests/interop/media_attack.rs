//! D1 on real sockets: somebody on the same network sprays RTP at every media port of the server, before a call is up and all through
//! it. Nobody hears the sprayer, and the sprayer hears nobody.

use std::collections::BTreeSet;
use std::fs;
use std::net::UdpSocket;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::patience::until;
use crate::server::Server;
use crate::socket_phone::{PAYLOAD, SocketPhone, packet};

/// What the sprayer's packets are full of: no phone says that.
const SPRAYED: [u8; PAYLOAD] = [0x66; PAYLOAD];
/// Packets that a phone hears before the server surely knows where it is, and after the last that could have been relayed.
const TALKED: usize = 50;
/// Packets sprayed while the phones are known.
const SPRAYED_MIN: usize = 400;
/// Packets that somebody else may get while a phone is not known yet (hostile D1).
const BEFORE_LOCK: usize = 5;

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
    /// Packets that came back.
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
                    socket.send_to(&packet(number, 0x6666_6666, &SPRAYED), ("127.0.0.1", *port)).unwrap_or_default();
                }
                let mut answer = [0; 2_048];
                of_thread.received.fetch_add(socket.recv(&mut answer).map_or(0, |_| 1), Ordering::Relaxed);
            }
        });
        Self { state, thread: Some(thread) }
    }

    /// Packets sent so far.
    fn sent(&self) -> usize {
        self.state.sent.load(Ordering::Relaxed)
    }

    /// Packets that came back so far.
    fn received(&self) -> usize {
        self.state.received.load(Ordering::Relaxed)
    }

    /// Stops, and asserts that there was something to hit.
    #[track_caller]
    fn hit(mut self, ports: usize) {
        self.state.ended.store(true, Ordering::Relaxed);
        self.thread.take().unwrap().join().unwrap();
        let sprayed = self.state.ports.load(Ordering::Relaxed);
        assert!(sprayed >= ports, "{sprayed} media ports were found, {ports} are in the call");
    }
}

impl Drop for Sprayer {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
    }
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

/// Lets phones talk while somebody sprays: nobody hears the sprayer, and from the moment on in which the server knows where its phones
/// are, the sprayer gets not a byte.
fn talk_under_fire(server: &Server, sprayer: &Sprayer, phones: &mut [&mut SocketPhone]) {
    let mut work = |what: &str, is_so: &dyn Fn(&[&mut SocketPhone]) -> bool| {
        until(what, || {
            phones.iter_mut().for_each(|phone| phone.work());
            is_so(phones).then_some(())
        });
    };
    work("a conversation", &|phones| phones.iter().all(|phone| phone.heard.len() >= TALKED));
    let before = sprayer.received();
    assert!(before <= BEFORE_LOCK, "{before} packets for whoever sprays, before the phones are known");
    let enough = sprayer.sent() + SPRAYED_MIN;
    work("the sprayer", &|_| sprayer.sent() >= enough);
    work("more talk", &|phones| phones.iter().all(|phone| phone.heard.len() >= 2 * TALKED));
    assert_eq!(sprayer.received(), before, "packets for whoever sprays");
    for phone in phones {
        let sprayed = phone.heard.iter().filter(|payload| **payload == SPRAYED).count();
        assert_eq!(sprayed, 0, "packets of whoever sprays, of {} heard", phone.heard.len());
    }
    assert_eq!(server.calls().len(), 1, "the call is up");
}

#[test]
fn a_sprayer_is_neither_heard_nor_served_in_a_call() {
    let server = Server::start();
    let mut caller = SocketPhone::registered(&server, "acme", "100", 1);
    let mut callee = SocketPhone::registered(&server, "acme", "101", 2);
    let sprayer = Sprayer::start(&server);
    caller.call("101");
    talk_under_fire(&server, &sprayer, &mut [&mut caller, &mut callee]);
    assert!(caller.heard_of(&callee) >= TALKED && callee.heard_of(&caller) >= TALKED, "they hear each other");
    sprayer.hit(4);
}

/// What comes in is sent back: to the phone, and to nobody else.
#[test]
fn a_sprayer_is_neither_heard_nor_served_by_an_application() {
    let server = Server::start();
    let mut phone = SocketPhone::registered(&server, "acme", "100", 1);
    let sprayer = Sprayer::start(&server);
    phone.call("600");
    talk_under_fire(&server, &sprayer, &mut [&mut phone]);
    sprayer.hit(2);
    phone.hang_up();
}
