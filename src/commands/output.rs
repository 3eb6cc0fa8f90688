//! `bake output`.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::exit::Exit;
use super::session::{ModuleArguments, Session};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::Value;
use crate::plan::outputs::Known;
use crate::plan::{PlannedOutput, observe::World};
use crate::ui::{Terminal, json, values};

/// Print the outputs of the module, from the images that stand
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Print the outputs of the module. There is no state file: they are evaluated against the images that \
                  stand.",
    after_help = "\
bake output
bake output image_id -raw
bake output -json | jq -r '.web_ids.value.local'"
)]
pub struct Args {
    /// Only this one; also if it is sensitive.
    #[arg(value_name = "NAME")]
    name: Option<String>,
    /// Print them as JSON.
    #[arg(long)]
    pub(super) json: bool,
    /// Print the text of the one named as it is, without a line end.
    #[arg(long, requires = "name", conflicts_with = "json")]
    raw: bool,
    #[command(flatten)]
    module: ModuleArguments,
}

impl Args {
    /// Evaluates and prints.
    pub fn run(self, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        let session = Session::open(&self.module, terminal)?;
        let outputs = known(&session.world()?).outputs(&session.module.outputs);
        let text = match &self.name {
            None if self.json => json::pretty(&as_json(&outputs, Secrets::Shown)),
            None => written(&outputs),
            Some(name) => self.one(name, &outputs)?,
        };
        match (&self.name, outputs.is_empty()) {
            (None, true) if !self.json => terminal.say("The module has no outputs."),
            _ => terminal.data(&text),
        }
        Ok(Exit::Done)
    }

    fn one(&self, name: &str, outputs: &BTreeMap<String, PlannedOutput>) -> Result<String, Diagnostic> {
        let output = outputs.get(name).ok_or_else(|| no_output(name, outputs))?;
        let value = &output.value;
        if !value.is_wholly_known() {
            return Err(not_known(name));
        }
        if self.json {
            return Ok(format!("{}\n", value.to_json()));
        }
        let value = value.revealed();
        match (self.raw, value.to_json()) {
            (true, serde_json::Value::String(text)) => Ok(text),
            (true, scalar) if scalar.is_number() || scalar.is_boolean() => Ok(scalar.to_string()),
            (true, _) => Err(Diagnostic::error(format!("output {name:?} is no text"))
                .help("-raw prints texts, numbers and bools; -json prints everything")),
            (false, _) => Ok(format!("{}\n", values::text(&value, 0))),
        }
    }
}

/// What the current release of each image says of itself.
pub(super) fn known(world: &World) -> Known {
    let mut known = Known::default();
    for image in world.images.values().filter_map(|releases| releases.first()) {
        let (address, manifest) = (&image.manifest.address, &image.manifest);
        known.identity(address, &manifest.release_id, &manifest.digest.short());
        known.name(address, &image.name);
        known.id(address, &image.id, image.ids());
    }
    known
}

/// All outputs in the syntax of the language; secrets are not shown.
pub fn written(outputs: &BTreeMap<String, PlannedOutput>) -> String {
    let lines = outputs
        .iter()
        .map(|(name, output)| format!("{name} = {}\n", values::text(&output.value, 0)));
    lines.collect()
}

/// Whether secrets go into JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// With their values: whoever asks for an output reads it by program.
    Shown,
    /// `null`.
    Hidden,
}

/// All outputs in the form in which Terraform prints its own.
pub fn as_json(outputs: &BTreeMap<String, PlannedOutput>, secrets: Secrets) -> serde_json::Value {
    let one = |value: &Value| {
        let sensitive = value.contains_sensitive();
        let shown = if sensitive && secrets == Secrets::Hidden {
            serde_json::Value::Null
        } else {
            value.to_json()
        };
        serde_json::json!({ "sensitive": sensitive, "known": value.is_wholly_known(), "value": shown })
    };
    outputs
        .iter()
        .map(|(name, output)| (name.clone(), one(&output.value)))
        .collect()
}

fn no_output(name: &str, outputs: &BTreeMap<String, PlannedOutput>) -> Diagnostic {
    let names: Vec<_> = outputs.keys().map(String::as_str).collect();
    let diagnostic = Diagnostic::error(format!("the module has no output {name:?}"));
    match names.is_empty() {
        true => diagnostic.help("declare it: output \"NAME\" { value = ... }"),
        false => diagnostic.note(format!("it has {}", names.join(", "))),
    }
}

fn not_known(name: &str) -> Diagnostic {
    Diagnostic::error(format!("output {name:?} is not known yet"))
        .note("it reads an image that does not stand")
        .help("bake apply builds what is missing")
}
