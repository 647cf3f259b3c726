//! A call's task with nothing around it.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use ::media::engine::{Command as MediaCommand, LegKey, LegOptions};
use sip::endpoint::{Command, Flow};
use tempfile::TempDir;

use super::*;
use crate::port::{MediaLeg, MediaPort, MediaSink, NoMedia, Overloaded, SipPort, SoundName, SoundSource};
use crate::shared::{Clock, Settings};
use crate::tenant::definition::Definition;

/// A call of the tenant `acme`, and what belongs to it.
pub(super) struct Rig {
    pub(super) task: CallTask,
    _host: plugin::Host,
    _dir: TempDir,
}

/// Ports that lead nowhere.
struct Nowhere;

impl SipPort for Nowhere {
    fn new_session(&self) -> SessionId {
        SessionId::originated(0, 1)
    }

    fn command(&self, _command: Command) -> Result<(), Overloaded> {
        Ok(())
    }

    fn trust(&self, _flow: &Flow) {}
}

impl MediaPort for Nowhere {
    fn allocate(&self, _affinity: u64, _options: LegOptions, _sink: MediaSink) -> Result<Box<dyn MediaLeg>, NoMedia> {
        Ok(Box::new(Socket))
    }

    fn command(&self, _command: MediaCommand) {}
}

struct Socket;

impl MediaLeg for Socket {
    fn key(&self) -> LegKey {
        LegKey(1)
    }

    fn address(&self) -> SocketAddr {
        ([192, 0, 2, 1], 10_000).into()
    }
}

impl SoundSource for Nowhere {
    fn load(&self, _tenant: &call::TenantId, _language: &str, _name: &SoundName) -> std::io::Result<Option<Vec<u8>>> {
        Ok(None)
    }
}

impl Rig {
    pub(super) async fn new() -> Self {
        Self::with_recordings(1).await
    }

    /// In a tenant that may have so many recordings at once.
    async fn with_recordings(recordings_max: usize) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let store = store::Store::open_with(&dir.path().join("store"), store::Options::default()).expect("a store");
        let config =
            plugin::HostConfig { instances: 10, threads: 1, ..plugin::HostConfig::new(dir.path().join("plugins")) };
        let host = plugin::Host::new(config).expect("a plugin host");
        let ports = Arc::new(Nowhere);
        let settings = Settings {
            call: call::Config::default(),
            media_timeout: None,
            hosts: Vec::new(),
            realm: "jackfield".to_owned(),
            digest: Vec::new(),
            trunks: Vec::new(),
            calls_max: 10,
            clock: Clock::System,
            http: net::http::Client::new(Vec::new(), net::http::System::default()).expect("TLS"),
            seed: [1; 32],
        };
        let shared = Arc::new(Shared::new(&settings, ports.clone(), ports.clone()));
        let tenant = Tenant::start(acme(recordings_max), &store, &host, ports, (&shared, settings.http))
            .await
            .expect("a tenant");
        let task = CallTask::new(shared, tenant, CallId::from_parts(1, 1), mpsc::channel(limit::CALL_INBOX));
        Self { task, _host: host, _dir: dir }
    }

    /// The leg of a caller, with media.
    pub(super) fn caller(&mut self) -> LegId {
        self.task.begin_offered(Offered {
            session: SessionId::originated(0, 1),
            endpoint: None,
            context: "phones".to_owned(),
            caller: Party::new("", "100"),
            dialed: "600".to_owned(),
            hops: Hops::default(),
            offer: Bytes::new(),
            source: IpAddr::from([192, 0, 2, 9]),
            dialog: Bytes::from_static(b"call-id"),
            takes_info: false,
        });
        let leg = LegId(0);
        assert!(self.task.open_media(leg));
        leg
    }
}

fn acme(recordings_max: usize) -> Definition {
    Definition {
        id: call::TenantId::new("acme").expect("a name"),
        domains: vec!["acme.test".to_owned()],
        numbers: Vec::new(),
        endpoints: BTreeMap::new(),
        dialplan: Arc::new(
            dialplan::parse(&dialplan::Text("[phones]\nexten => 600,1,Answer()\n"), "dialplan.conf").expect("a plan"),
        ),
        language: "en".to_owned(),
        time_zone: "UTC".to_owned(),
        calls_max: 10,
        recordings_max,
        plugin_settings: BTreeMap::new(),
        channel_contexts: BTreeMap::new(),
        plugin_http: BTreeMap::new(),
    }
}

/// The recording that begins on a leg, if it does. It goes on until it is dropped.
fn records(rig: &mut Rig, leg: LegId, name: &str) -> Option<record::Recording> {
    rig.task.start_record(leg, (name.to_owned(), None), 1_000, None);
    rig.task.legs.get_mut(&leg)?.recording.take()
}

/// A leg has moved on, and its end comes to the call it left, which panics before it hears of it.
#[tokio::test]
async fn a_panic_loses_no_end_of_a_leg_that_moved_on() {
    let mut rig = Rig::new().await;
    let session = SessionId::originated(0, 7);
    let (inbox, mut heard) = mpsc::channel(1);
    rig.task.shared.sessions.insert(session, inbox).expect("a place");
    let end = sip::endpoint::Event::Ended { session, reason: sip::endpoint::EndReason::HungUp };
    rig.task.sender.try_send(Message::Sip(Box::new(end))).expect("there is room");
    rig.task.end_after_panic();
    rig.task.shared.tasks.close();
    rig.task.shared.tasks.wait().await;
    assert!(matches!(heard.try_recv(), Ok(Message::Sip(event)) if event.session() == Some(session)));
}

#[tokio::test]
async fn recordings_of_a_tenant_and_of_the_host_have_a_bound() {
    for (of_tenant, bound) in [(2, 2), (usize::MAX, limit::RECORDINGS)] {
        let mut rig = Rig::with_recordings(of_tenant).await;
        let leg = rig.caller();
        let take = |rig: &Rig| rig.task.shared.take_recording_place(&rig.task.tenant);
        let taken: Vec<_> = (1..bound).map(|_| take(&rig).expect("a place")).collect();
        let last = records(&mut rig, leg, "last");
        assert!(last.is_some(), "the last place");
        assert!(records(&mut rig, leg, "more").is_none(), "one more than there are places");
        drop((taken, last));
        assert!(records(&mut rig, leg, "again").is_some(), "there are places again");
        // Each writer gives its place back when its recording is over.
        rig.task.shared.tasks.close();
        rig.task.shared.tasks.wait().await;
        let all: Vec<_> = (0..bound).filter_map(|_| take(&rig).ok()).collect();
        assert_eq!(all.len(), bound);
    }
}
