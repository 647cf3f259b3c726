//! The hostile catalogue, rows 2H: each guest ends within its budget with the right reason, and the next run works.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use call::{LegId, Outcome, Request, RequestError};
use plugin::{AppEnd, BoxFuture, CallPort, FunctionCall, Package, RunError, limit};
use support::{FakeCall, Rig, hostile};

/// Runs an application and then a good one.
async fn run(app: &str) -> (Rig, Result<AppEnd, RunError>) {
    run_of(hostile(), app).await
}

async fn run_of(package: Package, app: &str) -> (Rig, Result<AppEnd, RunError>) {
    let rig = Rig::new().await;
    rig.install(package).await.unwrap();
    let result = rig.run(app, "", &FakeCall::new()).await;
    rig.run("Good", "", &FakeCall::new()).await.expect("the next run works").unwrap();
    assert_eq!(rig.plugins.show("hostile").unwrap().live, 0);
    (rig, result)
}

async fn fault(app: &str) -> RunError {
    fault_of(hostile(), app).await
}

async fn fault_of(package: Package, app: &str) -> RunError {
    let (rig, result) = run_of(package, app).await;
    let fault = result.expect_err("it must fail");
    let shown = rig.plugins.show("hostile").unwrap();
    assert_eq!((shown.runs, shown.faults), (2, 1));
    assert_eq!(shown.last_fault.unwrap(), format!("{app}: {fault}"));
    fault
}

/// F66, H17.
#[tokio::test]
async fn a_trap_ends_one_run() {
    let fault = fault("Trap").await;
    let RunError::Trap { message, backtrace } = &fault else { panic!("{fault:?}") };
    assert!(message.contains("unreachable"), "{message}");
    assert!(backtrace.lines().count() <= limit::BACKTRACE_FRAMES);
    assert_eq!(fault.status(), "TRAP");
}

/// H1.
#[tokio::test]
async fn an_endless_loop_is_stopped() {
    assert!(matches!(fault("Loop").await, RunError::Cpu { .. }));
}

/// H4: under the burst each time, over the share in the long run.
#[tokio::test]
async fn a_slow_drip_is_stopped() {
    assert!(matches!(fault("Drip").await, RunError::Cpu { .. }));
}

/// H5.
#[tokio::test]
async fn endless_recursion_is_stopped() {
    let fault = fault("Recurse").await;
    // The compiler decides which stack the recursion fills first: wasm's own, or the guest's in its linear memory.
    let own_stack = matches!(&fault, RunError::Trap { message, .. } if message.contains("out of bounds memory access"));
    assert!(own_stack || matches!(fault, RunError::Stack { .. }), "{fault:?}");
}

/// H6. Touching memory costs time as well: little memory and much time show which of the two ends it.
#[tokio::test]
async fn a_memory_bomb_is_stopped() {
    let Package { manifest, wasm, .. } = hostile();
    let manifest = format!("{manifest}\n[limits]\nmemory = \"8MB\"\ncpu-burst-ms = 100\n");
    let fault = fault_of(Package::folder(manifest, wasm), "MemoryBomb").await;
    let RunError::Memory { requested, limit } = fault else { panic!("{fault:?}") };
    assert!(requested > limit);
}

/// H8: bulk operations are not interrupted, but they are bounded by the memory.
#[tokio::test]
async fn bulk_memory_operations_are_stopped() {
    assert!(matches!(fault("Bulk").await, RunError::Cpu { .. }));
}

/// H9.
#[tokio::test]
async fn a_huge_argument_is_refused() {
    assert!(matches!(fault("HugeArgument").await, RunError::HostCalls(_)));
    let (_rig, result) = run("ManyPrompts").await;
    assert_eq!(result.unwrap().unwrap_err().code, "limit");
}

/// H10.
#[tokio::test]
async fn a_flood_of_host_calls_is_stopped() {
    assert!(matches!(fault("HostFlood").await, RunError::HostCalls(_) | RunError::Cpu { .. }));
}

/// H11.
#[tokio::test]
async fn a_leak_of_handles_is_stopped() {
    assert!(matches!(fault("Leak").await, RunError::HostCalls(_)));
}

/// H13.
#[tokio::test]
async fn storage_ends_at_the_quota() {
    let (rig, result) = run("KvForever").await;
    assert_eq!(result.unwrap().unwrap_err().code, "limit");
    assert!(rig.tenant.kv.lock().unwrap().len() < 20);
}

/// H14: the log has a quota, and a plugin cannot drive a terminal by it.
#[tokio::test]
async fn a_flood_of_log_lines_is_cut() {
    let (rig, result) = run("LogFlood").await;
    result.unwrap().unwrap();
    let lines = rig.tenant.lines.lock().unwrap();
    assert_eq!(lines.len(), limit::LOG_LINES as usize + 1);
    assert!(lines.last().unwrap().ends_with("the rest is dropped"));
    assert!(lines[0].starts_with("LogFlood Info line 0") && !lines[0].contains('\u{1b}'));
}

