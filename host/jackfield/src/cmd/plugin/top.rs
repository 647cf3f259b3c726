//! `jackfield plugin top`: what plugins use, the busiest first.

use std::time::{Duration, Instant};

use api::types::{TenantPlugin, Usage};
use clap::Args;
use serde::Serialize;

use crate::cmd::output::{Output, table_or};
use crate::cmd::{Failure, Server, of_tenant};

/// Show what plugins use: the share of a core since the line before, memory, calls, host calls. Ctrl-C ends it.
#[derive(Args)]
pub(super) struct Top {
    /// Only this tenant's.
    tenant: Option<String>,
    /// Seconds from one look to the next.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=3600))]
    every: u64,
    /// Look twice and end.
    #[arg(long)]
    once: bool,
}

/// One line: a plugin of a tenant, or, without a plugin, all of the tenant's.
#[derive(Clone, Debug, Default, Serialize)]
struct Row {
    tenant: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    plugin: Option<String>,
    /// Percent of a core since the look before.
    cpu_percent: f64,
    /// Host calls and bytes moved, a second.
    host_calls_per_second: f64,
    moved_per_second: f64,
    /// Runs now, on all versions, and since the server came up.
    live: usize,
    runs: u64,
    faults: u64,
    #[serde(flatten)]
    usage: Usage,
}

impl Top {
    pub(super) async fn run(self, server: &Server, output: Output) -> Result<(), Failure> {
        let path = of_tenant("/v1/plugins", self.tenant.as_deref());
        let mut before: (Instant, Vec<TenantPlugin>) = (Instant::now(), server.get(&path).await?);
        loop {
            tokio::time::sleep(Duration::from_secs(self.every)).await;
            let now: (Instant, Vec<TenantPlugin>) = (Instant::now(), server.get(&path).await?);
            let rows = rows(&now.1, &before.1, now.0 - before.0);
            output.value(&rows, || text(&rows));
            if self.once {
                return Ok(());
            }
            before = now;
        }
    }
}

/// The plugins, the busiest first, and then the tenants.
fn rows(now: &[TenantPlugin], before: &[TenantPlugin], time: Duration) -> Vec<Row> {
    let busiest = |rows: &mut Vec<Row>| {
        rows.sort_by(|one, other| {
            other.cpu_percent.total_cmp(&one.cpu_percent).then_with(|| name(one).cmp(&name(other)))
        });
    };
    let mut plugins: Vec<Row> = now.iter().map(|one| row(one, before, time)).collect();
    let mut tenants: Vec<Row> = Vec::new();
    for one in &plugins {
        match tenants.iter_mut().find(|tenant| tenant.tenant == one.tenant) {
            Some(tenant) => tenant.add(one),
            None => tenants.push(Row { plugin: None, ..one.clone() }),
        }
    }
    busiest(&mut plugins);
    busiest(&mut tenants);
    plugins.extend(tenants);
    plugins
}

fn name(row: &Row) -> (&str, Option<&str>) {
    (&row.tenant, row.plugin.as_deref())
}

fn row(one: &TenantPlugin, before: &[TenantPlugin], time: Duration) -> Row {
    let same = |other: &&TenantPlugin| other.tenant == one.tenant && other.plugin.id == one.plugin.id;
    let then = before.iter().find(same).map(|then| then.plugin.usage).unwrap_or_default();
    let usage = one.plugin.usage;
    // One that was removed and installed again begins at nothing.
    let a_second = |now: u64, then: u64| now.saturating_sub(then) as f64 / time.as_secs_f64().max(f64::EPSILON);
    Row {
        tenant: one.tenant.clone(),
        plugin: Some(one.plugin.id.clone()),
        cpu_percent: a_second(usage.cpu_us, then.cpu_us) / 1e4,
        host_calls_per_second: a_second(usage.host_calls, then.host_calls),
        moved_per_second: a_second(usage.moved, then.moved),
        live: one.plugin.live + one.plugin.draining,
        runs: one.plugin.runs,
        faults: one.plugin.faults,
        usage,
    }
}

