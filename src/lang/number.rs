//! Numbers as Terraform has them: binary floating point with a mantissa of 512 bits, printed as the shortest decimal
//! that reads back as the same number. Whole numbers of up to 154 digits are exact.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use bigdecimal::num_bigint::{BigInt, Sign};

/// Bits of the mantissa, as in cty (`big.ParseFloat(s, 10, 512, ...)`).
const PRECISION: u64 = 512;
/// The largest power of ten (up or down) that is read; beyond it a literal is refused instead of filling the memory.
const LARGEST_EXPONENT: i64 = 10_000;
/// The largest power of two, up or down.
const LARGEST_SHIFT: i64 = 1 << 17;

/// A number: `mantissa * 2^exponent`; the mantissa is odd or zero, so that equal numbers have equal fields.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Number {
    mantissa: BigInt,
    exponent: i64,
}

impl Number {
    /// `mantissa * 2^exponent`, rounded to the nearest with 512 bits (ties to even). `sticky` says that the true
    /// mantissa is a little further from zero than the given one.
    fn rounded(mantissa: BigInt, exponent: i64, sticky: bool) -> Number {
        let (sign, mut magnitude) = mantissa.into_parts();
        let (mut exponent, mut sticky) = (exponent, sticky);
        if magnitude.bits() > PRECISION {
            let excess = magnitude.bits() - PRECISION;
            let half = magnitude.bit(excess - 1);
            sticky |= magnitude.trailing_zeros().is_some_and(|zeros| zeros < excess - 1);
            magnitude >>= excess;
            if half && (sticky || magnitude.bit(0)) {
                magnitude += 1_u8;
            }
            exponent += excess as i64;
        }
        let zeros = magnitude.trailing_zeros().unwrap_or(0);
        let mantissa = BigInt::from_biguint(sign, magnitude >> zeros);
        let exponent = if mantissa.sign() == Sign::NoSign {
            0
        } else {
            exponent + zeros as i64
        };
        Number { mantissa, exponent }
    }

    fn ratio(numerator: BigInt, denominator: &BigInt, exponent: i64) -> Number {
        let missing = (PRECISION + 2 + denominator.bits()).saturating_sub(numerator.bits());
        let scaled = numerator << missing;
        let quotient = &scaled / denominator;
        let sticky = &quotient * denominator != scaled;
        Number::rounded(quotient, exponent - missing as i64, sticky)
    }

    /// Whether it has no fraction.
    pub fn is_whole(&self) -> bool {
        self.exponent >= 0
    }

    /// Whether it is zero.
    pub fn is_zero(&self) -> bool {
        self.mantissa.sign() == Sign::NoSign
    }

    /// Whether it is below zero.
    pub fn is_negative(&self) -> bool {
        self.mantissa.sign() == Sign::Minus
    }

    /// The whole number, if it is one and has at most 4,096 bits.
    pub fn to_bigint(&self) -> Option<BigInt> {
        (0..4096)
            .contains(&self.exponent)
            .then(|| &self.mantissa << self.exponent)
    }

    /// Whether it is of a size that can be computed with and printed (up to about 2^130000).
    pub fn is_in_range(&self) -> bool {
        self.exponent.abs() < LARGEST_SHIFT
    }

    /// If it is whole and fits.
    pub fn to_i64(&self) -> Option<i64> {
        self.to_bigint()?.try_into().ok()
    }

    /// If it is whole, not negative, and fits.
    pub fn to_u64(&self) -> Option<u64> {
        self.to_bigint()?.try_into().ok()
    }

    /// The nearest double.
    pub fn to_f64(&self) -> f64 {
        self.to_string().parse().unwrap_or(f64::NAN)
    }

    /// The largest whole number that is not larger.
    pub fn floor(&self) -> Number {
        if self.is_whole() {
            return self.clone();
        }
        // The shift of a negative BigInt rounds down.
        Number::rounded(&self.mantissa >> self.exponent.unsigned_abs(), 0, false)
    }

    /// The smallest whole number that is not smaller.
    pub fn ceil(&self) -> Number {
        -&(-self).floor()
    }

    /// Without its sign.
    pub fn abs(&self) -> Number {
        if self.is_negative() { -self } else { self.clone() }
    }

    /// The sum.
    pub fn plus(&self, other: &Number) -> Number {
        let exponent = self.exponent.min(other.exponent);
        let align = |one: &Number| &one.mantissa << (one.exponent - exponent);
        Number::rounded(align(self) + align(other), exponent, false)
    }

    /// The difference.
    pub fn minus(&self, other: &Number) -> Number {
        self.plus(&-other)
    }

    /// The product.
    pub fn times(&self, other: &Number) -> Number {
        Number::rounded(&self.mantissa * &other.mantissa, self.exponent + other.exponent, false)
    }

