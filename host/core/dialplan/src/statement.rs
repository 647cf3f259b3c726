//! One line's application and its arguments, compiled.

use crate::limit;
use crate::template::{Compiler, Native, Op, Quoting, function_name};
use crate::text::{Fault, closing_bracket, find_outside, is_literal, printable, split_once_outside, split_outside};
use crate::time_spec::TimeSpec;

/// What a line does. Its operations leave the values it needs on the stack, in the order given here.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) file: u16,
    pub(crate) line: u32,
    pub(crate) verb: Verb,
    pub(crate) ops: Box<[Op]>,
    /// As written.
    pub(crate) text: Box<str>,
}

/// The native verbs, and `App` for all others.
#[derive(Debug)]
pub(crate) enum Verb {
    Answer,
    /// arguments
    App(Box<str>),
    /// timeout
    Busy,
    /// timeout
    Congestion,
    ContinueWhile,
    /// arguments
    Dial,
    EndWhile,
    /// condition
    ExecIf(Branches<usize>),
    /// time condition, unless it is known already
    ExecIfTime(Option<TimeSpec>, Branches<usize>),
    ExitWhile,
    /// the target
    Goto(Target),
    /// condition, then the targets
    GotoIf(Branches<Target>),
    /// time condition, unless it is known already, then the targets
    GotoIfTime(Option<TimeSpec>, Branches<Target>),
    /// the routine
    Gosub(Routine),
    /// condition, then the routines
    GosubIf(Branches<Routine>),
    /// cause
    Hangup,
    /// level, message
    Log,
    NoOp,
    Progress,
    /// value
    Return,
    Ringing,
    /// for each: name or arguments, then the value
    Set(Vec<Assign>),
    StackPop,
    /// message
    Verbose(i64),
    /// seconds
    Wait,
    /// seconds
    WaitExten,
    /// condition
    While,
}

/// What follows `?`, on either side of `:`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Branches<T> {
    pub(crate) yes: Option<T>,
    pub(crate) no: Option<T>,
}

/// `[[context,]extension,]priority`: how many values it takes from the stack, 1 to 3.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Target {
    pub(crate) parts: u8,
}

/// A target with arguments after it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Routine {
    pub(crate) target: Target,
    pub(crate) arguments: u8,
}

/// What is assigned to.
#[derive(Clone, Debug)]
pub(crate) enum Assign {
    /// One value: the name.
    Variable,
    /// Its arguments.
    Function { name: Box<str>, arguments: u8 },
    /// Its arguments.
    Native { function: Native, arguments: u8 },
}

/// Names of the native verbs as they are usually written.
pub(crate) const VERBS: [&str; 27] = [
    "Answer",
    "Busy",
    "Congestion",
    "ContinueWhile",
    "Dial",
    "EndWhile",
    "ExecIf",
    "ExecIfTime",
    "ExitWhile",
    "Goto",
    "GotoIf",
    "GotoIfTime",
    "Gosub",
    "GosubIf",
    "Hangup",
    "Log",
    "MSet",
    "NoOp",
    "Progress",
    "Return",
    "Ringing",
    "Set",
    "StackPop",
    "Verbose",
    "Wait",
    "WaitExten",
    "While",
];

/// The statements of a plan; an `ExecIf` has those it may run here too.
#[derive(Debug, Default)]
pub(crate) struct Statements {
    pub(crate) all: Vec<Statement>,
    depth: usize,
}

