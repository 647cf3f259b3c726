//! PINs: which are good enough, and how they are kept (F5).

use hmac::{Hmac, KeyInit, Mac};
use jackfield_sdk::{Error, Result, kv, system};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::mailbox::Mailbox;

/// Digits of a PIN at most.
pub(crate) const PIN_DIGITS_MAX: usize = 16;
/// Rounds of PBKDF2 for a new PIN: some milliseconds of a plugin's computing time.
const ROUNDS: u32 = 4_096;
/// Rounds that are believed, so that a damaged entry does not cost a run.
const ROUNDS_MAX: u32 = 20_000;
const SALT_BYTES: u32 = 16;
/// The first word of an entry.
const KIND: &str = "pbkdf2-sha256";

/// Why a PIN is refused; none if it is not.
pub(crate) fn weakness(pin: &str, shortest: usize, mailbox: &Mailbox) -> Option<&'static str> {
    let digits = pin.as_bytes();
    if !digits.iter().all(u8::is_ascii_digit) {
        return Some("it has other keys than digits");
    }
    if digits.len() < shortest || digits.len() > PIN_DIGITS_MAX {
        return Some("it is too short or too long");
    }
    let repeats = |length: usize| digits.iter().enumerate().all(|(at, digit)| *digit == digits[at % length]);
    if (1..=digits.len() / 2).any(repeats) {
        return Some("it repeats itself");
    }
    // 7890 goes on with 1 on no keypad, but with 0 in everybody's head.
    let steps = |by: u8| digits.windows(2).all(|pair| (pair[0] - b'0' + by) % 10 == pair[1] - b'0');
    if steps(1) || steps(9) {
        return Some("it is a sequence");
    }
    let bare = |text: &str| text.trim_start_matches('0').to_owned();
    (bare(pin) == bare(&mailbox.number)).then_some("it is the mailbox's number")
}

/// A PIN as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    rounds: u32,
    salt: Vec<u8>,
    hash: [u8; 32],
}

impl Kept {
    fn new(pin: &str) -> Self {
        let salt = system::random(SALT_BYTES);
        Self { rounds: ROUNDS, hash: derive(pin, &salt, ROUNDS), salt }
    }

    /// What no PIN fits, and costs as much to find out: a mailbox without a PIN cannot be told from one that has it.
    pub(crate) fn none() -> Self {
        Self { rounds: ROUNDS, salt: vec![0; SALT_BYTES as usize], hash: [0; 32] }
    }

    /// Whether this is the PIN.
    pub(crate) fn fits(&self, pin: &str) -> bool {
        derive(pin, &self.salt, self.rounds).ct_eq(&self.hash).into()
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('$');
        let is_known = parts.next() == Some(KIND);
        let rounds = parts.next()?.parse().ok().filter(|rounds| (1..=ROUNDS_MAX).contains(rounds))?;
        let (salt, hash) = (from_hex(parts.next()?)?, from_hex(parts.next()?)?.try_into().ok()?);
        (is_known && parts.next().is_none()).then_some(Self { rounds, salt, hash })
    }

    fn to_text(&self) -> String {
        format!("{KIND}${}${}${}", self.rounds, hex(&self.salt), hex(&self.hash))
    }
}

impl Mailbox {
    /// The PIN, if one was chosen.
    pub(crate) fn pin(&self) -> Result<Option<Kept>> {
        let damaged = || Error::failed(format!("the PIN of mailbox {self} is damaged"));
        kv::get_text(&self.key("pin"))?.map(|text| Kept::parse(&text).ok_or_else(damaged)).transpose()
    }

    pub(crate) fn set_pin(&self, pin: &str) -> Result {
        kv::set(&self.key("pin"), Kept::new(pin).to_text())
    }
}

/// PBKDF2 with HMAC-SHA-256 and one block of output (RFC 8018 §5.2).
fn derive(pin: &str, salt: &[u8], rounds: u32) -> [u8; 32] {
    let keyed = Hmac::<Sha256>::new_from_slice(pin.as_bytes()).expect("HMAC takes keys of any length");
    let mut mac = keyed.clone();
    mac.update(salt);
    mac.update(&1_u32.to_be_bytes());
    let mut last: [u8; 32] = mac.finalize().into_bytes().into();
    let mut sum = last;
    for _ in 1..rounds {
        let mut mac = keyed.clone();
        mac.update(&last);
        last = mac.finalize().into_bytes().into();
        sum.iter_mut().zip(last).for_each(|(sum, byte)| *sum ^= byte);
    }
    sum
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes();
    let pair = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    (digits.len().is_multiple_of(2)).then(|| digits.chunks(2).map(pair).collect()).flatten()
}

#[cfg(test)]
mod tests {
    use jackfield_testkit::Fake;

    use super::*;

    /// RFC 7914 §11: the first half of each vector, as the output there has 64 bytes.
    #[test]
    fn the_hash_is_that_of_the_rfc() {
        let vector = |password: &str, salt: &str, rounds| hex(&derive(password, salt.as_bytes(), rounds));
        assert_eq!(vector("passwd", "salt", 1), "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc");
        assert_eq!(
            vector("Password", "NaCl", 80_000),
            "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
        );
    }

    #[test]
    fn a_pin_is_kept_salted_and_fits_itself_only() {
        Fake::new().run(|_| {
            let mailbox = Mailbox::parse("100").unwrap();
            assert_eq!(mailbox.pin().unwrap(), None);
            mailbox.set_pin("271828").unwrap();
            let first = mailbox.pin().unwrap().unwrap();
            assert!(first.fits("271828") && !first.fits("271829") && !first.fits("") && !first.fits("2718281"));
            mailbox.set_pin("271828").unwrap();
            assert_ne!(mailbox.pin().unwrap().unwrap(), first, "another salt");
            assert!(!Kept::none().fits("271828") && !Kept::none().fits(""));
        });
    }

    #[test]
    fn a_damaged_entry_lets_nobody_in() {
        for damaged in ["", "271828", "pbkdf2-sha256$0$00$00", "pbkdf2-sha256$4096$0$0", "md5$1$00$00"] {
            Fake::new().value("pin/default/100", damaged).run(|_| {
                assert!(Mailbox::parse("100").unwrap().pin().is_err(), "{damaged}");
            });
        }
    }

    #[test]
    fn weak_pins_are_refused() {
        let check = |pin: &str, mailbox: &str, shortest, good: bool| {
            let weak = weakness(pin, shortest, &Mailbox::parse(mailbox).unwrap());
            assert_eq!(weak.is_none(), good, "{pin}: {weak:?}");
        };
        for good in ["271828", "100200", "135790", "1234567891234", "112358"] {
            check(good, "100", 6, true);
        }
        for weak in [
            "",
            "1",
            "27182",
            "111111",
            "000000",
            "123456",
            "654321",
            "890123",
            "210987",
            "121212",
            "123123",
            "2718a8",
            "27182818284590452",
        ] {
            check(weak, "100", 6, false);
        }
        check("271828", "271828", 6, false);
        check("000100", "100", 6, false);
        check("100100", "100", 6, false);
        check("2718", "100", 6, false);
        check("2718", "100", 4, true);
        check("1111", "100", 4, false);
    }
}
