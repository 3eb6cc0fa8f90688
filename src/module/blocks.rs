//! What may stand at the top of a module file, sorted by what it declares.

use std::collections::BTreeMap;

pub use super::aws::AWS;
use super::conditions::CHECK;
use crate::data;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::syntax::{Attribute, Block as Written, Blocks, Body, Member, Shape};
use crate::schema::conditions::{PRECONDITION, VALIDATION};
use crate::schema::{Argument, Block, Class, Default, Named, Type, argument, block, foreign, many, suggest};
use crate::source::{Span, Spanned};
use crate::spec::IMAGE;

/// The table of `bake`.
pub static BAKE: Block = block("bake").doc("What holds for the whole module.").arguments(&[
    argument("required_version", Type::Text, Class::Run)
        .doc("Versions of bake that may read the module: \">= 0.1\", \"~> 0.3\", several with commas."),
    argument("project", Type::Text, Class::Run).doc(
        "Whose images these are: a literal. Required with a store outside of the module and with aws; default \"default\".",
    ),
]);

/// The table of `variable`.
pub static VARIABLE: Block = block("variable")
    .labels(&["name"])
    .doc("A value that the person who runs bake may choose.")
    .arguments(&[
        argument("type", Type::Syntax, Class::Run).doc("What it takes: string, list(number), object({ a = bool })."),
        argument("default", Type::Expression, Class::Run).doc("Without it, a value must be given."),
        argument("description", Type::Text, Class::Run).doc("In words, for who is asked."),
        argument("sensitive", Type::Bool, Class::Run)
            .default(Default::Bool(false))
            .doc("Whether it and all that is computed from it is kept out of every output and file."),
        argument("ephemeral", Type::Bool, Class::Run)
            .default(Default::Bool(false))
            .doc("Whether it may only go into data sources, conditions and locals: no digest, file or output may hold it."),
        argument("nullable", Type::Bool, Class::Run)
            .default(Default::Bool(true))
            .doc("Whether it may be null; if not, null stands for the default."),
        argument("revision", Type::Integer(0, i64::MAX), Class::Run)
            .default(Default::Integer(1))
            .doc("Of a sensitive variable: raise it when the value has changed, so that images are built again."),
    ])
    .blocks(&[many(&VALIDATION)]);

/// The table of `provider "local"`.
pub static LOCAL: Block = block("provider")
    .kind("local")
    .doc("Images in a directory of this host.")
    .arguments(&[
        ALIAS,
        argument("store", Type::Path, Class::Run)
            .default(Default::Text(DEFAULT_STORE))
            .doc("The directory, relative to the module."),
        argument("ignore_publish", Type::Bool, Class::Run)
            .default(Default::Bool(false))
            .doc("Whether what the local provider cannot publish is passed over instead of being an error."),
    ]);

/// Where the local provider keeps images unless it is told.
pub const DEFAULT_STORE: &str = "./.bake/store";

pub(super) const ALIAS: Argument =
    argument("alias", Type::Text, Class::Run).doc("Tells it from others of its kind: provider.KIND.ALIAS.");

/// The table of `output`.
pub static OUTPUT: Block = block("output")
    .labels(&["name"])
    .doc("A value for who runs bake.")
    .arguments(&[
        argument("value", Type::Expression, Class::Run)
            .required()
            .doc("The value."),
        argument("description", Type::Text, Class::Run).doc("In words."),
        argument("sensitive", Type::Bool, Class::Run)
            .default(Default::Bool(false))
            .doc("Whether it is hidden."),
    ])
    .blocks(&[many(&PRECONDITION)]);

/// The table of `moved`.
pub static MOVED: Block = block("moved")
    .doc("An image that has got another address.")
    .arguments(&[
        argument("from", Type::Syntax, Class::Run)
            .required()
            .doc("Where it was: image.old."),
        argument("to", Type::Syntax, Class::Run)
            .required()
            .doc("Where it is: image.new."),
    ]);

/// `module`: its other arguments are the variables of the module that it calls.
pub static MODULE: Block = block("module")
    .labels(&["name"])
    .doc(
        "Calls a module in another directory. What is written beside these arguments are values for its variables; what it \
         says in its outputs is module.NAME.OUTPUT, or module.NAME[\"KEY\"].OUTPUT with for_each.",
    )
    .open()
    .arguments(&[
        argument("source", Type::Text, Class::Run)
            .required()
            .doc("The directory of the module, relative to this one: \"./base\" or \"../base\". A plain text."),
        argument("for_each", Type::Expression, Class::Run)
            .doc("A map or a set of strings: one module for each, with each.key and each.value in its arguments."),
        argument("count", Type::Expression, Class::Run)
            .unsupported("there is no count: for_each gives each.key and each.value"),
        argument("version", Type::Expression, Class::Run)
            .unsupported("a module in a directory has no version; its bake block may ask for one of bake: required_version"),
        argument("providers", Type::Expression, Class::Run)
            .unsupported("a module that is called sees every provider of the module for which bake was started"),
        argument("depends_on", Type::Expression, Class::Run)
            .unsupported("images are built in the order of their references; write depends_on in the image"),
    ]);

