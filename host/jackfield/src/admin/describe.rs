//! What runs, in the API's words.

use std::time::SystemTime;

use api::{ControlError, ErrorCode, types};
use dialplan::{Query, TraceKind, explain};
use plugin::{Deployed, TailEvent, Trouble};
use serde::Serialize;
use sip::auth::Algorithm;
use switch::definition::{Definition, Endpoint};
use switch::{Description, LegDescription, Tenant};

use crate::config::Problem;

pub(super) fn call(call: &Description) -> types::Call {
    types::Call {
        id: call.id.to_string(),
        tenant: call.tenant.to_string(),
        seconds: call.seconds,
        legs: call.legs.iter().map(leg).collect(),
    }
}

fn leg(leg: &LegDescription) -> types::Leg {
    let place = leg.location.as_ref().map(|(context, exten, priority)| format!("{exten}@{context} {priority}"));
    let detail: Vec<String> = [place, leg.application.clone()].into_iter().flatten().collect();
    types::Leg {
        leg: leg.leg.0,
        endpoint: leg.endpoint.as_deref().map(str::to_owned),
        state: leg.codec.map_or_else(|| leg.kind.to_owned(), |codec| format!("{} {codec}", leg.kind)),
        detail: detail.join(", "),
    }
}

pub(super) fn registrations(tenant: &Tenant, now: SystemTime) -> Vec<types::Registration> {
    let registered = tenant.registered(now).into_iter();
    registered
        .map(|one| types::Registration {
            tenant: tenant.id().to_string(),
            endpoint: one.endpoint,
            contact: one.contact,
            source: format!("{}:{}", one.transport.to_ascii_lowercase(), one.remote),
            expires_s: one.expires_in,
            user_agent: one.user_agent,
        })
        .collect()
}

pub(super) fn route(tenant: &Tenant, context: &str, from: &str, to: &str) -> types::DialplanTrace {
    let calendar = tenant.calendar(SystemTime::now());
    let lines = explain(&tenant.definition().dialplan, &calendar, &Query { context, from, to });
    let line = |line: dialplan::TraceLine| types::TraceLine {
        kind: match line.kind {
            TraceKind::Context => "context",
            TraceKind::Include => "include",
            TraceKind::Match => "match",
            TraceKind::NoMatch => "no-match",
            TraceKind::Step => "step",
            TraceKind::End => "end",
        }
        .into(),
        depth: line.depth,
        place: line.place.map(|(file, line)| format!("{file}:{line}")),
        text: line.text,
    };
    types::DialplanTrace { lines: lines.into_iter().map(line).collect() }
}

pub(super) fn plugin(plugin: Deployed) -> types::Plugin {
    types::Plugin {
        id: plugin.id,
        version: plugin.version,
        title: plugin.title,
        digest: plugin.digest.to_string(),
        signer: plugin.signer.map(|signer| signer.to_string()),
        available: plugin.available.iter().map(available).collect(),
        apps: plugin.apps,
        functions: plugin.functions,
        strategies: plugin.strategies,
        schemes: plugin.schemes,
        granted: plugin.granted.iter().map(ToString::to_string).collect(),
        live: plugin.live,
        canary: plugin.canary.map(canary),
        draining: plugin.draining,
        runs: plugin.runs,
        faults: plugin.faults,
        last_fault: plugin.last_fault,
        usage: types::Usage {
            cpu_us: plugin.usage.cpu_us,
            memory: plugin.usage.memory,
            memory_peak: plugin.usage.memory_peak,
            host_calls: plugin.usage.host_calls,
            moved: plugin.usage.moved,
            refused: plugin.usage.refused,
            kv: plugin.usage.kv,
            blob: plugin.usage.blob,
        },
        metrics: plugin.metrics.into_iter().map(|(name, metric)| (name, number(metric))).collect(),
        events_lost: plugin.events_lost,
        declared: false,
        trouble: plugin.trouble.map(|trouble| match trouble {
            Trouble::NotLoaded(why) => format!("not loaded: {why}"),
            Trouble::Suspended { remaining_ms } => format!("suspended for {remaining_ms} ms after repeated traps"),
        }),
    }
}

fn number(metric: plugin::Metric) -> types::Metric {
    match metric {
        plugin::Metric::Counter(value) => types::Metric::Counter(value),
        plugin::Metric::Gauge(value) => types::Metric::Gauge(value),
    }
}

/// What a test call needs to log in: the hashes, which are as good as the secret in this realm.
pub(super) fn account(definition: &Definition, endpoint: &Endpoint) -> types::Account {
    let domain = definition.domain();
    let hex = |algorithm| endpoint.hashes.get(domain).and_then(|hashes| hashes.own.hex(algorithm));
    types::Account {
        user: endpoint.name.clone(),
        domain: domain.to_owned(),
        ha1_sha256: hex(Algorithm::Sha256),
        ha1_md5: hex(Algorithm::Md5),
    }
}

