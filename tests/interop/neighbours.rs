//! F60, F62, hostile 2H: whatever the plugins of one tenant do, the calls of another lose nothing.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::attack::Attack;
use crate::bad_input::hostile;
use crate::crowd::{Crowd, permille};
use crate::server::Server;

const CALLS: usize = 50;
const TALK: Duration = Duration::from_secs(8);

/// Guests compute behind everything else, and audio before it where the kernel allows that.
#[test]
fn audio_does_not_wait_for_guests() {
    let server = Server::start();
    let nice = |name: &str| {
        let threads = server.threads().into_iter().filter(|(thread, _)| thread.starts_with(name));
        threads.map(|(_, nice)| nice).collect::<BTreeSet<i32>>()
    };
    assert_eq!(nice("guest"), BTreeSet::from([10]));
    let media = nice("media-");
    assert!(media == BTreeSet::from([-10]) || media == BTreeSet::from([0]), "{media:?}");
}

#[test]
fn fifty_calls_do_not_notice_what_another_tenants_plugins_do() {
    let server = Server::start();
    let process = server.id();
    let attack = Attack::lay_out(&server.scratch("attack"), &std::fs::read(hostile()).unwrap()).unwrap();
    for package in &attack.packages {
        server.installs(package.to_str().unwrap());
    }
    let answer = server.extend("acme", "dialplan.conf", &attack.dialplan);
    assert_eq!(answer.code, 0, "{}", answer.printed);

    let attacks = undisturbed(&server, |over| Crowd::new(server.account("acme", "100")).pester(&attack.numbers, over));
    println!("{attacks} attacks");
    assert!(attacks as usize > 2 * attack.numbers.len(), "{attacks} attacks are none");
    // F66: whoever called an attacker was hung up on, and the tenant that attacks can still call.
    let mut own = Crowd::new(server.account("acme", "101"));
    own.call("600");
    own.until_up();
    own.hang_up();
    assert_eq!(server.id(), process);
}

/// Fifty calls of globex talk, first by themselves and then while something goes on that ends when it is over: they lose nothing by it.
pub(crate) fn undisturbed<T: Send>(server: &Server, attack: impl FnOnce(&AtomicBool) -> T + Send) -> T {
    let mut talkers = Crowd::new(server.account("globex", "100"));
    (0..CALLS).for_each(|_| talkers.call("600"));
    talkers.until_up();
    let quiet = talkers.talk(TALK);
    let over = AtomicBool::new(false);
    let (attacked, done) = std::thread::scope(|scope| {
        let attacker = scope.spawn(|| attack(&over));
        let heard = talkers.talk(TALK);
        over.store(true, Ordering::Relaxed);
        (heard, attacker.join().unwrap())
    });
    println!(
        "jitter p99.9 {:?} without an attack, {:?} with it",
        permille(&quiet.jitter, 999),
        permille(&attacked.jitter, 999)
    );
    assert_eq!((quiet.lost, attacked.lost), (0, 0), "of {} packets", attacked.said);
    assert_eq!(talkers.up(), CALLS);
    talkers.hang_up();
    done
}
