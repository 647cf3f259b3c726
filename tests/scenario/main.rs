//! Behaviours of a whole switch, one per file, on a virtual clock and network (tests/harness).

#[path = "../harness/mod.rs"]
mod harness;

mod answer_by_echo_app;
mod attended_transfer;
mod blind_transfer;
mod call_limit;
mod dial_busy;
mod dial_by_name;
mod dial_cancel;
mod dial_decline;
mod dial_forking;
mod dial_no_answer;
mod dial_unregistered;
mod early_media;
mod forward_loop;
mod half_open;
mod hold;
mod late_answer;
mod local_extension;
mod lossy_network;
mod missing_sound;
mod plugin_quota;
mod plugin_settings;
mod record_a_memo;
mod registration;
mod replaces;
mod tenant_isolation;
mod two_phones_talk;
mod vanished_phone;