/// Providers by their kind.
pub const PROVIDERS: &[&Block] = &[&LOCAL, &AWS];

/// The tables of all top-level blocks, in the order of the reference.
pub const BLOCKS: &[&Block] = &[
    &BAKE,
    &VARIABLE,
    &LOCAL,
    &AWS,
    &data::image::BLOCK,
    &data::http::BLOCK,
    &data::packages::BLOCK,
    &data::external::BLOCK,
    &data::aws::AMI_BLOCK,
    &data::aws::CALLER_IDENTITY_BLOCK,
    &data::aws::REGION_BLOCK,
    &data::aws::PARAMETER_BLOCK,
    &data::aws::SECRET_BLOCK,
    &IMAGE,
    &OUTPUT,
    &CHECK,
    &MODULE,
    &MOVED,
];

/// What the members of a module in JSON are.
pub(super) struct Top;

impl Shape for Top {
    fn member(&self, name: &str) -> Member<'_> {
        let tables: Vec<&'static Block> = BLOCKS.iter().copied().filter(|block| block.name == name).collect();
        match name {
            "locals" => Member::Blocks(Box::new(Free)),
            "module" => Member::Blocks(Box::new(Call)),
            _ if tables.is_empty() => Member::Unknown,
            _ => Member::Blocks(Box::new(Named(tables))),
        }
    }
}

/// `module`: one label, and any arguments.
struct Call;

impl Blocks for Call {
    fn labels(&self, _: &[&str]) -> usize {
        1
    }

    fn body(&self, _: &[&str]) -> Box<dyn Shape + '_> {
        Box::new(Free)
    }
}

/// `locals`: no labels, and any arguments.
struct Free;

impl Blocks for Free {
    fn labels(&self, _: &[&str]) -> usize {
        0
    }

    fn body(&self, _: &[&str]) -> Box<dyn Shape + '_> {
        Box::new(Free)
    }
}

impl Shape for Free {
    fn member(&self, _: &str) -> Member<'_> {
        Member::Argument
    }
}

/// The blocks of a module.
#[derive(Debug, Default)]
pub(super) struct Declared {
    pub bake: Option<Written>,
    pub variables: BTreeMap<String, Written>,
    pub locals: BTreeMap<String, Attribute>,
    pub providers: Vec<Written>,
    /// By kind and name.
    pub data: BTreeMap<(String, String), Written>,
    pub images: BTreeMap<String, Written>,
    pub outputs: BTreeMap<String, Written>,
    pub checks: BTreeMap<String, Written>,
    pub modules: BTreeMap<String, Written>,
    pub moved: Vec<Written>,
    /// What stands in blocks that are none, by name, with what was said of the block: whoever needs it is not wrong.
    pub misspelt: BTreeMap<String, Diagnostic>,
    /// What was said of blocks that have no name, or none that is one, by their kind: any may be meant.
    pub nameless: BTreeMap<String, Diagnostic>,
}

impl Declared {
    /// Sorts what the files hold.
    pub fn of(bodies: Vec<Body>, found: &mut Diagnostics) -> Declared {
        let mut declared = Declared::default();
        for body in bodies {
            for attribute in &body.attributes {
                let error = Diagnostic::error(format!("\"{}\" stands outside of every block", attribute.name.value));
                found.push(
                    error
                        .at(&attribute.name.span)
                        .help("write it in a block, or in locals { ... }"),
                );
            }
            for written in body.blocks {
                declared.add(written, found);
            }
        }
        declared
    }

    fn add(&mut self, written: Written, found: &mut Diagnostics) {
        match written.kind.value.as_str() {
            "bake" => match &self.bake {
                Some(first) => found.push(twice("block \"bake\" may stand only once", &written.span, &first.span)),
                None => self.bake = Some(written),
            },
            "locals" => self.add_locals(written, found),
            "variable" => self.insert(|all| &mut all.variables, written, found),
            "image" => self.insert(|all| &mut all.images, written, found),
            "output" => self.insert(|all| &mut all.outputs, written, found),
            "check" => self.insert(|all| &mut all.checks, written, found),
            "module" => self.insert(|all| &mut all.modules, written, found),
            "provider" => self.providers.push(written),
            "data" => self.add_data(written, found),
            "moved" => self.moved.push(written),
            _ => self.refuse(&written, unknown(&written), found),
        }
    }

