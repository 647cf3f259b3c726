//! What plugins use, in the text format of Prometheus (version 0.0.4).

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::types::{Metric, TenantPlugin};

/// A family: its name, its type, what it is, and how to read it.
type Family = (&'static str, &'static str, &'static str, fn(&TenantPlugin) -> f64);

const FAMILIES: [Family; 13] = [
    ("cpu_seconds_total", "counter", "Computing, host functions included", |one| one.plugin.usage.cpu_us as f64 / 1e6),
    ("memory_bytes", "gauge", "Memory of its instances", |one| one.plugin.usage.memory as f64),
    ("memory_peak_bytes", "gauge", "The most memory there was", |one| one.plugin.usage.memory_peak as f64),
    ("host_calls_total", "counter", "Calls of host functions", |one| one.plugin.usage.host_calls as f64),
    ("moved_bytes_total", "counter", "Bytes given to the host and got from it", |one| one.plugin.usage.moved as f64),
    ("kv_bytes", "gauge", "Bytes of its values", |one| one.plugin.usage.kv as f64),
    ("blob_bytes", "gauge", "Bytes of its recordings", |one| one.plugin.usage.blob as f64),
    ("invocations_total", "counter", "Runs", |one| one.plugin.runs as f64),
    ("refused_total", "counter", "Runs that did not begin", |one| one.plugin.usage.refused as f64),
    ("traps_total", "counter", "Runs ended by a trap or a limit", |one| one.plugin.faults as f64),
    ("events_lost_total", "counter", "Events its service was too slow for", |one| one.plugin.events_lost as f64),
    ("live", "gauge", "Runs on the active version", |one| one.plugin.live as f64),
    ("draining", "gauge", "Runs on former versions", |one| one.plugin.draining as f64),
];

/// The figures of these plugins, summed over the tenants unless these are told apart.
pub(crate) fn text(plugins: &[TenantPlugin], by_tenant: bool) -> String {
    let labels = |one: &TenantPlugin| match by_tenant {
        true => format!("tenant=\"{}\",plugin=\"{}\"", one.tenant, one.plugin.id),
        false => format!("plugin=\"{}\"", one.plugin.id),
    };
    let mut text = String::new();
    for (name, kind, help, read) in FAMILIES {
        let series = plugins.iter().map(|one| (labels(one), read(one)));
        family(&mut text, &format!("jackfield_plugin_{name}"), (kind, help), series);
    }
    let own = |wanted: bool| {
        let metrics =
            plugins.iter().flat_map(move |one| one.plugin.metrics.iter().map(move |(name, value)| (one, name, value)));
        metrics.filter_map(move |(one, name, metric)| {
            let (is_counter, value) = match metric {
                Metric::Counter(value) => (true, *value as f64),
                Metric::Gauge(value) => (false, *value as f64),
            };
            (is_counter == wanted).then(|| (format!("{},name=\"{name}\"", labels(one)), value))
        })
    };
    family(&mut text, "jackfield_plugin_own_total", ("counter", "Counters of the plugin's own"), own(true));
    family(&mut text, "jackfield_plugin_own", ("gauge", "Gauges of the plugin's own"), own(false));
    text
}

fn family(text: &mut String, name: &str, (kind, help): (&str, &str), series: impl Iterator<Item = (String, f64)>) {
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    series.for_each(|(labels, value)| *sums.entry(labels).or_default() += value);
    if sums.is_empty() {
        return;
    }
    writeln!(text, "# HELP {name} {help}.\n# TYPE {name} {kind}").expect("text takes all writes");
    for (labels, value) in sums {
        writeln!(text, "{name}{{{labels}}} {value}").expect("text takes all writes");
    }
}
