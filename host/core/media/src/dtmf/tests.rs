use super::*;

fn payload(event: u8, is_end: bool, ms: u32) -> [u8; 4] {
    let [high, low] = ((ms * 8) as u16).to_be_bytes();
    [event, if is_end { 0x8a } else { 0x0a }, high, low]
}

/// Feeds (ms, timestamp, payload) and lets time go on to `end_ms`.
fn hear(packets: &[(u64, u32, [u8; 4])], end_ms: u64) -> Vec<(char, u32)> {
    let start = crate::tests::some_instant();
    let mut receiver = Receiver::default();
    let mut heard = Vec::new();
    for (ms, timestamp, payload) in packets {
        let now = start + Duration::from_millis(*ms);
        receiver.handle_timeout(now, |digit| heard.push((digit.digit, digit.duration_ms)));
        receiver.packet(now, *timestamp, payload, |digit| heard.push((digit.digit, digit.duration_ms)));
    }
    receiver
        .handle_timeout(start + Duration::from_millis(end_ms), |digit| heard.push((digit.digit, digit.duration_ms)));
    heard
}

#[test]
fn an_event_is_told_once_at_its_end() {
    let mut packets: Vec<_> = (1..=4).map(|n| (n * 20, 1000, payload(5, false, n as u32 * 20))).collect();
    packets.extend([(100, 1000, payload(5, true, 100)); 3]);
    assert_eq!(hear(&packets, 10_000), [('5', 100)]);
}

/// D8: replayed, duplicated and late packets are the same event.
#[test]
fn retransmissions_and_late_packets_are_not_new_digits() {
    let one = [(0, 1000, payload(1, false, 20)), (20, 1000, payload(1, true, 40))];
    let two = [(300, 3000, payload(1, false, 20)), (320, 3000, payload(1, true, 40))];
    let mut packets = one.to_vec();
    packets.extend(two);
    packets.extend(one);
    packets.extend(two);
    assert_eq!(hear(&packets, 10_000), [('1', 40), ('1', 40)]);
}

#[test]
fn lost_ends_are_made_up_by_the_next_event_or_by_silence() {
    let packets = [(0, 1000, payload(10, false, 80)), (100, 3000, payload(11, false, 60))];
    assert_eq!(hear(&packets, 100), [('*', 80)]);
    assert_eq!(hear(&packets, 300), [('*', 80), ('#', 60)]);
}

/// D8.
#[test]
fn an_event_that_never_ends_is_ended_once() {
    let packets: Vec<_> = (0..3000).map(|n| (n * 20, 1000, payload(9, false, (n as u32 * 20).min(8000)))).collect();
    let heard = hear(&packets, 100_000);
    assert_eq!(heard.len(), 1, "{heard:?}");
}

#[test]
fn a_long_event_goes_on_in_segments() {
    let packets = [
        (0, 1000, [1, 10, 0xff, 0xff]),
        (20, 1000 + 0xffff, payload(1, false, 20)),
        (40, 1000 + 0xffff, payload(1, true, 40)),
    ];
    assert_eq!(hear(&packets, 1000), [('1', (0xffff + 320) / 8)]);
}

/// D8: what is not a digit, too short, or turns into another one.
#[test]
fn nonsense_is_not_a_digit() {
    let start = crate::tests::some_instant();
    let mut receiver = Receiver::default();
    for bytes in [&[][..], &[1, 2, 3], &[16, 0x80, 0, 0], &[255, 255, 255, 255]] {
        receiver.packet(start, 0, bytes, |digit| panic!("{digit:?}"));
    }
    assert_eq!(hear(&[(0, 7, payload(1, false, 20)), (20, 7, payload(2, true, 40))], 1000), [('1', 20)]);
    // Durations that overflow nothing.
    let forever: Vec<_> = (0..100_000_u32).map(|n| (0, n.wrapping_mul(0xffff), [1, 0, 0xff, 0xff])).collect();
    hear(&forever, 100_000);
}

#[test]
fn a_new_source_may_use_old_timestamps() {
    let now = crate::tests::some_instant();
    let mut receiver = Receiver::default();
    let mut heard = 0;
    for _ in 0..2 {
        receiver.packet(now, 5000, &payload(1, true, 40), |_| heard += 1);
        receiver.reset(|_| panic!("nothing is left"));
    }
    assert_eq!(heard, 2);
}

/// What we send, we understand; at every packet time, with the first or the last end lost.
#[test]
fn what_is_sent_is_received() {
    for ptime_ms in [10, 20, 30, 40, 60] {
        for lost in 0..3 {
            let mut sender = Sender::default();
            sender.push("1w2#x");
            let (mut packets, mut at_ms, mut timestamp, mut ends) = (Vec::new(), 0_u64, 0, 0);
            while let Some(step) = sender.step(ptime_ms) {
                if let Step::Event { is_first: true, .. } = step {
                    timestamp = at_ms as u32 * 8;
                    ends = 0;
                }
                if let Step::Event { payload, .. } | Step::EndAgain { payload } = step {
                    let is_end = payload[1] & 0x80 != 0;
                    ends += u32::from(is_end);
                    if !is_end || ends != lost + 1 {
                        packets.push((at_ms, timestamp, payload));
                    }
                    assert!(ends <= 3);
                }
                at_ms += u64::from(ptime_ms);
            }
            assert_eq!(ends, 3);
            let duration_ms = 100_u32.next_multiple_of(ptime_ms);
            let expected = ['1', '2', '#'].map(|digit| (digit, duration_ms));
            assert_eq!(hear(&packets, at_ms + 1000), expected, "{ptime_ms} ms, end {lost} lost");
        }
    }
}

#[test]
fn the_queue_of_digits_is_bounded() {
    let mut sender = Sender::default();
    sender.push(&"5".repeat(100_000));
    let steps = std::iter::from_fn(|| sender.step(20)).count();
    assert_eq!(steps, QUEUE_MAX * 10);
    assert!(sender.is_idle());
}
