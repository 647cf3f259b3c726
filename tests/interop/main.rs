//! Phones that this project did not write against the real server: SIPp, baresip and Linphone.
//!
//! Every test starts a server of its own on free ports with a directory of its own, so that they run at the same time. What is
//! waited for is an event: a line of a program, a state of the server, an amount of audio; [`patience`] bounds a wait that
//! will never end and is no claim about how fast anything is.

#![allow(clippy::unwrap_used, reason = "a test")]

mod applications;
#[path = "../harness/attack.rs"]
mod attack;
mod audio;
mod author;
mod bad_input;
mod baresip;
mod c;
mod calls;
mod canary;
mod command_line;
mod consent;
#[path = "../harness/crowd.rs"]
mod crowd;
#[path = "../harness/disk.rs"]
mod disk;
mod features;
mod http;
mod kinds;
mod languages;
mod linphone;
mod media_attack;
#[path = "../fuzz/mutate.rs"]
mod mutate;
mod neighbours;
mod packages;
mod patience;
mod places;
mod process;
mod registration;
mod reload;
mod replay;
mod server;
mod sipp;
mod socket_phone;
mod start;
mod stop;
mod strangers;
mod tenants;
mod uploads;
mod usage;
mod voicemail;
