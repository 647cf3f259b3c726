//! Speaking with a caller: nothing that cannot be said ends a call.

use std::time::Duration;

use jackfield_sdk::{Code, Digits, Error, Leg, Level, Result, log};

/// How long a key is waited for.
const KEY_WAIT: Duration = Duration::from_secs(8);
/// How often a menu is said to somebody who presses nothing.
const SILENT_MENUS: u32 = 3;
/// How long the first digit of a number is waited for.
const DIGITS_WAIT: Duration = Duration::from_secs(10);

/// A prompt of this plugin.
fn prompt(name: &str) -> String {
    format!("voicemail/{name}")
}

/// Says one thing to its end; what does not exist is left out.
pub(crate) fn say(leg: &Leg, name: &str) -> Result {
    pass_over(leg.play(prompt(name)))
}

/// Says one thing until a key of `keys` is pressed, which is returned.
pub(crate) fn say_until(leg: &Leg, name: &str, keys: &str) -> Result<Option<char>> {
    match leg.play_until(prompt(name), keys) {
        Err(error) => pass_over(Err(error)).map(|()| None),
        heard => heard,
    }
}

/// Says a number. `SayNumber` is another plugin's.
pub(crate) fn say_number(leg: &Leg, number: u64) -> Result {
    pass_over(leg.run("SayNumber", &number.to_string()))
}

/// Says digits one by one.
pub(crate) fn say_digits(leg: &Leg, digits: &str) -> Result {
    pass_over(leg.run("SayDigits", digits))
}

/// A key, after a menu that is said again to who presses none; `None` from who never does.
pub(crate) fn choose(leg: &Leg, menu: &str) -> Result<Option<char>> {
    for _ in 0..SILENT_MENUS {
        if let Some(key) = key(leg, Some(menu))? {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

fn key(leg: &Leg, menu: Option<&str>) -> Result<Option<char>> {
    let key = || Digits::up_to(1).terminators("").first_within(KEY_WAIT);
    Ok(ask(leg, key, menu)?.chars().next())
}

/// A number that ends with `#`.
pub(crate) fn ask_digits(leg: &Leg, most: u32, question: &str) -> Result<String> {
    ask(leg, || Digits::up_to(most).first_within(DIGITS_WAIT), Some(question))
}

fn ask(leg: &Leg, digits: impl Fn() -> Digits, question: Option<&str>) -> Result<String> {
    let Some(question) = question else { return leg.read_digits(digits()) };
    match leg.read_digits(digits().prompt(prompt(question))) {
        Err(error) if error.code == Code::Invalid => {
            pass_over(Err(error))?;
            leg.read_digits(digits())
        }
        read => read,
    }
}

/// A caller that is gone ends the run; what could not be said is logged.
pub(crate) fn pass_over(said: Result) -> Result {
    match said {
        Err(error) if error.is_gone() => Err(error),
        Err(error) => {
            warn(&error);
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

pub(crate) fn warn(error: &Error) {
    log(Level::Warn, &error.to_string());
}
