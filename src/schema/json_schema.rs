//! The tables as a JSON Schema: with it, editors check and complete a module in JSON syntax.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{Argument, Block, Default, Nested, Type, dynamic};

/// The schema of a file `*.bake.json` whose top-level blocks are these. What is not supported yet is left out.
///
/// Source: JSON Schema, draft 2020-12; HCL JSON syntax specification.
pub fn json_schema(blocks: &[&'static Block]) -> Value {
    let mut definitions = Definitions::default();
    let blocks: Vec<_> = blocks.iter().map(|block| (*block, "")).collect();
    let mut properties = definitions.blocks(&blocks);
    let locals = json!({ "type": "object", "description": "Values by name." });
    properties.insert("locals".to_owned(), one_or_many(locals));
    properties.insert("//".to_owned(), comment());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A module of bake in JSON syntax (*.bake.json)",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "$defs": definitions.into_map(),
    })
}

/// The bodies of blocks, each once, by name.
#[derive(Default)]
struct Definitions(Vec<(&'static Block, String, Value)>);

impl Definitions {
    fn into_map(self) -> Map<String, Value> {
        self.0.into_iter().map(|(_, name, schema)| (name, schema)).collect()
    }

    /// What blocks are written as: by name, then by kind, then by label. With each stands the name of the block around it.
    fn blocks(&mut self, blocks: &[(&'static Block, &str)]) -> Map<String, Value> {
        let (mut properties, mut kinds) = (Map::new(), BTreeMap::new());
        for (block, within) in blocks.iter().filter(|(block, _)| block.unsupported.is_none()) {
            let body = self.reference(block, within);
            let labelled = block.labels.iter().rev().fold(one_or_many(body), |inner, label| {
                let level = json!({ "type": "object", "description": label, "additionalProperties": inner });
                one_or_many(level)
            });
            let Some(kind) = block.kind else {
                properties.insert(block.name.to_owned(), labelled);
                continue;
            };
            kinds
                .entry(block.name)
                .or_insert_with(|| json!({ "type": "object", "properties": {}, "additionalProperties": false }))["properties"]
                [kind] = labelled;
        }
        properties.extend(
            kinds
                .into_iter()
                .map(|(name, kinds)| (name.to_owned(), one_or_many(kinds))),
        );
        properties
    }

    /// `dynamic` blocks, by the name of what they make; none where nothing can be made. The label that tells the kind of
    /// a block is not written where a schema could see it, so `content` is that of any kind.
    fn dynamic(&mut self, nested: &[(&'static Block, &str)]) -> Option<Value> {
        let mut contents: BTreeMap<&str, Vec<Value>> = BTreeMap::new();
        for (block, within) in nested.iter().filter(|(block, _)| dynamic::makes(block)) {
            let body = self.reference(block, within);
            contents.entry(block.name).or_default().push(body);
        }
        let one = |(name, mut bodies): (&str, Vec<Value>)| {
            let content = match bodies.len() {
                1 => bodies.remove(0),
                _ => json!({ "anyOf": bodies }),
            };
            let rows = dynamic::BLOCK.arguments.iter();
            let mut properties: Map<_, _> = rows.map(|row| (row.name.to_owned(), property(row))).collect();
            properties.insert("content".to_owned(), content);
            let block = json!({
                "type": "object",
                "description": dynamic::BLOCK.doc,
                "properties": properties,
                "required": ["for_each", "content"],
                "additionalProperties": false,
            });
            (name.to_owned(), one_or_many(block))
        };
        let made: Map<_, _> = contents.into_iter().map(one).collect();
        (!made.is_empty()).then(|| json!({ "type": "object", "properties": made, "additionalProperties": false }))
    }

    fn reference(&mut self, block: &'static Block, within: &str) -> Value {
        let known = self.0.iter().find(|(known, ..)| std::ptr::eq(*known, block));
        let name = match known {
            Some((_, name, _)) => name.clone(),
            None => self.define(block, within),
        };
        json!({ "$ref": format!("#/$defs/{name}") })
    }

    fn define(&mut self, block: &'static Block, within: &str) -> String {
        let title = [block.name].into_iter().chain(block.kind).collect::<Vec<_>>().join(".");
        let taken = self.0.iter().any(|(_, name, _)| *name == title);
        let name = if taken { format!("{within}.{title}") } else { title };
        let at = self.0.len();
        self.0.push((block, name.clone(), Value::Null));
        self.0[at].2 = self.body(block);
        name
    }

    fn body(&mut self, block: &'static Block) -> Value {
        let nested: Vec<_> = block
            .blocks
            .iter()
            .map(|Nested { block: inner, .. }| (*inner, block.name))
            .collect();
        let mut properties = self.blocks(&nested);
        properties.extend(self.dynamic(&nested).map(|blocks| (dynamic::NAME.to_owned(), blocks)));
        let written = block.arguments.iter().filter(|argument| argument.unsupported.is_none());
        properties.extend(written.map(|argument| (argument.name.to_owned(), property(argument))));
        properties.insert("//".to_owned(), comment());
        let mut body = json!({
            "type": "object",
            "description": block.doc,
            "properties": properties,
            "additionalProperties": block.open,
        });
        let required: Vec<_> = block
            .arguments
            .iter()
            .filter(|one| one.default == Default::Required)
            .collect();
        if !required.is_empty() {
            body["required"] = required.iter().map(|argument| argument.name).collect();
        }
        if !block.exactly_one.is_empty() {
            body["oneOf"] = block
                .exactly_one
                .iter()
                .map(|name| json!({ "required": [name] }))
                .collect();
        }
        if !block.at_most_one.is_empty() {
            body["not"] = json!({ "anyOf": pairs(block.at_most_one) });
        }
        body
    }
}

/// Each two of these arguments together.
fn pairs(names: &[&str]) -> Vec<Value> {
    let pairs = names
        .iter()
        .enumerate()
        .flat_map(|(at, one)| names[at + 1..].iter().map(move |other| [one, other]));
    pairs.map(|pair| json!({ "required": pair })).collect()
}

/// A block may be written once, or as a list of such blocks.
fn one_or_many(schema: Value) -> Value {
    json!({ "anyOf": [schema, { "type": "array", "items": schema }] })
}

fn comment() -> Value {
    json!({ "description": "A comment." })
}

fn property(argument: &Argument) -> Value {
    let mut property = match plain(argument.ty) {
        None => json!({}),
        Some(plain) => {
            json!({ "anyOf": [plain, { "$comment": "an expression", "type": "string", "pattern": "[$%][{]" },
                                         { "type": "null" }] })
        }
    };
    property["description"] = argument.doc.into();
    match argument.default {
        Default::Absent | Default::Required => {}
        Default::Text(text) => property["default"] = text.into(),
        Default::Bool(answer) => property["default"] = answer.into(),
        Default::Integer(number) => property["default"] = number.into(),
        Default::List(texts) => property["default"] = texts.into(),
        Default::Integers(numbers) => property["default"] = numbers.into(),
    }
    property
}

/// What is written where no expression is; `None` for anything.
fn plain(ty: Type) -> Option<Value> {
    Some(match ty {
        Type::Any | Type::Expression => return None,
        Type::Bool => json!({ "type": "boolean" }),
        Type::Integer(from, i64::MAX) => json!({ "type": "integer", "minimum": from }),
        Type::Integer(from, to) => json!({ "type": "integer", "minimum": from, "maximum": to }),
        Type::Choice(names) => json!({ "enum": names }),
        Type::Choices(names) => json!({ "type": "array", "items": { "enum": names } }),
        Type::TextList | Type::FileList | Type::Globs | Type::Addresses | Type::Names => {
            json!({ "type": "array", "items": { "type": "string" } })
        }
        Type::IntegerList => json!({ "type": "array", "items": { "type": "integer" } }),
        Type::TextMap => json!({
            "type": "object",
            "additionalProperties": { "type": ["string", "number", "boolean", "null"] },
        }),
        _ => json!({ "type": "string" }),
    })
}
