//! Speaking the English prompts with espeak-ng. The results are in the tree; this makes them again.

use std::fs;
use std::path::Path;

use crate::command::{Failure, Step, at};
use crate::packages;
use crate::workspace::Workspace;

/// A plugin, and its prompts: the name as a dialplan says it, and the sentence.
type Spoken = (&'static str, &'static [(&'static str, &'static str)]);

const PROMPTS: &[Spoken] = &[
    ("app-playback", PLAYBACK),
    ("app-dial-by-name", DIAL_BY_NAME),
    ("app-queue", QUEUE),
    ("app-voicemail", VOICEMAIL),
];

const PLAYBACK: &[(&str, &str)] = &[
    ("hello", "Hello, and welcome to Jackfield."),
    ("goodbye", "Goodbye."),
    ("thank-you", "Thank you."),
    ("enter-digits", "Please enter four digits."),
    ("you-entered", "You entered"),
    ("enter-extension", "Please enter the extension, then press hash."),
    ("main-menu", "For sales, press one. For support, press two."),
    ("invalid", "That is not a valid choice."),
    ("try-again", "Please try again."),
    ("please-hold", "Please hold the line."),
    ("unavailable", "The person you are calling is not available."),
    ("busy", "The person you are calling is on another call."),
    ("error", "Sorry, something went wrong."),
    ("digits/0", "zero"),
    ("digits/1", "one"),
    ("digits/2", "two"),
    ("digits/3", "three"),
    ("digits/4", "four"),
    ("digits/5", "five"),
    ("digits/6", "six"),
    ("digits/7", "seven"),
    ("digits/8", "eight"),
    ("digits/9", "nine"),
    ("digits/10", "ten"),
    ("digits/11", "eleven"),
    ("digits/12", "twelve"),
    ("digits/13", "thirteen"),
    ("digits/14", "fourteen"),
    ("digits/15", "fifteen"),
    ("digits/16", "sixteen"),
    ("digits/17", "seventeen"),
    ("digits/18", "eighteen"),
    ("digits/19", "nineteen"),
    ("digits/20", "twenty"),
    ("digits/30", "thirty"),
    ("digits/40", "forty"),
    ("digits/50", "fifty"),
    ("digits/60", "sixty"),
    ("digits/70", "seventy"),
    ("digits/80", "eighty"),
    ("digits/90", "ninety"),
    ("digits/hundred", "hundred"),
    ("digits/thousand", "thousand"),
    ("digits/million", "million"),
    ("digits/minus", "minus"),
    ("digits/star", "star"),
    ("digits/pound", "hash"),
];

