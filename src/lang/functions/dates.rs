//! Functions of dates and times.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Weekday;

use super::time::{self, Moment};
use super::{ANY, Answer, Fault, Function, NUMBER, STRING, takes, text};
use crate::lang::value::Value;

/// Functions of dates and times.
pub(super) const TABLE: &[Function] = &[
    Function::pure(
        "formatdate",
        "A time (RFC 3339) in another form: \"DD MMM YYYY hh:mm ZZZ\".",
        &[takes("format", STRING), takes("time", STRING)],
        STRING,
        formatdate,
    ),
    Function::pure(
        "rfc3339_parse",
        "The parts of a time (RFC 3339) as an object: year, month, day, hour, unix and so on. As Packer has it.",
        &[takes("timestamp", STRING)],
        ANY,
        rfc3339_parse,
    ),
    Function::pure(
        "timeadd",
        "A time (RFC 3339) with a duration added: \"10m\", \"-24h\".",
        &[takes("timestamp", STRING), takes("duration", STRING)],
        STRING,
        timeadd,
    ),
    Function::pure(
        "timecmp",
        "-1, 0 or 1: whether the first time is earlier than the second, the same, or later.",
        &[takes("timestamp_a", STRING), takes("timestamp_b", STRING)],
        NUMBER,
        timecmp,
    ),
    Function::pure(
        "unix_timestamp_parse",
        "The parts of a time in seconds since 1970, as an object: year, month, day, hour, rfc3339 and so on. As Packer has it.",
        &[takes("unix_timestamp", NUMBER)],
        ANY,
        unix_timestamp_parse,
    ),
];

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

fn moment(arguments: &[Value], at: usize) -> Result<Moment, Fault> {
    Moment::read(text(arguments, at)).map_err(|why| Fault::of(at, why))
}

fn timeadd(arguments: &[Value]) -> Answer {
    let moment = moment(arguments, 0)?;
    let duration = time::duration(text(arguments, 1)).map_err(|why| Fault::of(1, why))?;
    let later = moment.plus(duration);
    let later = later.ok_or_else(|| Fault::call("the time would lie outside of the years 0 to 9999"))?;
    Ok(later.shown().into())
}

fn timecmp(arguments: &[Value]) -> Answer {
    let (a, b) = (moment(arguments, 0)?.instant(), moment(arguments, 1)?.instant());
    Ok((a.cmp(&b) as i64).into())
}

fn formatdate(arguments: &[Value]) -> Answer {
    let moment = moment(arguments, 1)?;
    let (mut rest, mut out) = (text(arguments, 0), String::new());
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '\'' => quoted(rest, &mut out)?,
            c if c.is_ascii_alphabetic() => {
                let end = rest.find(|other| other != c).unwrap_or(rest.len());
                let verb = &rest[..end];
                let shown = field(verb, &moment);
                out.push_str(&shown.ok_or_else(|| {
                    Fault::of(
                        0,
                        format!("{verb:?} stands for nothing; put letters that stand for themselves in 'quotes'"),
                    )
                })?);
                end
            }
            c => {
                out.push(c);
                c.len_utf8()
            }
        };
        rest = &rest[end..];
    }
    Ok(out.into())
}

/// Copies what stands between quotes, two of which are one; answers where it ends.
fn quoted(text: &str, out: &mut String) -> Result<usize, Fault> {
    if text == "''" || text.starts_with("''") && !text[2..].starts_with('\'') {
        out.push('\'');
        return Ok(2);
    }
    let mut at = 1;
    while let Some(end) = text[at..].find('\'') {
        out.push_str(&text[at..at + end]);
        at += end + 1;
        if !text[at..].starts_with('\'') {
            return Ok(at);
        }
        out.push('\'');
        at += 1;
    }
    Err(Fault::of(0, "a quote is not closed"))
}

fn field(verb: &str, moment: &Moment) -> Option<String> {
    let at = moment.local;
    let month = MONTHS[usize::from(at.month().unsigned_abs()) - 1];
    let (weekday, noon) = (weekday(at.weekday()), at.hour() >= 12);
    let twelve = (at.hour() + 11) % 12 + 1;
    Some(match verb {
        "YYYY" => format!("{:04}", at.year()),
        "YY" => format!("{:02}", at.year() % 100),
        "MMMM" => month.to_owned(),
        "MMM" => month[..3].to_owned(),
        "MM" => format!("{:02}", at.month()),
        "M" => at.month().to_string(),
        "DD" => format!("{:02}", at.day()),
        "D" => at.day().to_string(),
        "EEEE" => weekday.to_owned(),
        "EEE" => weekday[..3].to_owned(),
        "hh" => format!("{:02}", at.hour()),
        "h" => at.hour().to_string(),
        "HH" => format!("{twelve:02}"),
        "H" => twelve.to_string(),
        "AA" => if noon { "PM" } else { "AM" }.to_owned(),
        "aa" => if noon { "pm" } else { "am" }.to_owned(),
        "mm" => format!("{:02}", at.minute()),
        "m" => at.minute().to_string(),
        "ss" => format!("{:02}", at.second()),
        "s" => at.second().to_string(),
        "Z" if moment.offset == 0 => "Z".to_owned(),
        "ZZZ" if moment.offset == 0 => "UTC".to_owned(),
        "ZZZ" | "ZZZZ" => moment.zone(""),
        "Z" | "ZZZZZ" => moment.zone(":"),
        _ => return None,
    })
}

fn weekday(day: Weekday) -> &'static str {
    match day {
        Weekday::Monday => "Monday",
        Weekday::Tuesday => "Tuesday",
        Weekday::Wednesday => "Wednesday",
        Weekday::Thursday => "Thursday",
        Weekday::Friday => "Friday",
        Weekday::Saturday => "Saturday",
        Weekday::Sunday => "Sunday",
    }
}

fn rfc3339_parse(arguments: &[Value]) -> Answer {
    let moment = moment(arguments, 0)?;
    let unix = moment.instant().map(Timestamp::as_second).unwrap_or_default();
    Ok(parts(&moment, "unix", unix.into()))
}

fn unix_timestamp_parse(arguments: &[Value]) -> Answer {
    let second = super::whole(arguments, 0)?;
    let at = Timestamp::from_second(second).ok().map(Moment::utc);
    let moment = at.filter(|moment| (0..=9999).contains(&moment.local.year()));
    let moment = moment.ok_or_else(|| Fault::of(0, "it lies outside of the years 0 to 9999"))?;
    Ok(parts(&moment, "rfc3339", moment.shown().into()))
}

fn parts(moment: &Moment, other: &str, value: Value) -> Value {
    let (at, week) = (moment.local, moment.local.date().iso_week_date());
    let number = |number: i64| Value::from(number);
    let all = [
        ("year", number(at.year().into())),
        ("month", number(at.month().into())),
        ("day", number(at.day().into())),
        ("hour", number(at.hour().into())),
        ("minute", number(at.minute().into())),
        ("second", number(at.second().into())),
        ("year_day", number(at.day_of_year().into())),
        ("iso_year", number(week.year().into())),
        ("iso_week", number(week.week().into())),
        ("weekday", number(at.weekday().to_sunday_zero_offset().into())),
        ("month_name", MONTHS[usize::from(at.month().unsigned_abs()) - 1].into()),
        ("weekday_name", weekday(at.weekday()).into()),
        (other, value),
    ];
    let all: BTreeMap<String, Value> = all.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Value::object(all)
}
