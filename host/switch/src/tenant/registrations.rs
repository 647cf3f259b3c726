//! Where a tenant's endpoints are: bindings in memory, on disk before they are promised.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use serde::Serialize;
use sip::endpoint::{Destination, ExtraHeaders, Flow, Transport};
use sip::message::{Headers, Host, Request, Uri};
use sip::registrar::{Binding, Bindings, Limits, Received};

use super::definition::Endpoint;
use crate::call_task::Way;

/// The bindings of every endpoint of a tenant. One lock per tenant, held for one look-up or change.
pub(crate) struct Registrations {
    records: Mutex<HashMap<String, Bindings>>,
    stored: store::Registrations,
}

/// A registered contact, as the API shows it.
#[derive(Clone, Debug, Serialize)]
pub struct Registered {
    /// The endpoint.
    pub endpoint: String,
    /// The address it registered.
    pub contact: String,
    /// Where its packets come from.
    pub remote: SocketAddr,
    /// The transport, as in Via.
    pub transport: String,
    /// What the device says it is.
    pub user_agent: String,
    /// Seconds until it ends.
    pub expires_in: u64,
}

/// The answer to a REGISTER that holds.
pub(crate) struct Answer {
    /// False when nothing has to be stored.
    pub(crate) changed: bool,
    /// Whether any contact is left.
    pub(crate) registered: bool,
    pub(crate) headers: ExtraHeaders,
}

/// The answer to a REGISTER that changes nothing.
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) headers: ExtraHeaders,
}

impl Registrations {
    /// What was registered when the host was last up.
    pub(crate) fn load(store: &store::TenantStore) -> Result<Self, store::KvError> {
        let stored = store.registrations()?;
        let mut records: HashMap<String, Bindings> = stored.load_all()?.found.into_iter().collect();
        records.values_mut().for_each(Bindings::forget_connections);
        Ok(Self { records: Mutex::new(records), stored })
    }

    /// Registers as §10.3 of RFC 3261 wants it. What is changed is on disk once [`Registrations::committed`] returns.
    pub(crate) fn register(
        &self,
        wallclock: SystemTime,
        endpoint: &Endpoint,
        request: &Request,
        flow: &Flow,
    ) -> Result<Answer, Refused> {
        let now = seconds(wallclock);
        let received = Received {
            transport: flow.transport.via_name().to_owned(),
            local: flow.local,
            remote: flow.remote,
            connection: flow.connection,
        };
        let mut records = self.records();
        let bindings = records.entry(endpoint.name.clone()).or_default();
        let registered = bindings.register(now, request, &received, &limits(endpoint)).map_err(|error| {
            tracing::info!(endpoint = endpoint.name, %error, "a registration is refused");
            let mut headers = Headers::new();
            error.write_headers(&mut headers);
            Refused { status: error.status().code(), headers: extra(&headers) }
        })?;
        for gone in &registered.evicted {
            tracing::info!(endpoint = endpoint.name, contact = %gone.uri, "a contact made room for another");
        }
        let mut headers = Headers::new();
        registered.write_headers(now, &mut headers);
        let any = !registered.bindings.is_empty();
        if registered.changed {
            let saved = match registered.bindings.is_empty() {
                true => self.stored.remove(&endpoint.name),
                false => self.stored.save(&endpoint.name, &registered.bindings),
            };
            saved.map_err(|error| {
                tracing::error!(endpoint = endpoint.name, %error, "a registration could not be stored");
                Refused { status: 500, headers: Vec::new() }
            })?;
            *bindings = registered.bindings;
        }
        Ok(Answer { changed: registered.changed, registered: any, headers: extra(&headers) })
    }

    /// Returns once everything registered before is on disk.
    pub(crate) async fn committed(&self) -> Result<(), store::CommitError> {
        self.stored.committed().await
    }

    /// The ways to an endpoint's contacts, the preferred first.
    pub(crate) fn ways(&self, endpoint: &str, wallclock: SystemTime) -> Vec<Way> {
        let records = self.records();
        let active = records.get(endpoint).map(|bindings| bindings.active(seconds(wallclock))).unwrap_or_default();
        active.into_iter().filter_map(way).collect()
    }

