//! From a message to the inbox of its shard.

use std::sync::Arc;

use bytes::Bytes;
use sip::endpoint::{Flow, Input, shard_of};
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::{Counters, INBOX_MESSAGES, call_id};

/// Messages that wait for a shard when new requests begin to be dropped: calls that are up keep the rest.
const NEW_REQUESTS_MAX: usize = INBOX_MESSAGES / 4 * 3;

/// The inboxes of all shards. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Router {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    inboxes: Vec<mpsc::Sender<Delivery>>,
    counters: Arc<Counters>,
}

/// What a shard is handed.
#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) input: Input,
    /// Given back when the shard has handled it: its connection may bring another one.
    pub(super) turn: Option<OwnedSemaphorePermit>,
}

/// A router and the receiving ends, in the order of shards.
pub(super) fn routes(shards: u16) -> (Router, Vec<mpsc::Receiver<Delivery>>) {
    let (inboxes, receivers) = (0..shards).map(|_| mpsc::channel(INBOX_MESSAGES)).unzip();
    (Router { shared: Arc::new(Shared { inboxes, counters: Arc::default() }) }, receivers)
}

impl Router {
    pub(crate) fn counters(&self) -> &Arc<Counters> {
        &self.shared.counters
    }

    pub(crate) fn shard_of(&self, call_id: &[u8]) -> u16 {
        shard_of(call_id, self.shared.inboxes.len() as u16)
    }

    /// The shard of a message that is not parsed yet. One without a Call-ID is refused by the first as by any.
    pub(crate) fn shard_of_message(&self, bytes: &[u8]) -> u16 {
        if self.shared.inboxes.len() == 1 {
            0
        } else {
            call_id::find(bytes).map_or(0, |call_id| self.shard_of(call_id))
        }
    }

    /// Hands over a message of a stream, waiting for room: the peer is slowed down with it.
    pub(crate) async fn deliver(&self, flow: Flow, bytes: Bytes, turn: OwnedSemaphorePermit) {
        let shard = self.shard_of_message(&bytes);
        self.send(shard, Delivery { input: Input::Message { flow, bytes }, turn: Some(turn) }).await;
    }

    /// Hands over a datagram, or drops it as the network might have.
    pub(crate) fn offer(&self, shard: u16, flow: Flow, bytes: Bytes) {
        let inbox = &self.shared.inboxes[usize::from(shard)];
        let waiting = INBOX_MESSAGES - inbox.capacity();
        if waiting >= NEW_REQUESTS_MAX && call_id::is_new_request(&bytes) {
            Counters::add(&self.shared.counters.requests_dropped, 1);
        } else if inbox.try_send(Delivery { input: Input::Message { flow, bytes }, turn: None }).is_err() {
            Counters::add(&self.shared.counters.messages_dropped, 1);
        }
    }

    /// Tells one shard, waiting for room.
    pub(crate) async fn tell(&self, shard: u16, input: Input) {
        self.send(shard, Delivery { input, turn: None }).await;
    }

    async fn send(&self, shard: u16, delivery: Delivery) {
        // A shard that is gone has no use for it: the driver is being stopped.
        if self.shared.inboxes[usize::from(shard)].send(delivery).await.is_err() {
            tracing::trace!(shard, "the shard has ended");
        }
    }

    /// Tells every shard, waiting for room.
    pub(crate) async fn broadcast(&self, input: Input) {
        for shard in 0..self.shared.inboxes.len() {
            self.tell(shard as u16, input.clone()).await;
        }
    }
}
