//! Sizes and durations as people write them: `8GiB`, `512MiB`, `90s`, `10m`, `90d`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number of bytes, written with a binary unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(u64);

const SIZES: &[(&str, u64)] = &[
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
    ("B", 1),
];

impl Size {
    /// So many bytes.
    pub const fn bytes(bytes: u64) -> Size {
        Size(bytes)
    }

    /// So many MiB.
    pub const fn mib(mib: u64) -> Size {
        Size(mib << 20)
    }

    /// In bytes.
    pub const fn as_bytes(self) -> u64 {
        self.0
    }
}

/// `8 GiB`, `1.5 GiB`, `512 MiB`: for people. One digit behind the point, if it is not 0.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, factor) = SIZES.iter().find(|(_, factor)| self.0 >= *factor).unwrap_or(&("B", 1));
        let tenths = (self.0 as u128 * 10 + *factor as u128 / 2) / *factor as u128;
        match tenths % 10 {
            0 => write!(f, "{} {unit}", tenths / 10),
            tenth => write!(f, "{}.{tenth} {unit}", tenths / 10),
        }
    }
}

/// A text that is no size or no duration: what is wrong with it and what is wanted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadUnit(String);

fn split_number(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// Reads a whole number with a binary unit: `8GiB`. Blanks between the two are allowed.
impl FromStr for Size {
    type Err = BadUnit;
    fn from_str(text: &str) -> Result<Size, BadUnit> {
        let (number, unit) = split_number(text.trim());
        let unit = unit.trim();
        let wrong = |why: String| {
            BadUnit(format!(
                "{why}; write a whole number and a unit, such as \"8GiB\" or \"512MiB\""
            ))
        };
        if number.is_empty() {
            return Err(wrong(format!("{text:?} is no size")));
        }
        let Some((_, factor)) = SIZES.iter().find(|(name, _)| *name == unit) else {
            let meant = SIZES.iter().find(|(name, _)| {
                let (name, unit) = (name.to_lowercase(), unit.to_lowercase());
                !unit.is_empty() && (name == unit || name.replace('i', "") == unit || name.starts_with(&unit))
            });
            return Err(match (unit, meant) {
                ("", _) => wrong(format!("{text:?} has no unit")),
                (_, Some((name, _))) => BadUnit(format!("unknown unit {unit:?}; did you mean \"{number}{name}\"?")),
                _ => wrong(format!("unknown unit {unit:?}")),
            });
        };
        let bytes = number
            .parse::<u64>()
            .ok()
            .and_then(|number| number.checked_mul(*factor));
        bytes.map(Size).ok_or_else(|| BadUnit(format!("{text:?} is too large")))
    }
}

/// Written down as it is read: a whole number of the largest unit that fits (`8GiB`).
impl Serialize for Size {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let exact = SIZES
            .iter()
            .find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor));
        let (unit, factor) = exact.unwrap_or(&("B", 1));
        to.collect_str(&format_args!("{}{unit}", self.0 / factor))
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Size, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A span of time, written as one or more numbers with units: `90s`, `1h30m`, `90d`, `250ms`.
#[derive(Default, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(std::time::Duration);

const TIMES: &[(&str, u64)] = &[
    ("w", 604_800_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1000),
    ("ms", 1),
];

impl Duration {
    /// So many seconds.
    pub const fn seconds(seconds: u64) -> Duration {
        Duration(std::time::Duration::from_secs(seconds))
    }

    /// As the standard library has it.
    pub const fn as_std(self) -> std::time::Duration {
        self.0
    }
}

impl From<std::time::Duration> for Duration {
    fn from(time: std::time::Duration) -> Duration {
        Duration(time)
    }
}

/// For people, never more than two units: `3m 31s`, `2.1s`, `0.3s`, `1h 4m`.
impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds {
            0..60 if self.0.subsec_millis() >= 50 => write!(f, "{:.1}s", self.0.as_secs_f64()),
            0..60 => write!(f, "{seconds}s"),
            60..3600 => write!(f, "{}m {:02}s", seconds / 60, seconds % 60),
            3600..86_400 => write!(f, "{}h {:02}m", seconds / 3600, seconds % 3600 / 60),
            _ if seconds % 86_400 < 3600 => write!(f, "{}d", seconds / 86_400),
            _ => write!(f, "{}d {:02}h", seconds / 86_400, seconds % 86_400 / 3600),
        }
    }
}

impl FromStr for Duration {
    type Err = BadUnit;
    fn from_str(text: &str) -> Result<Duration, BadUnit> {
        let wrong = |why: String| {
            BadUnit(format!(
                "{why}; write a whole number and a unit, such as \"90s\", \"10m\" or \"90d\""
            ))
        };
        let (mut rest, mut total) = (text.trim(), 0_u64);
        if rest.is_empty() {
            return Err(wrong(format!("{text:?} is no duration")));
        }
        while !rest.is_empty() {
            let (number, tail) = split_number(rest);
            let (unit, tail) = tail.split_at(tail.find(|c: char| c.is_ascii_digit()).unwrap_or(tail.len()));
            if number.is_empty() {
                return Err(wrong(format!("{text:?} is no duration")));
            }
            if unit.trim().is_empty() {
                return Err(wrong(format!("{text:?} has no unit")));
            }
            let Some((_, factor)) = TIMES.iter().find(|(name, _)| *name == unit.trim()) else {
                return Err(wrong(format!("unknown unit {:?}", unit.trim())));
            };
            let part = number
                .parse::<u64>()
                .ok()
                .and_then(|number| number.checked_mul(*factor));
            total = part
                .and_then(|part| total.checked_add(part))
                .ok_or_else(|| BadUnit(format!("{text:?} is too long")))?;
            rest = tail;
        }
        Ok(Duration(std::time::Duration::from_millis(total)))
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let millis = self.0.as_millis() as u64;
        let exact = TIMES
            .iter()
            .find(|(_, factor)| millis >= *factor && millis.is_multiple_of(*factor));
        let (unit, factor) = exact.unwrap_or(&("s", 1000));
        to.collect_str(&format_args!("{}{unit}", millis / factor))
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!("8GiB".parse(), Ok(Size::bytes(8 << 30)));
        assert_eq!("512 MiB".parse(), Ok(Size::mib(512)));
        assert_eq!(Size::mib(1536).to_string(), "1.5 GiB");
        assert_eq!(serde_json::to_string(&Size::mib(1536)).unwrap(), "\"1536MiB\"");
        for bad in ["", "8", "GiB", "8GB", "8 apples", "-1GiB", "99999999999TiB"] {
            assert!(bad.parse::<Size>().is_err(), "{bad}");
        }
        assert!(
            "8GB"
                .parse::<Size>()
                .unwrap_err()
                .to_string()
                .contains("did you mean \"8GiB\"")
        );
    }

    #[test]
    fn durations() {
        assert_eq!("90s".parse(), Ok(Duration::seconds(90)));
        assert_eq!("1h30m".parse(), Ok(Duration::seconds(5400)));
        assert_eq!(Duration::seconds(211).to_string(), "3m 31s");
        assert_eq!(
            Duration::from(std::time::Duration::from_millis(2100)).to_string(),
            "2.1s"
        );
        for bad in ["", "10", "m", "10 apples"] {
            assert!(bad.parse::<Duration>().is_err(), "{bad}");
        }
    }
}
