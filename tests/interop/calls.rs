//! Two phones of one tenant talk: signalling by the dialplan, audio measured at both far ends.

use crate::baresip::{Baresip, Phone};
use crate::linphone::Linphone;
use crate::server::Server;
use crate::sipp::{Place, Role};

/// Lets two phones talk and measures what each of them hears.
fn talk(caller_codec: &str, callee_codec: &str) {
    let server = Server::start();
    let callee = Baresip::registered(&server, &Phone { codec: callee_codec, ..Phone::new("acme", "101", 1_000) });
    let mut caller = Baresip::registered(&server, &Phone { codec: caller_codec, ..Phone::new("acme", "100", 440) });
    caller.calls("101");
    caller.hears_tone(1_000);
    callee.hears_tone(440);
    caller.hang_up();
    callee.heard().assert_tone(440, &[1_000]);
    caller.heard().assert_tone(1_000, &[440]);
    let records = server.records("acme", 1);
    assert_eq!(records.len(), 1, "one record per call: {records:?}");
    assert_eq!(records[0]["from_endpoint"], "100");
    assert_eq!(records[0]["to"], "101");
    assert_eq!(records[0]["disposition"], "ANSWERED");
}

#[test]
fn two_phones_of_the_same_codec_hear_each_other() {
    talk("PCMA", "PCMA");
}

#[test]
fn a_law_and_mu_law_hear_each_other() {
    talk("PCMA", "PCMU");
}

#[test]
fn g722_and_a_law_hear_each_other() {
    talk("G722", "PCMA");
}

/// A third make of phone is called by the second.
#[test]
fn baresip_and_linphone_hear_each_other() {
    let server = Server::start();
    let mut linphone = Linphone::registered(&server, "acme", "102", 1_000);
    let mut baresip = Baresip::registered(&server, &Phone::new("acme", "100", 440));
    baresip.calls("102");
    linphone.talks();
    baresip.hears_tone(1_000);
    linphone.hears_seconds(3);
    baresip.hang_up();
    linphone.heard().assert_tone(440, &[1_000]);
    baresip.heard().assert_tone(1_000, &[440]);
}

/// SIPp on both sides; the called one hangs up.
#[test]
fn sipp_calls_sipp() {
    let server = Server::start();
    let phone = Place::new();
    phone.registers(&server, "acme", "101");
    let mut callee = phone.begin(&server, &Role::new("callee-hangs-up", "acme", "101"));
    Place::new().plays(&server, &Role::new("caller", "acme", "100").to("101"));
    callee.succeeds();
    server.until_calls(0);
}

/// F46: everything over TCP, both the registration and the calls from and to that phone.
#[test]
fn phones_register_and_call_over_tcp() {
    let server = Server::start();
    let callee = Baresip::registered(&server, &Phone { transport: "tcp", ..Phone::new("acme", "101", 1_000) });
    assert!(server.registrations("acme")[0].1.contains("tcp"), "{:?}", server.registrations("acme"));
    let mut caller = Baresip::registered(&server, &Phone { transport: "tcp", ..Phone::new("acme", "100", 440) });
    caller.calls("101");
    caller.hears_tone(1_000);
    callee.hears_tone(440);
    caller.hang_up();
    caller.heard().assert_tone(1_000, &[440]);
    callee.heard().assert_tone(440, &[1_000]);
    let role = Role { tcp: true, ..Role::new("caller-hangs-up", "acme", "103").to("600") };
    Place::new().plays(&server, &role);
}
