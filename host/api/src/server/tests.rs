//! Both ends of the socket against a server that knows one call.

use std::sync::Arc;
use std::time::Duration;

use super::*;
use crate::types::*;
use crate::{Client, ClientError, ControlError, ErrorCode};

struct OneCall;

impl Control for OneCall {
    async fn health(&self) -> Health {
        Health { version: "0.1.0".into(), calls: 1, ..Health::default() }
    }

    fn wit(&self) -> Wit {
        Wit { version: "0.1.0".into(), files: [("kv.wit".into(), "interface kv {}".into())].into() }
    }

    async fn reload(&self) -> ReloadReport {
        ReloadReport { ok: true, problems: Vec::new(), tenants: Vec::new() }
    }

    async fn calls(&self, tenant: Option<&str>) -> Result<Vec<Call>, ControlError> {
        match tenant {
            None | Some("acme") => {
                Ok(vec![Call { id: "c1".into(), tenant: "acme".into(), seconds: 3, legs: Vec::new() }])
            }
            Some(other) => Err(ControlError::not_found(format!("there is no tenant `{other}`"))),
        }
    }

    async fn hang_up(&self, call: &str) -> Result<(), ControlError> {
        (call == "c1").then_some(()).ok_or_else(|| ControlError::not_found("no such call"))
    }

    async fn registrations(&self, _: Option<&str>) -> Result<Vec<Registration>, ControlError> {
        Ok(Vec::new())
    }

    async fn dialplan(&self, query: &DialplanQuery) -> Result<DialplanTrace, ControlError> {
        let line = TraceLine { kind: "end".into(), depth: 0, place: None, text: query.to.clone() };
        Ok(DialplanTrace { lines: vec![line] })
    }

    async fn plugins(&self, _: &str) -> Result<Vec<Plugin>, ControlError> {
        Ok(Vec::new())
    }

    async fn all_plugins(&self, _: Option<&str>) -> Result<Vec<TenantPlugin>, ControlError> {
        let plugin = |tenant: &str, cpu_us: u64| {
            serde_json::from_value(serde_json::json!({
                "tenant": tenant, "id": "app-echo", "version": "1", "title": "", "digest": "", "signer": null, "available": [],
                "apps": [], "functions": [], "granted": [], "live": 1, "draining": 0, "runs": 2, "faults": 0, "last_fault": null,
                "declared": true, "trouble": null, "metrics": { "echoes": { "kind": "counter", "value": 3 } },
                "usage": { "cpu_us": cpu_us, "memory": 0, "memory_peak": 0, "host_calls": 0, "moved": 0, "refused": 0, "kv": 0, "blob": 0 },
            }))
        };
        Ok(vec![plugin("acme", 1_500_000).expect("a plugin"), plugin("globex", 500_000).expect("a plugin")])
    }

    async fn plugin(&self, _: &str, id: &str) -> Result<Plugin, ControlError> {
        Err(ControlError::not_found(format!("no plugin {id}")).hint(Some("did you mean `app-echo`?".into())))
    }

    async fn plan(&self, _: &str, request: InstallRequest) -> Result<InstallPlan, ControlError> {
        Err(ControlError::new(ErrorCode::Conflict, format!("{}: changed", request.package)))
    }

    async fn install(&self, _: &str, request: InstallRequest) -> Result<Installed, ControlError> {
        Err(ControlError::new(ErrorCode::Refused, format!("{}: a missing import", request.package)))
    }

    async fn roll_back(&self, _: &str, id: &str, to: Option<&str>) -> Result<Installed, ControlError> {
        Ok(Installed {
            id: id.into(),
            version: to.unwrap_or("before").to_owned(),
            digest: String::new(),
            signer: None,
            replaced: None,
            replaced_version: None,
            granted: Vec::new(),
            canary: None,
            changed: true,
            problems: Vec::new(),
        })
    }

    async fn promote(&self, _: &str, id: &str) -> Result<Installed, ControlError> {
        Err(ControlError::new(ErrorCode::Refused, format!("{id} has no version on trial")))
    }

    async fn account(&self, _: &str, endpoint: &str) -> Result<Account, ControlError> {
        Ok(Account { user: endpoint.into(), domain: "acme.test".into(), ha1_sha256: None, ha1_md5: None })
    }

    async fn remove(&self, _: &str, id: &str, force: bool) -> Result<Removed, ControlError> {
        match force {
            true => Ok(Removed { id: id.into(), declared: false, problems: Vec::new() }),
            false => Err(ControlError::new(ErrorCode::Refused, "it is used")),
        }
    }

    async fn history(&self, _: &str, _: &str) -> Result<Vec<HistoryEntry>, ControlError> {
        Ok(Vec::new())
    }

    async fn tail(&self, _: &str, _: &str, after: u64, wait: Duration) -> Result<Vec<TailLine>, ControlError> {
        let seq = after + wait.as_secs();
        let (kind, text) = ("said".into(), "hello".into());
        let (time, version, run) = (String::new(), String::new(), String::new());
        Ok(vec![TailLine { seq, time, version, run, kind, level: None, text, call: None, cost: None }])
    }

    async fn runs(&self, _: &str) -> Result<Vec<RecordedRun>, ControlError> {
        Ok(Vec::new())
    }

