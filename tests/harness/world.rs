//! The world of a test: one switch with two tenants, phones, the network, the clock.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use call::{Party, TenantId};
use codec::{Codec, SampleRate, wav};
use dialplan::Text;
use plugin::{By, Consent, HostConfig, Package};
use sip::auth::Ha1;
use sip::message::HeaderName;
use sip::registrar::WhenFull;
use store::{Store, Wallclock};
use switch::definition::{Definition, Endpoint};
use switch::{Clock, Settings, SoundName, SoundSource, Switch, Tenant};
use tempfile::TempDir;

use super::guest;
use super::idle::Others;
use super::network::{Network, Weather};
use super::phone::{Line, LineState, Phone, PhoneId, State};
use super::server::{HOST, Server};

/// The dialplan that both tenants have unless a test brings another: 100-109 ring the endpoint.
pub(crate) const DIALPLAN: &str = "\
[phones]
exten => _10X,1,Dial(PJSIP/${EXTEN},20)
 same => n,NoOp(${DIALSTATUS})
exten => 600,1,Answer()
 same => n,Echo()
exten => 610,1,Answer()
 same => n,Wait(3600)
";

/// The longest the clock moves at once: timers of the switch's own tasks may be late by this.
const TICK: Duration = Duration::from_millis(5);
/// Rounds without anything happening after which the switch's tasks are thought to wait.
const QUIET_ROUNDS: u32 = 24;
/// Looks at other threads after which the clock moves on all the same: a thread of another test may never rest.
const LOOKS_MAX: u32 = 5_000;
/// How long anything may take, on the clock of the test.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs a test on a clock that stands still.
pub(crate) fn run<T>(test: impl Future<Output = T>) -> T {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(test)
}

/// A switch, phones and the network between them.
pub(crate) struct World {
    pub(crate) switch: Switch,
    pub(crate) store: Store,
    server: Server,
    network: Network,
    phones: Vec<Phone>,
    others: Others,
    seed: u64,
    began: Instant,
    /// Whether something happened that may have set other threads to work.
    stirred: bool,
    ticks: u64,
    _directory: TempDir,
}

impl World {
    /// Two tenants, `acme` and `globex`, with the same numbers and [`DIALPLAN`].
    pub(crate) async fn new(seed: u64) -> Self {
        Self::with_dialplan(seed, DIALPLAN).await
    }

