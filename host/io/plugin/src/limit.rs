//! Every bound of this crate, in one place.

use std::time::Duration;

/// Largest component that is looked at.
pub const MAX_COMPONENT_BYTES: usize = 32 << 20;
/// Largest manifest.
pub const MAX_MANIFEST_BYTES: usize = 64 << 10;
/// Bytes of a signature that are written for people; a stranger's may be long without end.
pub const SIGNATURE_BYTES: usize = 1_000;
/// Imports that are told to be missing; who lacks more was built for something else.
pub const MISSING: usize = 100;
/// Types and parameters of a signature that are looked at to say in what it differs from another.
pub const SIGNATURE_TYPES: usize = 50;
/// Largest package file: the largest component and a hundred minutes of prompts.
pub const PACKAGE_BYTES: usize = 128 << 20;
/// Files a package may have: the manifest, the component and prompts.
pub const PACKAGE_FILES: usize = 2_000;
/// Largest prompt in a package: ten minutes at 16 kHz.
pub const PROMPT_BYTES: usize = 20 << 20;
/// Longest name of a prompt in a package, `prompts/` and `.wav` included.
pub const PROMPT_NAME_BYTES: usize = 140;
/// The epoch ticker's step: how fine computing time is measured.
pub const TICK: Duration = Duration::from_millis(1);
/// Bytes the canonical ABI may copy out of a guest in one host call (wasmtime's own default is 128 MiB).
pub const HOSTCALL_BYTES: usize = 256 << 10;
/// Handles a component instance may hold (default of wasmtime: 100,000), and entries of the host's table for it.
pub const HANDLES: usize = 1_000;
/// Core instances one component may consist of.
pub const CORE_INSTANCES_PER_COMPONENT: u32 = 60;
/// Linear memories one component may have; JavaScript guests have two.
pub const MEMORIES_PER_COMPONENT: u32 = 4;
/// Tables one component may have.
pub const TABLES_PER_COMPONENT: u32 = 30;
/// Elements of one table.
pub const TABLE_ELEMENTS: usize = 20_000;
/// Largest linear memory whatever a manifest asks for. Also bounds one bulk operation, which no epoch interrupts.
pub const MEMORY_SLOT: usize = 64 << 20;
/// Stack of Wasm code. The rest of [`ASYNC_STACK`] is the host functions': overflowing that aborts the process, so they stay shallow.
pub const WASM_STACK: usize = 512 << 10;
/// Stack of a fibre.
pub const ASYNC_STACK: usize = 1 << 20;
/// Frames of a guest's back trace that are kept.
pub const BACKTRACE_FRAMES: usize = 20;
/// Lines one run may log.
pub const LOG_LINES: u32 = 256;
/// Bytes one run may log.
pub const LOG_BYTES: usize = 64 << 10;
/// Bytes of one log line.
pub const LOG_LINE_BYTES: usize = 4_096;
/// Bytes of what one recorded run asked and was told; the rest is not kept.
pub const TAPE_BYTES: usize = 256 << 10;
/// Questions of one recorded run.
pub const TAPE_CROSSINGS: usize = 10_000;
/// Recorded runs a tenant can keep.
pub const TAPES: usize = 10_000;
/// Runs of a tenant that are recorded at once; a further one is not. With [`TAPE_BYTES`] it bounds the memory for them.
pub const TAPES_AT_ONCE: usize = 256;
/// Recorded runs of a tenant that wait for the disk; a further one is not kept.
pub const TAPES_WAITING: usize = 64;
/// How far guest threads go behind the others (the nice value of `setpriority(2)`): a tenth of what the others get when all want the
/// core, so that guests still move beside a busy host.
pub const GUEST_NICE: i32 = 10;
/// Random bytes in one call.
pub const RANDOM_BYTES: u32 = 1_024;
/// Idle instances a generation keeps for its functions and strategies.
pub const IDLE_INSTANCES: usize = 4;
/// Calls after which a function's or a strategy's instance is replaced.
pub const REUSED_INSTANCE_CALLS: u32 = 10_000;
/// Function calls that may take longer than half a tick on a caller's thread before the plugin's begin on the guest threads.
pub const SLOW_CALLS: u32 = 3;
/// Calls begun on the guest threads that make up for one slow call.
pub const SLOW_CALL_WEIGHT: u32 = 500;
/// Arguments of a function.
pub const FUNCTION_ARGUMENTS: usize = 16;
/// Bytes of a function's value.
pub const FUNCTION_VALUE_BYTES: usize = 64 << 10;
/// Lines of what a deployment said and how its runs ended that are kept for who watches it.
pub const TAIL_LINES: usize = 256;
/// Bytes of their text.
pub const TAIL_BYTES: usize = 64 << 10;
/// Bytes of one of them; as many as a line of the log.
pub const TAIL_LINE_BYTES: usize = LOG_LINE_BYTES;
/// Candidates of one choice.
pub const CANDIDATES: usize = 256;
/// Bytes of a candidate's name.
pub const CANDIDATE_NAME_BYTES: usize = 128;
/// Bytes of one choice: the question, the candidates, what is known of them.
pub const CHOICE_BYTES: usize = 64 << 10;
/// Ends of runs the trap rate is taken over.
pub const TRAP_WINDOW: usize = 20;
/// Faults within [`TRAP_WINDOW`] that roll a version back.
pub const TRAPS_TO_ROLL_BACK: usize = 5;
/// Faults in a row after which a plugin with no former version is suspended.
pub const TRAPS_TO_SUSPEND: u32 = 5;
/// First suspension; doubled each time up to [`MAX_SUSPENSION`].
pub const SUSPENSION: Duration = Duration::from_secs(1);
/// Longest suspension.
pub const MAX_SUSPENSION: Duration = Duration::from_secs(60);
/// Lines of history a deployment keeps.
pub const HISTORY: usize = 100;
/// Versions of a deployment that can be activated again.
pub const KEPT_VERSIONS: usize = 10;
/// Publishers that are remembered of a plugin.
pub const PUBLISHERS: usize = 16;
/// Bytes of the dialled number, or of the endpoint, whose calls a version on trial takes.
pub const CANARY_NAME_BYTES: usize = 64;
/// Deployments a tenant may have.
pub const DEPLOYMENTS: usize = 100;
/// How long a new version waits for the service of the one before to hand over; it is not installed then.
pub const SERVICE_TURN: Duration = Duration::from_secs(5);
/// Requests waiting for a service.
pub const SERVICE_INBOX: usize = 256;
/// Events waiting for a service, so that there is always room for requests; one more is lost.
pub const SERVICE_EVENTS: usize = 128;
/// Kinds of events a service can subscribe to.
pub const SUBSCRIPTIONS: usize = 16;
/// Bytes of such a kind.
pub const EVENT_KIND_BYTES: usize = 128;
/// Bytes of the topic of a plugin's own event.
pub const TOPIC_BYTES: usize = 64;
/// Bytes of what an event or timer tells, names and values together.
pub const EVENT_DATA_BYTES: usize = 8 << 10;
/// Events a plugin may publish at once in a tenant …
pub const PUBLISH_BURST: u32 = 200;
/// … and a second: two plugins that answer each other's events end here.
pub const PUBLISH_PER_SECOND: u32 = 50;
/// Timers of a service.
pub const TIMERS: usize = 64;
/// Bytes of a timer's name.
pub const TIMER_NAME_BYTES: usize = 128;
/// Bytes of a timer's pattern of times of day.
pub const CRON_BYTES: usize = 128;
/// The longest a timer of times of day sleeps before it looks at the clock and the tenant's time zone again: either may be changed.
pub const CRON_LOOK: Duration = Duration::from_secs(3600);
/// How long a service waits before it tries again to handle an event, where its tenant has as many runs as it may.
pub const ENTER_AGAIN: Duration = Duration::from_millis(50);
/// The longest that who asks a service waits because it has computed more than its share.
pub const ASK_PAUSE: Duration = Duration::from_secs(1);
/// Lines that a channel driver has in a tenant at once: a half of the handles that its service may hold.
pub const LINES: usize = 500;
/// Bytes of what one side says of a line's audio; SDP of one stream is a tenth of that.
pub const LINE_DESCRIPTION_BYTES: usize = 4_096;
/// Bytes of a number that a driver's party dials, and of its own.
pub const LINE_NUMBER_BYTES: usize = 128;
/// The longest delay of a timer.
pub const TIMER_DELAY: Duration = Duration::from_secs(7 * 24 * 3600);
/// Bytes of a request to a service, and of its answer.
pub const SERVICE_MESSAGE_BYTES: usize = 64 << 10;
/// Bytes of a service's snapshot.
pub const SNAPSHOT_BYTES: usize = 1 << 20;
/// Applications, functions and settings a manifest may list, each.
pub const PROVIDES: usize = 100;

