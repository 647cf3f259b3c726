//! RTCP (RFC 3550 §6): reports are built for each leg on its own and those that arrive are read for its figures.
//!
//! Nothing that arrives here ends a call: a BYE can be forged by anyone who knows the address (D3).

use crate::statistics::ReportBlock;

/// What a sender report says about the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SenderInfo {
    /// NTP timestamp.
    pub ntp: u64,
    /// The same instant in the stream's timestamp.
    pub timestamp: u32,
    /// Packets sent.
    pub packets: u32,
    /// Payload octets sent.
    pub octets: u32,
}

/// Our next compound packet.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// Our source.
    pub ssrc: u32,
    /// Present if we sent since the last report.
    pub sender: Option<SenderInfo>,
    /// Present if we received something.
    pub block: Option<ReportBlock>,
    /// Our canonical name: short-lived and random (RFC 7022).
    pub cname: &'a str,
    /// This is the last one.
    pub bye: bool,
}

impl Report<'_> {
    /// Appends SR or RR, SDES and perhaps BYE.
    pub fn write(&self, out: &mut Vec<u8>) {
        let blocks = u8::from(self.block.is_some());
        let len = 1 + if self.sender.is_some() { 5 } else { 0 } + 6 * u16::from(blocks);
        out.extend([0x80 | blocks, if self.sender.is_some() { SENDER_REPORT } else { RECEIVER_REPORT }]);
        out.extend(len.to_be_bytes());
        out.extend(self.ssrc.to_be_bytes());
        if let Some(sender) = self.sender {
            out.extend(sender.ntp.to_be_bytes());
            out.extend([sender.timestamp, sender.packets, sender.octets].into_iter().flat_map(u32::to_be_bytes));
        }
        if let Some(block) = self.block {
            let lost = u32::from(block.fraction_lost) << 24 | (block.lost as u32 & 0xff_ffff);
            let words = [block.ssrc, lost, block.highest, block.jitter, block.last_sender_report, block.delay];
            out.extend(words.into_iter().flat_map(u32::to_be_bytes));
        }
        self.write_description(out);
        if self.bye {
            out.extend([0x81, BYE, 0, 1]);
            out.extend(self.ssrc.to_be_bytes());
        }
    }

    /// §6.5: one chunk with CNAME, ended by one to four zeros.
    fn write_description(&self, out: &mut Vec<u8>) {
        let name = &self.cname.as_bytes()[..self.cname.len().min(255)];
        let padding = 4 - (2 + name.len()) % 4;
        let len = (4 + 2 + name.len() + padding) / 4;
        out.extend([0x81, SOURCE_DESCRIPTION]);
        out.extend((len as u16).to_be_bytes());
        out.extend(self.ssrc.to_be_bytes());
        out.extend([CNAME, name.len() as u8]);
        out.extend(name);
        out.extend(&[0; 4][..padding]);
    }
}

/// Something in a compound packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// A sender report's first part.
    Sender {
        /// Who sent it.
        ssrc: u32,
        /// What it says.
        info: SenderInfo,
    },
    /// A receiver report's source.
    Receiver {
        /// Who sent it.
        ssrc: u32,
    },
    /// A report block, ours if `ssrc` is ours.
    Block(ReportBlock),
    /// The source says good-bye.
    Bye {
        /// Who left.
        ssrc: u32,
    },
}

/// Reads a compound packet, telling `visit` of each item; `None` if it is malformed anywhere. Items before that may have
/// been told.
pub fn parse(bytes: &[u8], mut visit: impl FnMut(Item)) -> Option<()> {
    // §A.2: version 2, the first packet is a report, lengths add up.
    if bytes.len() > crate::rtp::PACKET_MAX || !matches!(bytes.get(1), Some(&(SENDER_REPORT | RECEIVER_REPORT))) {
        return None;
    }
    let mut rest = bytes;
    while !rest.is_empty() {
        let ([first, kind, len @ ..], after) = rest.split_first_chunk::<4>()?;
        let len = usize::from(u16::from_be_bytes(*len)) * 4;
        let body = after.get(..len)?;
        rest = &after[len..];
        let is_last = rest.is_empty();
        if first >> 6 != 2 || (first & 0x20 != 0 && !is_last) {
            return None;
        }
        parse_packet(*kind, first & 0x1f, body, &mut visit)?;
    }
    Some(())
}

