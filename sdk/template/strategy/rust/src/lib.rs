//! The strategy `hello`: of a queue's free members, the one with the fewest calls rings.

use jackfield_sdk::strategy::Choice;
use jackfield_sdk::{Result, strategies};

strategies! { "hello" => fewest_calls }

fn fewest_calls(choice: Choice<'_>) -> Result<Vec<String>> {
    Ok(choice.first_by_key(|member| member.number("calls")))
}
