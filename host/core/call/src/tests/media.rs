//! Playing, reading digits, recording, echo, events (F12, F21).

use super::*;

const LEG: LegId = LegId(0);

fn answered() -> Rig {
    let mut rig = Rig::offered();
    rig.put(Input::Request { id: RequestId(99), request: Request::Answer { leg: LEG } });
    rig.answers(0);
    rig.drain();
    rig
}

fn play(interrupt: &str) -> Request {
    Request::Play { leg: LEG, prompts: vec!["hello".to_owned()], interrupt: interrupt.to_owned() }
}

fn read(max: u32, prompts: &[&str]) -> Request {
    Request::ReadDigits {
        leg: LEG,
        max,
        timeout: 5 * SECOND,
        inter_digit: 2 * SECOND,
        terminators: "#".to_owned(),
        prompts: prompts.iter().map(|prompt| (*prompt).to_owned()).collect(),
    }
}

#[test]
fn a_prompt_plays_to_its_end() {
    let mut rig = answered();
    rig.ask(play(""));
    rig.says(&["play 0 p0 hello"]);
    rig.key(0, '5');
    rig.says(&[]);
    rig.tell(Input::PlayEnded { leg: LEG, play: PlayId(0) }, &["reply 0 played -"]);
}

#[test]
fn a_prompt_that_does_not_exist_is_told() {
    let mut rig = answered();
    rig.ask(play(""));
    rig.says(&["play 0 p0 hello"]);
    let failed = |play| Input::PlayFailed { leg: LEG, play: PlayId(play), prompt: "hello".to_owned() };
    rig.tell(failed(0), &["reply 0 error invalid"]);
    rig.ask(read(4, &["hello"]));
    rig.says(&["play 0 p1 hello"]);
    rig.tell(failed(1), &["reply 1 error invalid"]);
    // Nothing is lost by a beep that cannot be heard.
    rig.ask(record(true));
    rig.says(&["play 0 p2 tone:1000/200"]);
    rig.tell(failed(2), &["start-record 0 note 60000 within 9000"]);
}

#[test]
fn a_prompt_before_the_answer_is_early_media() {
    let mut rig = Rig::offered();
    rig.ask(play(""));
    rig.says(&["progress 0", "play 0 p0 hello"]);
}

#[test]
fn a_key_interrupts_a_prompt_that_allows_it() {
    let mut rig = answered();
    rig.ask(play("12"));
    rig.key(0, '5');
    rig.key(0, '2');
    rig.says(&["play 0 p0 hello", "stop-play 0 p0", "reply 0 played 2"]);
    // The end of what was stopped means nothing.
    rig.tell(Input::PlayEnded { leg: LEG, play: PlayId(0) }, &[]);
    // The 5 was kept; a later prompt takes it.
    rig.ask(play("5"));
    rig.says(&["reply 1 played 5"]);
}

#[test]
fn a_new_request_takes_the_media() {
    let mut rig = answered();
    rig.ask(play(""));
    rig.ask(play(""));
    rig.says(&["play 0 p0 hello", "stop-play 0 p0", "reply 0 error failed", "play 0 p1 hello"]);
    rig.ask(Request::Echo { leg: LEG, stop: "#".to_owned() });
    rig.says(&["stop-play 0 p1", "reply 1 error failed", "echo 0 on"]);
    rig.key(0, '#');
    rig.says(&["echo 0 off", "reply 2 played #"]);
}

#[test]
fn digits_are_read_up_to_their_number() {
    let mut rig = answered();
    rig.ask(read(4, &["enter"]));
    rig.says(&["play 0 p0 enter"]);
    rig.key(0, '1');
    rig.says(&["stop-play 0 p0"]);
    rig.key(0, '2');
    rig.key(0, '3');
    rig.says(&[]);
    rig.key(0, '4');
    rig.says(&["reply 0 digits \"1234\" -"]);
}

#[test]
fn a_terminator_ends_the_reading() {
    let mut rig = answered();
    rig.ask(read(4, &[]));
    rig.key(0, '7');
    rig.key(0, '#');
    rig.says(&["reply 0 digits \"7\" #"]);
    rig.ask(read(4, &["enter"]));
    rig.key(0, '#');
    rig.says(&["play 0 p0 enter", "stop-play 0 p0", "reply 1 digits \"\" #"]);
}

