//! A plugin that misbehaves on demand: one application for each row of the hostile catalogue it stands for.

use std::hint::black_box;
use std::time::Duration;

use jackfield_sdk::{Error, Function, Leg, Level, Result, apps, functions, kv, log, system};

apps! {
    "Good" => good,
    "Refuse" => refuse,
    "Trap" => trap,
    "Loop" => spin,
    "MemoryBomb" => memory_bomb,
    "Recurse" => recurse,
    "HostFlood" => host_flood,
    "LogFlood" => log_flood,
    "Drip" => drip,
    "IgnoreHangup" => ignore_hangup,
    "Wait" => wait,
    "HugeArgument" => huge_argument,
    "ManyPrompts" => many_prompts,
    "Print" => print,
    "Bulk" => bulk,
    "KvForever" => kv_forever,
    "Leak" => leak,
    "Moody" => moody,
    "Fill" => fill,
    "Scan" => scan,
}

functions! {
    "GOOD" => good_value,
    "SPIN" => spin_value,
    "BOMB" => bomb_value,
    "WAIT" => wait_value,
    "PANIC" => panic_value,
    "HUGE" => huge_value,
    "KV" => kv_value / set_kv_value,
    "CALLER" => caller_value,
}

fn good(leg: Leg, _arguments: &str) -> Result {
    leg.answer()
}

/// An ordinary error of the guest's own.
fn refuse(_leg: Leg, arguments: &str) -> Result {
    Err(Error::failed(arguments))
}

/// H17: a trap.
fn trap(_leg: Leg, _arguments: &str) -> Result {
    panic!("as asked")
}

/// H1: an endless loop.
fn spin(_leg: Leg, _arguments: &str) -> Result {
    loop {
        black_box(0);
    }
}

/// H6: memory, for ever.
fn memory_bomb(_leg: Leg, _arguments: &str) -> Result {
    let mut hoard = Vec::new();
    loop {
        hoard.push(vec![1u8; 1 << 20]);
        black_box(&hoard);
    }
}

/// H5: recursion without end, in the host's stack: nothing of it is in linear memory.
fn recurse(_leg: Leg, arguments: &str) -> Result {
    #[inline(never)]
    fn deeper(depth: u64) -> u64 {
        if depth == u64::MAX { 0 } else { deeper(depth + 1).wrapping_mul(3) ^ depth }
    }
    Err(Error::failed(deeper(arguments.len() as u64).to_string()))
}

/// H10: cheap host calls, for ever.
fn host_flood(leg: Leg, _arguments: &str) -> Result {
    loop {
        black_box(leg.id());
    }
}

/// H14: log lines, more than anybody reads.
fn log_flood(_leg: Leg, _arguments: &str) -> Result {
    for line in 0..1_500 {
        log(Level::Info, &format!("line {line} \u{1b}[2J"));
    }
    Ok(())
}

/// H4: computing just under the budget, then waiting a little, for ever.
fn drip(leg: Leg, _arguments: &str) -> Result {
    loop {
        let mut sum = 0u64;
        for step in 0..3_000_000u64 {
            sum = black_box(sum.wrapping_add(step));
        }
        leg.wait(Duration::from_millis(1))?;
    }
}