fn parse_packet(kind: u8, count: u8, body: &[u8], visit: &mut impl FnMut(Item)) -> Option<()> {
    let word = |at: usize| Some(u32::from_be_bytes(*body.get(at * 4..)?.first_chunk()?));
    let first_block = match kind {
        SENDER_REPORT => {
            let ntp = u64::from(word(1)?) << 32 | u64::from(word(2)?);
            let info = SenderInfo { ntp, timestamp: word(3)?, packets: word(4)?, octets: word(5)? };
            visit(Item::Sender { ssrc: word(0)?, info });
            6
        }
        RECEIVER_REPORT => {
            visit(Item::Receiver { ssrc: word(0)? });
            1
        }
        BYE => {
            for index in 0..usize::from(count) {
                visit(Item::Bye { ssrc: word(index)? });
            }
            return Some(());
        }
        // SDES, APP, feedback, extended reports: nothing we act on.
        _ => return Some(()),
    };
    for index in 0..usize::from(count) {
        let at = first_block + 6 * index;
        let lost = word(at + 1)?;
        visit(Item::Block(ReportBlock {
            ssrc: word(at)?,
            fraction_lost: (lost >> 24) as u8,
            // 24 bits with a sign.
            lost: ((lost << 8) as i32) >> 8,
            highest: word(at + 2)?,
            jitter: word(at + 3)?,
            last_sender_report: word(at + 4)?,
            delay: word(at + 5)?,
        }));
    }
    Some(())
}

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const BYE: u8 = 203;
const CNAME: u8 = 1;

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: ReportBlock = ReportBlock {
        ssrc: 9,
        fraction_lost: 26,
        lost: -3,
        highest: 70_000,
        jitter: 12,
        last_sender_report: 0x1234_5678,
        delay: 65_536,
    };
    const INFO: SenderInfo = SenderInfo { ntp: 0x1111_1234_5678_2222, timestamp: 160, packets: 2, octets: 320 };

    fn full() -> Vec<u8> {
        let mut bytes = Vec::new();
        Report { ssrc: 7, sender: Some(INFO), block: Some(BLOCK), cname: "0123456789ab", bye: true }.write(&mut bytes);
        bytes
    }

    fn items(bytes: &[u8]) -> Option<Vec<Item>> {
        let mut items = Vec::new();
        parse(bytes, |item| items.push(item)).map(|()| items)
    }

    #[test]
    fn what_is_written_is_read_back() {
        let expected = vec![Item::Sender { ssrc: 7, info: INFO }, Item::Block(BLOCK), Item::Bye { ssrc: 7 }];
        assert_eq!(items(&full()), Some(expected));
        for len in 0..20 {
            let mut bytes = Vec::new();
            let cname = &"abcdefghijklmnopqrst"[..len];
            Report { ssrc: 7, sender: None, block: None, cname, bye: false }.write(&mut bytes);
            assert_eq!(bytes.len() % 4, 0);
            assert_eq!(items(&bytes), Some(vec![Item::Receiver { ssrc: 7 }]));
        }
    }

    /// D8: truncated, flipped, with wrong counts and lengths.
    #[test]
    fn malformed_compounds_never_panic() {
        let bytes = full();
        for len in 0..bytes.len() {
            assert!(items(&bytes[..len]).is_none() || len == 52 || len == 76);
        }
        for at in 0..bytes.len() {
            for value in 0..=255 {
                let mut bytes = bytes.clone();
                bytes[at] = value;
                drop(items(&bytes));
            }
        }
        assert_eq!(items(&[0x80, 200, 0xff, 0xff]), None);
        assert_eq!(items(&[0x80; 65_000]), None);
    }

    /// Extended reports, feedback and application packets pass unread.
    #[test]
    fn unknown_kinds_are_skipped() {
        let mut bytes = full();
        for kind in [204, 205, 206, 207, 255] {
            bytes.extend([0x9f, kind, 0, 1, 1, 2, 3, 4]);
        }
        assert_eq!(items(&bytes).unwrap().len(), 3);
    }
}
