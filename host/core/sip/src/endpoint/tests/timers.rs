//! Session timers (RFC 4028).

use std::time::Duration;

use super::wire::*;
use crate::endpoint::*;

fn count(world: &World, line: &str) -> usize {
    world.lines().iter().filter(|own| *own == line).count()
}

fn call(world: &mut World, seconds: u64) -> (SessionId, SessionId) {
    let mut originate = world.originate(Side::A);
    originate.session_expires = Some(Duration::from_secs(seconds));
    world.call_with(originate)
}

/// RFC 4028 §7.2, §9: the callee leaves the refreshing to the caller, who does it by UPDATE at half the interval.
#[test]
fn f46_the_caller_refreshes() {
    let mut world = World::new(FAIR, 1);
    let (a, _) = call(&mut world, 120);
    assert!(world.message(Side::A, "INVITE").contains("\r\nSession-Expires: 120\r\nMin-SE: 90\r\n"));
    let ok = world.message(Side::B, "SIP/2.0 200");
    assert!(ok.contains("\r\nRequire: timer\r\nSession-Expires: 120;refresher=uac\r\n"), "{ok}");
    world.pass_ms(3_600_000);
    let refreshes = count(&world, "A UPDATE");
    assert!((58..=60).contains(&refreshes), "{refreshes} refreshes in an hour of sixty half intervals");
    assert_eq!(count(&world, "B UPDATE") + count(&world, "B BYE") + count(&world, "A BYE"), 0);
    assert!(world.message(Side::A, "UPDATE").contains("\r\nSession-Expires: 120;refresher=uac\r\n"));
    world.command(Side::A, hang_up(a)).unwrap();
    world.run_out();
}

/// RFC 4028 §10: who does not hear a refresh says BYE a little before the session expires.
#[test]
fn f46_a_silent_peer_expires() {
    let mut world = World::new(FAIR, 2);
    call(&mut world, 120);
    let since = world.now;
    world.weather.loss = 100;
    assert_eq!(world.until(Side::B, ended), EndReason::Expired);
    // 120 s - min(32 s, 40 s); the BYE that is tried for another 32 s is nobody's wait.
    let waited = world.now - since;
    assert!((Duration::from_secs(87)..Duration::from_secs(89)).contains(&waited), "{waited:?}");
    assert_eq!(world.until(Side::A, ended), EndReason::Expired, "its refresh was never answered");
    world.run_out();
}

/// A peer without UPDATE is refreshed by re-INVITE with the SDP in force.
#[test]
fn a_refresh_by_reinvite() {
    let mut world = World::new(FAIR, 3);
    let (a, b) = call(&mut world, 90);
    let session = world.endpoint(Side::A).sessions.get_mut(&a).unwrap();
    session.forget_update();
    assert_eq!(world.until(Side::B, reoffer).unwrap(), OFFER);
    world.command(Side::B, Command::AcceptReoffer { session: b, body: ANSWER.into() }).unwrap();
    world.pass_ms(1_000);
    assert_eq!(count(&world, "A INVITE"), 2);
    assert_eq!(count(&world, "A ACK"), 2);
    world.command(Side::A, hang_up(a)).unwrap();
    world.run_out();
}

/// RFC 4028 §7.3: 422 is followed once.
#[test]
fn f46_an_interval_that_is_too_small() {
    let mut world = World::new(FAIR, 4);
    world.endpoint(Side::A).core.config.timings.min_se = Duration::from_secs(90);
    world.endpoint(Side::B).core.config.timings.min_se = Duration::from_secs(600);
    let (a, _) = call(&mut world, 100);
    assert_eq!(world.lines(), ["A INVITE", "B 422", "A ACK", "A INVITE", "B 200", "A ACK"]);
    assert!(world.message(Side::B, "SIP/2.0 422").contains("\r\nMin-SE: 600\r\n"));
    let again = world.message(Side::A, "INVITE");
    assert!(
        again.contains("\r\nSession-Expires: 600\r\nMin-SE: 600\r\n") && again.contains("CSeq: 2 INVITE"),
        "{again}"
    );
    world.command(Side::A, hang_up(a)).unwrap();
    world.run_out();
}

/// RFC 4028 §5: less than 90 s is never asked for; without the header there is no timer.
#[test]
fn the_least_interval() {
    let mut world = World::new(FAIR, 5);
    let (a, _) = call(&mut world, 1);
    assert!(world.message(Side::A, "INVITE").contains("\r\nSession-Expires: 90\r\n"));
    world.command(Side::A, hang_up(a)).unwrap();
    world.run_out();
    let (a, _) = world.call();
    world.pass_ms(10_000_000);
    assert_eq!(count(&world, "A UPDATE") + count(&world, "B UPDATE"), 0);
    world.command(Side::A, hang_up(a)).unwrap();
    world.run_out();
}

/// Whom nobody asks for a timer keeps one of its own: a caller that knows nothing of RFC 4028 is refreshed all the same, and
/// found out when it is gone.
#[test]
fn a_callee_keeps_a_timer_of_its_own() {
    let mut world = World::new(FAIR, 6);
    world.endpoint(Side::B).core.config.timings.session_wish = Some(Duration::from_secs(100));
    let (a, _) = world.call();
    let ok = world.message(Side::B, "SIP/2.0 200");
    assert!(ok.contains("\r\nSession-Expires: 100;refresher=uas\r\n") && !ok.contains("\r\nRequire"), "{ok}");
    world.pass_ms(1_000_000);
    assert!((19..=20).contains(&count(&world, "B UPDATE")), "{} refreshes", count(&world, "B UPDATE"));
    assert_eq!(count(&world, "A UPDATE") + count(&world, "B BYE"), 0);
    world.weather.loss = 100;
    assert_eq!(world.until(Side::B, ended), EndReason::Expired);
    world.command(Side::A, hang_up(a)).unwrap();
    world.run_out();
}

/// RFC 4028 §4: a caller whose callee knows no timer refreshes alone.
#[test]
fn a_caller_keeps_its_timer_alone() {
    let mut script = super::script::Script::new();
    let (session, invite) = script.originate(|originate| originate.session_expires = Some(Duration::from_secs(100)));
    script.reply(&invite, 200, "bob", "Contact: <sip:bob@192.0.2.1:5060>\r\n");
    assert_eq!(script.sent_methods(), [Method::Ack]);
    script.pass_ms(50_000);
    let refresh = script.request();
    assert_eq!(refresh.method, Method::Invite, "it never said that it knows UPDATE");
    assert_eq!(refresh.headers.session_expires().unwrap().unwrap().seconds, 100);
    script.reply(&refresh, 200, "", "Contact: <sip:bob@192.0.2.1:5060>\r\n");
    assert_eq!(script.sent_methods(), [Method::Ack]);
    script.take_events();
    script.pass_ms(50_000);
    let refresh = script.request();
    script.reply(&refresh, 481, "", "");
    // RFC 5057 §5.1: the peer has forgotten the call.
    let ended = script.take_events();
    let reason = EndReason::Status(481);
    assert!(
        ended.iter().any(
            |event| matches!(event, Event::Ended { session: of, reason: why } if *of == session && *why == reason)
        ),
        "{ended:?}"
    );
    script.run_out();
}
