//! What a test tells phones to do.

use std::future::Future;

use bytes::Bytes;
use media::negotiation::Direction;
use sip::endpoint::{Originate, OutboundRequest, Reason, ReasonProtocol, Reliability, Transport};
use sip::message::{HeaderName, Message, parse};

use super::super::phone::{Line, Phone, PhoneId};
use super::super::server;
use super::super::tenants::secret;
use super::{PATIENCE, World, now};

impl World {
    /// A phone with the account `name` of a tenant. It is not registered.
    pub(crate) fn phone(&mut self, tenant: &str, name: &str) -> PhoneId {
        self.phone_at(&format!("{tenant}.test"), name, &secret(tenant, name))
    }

    /// A phone that is registered.
    pub(crate) async fn registered(&mut self, tenant: &str, name: &str) -> PhoneId {
        let phone = self.phone(tenant, name);
        assert_eq!(self.register(phone, 3600).await, 200, "{name} of {tenant} is registered");
        phone
    }

    /// Registers a phone for so many seconds; the status of the answer.
    pub(crate) async fn register(&mut self, phone: PhoneId, expires: u32) -> u16 {
        self.register_with(phone, |request| {
            request.headers.push((HeaderName::Expires, expires.to_string().into()));
        })
        .await
    }

    /// Sends a REGISTER that differs from the usual one; the status of the answer.
    pub(crate) async fn register_with(&mut self, phone: PhoneId, change: impl FnOnce(&mut OutboundRequest)) -> u16 {
        let number = self.phones[phone.0].register(now(), change);
        self.until("the registration is answered", |world| world.phones[phone.0].answers.contains_key(&number)).await;
        self.phones[phone.0].answers[&number]
    }

    /// Sends a REGISTER and waits for nothing.
    pub(crate) fn begin_to_register(&mut self, phone: PhoneId) {
        self.phones[phone.0].register(now(), |_| {});
    }

    /// Gives a phone another secret than its account has.
    pub(crate) fn phone_with_secret(&mut self, tenant: &str, name: &str, secret: &str) -> PhoneId {
        self.phone_at(&format!("{tenant}.test"), name, secret)
    }

    /// A phone with an account, a secret and a domain that need not exist.
    pub(crate) fn phone_at(&mut self, domain: &str, name: &str, secret: &str) -> PhoneId {
        let number = u8::try_from(self.phones.len() + 1).expect("a few phones");
        self.phones.push(Phone::new(number, domain, name, secret, self.seed));
        PhoneId(self.phones.len() - 1)
    }

    /// From now on a phone speaks SIP over TCP, and takes connections.
    pub(crate) fn over_tcp(&mut self, phone: PhoneId) {
        let phone = &mut self.phones[phone.0];
        phone.transport = Transport::Tcp;
        self.network.listen(phone.address);
    }

    /// From now on a phone speaks SIP over TCP, and nobody can connect to it: a NAT is before it.
    pub(crate) fn over_tcp_behind_nat(&mut self, phone: PhoneId) {
        self.phones[phone.0].transport = Transport::Tcp;
    }

    /// All connections of a phone are lost.
    pub(crate) fn cut(&mut self, phone: PhoneId) {
        self.network.cut(now(), self.phones[phone.0].address);
    }

    /// From now on a phone has no telephone-events (RFC 4733) in its SDP.
    pub(crate) fn without_events(&mut self, phone: PhoneId) {
        self.phones[phone.0].events = false;
    }

    /// From now on a phone refuses what comes by INFO, though it still says that it takes it.
    pub(crate) fn refuse_info(&mut self, phone: PhoneId) {
        self.phones[phone.0].refuses_info = true;
    }

    /// From now on a phone says nothing by RTCP.
    pub(crate) fn without_reports(&mut self, phone: PhoneId) {
        self.phones[phone.0].reports = false;
    }

    /// The plug of a phone is pulled: nothing comes from it any more, and nothing reaches it.
    pub(crate) fn unplug(&mut self, phone: PhoneId) {
        self.network.unplug(self.phones[phone.0].address.ip());
    }

    /// A phone calls a number.
    pub(crate) fn call(&mut self, phone: PhoneId, number: &str) -> Line {
        self.call_with(phone, number, |_| {})
    }

    /// A phone calls a number with an INVITE that differs from the usual one.
    pub(crate) fn call_with(&mut self, phone: PhoneId, number: &str, change: impl FnOnce(&mut Originate)) -> Line {
        let session = self.phones[phone.0].call(now(), number, change);
        Line { phone, session }
    }

    /// A phone calls to take the place of a foreign line (RFC 3891).
    pub(crate) fn call_replacing(&mut self, phone: PhoneId, number: &str, of: Line) -> Line {
        let dialog = self.line(of).dialog.as_ref().map(ToString::to_string).expect("the line was answered");
        self.call_with(phone, number, |originate| originate.headers.push((HeaderName::Replaces, dialog.into())))
    }

