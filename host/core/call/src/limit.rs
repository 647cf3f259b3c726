//! The bounds of one call. What happens at each is said beside it and tested in `tests/limit.rs`.

use std::time::Duration;

/// Legs that are up at once. One more is released with congestion; a dial counts it as a congested branch.
pub const LEGS_LIVE: usize = 64;

/// Legs in the life of a call (each stays in its record). One more is refused like one over [`LEGS_LIVE`].
pub const LEGS_TOTAL: usize = 512;

/// Unanswered requests. One more is answered with `limit`.
pub const REQUESTS: usize = 64;

/// Dials under way at once: nested ones, and those of the API. One more is answered with `limit`.
pub const DIALS: usize = 16;

/// Targets of one dial, those of redirections included. More in a request is answered with `limit`; a redirection beyond fails.
pub const TARGETS: usize = 32;

/// Contacts that ring for one target. Further ones are left out.
pub const CONTACTS: usize = 16;

/// How often a call may be diverted: redirected, transferred blindly, sent through a `Local` target (A10).
/// Once more fails with [`Cause::EXCHANGE_ROUTING_ERROR`](crate::Cause::EXCHANGE_ROUTING_ERROR).
pub const DIVERSIONS: u8 = 10;

/// Events kept for a leg. When one more comes, the oldest is dropped; the gap shows in the sequence numbers.
pub const EVENTS: usize = 64;

/// Attributes set on a leg. One more is answered with `limit`.
pub const ATTRIBUTES: usize = 64;

/// Bytes of an attribute's name. A longer one is answered with `limit`.
pub const ATTRIBUTE_NAME_BYTES: usize = 64;

/// Bytes of an attribute's value. A longer one is answered with `limit`.
pub const ATTRIBUTE_VALUE_BYTES: usize = 1024;

/// Prompts of one request. More is answered with `limit`.
pub const PROMPTS: usize = 64;

/// Bytes of a prompt, a number, a blob's name, an extension. A longer one is answered with `limit`.
pub const TEXT_BYTES: usize = 256;

/// Digits read or sent by one request. More is answered with `limit`.
pub const DIGITS: usize = 256;

/// The longest ringing, whatever a dial asks for.
pub const RINGING: Duration = Duration::from_secs(600);

/// The longest an inbound leg may stay unanswered (C3); it is released with [`Cause::NO_ANSWER`](crate::Cause::NO_ANSWER) then.
pub const UNANSWERED: Duration = Duration::from_secs(900);

/// The longest call, unless the tenant's limit is shorter; the longest wait of a request too.
pub const CALL: Duration = Duration::from_secs(24 * 3600);

/// How long the runs of a call may go on (the `h` extension) after its last leg.
pub const RUN_AFTER_LEGS: Duration = Duration::from_secs(60);

/// How long storing a recording may take before its request fails.
pub const STORING: Duration = Duration::from_secs(30);

/// How long sending digits may take before its request fails.
pub const SENDING: Duration = Duration::from_secs(120);

/// Music that is over sooner than this is not played again: an empty prompt must not make a loop.
pub const MUSIC_LOOP: Duration = Duration::from_millis(200);
