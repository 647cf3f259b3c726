//! The world of a test: one switch with two tenants, phones, the network, the clock.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use call::TenantId;
use plugin::{By, Consent, HostConfig, Package, Terms};
use store::{Store, Wallclock};
use switch::definition::Definition;
use switch::{Clock, Switch, Tenant};
use tempfile::TempDir;
use tokio::task::JoinHandle;

use super::disk::HungDisk;
use super::guest;
use super::idle::Others;
use super::network::{Network, Weather};
use super::phone::{Phone, PhoneId};
use super::server::{self, HOST, Server};
use super::tenants::{Library, Setup};

mod seen;
mod told;

/// The longest the clock moves at once: timers of the switch's own tasks may be late by this.
const TICK: Duration = Duration::from_millis(5);
/// Rounds without anything happening after which the switch's tasks are thought to wait.
const QUIET_ROUNDS: u32 = 24;
/// Looks at other threads after which the clock moves on all the same: a thread of another test may never rest.
const LOOKS_MAX: u32 = 5_000;
/// What the store gives each plugin: little, so that a guest can reach it before its time is over.
pub(crate) const PLUGIN_KV_BYTES: u64 = 1 << 20;
/// How long anything may take, on the clock of the test.
const PATIENCE: Duration = Duration::from_secs(120);

/// The wall clock at the beginning of every world: so long after 1970.
const BEGINNING: Duration = Duration::from_secs(1_800_000_000);

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
    setup: Setup,
    library: Arc<Library>,
    /// Ends before the store does, which would wait for it.
    hung: Option<HungDisk>,
    directory: TempDir,
}

impl World {
    /// Two tenants, `acme` and `globex`, with the same numbers and [`DIALPLAN`](super::tenants::DIALPLAN).
    pub(crate) async fn new(seed: u64) -> Self {
        Self::of(seed, Setup::default()).await
    }

    /// The same with another dialplan in both.
    pub(crate) async fn with_dialplan(seed: u64, dialplan: &'static str) -> Self {
        Self::of(seed, Setup { dialplan, ..Setup::default() }).await
    }

    /// The usual world with phones of acme, registered as 100, 101 and so on.
    pub(crate) async fn with_phones<const COUNT: usize>(seed: u64) -> (Self, [PhoneId; COUNT]) {
        Self::of(seed, Setup::default()).await.and_phones().await
    }

    /// The same world with phones of acme, registered as 100, 101 and so on.
    pub(crate) async fn and_phones<const COUNT: usize>(mut self) -> (Self, [PhoneId; COUNT]) {
        let mut phones = [PhoneId(0); COUNT];
        for (number, phone) in (100..).zip(&mut phones) {
            *phone = self.registered("acme", &number.to_string()).await;
        }
        (self, phones)
    }

    /// A world that differs from the usual one.
    pub(crate) async fn of(seed: u64, setup: Setup) -> Self {
        let others = Others::new();
        let directory = tempfile::tempdir().expect("a directory");
        let began = now();
        let options = store::Options {
            wallclock: Wallclock::Given(Arc::new(1_800_000_000_000.into())),
            cache_bytes: 1 << 20,
            quotas: store::Quotas { plugin_kv_bytes: PLUGIN_KV_BYTES, ..store::Quotas::default() },
            ..store::Options::default()
        };
        let store = Store::open_with(&directory.path().join("store"), options).expect("a store");
        let config = HostConfig { instances: 50, threads: 1, ..HostConfig::new(directory.path().join("plugins")) };
        let plugins = plugin::Host::new(config).expect("a plugin host");
        let server = Server::new(seed, setup.limits.clone());
        let clock = Clock::Virtual { start: SystemTime::UNIX_EPOCH + BEGINNING, at: began };
        let ports = Arc::clone(&server.ports);
        let library = Arc::new(Library::default());
        let sounds = Arc::clone(&library);
        let switch = Switch::new(setup.settings(seed, clock), ports.clone(), ports, store.clone(), plugins, sounds);
        let mut world = Self {
            switch,
            store,
            server,
            network: Network::new(seed),
            phones: Vec::new(),
            others,
            seed,
            began,
            stirred: true,
            ticks: 0,
            setup,
            library,
            hung: None,
            directory,
        };
        world.network.listen(server::sip_address());
        let definitions = ["acme", "globex"].map(|name| world.setup.definition(name)).to_vec();
        patiently(world.switch.apply(definitions)).await.expect("no conflict");
        world
    }

    /// What the network does from now on.
    pub(crate) fn weather(&mut self, weather: Weather) {
        self.network.weather = weather;
    }

    /// Tells the switch to stop, with patience for the calls that are up.
    pub(crate) fn drain(&self, patience: Duration) -> JoinHandle<()> {
        let switch = self.switch.clone();
        tokio::spawn(async move { switch.drain(patience).await })
    }

    /// The disk that `slow-` sounds come from goes on.
    pub(crate) fn release_sounds(&mut self) {
        self.library.release();
        self.stirred = true;
    }

    /// From now on the disk takes nothing that the store commits, and does not say so either, until [`World::release_store`].
    pub(crate) fn hang_store(&mut self) {
        assert!(self.hung.is_none(), "it hangs already");
        self.hung = Some(HungDisk::new(&self.directory.path().join("store/kv/db")));
    }

    /// The store's disk goes on.
    pub(crate) fn release_store(&mut self) {
        self.hung = None;
        self.stirred = true;
    }

    /// The next call task that has a word with its media panics.
    pub(crate) fn set_trap(&self) {
        self.server.ports.set_trap();
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
        patiently(plugins.install(package, Terms::unsigned(Consent::Declared), by)).await.expect("it installs");
    }

    /// Removes a plugin from a tenant.
    pub(crate) async fn remove(&mut self, tenant: &str, name: &str) {
        let by = By { who: "test".to_owned(), why: "a test".to_owned() };
        let plugins = self.tenant(tenant).plugins().clone();
        patiently(plugins.remove(name, by)).await.expect("it was installed");
    }

    /// Asks the service of a plugin.
    pub(crate) async fn ask(&self, tenant: &str, plugin: &str, request: &str) -> String {
        let service = self.tenant(tenant).plugins().service(plugin).expect("it has one");
        let answer = patiently(service.ask(request.as_bytes().to_vec())).await.expect("it works");
        String::from_utf8(answer.expect("it is granted")).expect("text")
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

    /// Lets everybody send what they were told to, so that what others are told now comes behind it, though in the same
    /// instant.
    pub(crate) async fn sent(&mut self) {
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
        while let Some((host, input)) = self.network.streamed(now) {
            worked = true;
            if host.ip().to_string() == HOST {
                self.server.hear(now, input);
            } else if let Some(phone) = self.phones.iter_mut().find(|phone| phone.address == host) {
                phone.hear_stream(now, input);
            }
        }
        worked |= self.server.work(now, &self.switch, &mut self.network);
        for phone in &mut self.phones {
            worked |= phone.work(now, &mut self.network);
        }
        worked
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

impl Drop for World {
    fn drop(&mut self) {
        // A thread that still hangs would keep a test that failed from ending.
        self.library.release();
        self.hung = None;
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