    async fn run(&self, _: &str, _: &str) -> Result<serde_json::Value, ControlError> {
        Err(ControlError::not_found("nothing is kept"))
    }

    async fn replay(&self, _: &str, _: ReplayRequest) -> Result<Vec<ReplayedRun>, ControlError> {
        Ok(Vec::new())
    }
}

async fn server() -> (tempfile::TempDir, Server, Client) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.sock");
    let server = serve(&path, Arc::new(OneCall)).await.unwrap();
    (folder, server, Client::new(&path))
}

/// Who asks for news waits no longer than a server that stops has time for.
#[tokio::test]
async fn a_question_for_news_waits_for_so_long_and_no_longer() {
    let (_folder, server, client) = server().await;
    for (query, seq) in [("", 0), ("?after=5", 5), ("?after=5&wait_s=1", 6), ("?after=5&wait_s=3600", 7)] {
        let path = format!("/v1/tenants/acme/plugins/app-echo/tail{query}");
        let lines: Vec<TailLine> = client.get(&path).await.unwrap();
        assert_eq!(lines[0].seq, seq, "{query}");
    }
    server.stop().await;
}

#[tokio::test]
async fn a_client_gets_what_the_server_says() {
    let (_folder, server, client) = server().await;
    assert_eq!(client.get::<Health>("/v1/health").await.unwrap().calls, 1);
    assert_eq!(client.get::<Wit>("/v1/wit").await.unwrap().files["kv.wit"], "interface kv {}");
    assert_eq!(client.get::<Vec<Call>>("/v1/calls?tenant=acme").await.unwrap()[0].id, "c1");
    client.delete::<()>("/v1/calls/c1").await.unwrap();
    let query = DialplanQuery { tenant: "acme".into(), from: "100".into(), to: "600".into(), context: None };
    let trace: DialplanTrace = client.post("/v1/dialplan", &query).await.unwrap();
    assert_eq!(trace.lines[0].text, "600");
    let installed: Installed = client.post("/v1/tenants/acme/plugins/app-echo/rollback?to=0.1.0", &()).await.unwrap();
    assert_eq!(installed.version, "0.1.0");
    let account: Account = client.get("/v1/tenants/acme/endpoints/100/account").await.unwrap();
    assert_eq!(account.user, "100");
    let removed: Removed = client.delete("/v1/tenants/acme/plugins/app-echo?force=true").await.unwrap();
    assert_eq!(removed.id, "app-echo");
    let used = client.delete::<Removed>("/v1/tenants/acme/plugins/app-echo").await.unwrap_err();
    assert_eq!(used.to_string(), "it is used");
    server.stop().await;
}

#[tokio::test]
async fn every_refusal_is_json_with_its_reason() {
    let (_folder, server, client) = server().await;
    let unknown = client.get::<Vec<Call>>("/v1/calls?tenant=nobody").await.unwrap_err();
    assert!(matches!(&unknown, ClientError::Control(error) if error.code == ErrorCode::NotFound), "{unknown}");
    let plugin = client.get::<Plugin>("/v1/tenants/acme/plugins/app-eco").await.unwrap_err();
    assert_eq!(plugin.to_string(), "no plugin app-eco (did you mean `app-echo`?)");
    let path = client.get::<Health>("/v2/health").await.unwrap_err();
    assert_eq!(path.to_string(), "there is no such path");
    let body = client.post::<DialplanTrace>("/v1/dialplan", &7).await.unwrap_err();
    assert!(matches!(&body, ClientError::Control(error) if error.code == ErrorCode::Invalid), "{body}");
    server.stop().await;
}

#[tokio::test]
async fn a_socket_left_behind_is_replaced_and_a_living_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let server = serve(&path, Arc::new(OneCall)).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(serve(&path, Arc::new(OneCall)).await, Err(ServeError::Running(_))));
    server.stop().await;
    assert!(!path.exists());
    let error = Client::new(&path).get::<Health>("/v1/health").await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
}

/// What Prometheus reads: sums, or the tenants apart.
#[tokio::test]
async fn metrics_are_text() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.sock");
    let server = serve(&path, Arc::new(OneCall)).await.unwrap();
    let get = async |path_and_query: &str| {
        let mut stream = UnixStream::connect(&path).await.unwrap();
        let request = format!("GET {path_and_query} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    };
    let sums = get("/metrics").await;
    assert!(sums.contains("content-type: text/plain; version=0.0.4"), "{sums}");
    for line in [
        "# TYPE jackfield_plugin_cpu_seconds_total counter\njackfield_plugin_cpu_seconds_total{plugin=\"app-echo\"} 2\n",
        "jackfield_plugin_invocations_total{plugin=\"app-echo\"} 4\n",
        "jackfield_plugin_own_total{plugin=\"app-echo\",name=\"echoes\"} 6\n",
    ] {
        assert!(sums.contains(line), "{line} is in\n{sums}");
    }
    let apart = get("/metrics?tenants=true").await;
    for (tenant, seconds) in [("acme", "1.5"), ("globex", "0.5")] {
        let line = format!("jackfield_plugin_cpu_seconds_total{{tenant=\"{tenant}\",plugin=\"app-echo\"}} {seconds}\n");
        assert!(apart.contains(&line), "{line} is in\n{apart}");
    }
    server.stop().await;
}
