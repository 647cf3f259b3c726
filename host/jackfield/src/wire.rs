//! The whole object graph on one page: what is made, in which order, who holds whom, and in which order it ends.
//!
//! ```text
//! store ───────┐            ┌─ SipDriver: its shards call the Switch through the SipDoor
//! plugin host ─┼── Switch ──┤
//! sounds ──────┘     │      └─ RtpDriver: its threads call the sink of each leg
//!                    └─ Admin ── api::Server (Unix socket), signals
//! ```

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use api::types::TenantReload;
use net::rtp_driver::{Ports, RtpConfig, RtpDriver};
use net::sip_driver::{AdvertisedHost, Listener, MessageTap, SipConfig, SipDriver, StartError};
use sip::endpoint::Transport;
use switch::{Clock, NetMedia, Settings, SipDoor, Switch};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Mutex;

use crate::admin::{Admin, Pinned, State};
use crate::cmd::{Exit, Failure, socket};
use crate::config::{self, Loaded, LogFormat, Running};
use crate::log;
use crate::packages::Packages;
use crate::sounds::Sounds;

/// A leg from which nothing is heard for so long is gone: a phone that lost its network sends no BYE.
const MEDIA_TIMEOUT: Duration = Duration::from_secs(60);

/// Where a server finds its things, and what the command line overrules.
pub(crate) struct Options {
    pub(crate) config: PathBuf,
    pub(crate) data: PathBuf,
    /// The folder of the bundled plugins.
    pub(crate) plugins: Option<PathBuf>,
    /// The one address of SIP, instead of the configured ones.
    pub(crate) sip: Option<SocketAddr>,
    pub(crate) log: Option<LogFormat>,
    /// Who sees every SIP message; `None` costs nothing.
    pub(crate) tap: Option<Arc<dyn MessageTap>>,
    pub(crate) advice: Advice,
}

/// What to do about what often goes wrong at a start, in the words of the command.
#[derive(Clone, Copy)]
pub(crate) struct Advice {
    /// An address of SIP cannot be had.
    pub(crate) listen: &'static str,
    /// Another process has the data directory.
    pub(crate) locked: &'static str,
}

/// A server that listens.
pub(crate) struct Server {
    switch: Switch,
    sip: SipDriver,
    admin: Arc<Admin>,
    api: api::Server,
    socket: PathBuf,
    faulty: Vec<TenantReload>,
}

/// Brings a server up. When this returns, phones can register.
pub(crate) async fn start(options: Options) -> Result<Server, Failure> {
    let packages = Packages::new(options.plugins.clone());
    let loaded = Loaded::read(&options.config, &packages, &Running::default());
    let server = host_settings(&loaded, &options)?;
    log::begin(&server.log_filter, options.log.unwrap_or(server.log_format));
    private_folder(&options.data)?;

    let store =
        store::Store::open(&options.data.join("store")).map_err(|error| store_failed(error, options.advice.locked))?;
    let plugins = plugin::Host::new(plugin_host(&server, &options.data)?).map_err(failed)?;
    let sounds = Arc::new(Sounds::default());
    let media = Arc::new(NetMedia(RtpDriver::start(rtp_config(&server)).map_err(failed)?));
    let door = Arc::new(SipDoor::default());
    let sip = SipDriver::start(sip_config(&server), Arc::clone(&door) as _, options.tap.clone())
        .map_err(|error| listen_failed(error, options.advice.listen))?;
    let addresses = sip.local_addresses().iter();
    let listeners = addresses.map(|(transport, address)| name(*transport, *address)).collect();
    let settings = switch_settings(&server)?;
    let switch = Switch::new(settings, Arc::new(sip.handle()), media, store, plugins, Arc::clone(&sounds) as _);

    let admin = Arc::new(Admin {
        switch: switch.clone(),
        packages,
        sounds,
        listeners,
        started: Instant::now(),
        state: Mutex::new(State::default()),
        remembering: std::sync::Mutex::default(),
        pinned: Pinned::default(),
        config: options.config,
        data: options.data.clone(),
        server,
    });
    if let Err(error) = admin.sweep_unpacked(&loaded) {
        tracing::warn!(%error, "prompts of former packages are not removed");
    }
    // Tenants before the door opens: a phone that registers at once must find its tenant.
    let mut faulty = admin.apply(loaded).await.tenants;
    faulty.retain(|tenant| tenant.problems.iter().any(|problem| problem.severity == "error"));
    door.open(switch.clone());
    let socket = socket(&options.data);
    let api = api::serve(&socket, Arc::clone(&admin)).await.map_err(failed)?;
    tracing::info!(listeners = ?admin.listeners, api = %socket.display(), "ready");
    Ok(Server { switch, sip, admin, api, socket, faulty })
}

