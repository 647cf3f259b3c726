//! Callers leave messages, owners hear them and nobody else does: by the PIN, whatever a caller says of itself, with the same
//! mailbox in two tenants, and with several callers at once (F4, F14, F35, hostile F5).

use std::time::Duration;

use codec::{SampleRate, goertzel, wav};
use store::Class;

use crate::harness::{Line, PhoneId, World, run};

const DIALPLAN: &str = "\
[phones]
exten => _10X,1,Dial(PJSIP/${EXTEN},5)
 same => n,VoiceMail(${EXTEN})
exten => 500,1,VoiceMail(101,s)
exten => 620,1,VoiceMailMain(${CHANNEL(endpoint)})
exten => 621,1,VoiceMailMain()
exten => 622,1,Set(CALLERID(num)=101)
 same => n,Set(CALLERID(name)=101)
 same => n,VoiceMailMain(${CALLERID(num)},s)
exten => 623,1,Set(CALLERID(name)=${VMCOUNT(101)} ${VMCOUNT(101,Old)} ${VM_INFO(101,exists)})
 same => n,Dial(PJSIP/102)
";

/// What the owner of 101 chooses.
const PIN: &str = "271828#";

async fn with_voicemail(seed: u64) -> World {
    let mut world = World::with_dialplan(seed, DIALPLAN).await;
    for tenant in ["acme", "globex"] {
        world.install(tenant, "app-voicemail").await;
        world.install(tenant, "app-playback").await;
        world.install(tenant, "func-core").await;
    }
    world
}

/// The caller waits until the beep is over and says a tone for some seconds.
async fn speaks(world: &mut World, line: Line, hertz: u16, seconds: u64) {
    world.until_up(line).await;
    world.pass(Duration::from_secs(1)).await;
    world.say(line, hertz);
    world.pass(Duration::from_secs(seconds)).await;
    world.hush(line);
}

/// A phone leaves a message for 101.
async fn leaves(world: &mut World, phone: PhoneId, hertz: u16) {
    let line = world.call(phone, "500");
    speaks(world, line, hertz, 3).await;
    world.press(line, "#");
    world.until_over(line).await;
}

/// A phone calls a number and presses keys ahead of all prompts.
async fn enters(world: &mut World, phone: PhoneId, number: &str, keys: &str) -> Line {
    let line = world.call(phone, number);
    world.until_up(line).await;
    world.press(line, keys);
    line
}

/// The owner leaves: whatever is heard, back to the main menu, and out.
async fn goes(world: &mut World, line: Line) {
    world.press(line, "##");
    world.until_over(line).await;
}

/// The lines of the index of 101: a message each.
fn messages(world: &World, tenant: &str) -> Vec<String> {
    let id = call::TenantId::new(tenant).expect("a name");
    let kv = world.store.tenant(&id).kv(Class::PluginKv("app-voicemail".into())).expect("a space");
    let index = kv.get(b"index/default/101").expect("readable").unwrap_or_default();
    String::from_utf8(index).expect("text").lines().skip(1).map(str::to_owned).collect()
}

/// The recordings of a tenant, as the tones that are in them.
fn tones(world: &World, tenant: &str) -> Vec<u16> {
    let id = call::TenantId::new(tenant).expect("a name");
    let blobs = world.store.tenant(&id).blobs().expect("blobs");
    let tone = |samples: &[i16]| {
        let middle = &samples[samples.len() / 2..][..4_000];
        (1..20)
            .map(|step| step * 100)
            .find(|hertz| goertzel::purity(middle, SampleRate::Hz8000, f64::from(*hertz)) > 0.9)
    };
    let names = blobs.list("app-voicemail/", None, 100).into_iter().map(|info| info.name);
    let read = names.map(|name| blobs.get(&name).expect("whole").expect("there"));
    read.map(|bytes| tone(&wav::read(&bytes, 1 << 20).expect("a WAV file").samples).expect("a tone")).collect()
}

