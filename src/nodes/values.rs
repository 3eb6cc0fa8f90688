//! Values that a plan left open, settled from what the nodes before have yielded.

use std::collections::BTreeMap;

use super::{Context, Handle, NodeError};
use crate::address::ImageAddress;
use crate::diagnostic::Diagnostic;
use crate::lang::convert::ConvertError;
use crate::lang::types::Type;
use crate::lang::value::Value;

/// The text of a value; none if it is null.
pub fn text(value: &Value, cx: &Context) -> Result<Option<String>, NodeError> {
    let text = settled(value, cx)?.convert(&Type::String).map_err(refused)?;
    Ok(text.as_str().map(str::to_owned))
}

/// The texts of a map; those that are null are left out.
pub fn map(value: &Value, cx: &Context) -> Result<BTreeMap<String, String>, NodeError> {
    let texts = settled(value, cx)?.convert(&Type::map(Type::String)).map_err(refused)?;
    let all = texts.attributes().into_iter().flatten();
    Ok(all
        .filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned())))
        .collect())
}

/// The value with all that it waits for put in.
pub fn settled(value: &Value, cx: &Context) -> Result<Value, NodeError> {
    Ok(value.resolve(&|of, name| output(cx, &of.image, name))?)
}

/// What an image says of itself that the node needs.
fn output(cx: &Context, image: &ImageAddress, name: &str) -> Option<Value> {
    let handle = cx.outputs.iter().find_map(|(at, handle)| match handle {
        Handle::Image { handle } | Handle::Adopt { handle } | Handle::Update { handle } if at.image == *image => {
            Some(handle)
        }
        _ => None,
    })?;
    let id = || Value::from(handle.id.0.as_str());
    match name {
        "id" => Some(id()),
        "name" => Some(Value::from(handle.name.as_str())),
        "ids" => {
            let made = cx.outputs.iter().filter_map(|(at, handle)| match handle {
                Handle::RegionalCopy { handle } if at.image == *image => Some(handle),
                _ => None,
            });
            let ids = handle.ids(made).into_iter();
            let ids = ids.map(|(place, id)| (place, Value::from(id.0.as_str())));
            Some(Value::map(Type::String, ids.collect()))
        }
        _ => None,
    }
}

fn refused(why: ConvertError) -> NodeError {
    Diagnostic::error(why.to_string()).into()
}
