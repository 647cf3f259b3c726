//! Secrets of endpoints: which are too weak to be configured (F16), and how the demo makes good ones.

use std::io::Read;

/// Fewer characters than this can be tried out.
const LENGTH_MIN: usize = 10;
/// A header of digest authentication has no bound of its own; nobody types more.
const LENGTH_MAX: usize = 128;
/// Fewer different characters than this are a pattern.
const DIFFERENT_MIN: usize = 6;
/// Letters and digits of a generated secret: 24 of 56 symbols are 139 bits.
const GENERATED_LENGTH: usize = 24;

/// What every list of the first million tried passwords is made of, digits and signs removed.
const COMMON: &[&str] = &[
    "admin",
    "asterisk",
    "changeme",
    "default",
    "demo",
    "extension",
    "guest",
    "hello",
    "letmein",
    "login",
    "master",
    "office",
    "pass",
    "passw",
    "password",
    "passwd",
    "phone",
    "pbx",
    "qwerty",
    "qwertyuiop",
    "asdfgh",
    "asdfghjkl",
    "secret",
    "server",
    "sip",
    "telephone",
    "test",
    "tester",
    "testing",
    "user",
    "voip",
    "welcome",
];

/// Why a secret is refused, as a clause that follows "secret: "; `None` if it is strong enough.
pub(crate) fn weakness(secret: &str, user: &str, tenant: &str) -> Option<String> {
    let lower = secret.to_lowercase();
    let length = secret.chars().count();
    let reversed: String = user.to_lowercase().chars().rev().collect();
    // Digits and signs around a word are what a rule for passwords makes people add; those inside stand for letters.
    let inner = lower.trim_matches(|character: char| !character.is_alphabetic());
    let letters: String = inner.chars().map(plain).filter(|character| character.is_alphabetic()).collect();
    let mut different: Vec<char> = lower.chars().collect();
    different.sort_unstable();
    different.dedup();
    let why = match () {
        () if length < LENGTH_MIN => format!("only {length} characters, at least {LENGTH_MIN}"),
        () if length > LENGTH_MAX => format!("{length} characters, at most {LENGTH_MAX}"),
        () if user.len() > 1 && lower.contains(&user.to_lowercase()) => format!("it contains the user name `{user}`"),
        () if user.len() > 2 && lower.contains(&reversed) => format!("it contains the user name `{user}` backwards"),
        () if tenant.len() > 2 && lower.contains(tenant) => format!("it contains the tenant's name `{tenant}`"),
        () if secret.chars().all(|character| character.is_ascii_digit()) => "it has digits only".to_owned(),
        () if different.len() < DIFFERENT_MIN => format!("it has only {} different characters", different.len()),
        () if COMMON.contains(&letters.as_str()) => format!("it is the word `{letters}` with digits and signs around"),
        () if is_sequence(&lower) => "it is a sequence of neighbours, like 12345 or abcde".to_owned(),
        () => return None,
    };
    Some(why)
}

/// The letter that a digit or sign usually stands for: `p4$$w0rd` is `password`.
fn plain(character: char) -> char {
    match character {
        '0' => 'o',
        '1' | '!' => 'i',
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' => 't',
        other => other,
    }
}

/// Whether most steps from one character to the next are to a neighbour.
fn is_sequence(text: &str) -> bool {
    let steps: Vec<u32> =
        text.chars().zip(text.chars().skip(1)).map(|(a, b)| u32::from(a).abs_diff(u32::from(b))).collect();
    let near = steps.iter().filter(|step| **step <= 1).count();
    near * 4 >= steps.len() * 3
}

/// A random secret of letters and digits that nobody confuses when reading them aloud.
pub(crate) fn generate() -> std::io::Result<String> {
    const SYMBOLS: &[u8; 56] = b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnpqrstuvwxyz23456789";
    let mut random = std::fs::File::open("/dev/urandom")?;
    let mut secret = String::with_capacity(GENERATED_LENGTH);
    let mut byte = [0];
    while secret.len() < GENERATED_LENGTH {
        random.read_exact(&mut byte)?;
        // 224 is the largest multiple of 56 in a byte: above it, some symbols would be likelier.
        if byte[0] < 224 {
            secret.push(char::from(SYMBOLS[usize::from(byte[0] % 56)]));
        }
    }
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F16: weak secrets are refused when they are written.
    #[test]
    fn weak_secrets_are_refused_with_the_reason() {
        let cases = [
            ("1234", "only 4 characters"),
            ("pass100", "only 7 characters"),
            ("xK9-100-vvQz7", "user name `100`"),
            ("ALICEwonder77", "user name `alice`"),
            ("7ecila-Xk2pQ", "backwards"),
            ("xk29acmeQQpz", "tenant's name"),
            ("84629130571", "digits only"),
            ("ababababababab", "different characters"),
            ("p4$$w0rd2026", "`password`"),
            ("abcdefghijkl", "sequence"),
        ];
        for (secret, reason) in cases {
            let user =
                if secret.to_lowercase().contains("alice") || secret.contains("ecila") { "alice" } else { "100" };
            let weakness = weakness(secret, user, "acme").unwrap_or_default();
            assert!(weakness.contains(reason), "{secret}: {weakness}");
        }
    }

    #[test]
    fn generated_secrets_are_strong_and_different() {
        let secrets: std::collections::BTreeSet<String> = (0..100).map(|_| generate().unwrap()).collect();
        assert_eq!(secrets.len(), 100);
        for secret in secrets {
            assert_eq!(secret.len(), GENERATED_LENGTH);
            // A random secret holds the digits of its user now and then; the demo then makes another.
            assert_eq!(weakness(&secret, "no-such-user", "acme"), None, "{secret}");
        }
    }
}
