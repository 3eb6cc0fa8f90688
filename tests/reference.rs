//! `docs/reference` lists every block and argument as the tables have them, and so does `bake schema`.
//! `BAKE_TEST_WRITE=1` writes the pages anew.

#![allow(clippy::disallowed_methods)] // The rule is for the product.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bake::data::{self, Attribute, Yields};
use bake::module::blocks::BLOCKS;
use bake::schema::{Argument, Block, Class, Default, Type, dynamic, json_schema};
use serde_json::{Value, json};

const NOTE: &str = "<!-- Made from the tables by tests/reference.rs: BAKE_TEST_WRITE=1 writes it anew. -->\n";

#[test]
fn the_pages_list_what_the_tables_have() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference");
    let standing = fs::read_dir(&folder).into_iter().flatten().flatten();
    let standing: BTreeMap<String, String> = standing
        .map(|entry| {
            (
                entry.file_name().to_string_lossy().into_owned(),
                fs::read_to_string(entry.path()).unwrap_or_default(),
            )
        })
        .collect();
    let wanted = pages();
    if std::env::var_os("BAKE_TEST_WRITE").is_none() {
        assert!(
            standing == wanted,
            "run this test with BAKE_TEST_WRITE=1: {:?}",
            first_difference(&standing, &wanted)
        );
        return;
    }
    fs::create_dir_all(&folder).expect("a directory can be made");
    for name in standing.keys().filter(|name| !wanted.contains_key(*name)) {
        fs::remove_file(folder.join(name)).expect("a page can be removed");
    }
    for (name, text) in wanted {
        fs::write(folder.join(name), text).expect("a page can be written");
    }
}

fn first_difference(standing: &BTreeMap<String, String>, wanted: &BTreeMap<String, String>) -> Option<String> {
    let mut names = standing.keys().chain(wanted.keys());
    names.find(|name| standing.get(*name) != wanted.get(*name)).cloned()
}

/// The pages by the names of their files: one for each family of blocks, and the list of them.
fn pages() -> BTreeMap<String, String> {
    let mut families: Vec<(String, Vec<Section>)> = Vec::new();
    for block in BLOCKS {
        add(&mut families, block, &[]);
    }
    add(&mut families, &dynamic::BLOCK, &[]);
    let mut index = format!(
        "{NOTE}# Reference\n\nWhat may be written in a module. What a change of an argument costs is \
                             explained in [the language](../language.md#what-a-change-costs).\n\n| page | |\n| --- | --- |\n"
    );
    let mut pages = BTreeMap::new();
    for (name, sections) in families {
        let first = sections.first().map(|section| section.block.doc).unwrap_or_default();
        index += &format!("| [`{name}`]({name}.md) | {} |\n", first.replace('<', "&lt;"));
        let text: String = sections.into_iter().map(|section| section.text).collect();
        pages.insert(format!("{name}.md"), format!("{NOTE}# `{name}`\n{text}"));
    }
    index += "| [functions](../functions.md) | What expressions may call. |\n";
    pages.insert("README.md".to_owned(), index);
    pages
}

/// Puts a block on the page of its family: the blocks of an image have pages of their own.
fn add(families: &mut Vec<(String, Vec<Section>)>, block: &'static Block, within: &[String]) {
    let at = families
        .iter()
        .position(|(name, _)| name == block.name)
        .unwrap_or_else(|| {
            families.push((block.name.to_owned(), Vec::new()));
            families.len() - 1
        });
    if block.name != "image" || !within.is_empty() {
        write(block, within, &mut families[at].1);
        return;
    }
    let mut links: Vec<String> = block
        .blocks
        .iter()
        .map(|nested| nested.block.name)
        .map(|name| format!("[`{name}`]({name}.md)"))
        .collect();
    links.dedup();
    let text = format!(
        "\n## {}\n\n{}{}\nBlocks in it: {}.\n",
        heading(block, within),
        about(block),
        rows(block),
        links.join(", ")
    );
    families[at].1.push(Section {
        heading: heading(block, within),
        text,
        block,
    });
    for nested in block.blocks {
        add(families, nested.block, &[block.name.to_owned()]);
    }
}

struct Section {
    heading: String,
    text: String,
    block: &'static Block,
}

/// The section of a block and those of the blocks in it, each once.
fn write(block: &'static Block, within: &[String], sections: &mut Vec<Section>) {
    let heading = heading(block, within);
    if sections.iter().any(|known| known.heading == heading) {
        return;
    }
    let twin = sections.iter().find(|known| is_twin(known.block, block));
    let rows = twin.map_or_else(|| rows(block), |twin| same_as(&twin.heading, block));
    let text = format!("\n## {heading}\n\n{}{rows}{}", about(block), attributes(block));
    sections.push(Section { heading, text, block });
    let inner: Vec<_> = within.iter().cloned().chain([block.name.to_owned()]).collect();
    for nested in block.blocks {
        write(nested.block, &inner, sections);
    }
}

