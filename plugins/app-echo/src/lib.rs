//! `Echo()`: the caller hears itself, until it dials `#` or hangs up.

use jackfield_sdk::{Leg, Result, apps};

apps! { "Echo" => echo }

fn echo(leg: Leg, _arguments: &str) -> Result {
    leg.answer()?;
    leg.echo("#")
}

#[cfg(test)]
mod tests {
    use jackfield_testkit::Fake;

    use super::*;

    #[test]
    fn it_answers_and_echoes_until_the_hash_key() {
        let fake = Fake::new();
        fake.run(|leg| echo(leg, "")).unwrap();
        assert_eq!(fake.actions(), ["answer", "echo #"]);
    }

    #[test]
    fn a_caller_that_went_away_is_no_surprise() {
        let fake = Fake::new().hangs_up_after(1);
        assert!(fake.run(|leg| echo(leg, "")).unwrap_err().is_gone());
    }
}
