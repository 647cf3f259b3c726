//! Strategies of app-queue: pure functions of the members that are free.

use std::cmp::Reverse;

use jackfield_sdk::strategy::Choice;
use jackfield_sdk::{Result, strategies, system};

strategies! {
    "longest-idle" => longest_idle,
    "fewest-calls" => fewest_calls,
    "random" => random,
}

fn longest_idle(choice: Choice<'_>) -> Result<Vec<String>> {
    Ok(choice.first_by_key(|member| Reverse(member.number("idle-seconds"))))
}

fn fewest_calls(choice: Choice<'_>) -> Result<Vec<String>> {
    Ok(choice.first_by_key(|member| member.number("calls")))
}

fn random(choice: Choice<'_>) -> Result<Vec<String>> {
    // 64 random bits among 256 candidates at most: no member is favoured by anything that could be seen.
    let bits = system::random(8).into_iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(byte));
    let count = choice.candidates.len().max(1) as u64;
    let at = usize::try_from(bits % count).unwrap_or_default();
    Ok(choice.candidates.get(at).map(|member| member.name.clone()).into_iter().collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use jackfield_sdk::strategy::Candidate;
    use jackfield_testkit::Fake;

    use super::*;

    fn members(told: &[(&str, u64, u64)]) -> Vec<Candidate> {
        let member = |(name, idle, calls): &(&str, u64, u64)| {
            Candidate::new(*name).with("idle-seconds", idle).with("calls", calls)
        };
        told.iter().map(member).collect()
    }

    fn of(strategy: fn(Choice<'_>) -> Result<Vec<String>>, candidates: &[Candidate]) -> Vec<String> {
        Fake::new().run(|_| strategy(Choice { question: &[], candidates })).expect("it chooses")
    }

    #[test]
    fn each_chooses_by_its_own_measure_and_the_first_of_equals() {
        let free = members(&[("101", 7, 5), ("102", 42, 3), ("103", 42, 3), ("104", 9, 3)]);
        assert_eq!(of(longest_idle, &free), ["102"]);
        assert_eq!(of(fewest_calls, &free), ["102"]);
        assert_eq!(of(fewest_calls, &members(&[("101", 7, 1), ("102", 42, 3)])), ["101"]);
        for strategy in [longest_idle, fewest_calls, random] {
            assert!(of(strategy, &[]).is_empty());
        }
    }

    #[test]
    fn chance_takes_everybody_sooner_or_later() {
        let free = members(&[("101", 0, 0), ("102", 0, 0), ("103", 0, 0)]);
        let fake = Fake::new();
        let choose = |_| fake.run(|_| random(Choice { question: &[], candidates: &free })).expect("it chooses");
        let taken: BTreeSet<String> = (0..200).flat_map(choose).collect();
        assert_eq!(taken.into_iter().collect::<Vec<_>>(), ["101", "102", "103"]);
    }
}
