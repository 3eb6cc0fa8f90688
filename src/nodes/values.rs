//! Values that a plan left open, settled from what the nodes before have yielded.

use std::collections::BTreeMap;

use super::{Context, NodeError};
use crate::diagnostic::Diagnostic;
use crate::lang::value::Value;

/// The text of a value; none if it is null.
pub fn text(value: &Value, _cx: &Context) -> Result<Option<String>, NodeError> {
    match &value.0 {
        serde_json::Value::Null => Ok(None),
        serde_json::Value::String(text) => Ok(Some(text.clone())),
        other => Err(Diagnostic::error(format!("{other} is no text")).into()),
    }
}

/// The texts of a map.
pub fn map(value: &Value, _cx: &Context) -> Result<BTreeMap<String, String>, NodeError> {
    serde_json::from_value(value.0.clone()).map_err(|why| Diagnostic::error(format!("no map of texts: {why}")).into())
}
