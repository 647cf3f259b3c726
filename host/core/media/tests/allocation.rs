//! Relaying a packet allocates nothing, whether it is forwarded or transcoded (P3, P5).
#![allow(
    unsafe_code,
    reason = "a global allocator is the only way to count allocations; it only passes on to the system's"
)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use codec::Codec;
use media::engine::{Channel, Command, Engine, LegKey, LegOptions};
use media::negotiation::{Direction, StreamParams};
use media::rtp::Header;

struct Counting;

thread_local! {
    /// Of this thread only: the test runner has threads of its own.
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the pointer came from `alloc` above, that is, from the system.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn stream(leg: u8, codec: Codec) -> StreamParams {
    let remote = SocketAddr::from(([192, 0, 2, leg], 4000));
    StreamParams {
        remote,
        remote_rtcp: remote,
        rtcp_mux: false,
        signalling_source: None,
        direction: Direction::SendRecv,
        send: vec![(codec, codec.static_payload_type())],
        receive: vec![(codec.static_payload_type(), codec)],
        dtmf_send: None,
        dtmf_receive: None,
        ptime_ms: 20,
    }
}

#[expect(clippy::disallowed_methods, reason = "virtual time needs some first instant")]
fn some_instant() -> Instant {
    Instant::now()
}

/// Allocations for 1000 packets each way after the first hundred.
fn allocations(a: Codec, b: Codec) -> usize {
    let mut engine = Engine::new(1);
    let mut now = some_instant();
    let legs = [(1, a), (2, b)];
    for (number, codec) in legs {
        let leg = LegKey(number.into());
        engine.handle_command(now, Command::Add { leg, options: LegOptions::default() });
        engine.handle_command(now, Command::Update { leg, stream: stream(number, codec) });
    }
    engine.handle_command(now, Command::Bridge { a: LegKey(1), b: LegKey(2) });
    let mut before = 0;
    let mut sent = 0;
    for n in 0..1100_u16 {
        if n == 100 {
            before = ALLOCATIONS.get();
            sent = 0;
        }
        for (number, codec) in legs {
            let (payload_type, timestamp) = (codec.static_payload_type(), u32::from(n) * 160);
            let header = Header { marker: false, payload_type, sequence: n, timestamp, ssrc: number.into() };
            let mut packet = [0x55; 172];
            packet[..12].copy_from_slice(&header.to_bytes());
            let from = SocketAddr::from(([192, 0, 2, number], 4000));
            engine.handle_packet(now, LegKey(number.into()), Channel::Rtp, from, &packet);
            engine.handle_timeout(now);
            while let Some(transmit) = engine.poll_transmit() {
                sent += usize::from(transmit.channel == Channel::Rtp);
            }
        }
        now += Duration::from_millis(20);
    }
    assert_eq!(sent, 2000);
    while engine.poll_event().is_some() {}
    ALLOCATIONS.get() - before
}

#[test]
fn relaying_a_packet_allocates_nothing() {
    for (a, b) in [(Codec::Pcmu, Codec::Pcmu), (Codec::Pcmu, Codec::Pcma), (Codec::G722, Codec::Pcma)] {
        assert_eq!(allocations(a, b), 0, "{a:?} {b:?}");
    }
}
