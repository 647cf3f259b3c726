//! The switch's brain: one call, its legs and what happens between them.
//!
//! A [`Call`] is a value without clock, socket, task or SIP. Its owner
//! 1. tells it what happened: [`Call::handle_input`] with an [`Input`] (any input is legal at any time), or
//!    [`Call::handle_timeout`] once [`Call::poll_timeout`] has passed;
//! 2. then takes every [`Effect`] by [`Call::poll_effect`] until there is none, and does them in order.
//!
//! What holds:
//! - each [`Input::Request`] is answered by exactly one [`Effect::Reply`], also when the leg is gone;
//! - each leg gets exactly one [`Effect::Release`], unless it was handed over to another call ([`Effect::Handover`]);
//! - a leg lives while something holds it up: its run, a dial, a bridge, whoever asked for it; else it is released;
//! - [`Effect::Cdr`] and then [`Effect::Finished`] come exactly once, when no leg, run or request is left;
//! - every queue, wait and loop has a bound in [`limit`].
//!
//! ```
//! use std::time::{Duration, Instant};
//! use call::*;
//!
//! let now = Instant::now();
//! let tenant = TenantId::new("acme").unwrap();
//! let mut call = Call::new(now, CallId::from_parts(0, 1), tenant, Config::default());
//! let leg = call.allocate_leg();
//! let caller = Party::new("Alice", "100");
//! call.handle_input(now, Input::LegOffered { leg, endpoint: None, caller, dialed: "600".into(), hops: Hops::default() });
//! assert!(matches!(call.poll_effect(), Some(Effect::Route { .. })), "the dialplan is asked");
//!
//! call.handle_input(now, Input::Request { id: RequestId(1), request: Request::Answer { leg } });
//! assert!(matches!(call.poll_effect(), Some(Effect::Answer { .. })), "200 OK goes out");
//! assert!(matches!(call.poll_effect(), Some(Effect::Reply { result: Ok(Outcome::Done), .. })));
//!
//! call.handle_input(now + Duration::from_secs(9), Input::LegEnded { leg, cause: Cause::NORMAL_CLEARING });
//! assert!(matches!(call.poll_effect(), Some(Effect::Release { .. })), "its media is freed");
//! call.handle_input(now + Duration::from_secs(9), Input::RouteEnded { leg, cause: None });
//! assert!(matches!(call.poll_effect(), Some(Effect::Cdr(cdr)) if cdr.billed_ms == 9_000));
//! assert!(matches!(call.poll_effect(), Some(Effect::Finished)));
//! ```

mod attribute;
mod bridge;
mod call;
mod cause;
mod cdr;
mod dial;
mod dial_arguments;
mod effect;
mod event;
mod hold;
mod id;
mod input;
mod leg;
pub mod limit;
mod local;
mod party;
mod pending;
mod record;
mod request;
#[cfg(test)]
mod tests;
mod timer;
mod transfer;

pub use call::{Call, Config};
pub use cause::Cause;
pub use cdr::{Cdr, CdrLeg, Direction, Disposition, Side};
pub use dial_arguments::{DialArgumentError, DialArguments};
pub use effect::{DialStatus, Effect, LegEvent, LegEventKind, Outcome, RecordingEnd, Route, TransferResult};
pub use id::{CallId, CallIdError, DialId, LegId, PlayId, RequestId, TenantId, TenantIdError};
pub use input::{AdoptedLeg, Carrier, DialOptions, Input, Request, RequestError, Ringback, Then, Transfer};
pub use party::{Contact, Hops, Party, Target};
pub use record::LegView;
