//! `data "http"`: a small document of a web server.

use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;

use super::{Asks, Attribute, DEPENDS_ON, FOR_EACH, Found, Kind, LIFECYCLE, Request, Yields, yields};
use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::host::fetch::{self, Fetch};
use crate::lang::Value;
use crate::schema::{Block, Class, Default, Holds, Object, Type, argument, block, once};
use crate::units::Size;

/// Bytes of a document at most: it is held in memory and kept in the lock file.
const LARGEST: usize = 4 << 20;

/// Its table.
pub static BLOCK: Block = block("data")
    .kind("http")
    .labels(&["name"])
    .doc("A document of a web server: at most 4 MiB, got with GET. An answer other than 2xx is an error.")
    .holds(Holds::Secrets)
    .arguments(&[
        argument("url", Type::Text, Class::Run)
            .required()
            .doc("Where it is: https://... or http://..."),
        argument("headers", Type::TextMap, Class::Run).doc("Headers of the request. They may be sensitive."),
        argument("sha256", Type::Sha256, Class::Run)
            .doc("What the document must hash to. With it, the lock file need not pin the document."),
        argument("timeout", Type::Duration, Class::Run)
            .default(Default::Text("30s"))
            .doc("How long the whole answer may take."),
        FOR_EACH,
        DEPENDS_ON,
    ])
    .blocks(&[once(&LIFECYCLE)]);

const ATTRIBUTES: &[Attribute] = &[
    yields("body", Yields::Text, "The document; null if it is no UTF-8 text."),
    yields(
        "body_base64",
        Yields::Text,
        "The document in base64 if it is no UTF-8 text, else null.",
    ),
    yields("sha256", Yields::Text, "64 hexadecimal digits over the document."),
    yields("status_code", Yields::Number, "The status of the answer: 200."),
    yields(
        "content_type",
        Yields::Text,
        "The header Content-Type; null if there is none.",
    ),
];

/// The kind.
pub struct Http;

#[async_trait]
impl Kind for Http {
    fn block(&self) -> &'static Block {
        &BLOCK
    }

    fn attributes(&self) -> &'static [Attribute] {
        ATTRIBUTES
    }

    fn asks(&self) -> Asks {
        Asks::Host
    }

    fn is_fixed(&self, arguments: &Object) -> bool {
        arguments.written("sha256").is_some()
    }

    async fn read(&self, request: &Request<'_>) -> Result<Found, Diagnostic> {
        let arguments = request.arguments;
        let timeout = arguments.duration("timeout").map(|time| time.value.as_std());
        let answer = fetch::get(Fetch {
            url: arguments.text("url").unwrap_or_default().to_owned(),
            headers: arguments.map("headers").into_iter().collect(),
            timeout: timeout.unwrap_or(Duration::from_secs(30)),
            largest: LARGEST,
        })
        .await?;
        if !(200..300).contains(&answer.status) {
            let error = Diagnostic::error(format!("the server answered with status {}", answer.status));
            return Err(error.help("look whether the url is right, and whether it wants headers"));
        }
        check(arguments, &answer.body)?;
        Ok(found(answer))
    }
}

/// Whether the document is the one that the block asks for.
fn check(arguments: &Object, body: &[u8]) -> Result<(), Diagnostic> {
    let is = Digest::of(body);
    match arguments.spanned_text("sha256") {
        Some(wanted) if wanted.value != is.to_string() => {
            let error = Diagnostic::error("the document has another SHA-256");
            Err(error.label(&wanted.span, format!("it has {}, and {}", is.hex(), size(body.len()))))
        }
        _ => Ok(()),
    }
}

fn size(bytes: usize) -> Size {
    Size::bytes(bytes as u64)
}

fn found(answer: fetch::Answer) -> Found {
    let sha256 = Digest::of(&answer.body).hex();
    let body = match String::from_utf8(answer.body) {
        Ok(text) => ("body", Value::from(text)),
        Err(bytes) => {
            let text = base64::engine::general_purpose::STANDARD.encode(bytes.as_bytes());
            ("body_base64", Value::from(text))
        }
    };
    let mut found = Found::from([
        (body.0.to_owned(), body.1),
        ("sha256".to_owned(), sha256.into()),
        ("status_code".to_owned(), i64::from(answer.status).into()),
    ]);
    if let Some(kind) = answer.content_type {
        found.insert("content_type".to_owned(), kind.into());
    }
    found
}