    /// The next call that comes in at a phone.
    #[track_caller]
    pub(crate) fn incoming<'a>(&'a mut self, phone: PhoneId) -> impl Future<Output = Line> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let end = now() + PATIENCE;
            loop {
                self.settle().await;
                if let Some(session) = self.phones[phone.0].incoming.pop_front() {
                    return Line { phone, session };
                }
                assert!(now() < end, "{place}: no call comes in\n{}", self.tell());
                self.step(end).await;
            }
        }
    }

    /// The phone says 180.
    pub(crate) fn ring(&mut self, line: Line) {
        self.phones[line.phone.0].ring(now(), line.session);
    }

    /// The phone says 183 with SDP.
    pub(crate) fn early(&mut self, line: Line) {
        self.phones[line.phone.0].early(now(), line.session, Reliability::Unreliable);
    }

    /// The phone says 183 with SDP, and wants to know that it arrived (RFC 3262).
    pub(crate) fn early_reliably(&mut self, line: Line) {
        self.phones[line.phone.0].early(now(), line.session, Reliability::Required);
    }

    /// The phone answers.
    pub(crate) fn answer(&mut self, line: Line) {
        self.phones[line.phone.0].answer(now(), line.session);
    }

    /// The phone refuses.
    pub(crate) fn refuse(&mut self, line: Line, status: u16) {
        self.phones[line.phone.0].refuse(now(), line.session, status);
    }

    /// The phone says 302.
    pub(crate) fn redirect(&mut self, line: Line, number: &str) {
        self.phones[line.phone.0].redirect(now(), line.session, number);
    }

    /// The phone hangs up, or gives up calling.
    pub(crate) fn hang_up(&mut self, line: Line) {
        self.phones[line.phone.0].hang_up(now(), line.session, None);
    }

    /// The phone hangs up and says why (RFC 3326).
    pub(crate) fn hang_up_because(&mut self, line: Line, cause: u16) {
        let reason = Reason { protocol: ReasonProtocol::Q850, cause, text: String::new() };
        self.phones[line.phone.0].hang_up(now(), line.session, Some(reason));
    }

    /// The phone puts the other side on hold, or takes it back.
    pub(crate) fn hold(&mut self, line: Line, held: bool) {
        self.direct(line, if held { Direction::SendOnly } else { Direction::SendRecv });
    }

    /// The phone offers another direction of its audio (RFC 3264 §8.4).
    pub(crate) fn direct(&mut self, line: Line, direction: Direction) {
        self.phones[line.phone.0].direct(now(), line.session, direction);
    }

    /// The phone sends INFO with a body.
    pub(crate) fn inform(&mut self, line: Line, content_type: &'static str, body: &str) {
        self.phones[line.phone.0].inform(now(), line.session, content_type, body);
    }

    /// The phone asks for a blind transfer.
    pub(crate) fn transfer(&mut self, line: Line, number: &str) {
        self.phones[line.phone.0].refer(now(), line.session, number, None);
    }

    /// The phone asks to join the parties of its two lines.
    pub(crate) fn transfer_to(&mut self, line: Line, number: &str, other: Line) {
        self.phones[line.phone.0].refer(now(), line.session, number, Some(other.session));
    }

    /// A phone learns the dialog of a foreign line, to name it as its own.
    pub(crate) fn steal_dialog(&mut self, line: Line, of: Line) {
        let dialog = self.line(of).dialog.clone();
        if let Some(line) = self.phones[line.phone.0].lines.get_mut(&line.session) {
            line.dialog = dialog;
        }
    }

    /// The phone presses keys.
    pub(crate) fn press(&mut self, line: Line, digits: &str) {
        self.phones[line.phone.0].press(now(), line.session, digits);
    }

    /// The phone says a tone from now on.
    pub(crate) fn say(&mut self, line: Line, hertz: u16) {
        self.phones[line.phone.0].say(now(), line.session, Some(hertz));
    }

    /// The phone is silent.
    pub(crate) fn hush(&mut self, line: Line) {
        self.phones[line.phone.0].say(now(), line.session, None);
    }

    // === By hand ===

    /// From now on the test is the phone's SIP: what comes is read by [`World::letter`], what is said is written by
    /// [`World::post`]. Of a phone whose letters nobody reads the plug is pulled.
    pub(crate) fn by_hand(&mut self, phone: PhoneId) {
        self.phones[phone.0].by_hand = true;
    }

    /// The next message at a phone by hand that begins like this; those before it are left unread.
    #[track_caller]
    pub(crate) fn letter<'a>(&'a mut self, phone: PhoneId, start: &'a str) -> impl Future<Output = Message> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let end = now() + PATIENCE;
            loop {
                self.settle().await;
                while let Some(bytes) = self.phones[phone.0].letters.pop_front() {
                    if bytes.starts_with(start.as_bytes()) {
                        return parse(bytes).expect("the switch writes proper messages");
                    }
                }
                assert!(now() < end, "{place}: no {start} comes\n{}", self.tell());
                self.step(end).await;
            }
        }
    }

    /// A phone sends what the test wrote.
    pub(crate) fn post(&mut self, phone: PhoneId, text: String) {
        let from = self.phones[phone.0].address;
        self.network.send(now(), from, server::sip_address(), Bytes::from(text));
    }
}
