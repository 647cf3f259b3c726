//! The phone itself: one SIP endpoint and one RTP leg, driven by io/net like the server's.

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use codec::{Codec, SampleRate};
use media::engine::{self, LegOptions, Prompt, RecordOptions, Source};
use media::negotiation::{Direction, LocalMedia, Negotiation};
use net::rtp_driver::{Ports, RtpConfig, RtpDriver, RtpHandle, RtpPort};
use net::sip_driver::{Listener, SipConfig, SipDriver, SipSink};
use sip::auth::Credentials;
use sip::endpoint::{Command, Destination, EndReason, Event, Originate, SessionId, Transport};
use sip::message::{Host, NameAddr, Uri};
use tokio::sync::mpsc;

/// Events that may wait while we are busy with one.
const INBOX: usize = 1_024;
/// How long the last packets of a call may take after it was hung up.
const FAREWELL: Duration = Duration::from_secs(5);

/// Who calls.
pub(super) struct Account {
    pub(super) user: String,
    pub(super) domain: String,
    pub(super) credentials: Credentials,
}

/// What to do in the call.
pub(super) struct Order {
    pub(super) number: String,
    pub(super) digits: Option<String>,
    pub(super) play: Option<Prompt>,
    pub(super) hang_up_after: Duration,
}

/// What happened.
pub(super) struct Report {
    pub(super) status: u16,
    pub(super) answered_after: Duration,
    pub(super) duration: Duration,
    pub(super) hung_up_by_peer: bool,
    /// At 8 kHz.
    pub(super) heard: Vec<i16>,
    pub(super) ladder: Vec<(Duration, String)>,
}

enum Inbox {
    Sip(Box<Event>),
    Media(engine::Event),
}

struct Sink(mpsc::Sender<Inbox>);

impl SipSink for Sink {
    fn handle_event(&self, _now: Instant, event: Event, commands: &mut Vec<Command>) {
        // A phone for tests takes no calls and no other requests.
        match event {
            Event::Invite { transaction, .. } | Event::Request { transaction, .. } => commands.push(Command::Respond {
                transaction,
                status: 480,
                reason: None,
                headers: Vec::new(),
                body: Bytes::new(),
            }),
            event => {
                if self.0.try_send(Inbox::Sip(Box::new(event))).is_err() {
                    tracing::warn!("an event of the call is lost");
                }
            }
        }
    }
}

/// A phone that is ready to call one server.
pub(super) struct Phone {
    server: SocketAddr,
    sip: SipDriver,
    rtp: RtpHandle,
    inbox: mpsc::Receiver<Inbox>,
    sender: mpsc::Sender<Inbox>,
}

impl Phone {
    /// Opens the sockets, on the address by which the server is reached.
    pub(super) fn start(server: SocketAddr) -> Result<Self, String> {
        let local = local_address(server).map_err(|error| format!("{server}: {error}"))?;
        let (sender, inbox) = mpsc::channel(INBOX);
        let config = SipConfig {
            listeners: vec![Listener::new(Transport::Udp, SocketAddr::new(local, 0))],
            shards: 1,
            user_agent: concat!("Jackfield-call/", env!("CARGO_PKG_VERSION")).into(),
            ..SipConfig::default()
        };
        let sip = SipDriver::start(config, Arc::new(Sink(sender.clone())), None).map_err(|error| error.to_string())?;
        let rtp = RtpConfig { threads: 1, bind: local, advertised: None, ports: Ports::Ephemeral, io_uring: false };
        let rtp = RtpDriver::start(rtp).map_err(|error| error.to_string())?;
        Ok(Self { server, sip, rtp, inbox, sender })
    }

