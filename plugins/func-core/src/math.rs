//! `MATH(number operator number[,type])`.

use jackfield_sdk::{Error, Function, Result};

/// `${MATH(123 % 16,int)}`
pub(crate) fn math(call: Function<'_>) -> Result<String> {
    let (left, operator, right) = parse(call.argument(0))?;
    let result = match apply(left, operator, right)? {
        Outcome::Truth(true) => return Ok("TRUE".to_owned()),
        Outcome::Truth(false) => return Ok("FALSE".to_owned()),
        Outcome::Number(number) => number,
    };
    match call.argument(1).trim().to_ascii_lowercase().as_str() {
        "" | "f" | "float" => Ok(format!("{result:.6}")),
        "i" | "int" => Ok(whole(result).to_string()),
        "h" | "hex" => Ok(format!("{:x}", whole(result))),
        "c" | "char" => {
            let code = u32::try_from(whole(result)).ok().and_then(char::from_u32);
            let printable = code.filter(|c| !c.is_control());
            printable.map(String::from).ok_or_else(|| Error::invalid(format!("{result} is not a character")))
        }
        other => Err(Error::invalid(format!("the type {other:?} is not int, float, hex or char"))),
    }
}

enum Outcome {
    Number(f64),
    Truth(bool),
}

/// Longer symbols before their beginnings.
const OPERATORS: [&str; 17] =
    ["<<", ">>", "<=", ">=", "==", "AND", "XOR", "OR", "+", "-", "*", "/", "%", "^", "<", ">", "="];

fn parse(text: &str) -> Result<(f64, &'static str, f64)> {
    let malformed = || Error::invalid(format!("{text:?} is not: number operator number"));
    let text = text.trim();
    // A sign in front belongs to the number.
    let begin = text.char_indices().nth(1).map_or(text.len(), |(at, _)| at);
    let found = text[begin..].char_indices().find_map(|(at, _)| {
        let rest = &text[begin + at..];
        OPERATORS.iter().find(|operator| rest.starts_with(**operator)).map(|operator| (begin + at, *operator))
    });
    let (at, operator) = found.ok_or_else(malformed)?;
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
    let left = number(&text[..at]).ok_or_else(malformed)?;
    let right = number(&text[at + operator.len()..]).ok_or_else(malformed)?;
    Ok((left, operator, right))
}

fn apply(left: f64, operator: &str, right: f64) -> Result<Outcome> {
    if right == 0.0 && matches!(operator, "/" | "%") {
        return Err(Error::invalid("division by zero"));
    }
    let (left_bits, right_bits) = (whole(left), whole(right));
    let shift = u32::try_from(right_bits).unwrap_or(u32::MAX);
    let number = match operator {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        "/" => left / right,
        "%" => left % right,
        "^" => left.powf(right),
        "<<" => left_bits.checked_shl(shift).unwrap_or(0) as f64,
        ">>" => left_bits.checked_shr(shift).unwrap_or(0) as f64,
        "AND" => (left_bits & right_bits) as f64,
        "OR" => (left_bits | right_bits) as f64,
        "XOR" => (left_bits ^ right_bits) as f64,
        "<" => return Ok(Outcome::Truth(left < right)),
        ">" => return Ok(Outcome::Truth(left > right)),
        "<=" => return Ok(Outcome::Truth(left <= right)),
        ">=" => return Ok(Outcome::Truth(left >= right)),
        _ => return Ok(Outcome::Truth(left == right)),
    };
    if number.is_finite() { Ok(Outcome::Number(number)) } else { Err(Error::invalid("the result is out of range")) }
}

/// Towards zero; what does not fit is the nearest that does.
fn whole(number: f64) -> i64 {
    number as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calculate(expression: &str, kind: &str) -> Result<String> {
        math(Function { arguments: &[expression.to_owned(), kind.to_owned()], call: None })
    }

    #[test]
    fn calculates_like_the_documentation() {
        let check = |expression: &str, kind: &str, expected: &str| {
            assert_eq!(calculate(expression, kind).unwrap(), expected, "{expression} {kind}");
        };
        check("1+1", "", "2.000000");
        check("123%16", "int", "11");
        check("10 / 4", "", "2.500000");
        check("10/4", "i", "2");
        check("-5 + 3", "int", "-2");
        check("5--3", "int", "8");
        check("2^10", "int", "1024");
        check("1<<4", "int", "16");
        check("16>>2", "int", "4");
        check("1<<99", "int", "0");
        check("12 AND 10", "int", "8");
        check("12 OR 3", "int", "15");
        check("12 XOR 10", "int", "6");
        check("255+0", "hex", "ff");
        check("64+1", "char", "A");
        check("3<4", "", "TRUE");
        check("3>=4", "", "FALSE");
        check("3==3.0", "", "TRUE");
    }

    #[test]
    fn refuses_the_rest() {
        for expression in ["", "1", "1+", "+1", "1/0", "1%0", "a+b", "1+inf", "10^999", "1 & 2", "é+1", "é"] {
            assert!(calculate(expression, "int").is_err(), "{expression}");
        }
        assert!(calculate("1+1", "octal").is_err());
        assert!(calculate("1+1", "char").is_err());
    }
}
