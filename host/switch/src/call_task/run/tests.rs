//! Ends of applications that come too late.

use super::super::tests::Rig;
use super::*;

fn application(number: u64, waits: bool) -> Run {
    let waits = match waits {
        true => {
            let task = tokio::spawn(std::future::pending::<()>()).abort_handle();
            Waits::App { name: "Echo".to_owned(), plugin: None, task }
        }
        false => Waits::Nothing,
    };
    Run {
        program: Program::App,
        number,
        context: "phones".to_owned(),
        waits,
        leg_gone: CancellationToken::new(),
        absolute: None,
    }
}

/// An application that was stopped may have sent its end just before; another one runs on the leg by then, or none.
#[tokio::test]
async fn the_end_of_an_application_that_was_stopped_ends_no_other() {
    let mut rig = Rig::new().await;
    let leg = rig.caller();
    rig.task.runs.insert(leg, application(2, true));
    rig.task.app_ended(leg, 1, AppResult::Done);
    assert!(rig.task.runs.contains_key(&leg), "it was the end of an earlier one");
    rig.task.app_ended(leg, 2, AppResult::Done);
    assert!(!rig.task.runs.contains_key(&leg), "its own end");
    rig.task.runs.insert(leg, application(2, false));
    rig.task.app_ended(leg, 2, AppResult::Done);
    assert!(rig.task.runs.contains_key(&leg), "it waits for no application");
}

/// The same for functions.
#[tokio::test]
async fn the_value_of_a_function_that_was_stopped_answers_nothing() {
    let mut rig = Rig::new().await;
    let leg = rig.caller();
    rig.task.ready.clear();
    for (waits, number, answers) in [(2, 1, 0), (2, 2, 1)] {
        let task = tokio::spawn(std::future::pending::<()>()).abort_handle();
        rig.task.runs.insert(leg, Run { waits: Waits::Function(task), ..application(waits, false) });
        rig.task.function_ended(leg, number, Reply::Value("x".to_owned()));
        assert_eq!(rig.task.ready.len(), answers);
    }
}
