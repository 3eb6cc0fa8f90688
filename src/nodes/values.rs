//! Values that a plan left open, settled from what the nodes before have yielded.

use std::collections::BTreeMap;

use super::{Context, NodeError};
use crate::diagnostic::Diagnostic;
use crate::lang::convert::ConvertError;
use crate::lang::types::Type;
use crate::lang::value::Value;

/// The text of a value; none if it is null.
pub fn text(value: &Value, _cx: &Context) -> Result<Option<String>, NodeError> {
    let text = value.convert(&Type::String).map_err(refused)?;
    Ok(text.as_str().map(str::to_owned))
}

/// The texts of a map; those that are null are left out.
pub fn map(value: &Value, _cx: &Context) -> Result<BTreeMap<String, String>, NodeError> {
    let texts = value.convert(&Type::map(Type::String)).map_err(refused)?;
    let all = texts.attributes().into_iter().flatten();
    Ok(all
        .filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned())))
        .collect())
}

fn refused(why: ConvertError) -> NodeError {
    Diagnostic::error(why.to_string()).into()
}
