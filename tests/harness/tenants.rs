//! The tenants of a test's world: who is configured, what their dialplan and their sounds are.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use call::{Party, TenantId};
use codec::{Codec, SampleRate, wav};
use dialplan::Text;
use sip::auth::{Algorithm, Ha1};
use sip::endpoint::Limits;
use sip::registrar::WhenFull;
use switch::definition::{Definition, Endpoint, Hashes};
use switch::{Clock, Settings, SoundName, SoundSource};

use super::server::HOST;

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

/// What a world is made of, where a test wants it otherwise.
#[derive(Clone)]
pub(crate) struct Setup {
    pub(crate) dialplan: &'static str,
    /// The bounds of the switch's SIP endpoint.
    pub(crate) limits: Limits,
    /// A leg that hears nothing for so long is ended.
    pub(crate) media_timeout: Duration,
    /// Calls of the host at once.
    pub(crate) calls_max: usize,
    /// What held parties hear; empty for nothing.
    pub(crate) hold_music: &'static str,
    /// How many phones may register for one endpoint, and what happens to one more.
    pub(crate) contacts: (usize, WhenFull),
    /// What follows the tenant's name in each of its domains.
    pub(crate) domains: &'static [&'static str],
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            dialplan: DIALPLAN,
            limits: Limits::default(),
            media_timeout: Duration::from_secs(60),
            calls_max: 100,
            hold_music: "tone:700/1000",
            contacts: (5, WhenFull::EvictOldest),
            domains: &["test"],
        }
    }
}

impl Setup {
    pub(crate) fn settings(&self, seed: u64, clock: Clock) -> Settings {
        let mut key = [1; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        let music = Some(self.hold_music.to_owned()).into_iter().filter(|music| !music.is_empty());
        Settings {
            call: call::Config { hold_music: music.collect(), max_duration: None },
            media_timeout: Some(self.media_timeout),
            hosts: vec![HOST.to_owned()],
            realm: "jackfield".to_owned(),
            digest: vec![Algorithm::Sha256, Algorithm::Md5],
            trunks: Vec::new(),
            calls_max: self.calls_max,
            clock,
            http: net::http::Client::new(Vec::new(), net::http::System::default()).expect("TLS"),
            seed: key,
        }
    }

    pub(crate) fn definition(&self, tenant: &str) -> Definition {
        let endpoints: BTreeMap<String, Arc<Endpoint>> = (100..110)
            .map(|number| number.to_string())
            .map(|name| (name.clone(), Arc::new(self.endpoint(tenant, &name))))
            .collect();
        Definition {
            id: TenantId::new(tenant).expect("a name"),
            domains: self.domains.iter().map(|domain| format!("{tenant}.{domain}")).collect(),
            numbers: Vec::new(),
            endpoints,
            dialplan: Arc::new(dialplan::parse(&Text(self.dialplan), "dialplan.conf").expect("a dialplan")),
            language: "en".to_owned(),
            time_zone: "UTC".to_owned(),
            calls_max: 50,
            recordings_max: 2,
            plugin_settings: BTreeMap::new(),
            channel_contexts: BTreeMap::new(),
            plugin_http: BTreeMap::new(),
        }
    }

    fn endpoint(&self, tenant: &str, name: &str) -> Endpoint {
        let (contacts_max, when_full) = self.contacts;
        let hashes = self.domains.iter().map(|domain| {
            let domain = format!("{tenant}.{domain}");
            let own = Ha1::derive(name, &domain, &secret(tenant, name));
            (domain, Hashes { own, host: None })
        });
        Endpoint {
            name: name.to_owned(),
            hashes: hashes.collect(),
            context: "phones".to_owned(),
            caller: Party::new(format!("{name} of {tenant}"), name),
            codecs: vec![Codec::Pcma, Codec::Pcmu],
            contacts_max,
            when_full,
            expiry_min: Duration::from_secs(60),
            expiry_max: Duration::from_secs(7_200),
        }
    }
}

/// The secret of a phone.
pub(crate) fn secret(tenant: &str, name: &str) -> String {
    format!("secret of {name} in {tenant}")
}

/// What the bundled plugins say: a packet of silence each, so that no test waits for it.
const SAID: &[&str] = &["dial-by-name/enter-name", "goodbye", "invalid", "please-hold", "try-again"];

/// The same for all sounds below.
const SAID_FOLDERS: &[&str] = &["digits/", "queue/", "voicemail/"];

/// Sounds that are tones: `beep-440` is one second of 440 Hz. `slow-440` is the same from a disk that hangs until
/// [`Library::release`].
#[derive(Default)]
pub(crate) struct Library {
    released: Mutex<bool>,
    news: Condvar,
}

impl Library {
    /// The disk goes on.
    pub(crate) fn release(&self) {
        *self.released.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.news.notify_all();
    }

    fn hang(&self) {
        let released = self.released.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.news.wait_while(released, |released| !*released).unwrap_or_else(PoisonError::into_inner));
    }
}

impl SoundSource for Library {
    fn load(&self, _tenant: &TenantId, _language: &str, name: &SoundName) -> std::io::Result<Option<Vec<u8>>> {
        if SAID.contains(&name.as_str()) || SAID_FOLDERS.iter().any(|folder| name.as_str().starts_with(folder)) {
            let samples = vec![0; SampleRate::Hz8000.samples(20)];
            return Ok(Some(wav::write(&wav::Wav { rate: SampleRate::Hz8000, samples })));
        }
        let Some((kind, hertz)) = name.as_str().split_once('-') else { return Ok(None) };
        let Ok(hertz) = hertz.parse::<u16>() else { return Ok(None) };
        match kind {
            "beep" => {}
            "slow" => self.hang(),
            _ => return Ok(None),
        }
        let tone = codec::tone::Tone::parse(&format!("{hertz}/1000")).expect("a tone");
        let mut samples = vec![0; SampleRate::Hz8000.samples(1000)];
        codec::tone::Generator::new(SampleRate::Hz8000).fill(&tone, &mut samples);
        Ok(Some(wav::write(&wav::Wav { rate: SampleRate::Hz8000, samples })))
    }
}
