//! `Hello()`: answers, greets, waits for a digit and says it back.

use jackfield_sdk::{Digits, Leg, Result, apps};

apps! { "Hello" => hello }

fn hello(leg: Leg, _arguments: &str) -> Result {
    leg.answer()?;
    leg.play("hello")?;
    for digit in leg.read_digits(Digits::up_to(1))?.chars() {
        leg.play(format!("digits/{digit}"))?;
    }
    leg.play("goodbye")
}