/// Goes on after `gone`.
fn ignore_hangup(leg: Leg, _arguments: &str) -> Result {
    loop {
        if leg.wait(Duration::from_secs(1)).is_err() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// Waits once, for as many milliseconds as asked.
fn wait(leg: Leg, arguments: &str) -> Result {
    leg.answer()?;
    leg.wait(Duration::from_millis(arguments.parse().map_err(|_| Error::invalid("not a number"))?))
}

/// H9: a host call with more bytes than it may copy.
fn huge_argument(leg: Leg, _arguments: &str) -> Result {
    leg.play("x".repeat(4 << 20))
}

/// H9: a list of many small strings.
fn many_prompts(leg: Leg, _arguments: &str) -> Result {
    leg.play(vec!["x"; 5_000])
}

/// Standard output is the plugin's log.
fn print(_leg: Leg, arguments: &str) -> Result {
    println!("{arguments}");
    eprintln!("to standard error");
    Ok(())
}

/// H8: bulk memory operations, which no epoch interrupts.
fn bulk(_leg: Leg, _arguments: &str) -> Result {
    let mut block = vec![0u8; 8 << 20];
    let mut value = 0u8;
    loop {
        value = value.wrapping_add(1);
        black_box(&mut block).fill(value);
    }
}

/// H13: storage, for ever.
fn kv_forever(_leg: Leg, _arguments: &str) -> Result {
    for key in 0u64.. {
        kv::set(&format!("key-{key}"), vec![0; 60_000])?;
    }
    Ok(())
}

/// What another run's memory would be recognised by.
const CANARY: [u8; 16] = *b"canary-in-a-mine";

/// I2: leaves a pattern all over its memory.
fn fill(_leg: Leg, _arguments: &str) -> Result {
    let mut block = vec![0u8; 4 << 20];
    block.chunks_exact_mut(CANARY.len()).for_each(|place| place.copy_from_slice(&CANARY));
    black_box(&block);
    Ok(())
}

/// I2: looks for the pattern in memory that it never wrote.
fn scan(_leg: Leg, _arguments: &str) -> Result {
    let found = raw::untouched(4 << 20).chunks_exact(CANARY.len()).filter(|place| **place == CANARY).count();
    if found > 0 { Err(Error::failed(format!("{found} canaries"))) } else { Ok(()) }
}

/// Traps or not as this version's manifest says.
fn moody(leg: Leg, _arguments: &str) -> Result {
    assert!(system::config("mode").as_deref() != Some("trap"), "in a bad mood");
    leg.answer()
}

/// H11: resources that are never given back: each is another standard output.
fn leak(_leg: Leg, _arguments: &str) -> Result {
    loop {
        // std gives its handles back, so the raw import is used.
        raw::leak_one();
    }
}

mod raw {
    #![allow(unsafe_code, reason = "this guest is hostile on purpose")]

    use std::alloc::{Layout, alloc};

    #[cfg(target_arch = "wasm32")]
    #[link(wasm_import_module = "wasi:cli/stdout@0.2.0")]
    unsafe extern "C" {
        #[link_name = "get-stdout"]
        fn get_stdout() -> i32;
    }

    pub(crate) fn leak_one() {
        // SAFETY: takes nothing, returns a handle.
        #[cfg(target_arch = "wasm32")]
        unsafe {
            get_stdout();
        }
    }

    /// Memory as it comes, which in Wasm is defined: zeros, unless the host did not clear a slot.
    pub(crate) fn untouched(bytes: usize) -> &'static [u8] {
        let layout = Layout::array::<u8>(bytes).expect("small enough");
        // SAFETY: leaked, and of that size. Wasm has no uninitialised memory.
        unsafe { std::slice::from_raw_parts(alloc(layout), bytes) }
    }
}

fn good_value(call: Function<'_>) -> Result<String> {
    Ok(call.arguments.join("-"))
}

fn spin_value(_call: Function<'_>) -> Result<String> {
    loop {
        black_box(0);
    }
}

fn bomb_value(_call: Function<'_>) -> Result<String> {
    let mut hoard = Vec::new();
    loop {
        hoard.push(vec![1u8; 1 << 20]);
        black_box(&hoard);
    }
}

/// A function may not wait for a caller.
fn wait_value(call: Function<'_>) -> Result<String> {
    call.leg()?.wait(Duration::from_secs(1))?;
    Ok(String::new())
}

fn panic_value(_call: Function<'_>) -> Result<String> {
    panic!("as asked")
}

fn huge_value(_call: Function<'_>) -> Result<String> {
    Ok("x".repeat(100_000))
}

fn kv_value(call: Function<'_>) -> Result<String> {
    Ok(kv::get_text(call.argument(0))?.unwrap_or_default())
}

fn set_kv_value(call: Function<'_>, value: &str) -> Result {
    kv::set(call.argument(0), value)
}

fn caller_value(call: Function<'_>) -> Result<String> {
    Ok(call.leg()?.caller_number())
}