impl Row {
    fn add(&mut self, other: &Self) {
        self.cpu_percent += other.cpu_percent;
        self.host_calls_per_second += other.host_calls_per_second;
        self.moved_per_second += other.moved_per_second;
        self.live += other.live;
        self.runs += other.runs;
        self.faults += other.faults;
        let (sum, more) = (&mut self.usage, &other.usage);
        sum.cpu_us += more.cpu_us;
        sum.memory += more.memory;
        sum.memory_peak += more.memory_peak;
        sum.host_calls += more.host_calls;
        sum.moved += more.moved;
        sum.refused += more.refused;
        sum.kv += more.kv;
        sum.blob += more.blob;
    }
}

fn text(rows: &[Row]) -> String {
    let cells = |row: &Row| {
        vec![
            row.tenant.clone(),
            row.plugin.clone().unwrap_or_else(|| "all".into()),
            format!("{:.2} %", row.cpu_percent),
            bytes(row.usage.memory),
            row.live.to_string(),
            row.runs.to_string(),
            row.faults.to_string(),
            row.usage.refused.to_string(),
            format!("{:.0}", row.host_calls_per_second),
            format!("{}/s", bytes(row.moved_per_second as u64)),
            bytes(row.usage.kv),
            bytes(row.usage.blob),
        ]
    };
    let header = [
        "tenant",
        "plugin",
        "core",
        "memory",
        "live",
        "runs",
        "faults",
        "refused",
        "host calls/s",
        "moved",
        "kv",
        "blob",
    ];
    table_or("no plugin is installed", &header, &rows.iter().map(cells).collect::<Vec<_>>()) + "\n"
}

/// As people read it: `640`, `12K`, `3.4M` (powers of 1,024).
pub(super) fn bytes(count: u64) -> String {
    let (kilo, mega) = (count as f64 / 1024.0, count as f64 / (1024.0 * 1024.0));
    match count {
        0..1_024 => count.to_string(),
        1_024..1_048_576 => format!("{kilo:.0}K"),
        _ => format!("{mega:.1}M"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plugin(tenant: &str, id: &str, cpu_us: u64) -> TenantPlugin {
        let text = serde_json::json!({
            "tenant": tenant, "id": id, "version": "1", "title": "", "digest": "", "signer": null, "available": [], "apps": [], "functions": [],
            "granted": [], "live": 1, "draining": 1, "runs": 5, "faults": 0, "last_fault": null, "declared": true, "trouble": null,
            "usage": { "cpu_us": cpu_us, "memory": 10, "memory_peak": 20, "host_calls": 30, "moved": 40, "refused": 0, "kv": 0, "blob": 0 },
        });
        serde_json::from_value(text).expect("a plugin")
    }

    #[test]
    fn the_busiest_comes_first_and_tenants_are_summed_apart() {
        let before = [plugin("acme", "a", 0), plugin("acme", "b", 0), plugin("globex", "a", 500_000)];
        let now = [plugin("acme", "a", 100_000), plugin("acme", "b", 300_000), plugin("globex", "a", 700_000)];
        let rows = rows(&now, &before, Duration::from_secs(2));
        let seen: Vec<_> = rows.iter().map(|row| (name(row), row.cpu_percent.round() as u32, row.live)).collect();
        assert_eq!(
            seen,
            [
                (("acme", Some("b")), 15, 2),
                (("globex", Some("a")), 10, 2),
                (("acme", Some("a")), 5, 2),
                (("acme", None), 20, 4),
                (("globex", None), 10, 2),
            ]
        );
        assert!(text(&rows).contains("15.00 %"));
    }

    #[test]
    fn bytes_are_short() {
        assert_eq!([0, 1_023, 12 << 10, 3 << 20].map(bytes), ["0", "1023", "12K", "3.0M"]);
    }
}
