//! What a phone can do with a call: hold, transfer, give up, be busy, not answer.

use crate::baresip::{Baresip, Phone};
use crate::linphone::Linphone;
use crate::server::Server;
use crate::sipp::{Place, Role};

/// A re-INVITE with another direction is answered with its counterpart (RFC 3264 §8.4), twice.
#[test]
fn a_call_is_held_and_taken_back() {
    let server = Server::start();
    let phone = Place::new();
    phone.registers(&server, "acme", "101");
    let mut callee = phone.begin(&server, &Role::new("callee", "acme", "101"));
    Place::new().plays(&server, &Role::new("caller-holds", "acme", "100").to("101"));
    callee.succeeds();
}

/// A phone holds its call and takes it back: the other side hears it again. (baresip 1.0 itself plays nothing after a hold,
/// though packets reach it; so the other side is asked.)
#[test]
fn baresip_holds_and_resumes() {
    let server = Server::start();
    let callee = Baresip::registered(&server, &Phone::new("acme", "101", 1_000));
    let mut caller = Baresip::registered(&server, &Phone::new("acme", "100", 440));
    caller.calls("101");
    callee.hears_seconds(1);
    caller.holds();
    caller.resumes();
    callee.hears_seconds_more(2);
    caller.hang_up();
    callee.heard().assert_tone(440, &[1_000]);
}

/// REFER (RFC 3515, RFC 5589 §6.1): the called phone is sent on to a third one, and the first is out of it.
#[test]
fn a_call_is_transferred_blindly() {
    let server = Server::start();
    let second = Baresip::registered(&server, &Phone::new("acme", "101", 1_000));
    let third = Baresip::registered(&server, &Phone::new("acme", "102", 1_400));
    let role = Role { words: &[("target", "102")], ..Role::new("caller-transfers", "acme", "100").to("101") };
    Place::new().plays(&server, &role);
    third.prints("Call established");
    third.hears_tone(1_000);
    second.hears_tone(1_400);
    let calls = server.until_calls(1);
    server.hang_up(&calls[0]);
    third.heard().assert_tone(1_000, &[1_400]);
    second.heard().assert_tone(1_400, &[]);
}

/// RFC 5589 §7.1: Linphone asks 101 whether it takes 100's call, and connects the two (REFER with Replaces).
#[test]
fn a_call_is_transferred_after_asking() {
    let server = Server::start();
    let caller = Baresip::registered(&server, &Phone::new("acme", "100", 440));
    let target = Baresip::registered(&server, &Phone::new("acme", "101", 1_000));
    let mut linphone = Linphone::registered(&server, "acme", "102", 1_400);
    linphone.calls("100", 1);
    caller.prints("Call established");
    linphone.pauses(1);
    linphone.calls("101", 2);
    target.prints("Call established");
    linphone.transfers();
    target.hears_tone(440);
    caller.hears_tone(1_000);
}

/// RFC 3261 §9: the caller gives up, the phone stops ringing.
#[test]
fn a_caller_gives_up() {
    let server = Server::start();
    let phone = Place::new();
    phone.registers(&server, "acme", "101");
    let mut callee = phone.begin(&server, &Role::new("callee-cancelled", "acme", "101"));
    Place::new().plays(&server, &Role::new("caller-cancels", "acme", "100").to("101"));
    callee.succeeds();
    server.until_calls(0);
    assert_eq!(server.records("acme", 1)[0]["answer_ms"], serde_json::Value::Null);
}

/// The dialplan hears that the phone is busy, and says so to the caller.
#[test]
fn a_busy_phone_is_told_to_the_caller() {
    let server = Server::start();
    let plan = "\n[busy]\nexten => 201,1,Dial(PJSIP/101,30)\n same => n,NoOp(${DIALSTATUS})\n same => n,Hangup(17)\n";
    into_internal(&server, plan, "busy");
    let phone = Place::new();
    phone.registers(&server, "acme", "101");
    let mut callee = phone.begin(&server, &Role::new("callee-busy", "acme", "101"));
    Place::new().plays(&server, &Role::new("caller-gets-486", "acme", "100").to("201"));
    callee.succeeds();
}

/// A phone that does not answer stops ringing after the time of `Dial`, and the dialplan goes on.
#[test]
fn a_call_that_nobody_answers_goes_on() {
    let server = Server::start();
    into_internal(&server, "\n[patience]\nexten => 201,1,Dial(PJSIP/101,1)\n same => n,Echo()\n", "patience");
    let phone = Place::new();
    phone.registers(&server, "acme", "101");
    let mut callee = phone.begin(&server, &Role::new("callee-cancelled", "acme", "101"));
    Place::new().plays(&server, &Role::new("caller-hangs-up", "acme", "100").to("201"));
    callee.succeeds();
}

/// Adds a context to acme's dialplan and lets its phones dial into it.
fn into_internal(server: &Server, plan: &str, context: &str) {
    let answer = server.extend("acme", "dialplan.conf", &format!("{plan}\n[internal]\ninclude => {context}\n"));
    assert_eq!(answer.code, 0, "{}", answer.printed);
}