impl Server {
    /// Where SIP is received, as in `udp:127.0.0.1:5060`.
    pub(crate) fn listeners(&self) -> &[String] {
        &self.admin.listeners
    }

    /// The first address of SIP.
    pub(crate) fn sip_address(&self) -> Option<SocketAddr> {
        self.sip.local_addresses().first().map(|(_, address)| *address)
    }

    /// The API's socket.
    pub(crate) fn socket(&self) -> &Path {
        &self.socket
    }

    /// The tenants whose files had errors at the start.
    pub(crate) fn faulty(&self) -> &[TenantReload] {
        &self.faulty
    }

    /// Serves until SIGTERM or SIGINT, reloading at each SIGHUP; then drains and ends everything in the order opposite to the start.
    pub(crate) async fn until_stopped(self) {
        use api::Control as _;
        let mut stop = Stop::new();
        let mut hang_up = signal(SignalKind::hangup()).expect("the runtime has signals enabled");
        loop {
            tokio::select! {
                () = stop.wait() => break,
                _ = hang_up.recv() => {
                    self.admin.reload().await;
                }
            }
        }
        let patience = self.admin.server.drain;
        tracing::info!(calls = self.switch.calls_up(), ?patience, "stopping; once more stops at once");
        tokio::select! {
            () = self.switch.drain(patience) => {}
            () = stop.wait() => self.switch.drain(Duration::ZERO).await,
        }
        self.api.stop().await;
        self.sip.stop().await;
        tracing::info!("stopped");
    }
}

/// SIGTERM and SIGINT mean the same.
struct Stop {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

impl Stop {
    fn new() -> Self {
        let listen = |kind| signal(kind).expect("the runtime has signals enabled");
        Self { terminate: listen(SignalKind::terminate()), interrupt: listen(SignalKind::interrupt()) }
    }

    async fn wait(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

fn failed(error: impl std::error::Error) -> Failure {
    // The chain's texts, once each: a cause is often quoted by its effect already.
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let more = next.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = next.source();
    }
    Failure::new(Exit::NotDone, text)
}

fn store_failed(error: store::OpenError, advice: &str) -> Failure {
    match error {
        store::OpenError::Locked { .. } => Failure::new(Exit::NotDone, format!("{error}: {advice}")),
        error => failed(error),
    }
}

fn listen_failed(error: StartError, advice: &str) -> Failure {
    let StartError::Bind { transport, address, source } = &error else { return failed(error) };
    let why = match source.kind() {
        io::ErrorKind::AddrInUse => "another program has that port".to_owned(),
        io::ErrorKind::AddrNotAvailable => format!("this machine has no address {}", address.ip()),
        io::ErrorKind::PermissionDenied => "this user may not use that port".to_owned(),
        _ => source.to_string(),
    };
    let text = format!("cannot receive SIP on {}: {why} ({advice})", name(*transport, *address));
    Failure::new(Exit::NotDone, text)
}

/// The host's settings, with what the command line overrules.
fn host_settings(loaded: &Loaded, options: &Options) -> Result<config::Server, Failure> {
    let mut server = loaded.server.clone().map_err(|problems| {
        let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
        Failure::new(Exit::Configuration, lines.join("\n"))
    })?;
    if let Some(sip) = options.sip {
        server.sip_udp = vec![sip];
        server.sip_tcp = vec![sip];
        server.media_address = sip.ip();
    }
    Ok(server)
}

/// Makes the data directory; others may not look into it.
fn private_folder(path: &Path) -> Result<(), Failure> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| Failure::new(Exit::NotDone, format!("the data directory {}: {error}", path.display())))
}

