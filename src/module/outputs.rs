//! `output` and `moved` blocks.

use std::collections::{BTreeMap, BTreeSet};

use super::blocks::{MOVED, OUTPUT};
use super::conditions::{Conditions, Guards};
use super::names::Names;
use super::within::InImage;
use super::{Moved, OutputSpec};
use crate::address::{ImageAddress, ModulePath, Selection};
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
            (&format!("output {name:?}"), Guards::Nothing),
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
    all: Vec<Moved>,
    /// Where images go in modules that could not be read.
    unchecked: BTreeSet<ImageAddress>,
}

impl Moves {
    /// Those of one module, checked against the images that are there.
    pub fn of(&mut self, names: &Names<'_>, files: &Files, images: &[ImageAddress], found: &mut Diagnostics) {
        for written in &names.declared.moved {
            decode(written, &MOVED, names, files, found);
            let place = |name: &str, found: &mut Diagnostics| {
                let attribute = written.body.attribute(name)?;
                found.take(place(&names.path, &attribute.value))
            };
            let (Some(from), Some(to)) = (place("from", found), place("to", found)) else {
                continue;
            };
            for moved in found.take(pairs(from, to, images)).into_iter().flatten() {
                self.one(moved, names, images, found);
            }
        }
    }

    fn one(&mut self, moved: Moved, names: &Names<'_>, images: &[ImageAddress], found: &mut Diagnostics) {
        let Moved { from, to } = &moved;
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
        } else if names.unreadable.is_some() {
            self.unchecked.insert(to.value.clone());
        }
        self.all.push(moved);
    }

    /// All of them, each with where it leads in the end: an image may have been moved more than once.
    pub fn settle(self, images: &[ImageAddress], found: &mut Diagnostics) -> Vec<Moved> {
        let next: BTreeMap<_, _> = self.all.iter().map(|one| (&one.from.value, &one.to.value)).collect();
        let settled = self.all.iter().map(|one| {
            let mut to = &one.to.value;
            for _ in 0..next.len() {
                let further = next.get(to).filter(|_| !images.contains(to));
                to = further.copied().unwrap_or(to);
            }
            // Of a chain the last block is wrong, and of a circle each.
            let is_last = *to == one.to.value || next.contains_key(to);
            let is_said = images.contains(&one.from.value);
            if is_last && !is_said && !images.contains(to) && !self.unchecked.contains(to) {
                found.push(Diagnostic::error(format!("{to} is not in the module")).at(&one.to.span));
            }
            Moved {
                from: one.from.clone(),
                to: Spanned::new(to.clone(), one.to.span.clone()),
            }
        });
        settled.collect()
    }
}

/// Each image that is moved, with where it goes: one, or all that the module at the new place has.
fn pairs(from: Spanned<Selection>, to: Spanned<Selection>, images: &[ImageAddress]) -> Result<Vec<Moved>, Diagnostic> {
    match (from.value, to.value) {
        (Selection::Image(old), Selection::Image(new)) => Ok(vec![Moved {
            from: Spanned::new(old, from.span),
            to: Spanned::new(new, to.span),
        }]),
        (Selection::Module(old), Selection::Module(new)) => {
            let here = images.iter().filter_map(|image| {
                let before = image.clone().within(&image.module.carried(&new, &old)?);
                Some(Moved {
                    from: Spanned::new(before, from.span.clone()),
                    to: Spanned::new(image.clone(), to.span.clone()),
                })
            });
            let all: Vec<_> = here.collect();
            match all.is_empty() {
                true => Err(Diagnostic::error(format!("{new} has no images")).at(&to.span)),
                false => Ok(all),
            }
        }
        _ => {
            let error = Diagnostic::error("an image is moved to an image, and a module to a module").at(&from.span);
            Err(error.label(&to.span, "to here"))
        }
    }
}

/// `image.web`, `image.web["arm64"]`, `module.base.image.web` or `module.base`, as it is written in a module.
fn place(path: &ModulePath, expression: &Expression) -> Result<Spanned<Selection>, Diagnostic> {
    let wrong = || {
        let error = Diagnostic::error("the address of an image is wanted").at(&expression.span);
        error.help("write image.NAME, image.NAME[\"KEY\"], module.NAME.image.NAME, or module.NAME for all of a module")
    };
    let of = |selection| Ok(Spanned::new(selection, expression.span.clone()));
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
            ("module", true) => return of(Selection::Module(path.below(name, key))),
            ("image", true) => {
                return of(ImageAddress::new(name, key.map(str::to_owned)).within(&path).into());
            }
            _ => return Err(wrong()),
        }
    }
}