/// Numbers of its own that a plugin may have in a tenant.
pub const METRICS: usize = 64;
/// Bytes of the name of one.
pub const METRIC_NAME_BYTES: usize = 64;
/// Hosts that a manifest or a tenant's file may name for `http`, each.
pub const HTTP_HOSTS: usize = 32;
/// Secrets that a manifest may name for `http`.
pub const HTTP_SECRETS: usize = 16;
/// Bytes of a secret: a token of today has some hundreds.
pub const HTTP_SECRET_BYTES: usize = 4_096;
/// Bytes of a URL that a plugin asks.
pub const HTTP_URL_BYTES: usize = 2_048;
/// Bytes of a request's body. With the rest of the request it fits into [`HOSTCALL_BYTES`].
pub const HTTP_REQUEST_BYTES: usize = 128 << 10;
/// Bytes of a response's body.
pub const HTTP_RESPONSE_BYTES: usize = 1 << 20;
/// Headers of a request, and of a response.
pub const HTTP_HEADERS: usize = 64;
/// Bytes of their names and values together.
pub const HTTP_HEADER_BYTES: usize = 16 << 10;
/// Redirections that are followed for one request.
pub const HTTP_REDIRECTS: u32 = 5;
/// How long a request may take unless the plugin says otherwise.
pub const HTTP_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest it may say.
pub const HTTP_TIMEOUT_MAX: Duration = Duration::from_secs(60);
/// Requests of one plugin in one tenant on their way.
pub const HTTP_IN_FLIGHT: usize = 16;
/// Requests of one run: an application's, or a service's for one message.
pub const HTTP_REQUESTS: u32 = 32;
/// What all requests of a service for one message may take together, beyond what else it may take: others wait for it meanwhile.
pub const HTTP_SERVICE_TIME: Duration = Duration::from_secs(60);