#[test]
fn a_message_is_left_heard_and_deleted() {
    run(async {
        let mut world = with_voicemail(1).await;
        let [alice, bob, carol] = [
            world.registered("acme", "100").await,
            world.registered("acme", "101").await,
            world.registered("acme", "102").await,
        ];
        let line = world.call(alice, "101");
        let other = world.incoming(bob).await;
        world.refuse(other, 486);
        speaks(&mut world, line, 600, 3).await;
        world.press(line, "#");
        world.until_over(line).await;
        assert_eq!(tones(&world, "acme"), [600]);
        let shown = async |world: &mut World| {
            let line = world.call(alice, "623");
            let other = world.incoming(carol).await;
            let shown = world.caller_name(other).to_owned();
            world.hang_up(line);
            world.until_over(other).await;
            shown
        };
        assert_eq!(shown(&mut world).await, "1 0 1");
        // The first visit at the own phone chooses the PIN.
        let line = enters(&mut world, bob, "620", &format!("{PIN}{PIN}1")).await;
        world.until_heard(line, 600).await;
        goes(&mut world, line).await;
        assert_eq!(shown(&mut world).await, "0 1 1");
        let line = enters(&mut world, bob, "620", &format!("{PIN}2")).await;
        world.until_heard(line, 600).await;
        world.press(line, "7");
        goes(&mut world, line).await;
        assert_eq!(shown(&mut world).await, "0 0 1");
        assert!(tones(&world, "acme").is_empty(), "the recording is gone, too");
        world.finish().await;
    });
}

#[test]
fn a_hang_up_leaves_the_message() {
    run(async {
        let mut world = with_voicemail(2).await;
        let alice = world.registered("acme", "100").await;
        let line = world.call(alice, "500");
        speaks(&mut world, line, 600, 3).await;
        world.hang_up(line);
        world.until("the message is there", |world| messages(world, "acme").len() == 1).await;
        assert_eq!(tones(&world, "acme"), [600]);
        // One that says nothing leaves nothing.
        let line = world.call(alice, "500");
        world.until_up(line).await;
        world.pass(Duration::from_secs(1)).await;
        world.hang_up(line);
        world.records("acme", 2).await;
        world.until("what was too short is gone", |world| tones(world, "acme").len() == 1).await;
        assert_eq!(messages(&world, "acme").len(), 1);
        world.finish().await;
    });
}

/// Ten seconds of silence: nobody is there any more. Who says nothing at all leaves nothing.
#[test]
fn silence_ends_a_message() {
    run(async {
        let mut world = with_voicemail(3).await;
        let alice = world.registered("acme", "100").await;
        let line = world.call(alice, "500");
        speaks(&mut world, line, 600, 4).await;
        world.until_over(line).await;
        let line = world.call(alice, "500");
        world.until_over(line).await;
        let messages = messages(&world, "acme");
        assert_eq!(messages.len(), 1);
        let ms: u64 = messages[0].split('\t').nth(4).expect("a length").parse().expect("a number");
        assert!((4_000..6_000).contains(&ms), "{ms}");
        world.finish().await;
    });
}

/// All press their key in the same instant.
#[test]
fn callers_at_once_lose_nothing() {
    run(async {
        let mut world = with_voicemail(4).await;
        world.redefine("acme", |definition| definition.recordings_max = 8).await;
        let mut lines = Vec::new();
        for (number, hertz) in (102..110).zip((4..12).map(|step| step * 100)) {
            let phone = world.registered("acme", &number.to_string()).await;
            let line = world.call(phone, "500");
            world.until_up(line).await;
            world.say(line, hertz);
            lines.push(line);
        }
        world.pass(Duration::from_secs(4)).await;
        lines.iter().for_each(|line| world.press(*line, "#"));
        for line in lines {
            world.until_over(line).await;
        }
        assert_eq!(messages(&world, "acme").len(), 8);
        let mut tones = tones(&world, "acme");
        tones.sort_unstable();
        assert_eq!(tones, [400, 500, 600, 700, 800, 900, 1_000, 1_100]);
        world.finish().await;
    });
}

