//! The rows: what is done, and which figures come out.

mod answer;
mod call;
#[cfg(feature = "scenario")]
mod guest;
#[cfg(feature = "scenario")]
mod neighbour;
mod register;
mod relay;
#[cfg(feature = "scenario")]
mod swap;

use serde_json::{Value, json};

pub(crate) use self::call::{CALLED, CALLER};
use crate::{Options, reference, server::Server};

/// A row of performance.md.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Row {
    /// REGISTER with digest, binding persisted.
    P1,
    /// Call through the dialplan to a second phone.
    P2,
    /// G.711 relayed.
    P3,
    /// INVITE to 180 under load.
    P4,
    /// A dialplan function in a plugin.
    #[cfg(feature = "scenario")]
    P8,
    /// A fresh instance.
    #[cfg(feature = "scenario")]
    P9,
    /// A call answered by an application.
    P10,
    /// An application replaced under calls.
    #[cfg(feature = "scenario")]
    P11,
    /// Many instances at once.
    #[cfg(feature = "scenario")]
    P12,
    /// A tenant whose neighbour attacks.
    #[cfg(feature = "scenario")]
    P13,
    /// A guest that does not end.
    #[cfg(feature = "scenario")]
    P14,
}

/// One figure of a run.
pub(crate) struct Figure {
    pub(crate) what: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) value: f64,
    pub(crate) goal: f64,
    pub(crate) stretch: f64,
}

impl Figure {
    /// The value on the machine that the goals are of, if this one is so many times as slow at single messages. Audio goes in
    /// batches and is judged as it is, and so are ratios and what somebody waits for.
    pub(crate) fn on_goals_machine(&self, slowness: f64) -> f64 {
        if self.unit == "ms CPU" { self.value / slowness } else { self.value }
    }
}

/// One run of a row.
pub(crate) struct Measured {
    pub(crate) figures: Vec<Figure>,
    pub(crate) command: String,
    pub(crate) rate: u32,
    pub(crate) units: u64,
    pub(crate) failed: u64,
    pub(crate) retransmissions: u64,
    pub(crate) resident_mib: f64,
    /// How many times as slow as the goals' machine this one was just before.
    pub(crate) slowness: f64,
}

impl Measured {
    pub(crate) fn json(&self) -> Value {
        let figures: Vec<Value> =
            self.figures.iter().map(|figure| json!({"what": figure.what, "value": figure.value})).collect();
        json!({
            "figures": figures,
            "command": self.command,
            "rate": self.rate,
            "units": self.units,
            "failed": self.failed,
            "retransmissions": self.retransmissions,
            "resident_mib": self.resident_mib,
            "slowness": self.slowness,
        })
    }
}

impl Row {
    /// Those of guests alone need the plugin host in this program, which `--no-default-features` leaves out.
    pub(crate) const ALL: &[Self] = &[
        Self::P1,
        Self::P2,
        Self::P3,
        Self::P4,
        #[cfg(feature = "scenario")]
        Self::P8,
        #[cfg(feature = "scenario")]
        Self::P9,
        Self::P10,
        #[cfg(feature = "scenario")]
        Self::P11,
        #[cfg(feature = "scenario")]
        Self::P12,
        #[cfg(feature = "scenario")]
        Self::P13,
        #[cfg(feature = "scenario")]
        Self::P14,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::P1 => "P1",
            Self::P2 => "P2",
            Self::P3 => "P3",
            Self::P4 => "P4",
            #[cfg(feature = "scenario")]
            Self::P8 => "P8",
            #[cfg(feature = "scenario")]
            Self::P9 => "P9",
            Self::P10 => "P10",
            #[cfg(feature = "scenario")]
            Self::P11 => "P11",
            #[cfg(feature = "scenario")]
            Self::P12 => "P12",
            #[cfg(feature = "scenario")]
            Self::P13 => "P13",
            #[cfg(feature = "scenario")]
            Self::P14 => "P14",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|row| row.name().eq_ignore_ascii_case(name))
    }

    /// Runs once, against a fresh server or with guests alone.
    pub(crate) fn run(self, options: &Options) -> Result<Measured, String> {
        #[cfg(feature = "scenario")]
        if let Self::P8 | Self::P9 | Self::P12 | Self::P14 = self {
            return guest::run(self, options.divisor);
        }
        #[cfg(feature = "scenario")]
        if let Self::P11 | Self::P13 = self {
            return self.run_against(Server::start_like_any_other(&options.server)?, options);
        }
        let slowness = reference::slowness(options.divisor)?;
        let measured = self.run_against(Server::start(&options.server)?, options)?;
        Ok(Measured { slowness: slowness.unwrap_or(1.0), ..measured })
    }

    fn run_against(self, server: Server, options: &Options) -> Result<Measured, String> {
        let measured = match self {
            Self::P1 => return register::run(server, options.divisor),
            Self::P2 => call::cost(&server, options.divisor),
            Self::P3 => relay::run(&server, options.divisor),
            Self::P4 => call::latency(&server, options.divisor),
            Self::P10 => answer::run(&server, options.divisor),
            #[cfg(feature = "scenario")]
            Self::P11 => swap::run(&server, options.divisor),
            #[cfg(feature = "scenario")]
            Self::P13 => neighbour::run(&server, options.divisor),
            #[cfg(feature = "scenario")]
            Self::P8 | Self::P9 | Self::P12 | Self::P14 => unreachable!("done above"),
        };
        measured.map_err(|error| format!("{error}\nThe server's log:\n{}", server.log()))
    }
}