/// A plugin is not removed, because the dialplan needs it.
pub(super) fn still_used(id: &str, lost: &[Problem]) -> ControlError {
    const SHOWN: usize = 5;
    let place = |problem: &Problem| format!("{}:{}", problem.file.display(), problem.line);
    let mut places: Vec<String> = lost.iter().map(place).collect();
    places.dedup();
    let more = match places.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    places.truncate(SHOWN);
    let text = format!("the dialplan uses what `{id}` provides: {}{more}", places.join(", "));
    ControlError::new(ErrorCode::Refused, text).hint(Some("--force removes it all the same".into()))
}

fn available(one: &plugin::Available) -> types::Available {
    types::Available { version: one.version.clone(), digest: one.digest.to_string(), active: one.active }
}

pub(super) fn plan(plan: plugin::Plan, bundled: bool) -> types::InstallPlan {
    let right = |want: &plugin::Want| types::PlannedRight {
        name: want.right.name().into(),
        means: want.right.means().into(),
        difference: word(&want.difference),
        asks: want.asks.clone(),
        had: want.had.clone(),
        imports: want.imports.clone(),
    };
    let growth = plan.wants.iter().filter(|want| want.needs_consent() && !bundled);
    types::InstallPlan {
        growth: growth.map(|want| want.right.name().to_owned()).collect(),
        rights: plan.wants.iter().map(right).collect(),
        id: plan.manifest.id,
        version: plan.manifest.version,
        title: plan.manifest.title,
        serial: plan.manifest.serial,
        component: plan.component.to_string(),
        signer: plan.signer.map(|signer| signer.to_string()),
        publisher: plan.publisher.map(|publisher| publisher.to_string()),
        bundled,
        replaces: plan.replaces.map(|(version, digest)| types::Available {
            version,
            digest: digest.to_string(),
            active: true,
        }),
        basis: types::PlanBasis { package: plan.basis.package.to_string(), state: plan.basis.state.to_string() },
    }
}

pub(super) fn installed(installed: plugin::Installed) -> types::Installed {
    types::Installed {
        id: installed.id,
        version: installed.version,
        digest: installed.digest.to_string(),
        signer: installed.signer.map(|signer| signer.to_string()),
        replaced: installed.replaced.map(|digest| digest.to_string()),
        replaced_version: installed.replaced_version,
        granted: installed.granted.iter().map(ToString::to_string).collect(),
        canary: installed.canary.map(|split| split.to_string()),
        changed: installed.changed,
        problems: Vec::new(),
    }
}

pub(super) fn event(entry: plugin::HistoryEntry) -> types::HistoryEntry {
    types::HistoryEntry {
        time: rfc3339(entry.unix_ms),
        unix_ms: entry.unix_ms,
        event: word(&entry.event),
        version: entry.version,
        digest: entry.digest.map(|digest| digest.to_string()),
        granted: entry.granted.iter().map(ToString::to_string).collect(),
        canary: entry.canary.map(|one| trial(one.version, one.digest, &one.split)),
        who: entry.by.who,
        why: entry.by.why,
    }
}

pub(super) fn tail(line: plugin::TailLine) -> types::TailLine {
    let (kind, level, text, call, cost) = match line.what {
        TailEvent::Said { level, message } => ("said", Some(level), message, None, None),
        TailEvent::Ended { call, error, cost } => ("ended", None, error.unwrap_or_default(), Some(call), Some(cost)),
        TailEvent::Failed { fault } => ("failed", None, fault, None, None),
    };
    types::TailLine {
        seq: line.seq,
        time: rfc3339(line.unix_ms),
        version: line.version,
        run: line.run,
        kind: kind.into(),
        level: level.map(|level| word(&level)),
        text,
        call,
        cost: cost.map(|cost| types::RunCost {
            ms: u64::try_from(cost.time.as_millis()).unwrap_or(u64::MAX),
            cpu_us: u64::try_from(cost.cpu.as_micros()).unwrap_or(u64::MAX),
            host_calls: cost.host_calls,
            moved: cost.moved,
            memory: cost.memory,
        }),
    }
}

fn canary(canary: plugin::Canary) -> types::Canary {
    types::Canary {
        trial: trial(canary.version, canary.digest, &canary.split),
        granted: canary.granted.iter().map(ToString::to_string).collect(),
        live: canary.live,
        since: rfc3339(canary.unix_ms),
        who: canary.by.who,
        why: canary.by.why,
    }
}

fn trial(version: String, digest: plugin::Digest, split: &plugin::Split) -> types::Trial {
    types::Trial { version, digest: digest.to_string(), split: split.to_string() }
}

/// A moment in UTC to the second, as RFC 3339 writes it.
pub(super) fn rfc3339(unix_ms: u64) -> String {
    let seconds = i64::try_from(unix_ms / 1_000).ok();
    let moment = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    moment.unwrap_or(jiff::Timestamp::MAX).to_string()
}

/// The word by which an enum without data is serialised.
fn word(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::rfc3339;

    #[test]
    fn moments_are_told_in_utc() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00Z");
        assert_eq!(rfc3339(1_795_427_502_999), "2026-11-23T09:51:42Z");
        assert!(rfc3339(u64::MAX).starts_with("9999-"), "a damaged file is no reason to panic");
    }
}
