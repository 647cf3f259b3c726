//! The joining of two legs.

use crate::{Call, Effect, LegEventKind, LegId};

/// Two legs that belong together. Their media is joined unless one of them holds the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bridge {
    pub(crate) a: LegId,
    pub(crate) b: LegId,
    /// Whether the media is joined just now.
    joined: bool,
    /// Only early media: the called side has not answered.
    early: bool,
}

impl Bridge {
    /// The other leg of it.
    pub(crate) fn other(&self, leg: LegId) -> Option<LegId> {
        if self.a == leg {
            Some(self.b)
        } else if self.b == leg {
            Some(self.a)
        } else {
            None
        }
    }
}

impl Call {
    /// The leg that a leg is joined with, by early media too.
    pub(crate) fn peer(&self, leg: LegId) -> Option<LegId> {
        self.bridges.iter().find_map(|bridge| bridge.other(leg))
    }

    /// The leg it has a conversation with.
    pub(crate) fn partner(&self, leg: LegId) -> Option<LegId> {
        self.bridges.iter().filter(|bridge| !bridge.early).find_map(|bridge| bridge.other(leg))
    }

    /// The leg whose party hears a leg just now: none while one of them holds the other.
    pub(crate) fn listener(&self, leg: LegId) -> Option<LegId> {
        self.bridges.iter().filter(|bridge| bridge.joined).find_map(|bridge| bridge.other(leg))
    }

    /// Passes a leg's early media on to another that hears nothing else.
    pub(crate) fn join_early(&mut self, a: LegId, b: LegId) {
        if self.peer(a).is_none() && self.peer(b).is_none() {
            self.bridges.push(Bridge { a, b, joined: false, early: true });
            self.remix(a);
        }
    }

    /// Begins a conversation; what either was joined with before is parted.
    pub(crate) fn join(&mut self, a: LegId, b: LegId) {
        if self.peer(a) != Some(b) {
            self.part(a);
            self.part(b);
            self.bridges.push(Bridge { a, b, joined: false, early: true });
        }
        if let Some(bridge) = self.bridges.iter_mut().find(|bridge| bridge.other(a) == Some(b)) {
            if !bridge.early {
                return;
            }
            bridge.early = false;
        }
        self.remix(a);
        self.event(a, LegEventKind::Bridged(b));
        self.event(b, LegEventKind::Bridged(a));
    }

    /// Ends what a leg has with another, and tells which that was. Both stay up.
    pub(crate) fn part(&mut self, leg: LegId) -> Option<LegId> {
        let at = self.bridges.iter().position(|bridge| bridge.other(leg).is_some())?;
        let bridge = self.bridges.remove(at);
        let peer = bridge.other(leg)?;
        if bridge.joined {
            self.emit(Effect::Unbridge { a: bridge.a, b: bridge.b });
        }
        if !bridge.early {
            self.event(leg, LegEventKind::Unbridged(peer));
            self.event(peer, LegEventKind::Unbridged(leg));
        }
        Some(peer)
    }

    /// Joins or parts the media of a leg's bridge as holding demands.
    pub(crate) fn remix(&mut self, leg: LegId) {
        let Some(at) = self.bridges.iter().position(|bridge| bridge.other(leg).is_some()) else { return };
        let Bridge { a, b, joined, .. } = self.bridges[at];
        let wanted = ![a, b].iter().any(|&id| self.leg(id).is_none_or(|leg| leg.held));
        if wanted != joined {
            self.bridges[at].joined = wanted;
            // Whatever sounds at a leg ends before it is joined.
            if wanted {
                self.silence(a);
                self.silence(b);
            }
            self.emit(if wanted { Effect::Bridge { a, b } } else { Effect::Unbridge { a, b } });
        }
    }
}
