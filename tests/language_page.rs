//! `docs/language.md` lists every block and argument as the tables have them. `BAKE_TEST_WRITE=1` writes the list anew.

#![allow(clippy::disallowed_methods)] // The rule is for the product.

use std::fs;
use std::path::Path;

use bake::data::{self, Attribute, Yields};
use bake::module::blocks::BLOCKS;
use bake::schema::{Argument, Block, Class, Default, Type};

const BEGIN: &str = "<!-- from the tables: begin -->\n";
const END: &str = "<!-- from the tables: end -->\n";

#[test]
fn the_page_lists_what_the_tables_have() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/language.md");
    let page = fs::read_to_string(&path).expect("the page stands");
    let (before, rest) = page.split_once(BEGIN).expect("the list has a beginning");
    let (_, after) = rest.split_once(END).expect("the list has an end");
    let wanted = format!("{before}{BEGIN}{}{END}{after}", reference());
    if std::env::var_os("BAKE_TEST_WRITE").is_some() {
        fs::write(&path, &wanted).expect("the page can be written");
    } else {
        assert_eq!(page, wanted, "run this test with BAKE_TEST_WRITE=1");
    }
}

fn reference() -> String {
    let mut sections = Vec::new();
    for block in BLOCKS {
        write(block, &[], &mut sections);
    }
    sections.into_iter().map(|section| section.text).collect()
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
    let text = format!("\n### {heading}\n\n{}{rows}{}", about(block), attributes(block));
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
