//! F4: a message that one phone leaves is heard by another make of phone, and outlives `kill -9` from the moment the caller is told.

use crate::audio::Heard;
use crate::baresip::{Baresip, Phone};
use crate::linphone::Linphone;
use crate::server::Server;

/// The owner of 101 enters: the first time a PIN is chosen, so it is asked for twice.
fn enters_for_the_first_time(server: &Server) -> Baresip {
    let mut owner = Baresip::registered(server, &Phone::new("acme", "101", 1_000));
    owner.calls("620");
    owner.digits("271828#271828#");
    owner.hears_prompt("voicemail/old-messages");
    owner
}

/// A phone is led to the mailbox of 101 and leaves four seconds of its tone; the call is still up.
fn begins_a_message(server: &Server, endpoint: &str, tone: u32) -> Baresip {
    let mut caller = Baresip::registered(server, &Phone::new("acme", endpoint, tone));
    caller.calls("101");
    server.until_recorded("acme", 4);
    caller
}

/// Linphone leaves a message and hangs up; baresip hears it, deletes it, and it is gone.
#[test]
fn one_phone_leaves_a_message_and_another_hears_it() {
    let server = Server::start();
    let mut linphone = Linphone::registered(&server, "acme", "102", 1_400);
    linphone.calls("101", 1);
    linphone.talks();
    server.until_recorded("acme", 4);
    linphone.hangs_up();
    server.until_calls(0);
    Heard::read(&server.recording("acme", "app-voicemail/default/101/m-")).assert_tone(1_400, &[]);

    let mut owner = enters_for_the_first_time(&server);
    owner.digits("1");
    owner.hears_tone(1_400);
    owner.digits("7");
    owner.hears_prompt("voicemail/deleted");
    owner.digits("##");
    owner.is_let_go();
    let heard = owner.heard();
    heard.assert_tone(1_400, &[]);
    // The PIN was dialled over the question for it.
    heard.assert_prompts(&["voicemail/pin-set", "digits/1", "voicemail/new-messages-and"]);
    assert!(server.recordings("acme").is_empty());
}

/// The server is killed as soon as the caller has heard that the message is kept, and once more in the middle of another.
#[test]
fn an_acknowledged_message_survives_kill_9() {
    let server = Server::start();
    let mut caller = begins_a_message(&server, "100", 440);
    caller.digits("#");
    caller.hears_prompt("voicemail/saved");
    let server = server.crash_and_restart();
    drop(caller);

    let interrupted = begins_a_message(&server, "103", 1_400);
    let server = server.crash_and_restart();
    drop(interrupted);
    let mut owner = enters_for_the_first_time(&server);
    owner.digits("1");
    owner.hears_tone(440);
    owner.digits("6");
    owner.hears_prompt("voicemail/no-more");
    owner.hang_up();
    owner.heard().assert_prompts(&["digits/1", "voicemail/new-messages-and", "voicemail/no-more"]);
    // Nothing else is left, and nothing half.
    Heard::read(&server.recording("acme", "")).assert_tone(440, &[1_400]);
}
