//! A tenant, a call and built guests for the tests of this crate.

#![allow(dead_code, unreachable_pub, reason = "each test file uses a part")]
#![allow(clippy::unwrap_used, reason = "a helper of tests")]

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use call::{Cause, DialStatus, LegId, Outcome, RecordingEnd, Request, RequestError, TenantId};
use plugin::{
    AppEnd, BlobFailure, BoxFuture, By, CallPort, Clock, Consent, Host, HostConfig, HttpFailure, HttpRequest,
    HttpResponse, InstallError, Installed, KvError, KvSpace, LogRecord, Package, RunError, TenantPlugins, TenantPort,
    Terms,
};
use tokio::sync::watch;

/// A built component of the workspace, such as `app-echo`.
pub fn component(name: &str) -> Bytes {
    static BUILT: OnceLock<Mutex<HashMap<String, Bytes>>> = OnceLock::new();
    let mut built = BUILT.get_or_init(Mutex::default).lock().unwrap();
    built.entry(name.to_owned()).or_insert_with(|| build(name)).clone()
}

fn build(name: &str) -> Bytes {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    // The tests' own target directory: PROFILE/deps/TEST.
    let own = std::env::current_exe().unwrap();
    let target = own.ancestors().nth(3).unwrap();
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root)
        .args(["build", "--quiet", "--profile", "plugin", "--target", "wasm32-wasip2", "-p", name])
        .env("CARGO_TARGET_DIR", target)
        .status()
        .unwrap();
    assert!(status.success(), "{name} does not build");
    let file = format!("{}.wasm", name.replace('-', "_"));
    std::fs::read(target.join("wasm32-wasip2/plugin").join(file)).unwrap().into()
}

/// The manifest of a plugin of the workspace.
pub fn manifest(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../..");
    std::fs::read_to_string(root.join("plugins").join(name).join("plugin.toml")).unwrap()
}

/// The hostile guest's package.
pub fn hostile() -> Package {
    Package::folder(HOSTILE, component("hostile"))
}

/// The same component under another digest: a custom section more (`version` is its content).
pub fn variant(wasm: &Bytes, version: u32) -> Bytes {
    let mut bytes = wasm.to_vec();
    bytes.extend([0, 7, 2, b'v', b'n']);
    bytes.extend(version.to_le_bytes());
    bytes.into()
}

pub const HOSTILE: &str = include_str!("../../../../../tests/guest/hostile/plugin.toml");

pub fn by() -> By {
    By { who: "tester".into(), why: "a test".into() }
}

/// A host in a directory of its own, with one tenant.
pub struct Rig {
    pub host: Host,
    pub plugins: TenantPlugins,
    pub tenant: Arc<FakeTenant>,
    pub directory: Arc<tempfile::TempDir>,
}

impl Rig {
    pub async fn new() -> Self {
        Self::with(|config| config).await
    }

    pub async fn with(change: impl FnOnce(HostConfig) -> HostConfig) -> Self {
        Self::reopen(Arc::new(tempfile::tempdir().unwrap()), change).await
    }

    /// The same directory, as after a restart.
    pub async fn reopen(directory: Arc<tempfile::TempDir>, change: impl FnOnce(HostConfig) -> HostConfig) -> Self {
        let mut config = HostConfig::new(directory.path().join("plugins"));
        config.instances = 300;
        config.threads = 2;
        let host = Host::new(change(config)).unwrap();
        let tenant = Arc::new(FakeTenant::default());
        let plugins = host.tenant(TenantId::new("acme").unwrap(), tenant.clone()).await.unwrap();
        Self { host, plugins, tenant, directory }
    }

    pub async fn install(&self, package: Package) -> Result<Installed, InstallError> {
        self.plugins.install(package, Terms::unsigned(Consent::Declared), by()).await
    }

    pub async fn run(&self, app: &str, arguments: &str, call: &Arc<FakeCall>) -> Result<AppEnd, RunError> {
        self.plugins.app(app).expect("provided").run(LegId(0), arguments.into(), call.clone()).await
    }