#[test]
fn time_ends_the_reading() {
    let mut rig = answered();
    rig.ask(read(4, &["enter"]));
    rig.pass(60 * SECOND);
    rig.says(&["play 0 p0 enter"]);
    rig.put(Input::PlayEnded { leg: LEG, play: PlayId(0) });
    rig.pass(4 * SECOND);
    rig.says(&[]);
    rig.pass(SECOND);
    rig.says(&["reply 0 digits \"\" -"]);
    rig.ask(read(4, &[]));
    rig.pass(4 * SECOND);
    rig.key(0, '1');
    rig.pass(SECOND + SECOND / 2);
    rig.key(0, '2');
    rig.pass(SECOND + SECOND / 2);
    rig.says(&[]);
    rig.pass(SECOND);
    rig.says(&["reply 1 digits \"12\" -"]);
}

#[test]
fn keys_pressed_ahead_are_read() {
    let mut rig = answered();
    for key in ['4', '2', '#', '9'] {
        rig.key(0, key);
    }
    rig.ask(read(4, &["enter"]));
    rig.says(&["reply 0 digits \"42\" #"]);
    rig.ask(read(2, &["enter"]));
    rig.says(&[]);
    rig.pass(2 * SECOND);
    rig.says(&["reply 1 digits \"9\" -"]);
}

#[test]
fn what_is_no_key_is_no_key() {
    let mut rig = answered();
    rig.ask(read(2, &[]));
    for other in ['x', ' ', 'é', '\n', 'E'] {
        rig.key(0, other);
    }
    rig.key(0, 'a');
    rig.key(0, '1');
    rig.says(&["reply 0 digits \"A1\" -"]);
}

/// F21: a key goes on to the party that hears the leg, and to nobody while one of them holds the other.
#[test]
fn a_key_goes_on_to_who_hears_the_leg() {
    let mut rig = Rig::talking();
    rig.key(0, '5');
    rig.says(&["relay-digit 1 5"]);
    rig.key(1, '#');
    rig.says(&["relay-digit 0 #"]);
    rig.put(Input::LegHeld { leg: LegId(1), held: true });
    rig.drain();
    rig.key(0, '6');
    rig.key(1, '7');
    rig.says(&[]);
    rig.put(Input::LegHeld { leg: LegId(1), held: false });
    rig.drain();
    rig.key(0, 'E');
    rig.says(&[]);
    rig.key(0, 'd');
    rig.says(&["relay-digit 1 D"]);
}

fn record(beep: bool) -> Request {
    Request::Record {
        leg: LEG,
        blob: "note".to_owned(),
        quota: Some(9_000),
        max: 60 * SECOND,
        silence: Some(3 * SECOND),
        terminators: "#".to_owned(),
        beep,
    }
}

#[test]
fn a_recording_is_answered_once_it_is_stored() {
    let mut rig = answered();
    rig.ask(record(true));
    rig.says(&["play 0 p0 tone:1000/200"]);
    rig.tell(Input::PlayEnded { leg: LEG, play: PlayId(0) }, &["start-record 0 note 60000 within 9000"]);
    rig.key(0, '1');
    rig.key(0, '#');
    rig.says(&["stop-record 0"]);
    let ended = Input::RecordEnded { leg: LEG, blob: "note".to_owned(), stored: Ok(4_000), silence: false };
    rig.tell(ended, &["reply 0 recorded note 4000 Digit('#')"]);
}

/// F4: what was said before the hang-up is not lost, and who recorded it learns its name.
#[test]
fn a_recording_survives_the_hang_up() {
    let mut rig = answered();
    rig.ask(record(false));
    rig.says(&["start-record 0 note 60000 within 9000"]);
    rig.ends(0, Cause::NORMAL_CLEARING);
    rig.says(&["stop-record 0", "release 0 16"]);
    let ended = Input::RecordEnded { leg: LEG, blob: "note".to_owned(), stored: Ok(900), silence: false };
    rig.tell(ended, &["reply 0 recorded note 900 Gone"]);
    rig.run_over(0);
    rig.says(&["cdr Answered", "finished"]);
}