/// Whether two kinds of a block take the same arguments.
fn is_twin(known: &Block, block: &Block) -> bool {
    let names = |block: &Block| block.arguments.iter().map(|argument| argument.name).collect::<Vec<_>>();
    known.name == block.name && !block.arguments.is_empty() && names(known) == names(block)
}

fn same_as(heading: &str, block: &Block) -> String {
    let idle = block.arguments.iter().all(|argument| argument.class == Class::Run);
    let change = if idle { " A change of them does nothing." } else { "" };
    format!("\nThe arguments of {heading}.{change}\n")
}

/// `provision "shell" "NAME"`, and in which block it stands.
fn heading(block: &Block, within: &[String]) -> String {
    let labels = block
        .labels
        .iter()
        .map(|label| format!(" \"{}\"", label.to_uppercase()));
    let title = format!("`{}{}`", block.title(), labels.collect::<String>());
    match within.last() {
        Some(outer) => format!("{title} in `{outer}`"),
        None => title,
    }
}

fn about(block: &Block) -> String {
    let rules = [
        (block.exactly_one, "Exactly one of"),
        (block.at_most_one, "At most one of"),
    ];
    let rules = rules.into_iter().filter(|(names, _)| !names.is_empty());
    let rules = rules.map(|(names, words)| format!("{words} `{}` is written.", names.join("`, `")));
    let parts: Vec<_> = match block.unsupported {
        Some(_) => vec!["Not supported yet.".to_owned()],
        None => [block.doc.to_owned()].into_iter().chain(rules).collect(),
    };
    parts.join(" ") + "\n"
}

fn rows(block: &Block) -> String {
    if block.arguments.is_empty() || block.unsupported.is_some() {
        return String::new();
    }
    let rows: String = block.arguments.iter().map(row).collect();
    format!("\n| argument | takes | default | a change | |\n| --- | --- | --- | --- | --- |\n{rows}")
}

/// What can be read of a data source.
fn attributes(block: &Block) -> String {
    let kind = block.kind.filter(|_| block.name == "data").and_then(data::kind);
    let Some(kind) = kind else {
        return String::new();
    };
    let is = |attribute: &Attribute| match attribute.is {
        Yields::Text => "text",
        Yields::Number => "number",
        Yields::Bool => "`true`, `false`",
        Yields::Texts => "list of texts",
        Yields::TextMap => "map of texts",
        Yields::Any => "anything",
    };
    let rows = kind.attributes().iter();
    let rows: String = rows
        .map(|one| format!("| `{}` | {} | {} |\n", one.name, is(one), one.doc))
        .collect();
    format!("\n| it yields | | |\n| --- | --- | --- |\n{rows}")
}

fn row(argument: &Argument) -> String {
    let doc = match argument.unsupported {
        None => argument.doc,
        Some(sentence) if sentence.contains("not supported yet") => "Not supported yet.",
        Some(instead) => instead,
    };
    let cells = [
        format!("`{}`", argument.name),
        takes(argument.ty),
        default(argument.default),
        change(argument.class).to_owned(),
        doc.replace('<', "&lt;"),
    ];
    format!("| {} |\n", cells.map(|cell| cell.replace('|', "\\|")).join(" | "))
}

fn takes(ty: Type) -> String {
    match ty {
        Type::Text => "text".into(),
        Type::Bool => "`true`, `false`".into(),
        Type::Integer(from, i64::MAX) => format!("number from {from}"),
        Type::Integer(from, to) => format!("number, {from} to {to}"),
        Type::Size => "size".into(),
        Type::SizeOrRest => "size, `\"100%\"`".into(),
        Type::Duration => "duration".into(),
        Type::Choice(names) => quoted(names),
        Type::Choices(names) => format!("list of {}", quoted(names)),
        Type::Mode => "file mode".into(),
        Type::TextList => "list of texts".into(),
        Type::TextMap => "map of texts".into(),
        Type::IntegerList => "list of numbers".into(),
        Type::File => "file".into(),
        Type::FileList => "list of files".into(),
        Type::Tree => "file or directory".into(),
        Type::Globs => "list of patterns".into(),
        Type::Path => "path".into(),
        Type::Sha256 => "SHA-256".into(),
        Type::Image => "`image.NAME`".into(),
        Type::Provider => "`provider.KIND`".into(),
        Type::Addresses => "list of images".into(),
        Type::Names => "list of argument names".into(),
        Type::Any => "anything".into(),
        Type::Expression | Type::Syntax => "expression".into(),
    }
}

fn default(default: Default) -> String {
    match default {
        Default::Absent => String::new(),
        Default::Required => "**required**".into(),
        Default::Text(text) => format!("`\"{text}\"`"),
        Default::Bool(value) => format!("`{value}`"),
        Default::Integer(number) => format!("`{number}`"),
        Default::List(texts) => format!("`{texts:?}`"),
        Default::Integers(numbers) => format!("`{numbers:?}`"),
    }
}

