//! The other kinds of plugins that `plugin new` makes, in each language: a dialplan function, a service that an application
//! asks and that hands what it knows to the version which replaces it, a channel driver by which a call goes out and comes back, and a strategy that chooses for an application.

use std::path::Path;

use crate::audio::Heard;
use crate::languages::{Author, copy_folder, source};

#[test]
fn rust() {
    is_made_of_every_kind("rust");
}

#[test]
fn python() {
    is_made_of_every_kind("python");
}

#[test]
fn javascript() {
    is_made_of_every_kind("javascript");
}

#[test]
fn c() {
    is_made_of_every_kind("c");
}

fn is_made_of_every_kind(language: &'static str) {
    let author = Author::new(language);
    for (id, kind) in [("func-greeting", "function"), ("service-tally", "service"), ("chan-smoke", "channel")] {
        author.command(&["plugin", "new", id, "--kind", kind, "--language", language]);
        author.command(&["plugin", "build", id]);
        if kind != "channel" {
            author.install(id);
        }
    }
    author.command(&["plugin", "new", "strategy-fewest", "--kind", "strategy", "--language", language]);
    copy_folder(&source(&format!("interop/plugins/choose/{language}")), &author.folder.join("app-choose"));
    for id in ["strategy-fewest", "app-choose"] {
        author.command(&["plugin", "build", id]);
        author.install(id);
    }
    // Where the calls of a driver's network begin stands in the tenant's file.
    let package = author.folder.join("chan-smoke/build/package");
    let table = format!(
        "\n[plugins.chan-smoke]\npackage = {package:?}\nunsigned = true\ngrants = [\"lines\"]\nchannel-context = \"internal\"\n"
    );
    let answer = author.server.extend("acme", "tenant.toml", &table);
    assert_eq!(answer.code, 0, "{}", answer.printed);
    let plan = "\n[internal](+)\nexten => 701,1,Answer()\n \
                same => n,GotoIf($[\"${GREETING(Ann)} and ${GREETING()}\" = \"Hello, Ann and Hello, 100\"]?:wrong)\n \
                same => n,Playback(thank-you)\n same => n,Hangup()\n same => n(wrong),Playback(invalid)\n\
                exten => 702,1,Tally()\nexten => 703,1,Choose(Fewest)\n same => n,Hangup()\nexten => _77.,1,Dial(Smoke/${EXTEN:2},10)\n";
    let answer = author.server.extend("acme", "dialplan.conf", plan);
    assert_eq!(answer.code, 0, "{}", answer.printed);
    hears(&author, "701", &["thank-you"]);
    hears(&author, "702", &["hello", "digits/1", "goodbye"]);
    hears(&author, "702", &["hello", "digits/2", "goodbye"]);
    // Another version: its service begins from what the former one wrote down.
    let manifest = author.folder.join("service-tally/build/package/plugin.toml");
    let text = std::fs::read_to_string(&manifest).unwrap();
    std::fs::write(&manifest, text.replace("0.1.0", "0.2.0")).unwrap();
    author.install("service-tally");
    hears(&author, "702", &["hello", "digits/3", "goodbye"]);
    hears(&author, "703", &["digits/2", "invalid"]);
    hears(&author, "77601", &["hello", "goodbye"]);
    for id in ["func-greeting", "service-tally", "chan-smoke", "strategy-fewest", "app-choose"] {
        let plugin = author.server.ask(&["plugin", "show", "acme", id]);
        assert_eq!(plugin["faults"], 0, "{plugin}");
    }
    assert_eq!(author.server.ask(&["plugin", "show", "acme", "service-tally"])["version"], "0.2.0");
}

/// Calls as 100 and hears these prompts one after the other.
#[track_caller]
fn hears(author: &Author, number: &str, prompts: &[&str]) {
    let recording = author.folder.join("heard.wav");
    let path = Path::to_str(&recording).unwrap();
    author.server.ask(&["call", "acme", "100", number, "--expect-hangup", "--record", path]);
    Heard::read(&recording).assert_prompts(prompts);
}
