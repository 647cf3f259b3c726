//! Does what the call asks for: the one place where a decision leaves the brain.

use call::{Cause, Contact, Effect, Hops, Input, LegId, Party, TransferResult};
use media::engine::Command as MediaCommand;
use media::negotiation::Direction;
use sip::endpoint::{Command, Originate, Reason, ReasonProtocol, Reliability, SessionId};

use super::keys::Keys;
use super::leg::{Leg, Refer, Role};
use super::way::Way;
use super::{CallTask, Waiting};
use crate::tenant::device::Occupied;

impl CallTask {
    pub(super) fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::Route { leg, route } => self.start_run(leg, route),
            Effect::EndRoute { leg } => self.end_run(leg),
            Effect::Ring { leg } => self.ring(leg),
            Effect::Progress { leg } => self.progress(leg),
            Effect::Answer { leg } => self.answer(leg),
            Effect::Release { leg, cause } => self.release(leg, cause),
            Effect::Locate { dial, target, endpoint } => {
                let contacts = self.locate(&endpoint);
                self.input(Input::Located { dial, target, contacts });
            }
            Effect::Originate { leg, endpoint, contact, caller, on_behalf_of, hops, .. } => {
                self.originate(leg, endpoint, &contact, &caller, on_behalf_of, hops);
            }
            Effect::Bridge { a, b } => self.bridge(a, b, true),
            Effect::Unbridge { a, b } => self.bridge(a, b, false),
            Effect::Play { leg, play, prompts } => self.play(leg, play, &prompts),
            Effect::StopPlay { leg, play } => {
                self.loading.remove(&(leg, play));
                self.media_command(leg, |leg| MediaCommand::StopPlay { leg, play: play.0 });
            }
            Effect::RingTone { leg, on } => {
                let tone = on.then(|| self.shared.tones.ring_back());
                self.media_command(leg, |leg| MediaCommand::RingTone { leg, tone });
            }
            Effect::SendDigits { leg, digits } => self.send_digits(leg, digits),
            Effect::RelayDigit { leg, digit, duration_ms, carrier } => {
                self.relay_digit(leg, (digit, duration_ms), carrier);
            }
            Effect::StartRecord { leg, blob, quota, max_ms, silence_ms } => {
                self.start_record(leg, (blob, quota), max_ms, silence_ms);
            }
            Effect::StopRecord { leg } => self.stop_record(leg),
            Effect::Echo { leg, on } => {
                self.media_command(leg, |leg| MediaCommand::Echo { leg, on });
            }
            Effect::Hold { leg, held } => self.hold(leg, held),
            Effect::TransferResult { leg, result } => self.transfer_result(leg, result),
            Effect::Handover { leg, to, replaces, adopted } => self.hand_over(leg, to, replaces, adopted),
            Effect::Adopted { from, as_leg } => self.adopted(from, as_leg),
            Effect::Forward { to, input } => self.shared.tell(to, super::Message::Input(input)),
            Effect::Reply { id, result } => match self.waiting.remove(&id) {
                // A plugin that was stopped no longer waits for its answer.
                Some(Waiting::Asker(reply)) => drop(reply.send(result)),
                Some(Waiting::Run(leg, asked)) => self.answered_run(leg, asked, result),
                None => {}
            },
            Effect::Cdr(cdr) => self.write_cdr(*cdr),
            Effect::Finished => self.finished = true,
        }
    }

    fn ring(&mut self, leg: LegId) {
        let Some(session) = self.live_session(leg) else { return };
        self.sip(Command::Progress {
            session,
            status: 180,
            body: bytes::Bytes::new(),
            reliable: Reliability::Unreliable,
            headers: Vec::new(),
        });
    }

    fn progress(&mut self, leg: LegId) {
        let Some(session) = self.live_session(leg) else { return };
        let Some(body) = self.answer_sdp(leg) else { return };
        // The SDP of a 183 must arrive, or the caller does not hear the early media (RFC 3262 §3).
        let reliable = Reliability::Preferred;
        self.sip(Command::Progress { session, status: 183, body, reliable, headers: Vec::new() });
    }

    fn answer(&mut self, leg: LegId) {
        let Some(session) = self.live_session(leg) else { return };
        let Some(body) = self.answer_sdp(leg) else { return };
        if let Some(Leg { role: Role::Called { answered, .. }, .. }) = self.legs.get_mut(&leg) {
            *answered = true;
        }
        self.tell_answered(leg, "inbound");
        // Its audio is missed from now on: not every phone sends any while it hears early media.
        self.update_stream(leg);
        self.sip(Command::Answer { session, body, headers: Vec::new() });
    }

    /// Opens media if need be and makes the SDP answer. Without a common codec the leg is refused with 488.
    fn answer_sdp(&mut self, leg: LegId) -> Option<bytes::Bytes> {
        if !self.open_media(leg) {
            return None;
        }
        let state = self.legs.get_mut(&leg)?;
        match state.answer_sdp() {
            Ok((sdp, fresh)) => {
                if fresh {
                    self.update_stream(leg);
                }
                Some(sdp)
            }
            Err(error) => {
                tracing::info!(call = %self.id, %leg, %error, "the caller's offer is not acceptable");
                let session = state.session;
                state.over = true;
                self.sip(Command::Reject { session, status: 488, headers: Vec::new() });
                self.input(Input::LegEnded { leg, cause: Cause::from_sip_status(488) });
                None
            }
        }
    }

    fn live_session(&self, leg: LegId) -> Option<SessionId> {
        self.legs.get(&leg).filter(|leg| !leg.over).map(|leg| leg.session)
    }

    fn release(&mut self, leg: LegId, cause: Cause) {
        let Some(mut state) = self.legs.remove(&leg) else { return };
        self.abandon_record(leg, &mut state);
        self.shared.forget_leg(&state, self.tenant.id(), self.id);
        if !state.over {
            self.sip(hang_up(state.session, cause));
        }
        if let Some(run) = self.runs.get_mut(&leg) {
            run.leg_is_gone();
        }
        // Dropping the leg gives its ports back.
    }

    /// Looks up where an endpoint is registered now; the call keeps the ways under keys of its own.
    fn locate(&mut self, endpoint: &str) -> Vec<Contact> {
        if self.tenant.definition().endpoint(endpoint).is_none() {
            // Its stored binding may outlive it: nobody is configured there any more.
            return Vec::new();
        }
        let ways = self.tenant.registrations.ways(endpoint, self.shared.wallclock());
        self.tenant.note_registered(endpoint, !ways.is_empty());
        let contacts = ways.into_iter().filter_map(|way| {
            let uri = way.uri.to_string();
            Some(Contact { uri, key: self.ways.key(way)? })
        });
        contacts.collect()
    }

    fn originate(
        &mut self,
        leg: LegId,
        endpoint: Option<String>,
        contact: &Contact,
        caller: &Party,
        on_behalf_of: Option<LegId>,
        hops: Hops,
    ) {
        let endpoint = endpoint.and_then(|name| self.tenant.definition().endpoint(&name).cloned());
        let Some(route) = self.route_to(contact) else {
            // SIP addresses outside need a trunk, and a class of service that allows the call (F13).
            return self.input(Input::LegEnded { leg, cause: Cause::NO_ROUTE });
        };
        if !self.told {
            let dialed = endpoint.as_ref().map_or(&contact.uri, |endpoint| &endpoint.name);
            self.tell_started("outbound", None, caller, dialed);
        }
        let session = match &route {
            Route::Sip(_) => self.shared.sip.new_session(),
            Route::Line { .. } => self.shared.lines.new_session(),
        };
        let codecs = self.codecs_towards(endpoint.as_deref(), on_behalf_of);
        let context = endpoint.as_ref().map(|endpoint| endpoint.context.clone()).unwrap_or_default();
        let state = Leg {
            session,
            role: Role::Calling { answered: false, early: false },
            occupied: endpoint.as_ref().map(|endpoint| Occupied::called(&self.tenant, endpoint)),
            endpoint,
            context,
            media: None,
            refer: Refer::None,
            dialog: None,
            over: false,
            keys: Keys::new(false),
            recording: None,
        };
        self.legs.insert(leg, state);
        if !self.open_media_with(leg, codecs) {
            return;
        }
        if self.shared.sessions.insert(session, self.sender.clone()).is_err() {
            tracing::error!(call = %self.id, %leg, "the calls of the host have as many sessions as they may");
            return self.never_began(leg, Cause::CONGESTION);
        }
        let body = self.offer(leg, Direction::SendRecv);
        match route {
            Route::Sip(way) => self.invite(session, way, caller, hops, body),
            Route::Line { driver, scheme, address } => {
                let data = line_data((scheme, address), caller, body);
                if self.shared.dial_line(session, &driver, (hops, data)).is_err() {
                    self.never_began(leg, Cause::CONGESTION);
                }
            }
        }
    }

    /// How a contact is reached; none if it is not.
    fn route_to(&self, contact: &Contact) -> Option<Route> {
        if let Some(way) = self.ways.get(contact.key) {
            return Some(Route::Sip(Box::new(way.clone())));
        }
        let (scheme, address) = contact.uri.split_once(':')?;
        let Some(driver) = self.tenant.plugins.driver(scheme) else {
            tracing::info!(call = %self.id, tenant = %self.tenant.id(), scheme, "nobody of the tenant calls such addresses");
            return None;
        };
        Some(Route::Line { driver, scheme: scheme.to_ascii_lowercase(), address: address.to_owned() })
    }

    fn invite(&mut self, session: SessionId, way: Box<Way>, caller: &Party, hops: Hops, body: Option<bytes::Bytes>) {
        let originate = Originate {
            session,
            destination: way.destination,
            to: crate::address::called(&way.uri),
            uri: way.uri,
            from: crate::address::calling(caller, self.tenant.definition().domain()),
            contact_user: crate::address::contact_user(caller),
            body,
            headers: Vec::new(),
            max_forwards: hops.max_forwards,
            routes: way.routes,
            credentials: None,
            session_expires: Some(crate::limit::SESSION_EXPIRES),
            reliable: Reliability::Preferred,
        };
        self.sip(Command::Originate(Box::new(originate)));
    }

    /// A leg that was to be called is over before its peer heard of it.
    fn never_began(&mut self, leg: LegId, cause: Cause) {
        if let Some(state) = self.legs.get_mut(&leg) {
            state.over = true;
        }
        self.input(Input::LegEnded { leg, cause });
    }

    fn transfer_result(&mut self, leg: LegId, result: TransferResult) {
        let Some(state) = self.legs.get_mut(&leg).filter(|state| !state.over) else { return };
        let session = state.session;
        let command = match (state.refer, result) {
            (Refer::Asked, TransferResult::Accepted) => {
                state.refer = Refer::Accepted;
                Command::AcceptRefer { session }
            }
            (Refer::Asked, TransferResult::Failed(cause)) => {
                state.refer = Refer::None;
                Command::RejectRefer { session, status: cause.to_sip_status() }
            }
            (Refer::Asked, TransferResult::Done) => {
                state.refer = Refer::None;
                self.sip(Command::AcceptRefer { session });
                Command::NotifyRefer { session, status: 200, last: true }
            }
            (Refer::Accepted, TransferResult::Done) => {
                state.refer = Refer::None;
                Command::NotifyRefer { session, status: 200, last: true }
            }
            (Refer::Accepted, TransferResult::Failed(cause)) => {
                state.refer = Refer::None;
                Command::NotifyRefer { session, status: cause.to_sip_status(), last: true }
            }
            (Refer::Accepted, TransferResult::Accepted) | (Refer::None, _) => return,
        };
        self.sip(command);
    }
}

