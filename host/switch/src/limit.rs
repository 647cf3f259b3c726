//! The switch's bounds, each with its reason.

use std::time::Duration;

/// Messages one call task may have waiting. A call hears a few events a second; a call that is this far behind is
/// broken and is ended rather than allowed to hold memory.
pub const CALL_INBOX: usize = 256;

/// Sessions that there are for each call which a host may have, all calls together: two each, and as many again that ring beside others
/// or take a place. An INVITE that would be one more gets 503, and a leg to be called ends with congestion.
pub const SESSIONS_PER_CALL: usize = 4;

/// Events of a session that are kept while its leg moves from one call to another: that takes microseconds, so that more are
/// a flood, and the session is ended like that of a call which is behind. Its end is kept in any case.
pub const EVENTS_WHILE_MOVING: usize = 16;

/// Calls one tenant may have up when its definition says nothing.
pub const CALLS_PER_TENANT: usize = 1_000;

/// Calls one host carries: descriptors and media ports end before memory does.
pub const CALLS_PER_HOST: usize = 10_000;

/// Locks that each table of sessions, dialogs and calls is spread over, so that calls do not wait for each other.
pub const TABLE_SHARDS: usize = 64;

/// Decoded prompts kept per tenant; the oldest goes when one more is needed.
pub const PROMPTS_PER_TENANT: usize = 512;

/// Bytes that they may take, decoded and encoded: three quarters of an hour of telephone audio heard with one codec.
pub const PROMPT_BYTES_PER_TENANT: usize = 64 << 20;

/// Seconds of audio one prompt may have: ten minutes at 16 kHz are 19 MB.
pub const PROMPT_LENGTH: Duration = Duration::from_secs(600);

/// Native dialplan verbs and functions one call may run without anything that takes time in between, before the task
/// yields to others.
pub const STEPS_PER_TURN: usize = 64;

/// How deep applications may run applications (`dialplan.run`): each holds an instance.
pub const NESTED_APPLICATIONS: u8 = 4;

/// Recordings going on at once: each has a thread that may wait for the disk, and prompts need some of those too.
/// A tenant has its own, smaller bound in its definition, so that it does not keep the others from recording.
pub const RECORDINGS: usize = 256;

/// Keys that wait to go to a phone by INFO. A request of an application has no more, and who presses faster than they can be sent
/// loses what is beyond.
pub const KEYS: usize = call::limit::DIGITS;

// Where keys go as events or sound, the digits of a request must fit too: those beyond would be lost without a word.
const _: () = assert!(media::dtmf::QUEUE_MAX >= KEYS);

/// Ways to contacts that a call remembers. A call has no more legs than that in its life, so that further contacts could not
/// be called anyway.
pub const WAYS: usize = call::limit::LEGS_TOTAL;

/// The session timer that calls ask for (RFC 4028 §4 recommends half an hour): a peer that vanished without a word while it
/// held, when no audio is missed, is found out after so long.
pub const SESSION_EXPIRES: Duration = Duration::from_secs(1_800);

/// Requests of one tenant's plugins to other servers at once, look-ups that nobody waits for any more included: some take the host's
/// threads, and other tenants' need some of those too.
pub const HTTP_PER_TENANT: usize = 32;

/// REGISTER answers waiting for the disk at once; further ones get 503 with Retry-After.
pub const COMMITS_WAITING: usize = 10_000;

/// How long a drain waits for calls before it ends them, when the caller gives no other time.
pub const DRAIN_PATIENCE: Duration = Duration::from_secs(30);

/// How long a drain waits for calls that were told to end: they have nobody to wait for, but the disk or a plugin may hang.
pub const DRAIN_END: Duration = Duration::from_secs(10);

/// How long a drain waits until what was written is on disk, which takes a healthy one some milliseconds.
pub const DRAIN_COMMIT: Duration = Duration::from_secs(5);

/// Challengers that nonces are spread over by realm and peer, so that SIP shards rarely meet at one lock.
pub const CHALLENGERS: usize = 16;

/// Bytes of a domain: what a name in the DNS may have (RFC 1035 §2.3.4). What is longer can be no tenant's, and is challenged in the
/// host's realm.
pub const DOMAIN: usize = 253;