const VOICEMAIL: &[(&str, &str)] = &[
    ("voicemail/unavailable", "The person you are calling is not available."),
    ("voicemail/busy", "The person you are calling is on another call."),
    ("voicemail/leave-message", "Please leave a message after the tone, then press hash, or hang up."),
    ("voicemail/saved", "Your message has been saved."),
    ("voicemail/too-short", "That was too short."),
    ("voicemail/full", "This mailbox cannot take messages now."),
    ("voicemail/enter-mailbox", "Please enter the mailbox, then press hash."),
    ("voicemail/enter-pin", "Please enter the PIN, then press hash."),
    ("voicemail/wrong", "That is not right."),
    ("voicemail/locked", "There were too many attempts. Please try again later."),
    ("voicemail/alarm", "Somebody has tried to enter this mailbox with a wrong PIN."),
    ("voicemail/choose-pin", "Please choose a PIN, then press hash."),
    ("voicemail/repeat-pin", "Please enter it again, then press hash."),
    ("voicemail/weak-pin", "That is too short, or too easy to guess."),
    ("voicemail/pins-differ", "That was not the same."),
    ("voicemail/pin-set", "Your PIN is set."),
    ("voicemail/you-have", "You have"),
    ("voicemail/new-messages-and", "new messages, and"),
    ("voicemail/old-messages", "old messages."),
    ("voicemail/main-menu", "For new messages, press one. Old messages, two. Greetings and PIN, zero. To leave, hash."),
    ("voicemail/no-messages", "There are no messages."),
    ("voicemail/no-more", "There are no more messages."),
    (
        "voicemail/message-menu",
        "To hear it again, press five. The next one, six. The one before, four. To delete it, seven. To save it, nine. \
         Time and caller, three. To go back, hash.",
    ),
    ("voicemail/deleted", "Deleted."),
    ("voicemail/kept", "Kept."),
    ("voicemail/save-menu", "To keep it as new, press zero. As old, one."),
    ("voicemail/received", "Received"),
    ("voicemail/today", "today"),
    ("voicemail/yesterday", "yesterday"),
    ("voicemail/days-ago", "days ago"),
    ("voicemail/at", "at"),
    ("voicemail/from", "from"),
    ("voicemail/unknown-caller", "somebody unknown."),
    (
        "voicemail/options-menu",
        "To record what callers hear when you are not available, press one. When you are busy, two. To change your PIN, three. \
         To delete both recordings, four. To go back, hash.",
    ),
    ("voicemail/record-greeting", "Please speak after the tone, then press hash."),
    ("voicemail/accept-menu", "To keep it, press one. To record it again, two."),
    ("voicemail/goodbye", "Goodbye."),
];

const QUEUE: &[(&str, &str)] = &[
    ("queue/position", "Please hold the line. You are caller number"),
    ("queue/logged-in", "You are logged in to the queue."),
    ("queue/logged-out", "You are logged out of the queue."),
];

const DIAL_BY_NAME: &[(&str, &str)] =
    &[("dial-by-name/enter-name", "Please enter the first three letters of a name, with the keys of your telephone.")];

/// Writes every prompt as mono 16-bit WAV at 8 kHz below `prompts/en` of its plugin.
pub(crate) fn speak(workspace: &Workspace) -> Result<(), Failure> {
    packages::install(packages::SPEECH)?;
    for (plugin, prompts) in PROMPTS {
        speak_all(workspace, &workspace.root.join("plugins").join(plugin).join("prompts/en"), prompts)?;
    }
    let beep = ["synth", "0.25", "sine", "1000", "fade", "0.01", "0.25", "0.01", "gain", "-9"];
    convert(&["-n"], &workspace.root.join("plugins/app-playback/prompts/en/beep.wav"), &beep)
}

fn speak_all(workspace: &Workspace, folder: &Path, prompts: &[(&str, &str)]) -> Result<(), Failure> {
    let spoken = workspace.target.join("xtask/spoken.wav");
    let scratch = spoken.parent().expect("the path was just joined");
    at(scratch, fs::create_dir_all(scratch))?;
    for (name, sentence) in prompts {
        Step::new("espeak-ng").args(["-v", "en-gb", "-s", "150", "-w"]).arg(&spoken).arg(sentence).run()?;
        // The silence that espeak-ng leaves at both ends would make spelled numbers halting.
        let trim = ["silence", "1", "0.01", "0.5%", "reverse", "silence", "1", "0.01", "0.5%", "reverse"];
        let pad = ["pad", "0.02", "0.08", "norm", "-6"];
        convert(
            &[spoken.to_string_lossy().as_ref()],
            &folder.join(format!("{name}.wav")),
            &[&trim[..], &pad].concat(),
        )?;
    }
    Ok(())
}

fn convert(input: &[&str], output: &Path, effects: &[&str]) -> Result<(), Failure> {
    let folder = output.parent().expect("a prompt lies in a folder");
    at(folder, fs::create_dir_all(folder))?;
    // -R keeps the dither the same each time, so that speaking again changes no file.
    let format = ["-r", "8000", "-c", "1", "-b", "16"];
    Step::new("sox").arg("-R").args(input).args(format).arg(output).args(effects).run()
}
