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
            seed: [1; 32],
        };
        let shared = Arc::new(Shared::new(&settings, ports.clone(), ports.clone()));
        let tenant = Tenant::start(acme(recordings_max), &store, &host, ports, Clock::System).await.expect("a tenant");
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
        digest: Vec::new(),
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
    }
}

/// Whether a recording on a leg begins.
fn records(rig: &mut Rig, leg: LegId, name: &str) -> bool {
    rig.task.start_record(leg, name.to_owned(), 1_000, None);
    rig.task.legs.get_mut(&leg).is_some_and(|leg| leg.recording.take().is_some())
}

#[tokio::test]
async fn recordings_of_a_tenant_and_of_the_host_have_a_bound() {
    for (of_tenant, bound) in [(2, 2), (usize::MAX, limit::RECORDINGS)] {
        let mut rig = Rig::with_recordings(of_tenant).await;
        let leg = rig.caller();
        let take = |rig: &Rig| rig.task.shared.take_recording_place(&rig.task.tenant);
        let taken: Vec<_> = (1..bound).map(|_| take(&rig).expect("a place")).collect();
        assert!(records(&mut rig, leg, "last"), "the last place");
        assert!(!records(&mut rig, leg, "more"), "one more than there are places");
        drop(taken);
        assert!(records(&mut rig, leg, "again"), "there are places again");
        // Each writer gives its place back when its recording is over.
        rig.task.shared.tasks.close();
        rig.task.shared.tasks.wait().await;
        let all: Vec<_> = (0..bound).filter_map(|_| take(&rig).ok()).collect();
        assert_eq!(all.len(), bound);
    }
}
