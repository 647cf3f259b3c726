//! Ways to contacts, under the keys by which the call knows them.

use bytes::Bytes;
use sip::endpoint::Destination;

use crate::limit;

/// Where a contact is reached.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Way {
    pub(crate) destination: Destination,
    pub(crate) uri: sip::message::Uri,
    pub(crate) routes: Vec<Bytes>,
}

/// Where the contacts that a call was told of are reached.
#[derive(Default)]
pub(super) struct Ways(Vec<Way>);

impl Ways {
    /// The key of a way. One that is known keeps its key, so that a dialplan's loop does not fill the memory; none when there
    /// are as many as a call can use.
    pub(super) fn key(&mut self, way: Way) -> Option<u64> {
        let known = self.0.iter().position(|known| *known == way);
        let at = known.or_else(|| {
            (self.0.len() < limit::WAYS).then(|| {
                self.0.push(way);
                self.0.len() - 1
            })
        });
        // 0 is the key of contacts without a way.
        at.map(|at| at as u64 + 1)
    }

    /// The way of a key.
    pub(super) fn get(&self, key: u64) -> Option<&Way> {
        self.0.get(usize::try_from(key).ok()?.checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use sip::endpoint::Transport;

    use super::*;

    fn way(port: u16) -> Way {
        Way {
            destination: Destination::Address { transport: Transport::Udp, remote: ([192, 0, 2, 1], port).into() },
            uri: "sip:100@192.0.2.1".parse().expect("a URI"),
            routes: Vec::new(),
        }
    }

    #[test]
    fn a_way_that_is_known_keeps_its_key() {
        let mut ways = Ways::default();
        let (first, second) = (ways.key(way(1)), ways.key(way(2)));
        assert_ne!(first, second);
        for _ in 0..10_000 {
            assert_eq!((ways.key(way(1)), ways.key(way(2))), (first, second));
        }
        assert_eq!(ways.0.len(), 2);
        assert_eq!(first.and_then(|key| ways.get(key).cloned()), Some(way(1)));
        assert_eq!(ways.get(0), None);
    }

    #[test]
    fn there_is_an_end_to_new_ways() {
        let mut ways = Ways::default();
        for port in 1..=limit::WAYS as u16 {
            assert_eq!(ways.key(way(port)), Some(u64::from(port)));
        }
        assert_eq!(ways.key(way(limit::WAYS as u16 + 1)), None);
        assert_eq!(ways.key(way(1)), Some(1), "those that are known are still found");
    }
}
