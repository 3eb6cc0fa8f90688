//! What a local store cannot do, said at plan with the place of the argument.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::schema::{Class, Object};
use crate::source::Span;
use crate::spec::{ImageSpec, Source};

/// Arguments of `publish` that a manifest can keep.
const KEPT: &[&str] = &["tags", "deprecate_after"];

/// Everything in an image that only a cloud can do.
pub fn unsupported(spec: &ImageSpec) -> Diagnostics {
    let publish = spec.publish.object.iter().flat_map(|publish| published(publish));
    let keys = spec
        .object
        .blocks
        .iter()
        .filter(|block| block.block.name != "publish")
        .flat_map(|block| keyed(block));
    let source = match &spec.source {
        Source::Ami(id) => Some(no(
            &id.span,
            "an AMI can only be the source of an image of provider aws",
        )),
        _ => None,
    };
    source.into_iter().chain(publish).chain(keys).collect()
}

fn published(publish: &Object) -> Vec<Diagnostic> {
    let arguments = publish.arguments.iter().filter(|(name, _)| !KEPT.contains(name));
    let arguments = arguments.map(|(name, argument)| refused(&argument.name_span, name));
    let blocks = publish
        .blocks
        .iter()
        .map(|block| refused(&block.span, block.block.name));
    arguments.chain(blocks).collect()
}

/// Arguments that select keys or encryption.
fn keyed(block: &Object) -> Vec<Diagnostic> {
    let is_keyed = |name: &str| {
        block
            .block
            .argument(name)
            .is_some_and(|argument| argument.class == Class::Keys)
    };
    let own = block.arguments.iter().filter(|(name, _)| is_keyed(name));
    let own = own.map(|(name, argument)| refused(&argument.name_span, name));
    own.chain(block.blocks.iter().flat_map(|block| keyed(block))).collect()
}

fn refused(span: &Span, name: &str) -> Diagnostic {
    no(span, &format!("provider local cannot do {name:?}"))
        .help("leave it out, or set ignore_publish = true in the provider block to pass over it")
}

fn no(span: &Span, summary: &str) -> Diagnostic {
    Diagnostic::error(summary).at(span)
}