fn plugin_host(server: &config::Server, data: &Path) -> Result<plugin::HostConfig, Failure> {
    let program = std::env::current_exe().map_err(failed)?;
    let arguments = vec![crate::cmd::COMPILE.to_owned()];
    let instances = u32::try_from(server.plugin_instances).expect("config bounds it by 20000");
    let compiler = plugin::Compiler::Process { program, arguments };
    // No tenant takes the last instance of the others.
    let runs_per_tenant = instances.div_ceil(2);
    Ok(plugin::HostConfig { instances, runs_per_tenant, compiler, ..plugin::HostConfig::new(data.join("plugins")) })
}

fn rtp_config(server: &config::Server) -> RtpConfig {
    RtpConfig {
        threads: server.media_threads,
        bind: server.media_address,
        advertised: server.media_advertised.or(server.sip_advertised),
        ports: server.media_ports.clone().map_or(Ports::Ephemeral, Ports::Range),
        io_uring: server.media_io_uring,
    }
}

fn sip_config(server: &config::Server) -> SipConfig {
    let advertised = server.sip_advertised.map(|address| AdvertisedHost { host: literal(address), port: None });
    let listener = |transport| {
        let advertised = advertised.clone();
        move |bind: &SocketAddr| Listener { advertised: advertised.clone(), ..Listener::new(transport, *bind) }
    };
    let udp = server.sip_udp.iter().map(listener(Transport::Udp));
    let tcp = server.sip_tcp.iter().map(listener(Transport::Tcp));
    SipConfig {
        listeners: udp.chain(tcp).collect(),
        user_agent: concat!("Jackfield/", env!("CARGO_PKG_VERSION")).into(),
        timings: switch::sip_timings(),
        ..SipConfig::default()
    }
}

fn switch_settings(server: &config::Server) -> Result<Settings, Failure> {
    let mut seed = [0; 32];
    let random = std::fs::File::open("/dev/urandom").and_then(|mut file| io::Read::read_exact(&mut file, &mut seed));
    random.map_err(|error| Failure::new(Exit::NotDone, format!("/dev/urandom: {error}")))?;
    let listeners = server.sip_udp.iter().chain(&server.sip_tcp).map(SocketAddr::ip);
    let mut hosts: Vec<String> = listeners.chain(server.sip_advertised).map(literal).collect();
    hosts.push("localhost".into());
    hosts.extend(server.sip_names.iter().cloned());
    hosts.sort();
    hosts.dedup();
    Ok(Settings {
        call: call::Config::default(),
        media_timeout: Some(MEDIA_TIMEOUT),
        hosts,
        realm: server.realm.clone(),
        digest: server.digest.clone(),
        trunks: server.sip_trunks.clone(),
        calls_max: server.calls_max,
        clock: Clock::System,
        http: http_client()?,
        seed,
    })
}

/// What sends the requests of plugins, trusting whom this machine trusts.
fn http_client() -> Result<net::http::Client, Failure> {
    let found = rustls_native_certs::load_native_certs();
    for error in &found.errors {
        tracing::warn!(%error, "an authority of this machine's is left out");
    }
    if found.certs.is_empty() {
        tracing::warn!(
            "this machine trusts no authority: plugins can ask no server by https (Debian: ca-certificates)"
        );
    }
    let authorities = found.certs.iter().map(|authority| authority.to_vec()).collect();
    net::http::Client::new(authorities, net::http::System::default()).map_err(failed)
}

/// An address as a SIP URI writes it (RFC 3261 §25.1: IPv6 in brackets).
fn literal(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    }
}

fn name(transport: Transport, address: SocketAddr) -> String {
    format!("{}:{address}", transport.via_name().to_ascii_lowercase())
}
