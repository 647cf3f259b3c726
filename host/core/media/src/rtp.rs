//! RTP packets (RFC 3550 §5): a view of what arrived and the header of what is sent.

/// Longest packet that is looked at: an Ethernet frame's worth.
pub const PACKET_MAX: usize = 1500;
/// Length of the header we write: no CSRC, no extension.
pub const HEADER_LEN: usize = 12;

/// The fields of a header that mean something to us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// First packet of a talk spurt, or of an event.
    pub marker: bool,
    /// Payload type, 0 to 127.
    pub payload_type: u8,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp.
    pub timestamp: u32,
    /// Source.
    pub ssrc: u32,
}

/// A packet that arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Its header.
    pub header: Header,
    /// Its payload without padding.
    pub payload: &'a [u8],
}

impl<'a> Packet<'a> {
    /// Reads a packet; `None` if it is not one. CSRCs, the header extension and padding are checked and left out: what
    /// they mean was agreed with us by nobody, so it is not passed on.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() > PACKET_MAX {
            return None;
        }
        let (fixed, mut rest) = bytes.split_first_chunk::<HEADER_LEN>()?;
        let [first, second, sequence @ .., _, _, _, _, _, _, _, _] = *fixed;
        if first >> 6 != 2 {
            return None;
        }
        rest = rest.get(usize::from(first & 0x0f) * 4..)?;
        if first & 0x10 != 0 {
            let ([_, _, len @ ..], after) = rest.split_first_chunk::<4>()?;
            rest = after.get(usize::from(u16::from_be_bytes(*len)) * 4..)?;
        }
        if first & 0x20 != 0 {
            let padding = usize::from(*rest.last()?);
            // §5.1: the count includes itself, so it is never 0.
            rest = rest.get(..rest.len().checked_sub(padding)?).filter(|_| padding > 0)?;
        }
        let header = Header {
            marker: second & 0x80 != 0,
            payload_type: second & 0x7f,
            sequence: u16::from_be_bytes(sequence),
            timestamp: u32::from_be_bytes([fixed[4], fixed[5], fixed[6], fixed[7]]),
            ssrc: u32::from_be_bytes([fixed[8], fixed[9], fixed[10], fixed[11]]),
        };
        Some(Self { header, payload: rest })
    }
}

impl Header {
    /// The header on the wire.
    pub fn to_bytes(self) -> [u8; HEADER_LEN] {
        let mut bytes = [0; HEADER_LEN];
        bytes[0] = 0x80;
        bytes[1] = u8::from(self.marker) << 7 | (self.payload_type & 0x7f);
        bytes[2..4].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[4..8].copy_from_slice(&self.timestamp.to_be_bytes());
        bytes[8..].copy_from_slice(&self.ssrc.to_be_bytes());
        bytes
    }
}

/// Whether a packet on a shared port is RTCP (RFC 5761 §4: packet types 192 to 223).
pub fn is_rtcp(bytes: &[u8]) -> bool {
    matches!(bytes.get(1), Some(192..=223))
}

/// How far `to` is ahead of `from` (negative: behind), in the arithmetic of 16-bit sequence numbers.
pub fn sequence_distance(from: u16, to: u16) -> i16 {
    to.wrapping_sub(from) as i16
}

/// How far `to` is ahead of `from` in the arithmetic of 32-bit timestamps.
pub fn timestamp_distance(from: u32, to: u32) -> i32 {
    to.wrapping_sub(from) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: Header =
        Header { marker: true, payload_type: 101, sequence: 0xfffe, timestamp: 0x8000_0001, ssrc: 0xdead_beef };

    #[test]
    fn a_header_is_written_and_read() {
        let bytes = [&HEADER.to_bytes()[..], b"payload"].concat();
        assert_eq!(Packet::parse(&bytes), Some(Packet { header: HEADER, payload: b"payload" }));
    }

    #[test]
    fn sources_extension_and_padding_are_left_out() {
        let mut bytes = HEADER.to_bytes().to_vec();
        bytes[0] = 0x80 | 0x20 | 0x10 | 2;
        bytes.extend([1; 8]);
        bytes.extend([0xbe, 0xde, 0, 1, 9, 9, 9, 9]);
        bytes.extend(b"payload");
        bytes.extend([0, 0, 3]);
        assert_eq!(Packet::parse(&bytes).unwrap().payload, b"payload");
    }

    /// D8: bad version, CSRC count, extension length, padding; short and oversized packets.
    #[test]
    fn malformed_packets_are_refused() {
        let header = HEADER.to_bytes();
        let packet = |first: u8, rest: &[u8]| {
            let mut bytes = header.to_vec();
            bytes[0] = first;
            bytes.extend(rest);
            bytes
        };
        for bytes in [
            Vec::new(),
            header[..11].to_vec(),
            packet(0x00, b"abc"),
            packet(0x40, b"abc"),
            packet(0x8f, &[0; 59]),
            packet(0x90, b"abc"),
            packet(0x90, &[0, 0, 0xff, 0xff, 1]),
            packet(0xa0, b""),
            packet(0xa0, &[1, 2, 0]),
            packet(0xa0, &[1, 2, 4]),
            packet(0x80, &[0; PACKET_MAX - HEADER_LEN + 1]),
            vec![0x80; 65_507],
        ] {
            assert_eq!(Packet::parse(&bytes), None, "{:?}", &bytes[..bytes.len().min(16)]);
        }
        assert_eq!(Packet::parse(&packet(0xa0, &[1, 2, 3])).unwrap().payload, b"");
    }

    #[test]
    fn distances_wrap() {
        assert_eq!(sequence_distance(0xffff, 1), 2);
        assert_eq!(sequence_distance(1, 0xffff), -2);
        assert_eq!(timestamp_distance(u32::MAX, 159), 160);
    }
}
