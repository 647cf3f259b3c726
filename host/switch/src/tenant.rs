//! A tenant as it runs: its definition of the moment and everything that outlives a reload.

pub mod definition;
pub(crate) mod device;
pub mod directory;
mod exchange;
mod http;
mod port;
pub mod registrations;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use call::{Cdr, TenantId};
use dialplan::{Calendar, LocalTime, Weekday};
use plugin::TenantPlugins;
use store::TenantStore;

use self::definition::Definition;
use self::device::Devices;
use self::exchange::Exchange;
use self::registrations::Registrations;
use crate::port::SoundSource;
use crate::shared::Shared;
use crate::sound::Sounds;

pub(crate) use self::port::Port;

/// A running tenant. Only its own calls and its own administrators come to hold one.
pub struct Tenant {
    id: TenantId,
    /// Shared with its plugins' port, which reads their settings in it.
    definition: Arc<ArcSwap<Definition>>,
    pub(crate) store: TenantStore,
    pub(crate) plugins: TenantPlugins,
    pub(crate) sounds: Sounds,
    pub(crate) registrations: Registrations,
    devices: Arc<Devices>,
    calls_up: Arc<AtomicUsize>,
    recordings_up: Arc<AtomicUsize>,
}

/// Why a tenant cannot run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its plugins' journal cannot be read.
    #[error(transparent)]
    Plugins(#[from] plugin::OpenError),
    /// Its registrations cannot be read.
    #[error("registrations of {tenant}: {source}")]
    Registrations {
        /// Whose.
        tenant: TenantId,
        /// Why.
        source: store::KvError,
    },
}

impl Tenant {
    /// Brings a tenant up with what it had when the host was last up.
    ///
    /// # Errors
    /// Its stored state cannot be read; other tenants are not concerned.
    pub(crate) async fn start(
        definition: Definition,
        store: &store::Store,
        plugins: &plugin::Host,
        sounds: Arc<dyn SoundSource>,
        (shared, http): (&Arc<Shared>, net::http::Client),
    ) -> Result<Arc<Self>, StartError> {
        let id = definition.id.clone();
        let store = store.tenant(&id);
        let language = definition.language.clone();
        let definition = Arc::new(ArcSwap::from_pointee(definition));
        let devices = Arc::new(Devices::default());
        let itself = Arc::new(OnceLock::new());
        let exchange = Exchange::new(shared, Arc::clone(&itself));
        let port = Port::new(Arc::clone(&definition), Arc::clone(&devices), store.clone(), exchange, http);
        let plugins = plugins.tenant(id.clone(), Arc::new(port)).await?;
        let registrations =
            Registrations::load(&store).map_err(|source| StartError::Registrations { tenant: id.clone(), source })?;
        let sounds = Sounds::new(id.clone(), language, store.clone(), sounds);
        let (calls_up, recordings_up) = (Arc::default(), Arc::default());
        let tenant = Self { id, definition, store, plugins, sounds, registrations, devices, calls_up, recordings_up };
        tenant.registered(shared.wallclock()).iter().for_each(|known| tenant.note_registered(&known.endpoint, true));
        let tenant = Arc::new(tenant);
        itself.set(Arc::downgrade(&tenant)).expect("it is set here and nowhere else");
        Ok(tenant)
    }

    /// The tenant's name.
    pub fn id(&self) -> &TenantId {
        &self.id
    }

    /// What is configured now. A call keeps what it has begun with.
    pub fn definition(&self) -> Arc<Definition> {
        self.definition.load_full()
    }

    /// Its plugins.
    pub fn plugins(&self) -> &TenantPlugins {
        &self.plugins
    }

    /// Puts another definition in place. Calls that are up finish on the dialplan they began with.
    pub(crate) fn redefine(&self, definition: Definition) {
        self.sounds.reload(definition.language.clone());
        self.devices.retain(|name| definition.endpoint(name).is_some());
        self.definition.store(Arc::new(definition));
    }

    /// Forgets prompts that were read: files have changed.
    pub fn forget_prompts(&self) {
        self.sounds.forget();
    }

    /// Who is registered now.
    pub fn registered(&self, wallclock: SystemTime) -> Vec<registrations::Registered> {
        self.registrations.list(wallclock)
    }

    /// Calls that are up.
    pub fn calls(&self) -> usize {
        self.calls_up.load(Ordering::Relaxed)
    }

    pub(crate) fn calls_up(&self) -> &Arc<AtomicUsize> {
        &self.calls_up
    }

    pub(crate) fn recordings_up(&self) -> &Arc<AtomicUsize> {
        &self.recordings_up
    }

    /// Hands a call's record to the disk: some milliseconds later it outlives the process, a tenth of a second later the
    /// machine. If it cannot be written, the log has it.
    pub(crate) fn write_cdr(&self, began: SystemTime, cdr: &Cdr) {
        let line = crate::cdr::Line { start_unix_ms: crate::cdr::unix_ms(began), cdr };
        if let Err(error) = self.store.cdr().try_append(&line) {
            tracing::error!(tenant = %self.id, call = %cdr.call, %error, ?cdr, "a call's record could not be written");
        }
    }

    /// The calendar by which time conditions of the dialplan are decided.
    pub fn calendar(&self, wallclock: SystemTime) -> TenantCalendar {
        TenantCalendar { definition: self.definition(), wallclock }
    }
}

/// A moment, told in any time zone when asked for.
pub struct TenantCalendar {
    definition: Arc<Definition>,
    wallclock: SystemTime,
}

impl Calendar for TenantCalendar {
    fn local_time(&self, zone: Option<&str>) -> Option<LocalTime> {
        let zone = zone.unwrap_or(&self.definition.time_zone);
        let timestamp = jiff::Timestamp::try_from(self.wallclock).ok()?;
        let local = timestamp.in_tz(zone).ok()?;
        let part = |value: i8| u8::try_from(value).unwrap_or(0);
        Some(LocalTime {
            year: local.year(),
            month: part(local.month()),
            day: part(local.day()),
            weekday: weekday(local.weekday()),
            hour: part(local.hour()),
            minute: part(local.minute()),
            second: part(local.second()),
            epoch_s: timestamp.as_second(),
        })
    }
}

fn weekday(day: jiff::civil::Weekday) -> Weekday {
    use jiff::civil::Weekday as Day;
    match day {
        Day::Sunday => Weekday::Sunday,
        Day::Monday => Weekday::Monday,
        Day::Tuesday => Weekday::Tuesday,
        Day::Wednesday => Weekday::Wednesday,
        Day::Thursday => Weekday::Thursday,
        Day::Friday => Weekday::Friday,
        Day::Saturday => Weekday::Saturday,
    }
}