    pub async fn read(
        &self,
        function: &str,
        arguments: &[&str],
    ) -> Result<Result<String, plugin::GuestError>, RunError> {
        let arguments = arguments.iter().map(|argument| (*argument).into()).collect();
        self.plugins.function(function).expect("provided").read(arguments, None).await
    }

    pub fn path(&self) -> PathBuf {
        self.directory.path().join("plugins")
    }
}

/// A tenant that keeps values in memory and remembers what was logged.
#[derive(Default)]
pub struct FakeTenant {
    pub kv: Mutex<BTreeMap<(String, String), Vec<u8>>>,
    pub blobs: Mutex<BTreeMap<(String, String), u64>>,
    pub lines: Mutex<Vec<String>>,
    pub settings: Mutex<BTreeMap<String, String>>,
    /// Requests by HTTP; one whose URL ends with `/silent` is never answered, and `/late` late.
    pub asked: watch::Sender<Vec<HttpRequest>>,
    /// Whoever reads the key `gate` waits for this.
    pub gate: Arc<tokio::sync::Mutex<()>>,
    /// How many have come to it.
    pub at_gate: watch::Sender<usize>,
    /// How much time has passed for timers.
    pub passed: watch::Sender<Duration>,
}

impl TenantPort for FakeTenant {
    fn kv_bytes(&self, _plugin: &str) -> u64 {
        0
    }

    fn blob_bytes(&self, _plugin: &str) -> u64 {
        0
    }

    fn offer_line(&self, _: plugin::Driver, _: plugin::LineOffer) -> Result<String, plugin::LineRefusal> {
        Err(plugin::LineRefusal::Unsupported("nobody calls".into()))
    }

