//! The Call-ID of bytes that are not parsed yet, to find their shard.

/// The value of the first Call-ID header, in the long or the compact form, or `None` before the end of the head.
///
/// What this gives for malformed bytes does not matter as long as it is the same each time: any endpoint refuses them
/// alike.
pub(super) fn find(bytes: &[u8]) -> Option<&[u8]> {
    let mut rest = bytes;
    loop {
        let line_end = memchr(rest)?;
        rest = &rest[line_end + 1..];
        let value = match rest {
            [b'\r' | b'\n', ..] | [] => return None,
            [b'i' | b'I', after @ ..] if matches!(after.first(), Some(b':' | b' ' | b'\t')) => after,
            [b'c' | b'C', ..] if rest.len() >= 7 && rest[..7].eq_ignore_ascii_case(b"call-id") => &rest[7..],
            _ => continue,
        };
        let value = value.trim_ascii_start();
        // The value may begin on a folded line.
        let Some(value) = value.strip_prefix(b":").map(<[u8]>::trim_ascii_start) else { continue };
        let end = value.iter().position(|byte| matches!(byte, b'\r' | b'\n')).unwrap_or(value.len());
        return Some(value[..end].trim_ascii());
    }
}

/// Position of the next line feed.
fn memchr(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n')
}

/// Whether the bytes begin a request that is new work: anything but a response and what belongs to a call that is up
/// or coming up.
pub(super) fn is_new_request(bytes: &[u8]) -> bool {
    const ONGOING: [&[u8]; 7] = [b"SIP/2.0 ", b"ACK ", b"BYE ", b"CANCEL ", b"PRACK ", b"UPDATE ", b"NOTIFY "];
    !ONGOING.iter().any(|start| bytes.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_the_header_is_found() {
        for (text, expected) in [
            ("OPTIONS sip:a SIP/2.0\r\nCall-ID: abc@host\r\n\r\n", Some("abc@host")),
            ("OPTIONS sip:a SIP/2.0\r\nVia: x\r\ncall-id:abc\r\n\r\n", Some("abc")),
            ("OPTIONS sip:a SIP/2.0\r\nCALL-ID \t:  abc \r\n\r\n", Some("abc")),
            ("OPTIONS sip:a SIP/2.0\r\ni: abc\r\n\r\n", Some("abc")),
            ("OPTIONS sip:a SIP/2.0\r\nI : abc\r\n\r\n", Some("abc")),
            ("OPTIONS sip:a SIP/2.0\r\nCall-ID:\r\n abc\r\n\r\n", Some("abc")),
            ("OPTIONS sip:a SIP/2.0\nCall-ID: abc\n\n", Some("abc")),
            // Names that only begin alike, and a body that only looks like a header.
            ("OPTIONS sip:a SIP/2.0\r\nCall-Info: x\r\nCall-IDs: y\r\nIdentity: z\r\n\r\nCall-ID: body\r\n", None),
            ("OPTIONS sip:a SIP/2.0\r\n\r\n", None),
            ("Call-ID: in the first line", None),
            ("", None),
        ] {
            assert_eq!(find(text.as_bytes()), expected.map(str::as_bytes), "{text:?}");
        }
    }

    #[test]
    fn no_cut_of_a_message_panics_or_finds_another_call() {
        let text = b"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nCall-ID: abc@host\r\nCSeq: 1 INVITE\r\n\r\n";
        for end in 0..text.len() {
            if let Some(found) = find(&text[..end]) {
                assert!(b"abc@host".starts_with(found));
            }
        }
    }

    #[test]
    fn work_that_may_be_dropped_first() {
        for text in ["INVITE sip:a SIP/2.0", "REGISTER sip:a SIP/2.0", "OPTIONS ", "garbage", ""] {
            assert!(is_new_request(text.as_bytes()), "{text}");
        }
        for text in ["SIP/2.0 200 OK", "ACK sip:a SIP/2.0", "BYE sip:a", "CANCEL sip:a", "PRACK sip:a", "UPDATE sip:a"]
        {
            assert!(!is_new_request(text.as_bytes()), "{text}");
        }
    }
}