    /// The quotient; none by zero.
    pub fn divided_by(&self, other: &Number) -> Option<Number> {
        if other.is_zero() {
            return None;
        }
        let (numerator, denominator) = if other.is_negative() {
            (-&self.mantissa, -&other.mantissa)
        } else {
            (self.mantissa.clone(), other.mantissa.clone())
        };
        let (sign, magnitude) = numerator.into_parts();
        let quotient = Number::ratio(magnitude.into(), &denominator, self.exponent - other.exponent);
        Some(if sign == Sign::Minus { -&quotient } else { quotient })
    }

    /// What is left over by division, with the sign of the dividend; none by zero.
    pub fn remainder(&self, other: &Number) -> Option<Number> {
        let quotient = self.divided_by(other)?;
        let whole = if quotient.is_negative() {
            quotient.ceil()
        } else {
            quotient.floor()
        };
        Some(self.minus(&other.times(&whole)))
    }
}

impl std::ops::Neg for &Number {
    type Output = Number;
    fn neg(self) -> Number {
        Number {
            mantissa: -&self.mantissa,
            exponent: self.exponent,
        }
    }
}

impl Ord for Number {
    fn cmp(&self, other: &Number) -> Ordering {
        let sign = |one: &Number| match one.mantissa.sign() {
            Sign::Minus => -1,
            Sign::NoSign => 0,
            Sign::Plus => 1,
        };
        sign(self).cmp(&sign(other)).then_with(|| {
            let exponent = self.exponent.min(other.exponent);
            let align = |one: &Number| &one.mantissa << (one.exponent - exponent);
            align(self).cmp(&align(other))
        })
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Number) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

macro_rules! from_whole {
    ($($whole:ty),*) => {$(
        impl From<$whole> for Number {
            fn from(whole: $whole) -> Number {
                Number::rounded(BigInt::from(whole), 0, false)
            }
        }
    )*};
}
from_whole!(i32, u32, i64, u64, usize, BigInt);

/// A text that is no number (or one of more than 10,000 digits).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a number")]
pub struct NotANumber;

/// Decimal digits with an optional sign, point and exponent.
impl FromStr for Number {
    type Err = NotANumber;
    fn from_str(text: &str) -> Result<Number, NotANumber> {
        let (sign, rest) = match text.as_bytes().first() {
            Some(b'-') => (Sign::Minus, &text[1..]),
            Some(b'+') => (Sign::Plus, &text[1..]),
            _ => (Sign::Plus, text),
        };
        let (digits, power) = match rest.split_once(['e', 'E']) {
            Some((digits, power)) => (digits, power.parse::<i64>().map_err(|_| NotANumber)?),
            None => (rest, 0),
        };
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
        let all = format!("{whole}{fraction}");
        let sound = !all.is_empty() && all.bytes().all(|digit| digit.is_ascii_digit());
        let power = power.saturating_sub(fraction.len() as i64);
        if !sound || power.abs() > LARGEST_EXPONENT || all.len() > LARGEST_EXPONENT as usize {
            return Err(NotANumber);
        }
        let mantissa: BigInt = all.parse().map_err(|_| NotANumber)?;
        let ten = BigInt::from(10).pow(power.unsigned_abs() as u32);
        let number = if power >= 0 {
            Number::rounded(mantissa * ten, 0, false)
        } else {
            Number::ratio(mantissa, &ten, 0)
        };
        Ok(if sign == Sign::Minus { -&number } else { number })
    }
}

/// The shortest decimal that reads back as the same number, without an exponent.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = self.mantissa.magnitude().bits() as i64 + self.exponent;
        if self.exponent >= 0 && size <= PRECISION as i64 {
            return write!(f, "{}", &self.mantissa << self.exponent);
        }
        let (digits, point) = self.shortest();
        f.write_str(if self.is_negative() { "-" } else { "" })?;
        f.write_str(&plain(&digits, point))
    }
}

impl Number {
    /// Its digits, rounded to so many of them (half to even), or the fewest that tell it from its neighbours; and the
    /// place of the point before or in them. The sign is left out, and so are zeros at the end.
    pub(super) fn digits(&self, keep: Option<i64>) -> (String, i64) {
        if self.is_zero() {
            return ("0".into(), 1);
        }
        let Some(keep) = keep else {
            return self.shortest();
        };
        let (digits, point) = decimal(&self.mantissa.magnitude().clone().into(), self.exponent);
        match usize::try_from(keep) {
            Ok(keep) if keep >= digits.len() => cut(&digits, point, false),
            Ok(keep) => cut(&digits[..keep], point, is_upper_half(&digits, keep)),
            Err(_) => ("0".into(), 1),
        }
    }

    /// With so many digits behind the point, without a sign.
    pub(super) fn fixed(&self, places: usize) -> String {
        let (_, point) = decimal(&self.mantissa.magnitude().clone().into(), self.exponent);
        let (digits, point) = self.digits(Some(point + places as i64));
        let zero = digits.bytes().all(|digit| digit == b'0');
        let text = if zero { "0".to_owned() } else { plain(&digits, point) };
        let (whole, fraction) = text.split_once('.').unwrap_or((&text, ""));
        let dot = if places == 0 { "" } else { "." };
        format!("{whole}{dot}{fraction:0<places$}")
    }