impl Statements {
    /// Compiles `App(arguments)` and returns its index.
    pub(crate) fn compile<'a>(&mut self, file: u16, line: u32, text: &'a str) -> Result<usize, Fault<'a>> {
        if self.depth >= limit::NESTING {
            self.depth = 0;
            return Err(Fault::new(text, format!("ExecIf is nested deeper than {}", limit::NESTING)));
        }
        self.depth += 1;
        let (name, arguments) = call(text)?;
        let mut compiler = Compiler::default();
        let verb = self.verb(&mut compiler, (file, line), name, arguments)?;
        self.depth -= 1;
        let ops = compiler.ops.into_boxed_slice();
        self.all.push(Statement { file, line, verb, ops, text: text.into() });
        Ok(self.all.len() - 1)
    }

    /// After a fault the depth is where the fault left it.
    pub(crate) fn recover(&mut self) {
        self.depth = 0;
    }

    fn verb<'a>(
        &mut self,
        compiler: &mut Compiler,
        place: (u16, u32),
        name: &'a str,
        arguments: &'a str,
    ) -> Result<Verb, Fault<'a>> {
        let lower = name.to_ascii_lowercase();
        let mut first = |verb: Verb| -> Result<Verb, Fault<'a>> {
            let seconds = split_once_outside(arguments, b',')?.0;
            compiler.piece(seconds.trim(), Quoting::Remove)?;
            Ok(verb)
        };
        Ok(match lower.as_str() {
            "answer" => first(Verb::Answer)?,
            "busy" => first(Verb::Busy)?,
            "congestion" => first(Verb::Congestion)?,
            "hangup" => first(hangup(arguments)?)?,
            "wait" => first(wait(arguments)?)?,
            "waitexten" => first(Verb::WaitExten)?,
            "return" => {
                compiler.piece(arguments, Quoting::Keep)?;
                Verb::Return
            }
            "while" => {
                if arguments.trim().is_empty() {
                    return Err(Fault::new(name, "While needs a condition").hint("write While($[…])"));
                }
                compiler.piece(arguments, Quoting::Keep)?;
                Verb::While
            }
            "noop" => {
                compiler.piece(arguments, Quoting::Keep)?;
                Verb::NoOp
            }
            "progress" => Verb::Progress,
            "ringing" => Verb::Ringing,
            "endwhile" => Verb::EndWhile,
            "exitwhile" => Verb::ExitWhile,
            "continuewhile" => Verb::ContinueWhile,
            "stackpop" => Verb::StackPop,
            "dial" => {
                compiler.piece(arguments, Quoting::Keep)?;
                Verb::Dial
            }
            "verbose" => verbose(compiler, arguments)?,
            "log" => log(compiler, arguments)?,
            "set" => Verb::Set(vec![assign(compiler, arguments, Quoting::Keep)?]),
            "mset" => {
                let items = split_outside(arguments, b',')?;
                let items = items.into_iter().map(|item| assign(compiler, item.trim(), Quoting::Remove));
                Verb::Set(items.collect::<Result<_, _>>()?)
            }
            "goto" => Verb::Goto(target(compiler, arguments)?),
            "gosub" => Verb::Gosub(routine(compiler, arguments)?),
            "gotoif" | "gosubif" | "gotoiftime" | "execif" | "execiftime" => {
                self.conditional(compiler, place, (name, &lower), arguments)?
            }
            "macro" | "macroif" | "macroexclusive" => {
                let hint = "use Gosub(context,extension,priority(arguments)) and Return()";
                return Err(Fault::new(name, format!("{name} does not exist any more")).hint(hint));
            }
            _ => {
                compiler.piece(arguments, Quoting::Keep)?;
                Verb::App(name.into())
            }
        })
    }

    fn conditional<'a>(
        &mut self,
        compiler: &mut Compiler,
        (file, line): (u16, u32),
        (name, lower): (&'a str, &str),
        arguments: &'a str,
    ) -> Result<Verb, Fault<'a>> {
        let (condition, branches) = split_once_outside(arguments, b'?')?;
        let Some(branches) = branches else {
            let fault = Fault::new(name, format!("{name} needs `?` after its condition"));
            return Err(fault.hint(format!("write {name}(condition?yes:no)")));
        };
        let timed = lower.ends_with("time");
        let mut when = None;
        if timed && is_literal(condition) {
            when = Some(TimeSpec::parse(condition.trim())?);
        } else {
            compiler.piece(condition.trim(), if timed { Quoting::Remove } else { Quoting::Keep })?;
        }
        let (yes, no) = split_once_outside(branches, b':')?;
        let part = |text: &'a str| Some(text.trim()).filter(|text| !text.is_empty());
        let (yes, no) = (part(yes), no.and_then(part));
        if yes.is_none() && no.is_none() {
            return Err(Fault::new(name, format!("{name} leads nowhere")).hint("write what to do after `?`"));
        }
        if lower.starts_with("exec") {
            let mut run = |text: Option<&'a str>| text.map(|text| self.compile(file, line, text)).transpose();
            let branches = Branches { yes: run(yes)?, no: run(no)? };
            return Ok(if timed { Verb::ExecIfTime(when, branches) } else { Verb::ExecIf(branches) });
        }
        if lower == "gosubif" {
            let mut to = |text: Option<&'a str>| text.map(|text| routine(compiler, text)).transpose();
            return Ok(Verb::GosubIf(Branches { yes: to(yes)?, no: to(no)? }));
        }
        let mut to = |text: Option<&'a str>| text.map(|text| target(compiler, text)).transpose();
        let branches = Branches { yes: to(yes)?, no: to(no)? };
        Ok(if timed { Verb::GotoIfTime(when, branches) } else { Verb::GotoIf(branches) })
    }
}