    /// Everybody who is registered.
    pub(crate) fn list(&self, wallclock: SystemTime) -> Vec<Registered> {
        let now = seconds(wallclock);
        let records = self.records();
        let active = records.iter().flat_map(|(endpoint, bindings)| {
            bindings.active(now).into_iter().map(move |binding| Registered {
                endpoint: endpoint.clone(),
                contact: binding.uri.to_string(),
                remote: binding.received.remote,
                transport: binding.received.transport.clone(),
                user_agent: binding.user_agent.clone(),
                expires_in: binding.expires_at.saturating_sub(now),
            })
        });
        let mut active: Vec<Registered> = active.collect();
        active.sort_by(|a, b| (&a.endpoint, &a.contact).cmp(&(&b.endpoint, &b.contact)));
        active
    }

    fn records(&self) -> MutexGuard<'_, HashMap<String, Bindings>> {
        // A change is one assignment: a panic leaves the old bindings or the new ones.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn limits(endpoint: &Endpoint) -> Limits {
    let whole = |duration: std::time::Duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
    let max = whole(endpoint.expiry_max);
    Limits {
        min_expires: whole(endpoint.expiry_min),
        max_expires: max,
        default_expires: max,
        contacts_max: endpoint.contacts_max,
        when_full: endpoint.when_full,
        accept_path: false,
    }
}

fn extra(headers: &Headers) -> ExtraHeaders {
    headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn seconds(wallclock: SystemTime) -> u64 {
    crate::cdr::unix_ms(wallclock) / 1000
}

/// The way to a contact: back where its REGISTER came from, which passes NAT (RFC 5626 §5.3, F26). A stream that ended
/// has ended cannot be used: a connection to the registered address is tried then, which a NAT shows to be in vain by another address.
fn way(binding: &Binding) -> Option<Way> {
    let Received { local, remote, connection, .. } = binding.received;
    let transport = Transport::from_name(binding.received.transport.as_bytes())?;
    let uri: Uri = binding.target();
    let registered =
        uri.host().and_then(Host::ip).map(|ip| (ip, uri.port().unwrap_or(transport.default_port())).into());
    let flow = Flow { transport, local, remote, connection };
    let destination = match registered {
        registered if transport.is_reliable() && connection == 0 => {
            Destination::Address { transport, remote: registered? }
        }
        Some(listener) if transport.is_reliable() && SocketAddr::ip(&listener) == remote.ip() => {
            Destination::Reopen { flow, listener }
        }
        _ => Destination::Flow(flow),
    };
    let routes = binding.path.iter().map(|path| Bytes::from(path.clone())).collect();
    Some(Way { destination, uri, routes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn binding(contact: &str, transport: &str, connection: u64) -> Binding {
        let (local, remote) = (([192, 0, 2, 1], 5060).into(), ([198, 51, 100, 1], 49_152).into());
        Binding {
            uri: contact.parse().expect("a URI"),
            parameters: String::new(),
            q: 1_000,
            expires_at: 3_600,
            updated_at: 0,
            call_id: "1".to_owned(),
            cseq: 1,
            path: Vec::new(),
            received: Received { transport: transport.to_owned(), local, remote, connection },
            user_agent: String::new(),
            outbound: None,
        }
    }

    #[test]
    fn a_phone_is_reached_as_it_registered_or_where_it_says() {
        let way =
            |contact, transport, connection| way(&binding(contact, transport, connection)).map(|way| way.destination);
        let flow = |transport, connection| {
            let Received { local, remote, .. } = binding("sip:100@198.51.100.1", "", 0).received;
            Flow { transport, local, remote, connection }
        };
        let (listener, natted) = (([198, 51, 100, 1], 5070).into(), "sip:100@10.0.0.7:5070;transport=tcp");
        let contact = "sip:100@198.51.100.1:5070;transport=tcp";
        let tcp = flow(Transport::Tcp, 7);
        assert_eq!(way(contact, "TCP", 7), Some(Destination::Reopen { flow: tcp, listener }));
        assert_eq!(way(natted, "TCP", 7), Some(Destination::Flow(tcp)), "a NAT is before it");
        // The connections of an earlier run are gone.
        assert_eq!(way(contact, "TCP", 0), Some(Destination::Address { transport: Transport::Tcp, remote: listener }));
        assert_eq!(way("sip:100@phone.example.com", "TCP", 0), None, "no DNS here");
        for contact in ["sip:100@198.51.100.1:5070", "sip:100@10.0.0.7:5070", "sip:100@phone.example.com"] {
            assert_eq!(way(contact, "UDP", 0), Some(Destination::Flow(flow(Transport::Udp, 0))), "{contact}");
        }
    }
}