/// Both tenants have a mailbox 101: neither its messages nor its PIN are the other's.
#[test]
fn the_same_mailbox_in_two_tenants_is_two() {
    run(async {
        let mut world = with_voicemail(5).await;
        let mut owners = Vec::new();
        for (tenant, hertz) in [("acme", 600), ("globex", 900)] {
            let caller = world.registered(tenant, "100").await;
            leaves(&mut world, caller, hertz).await;
            owners.push(world.registered(tenant, "101").await);
        }
        let line = enters(&mut world, owners[0], "620", &format!("{PIN}{PIN}1")).await;
        world.until_heard(line, 600).await;
        goes(&mut world, line).await;
        // Acme's PIN is none of globex's.
        let stranger = world.registered("globex", "105").await;
        let line = enters(&mut world, stranger, "621", &format!("101#{PIN}")).await;
        assert!(!world.hears(line, 900).await && !world.hears(line, 600).await);
        world.hang_up(line);
        let line = enters(&mut world, owners[1], "620", "314159#314159#1").await;
        world.until_heard(line, 900).await;
        goes(&mut world, line).await;
        assert_eq!((tones(&world, "acme"), tones(&world, "globex")), (vec![600], vec![900]));
        world.finish().await;
    });
}

/// A caller that says it is 101, and a dialplan that believes it: the PIN is asked for all the same.
#[test]
fn a_spoofed_caller_opens_no_mailbox() {
    run(async {
        let mut world = with_voicemail(6).await;
        let mallory = world.registered("acme", "109").await;
        let bob = world.registered("acme", "101").await;
        leaves(&mut world, mallory, 600).await;
        // While there is no PIN, only the owner's phone may choose one.
        let line = enters(&mut world, mallory, "622", "271828#271828#1").await;
        assert!(!world.hears(line, 600).await);
        world.hang_up(line);
        let line = enters(&mut world, bob, "620", "314159#314159#").await;
        world.pass(Duration::from_secs(5)).await;
        goes(&mut world, line).await;
        // With one, option `s` is for the owner's phone.
        let line = enters(&mut world, mallory, "622", "1").await;
        assert!(!world.hears(line, 600).await);
        world.hang_up(line);
        let line = enters(&mut world, bob, "622", "1").await;
        world.until_heard(line, 600).await;
        goes(&mut world, line).await;
        world.finish().await;
    });
}

/// Three wrong PINs close the mailbox to everybody but the owner's phone, for half a minute.
#[test]
fn wrong_pins_lock_the_mailbox_out() {
    run(async {
        let mut world = with_voicemail(7).await;
        let [mallory, carol, bob] = [
            world.registered("acme", "109").await,
            world.registered("acme", "102").await,
            world.registered("acme", "101").await,
        ];
        leaves(&mut world, carol, 600).await;
        let line = enters(&mut world, bob, "620", &format!("{PIN}{PIN}1")).await;
        world.until_heard(line, 600).await;
        goes(&mut world, line).await;
        let line = enters(&mut world, mallory, "621", "101#111111#101#222222#101#333333#").await;
        world.until_over(line).await;
        // The right PIN counts as little now.
        let right = format!("101#{PIN}2");
        let line = enters(&mut world, carol, "621", &right).await;
        assert!(!world.hears(line, 600).await);
        world.until_over(line).await;
        let line = enters(&mut world, bob, "620", &format!("{PIN}2")).await;
        world.until_heard(line, 600).await;
        goes(&mut world, line).await;
        // Mallory is closed out of every mailbox, its own phone of its own one not.
        let line = enters(&mut world, mallory, "621", &right).await;
        assert!(!world.hears(line, 600).await);
        world.until_over(line).await;
        world.pass(Duration::from_secs(31)).await;
        let line = enters(&mut world, carol, "621", &right).await;
        world.until_heard(line, 600).await;
        goes(&mut world, line).await;
        world.finish().await;
    });
}
