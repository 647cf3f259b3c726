//! The tenant's settings, each within its bounds.

use jackfield_sdk::system;

/// Members that ring at once: what one dial takes.
pub(crate) const RING_MAX: usize = 16;
/// Queues of a tenant.
const QUEUES_MAX: usize = 100;
/// Members of a queue that are set.
const MEMBERS_MAX: usize = 200;
/// Bytes of a queue's or a member's name.
const NAME_BYTES: usize = 64;

/// A queue as it is set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Queue {
    pub(crate) name: String,
    pub(crate) members: Vec<String>,
    pub(crate) strategy: String,
    pub(crate) ring_ms: u64,
    pub(crate) retry_ms: u64,
    pub(crate) wrap_up_ms: u64,
    pub(crate) callers: usize,
    pub(crate) leave_when_empty: bool,
}

/// Whether it may name a queue or a member: nothing that is a dial target of another kind, or breaks a line.
pub(crate) fn is_name(name: &str) -> bool {
    (1..=NAME_BYTES).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

impl Queue {
    /// The strategy of another plugin that chooses, where none of our own does.
    pub(crate) fn other_strategy(&self) -> Option<&str> {
        Some(self.strategy.as_str()).filter(|strategy| !["", "ring-all", "in-order"].contains(strategy))
    }
}

/// The queue of this name, if there is one.
pub(crate) fn queue(name: &str) -> Option<Queue> {
    queues().into_iter().find(|queue| queue.name == name)
}

/// All queues there are.
pub(crate) fn queues() -> Vec<Queue> {
    let text = system::config("queues").unwrap_or_default();
    text.split([';', '\n']).filter_map(read).take(QUEUES_MAX).collect()
}

/// `sales 101 102 ring=20`
fn read(text: &str) -> Option<Queue> {
    let mut words = text.split([' ', ',', '\t', '\r']).filter(|word| !word.is_empty());
    let name = words.next().filter(|name| is_name(name))?;
    let (options, members): (Vec<&str>, Vec<&str>) = words.partition(|word| word.contains('='));
    let own = |key: &str| options.iter().rev().find_map(|option| option.strip_prefix(key)?.strip_prefix('='));
    let seconds = |key: &str, setting: &str, default: u64, least: u64, most: u64| {
        let value = own(key).and_then(|value| value.parse().ok()).unwrap_or_else(|| number(setting, default));
        value.clamp(least, most) * 1_000
    };
    Some(Queue {
        name: name.to_owned(),
        members: members.into_iter().filter(|name| is_name(name)).take(MEMBERS_MAX).map(str::to_owned).collect(),
        strategy: own("strategy").map(str::to_owned).or_else(|| system::config("strategy")).unwrap_or_default(),
        ring_ms: seconds("ring", "ring-seconds", 15, 1, 120),
        retry_ms: seconds("retry", "retry-seconds", 5, 0, 600),
        wrap_up_ms: seconds("wrap-up", "wrap-up-seconds", 0, 0, 3_600),
        callers: own("callers")
            .and_then(|value| value.parse().ok())
            .unwrap_or_else(|| number("callers", 50))
            .clamp(1, 200) as usize,
        leave_when_empty: match own("leave-when-empty") {
            Some(value) => value == "true",
            None => system::config("leave-when-empty").as_deref() != Some("false"),
        },
    })
}

/// How often callers hear their position, in milliseconds.
pub(crate) fn announce_ms() -> Option<u64> {
    Some(number("announce-seconds", 30).min(3_600) * 1_000).filter(|ms| *ms > 0)
}

/// What callers hear while they wait.
pub(crate) fn sound() -> Option<String> {
    let sound = system::config("sound").unwrap_or_else(|| "tone:425/1000,0/4000".to_owned());
    Some(sound).filter(|sound| !sound.is_empty())
}

fn number(key: &str, default: u64) -> u64 {
    system::config(key).and_then(|value| value.parse().ok()).unwrap_or(default)
}