    /// Adds a block by its label.
    fn insert(
        &mut self,
        among: impl Fn(&mut Declared) -> &mut BTreeMap<String, Written>,
        written: Written,
        found: &mut Diagnostics,
    ) {
        let kind = written.kind.value.clone();
        let named = written.labels.first().ok_or_else(|| {
            let error = Diagnostic::error(format!("block \"{kind}\" needs a label: its name")).at(&written.span);
            error.help(format!("write {kind} \"NAME\" {{ ... }}"))
        });
        let named = named.and_then(|label| match is_name(&label.value) {
            true => Ok(label.value.clone()),
            false => Err(no_name(label)),
        });
        match named {
            Err(error) => {
                self.nameless.insert(kind, error.clone());
                found.push(error);
            }
            Ok(name) => match among(self).get(&name) {
                Some(first) => {
                    let summary = format!("there are two {kind} blocks named \"{name}\"");
                    found.push(twice(&summary, &written.span, &first.span));
                }
                None => drop(among(self).insert(name, written)),
            },
        }
    }

    fn refuse(&mut self, written: &Written, error: Diagnostic, found: &mut Diagnostics) {
        let names: Vec<&String> = match written.labels.last() {
            Some(label) => vec![&label.value],
            None => written.body.attributes.iter().map(|one| &one.name.value).collect(),
        };
        let held = names.into_iter().map(|name| (name.clone(), error.clone()));
        self.misspelt.extend(held);
        found.push(error);
    }

    fn add_data(&mut self, written: Written, found: &mut Diagnostics) {
        let kinds: Vec<&str> = data::KINDS.iter().filter_map(|kind| kind.block().kind).collect();
        let known = || format!("kinds: {}", kinds.join(", "));
        let (Some(kind), Some(name)) = (written.labels.first(), written.labels.get(1)) else {
            let error = Diagnostic::error("block \"data\" needs two labels: its kind and its name").at(&written.span);
            found.push(error.help(known()));
            return;
        };
        if data::kind(&kind.value).is_none() {
            let meant = suggest(&kind.value, kinds.iter().copied()).map(|meant| format!("did you mean \"{meant}\"?"));
            let error = Diagnostic::error(format!("unknown kind of data: \"{}\"", kind.value));
            let error = error.label(&kind.span, meant.unwrap_or_default()).help(known());
            self.refuse(&written, error, found);
            return;
        }
        if !is_name(&name.value) {
            found.push(no_name(name));
            return;
        }
        let key = (kind.value.clone(), name.value.clone());
        match self.data.get(&key) {
            Some(first) => {
                let summary = format!("there are two blocks data \"{}\" \"{}\"", key.0, key.1);
                found.push(twice(&summary, &written.span, &first.span));
            }
            None => drop(self.data.insert(key, written)),
        }
    }

    fn add_locals(&mut self, written: Written, found: &mut Diagnostics) {
        for nested in &written.body.blocks {
            found.push(
                Diagnostic::error("locals hold no blocks")
                    .at(&nested.span)
                    .help("write NAME = { ... }"),
            );
        }
        for label in &written.labels {
            found.push(Diagnostic::error("block \"locals\" takes no label").at(&label.span));
        }
        for attribute in written.body.attributes {
            let name = &attribute.name;
            match self.locals.get(&name.value) {
                Some(first) => {
                    let summary = format!("there are two locals named \"{}\"", name.value);
                    found.push(twice(&summary, &name.span, &first.name.span));
                }
                None => drop(self.locals.insert(name.value.clone(), attribute)),
            }
        }
    }
}

fn no_name(label: &Spanned<String>) -> Diagnostic {
    let error = Diagnostic::error(format!("{:?} cannot be a name", label.value)).at(&label.span);
    error.help("a name begins with a letter and has letters, digits, - and _")
}

/// Whether a text can be written as a reference.
pub(super) fn is_name(text: &str) -> bool {
    let mut letters = text.chars();
    letters.next().is_some_and(|c| c.is_alphabetic() || c == '_')
        && letters.all(|c| c.is_alphanumeric() || c == '_' || c == '-')
}

fn twice(summary: &str, again: &Span, first: &Span) -> Diagnostic {
    Diagnostic::error(summary)
        .label(again, "here again")
        .label(first, "the first is here")
}

fn unknown(written: &Written) -> Diagnostic {
    let name = &written.kind;
    let summary = format!("unknown block \"{}\"", name.value);
    if let Some(instead) = foreign("", &name.value) {
        return Diagnostic::error(summary).at(&name.span).help(instead);
    }
    let known = BLOCKS.iter().map(|block| block.name).chain(["locals"]);
    let meant = suggest(&name.value, known).map(|meant| format!("did you mean \"{meant}\"?"));
    let error = Diagnostic::error(summary).label(&name.span, meant.unwrap_or_default());
    match IMAGE.blocks.iter().any(|nested| nested.block.name == name.value) {
        true => error.help("it stands inside an image block"),
        false => error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_data_source_is_listed() {
        for kind in data::KINDS {
            assert!(
                BLOCKS.iter().any(|block| std::ptr::eq(*block, kind.block())),
                "{:?}",
                kind.block().kind
            );
        }
    }
}
