//! `cargo fuzz run plugin_times_of_day`.
#![no_main]

#[allow(dead_code, reason = "a cargo fuzz target runs one of them")]
#[path = "../targets/mod.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|data: &[u8]| (targets::plugin::TIMES_OF_DAY.run)(data));
