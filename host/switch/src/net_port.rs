//! io/net as the switch's way out and in.

use std::sync::OnceLock;
use std::time::Instant;

use media::engine::{Command as MediaCommand, LegKey, LegOptions};
use net::rtp_driver::{CommandError, RtpHandle, RtpPort};
use net::sip_driver::{SipHandle, SipSink, TryCommandError};
use sip::endpoint::{Command, Event, Flow, SessionId};

use crate::port::{MediaLeg, MediaPort, MediaSink, NoMedia, Overloaded, SipPort};
use crate::switch::Switch;

/// Where the SIP driver's events come in. The driver starts before the switch that it serves: what arrives until
/// [`SipDoor::open`] is answered with 503.
#[derive(Default)]
pub struct SipDoor(OnceLock<Switch>);

impl SipDoor {
    /// Lets events through to the switch. Only the first call counts.
    pub fn open(&self, switch: Switch) {
        if self.0.set(switch).is_err() {
            tracing::error!("the SIP door was opened twice");
        }
    }
}

impl SipSink for SipDoor {
    fn handle_event(&self, now: Instant, event: Event, commands: &mut Vec<Command>) {
        match (self.0.get(), event) {
            (Some(switch), event) => switch.handle_event(now, event, commands),
            (None, Event::Invite { transaction, .. } | Event::Request { transaction, .. }) => {
                commands.push(Command::Respond {
                    transaction,
                    status: 503,
                    reason: None,
                    headers: Vec::new(),
                    body: bytes::Bytes::new(),
                });
            }
            // Without a switch there are no sessions.
            (None, _) => {}
        }
    }
}

impl SipPort for SipHandle {
    fn new_session(&self) -> SessionId {
        Self::new_session(self)
    }

    fn command(&self, command: Command) -> Result<(), Overloaded> {
        match self.try_command(command) {
            // A driver that has been stopped takes every session with it: there is nothing left to tell.
            Ok(()) | Err(TryCommandError::Stopped) => Ok(()),
            Err(_) => Err(Overloaded),
        }
    }

    fn trust(&self, flow: &Flow) {
        Self::trust(self, flow);
    }
}

/// The media threads as the switch's way to audio.
#[derive(Clone, Debug)]
pub struct NetMedia(pub RtpHandle);

impl MediaPort for NetMedia {
    fn allocate(&self, affinity: u64, options: LegOptions, sink: MediaSink) -> Result<Box<dyn MediaLeg>, NoMedia> {
        match self.0.allocate(affinity, options, sink) {
            Ok(port) => Ok(Box::new(port)),
            Err(error) => Err(NoMedia(error.to_string())),
        }
    }

    fn command(&self, command: MediaCommand) {
        match self.0.command(command) {
            // The leg ended meanwhile, or the whole driver did.
            Ok(()) | Err(CommandError::Unknown | CommandError::Stopped) => {}
            Err(error @ CommandError::Full) => tracing::error!(%error, "a media command is lost"),
        }
    }
}

impl MediaLeg for RtpPort {
    fn key(&self) -> LegKey {
        self.leg()
    }

    fn address(&self) -> std::net::SocketAddr {
        Self::address(self)
    }
}
