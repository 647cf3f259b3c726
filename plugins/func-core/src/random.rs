//! `RAND(min,max)`.

use jackfield_sdk::{Error, Function, Result, system};

/// `${RAND(1,6)}`: a number from the first to the second, both possible; from 0 to 2,147,483,647 where they are left out.
pub(crate) fn rand(call: Function<'_>) -> Result<String> {
    let number = |index: usize, default: i64| match call.argument(index).trim() {
        "" => Ok(default),
        text => text.parse::<i32>().map(i64::from).map_err(|_| Error::invalid(format!("{text:?} is not a number"))),
    };
    let (one, other) = (number(0, 0)?, number(1, i32::MAX.into())?);
    let (low, high) = (one.min(other), one.max(other));
    let values = u64::try_from(high - low + 1).expect("high is not less than low");
    let above = i64::try_from(system::random_below(values)).expect("it is less than 2^33");
    Ok((low + above).to_string())
}

#[cfg(test)]
mod tests {
    use jackfield_testkit::Fake;

    use super::*;

    fn draw(low: &str, high: &str) -> Result<i64> {
        let arguments = [low.to_owned(), high.to_owned()];
        let drawn = rand(Function { arguments: &arguments, call: None })?;
        Ok(drawn.parse().expect("a number"))
    }

    #[test]
    fn stays_within_its_bounds() {
        Fake::new().run(|_| {
            assert!((0..200).all(|_| (1..=6).contains(&draw("1", "6").unwrap())));
            assert_eq!(draw("5", "5").unwrap(), 5);
            assert!((-3..=2).contains(&draw("2", "-3").unwrap()));
            assert!((0..=2_147_483_647).contains(&draw("", "").unwrap()));
            assert!(draw("-2147483648", "2147483647").is_ok());
            assert!(draw("x", "").is_err());
            assert!(draw("2147483648", "").is_err());
        });
    }
}