    fn kv_get<'a>(&'a self, space: KvSpace<'a>, key: &'a str) -> BoxFuture<'a, Result<Option<Vec<u8>>, KvError>> {
        let value = self.kv.lock().unwrap().get(&(space.plugin.into(), key.into())).cloned();
        let gate = (key == "gate").then(|| self.gate.clone());
        Box::pin(async move {
            if let Some(gate) = gate {
                self.at_gate.send_modify(|count| *count += 1);
                drop(gate.lock().await);
            }
            Ok(value)
        })
    }

    fn kv_set<'a>(&'a self, space: KvSpace<'a>, key: &'a str, value: Vec<u8>) -> BoxFuture<'a, Result<(), KvError>> {
        Box::pin(async move {
            let mut kv = self.kv.lock().unwrap();
            let used: usize = kv.values().map(Vec::len).sum();
            if let Some(quota) = space.quota.filter(|quota| (used + value.len()) as u64 > *quota) {
                return Err(KvError::Limit(format!("{quota} bytes are used up")));
            }
            kv.insert((space.plugin.into(), key.into()), value);
            Ok(())
        })
    }

    fn kv_swap<'a>(
        &'a self,
        space: KvSpace<'a>,
        key: &'a str,
        old: Option<Vec<u8>>,
        new: Option<Vec<u8>>,
    ) -> BoxFuture<'a, Result<bool, KvError>> {
        Box::pin(async move {
            let mut kv = self.kv.lock().unwrap();
            let key = (space.plugin.to_owned(), key.to_owned());
            if kv.get(&key) != old.as_ref() {
                return Ok(false);
            }
            match new {
                Some(new) => kv.insert(key, new),
                None => kv.remove(&key),
            };
            Ok(true)
        })
    }

    fn kv_delete<'a>(&'a self, space: KvSpace<'a>, key: &'a str) -> BoxFuture<'a, Result<(), KvError>> {
        self.kv.lock().unwrap().remove(&(space.plugin.into(), key.into()));
        Box::pin(async { Ok(()) })
    }

    fn kv_keys<'a>(
        &'a self,
        space: KvSpace<'a>,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<String>, KvError>> {
        let kv = self.kv.lock().unwrap();
        let own = kv.keys().filter(|(owner, _)| owner == space.plugin).map(|(_, key)| key.clone());
        let wanted = own.filter(|key| key.starts_with(prefix) && after.is_none_or(|after| key.as_str() > after));
        let keys = wanted.take(limit as usize).collect();
        Box::pin(async move { Ok(keys) })
    }

    fn blob_list<'a>(
        &'a self,
        plugin: &'a str,
        prefix: &'a str,
        after: Option<&'a str>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<(String, u64)>, BlobFailure>> {
        let blobs = self.blobs.lock().unwrap();
        let own =
            blobs.iter().filter(|((owner, _), _)| owner == plugin).map(|((_, name), bytes)| (name.clone(), *bytes));
        let wanted =
            own.filter(|(name, _)| name.starts_with(prefix) && after.is_none_or(|after| name.as_str() > after));
        let found = wanted.take(limit as usize).collect();
        Box::pin(async move { Ok(found) })
    }

    fn blob_rename<'a>(
        &'a self,
        plugin: &'a str,
        from: &'a str,
        to: &'a str,
    ) -> BoxFuture<'a, Result<bool, BlobFailure>> {
        Box::pin(async move {
            let mut blobs = self.blobs.lock().unwrap();
            let Some(bytes) = blobs.remove(&(plugin.to_owned(), from.to_owned())) else { return Ok(false) };
            blobs.insert((plugin.to_owned(), to.to_owned()), bytes);
            Ok(true)
        })
    }

    fn blob_remove<'a>(&'a self, plugin: &'a str, name: &'a str) -> BoxFuture<'a, Result<bool, BlobFailure>> {
        let was = self.blobs.lock().unwrap().remove(&(plugin.to_owned(), name.to_owned())).is_some();
        Box::pin(async move { Ok(was) })
    }

    fn http<'a>(&'a self, _plugin: &'a str, request: HttpRequest) -> BoxFuture<'a, Result<HttpResponse, HttpFailure>> {
        let (silent, late) = (request.url.ends_with("/silent"), request.url.ends_with("/late"));
        self.asked.send_modify(|asked| asked.push(request.clone()));
        Box::pin(async move {
            if silent {
                std::future::pending::<()>().await;
            }
            if late {
                tokio::time::sleep(Duration::from_millis(150)).await;
            }
            let headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
            Ok(HttpResponse { status: 200, url: request.url, headers, body: request.body })
        })
    }

    fn settings(&self, _plugin: &str) -> Arc<BTreeMap<String, String>> {
        Arc::new(self.settings.lock().unwrap().clone())
    }

    fn log(&self, record: LogRecord<'_>) {
        self.lines.lock().unwrap().push(format!("{} {:?} {}", record.run, record.level, record.message));
    }

    fn time_zone(&self) -> String {
        "Europe/Berlin".into()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        let mut passed = self.passed.subscribe();
        let due = *passed.borrow() + time;
        Box::pin(async move {
            passed.wait_for(|passed| *passed >= due).await.expect("the tenant is there");
        })
    }

    fn device(&self, endpoint: &str) -> Option<&'static str> {
        (endpoint == "101").then_some("idle")
    }

    fn clock(&self) -> Clock {
        let passed = u64::try_from(self.passed.borrow().as_millis()).unwrap();
        // Sunday, 15 June 2025, 15:06:40 UTC.
        Clock { unix_ms: 1_750_000_000_000 + passed, up_ms: 1_000 }
    }
}

/// A call that does what it is asked, until it is hung up.
pub struct FakeCall {
    pub requests: Mutex<Vec<Request>>,
    pub digits: Mutex<Vec<String>>,
    pub variables: Mutex<HashMap<String, String>>,
    pub went: Mutex<Option<String>>,
    made: watch::Sender<usize>,
    gone: watch::Sender<bool>,
}

