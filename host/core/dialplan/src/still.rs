//! Filling in what is known without running: for hints, globals and explanations. What is not known stays as it is written.

use std::borrow::Cow;

use crate::template::{Native, Op, slice_text};
use crate::value::Value;

/// A text, and whether all of it is known.
#[derive(Clone, Debug)]
pub(crate) struct Still {
    pub(crate) text: String,
    pub(crate) known: bool,
    value: Option<Value>,
}

impl Still {
    fn known(value: Value) -> Self {
        Self { text: value.text().into_owned(), known: true, value: Some(value) }
    }

    fn unknown(text: String) -> Self {
        Self { text, known: false, value: None }
    }

    pub(crate) fn value(&self) -> Value {
        self.value.clone().unwrap_or_else(|| Value::Text(self.text.clone()))
    }

    fn append(&mut self, text: &str, known: bool) {
        self.text.push_str(crate::text::cut(text, crate::limit::VALUE_BYTES.saturating_sub(self.text.len())));
        self.known &= known;
        self.value = None;
    }
}

/// The values the operations leave on the stack.
pub(crate) fn fill(ops: &[Op], lookup: &dyn Fn(&str) -> Option<String>) -> Vec<Still> {
    let mut stack = Vec::new();
    for op in ops {
        apply(op, lookup, &mut stack);
    }
    stack
}

fn apply(op: &Op, lookup: &dyn Fn(&str) -> Option<String>, stack: &mut Vec<Still>) {
    match op {
        Op::Open => stack.push(Still::known(Value::Text(String::new()))),
        Op::Text(text) => top(stack).append(text, true),
        Op::Name(name) => {
            let value = lookup(name);
            let known = value.is_some();
            top(stack).append(&value.unwrap_or_else(|| format!("${{{name}}}")), known);
        }
        Op::Fetch { slice } => {
            let slice = stack.split_off(stack.len() - usize::from(*slice));
            let name = pop(stack);
            let value = lookup(&name.text).filter(|_| name.known && slice.iter().all(|part| part.known));
            let values: Vec<Value> = slice.iter().map(Still::value).collect();
            let known = value.is_some();
            let text = match value {
                Some(value) => slice_text(&value, &values).to_owned(),
                None => format!("${{{}{}}}", name.text, written_slice(&slice)),
            };
            top(stack).append(&text, known);
        }
        Op::Call { name, arguments, slice } => call(stack, lookup, name, *arguments, *slice),
        Op::Native { function, arguments, slice } => call(stack, lookup, function.name(), *arguments, *slice),
        Op::Unary(operator) => {
            let value = pop(stack);
            stack.push(match value.known {
                true => Still::known(operator.apply(&value.value())),
                false => Still::unknown(format!("{}{}", operator.symbol(), value.text)),
            });
        }
        Op::Binary(operator) => {
            let (right, left) = (pop(stack), pop(stack));
            stack.push(match left.known && right.known {
                true => Still::known(operator.apply(left.value(), right.value()).0),
                false => Still::unknown(format!("{} {} {}", quoted(&left), operator.symbol(), quoted(&right))),
            });
        }
        Op::Conditional => {
            let (no, yes, condition) = (pop(stack), pop(stack), pop(stack));
            stack.push(match condition.known {
                true if condition.value().is_true() => yes,
                true => no,
                false => Still::unknown(format!("{} ? {} : {}", condition.text, quoted(&yes), quoted(&no))),
            });
        }
        Op::Result => {
            let value = pop(stack);
            let text = if value.known { Cow::Borrowed(&*value.text) } else { format!("$[{}]", value.text).into() };
            top(stack).append(&text, value.known);
        }
    }
}

/// A function is known only if the caller of [`fill`] says so, asked for `NAME(arguments)`.
fn call(stack: &mut Vec<Still>, lookup: &dyn Fn(&str) -> Option<String>, name: &str, arguments: u8, slice: u8) {
    let slice = stack.split_off(stack.len() - usize::from(slice));
    let arguments = stack.split_off(stack.len() - usize::from(arguments));
    let known = slice.iter().chain(&arguments).all(|part| part.known);
    let arguments: Vec<String> = arguments.into_iter().map(|argument| argument.text).collect();
    let arguments = match (Native::find(name), &*arguments) {
        (Some(Native::If | Native::IfTime), [condition, yes, no]) => format!("{condition}?{yes}:{no}"),
        _ => arguments.join(","),
    };
    let written = format!("{name}({arguments})");
    let values: Vec<Value> = slice.iter().map(Still::value).collect();
    match lookup(&written).filter(|_| known) {
        Some(value) => top(stack).append(slice_text(&value, &values), true),
        None => top(stack).append(&format!("${{{written}{}}}", written_slice(&slice)), false),
    }
}

fn written_slice(slice: &[Still]) -> String {
    slice.iter().map(|part| format!(":{}", part.text)).collect()
}

fn quoted(side: &Still) -> Cow<'_, str> {
    if side.known && side.text.is_empty() { "\"\"".into() } else { (&*side.text).into() }
}

fn pop(stack: &mut Vec<Still>) -> Still {
    stack.pop().expect("the compiler pushes what an operation pops")
}

fn top(stack: &mut [Still]) -> &mut Still {
    stack.last_mut().expect("the compiler opens a value before it appends")
}
