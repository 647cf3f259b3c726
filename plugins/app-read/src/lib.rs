//! `Read(variable[,prompt[&prompt…]][,maxdigits][,options][,attempts][,timeout])`: digits of the caller into a variable.

mod arguments;

use std::time::Duration;

use jackfield_sdk::{Digits, Leg, Result, apps, log};

use crate::arguments::Arguments;

apps! { "Read" => read }

/// What `READSTATUS` can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    /// Digits, or a terminator alone.
    Ok,
    /// The arguments are malformed.
    Error,
    /// The caller is gone.
    HangUp,
    /// The line was not up and option `s` was given.
    Skipped,
    /// No terminator came in time; digits there were are in the variable.
    Timeout,
}

impl Status {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Error => "ERROR",
            Self::HangUp => "HANGUP",
            Self::Skipped => "SKIPPED",
            Self::Timeout => "TIMEOUT",
        }
    }
}

fn read(leg: Leg, arguments: &str) -> Result {
    let arguments = match Arguments::parse(arguments) {
        Ok(arguments) => arguments,
        Err(message) => {
            log(jackfield_sdk::Level::Error, &message);
            return leg.set_variable("READSTATUS", Status::Error.as_str());
        }
    };
    match attempts(&leg, &arguments) {
        Ok((digits, status)) => {
            leg.set_variable(&arguments.variable, &digits)?;
            leg.set_variable("READSTATUS", status.as_str())
        }
        Err(error) if error.is_gone() => {
            // For `h`: what was typed is lost with the caller, so the variable is not left as it was before.
            leg.set_variable(&arguments.variable, "")?;
            leg.set_variable("READSTATUS", Status::HangUp.as_str())?;
            Err(error)
        }
        Err(error) => {
            leg.set_variable("READSTATUS", Status::Error.as_str())?;
            Err(error)
        }
    }
}

fn attempts(leg: &Leg, arguments: &Arguments) -> Result<(String, Status)> {
    if leg.attribute("state").as_deref() != Some("up") {
        if arguments.skip {
            return Ok((String::new(), Status::Skipped));
        }
        if !arguments.without_answer {
            leg.answer()?;
        }
    }
    let mut last = (String::new(), Status::Timeout);
    for _ in 0..arguments.attempts {
        last = attempt(leg, arguments)?;
        if !last.0.is_empty() {
            break;
        }
    }
    Ok(last)
}

/// Digit by digit, as only so it is known what ended them. Keys pressed meanwhile are kept by the host.
fn attempt(leg: &Leg, arguments: &Arguments) -> Result<(String, Status)> {
    let mut digits = String::new();
    let mut one = one(arguments.first_timeout).prompt(arguments.prompts.clone());
    while digits.len() < arguments.max {
        let Some(digit) = leg.read_digits(one)?.chars().next() else {
            return Ok((digits, Status::Timeout));
        };
        if arguments.terminators.contains(digit) {
            if digits.is_empty() && arguments.terminator_alone {
                digits.push(digit);
            }
            return Ok((digits, Status::Ok));
        }
        digits.push(digit);
        one = self::one(arguments.next_timeout);
    }
    Ok((digits, Status::Ok))
}

/// One digit, whichever it is.
fn one(timeout: Duration) -> Digits {
    Digits::up_to(1).terminators("").first_within(timeout)
}

#[cfg(test)]
mod tests;