/// `Name(arguments)` or `Name`.
fn call(text: &str) -> Result<(&str, &str), Fault<'_>> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let rest = rest.trim();
    if name.is_empty() {
        let shown = printable(text);
        return Err(Fault::new(text, format!("`{shown}` does not begin with the name of an application")));
    }
    if rest.is_empty() {
        return Ok((name, ""));
    }
    if !rest.starts_with('(') {
        let fault = Fault::new(rest, format!("`{name}` is not followed by `(`"));
        return Err(fault.hint(format!("write {name}(…)")));
    }
    // The last bracket closes, whatever is between: arguments are free text.
    match rest.rfind(')') {
        Some(close) if close + 1 == rest.len() => Ok((name, &rest[1..close])),
        Some(close) => {
            let shown = printable(&rest[close + 1..]);
            Err(Fault::new(&rest[close + 1..], format!("`{shown}` stands after the closing `)`")))
        }
        None => Err(Fault::new(rest, format!("the `(` of {name} is not closed by `)`"))),
    }
}

/// `NAME=value` or `FUNCTION(arguments)=value`.
fn assign<'a>(compiler: &mut Compiler, text: &'a str, quoting: Quoting) -> Result<Assign, Fault<'a>> {
    let (name, value) = split_once_outside(text, b'=')?;
    let Some(value) = value else {
        return Err(Fault::new(text, "an assignment needs `=`").hint("write Set(NAME=value)"));
    };
    let name = name.trim();
    let open = find_bracket(name)?;
    let target = match open {
        None if name.is_empty() => return Err(Fault::new(text, "the variable has no name")),
        None if matches!(name, "EXTEN" | "CONTEXT" | "PRIORITY") => {
            return Err(Fault::new(name, format!("{name} cannot be set")).hint("use Goto"));
        }
        None => {
            compiler.piece(name, Quoting::Remove)?;
            Assign::Variable
        }
        Some(open) => {
            let (function, rest) = (function_name(&name[..open])?, &name[open..]);
            let Some(close) = closing_bracket(rest)?.filter(|close| close + 1 == rest.len()) else {
                return Err(Fault::new(rest, "the function's `(` is not closed by `)` before `=`"));
            };
            let arguments = compiler.arguments(&rest[1..close])?;
            match Native::find(function) {
                Some(function @ (Native::Local | Native::Timeout)) => Assign::Native { function, arguments },
                Some(Native::Global) => {
                    let fault = Fault::new(name, "globals cannot be set by a call");
                    return Err(fault.hint("keep what calls share in DB(family/key)"));
                }
                Some(_) => return Err(Fault::new(name, format!("{function} can only be read"))),
                None => Assign::Function { name: function.into(), arguments },
            }
        }
    };
    compiler.piece(value, quoting)?;
    Ok(target)
}

/// Where the `(` of a function's arguments stands.
fn find_bracket(name: &str) -> Result<Option<usize>, Fault<'_>> {
    find_outside(name, b"(")
}

/// `[[context,]extension,]priority`.
fn target<'a>(compiler: &mut Compiler, text: &'a str) -> Result<Target, Fault<'a>> {
    let parts = split_outside(text, b',')?;
    if parts.len() > 3 || parts.last().is_none_or(|last| last.trim().is_empty()) {
        let fault = Fault::new(text, "the target is not [[context,]extension,]priority");
        return Err(fault.hint("write context,extension,priority or a label"));
    }
    for part in &parts {
        compiler.piece(part.trim(), Quoting::Remove)?;
    }
    Ok(Target { parts: u8::try_from(parts.len()).expect("at most 3") })
}

/// `[[context,]extension,]priority[(arguments)]`.
fn routine<'a>(compiler: &mut Compiler, text: &'a str) -> Result<Routine, Fault<'a>> {
    let Some(open) = find_outside(text, b"(")? else {
        return Ok(Routine { target: target(compiler, text)?, arguments: 0 });
    };
    let (to, rest) = text.split_at(open);
    let rest = rest.trim_end();
    let Some(close) = closing_bracket(rest)?.filter(|close| close + 1 == rest.len()) else {
        return Err(Fault::new(rest, "the arguments' `(` is not closed by `)` at the end"));
    };
    let target = target(compiler, to)?;
    Ok(Routine { target, arguments: compiler.arguments(&rest[1..close])? })
}

