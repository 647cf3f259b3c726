//! `Choose(strategy)`: says whom it chooses of 1, 2 and 3, who had five, three and four calls; then `invalid`, as nobody has the other strategy.

use jackfield_sdk::strategy::{self, Candidate};
use jackfield_sdk::{Code, Leg, Result, apps};

apps! { "Choose" => choose }

fn choose(leg: Leg, arguments: &str) -> Result {
    let members = [("1", 5), ("2", 3), ("3", 4)].map(|(name, calls)| Candidate::new(name).with("calls", calls));
    leg.answer()?;
    for name in strategy::choose(arguments, &[("queue", "é")], &members)? {
        leg.play(format!("digits/{name}"))?;
    }
    match strategy::choose("nobody-has-it", &[], &members) {
        Err(error) if error.code == Code::Invalid => leg.play("invalid"),
        _ => leg.play("goodbye"),
    }
}
