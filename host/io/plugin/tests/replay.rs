//! F63: what a run asked and was told is kept, and a version is run on it again.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use plugin::{Against, Departure, Keeping, Package, Recording, ReplayError, RunError, limit};
use support::{FakeCall, HOSTILE, Rig, component, hostile, manifest, variant};

fn package(name: &str) -> Package {
    Package::folder(manifest(name), component(name))
}

async fn keeping(runs: usize, redact: &[&str]) -> Rig {
    let rig = Rig::new().await;
    let redact = redact.iter().map(|hidden| (*hidden).to_owned()).collect();
    rig.plugins.keep_runs(Keeping { runs, redact });
    rig
}

/// Waits until so many are on disk; the newest first.
async fn recordings(rig: &Rig, count: usize) -> Vec<Recording> {
    loop {
        let kept: Vec<Recording> = rig.plugins.recordings().collect();
        if kept.len() >= count {
            return kept;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

async fn replay(rig: &Rig, recording: &Recording, against: Against) -> Option<Departure> {
    rig.plugins.replay(recording.clone(), against).await.unwrap().departure
}

/// The application that asks most kinds of questions: prompts, digits, values, variables.
async fn read_a_pin(rig: &Rig) -> Recording {
    rig.install(package("app-read")).await.unwrap();
    let call = FakeCall::new();
    // The last is given first.
    call.digits.lock().unwrap().extend(["4", "3", "2", "1"].map(String::from));
    rig.run("Read", "PIN,enter-number,4", &call).await.unwrap().unwrap();
    recordings(rig, 1).await.remove(0)
}

#[tokio::test]
async fn a_run_is_the_same_again() {
    let rig = keeping(10, &[]).await;
    let recording = read_a_pin(&rig).await;
    assert_eq!((recording.plugin.as_str(), recording.app.as_str()), ("app-read", "Read"));
    assert_eq!((recording.call.as_str(), recording.end.as_str()), ("call", "returned"));
    let asked: Vec<&str> = recording.crossings.iter().map(|crossing| crossing.asked.as_str()).collect();
    assert!(asked.iter().any(|asked| asked.starts_with("ReadDigits")), "{asked:?}");
    assert!(asked.iter().any(|asked| asked.starts_with("set variable 0 \"PIN\" \"1234\"")), "{asked:?}");

    let replay = rig.plugins.replay(recording.clone(), Against::Same).await.unwrap();
    assert_eq!((replay.departure, replay.same), (None, recording.crossings.len()));
    // Nothing of it reached the tenant.
    assert_eq!(recordings(&rig, 1).await.len(), 1);
}

/// What a person typed, changed on the tape, is what the guest is told.
#[tokio::test]
async fn the_tape_is_what_the_guest_hears() {
    let rig = keeping(10, &[]).await;
    let mut recording = read_a_pin(&rig).await;
    for crossing in &mut recording.crossings {
        let answered =
            serde_json::to_string(&crossing.answered).unwrap().replace("\"digits\":\"4\"", "\"digits\":\"9\"");
        crossing.answered = serde_json::from_str(&answered).unwrap();
    }
    let departure = replay(&rig, &recording, Against::Same).await.expect("it does something else with other digits");
    assert!(departure.replayed.contains("1239") && departure.recorded.contains("1234"), "{departure:?}");
}

/// "3 of 10,000 recorded calls would route differently": another version, installed or not, and where it departs.
#[tokio::test]
async fn another_version_departs_where_it_does() {
    let rig = keeping(10, &[]).await;
    let good = rig.install(hostile()).await.unwrap();
    rig.run("Moody", "", &FakeCall::new()).await.unwrap().unwrap();
    let recording = recordings(&rig, 1).await.remove(0);

    let moody = format!("{HOSTILE}\n[config.mode]\ntype = \"string\"\ndefault = \"trap\"\n");
    let moody = Package { manifest: moody, wasm: variant(&component("hostile"), 2), ..hostile() };
    let departure = replay(&rig, &recording, Against::Package(moody.clone())).await.expect("it traps");
    // It looks into its settings first, which nobody notices.
    assert!(departure.recorded.starts_with("Answer") && departure.replayed == "fault TRAP", "{departure:?}");
    let shown = rig.plugins.show("hostile").unwrap();
    assert_eq!((shown.digest, shown.faults, shown.live), (good.digest, 0, 0), "nothing of it was installed or counted");

    let same = Package { wasm: variant(&component("hostile"), 3), ..hostile() };
    assert_eq!(replay(&rig, &recording, Against::Package(same)).await, None);
    rig.install(moody).await.unwrap();
    assert_eq!(replay(&rig, &recording, Against::Same).await, None, "the version of before is still there");
    let refused = rig.plugins.replay(recording.clone(), Against::Version("9.9.9".into())).await;
    assert!(matches!(refused, Err(ReplayError::NoVersion { .. })), "{refused:?}");
    let refused = rig.plugins.replay(recording, Against::Package(package("app-read"))).await;
    assert!(matches!(refused, Err(ReplayError::OtherPlugin { .. })), "{refused:?}");
}

/// A run that ends by a fault or with its call is kept as far as it came.
#[tokio::test]
async fn what_did_not_return_is_kept_too() {
    let rig = keeping(10, &[]).await;
    rig.install(hostile()).await.unwrap();
    assert!(matches!(rig.run("Trap", "", &FakeCall::new()).await, Err(RunError::Trap { .. })));
    let trapped = recordings(&rig, 1).await.remove(0);
    assert_eq!(trapped.end, "fault TRAP");
    assert_eq!(replay(&rig, &trapped, Against::Same).await, None);

    let call = FakeCall::new();
    let run = rig.run("Wait", "60000", &call);
    tokio::select! {
        end = run => panic!("{end:?}"),
        () = call.reached(2) => {}
    }
    let abandoned = recordings(&rig, 2).await.remove(0);
    assert!(abandoned.unanswered.as_ref().is_some_and(|asked| asked.starts_with("Wait")), "{abandoned:?}");
    assert_eq!(abandoned.end, "abandoned");
    assert_eq!(replay(&rig, &abandoned, Against::Same).await, None);
}

#[tokio::test]
async fn the_newest_are_kept_and_none_unless_somebody_says_so() {
    let rig = Rig::new().await;
    rig.install(hostile()).await.unwrap();
    rig.run("Good", "", &FakeCall::new()).await.unwrap().unwrap();
    rig.plugins.keep_runs(Keeping { runs: 2, redact: Vec::new() });
    for arguments in ["1", "2", "3"] {
        rig.run("Print", arguments, &FakeCall::new()).await.unwrap().unwrap();
        while rig.plugins.recordings().next().is_none_or(|newest| newest.arguments != arguments) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
    let kept: Vec<String> = recordings(&rig, 2).await.into_iter().map(|recording| recording.arguments).collect();
    assert_eq!(kept, ["3", "2"]);
    // They outlive the host.
    let (directory, ..) = (rig.directory.clone(), drop(rig));
    let rig = Rig::reopen(directory, |config| config).await;
    assert_eq!(recordings(&rig, 2).await.len(), 2);
}

/// What is not to be kept is on no disk, and a replay ends there.
#[tokio::test]
async fn what_is_redacted_is_not_kept() {
    let rig = keeping(10, &["ReadDigits", "set variable"]).await;
    let recording = read_a_pin(&rig).await;
    let text = serde_json::to_string(&recording).unwrap();
    assert!(!text.contains("1234"), "{text}");
    let replay = rig.plugins.replay(recording.clone(), Against::Same).await.unwrap();
    assert_eq!(replay.departure, None);
    assert!(replay.same < recording.crossings.len());
}

/// The bounds of a tape: a run that asks without end is kept as far as they go.
#[tokio::test]
async fn a_tape_has_an_end() {
    let rig = keeping(10, &[]).await;
    rig.install(hostile()).await.unwrap();
    assert!(rig.run("HostFlood", "", &FakeCall::new()).await.is_err());
    let flood = recordings(&rig, 1).await.remove(0);
    assert!(flood.crossings.len() <= limit::TAPE_CROSSINGS && !flood.cut, "the leg's own number is no question");
    rig.run("KvForever", "", &FakeCall::new()).await.unwrap().unwrap_err();
    let kv = recordings(&rig, 2).await.remove(0);
    assert!(!kv.cut && kv.crossings.len() > 10, "a large value is kept as its digest");
    assert_eq!(replay(&rig, &kv, Against::Same).await, None);
    rig.run("LogFlood", "", &FakeCall::new()).await.unwrap().unwrap();
    let log = recordings(&rig, 3).await.remove(0);
    let bytes: usize = log.crossings.iter().map(|crossing| crossing.asked.len()).sum();
    assert!(bytes <= limit::TAPE_BYTES, "{bytes}");
}

/// A question that was given up, or that a run is killed in, is redacted as well.
#[tokio::test]
async fn what_is_redacted_is_not_kept_of_a_question_without_an_answer() {
    let rig = keeping(10, &["Wait"]).await;
    rig.install(hostile()).await.unwrap();
    let call = FakeCall::new();
    tokio::select! {
        end = rig.run("Wait", "61234", &call) => panic!("{end:?}"),
        () = call.reached(2) => {}
    }
    let abandoned = recordings(&rig, 1).await.remove(0);
    assert_eq!(abandoned.unanswered.as_deref(), Some("Wait"));
    assert_eq!(replay(&rig, &abandoned, Against::Same).await, None);
}

/// What an application asks its own service is on the tape: the service is not behind a replayed run.
#[tokio::test]
async fn an_application_with_a_service_is_the_same_again() {
    let rig = keeping(10, &[]).await;
    let manifest = "[plugin]\nid = \"counter\"\nversion = \"0.1.0\"\n[provides]\napps = [\"Count\"]\nservice = true\n[capabilities]\nbus = {}\ndialplan = {}\n";
    rig.install(Package::folder(manifest, component("counter"))).await.unwrap();
    for _ in 0..2 {
        rig.run("Count", "add", &FakeCall::new()).await.unwrap().unwrap();
    }
    for recording in recordings(&rig, 2).await {
        assert!(recording.crossings.iter().any(|crossing| crossing.asked.starts_with("ask")), "{recording:?}");
        assert_eq!(replay(&rig, &recording, Against::Same).await, None);
    }
}

/// So is what a strategy chose, of whichever plugin.
#[tokio::test]
async fn a_choice_is_the_same_again() {
    let rig = keeping(10, &[]).await;
    let manifest = include_str!("../../../../tests/guest/chooser/plugin.toml");
    rig.install(Package::folder(manifest, component("chooser"))).await.unwrap();
    for strategy in ["of-queue", "refuses"] {
        rig.run("Chooser", strategy, &FakeCall::new()).await.unwrap().unwrap();
    }
    for recording in recordings(&rig, 2).await {
        assert!(recording.crossings.iter().any(|crossing| crossing.asked.starts_with("choose")), "{recording:?}");
        assert_eq!(replay(&rig, &recording, Against::Same).await, None);
    }
}

/// What is not to be kept any more is not.
#[tokio::test]
async fn what_was_kept_goes_with_the_wish_to_keep_it() {
    let rig = keeping(10, &[]).await;
    rig.install(hostile()).await.unwrap();
    rig.run("Good", "", &FakeCall::new()).await.unwrap().unwrap();
    recordings(&rig, 1).await;
    rig.plugins.keep_runs(Keeping::default());
    assert_eq!(rig.plugins.recordings().count(), 0);
}
