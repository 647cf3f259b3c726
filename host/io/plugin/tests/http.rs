//! H15, I6: what a plugin may ask of other servers, and how much. What the net does with it is tested there.

#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use plugin::{Consent, Difference, InstallError, Metric, Package, Right, Terms, Trust, limit};
use support::{FakeCall, Rig, by, component, variant};

const MANIFEST: &str = include_str!("../../../../tests/guest/asker/plugin.toml");
const URL: &str = "https://api.example.com/";

fn asker() -> Package {
    Package::folder(MANIFEST, component("asker"))
}

async fn rig() -> Rig {
    let rig = Rig::new().await;
    rig.install(asker()).await.unwrap();
    rig
}

/// What the application leaves: the status or the error's code, and the body or the error's detail.
async fn ask(rig: &Rig, app: &str, arguments: &str) -> (String, String) {
    let call = FakeCall::new();
    let end = rig.run(app, arguments, &call).await;
    assert!(matches!(end, Ok(Ok(()))), "{app}({arguments}): {end:?}");
    let variables = call.variables.lock().unwrap();
    let left = |name: &str| variables.get(name).cloned().unwrap_or_default();
    (left("ASKSTATUS"), left("ASKBODY"))
}

async fn status(rig: &Rig, app: &str, arguments: &str) -> String {
    ask(rig, app, arguments).await.0
}

#[tokio::test]
async fn a_request_crosses_with_the_hosts_of_the_manifest() {
    let rig = rig().await;
    assert_eq!(ask(&rig, "Ask", &format!("POST,{URL}a?b,x-key=value,body")).await, ("200".into(), "body".into()));
    let asked = rig.tenant.asked.borrow()[0].clone();
    assert_eq!((asked.method.as_str(), asked.url.as_str()), ("POST", "https://api.example.com/a?b"));
    assert_eq!(asked.headers, [("x-key".to_owned(), "value".to_owned())]);
    assert_eq!((asked.timeout, asked.redirects), (limit::HTTP_TIMEOUT, limit::HTTP_REDIRECTS));
    let hosts: Vec<String> = asked.hosts.iter().map(ToString::to_string).collect();
    assert_eq!(hosts, ["api.example.com", "*.example.com:8443"]);
}

/// Numbers of a plugin are of all its versions, and end with it.
#[tokio::test]
async fn an_administrator_sees_what_a_plugin_counts() {
    let rig = rig().await;
    assert!(rig.plugins.show("asker").unwrap().metrics.is_empty());
    status(&rig, "Ask", &format!("POST,{URL},,body")).await;
    rig.install(Package { wasm: variant(&asker().wasm, 2), ..asker() }).await.unwrap();
    status(&rig, "Ask", &format!("GET,{URL},,,0")).await;
    let shown = rig.plugins.show("asker").unwrap().metrics;
    assert_eq!(shown, [("asked".to_owned(), Metric::Counter(2)), ("last_bytes".to_owned(), Metric::Gauge(-1))].into());
    rig.plugins.remove("asker", by()).await.unwrap();
    rig.install(asker()).await.unwrap();
    assert!(rig.plugins.show("asker").unwrap().metrics.is_empty());
}

#[tokio::test]
async fn a_request_has_bounds() {
    let rig = rig().await;
    let url = |bytes: usize| format!("{URL}{}", "x".repeat(bytes - URL.len()));
    for (arguments, expected) in [
        (format!("GET,{}", url(limit::HTTP_URL_BYTES)), "200"),
        (format!("GET,{}", url(limit::HTTP_URL_BYTES + 1)), "limit"),
        (format!("GET,{URL},{}", limit::HTTP_HEADERS), "200"),
        (format!("GET,{URL},{}", limit::HTTP_HEADERS + 1), "limit"),
        (format!("GET,{URL},x={}", "x".repeat(limit::HTTP_HEADER_BYTES - 1)), "200"),
        (format!("GET,{URL},x={}", "x".repeat(limit::HTTP_HEADER_BYTES)), "limit"),
        (format!("PUT,{URL},,{}", limit::HTTP_REQUEST_BYTES), "200"),
        (format!("PUT,{URL},,{}", limit::HTTP_REQUEST_BYTES + 1), "limit"),
        (format!("GET,{URL},,,1"), "200"),
        (format!("GET,{URL},,,0"), "invalid"),
        (format!("GET,{URL},,,{}", limit::HTTP_TIMEOUT_MAX.as_millis()), "200"),
        (format!("GET,{URL},,,{}", limit::HTTP_TIMEOUT_MAX.as_millis() + 1), "invalid"),
    ] {
        assert_eq!(status(&rig, "Ask", &arguments).await, expected, "{}", &arguments[..arguments.len().min(80)]);
    }
}

