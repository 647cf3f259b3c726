//! The endpoint on a virtual clock: two of them over a seeded wire, and one against scripted peers (F46).

mod admission;
mod calls;
mod changes;
mod forks;
mod hostile;
mod script;
mod storm;
mod timers;
mod transfers;
mod wire;