/// `[level,]message`; a level is a literal number.
fn verbose<'a>(compiler: &mut Compiler, text: &'a str) -> Result<Verb, Fault<'a>> {
    let (level, message) = split_once_outside(text, b',')?;
    let (level, message) = match (level.trim().parse(), message) {
        (Ok(level), Some(message)) => (level, message),
        _ => (0, text),
    };
    compiler.piece(message, Quoting::Keep)?;
    Ok(Verb::Verbose(level))
}

fn log<'a>(compiler: &mut Compiler, text: &'a str) -> Result<Verb, Fault<'a>> {
    let (level, message) = split_once_outside(text, b',')?;
    let Some(message) = message else {
        return Err(Fault::new(text, "Log needs a level and a message").hint("write Log(NOTICE,message)"));
    };
    if is_literal(level) && log_level(level).is_none() {
        let fault = Fault::new(level, format!("`{}` is not a level", printable(level.trim())));
        return Err(fault.hint("levels are ERROR, WARNING, NOTICE, DEBUG and VERBOSE"));
    }
    compiler.piece(level.trim(), Quoting::Remove)?;
    compiler.piece(message, Quoting::Keep)?;
    Ok(Verb::Log)
}

/// Asterisk's names of levels.
pub(crate) fn log_level(name: &str) -> Option<crate::ask::Level> {
    use crate::ask::Level;
    Some(match name.trim().to_ascii_uppercase().as_str() {
        "ERROR" => Level::Error,
        "WARNING" => Level::Warning,
        "NOTICE" | "VERBOSE" => Level::Info,
        "DEBUG" | "DTMF" => Level::Debug,
        _ => return None,
    })
}

fn wait(arguments: &str) -> Result<Verb, Fault<'_>> {
    let seconds = split_once_outside(arguments, b',')?.0;
    if is_literal(seconds) && !seconds.trim().is_empty() && crate::duration::seconds(seconds).is_none() {
        return Err(Fault::new(seconds, format!("`{}` is not a number of seconds", printable(seconds))));
    }
    Ok(Verb::Wait)
}

fn hangup(arguments: &str) -> Result<Verb, Fault<'_>> {
    if is_literal(arguments) && !arguments.trim().is_empty() && cause(arguments).is_none() {
        let fault = Fault::new(arguments, format!("`{}` is not a cause", printable(arguments)));
        return Err(fault.hint("write a Q.850 number like 17 or a name like USER_BUSY"));
    }
    Ok(Verb::Hangup)
}

/// A Q.850 cause by number (1 to 127) or by Asterisk's name for it.
pub(crate) fn cause(text: &str) -> Option<u16> {
    const NAMES: [(&str, u16); 22] = [
        ("UNALLOCATED", 1),
        ("NO_ROUTE_TRANSIT_NET", 2),
        ("NO_ROUTE_DESTINATION", 3),
        ("NORMAL_CLEARING", 16),
        ("NORMAL", 16),
        ("USER_BUSY", 17),
        ("BUSY", 17),
        ("NO_USER_RESPONSE", 18),
        ("NO_ANSWER", 19),
        ("NOANSWER", 19),
        ("CALL_REJECTED", 21),
        ("NUMBER_CHANGED", 22),
        ("DESTINATION_OUT_OF_ORDER", 27),
        ("INVALID_NUMBER_FORMAT", 28),
        ("FACILITY_REJECTED", 29),
        ("NORMAL_UNSPECIFIED", 31),
        ("NORMAL_CIRCUIT_CONGESTION", 34),
        ("CONGESTION", 34),
        ("NETWORK_OUT_OF_ORDER", 38),
        ("NORMAL_TEMPORARY_FAILURE", 41),
        ("SWITCH_CONGESTION", 42),
        ("INTERWORKING", 127),
    ];
    let text = text.trim();
    let named = NAMES.iter().find(|(name, _)| name.eq_ignore_ascii_case(text)).map(|(_, cause)| *cause);
    named.or_else(|| text.parse().ok().filter(|cause| (1..=127).contains(cause)))
}