#[tokio::test]
async fn a_run_sends_so_many_requests_and_no_more() {
    let rig = rig().await;
    assert_eq!(status(&rig, "AskMany", &format!("{URL},{}", limit::HTTP_REQUESTS)).await, "200");
    assert_eq!(status(&rig, "AskMany", &format!("{URL},{}", limit::HTTP_REQUESTS + 1)).await, "limit");
}

/// H15: requests of one plugin on their way, of all its calls and versions together.
#[tokio::test]
async fn so_many_requests_are_on_their_way_and_no_more() {
    let rig = Arc::new(rig().await);
    let silent: Vec<Arc<FakeCall>> = (0..limit::HTTP_IN_FLIGHT).map(|_| FakeCall::new()).collect();
    let waiting: Vec<_> = silent
        .iter()
        .map(|call| {
            let (rig, call) = (Arc::clone(&rig), Arc::clone(call));
            tokio::spawn(async move { rig.run("Ask", &format!("GET,{URL}silent"), &call).await })
        })
        .collect();
    let mut asked = rig.tenant.asked.subscribe();
    asked.wait_for(|asked| asked.len() == limit::HTTP_IN_FLIGHT).await.unwrap();
    assert_eq!(status(&rig, "Ask", &format!("GET,{URL}")).await, "limit");
    let next = Package { wasm: variant(&asker().wasm, 2), ..asker() };
    rig.install(next).await.unwrap();
    assert_eq!(status(&rig, "Ask", &format!("GET,{URL}")).await, "limit", "a new version does not begin anew");
    // A hang-up ends a request at once, and gives its place back.
    silent[0].hang_up();
    let mut waiting = waiting.into_iter();
    waiting.next().unwrap().await.unwrap().unwrap().unwrap();
    assert_eq!(silent[0].variables.lock().unwrap()["ASKSTATUS"], "gone");
    assert_eq!(status(&rig, "Ask", &format!("GET,{URL}")).await, "200");
    for (call, run) in silent[1..].iter().zip(waiting) {
        call.hang_up();
        run.await.unwrap().unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_service_asks_within_its_minute_and_a_function_does_not() {
    let rig = rig().await;
    assert_eq!(status(&rig, "AskService", URL).await, "200");
    assert_eq!(rig.tenant.asked.borrow()[0].timeout, limit::HTTP_TIMEOUT);
    let value = rig.read("ASK", &[URL]).await.unwrap().unwrap();
    assert_eq!(value, "denied: only an application or a service may do this");
    assert_eq!(rig.tenant.asked.borrow().len(), 1);
}

/// A server that does not answer is no fault of a service: it is told, and goes on.
#[tokio::test]
async fn a_service_that_waits_for_a_server_is_not_stopped() {
    let rig = Arc::new(
        Rig::with(|mut config| {
            config.limits.function_time = Duration::from_millis(50);
            config
        })
        .await,
    );
    rig.install(asker()).await.unwrap();
    let waiting = {
        let rig = Arc::clone(&rig);
        tokio::spawn(async move { status(&rig, "AskService", &format!("{URL}late")).await })
    };
    assert_eq!(waiting.await.unwrap(), "200");
    assert_eq!(rig.plugins.show("asker").unwrap().faults, 0);
}

fn version(number: u32, hosts: &str) -> Package {
    let text = MANIFEST.replace("version = \"0.1.0\"", &format!("version = \"0.{number}.0\""));
    let manifest = text.replace("[\"api.example.com\", \"*.example.com:8443\"]", hosts);
    Package { manifest, wasm: variant(&asker().wasm, number), ..asker() }
}

fn of_http(rig: &Rig, package: &Package) -> (Difference, String, String) {
    let plan = rig.plugins.plan(package, &Trust { unsigned: true, ..Trust::default() }).unwrap();
    let want = plan.wants.into_iter().find(|want| want.right.name() == "http").unwrap();
    (want.difference, want.asks, want.had)
}

/// F60: an administrator consents to hosts, and again to each that is new.
#[tokio::test]
async fn a_host_more_needs_consent_and_a_host_less_does_not() {
    let rig = Rig::new().await;
    let install = async |package: Package, grants: &[&str]| {
        let rights: BTreeSet<Right> = grants.iter().map(|name| name.parse().unwrap()).collect();
        rig.plugins.install(package, Terms::unsigned(Consent::Growth(rights)), by()).await
    };
    let first = version(1, r#"["*.example.com"]"#);
    assert_eq!(of_http(&rig, &first), (Difference::New, "(*.example.com)".into(), String::new()));
    assert!(matches!(install(first.clone(), &["dialplan", "bus", "metrics"]).await, Err(InstallError::NoConsent(_))));
    install(first, &["dialplan", "bus", "http", "metrics"]).await.unwrap();
    for (number, hosts, expected) in [
        (2, r#"["*.example.com"]"#, Difference::Same),
        (3, r#"["*.example.com", "a.example.com"]"#, Difference::Same),
        (4, r#"["a.example.com"]"#, Difference::Less),
        (5, "[]", Difference::Less),
        (6, r#"["example.com"]"#, Difference::Grown),
        (7, r#"["*.example.com", "b.example.org"]"#, Difference::Grown),
        (8, r#"["*.example.com:8443"]"#, Difference::Grown),
        (9, r#"["*.example.com", "192.0.2.7"]"#, Difference::Grown),
    ] {
        let package = version(number, hosts);
        assert_eq!(of_http(&rig, &package).0, expected, "{hosts}");
    }
    let grown = version(7, r#"["*.example.com", "b.example.org"]"#);
    let wants = match install(grown.clone(), &[]).await {
        Err(InstallError::NoConsent(wants)) => wants,
        other => panic!("{other:?}"),
    };
    assert_eq!((wants[0].asks.as_str(), wants[0].had.as_str()), ("(*.example.com, b.example.org)", "(*.example.com)"));
    install(version(4, r#"["a.example.com"]"#), &[]).await.unwrap();
    assert!(install(version(2, r#"["*.example.com"]"#), &[]).await.is_err(), "what it gave back it has no more");
    install(grown, &["http"]).await.unwrap();
}

/// I5: which secret goes where is consented to, too.
#[tokio::test]
async fn a_secret_more_or_for_more_hosts_is_growth() {
    let rig = Rig::new().await;
    let asks =
        |number: u32, secrets: &str| version(number, &format!(r#"["*.example.com"], secrets = {{ {secrets} }}"#));
    let first = asks(1, r#"KEY = { hosts = ["a.example.com"] }, TOKEN = {}"#);
    let (_, shown, _) = of_http(&rig, &first);
    assert_eq!(shown, "(*.example.com; your secret KEY to a.example.com; your secret TOKEN to all of them)");
    rig.install(first).await.unwrap();
    for (number, secrets, expected) in [
        (2, r#"KEY = { hosts = ["a.example.com"] }, TOKEN = {}"#, Difference::Same),
        (3, r#"KEY = { hosts = ["a.example.com"] }"#, Difference::Less),
        (4, r#"KEY = { hosts = [] }, TOKEN = { hosts = ["a.example.com"] }"#, Difference::Less),
        (5, r#"KEY = { hosts = ["a.example.com", "b.example.com"] }"#, Difference::Grown),
        (6, "KEY = {}", Difference::Grown),
        (7, "TOKEN = {}, OTHER = {}", Difference::Grown),
    ] {
        assert_eq!(of_http(&rig, &asks(number, secrets)).0, expected, "{secrets}");
    }
    assert_eq!(status(&rig, "Ask", &format!("GET,{URL},x-key={{{{secret:KEY}}}}")).await, "200");
    let asked = rig.tenant.asked.borrow()[0].clone();
    assert_eq!(asked.headers[0].1, "{{secret:KEY}}", "the tenant puts it in");
    assert_eq!(asked.secrets.keys().collect::<Vec<_>>(), ["KEY", "TOKEN"]);
}

#[test]
fn secrets_of_a_manifest_have_names_and_bounds() {
    let parse = |secrets: &str| {
        plugin::Manifest::parse("plugin.toml", &version(1, &format!("[], secrets = {{ {secrets} }}")).manifest)
    };
    let many = |count: usize| (0..count).map(|number| format!("KEY_{number} = {{}}")).collect::<Vec<_>>().join(", ");
    assert!(parse(&many(limit::HTTP_SECRETS)).is_ok());
    let hosts = |count: usize| {
        let hosts: Vec<String> = (0..count).map(|number| format!("a{number}.example")).collect();
        format!("KEY = {{ hosts = {hosts:?} }}")
    };
    assert!(parse(&hosts(limit::HTTP_HOSTS)).is_ok());
    for wrong in [
        many(limit::HTTP_SECRETS + 1),
        hosts(limit::HTTP_HOSTS + 1),
        "\"A KEY\" = {}".into(),
        "KEY = { host = [] }".into(),
    ] {
        let error = parse(&wrong).unwrap_err();
        assert_eq!(error.line, 11, "{error}");
    }
}

#[test]
fn hosts_of_a_manifest_are_checked_where_they_stand() {
    let parse = |hosts: &str| plugin::Manifest::parse("plugin.toml", &version(1, hosts).manifest);
    let error = parse(r#"["https://api.example.com/"]"#).unwrap_err();
    assert_eq!(error.line, 11, "{error}");
    assert!(error.to_string().contains("a host has no scheme and no path"), "{error}");
    let many =
        |count: usize| format!("{:?}", (0..count).map(|number| format!("a{number}.example")).collect::<Vec<_>>());
    assert!(parse(&many(limit::HTTP_HOSTS)).is_ok());
    assert_eq!(parse(&many(limit::HTTP_HOSTS + 1)).unwrap_err().line, 11);
}