    /// The same with another dialplan in both.
    pub(crate) async fn with_dialplan(seed: u64, dialplan: &str) -> Self {
        let others = Others::new();
        let directory = tempfile::tempdir().expect("a directory");
        let began = now();
        let wallclock = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let options = store::Options {
            wallclock: Wallclock::Given(Arc::new(1_800_000_000_000.into())),
            cache_bytes: 1 << 20,
            ..store::Options::default()
        };
        let store = Store::open_with(&directory.path().join("store"), options).expect("a store");
        let config = HostConfig { instances: 50, threads: 1, ..HostConfig::new(directory.path().join("plugins")) };
        let plugins = plugin::Host::new(config).expect("a plugin host");
        let server = Server::new(seed);
        let mut key = [1; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let settings = Settings {
            call: call::Config { hold_music: vec!["tone:700/1000".to_owned()], max_duration: None },
            media_timeout: Some(Duration::from_secs(60)),
            hosts: vec![HOST.to_owned()],
            realm: "jackfield".to_owned(),
            digest: vec![sip::auth::Algorithm::Sha256, sip::auth::Algorithm::Md5],
            trunks: Vec::new(),
            calls_max: 100,
            clock: Clock::Virtual { start: wallclock, at: began },
            seed: key,
        };
        let ports = Arc::clone(&server.ports);
        let switch = Switch::new(settings, ports.clone(), ports, store.clone(), plugins, Arc::new(Sounds));
        let network = Network::new(seed);
        let phones = Vec::new();
        let (stirred, ticks, _directory) = (true, 0, directory);
        let world = Self { switch, store, server, network, phones, others, seed, began, stirred, ticks, _directory };
        let definitions = ["acme", "globex"].map(|name| definition(name, dialplan)).to_vec();
        patiently(world.switch.apply(definitions)).await.expect("no conflict");
        world
    }

    /// What the network does from now on.
    pub(crate) fn weather(&mut self, weather: Weather) {
        self.network.weather = weather;
    }

    /// Installs a bundled plugin, or one of the tests', in a tenant.
    pub(crate) async fn install(&mut self, tenant: &str, name: &str) {
        self.install_with(tenant, name, |manifest| manifest).await;
    }

    /// The same with another manifest.
    pub(crate) async fn install_with(&mut self, tenant: &str, name: &str, manifest: impl FnOnce(String) -> String) {
        let by = By { who: "test".to_owned(), why: "a test".to_owned() };
        let package = guest::package(name);
        let package = Package { manifest: manifest(package.manifest), ..package };
        let plugins = self.tenant(tenant).plugins().clone();
        patiently(plugins.install(package, Consent::Declared, by)).await.expect("it installs");
    }

    /// A tenant as it runs.
    pub(crate) fn tenant(&self, name: &str) -> Arc<Tenant> {
        self.switch.tenant(&TenantId::new(name).expect("a name")).expect("a tenant")
    }

    /// Gives a tenant another definition, as a reload does.
    pub(crate) async fn redefine(&mut self, name: &str, change: impl FnOnce(&mut Definition)) {
        let mut definitions: Vec<Definition> =
            self.switch.tenants().iter().map(|tenant| (*tenant.definition()).clone()).collect();
        let changed = definitions.iter_mut().find(|definition| definition.id.as_str() == name);
        change(changed.expect("a tenant"));
        patiently(self.switch.apply(definitions)).await.expect("no conflict");
    }

    // === Time ===

    /// Lets time pass.
    pub(crate) async fn pass(&mut self, time: Duration) {
        let end = now() + time;
        while now() < end {
            self.step(end).await;
        }
        self.settle().await;
    }

    /// Waits until something is so; after two minutes on the test's clock it fails and tells how things stand.
    #[track_caller]
    pub(crate) fn until<'a>(
        &'a mut self,
        what: &'a str,
        is_so: impl Fn(&Self) -> bool + 'a,
    ) -> impl Future<Output = ()> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let end = now() + PATIENCE;
            loop {
                self.settle().await;
                if is_so(self) {
                    return;
                }
                assert!(now() < end, "{place}: it never came that {what}\n{}", self.tell());
                self.step(end).await;
            }
        }
    }

    /// How long the world has existed.
    pub(crate) fn age(&self) -> Duration {
        now() - self.began
    }

    /// Does what can be done now, then moves the clock on to where something is due.
    async fn step(&mut self, end: Instant) {
        self.settle().await;
        let now = now();
        let due = [self.network.next(), self.server.next()].into_iter().chain(self.phones.iter().map(Phone::next));
        let next = due.flatten().min().unwrap_or(end).min(now + TICK).min(end);
        tokio::time::advance(next.saturating_duration_since(now).max(Duration::from_micros(100))).await;
        self.ticks += 1;
        // A timer of a task may have set a plugin to work without any packet.
        self.stirred |= self.ticks.is_multiple_of(20);
    }

    /// Does everything that can be done before the clock has to move.
    async fn settle(&mut self) {
        let mut looks = 0;
        loop {
            let mut quiet = 0;
            while quiet < QUIET_ROUNDS {
                if self.work() {
                    quiet = 0;
                    self.stirred = true;
                }
                quiet += 1;
                tokio::task::yield_now().await;
            }
            if !self.stirred || self.others.are_idle() || looks > LOOKS_MAX {
                self.stirred = false;
                return;
            }
            looks += 1;
        }
    }

    /// Gives everybody what is due; true if SIP or the switch had anything to do.
    fn work(&mut self) -> bool {
        let now = now();
        let mut worked = false;
        while let Some(datagram) = self.network.arrived(now) {
            if datagram.to.ip().to_string() == HOST {
                self.server.receive(now, datagram);
            } else if let Some(phone) = self.phones.iter_mut().find(|phone| phone.address.ip() == datagram.to.ip()) {
                phone.receive(now, datagram);
            }
        }
        worked |= self.server.work(now, &self.switch, &mut self.network);
        for phone in &mut self.phones {
            worked |= phone.work(now, &mut self.network);
        }
        worked
    }

    // === Phones ===

    /// A phone with the account `name` of a tenant. It is not registered.
    pub(crate) fn phone(&mut self, tenant: &str, name: &str) -> PhoneId {
        let number = u8::try_from(self.phones.len() + 1).expect("a few phones");
        let secret = secret(tenant, name);
        self.phones.push(Phone::new(number, &format!("{tenant}.test"), name, &secret, self.seed));
        PhoneId(self.phones.len() - 1)
    }

    /// A phone that is registered.
    pub(crate) async fn registered(&mut self, tenant: &str, name: &str) -> PhoneId {
        let phone = self.phone(tenant, name);
        assert_eq!(self.register(phone, 3600).await, 200, "{name} of {tenant} is registered");
        phone
    }

    /// Registers a phone for so many seconds; the status of the answer.
    pub(crate) async fn register(&mut self, phone: PhoneId, expires: u32) -> u16 {
        let number = self.phones[phone.0].register(now(), expires);
        self.until("the registration is answered", |world| world.phones[phone.0].answers.contains_key(&number)).await;
        self.phones[phone.0].answers[&number]
    }

    /// Gives a phone another secret than its account has.
    pub(crate) fn phone_with_secret(&mut self, tenant: &str, name: &str, secret: &str) -> PhoneId {
        let number = u8::try_from(self.phones.len() + 1).expect("a few phones");
        self.phones.push(Phone::new(number, &format!("{tenant}.test"), name, secret, self.seed));
        PhoneId(self.phones.len() - 1)
    }

    /// A phone calls a number.
    pub(crate) fn call(&mut self, phone: PhoneId, number: &str) -> Line {
        let session = self.phones[phone.0].call(now(), number);
        Line { phone, session }
    }

    /// A phone calls to take the place of a foreign line (RFC 3891).
    pub(crate) fn call_replacing(&mut self, phone: PhoneId, number: &str, of: Line) -> Line {
        let dialog = self.line(of).dialog.as_ref().map(ToString::to_string).expect("the line was answered");
        let session = self.phones[phone.0].invite(now(), number, vec![(HeaderName::Replaces, dialog.into())]);
        Line { phone, session }
    }

    /// Calls that the switch has.
    pub(crate) fn calls_up(&self) -> usize {
        self.switch.calls_up()
    }

    /// The next call that comes in at a phone.
    #[track_caller]
    pub(crate) fn incoming<'a>(&'a mut self, phone: PhoneId) -> impl Future<Output = Line> + 'a {
        let place = std::panic::Location::caller();
        async move {
            let end = now() + PATIENCE;
            loop {
                self.settle().await;
                if let Some(session) = self.phones[phone.0].incoming.pop_front() {
                    return Line { phone, session };
                }
                assert!(now() < end, "{place}: no call comes in\n{}", self.tell());
                self.step(end).await;
            }
        }
    }

    /// Whether a call waits at a phone.
    pub(crate) fn is_called(&self, phone: PhoneId) -> bool {
        !self.phones[phone.0].incoming.is_empty()
    }

    /// The phone says 180.
    pub(crate) fn ring(&mut self, line: Line) {
        self.phones[line.phone.0].ring(now(), line.session);
    }

    /// The phone says 183 with SDP.
    pub(crate) fn early(&mut self, line: Line) {
        self.phones[line.phone.0].early(now(), line.session);
    }

    /// The phone answers.
    pub(crate) fn answer(&mut self, line: Line) {
        self.phones[line.phone.0].answer(now(), line.session);
    }

    /// The phone refuses.
    pub(crate) fn refuse(&mut self, line: Line, status: u16) {
        self.phones[line.phone.0].refuse(now(), line.session, status);
    }

    /// The phone says 302.
    pub(crate) fn redirect(&mut self, line: Line, number: &str) {
        self.phones[line.phone.0].redirect(now(), line.session, number);
    }

    /// The phone hangs up, or gives up calling.
    pub(crate) fn hang_up(&mut self, line: Line) {
        self.phones[line.phone.0].hang_up(now(), line.session);
    }

    /// The phone puts the other side on hold, or takes it back.
    pub(crate) fn hold(&mut self, line: Line, held: bool) {
        self.phones[line.phone.0].hold(now(), line.session, held);
    }

    /// The phone asks for a blind transfer.
    pub(crate) fn transfer(&mut self, line: Line, number: &str) {
        self.phones[line.phone.0].refer(now(), line.session, number, None);
    }

    /// The phone asks to join the parties of its two lines.
    pub(crate) fn transfer_to(&mut self, line: Line, number: &str, other: Line) {
        self.phones[line.phone.0].refer(now(), line.session, number, Some(other.session));
    }

    /// A phone learns the dialog of a foreign line, to name it as its own.
    pub(crate) fn steal_dialog(&mut self, line: Line, of: Line) {
        let dialog = self.line(of).dialog.clone();
        if let Some(line) = self.phones[line.phone.0].lines.get_mut(&line.session) {
            line.dialog = dialog;
        }
    }

    /// The phone presses keys.
    pub(crate) fn press(&mut self, line: Line, digits: &str) {
        self.phones[line.phone.0].press(now(), line.session, digits);
    }

    /// The phone says a tone from now on.
    pub(crate) fn say(&mut self, line: Line, hertz: u16) {
        self.phones[line.phone.0].say(now(), line.session, Some(hertz));
    }

    /// The phone is silent.
    pub(crate) fn hush(&mut self, line: Line) {
        self.phones[line.phone.0].say(now(), line.session, None);
    }

    // === What can be seen ===

    pub(crate) fn line(&self, line: Line) -> &LineState {
        &self.phones[line.phone.0].lines[&line.session]
    }

    /// Where a line is.
    pub(crate) fn state(&self, line: Line) -> &State {
        &self.line(line).state
    }

    /// The provisional statuses a line got.
    pub(crate) fn progress(&self, line: Line) -> &[u16] {
        &self.line(line).progress
    }

    /// The caller's number as the called phone shows it.
    pub(crate) fn caller(&self, line: Line) -> &str {
        &self.line(line).caller
    }

    /// The keys a line received.
    pub(crate) fn keys(&self, line: Line) -> &str {
        &self.line(line).keys
    }

    /// How often the answer reached the caller.
    pub(crate) fn answers(&self, line: Line) -> u32 {
        self.line(line).answers
    }

    /// What a transfer that the line asked for came to.
    pub(crate) fn transfer_progress(&self, line: Line) -> &[u16] {
        &self.line(line).transfer
    }

    /// Waits until a line is up.
    pub(crate) async fn until_up(&mut self, line: Line) {
        self.until("the line is up", |world| *world.state(line) == State::Up).await;
    }

    /// Waits until a line is over.
    pub(crate) async fn until_over(&mut self, line: Line) {
        self.until("the line is over", |world| matches!(world.state(line), State::Ended(_) | State::Refused(_))).await;
    }

    /// Waits until a line hears a tone, from now on.
    pub(crate) async fn until_heard(&mut self, line: Line, hertz: u16) {
        self.phones[line.phone.0].listen(line.session);
        let what = format!("{hertz} Hz are heard");
        self.until(&what, |world| world.line(line).hears(hertz)).await;
    }

    /// Whether a line hears a tone in the next two seconds.
    pub(crate) async fn hears(&mut self, line: Line, hertz: u16) -> bool {
        self.phones[line.phone.0].listen(line.session);
        self.pass(Duration::from_secs(2)).await;
        self.line(line).hears(hertz)
    }

    /// Two phones in conversation: their lines, the caller's first.
    pub(crate) async fn conversation(&mut self, from: PhoneId, to: PhoneId) -> (Line, Line) {
        let number = self.phones[to.0].name.clone();
        let line = self.call(from, &number);
        let other = self.incoming(to).await;
        self.answer(other);
        self.until_up(line).await;
        self.until_up(other).await;
        (line, other)
    }

    /// The call records of a tenant, once there are `count`.
    pub(crate) async fn records(&mut self, tenant: &str, count: usize) -> Vec<serde_json::Value> {
        let tenant = TenantId::new(tenant).expect("a name");
        let what = format!("there are {count} records of {tenant}");
        self.until(&what, |world| world.read_records(&tenant).len() >= count).await;
        self.read_records(&tenant)
    }

    fn read_records(&self, tenant: &TenantId) -> Vec<serde_json::Value> {
        let cdr = self.store.tenant(tenant).cdr();
        let days = cdr.days().unwrap_or_default();
        let lines = days.into_iter().flat_map(|day| cdr.read(day, 0, 1_000).expect("records can be read"));
        lines.map(|line| serde_json::from_str(&line).expect("a record is JSON")).collect()
    }

    /// Ends a test: every call must be over by itself, nothing may be left of it anywhere, and nobody may have been surprised.
    #[track_caller]
    pub(crate) fn finish(self) -> impl Future<Output = ()> {
        for phone in &self.phones {
            assert!(phone.surprises.is_empty(), "{}: {:?}", phone.name, phone.surprises);
        }
        self.finish_with_races()
    }

    /// As [`World::finish`], where phones may have been told things that came too late.
    #[track_caller]
    pub(crate) fn finish_with_races(mut self) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            self.until("no call is left", |world| world.switch.calls_up() == 0).await;
            // T1 × 64 for transactions that linger, and a little for the rest.
            self.pass(Duration::from_secs(40)).await;
            assert_eq!(self.server.left_over(), (0, 0), "{place}: sessions and media legs are left\n{}", self.tell());
            patiently(self.switch.drain(Duration::ZERO)).await;
        }
    }

    /// How things stand, for a test that failed.
    fn tell(&self) -> String {
        let mut text = format!("after {:?}, {} calls are up\n", self.age(), self.switch.calls_up());
        for phone in &self.phones {
            let lines: Vec<String> =
                phone.lines.values().map(|line| format!("{:?} {:?}", line.state, line.progress)).collect();
            text += &format!("  {}@{}: {lines:?} {:?}\n", phone.name, phone.domain, phone.surprises);
        }
        text
    }
}

fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Awaits what other threads do while the clock stands still.
async fn patiently<T>(work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    loop {
        tokio::select! {
            biased;
            value = &mut work => return value,
            () = tokio::task::yield_now() => {}
        }
    }
}

fn secret(tenant: &str, name: &str) -> String {
    format!("secret of {name} in {tenant}")
}

fn definition(tenant: &str, dialplan: &str) -> Definition {
    let domain = format!("{tenant}.test");
    let endpoints: BTreeMap<String, Arc<Endpoint>> = (100..110)
        .map(|number| number.to_string())
        .map(|name| (name.clone(), Arc::new(endpoint(tenant, &name))))
        .collect();
    Definition {
        id: TenantId::new(tenant).expect("a name"),
        domains: vec![domain],
        digest: vec![sip::auth::Algorithm::Sha256, sip::auth::Algorithm::Md5],
        numbers: Vec::new(),
        endpoints,
        dialplan: Arc::new(dialplan::parse(&Text(dialplan), "dialplan.conf").expect("a dialplan")),
        language: "en".to_owned(),
        time_zone: "UTC".to_owned(),
        calls_max: 50,
        recordings_max: 2,
        plugin_settings: BTreeMap::new(),
    }
}

fn endpoint(tenant: &str, name: &str) -> Endpoint {
    let secret = secret(tenant, name);
    Endpoint {
        name: name.to_owned(),
        ha1: Ha1::derive(name, &format!("{tenant}.test"), &secret),
        host_ha1: None,
        context: "phones".to_owned(),
        caller: Party::new(format!("{name} of {tenant}"), name),
        codecs: vec![Codec::Pcma, Codec::Pcmu],
        contacts_max: 5,
        when_full: WhenFull::EvictOldest,
        expiry_min: Duration::from_secs(60),
        expiry_max: Duration::from_secs(7_200),
    }
}

/// What the bundled plugins say: a packet of silence each, so that no test waits for it.
const SAID: &[&str] = &["enter-digits", "goodbye", "invalid", "please-hold", "try-again"];

/// Sounds that are tones: `beep-440` is one second of 440 Hz.
struct Sounds;

impl SoundSource for Sounds {
    fn load(&self, _tenant: &TenantId, _language: &str, name: &SoundName) -> std::io::Result<Option<Vec<u8>>> {
        if SAID.contains(&name.as_str()) {
            let samples = vec![0; SampleRate::Hz8000.samples(20)];
            return Ok(Some(wav::write(&wav::Wav { rate: SampleRate::Hz8000, samples })));
        }
        let Some(hertz) = name.as_str().strip_prefix("beep-").and_then(|hertz| hertz.parse::<u16>().ok()) else {
            return Ok(None);
        };
        let tone = codec::tone::Tone::parse(&format!("{hertz}/1000")).expect("a tone");
        let mut samples = vec![0; SampleRate::Hz8000.samples(1000)];
        codec::tone::Generator::new(SampleRate::Hz8000).fill(&tone, &mut samples);
        Ok(Some(wav::write(&wav::Wav { rate: SampleRate::Hz8000, samples })))
    }
}
