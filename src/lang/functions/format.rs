//! `format`: values put into a text by verbs, in the manner of C's printf and Go's.

use super::{ANY, Answer, Fault, Function, STRING, STRINGS, encoding, takes, takes_null, text};
use crate::lang::number::{Number, plain};
use crate::lang::types::Type;
use crate::lang::value::Value;

/// Functions that put values into texts.
pub(super) const TABLE: &[Function] = &[
    Function::pure(
        "format",
        "Values put into a text by verbs: %s, %d, %05.1f, %q, %v, %#v.",
        &[takes("format", STRING)],
        STRING,
        format,
    )
    .variadic(takes_null("args", ANY)),
    Function::pure(
        "formatlist",
        "The same for each element of lists, as a list; what is no list is used for all.",
        &[takes("format", STRING)],
        STRINGS,
        formatlist,
    )
    .variadic(takes_null("args", ANY)),
];

/// The largest width and precision.
const WIDEST: usize = 1 << 16;
/// Bytes of what is made.
const LONGEST: usize = 64 << 20;

/// One verb: `%-08.3f`.
#[derive(Debug, Default)]
struct Verb {
    left: bool,
    zeros: bool,
    plus: bool,
    space: bool,
    sharp: bool,
    width: Option<usize>,
    precision: Option<usize>,
    argument: usize,
    letter: char,
}

pub(super) fn format(arguments: &[Value]) -> Answer {
    let mut rest = text(arguments, 0);
    let (mut out, mut next, mut highest) = (String::new(), 1, 0);
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(behind) = rest.strip_prefix('%') {
            out.push('%');
            rest = behind;
            continue;
        }
        let (verb, behind) = read_verb(rest, &mut next)?;
        highest = highest.max(verb.argument);
        let value = arguments.get(verb.argument).ok_or_else(|| {
            Fault::of(
                0,
                format!(
                    "%{} wants argument {}, and there are {}",
                    verb.letter,
                    verb.argument,
                    arguments.len() - 1
                ),
            )
        })?;
        let shown = verb.show(value).map_err(|why| Fault::of(verb.argument, why))?;
        out.push_str(&verb.padded(shown));
        bounded(out.len())?;
        rest = behind;
    }
    out.push_str(rest);
    if highest + 1 < arguments.len() {
        return Err(Fault::of(highest + 1, "no verb of the format wants this argument"));
    }
    Ok(out.into())
}

/// `format` with the first elements of all lists, with the second ones, and so on.
pub(super) fn formatlist(arguments: &[Value]) -> Answer {
    let mut length: Option<(usize, usize)> = None;
    for (at, one) in arguments.iter().enumerate().skip(1) {
        let Some(count) = one.elements().map(<[Value]>::len) else {
            continue;
        };
        match length {
            Some((first, wanted)) if wanted != count => {
                return Err(Fault::of(
                    at,
                    format!("it has {count} elements, and argument {first} has {wanted}"),
                ));
            }
            _ => length = length.or(Some((at, count))),
        }
    }
    let count = length.map_or(1, |(_, count)| count);
    let mut total = 0;
    let rows = (0..count).map(|row| {
        let pick = |one: &Value| one.elements().map_or_else(|| one.clone(), |all| all[row].clone());
        let text = format(&arguments.iter().map(pick).collect::<Vec<_>>())?;
        total += text.as_str().map_or(0, str::len);
        bounded(total).map(|()| text)
    });
    Ok(Value::list(Type::String, rows.collect::<Result<_, _>>()?))
}

fn bounded(length: usize) -> Result<(), Fault> {
    match length > LONGEST {
        true => Err(Fault::call(format!(
            "the text would have more than {} MiB",
            LONGEST >> 20
        ))),
        false => Ok(()),
    }
}

fn read_verb<'a>(rest: &'a str, next: &mut usize) -> Result<(Verb, &'a str), Fault> {
    let mut verb = Verb::default();
    let mut rest = rest;
    loop {
        let flag = match rest.chars().next() {
            Some('-') => &mut verb.left,
            Some('0') => &mut verb.zeros,
            Some('+') => &mut verb.plus,
            Some(' ') => &mut verb.space,
            Some('#') => &mut verb.sharp,
            _ => break,
        };
        *flag = true;
        rest = &rest[1..];
    }
    (verb.width, rest) = read_number(rest)?;
    if let Some(behind) = rest.strip_prefix('.') {
        let (precision, behind) = read_number(behind)?;
        (verb.precision, rest) = (Some(precision.unwrap_or(0)), behind);
    }
    if let Some(behind) = rest.strip_prefix('[') {
        let (at, behind) = read_number(behind)?;
        let (Some(at @ 1..), Some(behind)) = (at, behind.strip_prefix(']')) else {
            return Err(Fault::of(0, "an argument is chosen as in %[1]s"));
        };
        (*next, rest) = (at, behind);
    }
    let letter = rest
        .chars()
        .next()
        .ok_or_else(|| Fault::of(0, "it ends inside a verb; for a percent sign write %%"))?;
    verb.letter = letter;
    verb.argument = *next;
    *next += 1;
    Ok((verb, &rest[letter.len_utf8()..]))
}

fn read_number(text: &str) -> Result<(Option<usize>, &str), Fault> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    if end == 0 {
        return Ok((None, text));
    }
    let number = text[..end].parse().ok().filter(|number| *number <= WIDEST);
    let number = number.ok_or_else(|| Fault::of(0, "a width or precision is too large"))?;
    Ok((Some(number), &text[end..]))
}

