//! `data "external"`: a program of the builder host that answers with texts, by Terraform's protocol: it reads a JSON
//! object of strings and writes one.

use std::time::Duration;

use async_trait::async_trait;

use super::{Asks, Attribute, DEPENDS_ON, FOR_EACH, Found, Kind, LIFECYCLE, Pins, Request, Yields, yields};
use crate::diagnostic::Diagnostic;
use crate::host::command::{self, Tool};
use crate::lang::{Type as Shape, Value};
use crate::schema::{Block, Class, Default, Holds, Type, argument, block, once};

/// Bytes that the program may write.
const MOST: u64 = 4 << 20;

/// Its table.
pub static BLOCK: Block = block("data")
    .kind("external")
    .labels(&["name"])
    .doc(
        "A program of the builder host. It reads query as a JSON object of strings from standard input, and writes a JSON \
         object of strings, of 4 MiB at most. It runs at every plan, so it must change nothing.",
    )
    .holds(Holds::Secrets)
    .arguments(&[
        argument("program", Type::TextList, Class::Run)
            .required()
            .doc("The program and its arguments. A name with a slash is taken from the working directory."),
        argument("query", Type::TextMap, Class::Run)
            .doc("What it is asked. It may be sensitive; the result is sensitive then, too."),
        argument("working_directory", Type::Path, Class::Run)
            .doc("Where it runs, relative to the module; default: the directory of the module."),
        argument("timeout", Type::Duration, Class::Run)
            .default(Default::Text("5m"))
            .doc("How long it may take."),
        FOR_EACH,
        DEPENDS_ON,
    ])
    .blocks(&[once(&LIFECYCLE)]);

const ATTRIBUTES: &[Attribute] = &[yields("result", Yields::TextMap, "What the program answered.")];

/// The kind.
pub struct External;

#[async_trait]
impl Kind for External {
    fn block(&self) -> &'static Block {
        &BLOCK
    }

    fn attributes(&self) -> &'static [Attribute] {
        ATTRIBUTES
    }

    fn asks(&self) -> Asks {
        Asks::Host
    }

    fn pins(&self) -> Pins {
        Pins::Nothing
    }

    async fn read(&self, request: &Request<'_>) -> Result<Found, Diagnostic> {
        let arguments = request.arguments;
        let line = arguments.list("program");
        let [program, rest @ ..] = line.as_slice() else {
            let error = Diagnostic::error("argument \"program\" has a bad value");
            return Err(match arguments.get("program") {
                Some(written) => error.label(&written.span, "the program is missing"),
                None => error,
            });
        };
        let directory = match arguments.text("working_directory") {
            Some(within) => request.directory.join(within),
            None => request.directory.to_owned(),
        };
        let found = match program.contains('/') {
            true => directory
                .join(program.trim_start_matches("./"))
                .to_string_lossy()
                .into_owned(),
            false => program.clone(),
        };
        command::find(&found)?;
        let query = serde_json::to_vec(&arguments.map("query")).expect("a map of texts is JSON");
        let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
        let mut tool = Tool::new(&found, &rest).input(query);
        tool.directory = Some(directory);
        tool.most = Some(MOST);
        let timeout = arguments.duration("timeout").map(|time| time.value.as_std());
        let timeout = timeout.unwrap_or(Duration::from_secs(300));
        let output = tokio::time::timeout(timeout, tool.run()).await;
        let output = output.map_err(|_| {
            let limit = crate::units::Duration::from(timeout);
            Diagnostic::error(format!("{program} did not end within {limit}"))
                .help("let it take longer with timeout = \"...\"")
        })?;
        // The arguments are not shown: they may be secret.
        let output = output.map_err(|error| Diagnostic::error(format!("{program} failed")).note(error.reason))?;
        let secret = arguments
            .get("query")
            .is_some_and(|query| query.value.contains_sensitive());
        Ok(Found::from([(
            "result".to_owned(),
            read(program, &output)?.marked(secret),
        )]))
    }
}

/// What the program wrote, as a map of texts.
fn read(program: &str, output: &[u8]) -> Result<Value, Diagnostic> {
    let wrong = |why: String| {
        Diagnostic::error(format!("{program} does not answer with a JSON object of strings"))
            .note(why)
            .help("what it has to say to people belongs on standard error")
    };
    let json: serde_json::Value = serde_json::from_slice(output).map_err(|error| wrong(error.to_string()))?;
    let all = json
        .as_object()
        .ok_or_else(|| wrong("it is JSON, but no object".to_owned()))?;
    let texts = all.iter().map(|(key, value)| match value.as_str() {
        Some(text) => Ok((key.clone(), Value::from(text))),
        None => Err(wrong(format!("{key:?} is no string"))),
    });
    Ok(Value::map(Shape::String, texts.collect::<Result<_, _>>()?))
}
