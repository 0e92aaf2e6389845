//! Values as the staff write them: `6s`, `1-5`, `+33476000102`. Each reader gives the value, or a sentence that says what
//! would be one.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::fault::{Said, said};

/// `6s`, `4m`, `1m30s`, `500ms`, `1h`.
pub(super) fn time(text: &str) -> Result<Duration, Said> {
    let wrong = || {
        said!(
            "`{text}` n'est pas une durée : écrivez par exemple `6s`, `4m` ou `1m30s`",
            "`{text}` is not a length of time: write for example `6s`, `4m` or `1m30s`"
        )
    };
    let mut rest = text.trim();
    let (mut total_ms, mut last_ms) = (0_u64, u64::MAX);
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: u64 = rest[..digits].parse().map_err(|_| wrong())?;
        rest = &rest[digits..];
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        let unit_ms = match &rest[..letters] {
            "h" => 3_600_000,
            "m" => 60_000,
            "s" => 1_000,
            "ms" => 1,
            _ => return Err(wrong()),
        };
        if unit_ms >= last_ms {
            return Err(wrong()); // `30s1m`, `1s2s`
        }
        last_ms = unit_ms;
        rest = &rest[letters..];
        total_ms = number.checked_mul(unit_ms).and_then(|ms| total_ms.checked_add(ms)).ok_or_else(wrong)?;
    }
    Ok(Duration::from_millis(total_ms))
}

/// The same length of time as it is written.
pub(super) fn time_text(ms: u64) -> String {
    let (minutes, seconds, rest) = (ms / 60_000, ms / 1_000 % 60, ms % 1_000);
    let mut text = String::new();
    for (number, unit) in [(minutes, "m"), (seconds, "s"), (rest, "ms")] {
        if number > 0 {
            text.push_str(&format!("{number}{unit}"));
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

/// `5`, or `2-5`.
pub(super) fn digit_count(text: &str) -> Result<RangeInclusive<u8>, Said> {
    let wrong = || {
        said!(
            "`{text}` n'est pas un nombre de chiffres : écrivez `5`, ou `\"2-5\"`, entre 1 et {DIGITS_MAX}",
            "`{text}` is not a number of digits: write `5`, or `\"2-5\"`, between 1 and {DIGITS_MAX}"
        )
    };
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.trim().parse::<u8>().map_err(|_| wrong());
    let (from, to) = (number(from)?, number(to)?);
    if from == 0 || from > to || to > DIGITS_MAX { Err(wrong()) } else { Ok(from..=to) }
}

/// A number that can reach a plan: a short code of 2 to 6 digits, or E.164.
pub(super) fn number(text: &str) -> Result<(), Said> {
    let (digits, sound) = match text.strip_prefix('+') {
        Some(digits) => (digits, (7..=15).contains(&digits.len()) && !digits.starts_with('0')),
        None => (text, (2..=6).contains(&text.len())),
    };
    if sound && digits.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(());
    }
    Err(said!(
        "ce n'est pas un numéro que l'on peut composer : écrivez un numéro court (`3977`) ou la forme internationale \
         (`+33476000102`)",
        "this is not a number that can be dialled: write a short code (`3977`) or the international form (`+33476000102`)"
    ))
}

/// A word of the staff's own, used as a name.
pub(super) fn word(text: &str) -> Result<(), Said> {
    let sound = (1..=NAME_MAX).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    if sound {
        return Ok(());
    }
    Err(said!(
        "`{text}` n'est pas un nom : des lettres sans accents, des chiffres, `_`, `-` (au plus {NAME_MAX})",
        "`{text}` is not a name: use letters without accents, digits, `_`, `-` (at most {NAME_MAX})"
    ))
}

const DIGITS_MAX: u8 = 20;
const NAME_MAX: usize = 48;

#[cfg(test)]
mod tests {
    use super::*;

    /// Lengths of time are read as a person would, and nothing else is taken for one.
    #[test]
    fn times() {
        for (text, ms) in [("6s", 6_000), ("4m", 240_000), ("1m30s", 90_000), ("500ms", 500), ("1h", 3_600_000)] {
            assert_eq!(time(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for text in
            ["", "6", "s", "6 s", "6sec", "30s1m", "1s2s", "-3s", "99999999999999999999s", "18446744073709551615h"]
        {
            assert!(time(text).is_err(), "{text}");
        }
        assert_eq!([500, 6_000, 90_000, 0].map(time_text), ["500ms", "6s", "1m30s", "0s"]);
    }

    /// A number of digits is one number or two.
    #[test]
    fn digit_counts() {
        assert_eq!(digit_count("5"), Ok(5..=5));
        assert_eq!(digit_count("2-5"), Ok(2..=5));
        for text in ["0", "5-2", "21", "2-", "x", "2..5"] {
            assert!(digit_count(text).is_err(), "{text}");
        }
    }

    /// Short codes and international numbers reach a plan; national forms and half-written numbers do not.
    #[test]
    fn numbers() {
        for text in ["3977", "3133", "112", "+33476000102", "+262262000000"] {
            assert_eq!(number(text), Ok(()), "{text}");
        }
        for text in ["0476000102", "+33…", "+0476000102", "39 77", "", "+"] {
            assert!(number(text).is_err(), "{text}");
        }
    }
}
