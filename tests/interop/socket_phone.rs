//! A phone of our own on real sockets, which tells RTP packet by packet: other phones only let their audio be heard.

use std::net::{SocketAddr, UdpSocket};
use std::time::Instant;

use bytes::Bytes;
use sip::auth::Credentials;
use sip::endpoint::{
    Advertised, ClientRequestId, Command, Config, Destination, Endpoint, Event, Originate, OutboundRequest, SessionId,
    Transport,
};
use sip::message::{Method, NameAddr};

use crate::crowd::{exchange, media_address, uri};
use crate::patience::until;
use crate::server::Server;

/// Bytes of 20 ms in G.711.
pub(crate) const PAYLOAD: usize = 160;
/// An RTP header without extensions (RFC 3550 §5.1).
const HEADER: usize = 12;
/// The payload type of G.711 A-law.
const PCMA: u8 = 8;

/// A phone that answers every call, and says the same packet over and over while it is in one.
pub(crate) struct SocketPhone {
    sip: UdpSocket,
    media: UdpSocket,
    endpoint: Endpoint,
    server: SocketAddr,
    name: String,
    domain: String,
    secret: String,
    /// What each of its packets is full of.
    says: u8,
    sequence: u16,
    session: Option<SessionId>,
    /// Where the server wants its packets, once that is agreed.
    remote: Option<SocketAddr>,
    is_registered: bool,
    /// The payloads that came, as they came.
    pub(crate) heard: Vec<Vec<u8>>,
}

impl SocketPhone {
    /// A phone that is registered.
    pub(crate) fn registered(server: &Server, tenant: &str, name: &str, says: u8) -> Self {
        let open = || {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_nonblocking(true).unwrap();
            socket
        };
        let (sip, media) = (open(), open());
        let own = sip.local_addr().unwrap();
        let config = Config { addresses: vec![Advertised::address(Transport::Udp, own)], ..Config::default() };
        let mut phone = Self {
            endpoint: Endpoint::new(config, [says; 32]),
            server: server.sip(),
            name: name.to_owned(),
            domain: format!("{tenant}.test"),
            secret: server.secret(tenant, name),
            says,
            sequence: 0,
            session: None,
            remote: None,
            is_registered: false,
            heard: Vec::new(),
            sip,
            media,
        };
        let own = phone.own();
        let register = OutboundRequest {
            contact_user: Some(phone.name.clone()),
            credentials: Some(phone.credentials()),
            ..OutboundRequest::new(
                ClientRequestId(1),
                Method::Register,
                phone.to_server(),
                uri(&format!("sip:{}", phone.domain)),
                (own.clone(), own),
            )
        };
        phone.command(Command::SendRequest(Box::new(register)));
        until("the registration", || {
            phone.work();
            phone.is_registered.then_some(())
        });
        phone
    }

    /// Calls a number and waits for nothing.
    pub(crate) fn call(&mut self, number: &str) {
        let session = SessionId::originated(0, 1);
        let target = uri(&format!("sip:{number}@{}", self.domain));
        let to = NameAddr::new(target.clone());
        self.session = Some(session);
        let originate = Originate {
            body: Some(self.sdp()),
            contact_user: self.name.clone(),
            credentials: Some(self.credentials()),
            ..Originate::new(session, self.to_server(), target, self.own(), to)
        };
        self.command(Command::Originate(Box::new(originate)));
    }

    /// Hangs up, and sees to it that the server knows.
    pub(crate) fn hang_up(&mut self) {
        let Some(session) = self.session else { return };
        self.command(Command::HangUp { session, status: 480, reason: None });
        until("the end of the call", || {
            self.work();
            self.session.is_none().then_some(())
        });
    }

    /// How many packets came that are full of what another phone says.
    pub(crate) fn heard_of(&self, other: &Self) -> usize {
        self.heard.iter().filter(|payload| **payload == [other.says; PAYLOAD]).count()
    }

    /// Does what is due, and says one packet.
    pub(crate) fn work(&mut self) {
        exchange(&self.sip, &mut self.endpoint).into_iter().for_each(|event| self.hear(event));
        let mut buffer = [0; 4_096];
        while let Ok(length) = self.media.recv(&mut buffer) {
            if length > HEADER && buffer[1] & 0x7f == PCMA {
                self.heard.push(buffer[HEADER..length].to_vec());
            }
        }
        self.say();
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::Response { status: 200, .. } => self.is_registered = true,
            Event::Invite { session, request, .. } => {
                self.session = Some(session);
                self.remote = media_address(&request.body);
                let body = self.sdp();
                self.command(Command::Answer { session, body, headers: Vec::new() });
            }
            Event::Answered { body, .. } => self.remote = media_address(&body),
            Event::Ended { .. } => (self.session, self.remote) = (None, None),
            Event::Rejected { status, .. } => panic!("{} is refused: {status}", self.name),
            _ => {}
        }
    }

    fn say(&mut self) {
        let Some(remote) = self.remote else { return };
        self.sequence = self.sequence.wrapping_add(1);
        let packet = packet(self.sequence, self.says.into(), &[self.says; PAYLOAD]);
        self.media.send_to(&packet, remote).unwrap();
    }

    fn sdp(&self) -> Bytes {
        let port = self.media.local_addr().unwrap().port();
        let sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP {PCMA}\r\n\
             a=rtpmap:{PCMA} PCMA/8000\r\n"
        );
        sdp.into()
    }

    fn own(&self) -> NameAddr {
        NameAddr::new(uri(&format!("sip:{}@{}", self.name, self.domain)))
    }

    fn credentials(&self) -> Credentials {
        Credentials::new(&self.name, &self.secret)
    }

    fn to_server(&self) -> Destination {
        Destination::Address { transport: Transport::Udp, remote: self.server }
    }

    fn command(&mut self, command: Command) {
        self.endpoint.handle_command(Instant::now(), command).unwrap();
    }
}

/// An RTP packet in G.711 A-law (RFC 3550 §5.1).
pub(crate) fn packet(sequence: u16, source: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, PCMA];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(source.to_be_bytes());
    packet.extend(payload);
    packet
}
