//! Media as values: SDP, RTP, RTCP, DTMF and the engine of one media thread.
//!
//! Nothing here knows a socket, a clock or a thread. Each leg of a call has a [`negotiation::Negotiation`], which the
//! call's signalling asks for offers and answers; what was agreed goes to an [`engine::Engine`] as
//! [`engine::Command::Update`]. The engine is told packets, commands and the time, and is then asked for packets, events
//! and the next time it wants to be told, until it has no more of them:
//!
//! ```
//! use std::time::{Duration, Instant};
//! use media::engine::{Command, Engine, Event, LegKey, LegOptions, Source};
//!
//! let (mut engine, leg, mut now) = (Engine::new(1), LegKey(1), Instant::now());
//! engine.handle_command(now, Command::Add { leg, options: LegOptions::default() });
//! let sources = vec![Source::Silence(Duration::from_secs(3600))];
//! engine.handle_command(now, Command::Play { leg, play: 7, sources });
//! while let Some(at) = engine.poll_timeout() {
//!     now = at;
//!     engine.handle_timeout(now);
//!     while let Some(packet) = engine.poll_transmit() {
//!         println!("{} bytes to {}", packet.bytes.len(), packet.to);
//!     }
//! }
//! assert_eq!(engine.poll_event(), Some(Event::PlayEnded { leg, play: 7 }));
//! ```
//!
//! What comes from the network may be anything: it never panics, allocates without bound or makes us send to an address
//! that was not proven (`address`, `latch`).

pub mod address;
pub mod dtmf;
pub mod engine;
pub mod jitter;
pub mod latch;
pub mod negotiation;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
pub mod statistics;

#[cfg(test)]
mod tests {
    use std::time::Instant;

    /// Where virtual time begins.
    #[expect(
        clippy::disallowed_methods,
        reason = "a test needs some first instant; from there its time goes on by itself"
    )]
    pub(crate) fn some_instant() -> Instant {
        Instant::now()
    }
}
