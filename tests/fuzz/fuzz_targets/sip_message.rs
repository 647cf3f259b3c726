//! `cargo fuzz run sip_message`.
#![no_main]

#[path = "../targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| (targets::sip::MESSAGE.run)(data));
