//! Every parser of remote input under a seeded mutation loop: bounded, the same on every machine (A3, A5).
//!
//! The same functions are the targets of `cargo fuzz` (see `Cargo.toml` beside this file), which looks longer and wider.

mod mutate;
mod targets;

use mutate::Mutator;
use targets::{Target, all};

/// Enough for each kind of mutation to meet each part of each seed some times, and done in seconds.
const ROUNDS: usize = 20_000;

#[test]
fn no_parser_breaks_on_mutated_input() {
    for Target { name, run, seeds } in all() {
        let mut mutator = Mutator::new(name, seeds);
        for seed in seeds {
            run(seed);
        }
        for round in 0..ROUNDS {
            let input = mutator.next();
            let result = std::panic::catch_unwind(|| run(&input));
            assert!(result.is_ok(), "{name} broke in round {round} on {:?}", input.escape_ascii().to_string());
        }
    }
}

#[test]
fn the_mutations_are_the_same_every_time() {
    let inputs = |count| {
        let mut mutator = Mutator::new("x", &[b"seed one", b"seed two"]);
        (0..count).map(|_| mutator.next()).collect::<Vec<_>>()
    };
    assert_eq!(inputs(1_000), inputs(1_000));
}