impl FakeCall {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            requests: Mutex::default(),
            digits: Mutex::default(),
            variables: Mutex::default(),
            went: Mutex::default(),
            made: watch::channel(0).0,
            gone: watch::channel(false).0,
        })
    }

    /// The party hangs up.
    pub fn hang_up(&self) {
        self.gone.send_replace(true);
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    /// Until so many requests were made.
    pub async fn reached(&self, requests: usize) {
        let mut made = self.made.subscribe();
        made.wait_for(|made| *made >= requests).await.expect("the sender is in self");
    }

    async fn until_gone(&self) {
        let mut gone = self.gone.subscribe();
        gone.wait_for(|gone| *gone).await.expect("the sender is in self");
    }
}

impl CallPort for FakeCall {
    fn name(&self) -> String {
        "call".to_owned()
    }

    fn request(&self, request: Request) -> BoxFuture<'_, Result<Outcome, RequestError>> {
        self.requests.lock().unwrap().push(request.clone());
        self.made.send_modify(|made| *made += 1);
        Box::pin(async move {
            if *self.gone.borrow() {
                return Err(RequestError::Gone);
            }
            match request {
                Request::Wait { duration, .. } => {
                    tokio::select! {
                        () = self.until_gone() => Err(RequestError::Gone),
                        () = tokio::time::sleep(duration) => Ok(Outcome::Done),
                    }
                }
                Request::Echo { .. } => {
                    self.until_gone().await;
                    Err(RequestError::Gone)
                }
                Request::Attribute { name, .. } => {
                    Ok(Outcome::Attribute((name == "caller.number").then(|| "100".to_owned())))
                }
                Request::ReadDigits { .. } => Ok(Outcome::Digits {
                    digits: self.digits.lock().unwrap().pop().unwrap_or_default(),
                    terminator: None,
                }),
                Request::Dial { .. } => Ok(Outcome::Dialed {
                    status: DialStatus::Busy,
                    cause: Cause::USER_BUSY,
                    answered_by: None,
                    answered_ms: 0,
                    dialed_ms: 5,
                    go_on: true,
                }),
                Request::Record { blob, .. } => {
                    Ok(Outcome::Recorded { blob, duration_ms: 1_500, ended: RecordingEnd::Digit('#') })
                }
                Request::Play { .. } => Ok(Outcome::Played { digit: None }),
                _ => Ok(Outcome::Done),
            }
        })
    }

    fn variable<'a>(&'a self, _leg: LegId, name: &'a str) -> BoxFuture<'a, Option<String>> {
        let value = self.variables.lock().unwrap().get(name).cloned();
        Box::pin(async move { value })
    }

    fn set_variable<'a>(
        &'a self,
        _leg: LegId,
        name: &'a str,
        value: &'a str,
    ) -> BoxFuture<'a, Result<(), RequestError>> {
        self.variables.lock().unwrap().insert(name.into(), value.into());
        Box::pin(async { Ok(()) })
    }

    fn evaluate<'a>(&'a self, _leg: LegId, expression: &'a str) -> BoxFuture<'a, Result<String, RequestError>> {
        Box::pin(async move { Ok(format!("<{expression}>")) })
    }

    fn run<'a>(&'a self, _leg: LegId, name: &'a str, _arguments: &'a str) -> BoxFuture<'a, Result<(), RequestError>> {
        Box::pin(async move { Err(RequestError::Invalid(format!("no application {name}"))) })
    }

    fn read_function<'a>(
        &'a self,
        _leg: LegId,
        name: &'a str,
        arguments: Vec<String>,
    ) -> BoxFuture<'a, Result<String, RequestError>> {
        Box::pin(async move { Ok(format!("{name}({})", arguments.join(","))) })
    }

    fn goto<'a>(
        &'a self,
        _leg: LegId,
        context: Option<&'a str>,
        extension: Option<&'a str>,
        priority: &'a str,
    ) -> BoxFuture<'a, Result<(), RequestError>> {
        *self.went.lock().unwrap() = Some(format!("{context:?} {extension:?} {priority}"));
        Box::pin(async { Ok(()) })
    }

    fn gone(&self) -> BoxFuture<'_, ()> {
        Box::pin(self.until_gone())
    }
}
