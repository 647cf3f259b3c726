//! Names as addresses: the system's resolver, or a test's.

use std::future::Future;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::Held;

/// Look-ups at once, of everybody together: each takes a thread, and a dead name server keeps it for half a minute.
const LOOKUPS: usize = 128;
/// Addresses that are kept of an answer.
const ADDRESSES: usize = 16;

/// A name to look up.
pub struct Lookup {
    /// The name.
    pub host: String,
    /// The port to put to its addresses.
    pub port: u16,
    /// What goes on until the look-up is over.
    pub held: Held,
}

/// The addresses of a name, some time later.
pub type Addresses<'a> = Pin<Box<dyn Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'a>>;

/// Who knows the addresses of names.
pub trait Resolve: Send + Sync + 'static {
    /// All addresses of a name.
    fn resolve(&self, lookup: Lookup) -> Addresses<'_>;
}

/// The system's resolver.
pub struct System(Arc<Semaphore>);

impl Default for System {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(LOOKUPS)))
    }
}

impl Resolve for System {
    fn resolve(&self, lookup: Lookup) -> Addresses<'_> {
        Box::pin(async move {
            let place = Arc::clone(&self.0).acquire_owned().await.map_err(io::Error::other)?;
            let look = move || {
                let Lookup { host, port, held } = lookup;
                let found = (host.as_str(), port).to_socket_addrs().map(|found| found.take(ADDRESSES).collect());
                drop((place, held));
                found
            };
            tokio::task::spawn_blocking(look).await.map_err(io::Error::other)?
        })
    }
}