/// How often files that nobody needs are looked for.
pub const COLLECT_INTERVAL: Duration = Duration::from_secs(3600);
/// A file used within this time stays: an installation may be on its way that no journal knows of yet.
pub const COLLECT_AGE: Duration = Duration::from_secs(3600);
/// Bytes of native code kept beyond what is active: some fifty versions of Python plugins, a thousand of Rust ones.
pub const COMPILED_BYTES: u64 = 2 << 30;

/// What one Store may use. The default is what a plugin gets that asks for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of all linear memories together.
    pub memory: u64,
    /// Elements of all tables together.
    pub table_elements: u64,
    /// Computing at a stretch: a bucket of this size …
    pub cpu_burst: Duration,
    /// … that refills by this many per cent of the time that passes.
    pub cpu_percent: u32,
    /// The longest run, waits included.
    pub max_run: Duration,
    /// Instructions of one function call.
    pub fuel: u64,
    /// The longest function call, waits for the store included.
    pub function_time: Duration,
    /// Host calls at once …
    pub host_calls: u32,
    /// … and per second.
    pub host_calls_per_second: u32,
    /// How long a run may go on after its caller is gone.
    pub grace: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 16 << 20,
            table_elements: 40_000,
            cpu_burst: Duration::from_millis(10),
            cpu_percent: 10,
            max_run: Duration::from_secs(4 * 3600),
            fuel: 10_000_000,
            function_time: Duration::from_secs(2),
            host_calls: 2_000,
            host_calls_per_second: 500,
            grace: Duration::from_secs(5),
        }
    }
}

impl Limits {
    /// The most a manifest can ask for unless the host's configuration says otherwise.
    pub fn ceiling() -> Self {
        Self {
            memory: MEMORY_SLOT as u64,
            table_elements: 80_000,
            cpu_burst: Duration::from_millis(100),
            cpu_percent: 50,
            max_run: Duration::from_secs(24 * 3600),
            fuel: 200_000_000,
            function_time: Duration::from_secs(10),
            host_calls: 20_000,
            host_calls_per_second: 5_000,
            grace: Duration::from_secs(30),
        }
    }
}
