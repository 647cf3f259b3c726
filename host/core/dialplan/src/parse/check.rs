//! What can only be judged when all lines are read.

use crate::diagnostic::{Diagnostic, Severity};
use crate::plan::{Dialplan, Extension, Place, similar};
use crate::statement::{Branches, Routine, Statement, Target, Verb};
use crate::still::{self, Still};

/// Connects includes with their contexts; a missing one is a warning, as in Asterisk.
pub(super) fn resolve_includes(plan: &mut Dialplan) {
    let mut missing = Vec::new();
    for context in &mut plan.contexts {
        for include in &mut context.includes {
            include.context = plan.names.get(&include.name).copied();
            if include.context.is_none() {
                missing.push((include.place, include.name.clone()));
            }
        }
    }
    for (place, name) in missing {
        let names: Vec<&str> = plan.contexts().collect();
        let hint = similar(&name, &names).map(|similar| format!("did you mean {similar}?"));
        let warning = plan.warning(place, format!("the included context {name} does not exist"), hint);
        plan.warnings.push(warning);
    }
}

/// `While` and `EndWhile` must pair within their extension.
pub(super) fn extensions(plan: &Dialplan, faults: &mut Vec<Diagnostic>) {
    for extension in plan.contexts.iter().flat_map(|context| &context.extensions) {
        let mut open: Vec<Place> = Vec::new();
        let mut refuse = |place: Place, message: &str| {
            let file = plan.files[usize::from(place.file)].clone();
            let message = message.to_owned();
            let severity = Severity::Error;
            faults.push(Diagnostic { severity, file, line: place.line, column: None, message, hint: None });
        };
        for priority in &extension.priorities {
            let statement = &plan.statements[priority.statement as usize];
            match super::loop_depth(&statement.verb) {
                1 => open.push(statement.place()),
                -1 if open.pop().is_none() => refuse(statement.place(), "EndWhile has no While before it"),
                _ => {}
            }
        }
        for place in open {
            refuse(place, "While has no EndWhile after it in this extension");
        }
    }
}

/// Warnings for targets written out in the plan that do not exist, and for extensions that can never begin.
pub(super) fn targets(plan: &Dialplan) -> Vec<Diagnostic> {
    let mut warnings = Vec::new();
    for context in &plan.contexts {
        for extension in &context.extensions {
            if extension.hint.is_none() && !extension.has_priority(1) {
                // Other lines may give the number its first priority, so this is only likely a mistake.
                let message = format!("{} has no priority 1", extension.name);
                warnings.push(plan.warning(extension.place, message, None));
            }
            for priority in &extension.priorities {
                statement_targets(plan, extension, &plan.statements[priority.statement as usize], &mut warnings);
            }
        }
    }
    warnings
}

fn statement_targets(plan: &Dialplan, own: &Extension, statement: &Statement, warnings: &mut Vec<Diagnostic>) {
    let gosub = |routine: Option<Routine>| routine.map(|routine| (routine.target, routine.arguments));
    let goto = |target: Option<Target>| target.map(|target| (target, 0));
    let (skip, targets) = match &statement.verb {
        Verb::Goto(target) => (0, [goto(Some(*target)), None]),
        Verb::Gosub(routine) => (0, [gosub(Some(*routine)), None]),
        Verb::GotoIf(Branches { yes, no }) => (1, [goto(*yes), goto(*no)]),
        Verb::GosubIf(Branches { yes, no }) => (1, [gosub(*yes), gosub(*no)]),
        Verb::GotoIfTime(when, Branches { yes, no }) => (usize::from(when.is_none()), [goto(*yes), goto(*no)]),
        Verb::ExecIf(branches) | Verb::ExecIfTime(_, branches) => {
            for branch in [branches.yes, branches.no].into_iter().flatten() {
                statement_targets(plan, own, &plan.statements[branch], warnings);
            }
            return;
        }
        _ => return,
    };
    let values = still::fill(&statement.ops, &|_| None);
    let mut at = skip;
    for (target, arguments) in targets.into_iter().flatten() {
        let parts = &values[at..at + usize::from(target.parts)];
        at += usize::from(target.parts + arguments);
        if let Some((message, hint)) = target_fault(plan, own, parts) {
            warnings.push(plan.warning(statement.place(), message, hint));
        }
    }
}

/// Only what is surely wrong: an extension may still come from an include, or be caught by `i`.
fn target_fault(plan: &Dialplan, own: &Extension, parts: &[Still]) -> Option<(String, Option<String>)> {
    let hint = |name: &str, among: &[&str]| similar(name, among).map(|similar| format!("did you mean {similar}?"));
    if let [context, _, _] = parts
        && context.known
        && !plan.has_context(&context.text)
    {
        let contexts: Vec<&str> = plan.contexts().collect();
        return Some((format!("the context {} does not exist", context.text), hint(&context.text, &contexts)));
    }
    if let [label] = parts
        && label.known
        && label.text.parse::<u32>().is_err()
        && !label.text.starts_with(['+', '-'])
        && label.text != "n"
        && own.label(&label.text).is_none()
    {
        let labels: Vec<&str> = own.priorities.iter().filter_map(|priority| priority.label.as_deref()).collect();
        return Some((format!("{} has no label {}", own.name, label.text), hint(&label.text, &labels)));
    }
    None
}
