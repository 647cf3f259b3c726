//! `${HELLO(name)}` is a greeting; `${HELLO()}` greets the caller.

use jackfield_sdk::{Function, Result, functions};

functions! { "HELLO" => hello }

fn hello(call: Function<'_>) -> Result<String> {
    let name = match call.argument(0) {
        "" => call.leg()?.caller_number(),
        name => name.to_owned(),
    };
    Ok(format!("Hello, {name}"))
}