    /// Makes one call, from INVITE to its end.
    pub(super) async fn call(self, account: &Account, order: Order) -> Result<Report, String> {
        let Self { server, sip, rtp, inbox, sender } = self;
        let sink = move |event| {
            sender.try_send(Inbox::Media(event)).map_err(|error| match error.into_inner() {
                Inbox::Media(event) => event,
                Inbox::Sip(_) => unreachable!("a media event was sent"),
            })
        };
        let port = rtp.allocate(0, LegOptions::default(), Arc::new(sink)).map_err(|error| error.to_string())?;
        let address = port.address();
        let negotiation = Negotiation::new(LocalMedia {
            address,
            session_id: u64::from(std::process::id()),
            codecs: vec![Codec::Pcma, Codec::Pcmu, Codec::G722],
            dtmf: true,
            ptime_ms: 20,
            trusted_addresses: vec![server.ip()],
        });
        let session = sip.handle().new_session();
        let mut conversation = Conversation {
            began: Instant::now(),
            answered: None,
            session,
            sip: &sip,
            rtp: &rtp,
            port,
            negotiation,
            inbox,
            order,
            report: Report {
                status: 0,
                answered_after: Duration::ZERO,
                duration: Duration::ZERO,
                hung_up_by_peer: false,
                heard: Vec::new(),
                ladder: Vec::new(),
            },
        };
        conversation.invite(account, server).await?;
        conversation.run().await;
        let report = conversation.report;
        sip.stop().await;
        Ok(report)
    }
}

/// A call in progress.
struct Conversation<'a> {
    began: Instant,
    answered: Option<Instant>,
    session: SessionId,
    sip: &'a SipDriver,
    rtp: &'a RtpHandle,
    port: RtpPort,
    negotiation: Negotiation,
    inbox: mpsc::Receiver<Inbox>,
    order: Order,
    report: Report,
}