/// The way of a leg to be called.
enum Route {
    Sip(Box<Way>),
    /// A channel driver's.
    Line {
        driver: plugin::Driver,
        scheme: String,
        address: String,
    },
}

/// What a driver is told of a call to a party of its network.
fn line_data(
    (scheme, address): (String, String),
    caller: &Party,
    offer: Option<bytes::Bytes>,
) -> Vec<(String, String)> {
    let withheld = caller.withheld;
    let shown = |text: &str| if withheld { String::new() } else { text.to_owned() };
    let data = [
        ("scheme", scheme),
        ("address", address),
        ("caller.number", shown(&caller.number)),
        ("caller.name", shown(&caller.name)),
        ("caller.privacy", if withheld { "id" } else { "none" }.to_owned()),
        ("description", offer.map(|offer| String::from_utf8_lossy(&offer).into_owned()).unwrap_or_default()),
    ];
    data.into_iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| (name.to_owned(), value)).collect()
}

/// The command that ends a session with a cause, whatever state it is in.
pub(crate) fn hang_up(session: SessionId, cause: Cause) -> Command {
    let reason = Reason { protocol: ReasonProtocol::Q850, cause: cause.number(), text: String::new() };
    Command::HangUp { session, status: cause.to_sip_status(), reason: Some(reason) }
}
