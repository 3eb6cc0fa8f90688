//! `source` and `scratch`: where the root volume of an image comes from.

use std::path::PathBuf;

use crate::address::ImageAddress;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::Digest;
use crate::schema::{Block, Class, Object, Type, argument, block};
use crate::source::{Span, Spanned};

/// The table of `source`.
pub static SOURCE: Block = block("source")
    .doc("Takes the root volume from what exists.")
    .exactly_one(&["image", "file", "snapshot", "ami"])
    .arguments(&[
        argument("image", Type::Image, Class::Source).doc("An image of this module: image.base."),
        argument("file", Type::File, Class::Source).doc("A disk image on the builder host: raw or qcow2."),
        argument("sha256", Type::Sha256, Class::Run).doc("What that file must hash to; checked at plan."),
        argument("snapshot", Type::Text, Class::Source).doc("A snapshot of the provider, by its id."),
        argument("ami", Type::Text, Class::Source).doc("An AMI, by its id (aws)."),
    ]);

/// The table of `scratch`.
pub static SCRATCH: Block = block("scratch").doc("Begins with an empty root volume.");

/// Where a root volume comes from.
#[derive(Debug, Clone)]
pub enum Source {
    /// Nothing.
    Scratch,
    /// An image of this module.
    Image(Spanned<ImageAddress>),
    /// A disk image on the builder host.
    File {
        /// Absolute.
        path: PathBuf,
        /// Its content.
        digest: Digest,
        /// Where it was written.
        span: Span,
    },
    /// A snapshot of the provider.
    Snapshot(Spanned<String>),
    /// An image of the provider by its id.
    Ami(Spanned<String>),
}

impl Source {
    /// The image of this module that it is, if it is one.
    pub fn base(&self) -> Option<&ImageAddress> {
        match self {
            Source::Image(address) => Some(&address.value),
            _ => None,
        }
    }

    /// Where it is written.
    pub fn span(&self) -> Option<&Span> {
        match self {
            Source::Scratch => None,
            Source::Image(address) => Some(&address.span),
            Source::File { span, .. } => Some(span),
            Source::Snapshot(id) | Source::Ami(id) => Some(&id.span),
        }
    }
}

/// Where the root volume of an image comes from. Exactly one of the two blocks must stand.
pub(super) fn decode(image: &Object, found: &mut Diagnostics) -> Option<Source> {
    match (image.child("scratch"), image.child("source")) {
        (Some(_), None) => Some(Source::Scratch),
        (None, Some(source)) => source_of(source, found),
        (Some(scratch), Some(source)) => {
            let error = Diagnostic::error("an image has either a source or a scratch block");
            found.push(error.at(&source.span).label(&scratch.span, "and this"));
            None
        }
        (None, None) if image.meant.iter().any(|name| ["source", "scratch"].contains(name)) => None,
        (None, None) => {
            let error = Diagnostic::error("an image needs a source or a scratch block").at(&image.span);
            found.push(error.help("write source { image = image.NAME }, source { file = \"...\" } or scratch {}"));
            None
        }
    }
}

fn source_of(block: &Object, found: &mut Diagnostics) -> Option<Source> {
    if let Some(image) = block.spanned_text("image") {
        let address = image.value.parse().expect("decoding has read the address");
        return Some(Source::Image(Spanned::new(address, image.span)));
    }
    if let Some(file) = block.get("file") {
        check_sha256(block, "file", found);
        let input = file.files.first()?;
        return Some(Source::File {
            path: input.absolute.clone(),
            digest: input.digest,
            span: file.span.clone(),
        });
    }
    let snapshot = block.spanned_text("snapshot").map(Source::Snapshot);
    snapshot.or_else(|| block.spanned_text("ami").map(Source::Ami))
}

/// Whether the file that an argument names is the one whose digest is written beside it.
pub(super) fn check_sha256(block: &Object, argument: &str, found: &mut Diagnostics) {
    let is = block.get(argument).and_then(|argument| argument.files.first());
    let (Some(is), Some(wanted)) = (is, block.spanned_text("sha256")) else {
        return;
    };
    if wanted.value != is.digest.to_string() {
        let error = Diagnostic::error(format!("{} has another SHA-256", is.path.display()));
        found.push(error.label(&wanted.span, format!("the file has {}", is.digest.hex())));
    }
}