impl Conversation<'_> {
    async fn invite(&mut self, account: &Account, server: SocketAddr) -> Result<(), String> {
        let host =
            Host::parse(&Bytes::copy_from_slice(account.domain.as_bytes())).map_err(|error| error.to_string())?;
        let address = |user: &str| Uri::sip(Some(user), host.clone(), None);
        let destination = Destination::Address { transport: Transport::Udp, remote: server };
        let uri = address(&self.order.number);
        let (from, to) = (NameAddr::new(address(&account.user)), NameAddr::new(uri.clone()));
        let mut originate = Originate::new(self.session, destination, uri, from, to);
        originate.contact_user.clone_from(&account.user);
        originate.body = Some(self.negotiation.offer(Direction::SendRecv).into());
        originate.credentials = Some(account.credentials.clone());
        self.note(format!("-> INVITE {}", self.order.number));
        let sent = self.sip.handle().command(Command::Originate(Box::new(originate))).await;
        sent.map_err(|error| error.to_string())
    }

    /// Until the call is over and the last of it was heard.
    async fn run(&mut self) {
        let mut deadline = tokio::time::Instant::now() + self.order.hang_up_after;
        let mut hung_up = false;
        loop {
            let next = tokio::time::timeout_at(deadline, self.inbox.recv()).await;
            match next {
                Ok(Some(Inbox::Sip(event))) => {
                    if self.sip_event(*event).await {
                        break;
                    }
                }
                Ok(Some(Inbox::Media(event))) => self.media_event(event),
                Ok(None) => break,
                Err(_) if hung_up => break,
                Err(_) => {
                    hung_up = true;
                    deadline = tokio::time::Instant::now() + FAREWELL;
                    self.hang_up().await;
                }
            }
        }
        if let Some(answered) = self.answered {
            self.report.duration = answered.elapsed();
        }
        self.collect_recording().await;
    }

    /// True when the call is over.
    async fn sip_event(&mut self, event: Event) -> bool {
        match event {
            Event::Progress { status, body, .. } => {
                self.note(format!("<- {status}"));
                self.accept(&body);
            }
            Event::Answered { body, response, .. } => {
                let status = response.status.code();
                self.note(format!("<- {status}"));
                self.report.status = status;
                self.report.answered_after = self.began.elapsed();
                self.answered = Some(Instant::now());
                self.accept(&body);
                self.begin_media();
            }
            Event::Rejected { status, .. } => {
                self.note(format!("<- {status}"));
                self.report.status = status;
                self.report.answered_after = self.began.elapsed();
                return true;
            }
            Event::Ended { reason, .. } => {
                let by_peer = matches!(reason, EndReason::Bye { .. });
                self.report.hung_up_by_peer = by_peer;
                self.note(ended(&reason));
                return true;
            }
            Event::Reoffer { session, body } => {
                let answer = match &body {
                    Some(offer) => self.negotiation.answer(offer).ok(),
                    None => Some(self.negotiation.offer(Direction::SendRecv)),
                };
                let command = match answer {
                    Some(body) => Command::AcceptReoffer { session, body: body.into() },
                    None => Command::RejectReoffer { session, status: 488 },
                };
                self.note("<- re-INVITE".to_owned());
                self.send(command).await;
                self.update();
            }
            other => tracing::debug!(?other, "not for a phone like this"),
        }
        false
    }

    fn media_event(&mut self, event: engine::Event) {
        match event {
            engine::Event::Recorded { samples, .. } => self.report.heard.extend(samples),
            engine::Event::Dtmf { digit, .. } => self.note(format!("<- digit {digit}")),
            engine::Event::PlayEnded { .. } => self.note("-> the file is played".to_owned()),
            engine::Event::DigitsSent { .. } => self.note("-> the digits are sent".to_owned()),
            _ => {}
        }
    }

    fn accept(&mut self, answer: &Bytes) {
        if answer.is_empty() {
            return;
        }
        match self.negotiation.accept_answer(answer) {
            Ok(()) => self.update(),
            Err(error) => self.note(format!("the answer's SDP is not usable: {error}")),
        }
    }

    fn update(&self) {
        if let Some(stream) = self.negotiation.stream() {
            self.media(engine::Command::Update { leg: self.port.leg(), stream: stream.clone() });
        }
    }

    /// Records what is heard, and does what was ordered.
    fn begin_media(&mut self) {
        let leg = self.port.leg();
        // A minute more than the call may last, so that the recording never ends first.
        let max = self.order.hang_up_after + Duration::from_secs(60);
        let options = RecordOptions { rate: SampleRate::Hz8000, max, silence: None, terminators: String::new() };
        self.media(engine::Command::Record { leg, record: 0, options });
        match self.order.play.take() {
            Some(prompt) => {
                let sources = vec![Source::Prompt(Arc::new(prompt))];
                self.media(engine::Command::Play { leg, play: 0, sources });
            }
            // Most peers learn where we are from our first packet: a phone that sends nothing hears nothing.
            None => {
                let sources = vec![Source::Silence(self.order.hang_up_after)];
                self.media(engine::Command::Play { leg, play: 0, sources });
            }
        }
        if let Some(digits) = self.order.digits.take() {
            self.media(engine::Command::SendDigits { leg, digits });
        }
    }

    /// The recording's last half second comes when it is stopped.
    async fn collect_recording(&mut self) {
        if self.answered.is_none() {
            return;
        }
        self.media(engine::Command::StopRecord { leg: self.port.leg(), record: 0 });
        while let Ok(Some(event)) = tokio::time::timeout(FAREWELL, self.inbox.recv()).await {
            if let Inbox::Media(event) = event {
                let last = matches!(event, engine::Event::RecordEnded { .. });
                self.media_event(event);
                if last {
                    break;
                }
            }
        }
    }

    async fn hang_up(&mut self) {
        self.note(if self.answered.is_some() { "-> BYE" } else { "-> CANCEL" }.to_owned());
        self.send(Command::HangUp { session: self.session, status: 487, reason: None }).await;
    }

    async fn send(&mut self, command: Command) {
        if let Err(error) = self.sip.handle().command(command).await {
            self.note(format!("not sent: {error}"));
        }
    }

    fn media(&self, command: engine::Command) {
        if let Err(error) = self.rtp.command(command) {
            tracing::warn!(%error, "a media command was not taken");
        }
    }

    fn note(&mut self, what: String) {
        self.report.ladder.push((self.began.elapsed(), what));
    }
}

/// How a call ended, as a line of the ladder.
fn ended(reason: &EndReason) -> String {
    match reason {
        EndReason::Bye { .. } => "<- BYE".into(),
        EndReason::Cancel { .. } => "<- CANCEL".into(),
        EndReason::HungUp => "the call is over".into(),
        EndReason::Timeout => "the other side is silent: the call is over".into(),
        EndReason::Expired => "the session was not refreshed in time: the call is over".into(),
        EndReason::Status(status) => format!("<- {status}: the call is over"),
        EndReason::Unreachable => "the other side cannot be reached any more: the call is over".into(),
    }
}

/// Our address towards the server: what the kernel would send from.
fn local_address(server: SocketAddr) -> std::io::Result<IpAddr> {
    let any: SocketAddr = if server.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0_u16; 8], 0).into() };
    let socket = UdpSocket::bind(any)?;
    socket.connect(server)?;
    Ok(socket.local_addr()?.ip())
}
