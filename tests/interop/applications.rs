//! Phones call applications, each a Wasm component: they hear them, and type digits into them.

use crate::baresip::{Baresip, Phone};
use crate::server::Server;

/// F1: 600 sends the caller's own voice back.
#[test]
fn echo_sends_the_caller_its_own_tone() {
    let server = Server::start();
    let mut phone = Baresip::registered(&server, &Phone::new("acme", "100", 440));
    phone.calls("600");
    phone.hears_tone(440);
    phone.hang_up();
    phone.heard().assert_tone(440, &[1_000]);
    let records = server.records("acme", 1);
    let plugin = records[0]["plugin"].as_str().unwrap();
    assert!(plugin.starts_with("app-echo@"), "the record names the plugin and its digest: {plugin}");
}

/// F12: 601 greets and hangs up.
#[test]
fn playback_greets_and_hangs_up() {
    let server = Server::start();
    let mut phone = Baresip::registered(&server, &Phone::new("acme", "100", 440));
    phone.calls("601");
    phone.prints("session closed");
    let heard = phone.heard();
    assert!(heard.loud_windows() >= 2, "the greeting is heard");
    assert!(heard.purity(440) < 0.5, "and it is not the caller's own tone");
    heard.assert_prompts(&["hello"]);
}

/// F12, F21: 602 reads four digits (RFC 4733) and says them back.
#[test]
fn read_takes_digits_and_says_them_back() {
    let server = Server::start();
    let mut phone = Baresip::registered(&server, &Phone::new("acme", "100", 440));
    phone.calls("602");
    phone.hears_seconds(1);
    phone.digits("4711");
    phone.prints("session closed");
    let heard = phone.heard();
    heard.assert_prompts(&["you-entered", "digits/4", "digits/7", "digits/1", "digits/1", "goodbye"]);
}