    /// The fewest digits that tell this number from its neighbours, and the place of the point before or in them.
    ///
    /// The method is that of Go's `math/big` (`roundShortest`): write the number and the middles towards its two
    /// neighbours as decimals, and cut where they begin to differ.
    fn shortest(&self) -> (String, i64) {
        let magnitude = self.mantissa.magnitude();
        let shift = PRECISION + 1 - magnitude.bits();
        let exponent = self.exponent - shift as i64;
        let widened = BigInt::from(magnitude.clone() << shift);
        let even = !widened.bit(1);
        let (digits, point) = decimal(&widened, exponent);
        let (lower, _) = decimal(&(&widened - 1), exponent);
        let (upper, _) = decimal(&(&widened + 1), exponent);
        let at = |all: &[u8], place: usize| all.get(place).copied().unwrap_or(b'0');
        for (place, digit) in digits.iter().copied().enumerate() {
            let (low, high) = (at(&lower, place), at(&upper, place));
            let down = low != digit || even && place + 1 == lower.len();
            let up = digit != high && (even || digit + 1 < high || place + 1 < upper.len());
            let round_up = match (down, up) {
                (true, true) => is_upper_half(&digits, place + 1),
                (true, false) => false,
                (false, true) => true,
                (false, false) => continue,
            };
            return cut(&digits[..=place], point, round_up);
        }
        cut(&digits, point, false)
    }
}

/// Digits with the point at its place, without an exponent.
pub(super) fn plain(digits: &str, point: i64) -> String {
    match usize::try_from(point) {
        Ok(point) if point >= digits.len() => format!("{digits}{:0<1$}", "", point - digits.len()),
        Ok(point) if point > 0 => format!("{}.{}", &digits[..point], &digits[point..]),
        _ => format!("0.{:0<1$}{digits}", "", point.unsigned_abs() as usize),
    }
}

/// `mantissa * 2^exponent` as decimal digits without trailing zeros, and the place of the point.
fn decimal(mantissa: &BigInt, exponent: i64) -> (Vec<u8>, i64) {
    let (scaled, places) = if exponent >= 0 {
        (mantissa << exponent, 0)
    } else {
        // m / 2^n = m * 5^n / 10^n
        let places = exponent.unsigned_abs();
        (mantissa * BigInt::from(5).pow(places as u32), places as i64)
    };
    let text = scaled.to_string();
    let point = text.len() as i64 - places;
    (text.trim_end_matches('0').as_bytes().to_vec(), point)
}

/// Whether the digits behind `place` are more than half a unit there (exactly half: towards the even digit).
fn is_upper_half(digits: &[u8], place: usize) -> bool {
    match digits.get(place) {
        None => false,
        Some(b'5') if place + 1 == digits.len() => place > 0 && (digits[place - 1] - b'0') % 2 == 1,
        Some(next) => *next >= b'5',
    }
}

fn cut(digits: &[u8], point: i64, round_up: bool) -> (String, i64) {
    let mut kept = digits.to_vec();
    if kept.is_empty() && !round_up {
        return ("0".into(), 1);
    }
    if round_up {
        while kept.last() == Some(&b'9') {
            kept.pop();
        }
        match kept.last_mut() {
            Some(last) => *last += 1,
            None => return ("1".into(), point + 1),
        }
    }
    while kept.len() > 1 && kept.last() == Some(&b'0') {
        kept.pop();
    }
    (kept.into_iter().map(char::from).collect(), point)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    #[test]
    fn decimals_read_back_as_they_were_written() {
        for text in [
            "0",
            "1",
            "-1",
            "0.1",
            "1.10",
            "123456789012345678901234567890.5",
            "0.000001",
            "1e3",
            "-2.5e-3",
        ] {
            let shown = number(text).to_string();
            assert_eq!(number(&shown), number(text), "{text} was shown as {shown}");
        }
        assert_eq!(number("1.10").to_string(), "1.1");
        assert_eq!(number("1e3").to_string(), "1000");
        assert_eq!(number("-2.5e-3").to_string(), "-0.0025");
        for bad in ["", "-", ".", "1e", "1e99999", "abc", "0x10", "1 ", "1_000"] {
            assert!(bad.parse::<Number>().is_err(), "{bad}");
        }
    }

    #[test]
    fn sums_are_what_people_expect() {
        assert_eq!(number("0.1").plus(&number("0.2")).to_string(), "0.3");
        assert_eq!(
            number("18446744073709551615").plus(&number("1")).to_string(),
            "18446744073709551616"
        );
        let third = number("1").divided_by(&number("3")).unwrap();
        assert!(third.to_string().starts_with("0.33333333333333333333"));
        assert_eq!(third.times(&number("3")).to_string(), "1");
        assert_eq!(number("-7").remainder(&number("3")).unwrap().to_string(), "-1");
        assert_eq!(number("1").divided_by(&number("0")), None);
        assert_eq!(number("-1.5").floor().to_string(), "-2");
        assert_eq!(number("-1.5").ceil().to_string(), "-1");
    }
}
