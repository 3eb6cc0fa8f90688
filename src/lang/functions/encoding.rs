//! JSON and hashes.

use std::io::Write as _;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use encoding_rs::{DecoderResult, EncoderResult, Encoding};

use super::{ANY, Answer, Fault, Function, STRING, takes, takes_null, text};
use crate::lang::value::{Kind, Value};

/// Encodings of texts.
pub(super) const TABLE: &[Function] = &[
    Function::pure(
        "base64decode",
        "The text that is encoded in base64.",
        &[takes("str", STRING)],
        STRING,
        base64decode,
    ),
    Function::pure(
        "base64encode",
        "A text in base64.",
        &[takes("str", STRING)],
        STRING,
        base64encode,
    ),
    Function::pure(
        "base64gzip",
        "A text, compressed, in base64.",
        &[takes("str", STRING)],
        STRING,
        base64gzip,
    ),
    Function::pure(
        "jsondecode",
        "The value of a JSON text.",
        &[takes("str", STRING)],
        ANY,
        jsondecode,
    ),
    Function::pure(
        "jsonencode",
        "A value as JSON.",
        &[takes_null("val", ANY)],
        STRING,
        jsonencode,
    ),
    Function::pure(
        "textdecodebase64",
        "The text that is encoded in base64 and a character encoding: \"UTF-16LE\".",
        &[takes("source", STRING), takes("encoding", STRING)],
        STRING,
        textdecodebase64,
    ),
    Function::pure(
        "textencodebase64",
        "A text in a character encoding, in base64.",
        &[takes("string", STRING), takes("encoding", STRING)],
        STRING,
        textencodebase64,
    ),
    Function::pure(
        "urlencode",
        "A text as it may stand in the query of a URL.",
        &[takes("str", STRING)],
        STRING,
        urlencode,
    ),
];

/// JSON without white space; `<`, `>`, `&` and the two line separators of Unicode are escaped, as Go does it.
pub(super) fn jsonencode(arguments: &[Value]) -> Answer {
    let mut out = String::new();
    write(&arguments[0], &mut out);
    Ok(out.into())
}

fn write(value: &Value, out: &mut String) {
    match &value.kind {
        Kind::Null(_) | Kind::Unknown(_) => out.push_str("null"),
        Kind::Bool(answer) => out.push_str(if *answer { "true" } else { "false" }),
        Kind::Number(number) => out.push_str(&number.to_string()),
        Kind::String(text) => write_text(text, out),
        Kind::List(_, all) | Kind::Set(_, all) | Kind::Tuple(all) => {
            out.push('[');
            for (at, one) in all.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write(one, out);
            }
            out.push(']');
        }
        Kind::Map(_, all) | Kind::Object(all) => {
            out.push('{');
            for (at, (name, one)) in all.iter().enumerate() {
                out.push_str(if at > 0 { "," } else { "" });
                write_text(name, out);
                out.push(':');
                write(one, out);
            }
            out.push('}');
        }
    }
}

fn write_text(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..'\u{20}' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}

pub(super) fn jsondecode(arguments: &[Value]) -> Answer {
    let written = text(arguments, 0);
    match crate::lang::json_text::read(written) {
        Ok(json) => Ok(json.into_value()),
        Err(error) => Err(Fault::of(0, error.in_words(written))),
    }
}

pub(super) fn base64encode(arguments: &[Value]) -> Answer {
    Ok(STANDARD.encode(text(arguments, 0)).into())
}

/// As Go reads it: bits that are left over at the end do not count.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// The bytes of an argument in base64; line ends in it do not count.
fn bytes_of(arguments: &[Value]) -> Result<Vec<u8>, Fault> {
    let text: String = text(arguments, 0)
        .chars()
        .filter(|c| !matches!(c, '\r' | '\n'))
        .collect();
    LENIENT
        .decode(text)
        .map_err(|error| Fault::of(0, format!("not base64: {error}")))
}

pub(super) fn base64decode(arguments: &[Value]) -> Answer {
    let text = String::from_utf8(bytes_of(arguments)?);
    Ok(text
        .map_err(|_| Fault::of(0, "what it holds is not UTF-8 text"))?
        .into())
}

pub(super) fn base64gzip(arguments: &[Value]) -> Answer {
    let mut encoder = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::default());
    let written = encoder
        .write_all(text(arguments, 0).as_bytes())
        .and_then(|()| encoder.finish());
    let bytes = written.map_err(|error| Fault::call(error.to_string()))?;
    Ok(STANDARD.encode(bytes).into())
}