/// Standard output and standard error are the log.
#[tokio::test]
async fn standard_output_is_the_log() {
    let (rig, result) = run("Print").await;
    result.unwrap().unwrap();
    assert_eq!(*rig.tenant.lines.lock().unwrap(), ["Print Info ", "Print Error to standard error"][1..]);
}

/// An error of the guest's own is no fault.
#[tokio::test]
async fn an_ordinary_error_is_an_end() {
    let rig = Rig::new().await;
    rig.install(hostile()).await.unwrap();
    let end = rig.run("Refuse", "not today", &FakeCall::new()).await.unwrap().unwrap_err();
    assert_eq!((end.code.as_str(), end.detail.as_str()), ("failed", "not today"));
    assert_eq!(rig.plugins.show("hostile").unwrap().faults, 0);
}

/// A guest that waits gets `gone`; one that goes on is killed after its grace.
#[tokio::test]
async fn a_run_that_ignores_the_hang_up_is_killed() {
    let rig = Rig::with(|mut config| {
        config.limits.grace = Duration::from_millis(50);
        config
    })
    .await;
    rig.install(hostile()).await.unwrap();
    let call = FakeCall::new();
    let slot = rig.plugins.app("IgnoreHangup").unwrap();
    let run = tokio::spawn(slot.run(LegId(0), String::new(), call.clone()));
    call.reached(1).await;
    call.hang_up();
    assert!(matches!(run.await.unwrap(), Err(RunError::Killed { .. })));
    let end = rig.run("Wait", "60000", &call).await.unwrap().unwrap_err();
    assert_eq!(end.code, "gone");
}

/// Dropping the future of a run kills it, wherever it is.
#[tokio::test]
async fn dropping_a_run_kills_it() {
    let rig = Rig::new().await;
    rig.install(hostile()).await.unwrap();
    for app in ["Wait", "Loop"] {
        let call = FakeCall::new();
        let slot = rig.plugins.app(app).unwrap();
        let run = tokio::spawn(slot.run(LegId(0), "60000".into(), call.clone()));
        while rig.plugins.show("hostile").unwrap().live == 0 && !run.is_finished() {
            tokio::task::yield_now().await;
        }
        run.abort();
        while rig.plugins.show("hostile").unwrap().live > 0 {
            tokio::task::yield_now().await;
        }
    }
}

/// Runs of one tenant are counted: the pool is not one tenant's alone.
#[tokio::test]
async fn a_tenant_has_only_so_many_runs() {
    let rig = Rig::with(|mut config| {
        config.runs_per_tenant = 3;
        config
    })
    .await;
    rig.install(hostile()).await.unwrap();
    let call = FakeCall::new();
    let waits: Vec<_> = (0..3)
        .map(|_| tokio::spawn(rig.plugins.app("Wait").unwrap().run(LegId(0), "60000".into(), call.clone())))
        .collect();
    call.reached(6).await;
    assert!(matches!(rig.run("Good", "", &FakeCall::new()).await, Err(RunError::Exhausted(_))));
    call.hang_up();
    for wait in waits {
        wait.await.unwrap().unwrap().unwrap_err();
    }
    rig.run("Good", "", &FakeCall::new()).await.unwrap().unwrap();
    assert_eq!(rig.plugins.show("hostile").unwrap().faults, 0, "being refused is not the plugin's fault");
}

/// Functions: values, errors, and the same bounds.
#[tokio::test]
async fn functions_are_bounded() {
    let rig = Rig::new().await;
    rig.install(hostile()).await.unwrap();
    assert_eq!(rig.read("GOOD", &["a", "b"]).await.unwrap().unwrap(), "a-b");
    assert_eq!(rig.read("good", &["reused"]).await.unwrap().unwrap(), "reused");
    assert!(matches!(rig.read("SPIN", &[]).await, Err(RunError::Fuel { .. } | RunError::Cpu { .. })));
    let bomb = rig.read("BOMB", &[]).await;
    assert!(matches!(bomb, Err(RunError::Memory { .. } | RunError::Cpu { .. } | RunError::Fuel { .. })), "{bomb:?}");
    assert!(matches!(rig.read("PANIC", &[]).await, Err(RunError::Trap { .. })));
    assert_eq!(rig.read("HUGE", &[]).await.unwrap().unwrap_err().code, "limit");
    assert_eq!(rig.read("CALLER", &[]).await.unwrap().unwrap_err().code, "unsupported");
    assert_eq!(rig.read("GOOD", &["x"; 17]).await.unwrap().unwrap_err().code, "limit");
    assert_eq!(rig.read("GOOD", &["still"]).await.unwrap().unwrap(), "still");
}

