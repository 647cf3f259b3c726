//! Processor time and memory of another process, and which cores to use.

use std::{fs, process::Command, sync::OnceLock, time::Duration};

/// User and system time of a process and of its children that have ended, from `/proc/PID/stat`.
pub(crate) fn time(pid: u32) -> Result<Duration, String> {
    let stat =
        fs::read_to_string(format!("/proc/{pid}/stat")).map_err(|error| format!("the server has ended: {error}"))?;
    // The name in parentheses may hold anything; fields are counted behind it. utime is field 14, stime 15, then those of
    // waited-for children.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: u64 = fields.get(11..15).into_iter().flatten().filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_secs_f64(ticks as f64 / ticks_per_second()?))
}

/// The same of a process and of all that it has started.
pub(crate) fn time_of_family(pid: u32) -> Result<Duration, String> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).map_err(|error| error.to_string())?;
    children
        .split_whitespace()
        .filter_map(|child| child.parse().ok())
        .try_fold(time(pid)?, |sum, child| Ok(sum + time(child)?))
}

/// Resident memory in MiB.
pub(crate) fn resident_mib(pid: u32) -> Result<f64, String> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).map_err(|error| error.to_string())?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.map(|kib| kib / 1_024.0).ok_or_else(|| "no VmRSS".to_owned())
}

fn ticks_per_second() -> Result<f64, String> {
    let output = Command::new("getconf").arg("CLK_TCK").output().map_err(|error| format!("getconf: {error}"))?;
    String::from_utf8_lossy(&output.stdout).trim().parse().map_err(|_| "getconf CLK_TCK gives no number".to_owned())
}

/// Begins the command line of a program that runs on one core and there goes before everything else the machine does
/// (performance.md, "Method").
pub(crate) fn pinned(core: usize) -> Command {
    let mut command = on(core);
    if may_go_first() {
        command.args(FIRST);
    }
    command
}

/// Begins the command line of a program that runs on one core, with the priority that programs have.
pub(crate) fn on(core: usize) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]);
    command
}

/// The lowest priority of real time: both programs leave most of their cores to others, but need not wait for them. With a
/// compiler beside them and without this, INVITE to 180 took a hundred times as long, all of it waiting for a core.
const FIRST: [&str; 3] = ["chrt", "--rr", "1"];

fn may_go_first() -> bool {
    static MAY: OnceLock<bool> = OnceLock::new();
    *MAY.get_or_init(|| {
        let may = Command::new(FIRST[0]).args(&FIRST[1..]).arg("true").output().is_ok_and(|run| run.status.success());
        if !may {
            eprintln!("bench: no right to real time (chrt): latencies will be those of the machine's load");
        }
        may
    })
}

/// The core of the server and the core of the load generator: the first and the last one this process may use.
pub(crate) fn cores() -> Result<(usize, usize), String> {
    let list = allowed()?;
    let numbers = list.split([',', '-']).filter_map(|text| text.trim().parse::<usize>().ok());
    let numbers: Vec<usize> = numbers.collect();
    match (numbers.first(), numbers.last()) {
        (Some(first), Some(last)) => Ok((*first, *last)),
        _ => Err("no list of allowed cores in /proc/self/status".to_owned()),
    }
}

/// The cores this process may use, as `taskset -c` takes them.
pub(crate) fn allowed() -> Result<String, String> {
    let status = fs::read_to_string("/proc/self/status").map_err(|error| error.to_string())?;
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    list.map(|list| list.trim().to_owned()).ok_or_else(|| "no list of allowed cores in /proc/self/status".to_owned())
}
