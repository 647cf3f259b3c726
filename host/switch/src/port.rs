//! What the switch needs of the outside: signalling, media and sounds. io/net and files in the server, the virtual
//! network in tests/harness.

use std::net::SocketAddr;
use std::sync::Arc;

use call::TenantId;
use media::engine::{Command as MediaCommand, Event as MediaEvent, LegKey, LegOptions};
use sip::endpoint::{Command as SipCommand, Flow, SessionId, Timings};
use thiserror::Error;

/// The way to the SIP endpoints.
pub trait SipPort: Send + Sync + 'static {
    /// A fresh identity for a session to originate. Endpoints take turns.
    fn new_session(&self) -> SessionId;

    /// Hands a command to the endpoint that has its session or transaction. Must not block.
    ///
    /// # Errors
    /// The endpoint is so far behind that it takes nothing more.
    fn command(&self, command: SipCommand) -> Result<(), Overloaded>;

    /// The peer of this flow has authenticated: its connection no longer counts among strangers'.
    fn trust(&self, flow: &Flow);
}

/// The timers that the SIP endpoints of a switch have: those of the RFCs, and a session timer in every call, so that a peer that
/// vanished is found out even when nobody misses its audio (hostile C3).
pub fn sip_timings() -> Timings {
    Timings { session_wish: Some(crate::limit::SESSION_EXPIRES), ..Timings::default() }
}

/// Too much is waiting already.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("too much is waiting already")]
pub struct Overloaded;

/// Where a leg's media events go. Called on a media thread, so it must not block: what it cannot take comes back and is
/// offered again.
pub type MediaSink = Arc<dyn Fn(MediaEvent) -> Result<(), MediaEvent> + Send + Sync>;

/// The way to the media threads.
pub trait MediaPort: Send + Sync + 'static {
    /// Opens a pair of sockets for a leg. Legs of one call, named by `affinity`, share a thread.
    ///
    /// # Errors
    /// No port or descriptor is left.
    fn allocate(&self, affinity: u64, options: LegOptions, sink: MediaSink) -> Result<Box<dyn MediaLeg>, NoMedia>;

    /// Tells the leg's media thread something. A command for a leg that is gone does nothing.
    fn command(&self, command: MediaCommand);
}

/// A leg's sockets, given back on drop.
pub trait MediaLeg: Send + Sync + 'static {
    /// The leg's name on the media threads.
    fn key(&self) -> LegKey;

    /// The address to write into SDP.
    fn address(&self) -> SocketAddr;
}

/// Why a leg gets no media.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("no media port: {0}")]
pub struct NoMedia(pub String);

/// Where prompts come from.
pub trait SoundSource: Send + Sync + 'static {
    /// The bytes of a WAV file, or none when there is no sound of this name. `name` is one that [`SoundName::new`] passed,
    /// so it stays inside the directories that are searched: first the tenant's own, then those of the plugins.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    fn load(&self, tenant: &TenantId, language: &str, name: &SoundName) -> std::io::Result<Option<Vec<u8>>>;
}

/// A prompt's name as dialplans and plugins write it, such as `hello` or `digits/4`.
///
/// Segments of letters, digits, `-` and `_`, separated by `/`: no `..`, no root, no NUL (hostile G1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SoundName(String);

impl SoundName {
    /// The most characters a name may have.
    pub const LENGTH_MAX: usize = 128;

    /// Checks a name.
    pub fn new(name: &str) -> Option<Self> {
        let legal = |segment: &str| {
            !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        };
        (name.len() <= Self::LENGTH_MAX && name.split('/').all(legal)).then(|| Self(name.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_name_never_leaves_its_directory() {
        for good in ["hello", "digits/4", "en_GB/vm-intro"] {
            assert!(SoundName::new(good).is_some(), "{good}");
        }
        for bad in ["", "..", "../x", "/etc/passwd", "a//b", "a/../b", "a\0b", "a.wav", "a b", "ü", "a/"] {
            assert!(SoundName::new(bad).is_none(), "{bad:?}");
        }
        assert!(SoundName::new(&"a".repeat(SoundName::LENGTH_MAX)).is_some());
        assert!(SoundName::new(&"a".repeat(SoundName::LENGTH_MAX + 1)).is_none());
    }
}
