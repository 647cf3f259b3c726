use super::*;

const SIGNALLED: &str = "192.0.2.1:4000";
const NAT: &str = "198.51.100.1:1024";

fn latch() -> Latch {
    Latch::new(SIGNALLED.parse().unwrap(), Some("198.51.100.1".parse().unwrap()))
}

fn send(latch: &mut Latch, now: Instant, from: &str, ssrc: u32, sequence: u16) -> Verdict {
    let header = Header { marker: false, payload_type: 0, sequence, timestamp: 0, ssrc };
    latch.judge(now, from.parse().unwrap(), &header)
}

#[test]
fn the_signalled_address_is_heard_at_once_and_locks() {
    let now = crate::tests::some_instant();
    let mut latch = latch();
    let verdicts: Vec<_> = (0..4).map(|n| send(&mut latch, now, SIGNALLED, 1, n)).collect();
    assert_eq!(verdicts, [Verdict::Accept, Verdict::Accept, Verdict::Latched, Verdict::Accept]);
}

/// F26: a phone behind a NAT whose SDP holds its private address.
#[test]
fn the_signalling_source_is_believed_after_consistent_packets() {
    let now = crate::tests::some_instant();
    let mut latch = latch();
    assert_eq!(latch.destination(), SIGNALLED.parse().unwrap());
    let verdicts: Vec<_> = [10, 11, 13, 14].map(|n| send(&mut latch, now, NAT, 1, n)).to_vec();
    assert_eq!(verdicts, [Verdict::Drop, Verdict::Drop, Verdict::Latched, Verdict::Accept]);
    assert_eq!(latch.destination(), NAT.parse().unwrap());
}

/// D1: nobody else is ever believed, before or after.
#[test]
fn a_stranger_is_never_believed() {
    let start = crate::tests::some_instant();
    let mut latch = latch();
    for n in 0..1000 {
        assert_eq!(send(&mut latch, start, "203.0.113.66:4000", 6, n), Verdict::Drop);
    }
    for n in 0..3 {
        send(&mut latch, start, SIGNALLED, 1, n);
    }
    let later = start + Duration::from_secs(60);
    for n in 3..1000 {
        // Even with the right SSRC and sequence, after a long silence.
        assert_eq!(send(&mut latch, later, "203.0.113.66:4000", 1, n), Verdict::Drop);
    }
    assert_eq!(latch.locked(), Some(SIGNALLED.parse().unwrap()));
}

/// D1: a neighbour behind the same address neither disturbs the learning nor takes a locked stream.
#[test]
fn another_port_of_a_plausible_address_takes_nothing_over() {
    let start = crate::tests::some_instant();
    let mut latch = latch();
    for n in 0..3 {
        send(&mut latch, start, SIGNALLED, 1, n);
        assert_eq!(send(&mut latch, start, "192.0.2.1:6666", 6, n), Verdict::Drop);
    }
    assert_eq!(latch.locked(), Some(SIGNALLED.parse().unwrap()));
    let later = start + Duration::from_secs(60);
    for n in 3..100 {
        assert_eq!(send(&mut latch, later, "192.0.2.1:6666", 6, n), Verdict::Drop, "another SSRC");
        assert_eq!(send(&mut latch, later, "192.0.2.1:6666", 1, 40_000 + n), Verdict::Drop, "no continuity");
    }
    for n in 3..100 {
        let now = start + Duration::from_millis(20) * n.into();
        send(&mut latch, now, SIGNALLED, 1, n);
        assert_eq!(send(&mut latch, now, "192.0.2.1:6666", 1, n + 1), Verdict::Drop, "the old port is not silent");
    }
}

#[test]
fn a_changed_nat_port_is_followed_when_the_stream_continues() {
    let start = crate::tests::some_instant();
    let mut latch = latch();
    for n in 0..3 {
        send(&mut latch, start, NAT, 1, n);
    }
    let later = start + Duration::from_secs(1);
    let verdicts: Vec<_> = (30..33).map(|n| send(&mut latch, later, "198.51.100.1:2048", 1, n)).collect();
    assert_eq!(verdicts, [Verdict::Drop, Verdict::Drop, Verdict::Latched]);
    assert_eq!(latch.destination(), "198.51.100.1:2048".parse().unwrap());
}

#[test]
fn a_new_ssrc_from_the_locked_address_is_the_same_peer() {
    let now = crate::tests::some_instant();
    let mut latch = latch();
    for n in 0..3 {
        send(&mut latch, now, SIGNALLED, 1, n);
    }
    assert_eq!(send(&mut latch, now, SIGNALLED, 2, 5000), Verdict::Accept);
}

#[test]
fn a_new_signalled_address_starts_anew_but_a_hold_does_not() {
    let now = crate::tests::some_instant();
    let mut latch = latch();
    for n in 0..3 {
        send(&mut latch, now, NAT, 1, n);
    }
    latch.update("0.0.0.0:4000".parse().unwrap(), Some("198.51.100.1".parse().unwrap()));
    latch.update(SIGNALLED.parse().unwrap(), Some("198.51.100.1".parse().unwrap()));
    assert_eq!(latch.locked(), Some(NAT.parse().unwrap()));
    latch.update("192.0.2.2:4000".parse().unwrap(), None);
    assert_eq!(latch.locked(), None);
    assert_eq!(send(&mut latch, now, NAT, 1, 9), Verdict::Drop);
}

#[test]
fn random_sequence_numbers_never_lock() {
    let now = crate::tests::some_instant();
    let mut latch = latch();
    for n in 0..1000_u16 {
        assert_eq!(send(&mut latch, now, NAT, 1, n.wrapping_mul(12_345)), Verdict::Drop);
    }
}
