//! `Echo()`: the caller hears itself, until it dials `#` or hangs up.

use jackfield_sdk::{Leg, Result, apps};

apps! { "Echo" => echo }

fn echo(leg: Leg, _arguments: &str) -> Result {
    leg.answer()?;
    leg.echo("#")
}
