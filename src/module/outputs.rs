//! `output` and `moved` blocks.

use super::blocks::{MOVED, OUTPUT};
use super::conditions::Conditions;
use super::names::Names;
use super::within::InImage;
use super::{Moved, OutputSpec};
use crate::address::{ImageAddress, ModulePath};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::Part;
use crate::lang::syntax::{Block as Written, Expression};
use crate::lang::value::Value;
use crate::schema::{Block, Decoder, Files, Object};
use crate::source::Spanned;

fn decode(
    written: &Written,
    table: &'static Block,
    names: &Names<'_>,
    files: &Files,
    found: &mut Diagnostics,
) -> Object {
    let within = names.at_top();
    let evaluate = InImage {
        plain: within,
        identities: within,
    };
    let mut decoder = Decoder::new(&evaluate, files, None);
    let object = decoder.block(written, table);
    found.extend(decoder.found);
    object
}

/// The outputs in the order of their names.
pub(super) fn outputs(
    names: &Names<'_>,
    identities: &Names<'_>,
    files: &Files,
    conditions: &mut Conditions,
    found: &mut Diagnostics,
) -> Vec<OutputSpec> {
    let mut outputs = Vec::new();
    for (name, written) in &names.declared.outputs {
        let object = decode(written, &OUTPUT, names, files, found);
        let within = names.at_top();
        let value = written
            .body
            .attribute("value")
            .and_then(|value| found.take(within.evaluate(&value.value)));
        conditions.of(
            &within,
            &written.body,
            "precondition",
            &format!("output {name:?}"),
            found,
        );
        if value.as_ref().is_some_and(Value::contains_sensitive)
            && let Some(written) = written.body.attribute("value")
        {
            // What is ephemeral says so here.
            found.take(identities.evaluate(&written.value));
        }
        if value.as_ref().is_some_and(Value::contains_sensitive) && !object.is_on("sensitive") {
            found.push(unmarked(name, &object));
        }
        outputs.extend(value.map(|value| OutputSpec {
            name: name.clone(),
            value: value.marked(object.is_on("sensitive")),
            description: object.text("description").map(str::to_owned),
            span: written.span.clone(),
        }));
    }
    outputs
}

/// An output is printed, so a secret in it must be meant.
fn unmarked(name: &str, output: &Object) -> Diagnostic {
    Diagnostic::error(format!("output {name:?} holds a sensitive value"))
        .at(&output.span)
        .help("write sensitive = true in it, or leave the secret out")
}

/// The moves of a module and of those that it calls.
#[derive(Default)]
pub(super) struct Moves {
    pub all: Vec<Moved>,
}

impl Moves {
    /// Those of one module, checked against the images that are there.
    pub fn of(&mut self, names: &Names<'_>, files: &Files, images: &[ImageAddress], found: &mut Diagnostics) {
        for written in &names.declared.moved {
            decode(written, &MOVED, names, files, found);
            let address = |name: &str, found: &mut Diagnostics| {
                let attribute = written.body.attribute(name)?;
                found.take(address(&names.path, &attribute.value))
            };
            let (Some(from), Some(to)) = (address("from", found), address("to", found)) else {
                continue;
            };
            if let Some(first) = self.all.iter().find(|one| one.from.value == from.value) {
                let error = Diagnostic::error(format!("{} is moved twice", from.value));
                found.push(
                    error
                        .label(&from.span, "here again")
                        .label(&first.from.span, "the first is here"),
                );
            }
            if images.contains(&from.value) {
                let error = Diagnostic::error(format!("{} is still in the module", from.value)).at(&from.span);
                found.push(error.help("remove the moved block, or the image block of its old name"));
            } else if !images.contains(&to.value) && names.unreadable.is_none() {
                found.push(Diagnostic::error(format!("{} is not in the module", to.value)).at(&to.span));
            }
            self.all.push(Moved { from, to });
        }
    }
}

/// `image.web`, `image.web["arm64"]` or `module.base.image.web`, as it is written in a module.
fn address(path: &ModulePath, expression: &Expression) -> Result<Spanned<ImageAddress>, Diagnostic> {
    let wrong = || {
        let error = Diagnostic::error("the address of an image is wanted").at(&expression.span);
        error.help("write image.NAME, image.NAME[\"KEY\"] or module.NAME.image.NAME")
    };
    let reference = expression.as_reference().ok_or_else(wrong)?;
    let mut parts = reference.parts.iter().map(|part| &part.value).peekable();
    let mut path = path.clone();
    loop {
        let (Some(Part::Name(root)), Some(Part::Name(name))) = (parts.next(), parts.next()) else {
            return Err(wrong());
        };
        let key = match parts.peek() {
            Some(Part::Key(key)) => {
                parts.next();
                Some(key.as_str())
            }
            _ => None,
        };
        match (root.as_str(), parts.peek().is_none()) {
            ("module", false) => path = path.below(name, key),
            ("image", true) => {
                let image = ImageAddress::new(name, key.map(str::to_owned)).within(&path);
                return Ok(Spanned::new(image, expression.span.clone()));
            }
            _ => return Err(wrong()),
        }
    }
}
