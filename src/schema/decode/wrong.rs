//! What is said of a block that is not as its table has it.

use super::super::convert::Wrong;
use super::super::foreign::foreign;
use super::super::suggest::{did_you_mean, one_of};
use super::super::{Argument, Block, Occurs};
use crate::diagnostic::Diagnostic;
use crate::lang::syntax::{self, Attribute};
use crate::source::Span;

pub(super) fn gives_another_each_time(name: &str, function: &str, attribute: &Attribute, row: &Argument) -> Diagnostic {
    let error = Diagnostic::error(format!("argument \"{name}\" must be known before apply")).label(
        &attribute.value.span,
        format!("{function} gives another value each time"),
    );
    let error = match row.class.is_content() {
        true => error.note("it would change the image at every plan"),
        false => error,
    };
    error.help("hand the value over in a variable")
}

pub(super) fn unknown_argument(attribute: &Attribute, table: &Block) -> Diagnostic {
    let name = &attribute.name;
    let error = Diagnostic::error(format!(
        "unknown argument \"{}\" in block \"{}\"",
        name.value, table.name
    ));
    if table.blocks.iter().any(|nested| nested.block.name == name.value) {
        return error.label(&name.span, format!("this is a block: write {} {{ ... }}", name.value));
    }
    if let Some(instead) = foreign(table.name, &name.value) {
        return error.at(&name.span).help(instead);
    }
    let known = || {
        table
            .arguments
            .iter()
            .filter(|row| row.unsupported.is_none())
            .map(|row| row.name)
    };
    let meant = did_you_mean(&name.value, known());
    match (meant.is_empty(), known().next()) {
        (false, _) => error.label(&name.span, meant),
        (true, Some(_)) => error
            .at(&name.span)
            .help(format!("it takes {}", known().collect::<Vec<_>>().join(", "))),
        (true, None) => error.at(&name.span).help("it takes no arguments"),
    }
}

pub(super) fn unknown_block(written: &syntax::Block, table: &Block) -> Diagnostic {
    let name = &written.kind;
    let summary = format!("unknown block \"{}\" in block \"{}\"", name.value, table.name);
    if let Some(instead) = foreign(table.name, &name.value) {
        return Diagnostic::error(summary).at(&name.span).help(instead);
    }
    let label = match table.argument(&name.value) {
        Some(_) => format!("this is an argument: write {} = ...", name.value),
        None => did_you_mean(&name.value, table.blocks.iter().map(|nested| nested.block.name)),
    };
    Diagnostic::error(summary).label(&name.span, label)
}

pub(super) fn unknown_kind(written: &syntax::Block, known: &[&str]) -> Diagnostic {
    let name = &written.kind.value;
    let Some(kind) = written.labels.first() else {
        let error = Diagnostic::error(format!("block \"{name}\" needs a label: its kind")).at(&written.span);
        return error.help(format!("kinds: {}", one_of(known.iter().copied())));
    };
    let label = did_you_mean(&kind.value, known.iter().copied());
    let error = Diagnostic::error(format!("unknown kind of {name}: \"{}\"", kind.value)).label(&kind.span, label);
    error.help(format!("kinds: {}", one_of(known.iter().copied())))
}

pub(super) fn repeated(written: &syntax::Block, first: &Span, occurs: Occurs) -> Diagnostic {
    let name = &written.kind.value;
    let summary = match (occurs, written.labels.last()) {
        (Occurs::Many, Some(label)) => format!("there are two {name} blocks named \"{}\"", label.value),
        _ => format!("block \"{name}\" may stand only once"),
    };
    if written.span == *first {
        return Diagnostic::error(summary).label(first, "several elements of for_each give one");
    }
    Diagnostic::error(summary)
        .label(&written.span, "here again")
        .label(first, "the first is here")
}

pub(super) fn bad_value(attribute: &Attribute, row: &Argument, wrong: Wrong) -> Diagnostic {
    let name = row.name;
    match wrong {
        Wrong::Kind(is) => Diagnostic::error(format!("argument \"{name}\" takes {}", row.ty.in_words()))
            .label(&attribute.value.span, is),
        Wrong::Value(why) => {
            Diagnostic::error(format!("argument \"{name}\" has a bad value")).label(&attribute.value.span, why)
        }
    }
}