/// Whoever recorded learns whether the party had finished.
#[test]
fn a_recording_tells_what_ended_it() {
    for (silence, ended) in [(true, "Silence"), (false, "Limit")] {
        let mut rig = answered();
        rig.ask(record(false));
        rig.drain();
        let input = Input::RecordEnded { leg: LEG, blob: "note".to_owned(), stored: Ok(4_000), silence };
        rig.tell(input, &[&format!("reply 0 recorded note 4000 {ended}")]);
    }
    let mut rig = answered();
    rig.ask(record(false));
    rig.drain();
    rig.pass(60 * SECOND);
    rig.says(&["stop-record 0"]);
    let input = Input::RecordEnded { leg: LEG, blob: "note".to_owned(), stored: Ok(60_000), silence: false };
    rig.tell(input, &["reply 0 recorded note 60000 Limit"]);
}

#[test]
fn a_recording_that_is_not_stored_fails() {
    let mut rig = answered();
    rig.ask(record(false));
    rig.drain();
    let ended =
        Input::RecordEnded { leg: LEG, blob: "note".to_owned(), stored: Err(RequestError::Limit), silence: false };
    rig.tell(ended, &["reply 0 error limit"]);
    rig.ask(record(false));
    rig.drain();
    rig.pass(60 * SECOND);
    rig.says(&["stop-record 0"]);
    rig.pass(crate::limit::STORING);
    rig.says(&["reply 1 error timeout"]);
}

/// What ends a recording before it begins makes one of nothing, and nothing of the former one is left.
#[test]
fn a_key_or_a_hang_up_during_the_beep_ends_a_recording_of_nothing() {
    let stored = || Input::RecordEnded { leg: LEG, blob: "note".to_owned(), stored: Ok(0), silence: false };
    let mut rig = answered();
    rig.ask(record(true));
    rig.key(0, '#');
    rig.says(&["play 0 p0 tone:1000/200", "stop-play 0 p0", "start-record 0 note 60000 within 9000", "stop-record 0"]);
    rig.tell(stored(), &["reply 0 recorded note 0 Digit('#')"]);

    let mut rig = answered();
    rig.ask(record(true));
    rig.drain();
    rig.ends(0, Cause::NORMAL_CLEARING);
    rig.says(&["stop-play 0 p0", "start-record 0 note 60000 within 9000", "stop-record 0", "release 0 16"]);
    rig.tell(stored(), &["reply 0 recorded note 0 Gone"]);
}

#[test]
fn digits_are_sent_one_request_at_a_time() {
    let mut rig = answered();
    let send = |digits: &str| Request::SendDigits { leg: LEG, digits: digits.to_owned() };
    rig.ask(send("1w#"));
    rig.ask(send("2"));
    rig.ask(send("x"));
    rig.says(&["send-digits 0 1w#", "reply 1 error busy", "reply 2 error invalid"]);
    rig.tell(Input::DigitsSent { leg: LEG }, &["reply 0 done"]);
    rig.ask(send("2"));
    rig.drain();
    rig.pass(crate::limit::SENDING);
    rig.says(&["reply 3 error timeout"]);
}

#[test]
fn events_come_one_by_one() {
    let mut rig = answered();
    let next = |timeout: Duration| Request::NextEvent { leg: LEG, timeout };
    rig.ask(next(Duration::ZERO));
    rig.ask(next(Duration::ZERO));
    rig.says(&["reply 0 event 0 answered", "reply 1 no event"]);
    rig.ask(next(3 * SECOND));
    rig.key(0, '1');
    rig.says(&["reply 2 event 1 dtmf"]);
    rig.ask(next(3 * SECOND));
    rig.pass(3 * SECOND);
    rig.says(&["reply 3 no event"]);
}

#[test]
fn waiting_takes_its_time() {
    let mut rig = answered();
    rig.ask(Request::Wait { leg: LEG, duration: 2 * SECOND });
    rig.pass(SECOND);
    rig.says(&[]);
    rig.pass(SECOND);
    rig.says(&["reply 0 done"]);
    rig.ask(Request::Wait { leg: LEG, duration: 2 * SECOND });
    rig.tell(Input::Withdraw { id: RequestId(1) }, &["reply 1 error failed"]);
}