/// A function asks its call, and may not wait for it.
#[tokio::test]
async fn functions_see_their_call_but_do_not_wait() {
    let rig = Rig::new().await;
    rig.install(hostile()).await.unwrap();
    let port = FakeCall::new();
    let of_call = || Some(FunctionCall { leg: LegId(0), port: port.clone() });
    for _ in 0..3 {
        let value = rig.plugins.function("CALLER").unwrap().read(vec![], of_call()).await;
        assert_eq!(value.unwrap().unwrap(), "100");
    }
    let value = rig.plugins.function("WAIT").unwrap().read(vec![], of_call()).await;
    assert_eq!(value.unwrap().unwrap_err().code, "denied");
    assert!(!port.requests().iter().any(|request| matches!(request, Request::Wait { .. })));
    assert_eq!(Arc::strong_count(&port), 1, "a kept instance holds nothing of the call");
}

/// Values of one plugin in one tenant, read and written by functions.
#[tokio::test]
async fn functions_reach_the_plugins_own_values() {
    let rig = Rig::new().await;
    rig.install(hostile()).await.unwrap();
    let function = || rig.plugins.function("KV").unwrap();
    function().write(vec!["color".into()], "red".into(), None).await.unwrap().unwrap();
    assert_eq!(function().read(vec!["color".into()], None).await.unwrap().unwrap(), "red");
    assert_eq!(rig.tenant.kv.lock().unwrap()[&("hostile".to_owned(), "color".to_owned())], b"red");
    let refused = rig.plugins.function("GOOD").unwrap().write(vec![], "x".into(), None).await.unwrap();
    assert_eq!(refused.unwrap_err().code, "unsupported");
}

/// I2: memory that another run filled is never seen again.
#[tokio::test]
async fn nothing_of_one_run_is_seen_by_another() {
    const ROUNDS: usize = 200;
    let rig = Rig::new().await;
    rig.install(hostile()).await.unwrap();
    for _ in 0..ROUNDS {
        rig.run("Fill", "", &FakeCall::new()).await.unwrap().unwrap();
        rig.run("Scan", "", &FakeCall::new()).await.unwrap().unwrap();
    }
}

/// K14: a panic of a host function ends that run, and is not the plugin's fault.
#[tokio::test]
async fn a_panic_of_the_host_ends_one_run() {
    struct Panics;
    impl CallPort for Panics {
        fn name(&self) -> String {
            String::new()
        }

        fn request(&self, _request: Request) -> BoxFuture<'_, Result<Outcome, RequestError>> {
            Box::pin(async { panic!("a fault of the host") })
        }
        fn variable<'a>(&'a self, _leg: LegId, _name: &'a str) -> BoxFuture<'a, Option<String>> {
            Box::pin(async { None })
        }
        fn set_variable<'a>(&'a self, _: LegId, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<(), RequestError>> {
            Box::pin(async { Ok(()) })
        }
        fn evaluate<'a>(&'a self, _: LegId, _: &'a str) -> BoxFuture<'a, Result<String, RequestError>> {
            Box::pin(async { Err(RequestError::Unsupported) })
        }
        fn read_function<'a>(
            &'a self,
            _: LegId,
            _: &'a str,
            _: Vec<String>,
        ) -> BoxFuture<'a, Result<String, RequestError>> {
            Box::pin(async { Err(RequestError::Unsupported) })
        }
        fn run<'a>(&'a self, _: LegId, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<(), RequestError>> {
            Box::pin(async { Err(RequestError::Unsupported) })
        }
        fn goto<'a>(
            &'a self,
            _: LegId,
            _: Option<&'a str>,
            _: Option<&'a str>,
            _: &'a str,
        ) -> BoxFuture<'a, Result<(), RequestError>> {
            Box::pin(async { Err(RequestError::Unsupported) })
        }
        fn gone(&self) -> BoxFuture<'_, ()> {
            Box::pin(std::future::pending())
        }
    }
    let rig = Rig::new().await;
    rig.install(hostile()).await.unwrap();
    let run = rig.plugins.app("Good").unwrap().run(LegId(0), String::new(), Arc::new(Panics)).await;
    assert!(matches!(run, Err(RunError::Host(_))), "{run:?}");
    let call = Some(FunctionCall { leg: LegId(0), port: Arc::new(Panics) });
    let value = rig.plugins.function("CALLER").unwrap().read(vec![], call).await;
    assert!(matches!(value, Err(RunError::Host(_))), "{value:?}");
    rig.run("Good", "", &FakeCall::new()).await.unwrap().unwrap();
    let shown = rig.plugins.show("hostile").unwrap();
    assert_eq!((shown.live, shown.faults), (0, 0));
}

/// J5: the tenant and even the host are let go while a run is up; it ends by itself.
#[tokio::test]
async fn a_run_outlives_its_tenant() {
    let rig = Rig::new().await;
    rig.install(hostile()).await.unwrap();
    let call = FakeCall::new();
    let run = tokio::spawn(rig.plugins.app("Wait").unwrap().run(LegId(0), "3600000".into(), call.clone()));
    call.reached(2).await;
    rig.plugins.remove("hostile", support::by()).await.unwrap();
    drop(rig);
    call.hang_up();
    assert_eq!(run.await.unwrap().unwrap().unwrap_err().code, "gone");
}
