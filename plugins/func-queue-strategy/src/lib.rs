//! Strategies of app-queue: pure functions of the members that are free.

use std::cmp::Reverse;

use jackfield_sdk::{Error, Function, Result, functions};

functions! {
    "LONGEST_IDLE" => longest_idle,
    "FEWEST_CALLS" => fewest_calls,
}

/// A free member.
struct Member<'a> {
    name: &'a str,
    idle: u64,
    calls: u64,
}

fn members<'a>(call: Function<'a>) -> Result<Vec<Member<'a>>> {
    let read = |text: &'a String| {
        let mut fields = text.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        Some(Member { name, idle: fields.next()?.parse().ok()?, calls: fields.next()?.parse().ok()? })
    };
    let member =
        |text: &'a String| read(text).ok_or_else(|| Error::invalid(format!("{text:?} is not name:seconds:calls")));
    call.arguments.iter().map(member).collect()
}

/// `${LONGEST_IDLE(name:seconds:calls,…)}`
fn longest_idle(call: Function<'_>) -> Result<String> {
    let members = members(call)?;
    Ok(members
        .iter()
        .min_by_key(|member| Reverse(member.idle))
        .map(|member| member.name.to_owned())
        .unwrap_or_default())
}

/// `${FEWEST_CALLS(name:seconds:calls,…)}`
fn fewest_calls(call: Function<'_>) -> Result<String> {
    let members = members(call)?;
    Ok(members.iter().min_by_key(|member| member.calls).map(|member| member.name.to_owned()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(function: fn(Function<'_>) -> Result<String>, arguments: &[&str]) -> Result<String> {
        let arguments: Vec<String> = arguments.iter().map(|argument| (*argument).to_owned()).collect();
        function(Function { arguments: &arguments, call: None })
    }

    #[test]
    fn each_chooses_by_its_own_measure_and_the_first_of_equals() {
        let free = ["101:7:5", "102:42:3", "103:42:3", "104:9:3"];
        assert_eq!(of(longest_idle, &free).as_deref(), Ok("102"));
        assert_eq!(of(fewest_calls, &free).as_deref(), Ok("102"));
        assert_eq!(of(fewest_calls, &["101:7:1", "102:42:3"]).as_deref(), Ok("101"));
        assert_eq!(of(longest_idle, &[]).as_deref(), Ok(""));
        for odd in ["101", "101:x:3", ":1:1", "101:1"] {
            assert!(of(longest_idle, &[odd]).is_err(), "{odd}");
        }
    }
}
