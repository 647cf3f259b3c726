//! Every bound of the language, with what happens at it.

use std::time::Duration;

/// Bytes of one file; a longer one is refused.
pub const FILE_BYTES: usize = 8 << 20;
/// Bytes of one line; a longer one is refused.
pub const LINE_BYTES: usize = 16 << 10;
/// Files of one plan, each inclusion counted; more are refused.
pub const FILES: usize = 256;
/// How deep `#include` may nest; deeper is refused, and so is a file that includes itself.
pub const FILE_DEPTH: usize = 8;
/// Lines of all files together that are not empty; a longer plan is refused.
pub const LINES: usize = 1_000_000;
/// Extensions of one plan; more are refused.
pub const EXTENSIONS: usize = 200_000;
/// Priorities of one extension; more are refused.
pub const PRIORITIES: usize = 10_000;
/// The greatest number a priority may have.
pub const PRIORITY: u32 = 1_000_000;
/// Errors reported for one plan; one more line says how many are left out.
pub const DIAGNOSTICS: usize = 100;

/// How deep `${…}`, `$[…]`, brackets and `ExecIf` may nest; deeper is refused when the plan is read.
pub const NESTING: usize = 24;
/// Operations one line may compile to; a larger one is refused.
pub const OPERATIONS: usize = 4_096;
/// Arguments of one function or subroutine; more are refused.
pub const ARGUMENTS: usize = 64;
/// Elements of a pattern; a longer one is refused.
pub const PATTERN: usize = 128;
/// Bytes a compiled regular expression may take; a larger one matches nothing and is logged.
pub const REGEX_BYTES: usize = 64 << 10;
/// How deep a regular expression's groups may nest.
pub const REGEX_NESTING: u32 = 32;

/// How deep `include` is followed when an extension is looked for; a loop ends there too.
pub const INCLUDE_DEPTH: usize = 32;
/// Contexts searched for one extension; further ones are not.
pub const INCLUDED_CONTEXTS: usize = 256;
/// Extensions that may share the priorities of one number; further ones are not looked at.
pub const CANDIDATES: usize = 32;
/// Characters of a dialled extension; a longer one matches nothing.
pub const EXTENSION_CHARS: usize = 80;

/// Bytes of a value, and of an application's arguments; the rest is cut off with a warning.
pub const VALUE_BYTES: usize = 8 << 10;
/// Bytes of a variable's name; a longer one is not set.
pub const NAME_BYTES: usize = 128;
/// Variables of one call, locals and arguments included; one more is not set, with a warning.
pub const VARIABLES: usize = 1_024;
/// Bytes of all variables of one call; a `Set` beyond is not done, with a warning.
pub const VARIABLE_BYTES: usize = 256 << 10;
/// How deep `Gosub` may nest; the run goes to `e` or hangs up with cause 25.
pub const GOSUB_DEPTH: usize = 64;
/// Lines run one after another without an effect that takes time (an application, a wait, a dial); then the plan is taken to
/// be looping and the call is hung up with cause 25.
pub const IDLE_STEPS: u32 = 10_000;
/// Lines run in one call altogether; then as [`IDLE_STEPS`].
pub const STEPS: u32 = 1_000_000;
/// Faults in one call after which nobody is sent to `e` any more, so that a faulty `e` ends.
pub const FAULTS: u32 = 16;
/// Log lines waiting to be asked for; more are dropped.
pub const LOG_LINES: usize = 32;

/// The longest `Wait`, and the longest time-out of any kind.
pub const WAIT: Duration = Duration::from_secs(24 * 3600);
/// How long to wait for the first digit of an extension unless `TIMEOUT(response)` says otherwise.
pub const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long to wait between digits unless `TIMEOUT(digit)` says otherwise.
pub const DIGIT_TIMEOUT: Duration = Duration::from_secs(5);

/// Lines of an explanation; it ends there.
pub const TRACE_LINES: usize = 400;
/// Extensions followed by an explanation's `Goto`.
pub const TRACE_HOPS: usize = 16;
/// Extensions that are listed as not matching, for each context.
pub const TRACE_MISSES: usize = 20;
