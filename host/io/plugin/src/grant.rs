//! The capability phases `link` and `grant`: what there is, and what a deployment may have of it.
//!
//! `link` is the Linker, once per host. `grant` is the intersection of what the component imports, what its manifest
//! declares and what the administrator consented to: anything imported beyond that refuses the installation. `bind` is
//! making a Store's state for one run, which holds nothing but what that run may reach.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::plan::Right;

/// Something a plugin can be allowed: one WIT interface each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Capability {
    /// Manage its recordings.
    Blob,
    /// Ask the service part of the plugin.
    Bus,
    /// Have strategies of other plugins choose.
    Choice,
    /// Call others.
    Dial,
    /// Read and set variables, run applications, go elsewhere.
    Dialplan,
    /// Learn what happens in the tenant, tell other plugins.
    Event,
    /// Ask other servers.
    Http,
    /// Keep values.
    Kv,
    /// Carry calls of another network.
    Lines,
    /// Show numbers of its own.
    Metrics,
    /// Record what a party says.
    Recording,
    /// Set timers.
    Schedule,
}

impl Capability {
    /// All there are.
    pub const ALL: [Self; 12] = [
        Self::Blob,
        Self::Bus,
        Self::Choice,
        Self::Dial,
        Self::Dialplan,
        Self::Event,
        Self::Http,
        Self::Kv,
        Self::Lines,
        Self::Metrics,
        Self::Recording,
        Self::Schedule,
    ];

    /// Its name in manifests, which is the WIT interface's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blob => "blob",
            Self::Bus => "bus",
            Self::Choice => "choice",
            Self::Dial => "dial",
            Self::Dialplan => "dialplan",
            Self::Event => "event",
            Self::Http => "http",
            Self::Kv => "kv",
            Self::Lines => "lines",
            Self::Metrics => "metrics",
            Self::Recording => "recording",
            Self::Schedule => "schedule",
        }
    }

    /// What it lets a plugin do, for an administrator.
    pub fn means(self) -> &'static str {
        match self {
            Self::Blob => "manages the recordings and other files it keeps on this server's disk",
            Self::Bus => "asks its own service part",
            Self::Choice => "has strategies of other plugins choose, and tells them what they choose from",
            Self::Dial => "calls others, for whom its caller pays",
            Self::Dialplan => "reads and sets its calls' variables, runs applications, sends calls elsewhere",
            Self::Event => {
                "learns who calls whom and which phones are busy, tells other plugins of the tenant what it likes"
            }
            Self::Http => "asks other servers and tells them what it knows",
            Self::Kv => "keeps values on this server's disk",
            Self::Lines => "carries calls of another network, to the tenant and from it",
            Self::Metrics => "shows you numbers of its own",
            Self::Recording => "records what parties say",
            Self::Schedule => "sets timers for its own service part",
        }
    }

    /// The capability a WIT interface of `jackfield:pbx` belongs to; none if everybody has it.
    pub fn of_interface(interface: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|capability| capability.name() == interface)
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// What the administrator allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Consent {
    /// Whatever the manifest declares: bundled plugins, to which whoever installed the server consented.
    Declared,
    /// These and no others.
    Only(BTreeSet<Capability>),
    /// What the active version has, and these: an installation that wants more is refused.
    Growth(BTreeSet<Right>),
}