fn change(class: Class) -> &'static str {
    match class {
        Class::Source | Class::Bytes => "builds",
        Class::Registration => "registers",
        Class::Keys => "copies",
        Class::Mutable => "updates",
        Class::Run | Class::Lifecycle => "nothing",
    }
}

fn quoted(names: &[&str]) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`\"{name}\"`")).collect();
    names.join(", ")
}

#[test]
fn the_schema_takes_a_module_and_no_mistakes() {
    let schema = json_schema(BLOCKS);
    let good = json!({
        "//": "a comment",
        "bake": { "project": "acme" },
        "locals": { "a": 1 },
        "variable": { "x": { "default": [1, 2], "sensitive": true } },
        "image": { "web": {
            "scratch": {},
            "volume": { "root": { "size": "8GiB", "partition_table": "gpt", "partition": [
                { "esp": { "type": "esp", "size": "64MiB" } },
                { "root": { "type": "linux-root", "size": "${var.size}" } },
            ] } },
            "provision": [{ "shell": { "a": { "inline": ["true"], "env": { "A": 1 } } } }],
            "dynamic": { "provision": [{ "for_each": ["a"], "labels": ["shell", "${provision.value}"],
                                         "content": { "inline": ["true"] } }] },
            "lifecycle": { "keep_releases": 3 },
        } },
        "output": { "id": { "value": "${image.web.id}" } },
    });
    assert_eq!(fault(&schema, &schema, &good), None);
    let bad = [
        ("/image/web/volume/root/sise", json!("8GiB")),
        ("/image/web/volume/root/partition_table", json!("gtp")),
        ("/image/web/lifecycle/keep_releases", json!("three")),
        ("/image/web/lifecycle/keep_releases", json!(-1)),
        ("/image/web/provision", json!({ "shel": { "a": {} } })),
        (
            "/image/web/dynamic/provision",
            json!({ "content": { "inline": ["true"] } }),
        ),
        ("/image/web/dynamic/provision/0/content/inlin", json!(["true"])),
        (
            "/image/web/dynamic",
            json!({ "lifecycle": { "for_each": [], "content": {} } }),
        ),
        ("/variable/x/sensitive", json!("yes")),
        ("/output/id", json!({})),
        ("/resource", json!({})),
    ];
    for (place, value) in bad {
        let mut module = good.clone();
        let (parent, name) = place.rsplit_once('/').expect("a place has a parent");
        module.pointer_mut(parent).expect("the parent stands")[name] = value;
        assert!(fault(&schema, &schema, &module).is_some(), "{place} was not noticed");
    }
}

/// Why a value does not fit a schema: as much of JSON Schema as ours uses. A word that is not known is a fault, too.
fn fault(root: &Value, schema: &Value, value: &Value) -> Option<String> {
    let all = |name: &str| schema[name].as_array().cloned().unwrap_or_default();
    let fits = |schema: &Value| fault(root, schema, value).is_none();
    for (word, rule) in schema.as_object().expect("a schema is an object") {
        let holds = match word.as_str() {
            "$schema" | "$defs" | "$comment" | "title" | "description" | "default" => true,
            "$ref" => {
                let place = rule.as_str().and_then(|at| root.pointer(at.trim_start_matches('#')));
                return fault(root, place.unwrap_or_else(|| panic!("{rule} leads nowhere")), value);
            }
            "type" if rule.is_array() => all("type").iter().any(|one| is(one, value)),
            "type" => is(rule, value),
            "enum" => all("enum").contains(value),
            "anyOf" => all("anyOf").iter().any(fits),
            "oneOf" => all("oneOf").iter().filter(|one| fits(one)).count() == 1,
            "not" => !fits(rule),
            "required" => all("required")
                .iter()
                .all(|name| value.get(name.as_str().unwrap_or_default()).is_some()),
            "pattern" => value
                .as_str()
                .is_none_or(|text| text.contains("${") || text.contains("%{")),
            "minimum" => value.as_f64() >= rule.as_f64(),
            "maximum" => value.as_f64() <= rule.as_f64(),
            "items" => value
                .as_array()
                .is_none_or(|all| all.iter().all(|one| fault(root, rule, one).is_none())),
            "properties" | "additionalProperties" => value.as_object().is_none_or(|members| {
                members
                    .iter()
                    .all(|(name, member)| match schema["properties"].get(name) {
                        Some(inner) => fault(root, inner, member).is_none(),
                        None => match &schema["additionalProperties"] {
                            Value::Bool(allowed) => *allowed,
                            Value::Null => true,
                            inner => fault(root, inner, member).is_none(),
                        },
                    })
            }),
            _ => false,
        };
        if !holds {
            return Some(format!("{word} of {value}"));
        }
    }
    None
}

fn is(name: &Value, value: &Value) -> bool {
    match name.as_str().unwrap_or_default() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        _ => false,
    }
}
