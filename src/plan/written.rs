//! Where an argument is written that a change names by its path.

use std::collections::BTreeMap;

use super::compare::path_of;
use crate::schema::Object;
use crate::source::Span;

/// The name of the argument with this path (`provision["nginx"].script`, see [`super::compare::flatten`]) in an image block;
/// none if it is not written there: it is gone, or a default.
pub fn place(image: &Object, path: &str) -> Option<Span> {
    if let Some(argument) = image.arguments.get(path).filter(|one| !one.by_default) {
        return Some(argument.name_span.clone());
    }
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for block in image.blocks.iter().filter(|block| !block.block.is_condition()) {
        let labels = block.labels.iter().map(|label| label.value.as_str());
        let name = path_of(block.block.name, block.block.kind, labels, &mut seen);
        let inner = path.strip_prefix(&name).and_then(|rest| rest.strip_prefix('.'));
        if let Some(found) = inner.and_then(|inner| place(block, inner)) {
            return Some(found);
        }
    }
    None
}
