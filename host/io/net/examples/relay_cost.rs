//! What the engine itself costs for a relayed packet (P3), without sockets: `cargo run --release -p net --example relay_cost`.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use codec::Codec;
use media::engine::{Channel, Command, Engine, LegKey, LegOptions};
use media::negotiation::{Direction, StreamParams};
use media::rtp::Header;

const CALLS: u64 = 200;
const ROUNDS: u16 = 1_000;

fn address(leg: u64) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], 4_000 + leg as u16 * 2))
}

fn stream(leg: u64) -> StreamParams {
    StreamParams {
        remote: address(leg),
        remote_rtcp: address(leg),
        rtcp_mux: false,
        signalling_source: None,
        direction: Direction::SendRecv,
        send: vec![(Codec::Pcma, 8), (Codec::Pcmu, 0)],
        receive: vec![(8, Codec::Pcma), (0, Codec::Pcmu)],
        dtmf_send: Some(101),
        dtmf_receive: Some(101),
        ptime_ms: 20,
    }
}

fn main() {
    let mut engine = Engine::new(1);
    let mut now = Instant::now();
    let options = LegOptions { media_timeout: Some(Duration::from_secs(60)) };
    for leg in 0..2 * CALLS {
        engine.handle_command(now, Command::Add { leg: LegKey(leg), options: options.clone() });
        engine.handle_command(now, Command::Update { leg: LegKey(leg), stream: stream(leg) });
    }
    for call in 0..CALLS {
        engine.handle_command(now, Command::Bridge { a: LegKey(2 * call), b: LegKey(2 * call + 1) });
    }
    // What a system call in between leaves of the first-level cache: nothing.
    let mut dirt = vec![0_u8; 48 << 10];
    let (mut sent, mut spent) = (0_u64, Duration::ZERO);
    for round in 0..ROUNDS {
        for leg in 0..2 * CALLS {
            let header =
                Header { marker: false, payload_type: 8, sequence: round, timestamp: u32::from(round) * 160, ssrc: 7 };
            let mut packet = [0x55; 172];
            packet[..12].copy_from_slice(&header.to_bytes());
            if leg % 4 == 0 {
                dirt.iter_mut().step_by(64).for_each(|byte| *byte = byte.wrapping_add(1));
            }
            let begun = Instant::now();
            engine.handle_packet(now, LegKey(leg), Channel::Rtp, address(leg), &packet);
            spent += begun.elapsed();
        }
        let begun = Instant::now();
        engine.handle_timeout(now);
        while let Some(transmit) = engine.poll_transmit() {
            sent += u64::from(transmit.channel == Channel::Rtp);
        }
        spent += begun.elapsed();
        while engine.poll_event().is_some() {}
        now += Duration::from_millis(20);
    }
    println!("{sent} packets, {:.0} ns each", spent.as_nanos() as f64 / sent as f64);
}
