//! Why a file is no HCL, in words: hcl-edit only says where it gave up.

use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::{Source, Span};

/// The error of the parser as a diagnostic; `offset` is what was cut off before the parser saw the text.
pub(super) fn explain(source: &Arc<Source>, offset: usize, error: &hcl_edit::parser::Error) -> Diagnostics {
    let at = error.location().offset() + offset;
    let end = source
        .text()
        .get(at..)
        .and_then(|rest| rest.chars().next())
        .map_or(at, |c| at + c.len_utf8());
    let span = Span::new(source, at..end);
    Diagnostic::error(format!("this is not HCL: {}", error.message()))
        .at(&span)
        .into()
}
