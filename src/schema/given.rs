//! The arguments of a block as the code that acts on them reads them: plain values, with the defaults of the table.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value as Json;

use super::{Block, Default, InputKind};
use crate::digest::Digest;
use crate::units::{Duration, Size};

/// What was given to a step, a bootstrap, a boot loader or a hook.
#[derive(Debug, Clone)]
pub struct Given {
    block: &'static Block,
    values: BTreeMap<String, GivenArgument>,
}

/// One argument.
#[derive(Debug, Clone)]
pub struct GivenArgument {
    /// All of it known, secrets in plain text.
    pub value: Json,
    /// The files that it names.
    pub files: Vec<GivenFile>,
}

/// A file on the builder host; its bytes are compared with the digest before they are used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenFile {
    /// As messages name it.
    pub path: PathBuf,
    /// Where to read it.
    pub absolute: PathBuf,
    /// What it is.
    pub kind: InputKind,
    /// Of its content, or of a link's target.
    pub digest: Digest,
}

impl Given {
    /// These arguments of a block of this table; what is absent has its default.
    pub fn new(block: &'static Block, values: BTreeMap<String, GivenArgument>) -> Given {
        Given { block, values }
    }

    /// A string.
    pub fn text(&self, name: &str) -> Option<String> {
        self.value(name).and_then(as_text)
    }

    /// A list of strings; empty if it is absent.
    pub fn texts(&self, name: &str) -> Vec<String> {
        let list = self.value(name).and_then(|value| match value {
            Json::Array(all) => Some(all),
            _ => None,
        });
        list.into_iter().flatten().filter_map(as_text).collect()
    }

    /// A map of strings; empty if it is absent.
    pub fn map(&self, name: &str) -> BTreeMap<String, String> {
        let Some(Json::Object(all)) = self.value(name) else {
            return BTreeMap::new();
        };
        all.into_iter()
            .filter_map(|(key, value)| Some((key, as_text(value)?)))
            .collect()
    }

    /// A truth; `false` if it is absent.
    pub fn flag(&self, name: &str) -> bool {
        self.value(name).and_then(|value| value.as_bool()).unwrap_or(false)
    }

    /// A whole number that is not negative.
    pub fn whole(&self, name: &str) -> Option<u64> {
        self.value(name)?.as_u64()
    }

    /// A list of whole numbers.
    pub fn integers(&self, name: &str) -> Vec<i64> {
        let list = self.value(name).and_then(|value| value.as_array().cloned());
        list.into_iter().flatten().filter_map(|one| one.as_i64()).collect()
    }

    /// A span of time.
    pub fn duration(&self, name: &str) -> Option<Duration> {
        self.text(name)?.parse().ok()
    }

    /// A size.
    pub fn size(&self, name: &str) -> Option<Size> {
        self.text(name)?.parse().ok()
    }

    /// The files that an argument names, in the order of the plan.
    pub fn files(&self, name: &str) -> &[GivenFile] {
        self.values.get(name).map_or(&[], |argument| &argument.files)
    }

    /// The arguments of a block in this block, which stand under `BLOCK.ARGUMENT`.
    pub fn nested(&self, block: &'static Block) -> Given {
        let own = |(name, argument): (&String, &GivenArgument)| {
            let name = name.strip_prefix(block.name)?.strip_prefix('.')?;
            Some((name.to_owned(), argument.clone()))
        };
        Given::new(block, self.values.iter().filter_map(own).collect())
    }

    fn value(&self, name: &str) -> Option<Json> {
        let given = self.values.get(name).map(|argument| &argument.value);
        match given.filter(|value| !value.is_null()) {
            Some(value) => Some(value.clone()),
            None => default(self.block, name),
        }
    }
}

/// Numbers and truths count as the texts that they are written as.
fn as_text(value: Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(answer) => Some(answer.to_string()),
        _ => None,
    }
}

fn default(block: &Block, name: &str) -> Option<Json> {
    match block.argument(name)?.default {
        Default::Absent | Default::Required => None,
        Default::Text(text) => Some(text.into()),
        Default::Bool(answer) => Some(answer.into()),
        Default::Integer(number) => Some(number.into()),
        Default::List(all) => Some(all.to_vec().into()),
        Default::Integers(all) => Some(all.to_vec().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Class, Type, argument, block};
    use serde_json::json;

    static BLOCK: Block = block("test").arguments(&[
        argument("exit_codes", Type::IntegerList, Class::Bytes).default(Default::Integers(&[0])),
        argument("user", Type::Text, Class::Bytes).default(Default::Text("root")),
        argument("env", Type::TextMap, Class::Bytes),
    ]);
    static INNER: Block = block("limits").arguments(&[argument("memory", Type::Size, Class::Run)]);

    fn given(values: &[(&str, Json)]) -> Given {
        let argument = |value: &Json| GivenArgument {
            value: value.clone(),
            files: Vec::new(),
        };
        Given::new(
            &BLOCK,
            values
                .iter()
                .map(|(name, value)| ((*name).to_owned(), argument(value)))
                .collect(),
        )
    }

    #[test]
    fn what_is_absent_or_null_has_its_default() {
        let empty = given(&[("user", Json::Null)]);
        assert_eq!(empty.text("user").as_deref(), Some("root"));
        assert_eq!(empty.integers("exit_codes"), [0]);
        assert!(empty.map("env").is_empty() && empty.text("env").is_none());
    }

    #[test]
    fn what_is_given_is_read_by_its_type() {
        let given = given(&[
            ("exit_codes", json!([0, 3])),
            ("env", json!({"N": 1, "ON": true})),
            ("limits.memory", json!("1GiB")),
        ]);
        assert_eq!(given.integers("exit_codes"), [0, 3]);
        assert_eq!(given.map("env")["N"], "1");
        assert_eq!(given.nested(&INNER).size("memory"), Some(Size::mib(1024)));
    }
}
