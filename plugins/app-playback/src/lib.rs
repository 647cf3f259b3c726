//! `Playback`, `Background`, `SayDigits` and `SayNumber`: sounds, menus, digits and numbers.

mod english;

use jackfield_sdk::{Error, Leg, Level, Result, apps, log};

apps! {
    "Playback" => playback,
    "Background" => background,
    "SayDigits" => say_digits,
    "SayNumber" => say_number,
}

/// The keys of a phone.
const ANY_DIGIT: &str = "0123456789*#";

/// `Playback(sound[&sound…][,options])`: plays sounds to their end.
///
/// Answers first; with `noanswer` they are early media, with `skip` nothing is played to a caller that is not answered. A sound that
/// is missing is left out. `PLAYBACKSTATUS` is `SUCCESS`, or `FAILED` if a sound could not be played.
fn playback(leg: Leg, arguments: &str) -> Result {
    let (sounds, options) = split(arguments)?;
    let options: Vec<&str> = options.split([',', '&']).map(str::trim).collect();
    if !prepare(&leg, options.contains(&"skip"), options.contains(&"noanswer"))? {
        return leg.set_variable("PLAYBACKSTATUS", "SUCCESS");
    }
    let mut status = "SUCCESS";
    for sound in sounds {
        if let Err(error) = leg.play(sound) {
            pass_over(sound, error)?;
            status = "FAILED";
        }
    }
    leg.set_variable("PLAYBACKSTATUS", status)
}

/// `Background(sound[&sound…][,options[,language[,context]]])`: plays sounds until the caller dials, then goes where it dialled.
///
/// The digit that stops it is the beginning of an extension of the present context: if longer ones could be meant, the dialplan
/// waits for more digits as `WaitExten` does. With a context it is a whole extension there. Options: `s` and `n` are `skip`
/// and `noanswer` of `Playback`. `BACKGROUNDSTATUS` as `PLAYBACKSTATUS`.
fn background(leg: Leg, arguments: &str) -> Result {
    let (sounds, rest) = split(arguments)?;
    let mut rest = rest.split(',').map(str::trim);
    let options = rest.next().unwrap_or_default();
    let context = rest.nth(1).unwrap_or_default();
    if !prepare(&leg, options.contains('s'), options.contains('n'))? {
        return leg.set_variable("BACKGROUNDSTATUS", "SUCCESS");
    }
    let mut status = "SUCCESS";
    for sound in sounds {
        match leg.play_until(sound, ANY_DIGIT) {
            Ok(None) => {}
            Ok(Some(digit)) => {
                leg.set_variable("BACKGROUNDSTATUS", status)?;
                return match context {
                    "" => leg.goto_dialed(&digit.to_string()),
                    context => leg.goto(context, &digit.to_string(), "1").or_else(|_| leg.goto(context, "i", "1")),
                };
            }
            Err(error) => {
                pass_over(sound, error)?;
                status = "FAILED";
            }
        }
    }
    leg.set_variable("BACKGROUNDSTATUS", status)
}

/// `SayDigits(digits)`: says them one by one; `*`, `#` and `-` have names, anything else is left out.
fn say_digits(leg: Leg, arguments: &str) -> Result {
    let prompts: Vec<String> = arguments.chars().filter_map(english::digit).collect();
    say(&leg, &prompts)
}

/// `SayNumber(number)`: says a whole number up to 999,999,999, in English.
fn say_number(leg: Leg, arguments: &str) -> Result {
    let text = arguments.split(',').next().unwrap_or_default().trim();
    let number = text.parse().map_err(|_| Error::invalid(format!("{text:?} is not a whole number")))?;
    let prompts = english::number(number).ok_or_else(|| Error::invalid(format!("{text} is too large to say")))?;
    say(&leg, &prompts)
}

/// Prompts that belong together, however many: a call of the host takes 64.
fn say(leg: &Leg, prompts: &[String]) -> Result {
    prepare(leg, false, false)?;
    prompts.chunks(64).try_for_each(|some| leg.play(some))
}

/// Sounds and what comes after the first comma.
fn split(arguments: &str) -> Result<(Vec<&str>, &str)> {
    let (sounds, rest) = arguments.split_once(',').unwrap_or((arguments, ""));
    let sounds: Vec<&str> = sounds.split('&').map(str::trim).filter(|sound| !sound.is_empty()).collect();
    match sounds.is_empty() {
        true => Err(Error::invalid("no sound is named")),
        false => Ok((sounds, rest)),
    }
}

/// Makes the leg able to hear; false if there is nothing to do.
fn prepare(leg: &Leg, skip: bool, no_answer: bool) -> Result<bool> {
    if leg.is_answered() {
        return Ok(true);
    }
    match (skip, no_answer) {
        (true, _) => return Ok(false),
        (false, true) => leg.progress()?,
        (false, false) => leg.answer()?,
    }
    Ok(true)
}

/// A sound that is missing does not end the call; a caller that is gone does.
fn pass_over(sound: &str, error: Error) -> Result {
    if error.is_gone() {
        return Err(error);
    }
    log(Level::Warn, &format!("{sound}: {error}"));
    Ok(())
}

#[cfg(test)]
mod tests;
