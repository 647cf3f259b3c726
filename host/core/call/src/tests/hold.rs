//! Hold and resume (F52, A11).

use super::*;

fn held(leg: u32, held: bool) -> Input {
    Input::LegHeld { leg: LegId(leg), held }
}

#[test]
fn the_held_party_hears_music_and_then_the_other_again() {
    let mut rig = Rig::talking();
    rig.tell(held(1, true), &["hold 0 on", "unbridge 0 1", "play 0 p0 moh"]);
    rig.tell(held(1, false), &["hold 0 off", "stop-play 0 p0", "bridge 0 1"]);
}

#[test]
fn both_may_hold() {
    let mut rig = Rig::talking();
    rig.tell(held(1, true), &["hold 0 on", "unbridge 0 1", "play 0 p0 moh"]);
    rig.tell(held(0, true), &["hold 1 on", "stop-play 0 p0"]);
    rig.tell(held(1, false), &["hold 0 off", "play 1 p1 moh"]);
    rig.tell(held(0, false), &["hold 1 off", "stop-play 1 p1", "bridge 0 1"]);
}

/// A11: a storm of re-INVITEs costs nothing but itself.
#[test]
fn a_storm_of_the_same_hold_does_nothing() {
    let mut rig = Rig::talking();
    rig.put(held(1, true));
    rig.drain();
    for _ in 0..1000 {
        rig.tell(held(1, true), &[]);
    }
}

#[test]
fn a_hang_up_on_hold_leaves_nothing_behind() {
    let mut rig = Rig::talking();
    rig.put(held(1, true));
    rig.drain();
    rig.ends(1, Cause::NORMAL_CLEARING);
    rig.says(&["release 1 16", "reply 0 dialed ANSWER 16 by 1 0ms leave", "release 0 16"]);
    rig.run_over(0);
    rig.drain();
    rig.is_clean();
}

#[test]
fn a_prompt_to_a_held_party_gives_way_to_music_again() {
    let mut rig = Rig::talking();
    rig.put(held(1, true));
    rig.drain();
    rig.ask(Request::Play { leg: LegId(0), prompts: vec!["note".to_owned()], interrupt: String::new() });
    rig.says(&["stop-play 0 p0", "play 0 p1 note"]);
    rig.tell(Input::PlayEnded { leg: LegId(0), play: PlayId(1) }, &["reply 1 played -", "play 0 p2 moh"]);
}