impl Verb {
    fn show(&self, value: &Value) -> Result<String, String> {
        let as_type = |ty: Type| {
            if value.is_null() {
                return Err("must not be null".to_owned());
            }
            value.convert(&ty).map_err(|error| error.to_string())
        };
        let number = || as_type(Type::Number).map(|value| value.as_number().cloned().unwrap_or_else(|| 0.into()));
        match self.letter {
            'v' if self.sharp => Ok(json(value)),
            'v' => Ok(match value.type_of() {
                _ if value.is_null() => "null".to_owned(),
                Type::String => self.cut(value.as_str().unwrap_or_default()),
                Type::Number => {
                    let number = number()?;
                    let sign = if number.is_negative() { "-" } else { "" };
                    format!("{sign}{}", general(&number.abs(), None))
                }
                Type::Bool => value.as_bool().unwrap_or_default().to_string(),
                _ => json(value),
            }),
            't' => Ok(as_type(Type::Bool)?.as_bool().unwrap_or_default().to_string()),
            's' => Ok(self.cut(as_type(Type::String)?.as_str().unwrap_or_default())),
            'q' => Ok(json(&as_type(Type::String)?)),
            'd' | 'b' | 'o' | 'x' | 'X' => self.whole(&number()?),
            'e' | 'E' | 'f' | 'F' | 'g' | 'G' => Ok(self.float(&number()?)),
            letter => Err(format!("%{letter} is no verb")),
        }
    }

    fn cut(&self, text: &str) -> String {
        let all = super::strings::characters(text);
        all[..self.precision.unwrap_or(all.len()).min(all.len())].concat()
    }

    fn whole(&self, number: &Number) -> Result<String, String> {
        let whole = number.abs().floor().to_bigint().ok_or("is too large for this verb")?;
        if !number.is_whole() {
            return Err("a whole number is required".into());
        }
        let digits = match self.letter {
            'b' => whole.to_str_radix(2),
            'o' => whole.to_str_radix(8),
            'x' => whole.to_str_radix(16),
            'X' => whole.to_str_radix(16).to_uppercase(),
            _ => whole.to_string(),
        };
        let prefix = match (self.sharp, self.letter) {
            (true, 'b') => "0b",
            (true, 'o') => "0",
            (true, 'x') => "0x",
            (true, 'X') => "0X",
            _ => "",
        };
        let missing = self.precision.unwrap_or(0).saturating_sub(digits.len());
        Ok(self.signed(number, format!("{prefix}{:0<missing$}{digits}", "")))
    }

    fn float(&self, number: &Number) -> String {
        let digits = match self.letter {
            'f' | 'F' => number.abs().fixed(self.precision.unwrap_or(6)),
            'e' | 'E' => exponential(&number.abs(), self.precision.unwrap_or(6)),
            _ => general(&number.abs(), self.precision),
        };
        let digits = if self.letter.is_ascii_uppercase() {
            digits.to_uppercase()
        } else {
            digits
        };
        self.signed(number, digits)
    }

    fn signed(&self, number: &Number, digits: String) -> String {
        let digits = digits.trim_start_matches('-');
        match (number.is_negative(), self.plus, self.space) {
            (true, ..) => format!("-{digits}"),
            (_, true, _) => format!("+{digits}"),
            (_, _, true) => format!(" {digits}"),
            _ => digits.to_owned(),
        }
    }

    fn padded(&self, shown: String) -> String {
        // Terraform ignores the width of a bool.
        let width = self.width.filter(|_| self.letter != 't').unwrap_or(0);
        let missing = width.saturating_sub(shown.chars().count());
        if self.left {
            return format!("{shown}{:missing$}", "");
        }
        if !self.zeros || missing == 0 {
            return format!("{:missing$}{shown}", "");
        }
        let number = shown.starts_with(['-', '+', ' ']) && !matches!(self.letter, 's' | 'q');
        let (sign, digits) = shown.split_at(usize::from(number));
        format!("{sign}{:0<missing$}{digits}", "")
    }
}

fn json(value: &Value) -> String {
    let encoded = encoding::jsonencode(std::slice::from_ref(value)).ok();
    encoded
        .and_then(|value| value.as_str().map(str::to_owned))
        .unwrap_or_default()
}

/// `1.5e+06`: at least two digits in the exponent.
fn exponential(number: &Number, precision: usize) -> String {
    let (digits, point) = number.digits(Some(precision as i64 + 1));
    let wanted = precision + 1;
    scientific(&format!("{digits:0<wanted$}"), point)
}

fn scientific(digits: &str, point: i64) -> String {
    let (first, rest) = digits.split_at(1);
    let exponent = if digits.bytes().all(|digit| digit == b'0') {
        0
    } else {
        point - 1
    };
    let sign = if exponent < 0 { '-' } else { '+' };
    let dot = if rest.is_empty() { "" } else { "." };
    format!("{first}{dot}{rest}e{sign}{:02}", exponent.abs())
}

/// The shorter of the two notations, without trailing zeros.
fn general(number: &Number, precision: Option<usize>) -> String {
    let (digits, point) = number.digits(precision.map(|precision| precision.max(1) as i64));
    let limit = precision.map_or(6, |precision| precision.max(1)) as i64;
    let limit = match precision {
        // As Go: a whole number is written out if its digits are fewer than asked for.
        Some(_) if limit > digits.len() as i64 && digits.len() as i64 >= point => digits.len() as i64,
        _ => limit,
    };
    if number.is_zero() || (-4..limit).contains(&(point - 1)) {
        return plain(&digits, point);
    }
    scientific(&digits, point)
}
