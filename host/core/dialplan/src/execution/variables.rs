//! Variables of a call: its own, and the locals of its subroutines.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::execution::Execution;
use crate::limit;
use crate::text::cut;

/// All variables of a call, bounded in number and bytes.
#[derive(Debug, Default)]
pub(super) struct Variables {
    call: BTreeMap<Box<str>, Variable>,
    /// One for each subroutine entered, innermost last.
    frames: Vec<Frame>,
    bytes: usize,
    count: usize,
}

#[derive(Debug, Default)]
struct Variable {
    value: String,
    inheritance: Inheritance,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Inheritance {
    #[default]
    Own,
    /// `_NAME`: the legs it creates have it.
    Once,
    /// `__NAME`: and those they create.
    Always,
}

type Frame = BTreeMap<Box<str>, String>;

impl Variables {
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        // Arguments of an outer subroutine are not those of an inner one.
        let frames = if is_argument(name) { &self.frames[self.frames.len().saturating_sub(1)..] } else { &self.frames };
        let local = frames.iter().rev().find_map(|frame| frame.get(name));
        local.or_else(|| Some(&self.call.get(name)?.value)).map(String::as_str)
    }

    /// Sets a local if there is one of that name, else the call's variable.
    pub(super) fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let (name, inheritance) = inheritance(name);
        let frame = self.frames.iter_mut().rposition(|frame| frame.contains_key(name));
        self.put(frame, name, value)?;
        if frame.is_none()
            && let Some(variable) = self.call.get_mut(name)
        {
            variable.inheritance = inheritance;
        }
        Ok(())
    }

    /// Sets a local of the innermost subroutine.
    pub(super) fn set_local(&mut self, name: &str, value: &str) -> Result<(), String> {
        match self.frames.len().checked_sub(1) {
            Some(frame) => self.put(Some(frame), name, value),
            None => Err(format!("LOCAL({name}) is set outside of a subroutine")),
        }
    }

    pub(super) fn local(&self, name: &str) -> Option<&str> {
        self.frames.last()?.get(name).map(String::as_str)
    }

    fn put(&mut self, frame: Option<usize>, name: &str, value: &str) -> Result<(), String> {
        if name.is_empty() || name.len() > limit::NAME_BYTES {
            return Err(format!("a variable's name has 1 to {} bytes", limit::NAME_BYTES));
        }
        let kept = cut(value, limit::VALUE_BYTES);
        let old = match frame {
            Some(frame) => self.frames[frame].get(name).map(String::len),
            None => self.call.get(name).map(|variable| variable.value.len()),
        };
        let bytes = self.bytes - old.map_or(0, |old| old + name.len()) + kept.len() + name.len();
        if bytes > limit::VARIABLE_BYTES {
            return Err(format!("{name} is not set: the call's variables have {} bytes", limit::VARIABLE_BYTES));
        }
        if old.is_none() && self.count >= limit::VARIABLES {
            return Err(format!("{name} is not set: the call has {} variables", limit::VARIABLES));
        }
        self.bytes = bytes;
        self.count += usize::from(old.is_none());
        match frame {
            Some(frame) => drop(self.frames[frame].insert(name.into(), kept.to_owned())),
            None => self.call.entry(name.into()).or_default().value = kept.to_owned(),
        }
        if kept.len() < value.len() {
            return Err(format!("the value of {name} is cut at {} bytes", limit::VALUE_BYTES));
        }
        Ok(())
    }

    /// Enters a subroutine with these arguments.
    pub(super) fn enter(&mut self, arguments: &[String]) -> Result<(), String> {
        self.frames.push(Frame::new());
        let frame = Some(self.frames.len() - 1);
        self.put(frame, "ARGC", &arguments.len().to_string())?;
        (1..).zip(arguments).try_for_each(|(nth, argument)| self.put(frame, &format!("ARG{nth}"), argument))
    }

    /// Leaves the innermost subroutine.
    pub(super) fn leave(&mut self) {
        for (name, value) in self.frames.pop().unwrap_or_default() {
            self.bytes -= name.len() + value.len();
            self.count -= 1;
        }
    }

    pub(super) fn leave_all(&mut self) {
        while !self.frames.is_empty() {
            self.leave();
        }
    }

    pub(super) fn inherited(&self) -> Vec<(String, String)> {
        let named = self.call.iter().filter_map(|(name, variable)| match variable.inheritance {
            Inheritance::Own => None,
            Inheritance::Once => Some((name.to_string(), variable.value.clone())),
            Inheritance::Always => Some((format!("__{name}"), variable.value.clone())),
        });
        named.collect()
    }
}

impl Execution {
    /// What `${name}` is, but for the variables that tell the time.
    pub(super) fn lookup(&self, name: &str) -> Option<Cow<'_, str>> {
        let (name, _) = inheritance(name);
        match name {
            "EXTEN" => return Some(Cow::Borrowed(&self.here.number)),
            "CONTEXT" => return Some(Cow::Borrowed(self.plan.context_name(self.here.context))),
            "PRIORITY" => return Some(Cow::Owned(self.here.priority.to_string())),
            _ => {}
        }
        self.variables.get(name).or_else(|| self.plan.globals.get(name).map(|value| &**value)).map(Cow::Borrowed)
    }
}

fn inheritance(name: &str) -> (&str, Inheritance) {
    match (name.strip_prefix("__"), name.strip_prefix('_')) {
        (Some(name), _) if !name.is_empty() => (name, Inheritance::Always),
        (_, Some(name)) if !name.is_empty() => (name, Inheritance::Once),
        _ => (name, Inheritance::Own),
    }
}

fn is_argument(name: &str) -> bool {
    let number = name.strip_prefix("ARG");
    number.is_some_and(|number| number == "C" || (!number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())))
}
