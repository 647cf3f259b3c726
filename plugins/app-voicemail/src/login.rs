//! Letting an owner in: by the PIN, or without one by the owner's own phone, which must choose one.

use jackfield_sdk::{Code, Error, Leg, Level, Result, log};

use crate::guard::{Guard, take_alarms};
use crate::mailbox::{Mailbox, arguments, authenticated_endpoint};
use crate::pin::{Kept, PIN_DIGITS_MAX, weakness};
use crate::say::{ask_digits, say};
use crate::setting;

/// Attempts in one call.
const TRIES: u32 = 3;
/// Digits of a mailbox's number that a caller may enter.
const NUMBER_DIGITS: u32 = 20;

/// `VMAuthenticate([mailbox[@context]][,options])`: fails unless the caller has the mailbox's PIN. `AUTH_MAILBOX` and
/// `AUTH_CONTEXT` say whose it was. Option `s` as with `VoiceMailMain`.
pub(crate) fn authenticate(leg: Leg, text: &str) -> Result {
    let (mailbox, options) = arguments(text, "s")?;
    let entered = enter(&leg, mailbox, options.contains('s'))?;
    let mailbox = entered.ok_or_else(|| Error::new(Code::Denied, "the caller does not have the PIN"))?;
    leg.set_variable("AUTH_MAILBOX", &mailbox.number)?;
    leg.set_variable("AUTH_CONTEXT", &mailbox.context)
}

/// Which mailbox the caller may enter, if any. `own_phone_suffices` spares the owner the PIN at the owner's own phone.
pub(crate) fn enter(leg: &Leg, named: Option<Mailbox>, own_phone_suffices: bool) -> Result<Option<Mailbox>> {
    if !leg.is_answered() {
        leg.answer()?;
    }
    let endpoint = authenticated_endpoint(leg);
    for _ in 0..TRIES {
        let Some(mailbox) = which(leg, named.as_ref(), endpoint.as_deref())? else {
            say(leg, "wrong")?;
            continue;
        };
        let exists = mailbox.exists();
        let is_owner = exists && endpoint.as_deref().is_some_and(|endpoint| mailbox.is_owned_by(endpoint));
        let pin = if exists { mailbox.pin()? } else { None };
        match try_to_enter(leg, &mailbox, pin, is_owner, own_phone_suffices)? {
            Entry::Open => {
                if take_alarms(&mailbox)? > 0 {
                    say(leg, "alarm")?;
                }
                return Ok(Some(mailbox));
            }
            Entry::Wrong => say(leg, "wrong")?,
            Entry::Closed => {
                log(Level::Warn, &format!("too many wrong PINs: {mailbox}, by {endpoint:?} {:?}", leg.caller_number()));
                say(leg, "locked")?;
                return Ok(None);
            }
            Entry::Declined => return Ok(None),
        }
    }
    Ok(None)
}

/// The mailbox that is named, or the one the caller enters; `#` alone is that of the phone.
fn which(leg: &Leg, named: Option<&Mailbox>, endpoint: Option<&str>) -> Result<Option<Mailbox>> {
    if let Some(mailbox) = named {
        return Ok(Some(mailbox.clone()));
    }
    let entered = ask_digits(leg, NUMBER_DIGITS, "enter-mailbox")?;
    Ok(match entered.is_empty() {
        true => endpoint.and_then(Mailbox::of),
        false => Mailbox::parse(&entered).ok(),
    })
}

/// What came of an attempt.
enum Entry {
    Open,
    Wrong,
    /// There have been too many.
    Closed,
    /// The owner did not choose a PIN.
    Declined,
}

fn try_to_enter(
    leg: &Leg,
    mailbox: &Mailbox,
    pin: Option<Kept>,
    is_owner: bool,
    own_phone_suffices: bool,
) -> Result<Entry> {
    match (&pin, is_owner) {
        (None, true) if choose_pin(leg, mailbox)? => return Ok(Entry::Open),
        (None, true) => return Ok(Entry::Declined),
        (Some(_), true) if own_phone_suffices => return Ok(Entry::Open),
        _ => {}
    }
    let entered = ask_digits(leg, PIN_DIGITS_MAX as u32 + 4, "enter-pin")?;
    if entered.is_empty() {
        return Ok(Entry::Wrong);
    }
    let guard = Guard::new(leg, mailbox, is_owner, pin.is_some());
    if !guard.admits()? {
        return Ok(Entry::Closed);
    }
    if !pin.unwrap_or_else(Kept::none).fits(&entered) {
        return Ok(Entry::Wrong);
    }
    guard.was_right()?;
    Ok(Entry::Open)
}

/// Lets the owner choose a PIN, entered twice; false if none came of it.
pub(crate) fn choose_pin(leg: &Leg, mailbox: &Mailbox) -> Result<bool> {
    for _ in 0..TRIES {
        let pin = ask_digits(leg, PIN_DIGITS_MAX as u32 + 4, "choose-pin")?;
        if let Some(why) = weakness(&pin, setting::pin_digits(), mailbox) {
            log(Level::Info, &format!("a PIN for {mailbox} is refused: {why}"));
            say(leg, "weak-pin")?;
            continue;
        }
        if ask_digits(leg, PIN_DIGITS_MAX as u32 + 4, "repeat-pin")? != pin {
            say(leg, "pins-differ")?;
            continue;
        }
        mailbox.set_pin(&pin)?;
        say(leg, "pin-set")?;
        return Ok(true);
    }
    Ok(false)
}