/// A character encoding by its name. UTF-16 is written here, since the library only reads it; and what the web takes for
/// windows-1252 is what its name says.
enum Charset {
    Utf16 {
        big: bool,
        mark: bool,
    },
    /// One byte for each of the first so many characters of Unicode.
    Bytes(u32),
    Other(&'static Encoding),
}

impl Charset {
    fn find(arguments: &[Value]) -> Result<Charset, Fault> {
        let name = text(arguments, 1);
        Ok(match name.to_ascii_uppercase().as_str() {
            "UTF-16LE" => Charset::Utf16 {
                big: false,
                mark: false,
            },
            "UTF-16BE" => Charset::Utf16 { big: true, mark: false },
            "UTF-16" => Charset::Utf16 { big: true, mark: true },
            "US-ASCII" | "ASCII" => Charset::Bytes(0x80),
            "ISO-8859-1" | "LATIN1" | "L1" => Charset::Bytes(0x100),
            _ => {
                let found = Encoding::for_label_no_replacement(name.as_bytes());
                Charset::Other(found.ok_or_else(|| Fault::of(1, format!("no encoding is called {name:?}")))?)
            }
        })
    }

    fn encode(&self, text: &str) -> Result<Vec<u8>, Fault> {
        let encoding = match *self {
            Charset::Utf16 { big, mark } => {
                let units = mark.then_some(0xfeff).into_iter().chain(text.encode_utf16());
                let bytes = units.flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
                return Ok(bytes.collect());
            }
            Charset::Bytes(end) => {
                let byte = |c: char| u8::try_from(c as u32).ok().filter(|_| (c as u32) < end);
                let bytes = text
                    .chars()
                    .map(|c| byte(c).ok_or_else(|| Fault::of(0, format!("the encoding has no {c:?}"))));
                return bytes.collect();
            }
            Charset::Other(encoding) => encoding,
        };
        let mut encoder = encoding.new_encoder();
        let room = encoder.max_buffer_length_from_utf8_without_replacement(text.len());
        let mut out = Vec::with_capacity(room.unwrap_or(0) + 16);
        match encoder
            .encode_from_utf8_to_vec_without_replacement(text, &mut out, true)
            .0
        {
            EncoderResult::InputEmpty => Ok(out),
            EncoderResult::Unmappable(c) => Err(Fault::of(0, format!("{} has no {c:?}", encoding.name()))),
            EncoderResult::OutputFull => Err(Fault::call("the text is too long")),
        }
    }

    fn decode(&self, bytes: &[u8]) -> Result<String, Fault> {
        let wrong = || Fault::of(0, "what it holds is no text in this encoding");
        let encoding = match *self {
            Charset::Utf16 { big, mark } => return utf16(bytes, big, mark).ok_or_else(wrong),
            Charset::Bytes(end) => {
                let character = |byte: &u8| Some(char::from(*byte)).filter(|c| (*c as u32) < end);
                return bytes
                    .iter()
                    .map(character)
                    .collect::<Option<String>>()
                    .ok_or_else(wrong);
            }
            Charset::Other(encoding) => encoding,
        };
        let mut decoder = encoding.new_decoder_without_bom_handling();
        let room = decoder.max_utf8_buffer_length_without_replacement(bytes.len());
        let mut out = String::with_capacity(room.unwrap_or(0) + 16);
        match decoder.decode_to_string_without_replacement(bytes, &mut out, true).0 {
            DecoderResult::InputEmpty => Ok(out),
            _ => Err(wrong()),
        }
    }
}

fn utf16(bytes: &[u8], big: bool, mark: bool) -> Option<String> {
    let (big, bytes) = match bytes {
        [0xff, 0xfe, rest @ ..] if mark => (false, rest),
        [0xfe, 0xff, rest @ ..] if mark => (true, rest),
        _ if mark => return None,
        _ => (big, bytes),
    };
    let pairs = bytes.chunks(2).map(|pair| <[u8; 2]>::try_from(pair).ok());
    let units = pairs.map(|pair| {
        pair.map(|pair| {
            if big {
                u16::from_be_bytes(pair)
            } else {
                u16::from_le_bytes(pair)
            }
        })
    });
    String::from_utf16(&units.collect::<Option<Vec<u16>>>()?).ok()
}

pub(super) fn textencodebase64(arguments: &[Value]) -> Answer {
    Ok(STANDARD
        .encode(Charset::find(arguments)?.encode(text(arguments, 0))?)
        .into())
}

pub(super) fn textdecodebase64(arguments: &[Value]) -> Answer {
    let charset = Charset::find(arguments)?;
    Ok(charset.decode(&bytes_of(arguments)?)?.into())
}

/// As Go's `url.QueryEscape`: a blank becomes a plus.
pub(super) fn urlencode(arguments: &[Value]) -> Answer {
    let mut out = String::new();
    for byte in text(arguments, 0).bytes() {
        match byte {
            b' ' => out.push('+'),
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    Ok(out.into())
}
