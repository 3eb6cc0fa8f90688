//! Moments as RFC 3339 writes them, and Go's durations.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

/// A moment at a place on earth: local time, and how far that is ahead of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment {
    pub local: DateTime,
    pub offset: i32,
}

impl Moment {
    /// Reads `2026-02-28T12:30:00Z`, `...00.25+01:00`.
    pub fn read(text: &str) -> Result<Moment, String> {
        let wrong = || format!("{text:?} is no time such as 2026-02-28T12:30:00Z");
        read(text).ok_or_else(wrong)
    }

    /// The point in time.
    pub fn instant(&self) -> Option<Timestamp> {
        Offset::from_seconds(self.offset).ok()?.to_timestamp(self.local).ok()
    }

    /// A point in time, in UTC.
    pub fn utc(at: Timestamp) -> Moment {
        Moment {
            local: Offset::UTC.to_datetime(at),
            offset: 0,
        }
    }

    /// Later by so much (earlier if negative), at the same place.
    pub fn plus(&self, duration: SignedDuration) -> Option<Moment> {
        let local = self.local.checked_add(duration).ok()?;
        (0..=9999).contains(&local.year()).then_some(Moment { local, ..*self })
    }

    /// `+01:00`, with this between hours and minutes.
    pub fn zone(&self, colon: &str) -> String {
        let sign = if self.offset < 0 { '-' } else { '+' };
        let minutes = self.offset.unsigned_abs() / 60;
        format!("{sign}{:02}{colon}{:02}", minutes / 60, minutes % 60)
    }

    /// In RFC 3339, without fractions of a second.
    pub fn shown(&self) -> String {
        let at = self.local;
        let zone = if self.offset == 0 {
            "Z".to_owned()
        } else {
            self.zone(":")
        };
        format!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{zone}",
            at.year(),
            at.month(),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        )
    }
}

fn read(text: &str) -> Option<Moment> {
    let (date, rest) = text.split_at_checked(10)?;
    let (clock, rest) = rest.strip_prefix('T')?.split_at_checked(8)?;
    let (year, month, day) = (
        digits(date.get(..4)?)?,
        digits(date.get(5..7)?)?,
        digits(date.get(8..)?)?,
    );
    let (hour, minute, second) = (
        digits(clock.get(..2)?)?,
        digits(clock.get(3..5)?)?,
        digits(clock.get(6..)?)?,
    );
    let marks = [date.get(4..5)?, date.get(7..8)?, clock.get(2..3)?, clock.get(5..6)?];
    if marks != ["-", "-", ":", ":"] {
        return None;
    }
    let (nanos, zone) = match rest.strip_prefix('.') {
        None => (0, rest),
        Some(rest) => {
            let end = rest.find(|c: char| !c.is_ascii_digit())?;
            let shown = rest.get(..end.min(9)).filter(|shown| !shown.is_empty())?;
            (format!("{shown:0<9}").parse().ok()?, &rest[end..])
        }
    };
    let local = DateTime::new(
        year,
        month as i8,
        day as i8,
        hour as i8,
        minute as i8,
        second as i8,
        nanos,
    )
    .ok()?;
    Some(Moment {
        local,
        offset: zone_offset(zone)?,
    })
}

fn zone_offset(zone: &str) -> Option<i32> {
    let sign = match zone.as_bytes().first()? {
        b'Z' if zone.len() == 1 => return Some(0),
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, minutes) = zone.get(1..)?.split_once(':')?;
    let (hours, minutes) = (
        digits(hours).filter(|_| hours.len() == 2)?,
        digits(minutes).filter(|_| minutes.len() == 2)?,
    );
    (hours < 24 && minutes < 60).then_some(sign * (i32::from(hours) * 3600 + i32::from(minutes) * 60))
}

fn digits(text: &str) -> Option<i16> {
    let plain = !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_digit());
    text.parse().ok().filter(|_| plain)
}

/// Go's durations: `1h30m`, `-1.5h`, `300ms`, `0`.
pub(super) fn duration(text: &str) -> Result<SignedDuration, String> {
    let wrong = || format!("{text:?} is no duration such as \"90s\", \"1h30m\" or \"-24h\"");
    let bare = text.strip_prefix(['-', '+']).unwrap_or(text);
    if bare == "0" {
        return Ok(SignedDuration::ZERO);
    }
    let (mut rest, mut nanos) = (bare, 0_i128);
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let end = rest
            .find(|c: char| !(c.is_ascii_digit() || c == '.'))
            .ok_or_else(wrong)?;
        let (number, behind) = rest.split_at(end);
        let end = behind
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(end);
        nanos = part(number, unit)
            .and_then(|more| nanos.checked_add(more))
            .ok_or_else(wrong)?;
        rest = behind;
    }
    let nanos = if text.starts_with('-') { -nanos } else { nanos };
    // Go counts nanoseconds in 64 bits: about 292 years.
    i64::try_from(nanos)
        .map(SignedDuration::from_nanos)
        .map_err(|_| wrong())
}

fn part(number: &str, unit: &str) -> Option<i128> {
    let scale: i128 = match unit {
        "ns" => 1,
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() || fraction.contains('.') || number.len() > 30 {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let fraction = &fraction[..fraction.len().min(15)];
    let power = 10_i128.pow(fraction.len() as u32);
    let fraction: i128 = if fraction.is_empty() { 0 } else { fraction.parse().ok()? };
    whole.checked_mul(scale)?.checked_add(fraction * scale / power)
}
