//! Decoding: a written block becomes an [`Object`] by its table. Every error of the block is found, not only the first.

mod wrong;

use std::sync::Arc;

use litemap::LiteMap;

use super::convert::convert;
use super::dynamic::{self, Iterator};
use super::files::{FileError, Files, InputFile};
use super::object::{Object, Resolved};
use super::suggest::{one_of, suggest};
use super::{Argument, Block, Default, Holds, Occurs, Type};
use crate::address::ImageAddress;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::syntax::{self, Attribute, Body, Expression, ExpressionKind};
use crate::lang::types::Type as Shape;
use crate::lang::value::Value;
use crate::source::{Span, Spanned};
use wrong::{bad_value, gives_another_each_time, repeated, unknown_argument, unknown_block, unknown_kind};

/// Turns expressions into values.
pub trait Evaluate {
    /// The value, where these names stand for something.
    ///
    /// # Errors
    /// All that is wrong with the expression.
    fn value(&self, expression: &Expression, names: &[(String, Value)]) -> Result<Value, Diagnostics>;
    /// The same with each secret replaced by its reference and revision.
    ///
    /// # Errors
    /// As [`Evaluate::value`].
    fn identity(&self, expression: &Expression, names: &[(String, Value)]) -> Result<Value, Diagnostics>;
}

/// Decodes blocks and collects what is wrong with them.
pub struct Decoder<'a> {
    evaluate: &'a dyn Evaluate,
    files: &'a Files,
    image: Option<&'a ImageAddress>,
    /// What was wrong so far.
    pub found: Diagnostics,
    /// The elements of the `dynamic` blocks around, innermost last.
    pub(super) iterators: Iterators,
    /// How many blocks `dynamic` blocks have made.
    pub(super) made: usize,
}

/// Names with what they stand for, and with what stands for secrets.
#[derive(Debug, Default)]
pub(super) struct Iterators {
    plain: Vec<(String, Value)>,
    identities: Vec<(String, Value)>,
}

impl Iterators {
    pub(super) fn push(&mut self, one: Iterator) {
        self.plain.push(one.plain);
        self.identities.push(one.identity);
    }

    pub(super) fn pop(&mut self) {
        self.plain.pop();
        self.identities.pop();
    }
}

impl<'a> Decoder<'a> {
    /// One that evaluates arguments and reads the files that they name, for blocks of an image if there is one.
    pub fn new(evaluate: &'a dyn Evaluate, files: &'a Files, image: Option<&'a ImageAddress>) -> Decoder<'a> {
        Decoder {
            evaluate,
            files,
            image,
            found: Diagnostics::new(),
            iterators: Iterators::default(),
            made: 0,
        }
    }
}

/// What blocks of names that the table does not know are near to.
fn meant(body: &Body, table: &'static Block) -> Box<[&'static str]> {
    let names = || table.blocks.iter().map(|nested| nested.block.name);
    let unknown = body.blocks.iter().map(|block| block.kind.value.as_str());
    let unknown = unknown.filter(|name| !names().any(|known| known == *name));
    unknown.filter_map(|name| suggest(name, names())).collect()
}

impl Decoder<'_> {
    pub(super) fn value(&self, expression: &Expression) -> Result<Value, Diagnostics> {
        self.evaluate.value(expression, &self.iterators.plain)
    }

    /// The value with what stands for secrets.
    pub(super) fn identity_of(&self, expression: &Expression) -> Result<Value, Diagnostics> {
        self.evaluate.identity(expression, &self.iterators.identities)
    }

    /// Decodes a block whose name (and kind) is that of the table.
    pub fn block(&mut self, written: &syntax::Block, table: &'static Block) -> Object {
        let before = self.found.len();
        let mut object = Object {
            block: table,
            labels: Vec::new(),
            arguments: LiteMap::new(),
            blocks: Vec::new(),
            span: written.span.clone(),
            unread: false,
            meant: Box::default(),
            whole: false,
        };
        if let Some(sentence) = table.unsupported {
            self.found.push(Diagnostic::error(sentence).at(&written.span));
            return object;
        }
        object.labels = self.labels(written, table);
        object.arguments = self.arguments(written, table);
        (object.blocks, object.unread) = self.blocks(&written.body, table);
        object.meant = meant(&written.body, table);
        object.whole = self.found.len() == before;
        object
    }

    pub(super) fn labels(&mut self, written: &syntax::Block, table: &'static Block) -> Vec<Spanned<String>> {
        let labels = &written.labels[usize::from(table.kind.is_some()).min(written.labels.len())..];
        for extra in labels.iter().skip(table.labels.len()) {
            let error = Diagnostic::error(format!("too many labels for block \"{}\"", table.name));
            self.found
                .push(error.at(&extra.span).help(format!("write {}", header(table))));
        }
        if let Some(missing) = table.labels.get(labels.len()) {
            let error = Diagnostic::error(format!("block \"{}\" needs a label: its {missing}", table.name));
            self.found
                .push(error.at(&written.span).help(format!("write {}", header(table))));
        }
        for label in labels {
            let wrong = match &label.value {
                empty if empty.is_empty() => "a label may not be empty",
                text if text.contains(char::is_control) => "a label may not hold control characters",
                _ => continue,
            };
            self.found.push(Diagnostic::error(wrong).at(&label.span));
        }
        // One that is missing, which was said, is empty.
        let missing = || Spanned::new(String::new(), written.span.clone());
        let given = labels.iter().cloned().chain(std::iter::repeat_with(missing));
        given.take(table.labels.len()).collect()
    }

    pub(super) fn arguments(
        &mut self,
        written: &syntax::Block,
        table: &'static Block,
    ) -> LiteMap<&'static str, Box<Resolved>> {
        let mut found = LiteMap::new();
        let mut seen = Vec::new();
        for attribute in &written.body.attributes {
            let name = attribute.name.value.as_str();
            let Some(row) = table.argument(name) else {
                if table.open {
                    continue;
                }
                seen.extend(suggest(name, table.arguments.iter().map(|row| row.name)));
                self.found.push(unknown_argument(attribute, table));
                continue;
            };
            if let Some(sentence) = row.unsupported {
                self.found.push(Diagnostic::error(sentence).at(&attribute.name.span));
            } else if matches!(row.ty, Type::Expression | Type::Syntax) {
                seen.push(row.name);
            } else {
                match self.argument(attribute, row, table) {
                    Given::Value(resolved) => found.insert(row.name, resolved).map_or((), drop),
                    Given::Wrong => seen.push(row.name),
                    Given::Null => {}
                }
            }
        }
        seen.extend(found.keys());
        self.check_presence(&seen, written, table);
        self.add_defaults(&mut found, &seen, written, table);
        self.read_files(&mut found, table);
        found
    }

    fn argument(&mut self, attribute: &Attribute, row: &'static Argument, table: &'static Block) -> Given {
        let value = match row.ty {
            Type::Names => names(&attribute.value).map_err(Diagnostics::from),
            _ => self.value(&attribute.value),
        };
        let Some(value) = self.found.take(value) else {
            return Given::Wrong;
        };
        if value.is_null() {
            return Given::Null;
        }
        if value.unread().is_some() {
            // What it is will be seen when the data source has been read.
            return Given::Value(Box::new(Resolved::of(value, attribute)));
        }
        let checked = self.check_known(&value, attribute, row, table);
        let converted =
            checked.and_then(|()| convert(&value, &row.ty).map_err(|wrong| bad_value(attribute, row, wrong)));
        let Some(value) = self.found.take(converted) else {
            return Given::Wrong;
        };
        let identity = if value.contains_sensitive() {
            self.identity(attribute, row)
        } else {
            None
        };
        Given::Value(Box::new(Resolved {
            identity: identity.map(Box::new),
            ..Resolved::of(value, attribute)
        }))
    }

    fn identity(&mut self, attribute: &Attribute, row: &Argument) -> Option<Value> {
        let identity = self.identity_of(&attribute.value);
        let value = self.found.take(identity)?;
        let converted = convert(&value, &row.ty).map_err(|wrong| bad_value(attribute, row, wrong));
        self.found.take(converted)
    }

    /// Whether what is unknown or secret in a value may stand here.
    fn check_known(
        &self,
        value: &Value,
        attribute: &Attribute,
        row: &Argument,
        table: &Block,
    ) -> Result<(), Diagnostic> {
        if matches!(row.ty, Type::Image | Type::Provider | Type::Addresses) {
            return Ok(());
        }
        let name = row.name;
        let texts = matches!(row.ty, Type::Text | Type::Path | Type::TextList | Type::TextMap);
        if value.contains_sensitive() && !matches!(row.ty, Type::Any) && !(texts && table.holds != Holds::Plain) {
            let why = match row.may_wait() {
                true => "it is kept with the image, for everyone who may look at it",
                false => "it decides what is built, and a plan shows it",
            };
            return Err(Diagnostic::error(format!("argument \"{name}\" may not be sensitive"))
                .label(&attribute.value.span, "this is computed from a sensitive value")
                .note(why));
        }
        if let Some(function) = value.volatile().filter(|_| !row.may_wait()) {
            return Err(gives_another_each_time(name, function, attribute, row));
        }
        let within_build = texts && table.holds == Holds::SecretsAndBuild;
        for (of, output) in value.leaves() {
            let is_build = of.node.as_ref().is_some_and(|node| node.kind == "build");
            if is_build && within_build || !is_build && row.may_wait() {
                continue;
            }
            let own = Some(&of.image) == self.image;
            let read = match (is_build, own) {
                (true, _) => format!("build.{output}"),
                (false, true) => format!("self.{output}"),
                (false, false) => format!("{of}.{output}"),
            };
            let error = Diagnostic::error(format!("argument \"{name}\" must be known before apply")).label(
                &attribute.value.span,
                format!("{read} is known only {}", known_when(is_build, own, &of.image)),
            );
            return Err(match row.class.is_content() && own && !is_build {
                true => error.note("what is in an image cannot depend on the digest of that image"),
                false => error,
            });
        }
        Ok(())
    }

    fn check_presence(&mut self, seen: &[&str], written: &syntax::Block, table: &'static Block) {
        let is_there = |name: &str| seen.contains(&name);
        for row in table
            .arguments
            .iter()
            .filter(|row| row.default == Default::Required && !is_there(row.name))
        {
            let null = written.body.attribute(row.name).map(|attribute| &attribute.value.span);
            let error = Diagnostic::error(format!("missing argument \"{}\" in block \"{}\"", row.name, table.name))
                .label(
                    null.unwrap_or(&written.span),
                    if null.is_some() { "this is null" } else { "" },
                );
            self.found
                .push(error.help(format!("write {} = {}", row.name, example(row))));
        }
        let groups = [table.exactly_one, table.at_most_one];
        for (at, group) in groups.into_iter().enumerate().filter(|(_, group)| !group.is_empty()) {
            let there: Vec<&str> = group.iter().copied().filter(|name| is_there(name)).collect();
            if there.len() > 1 {
                let error = Diagnostic::error(format!(
                    "block \"{}\" takes only one of {}",
                    table.name,
                    one_of(there.iter().copied())
                ));
                let spans = there
                    .iter()
                    .filter_map(|name| written.body.attribute(name))
                    .map(|attribute| &attribute.name.span);
                self.found.push(spans.fold(error, Diagnostic::at));
            } else if there.is_empty() && at == 0 {
                let error = Diagnostic::error(format!(
                    "block \"{}\" needs {}",
                    table.name,
                    one_of(group.iter().copied())
                ));
                self.found.push(error.at(&written.span));
            }
        }
    }

    fn add_defaults(
        &mut self,
        found: &mut LiteMap<&'static str, Box<Resolved>>,
        seen: &[&str],
        written: &syntax::Block,
        table: &'static Block,
    ) {
        for row in table.arguments.iter().filter(|row| !seen.contains(&row.name)) {
            if let Some(value) = row.default.value() {
                let resolved = Resolved {
                    value: convert(&value, &row.ty).expect("a default is of the type of its argument"),
                    by_default: true,
                    span: written.span.clone(),
                    name_span: written.span.clone(),
                    identity: None,
                    files: Vec::new(),
                };
                found.insert(row.name, Box::new(resolved));
            }
        }
    }

    fn read_files(&mut self, found: &mut LiteMap<&'static str, Box<Resolved>>, table: &'static Block) {
        for row in table.arguments {
            let unread = row.unless.is_some_and(|(other, value)| {
                found
                    .get(other)
                    .is_some_and(|other| other.value.as_str() == Some(value))
            });
            let Some(argument) = found.get_mut(row.name).filter(|_| !unread) else {
                continue;
            };
            let read = self.read(&argument.value, &row.ty, &argument.span);
            let failed = |error: FileError| {
                Diagnostic::error(format!("cannot read {}", error.path.display())).label(&argument.span, error.why)
            };
            argument.files = self.found.take(read.map_err(failed)).unwrap_or_default();
        }
    }

    fn read(&mut self, value: &Value, ty: &Type, span: &Span) -> Result<Vec<InputFile>, FileError> {
        let text = value.as_str();
        let texts = || value.children().filter_map(Value::as_str).map(str::to_owned);
        match (ty, text) {
            (Type::File, Some(path)) => self.files.file(path).map(|file| vec![file]),
            (Type::Tree, Some(path)) => self.files.tree(path),
            (Type::FileList, _) => texts().map(|path| self.files.file(&path)).collect(),
            (Type::Globs, _) => {
                let (files, idle) = self.files.globs(&texts().collect::<Vec<_>>())?;
                for pattern in idle {
                    self.found
                        .push(Diagnostic::warning(format!("no file matches {pattern:?}")).at(span));
                }
                Ok(files)
            }
            _ => Ok(Vec::new()),
        }
    }

    /// The nested blocks, and whether some are not known yet.
    fn blocks(&mut self, body: &Body, table: &'static Block) -> (Vec<Arc<Object>>, bool) {
        let (mut objects, mut unread) = (Vec::new(), false);
        for written in &body.blocks {
            match written.kind.value == dynamic::NAME && !table.blocks.is_empty() {
                true => unread |= !self.dynamic(written, table, &mut objects),
                false => self.nested(written, table, &mut objects),
            }
        }
        (objects, unread)
    }

    /// Adds one nested block to those before it.
    pub(super) fn nested(&mut self, written: &syntax::Block, table: &'static Block, objects: &mut Vec<Arc<Object>>) {
        let Some((nested, occurs)) = self.select(written, table) else {
            return;
        };
        let labels = || {
            let labels = written.labels.iter().skip(usize::from(nested.kind.is_some()));
            labels.map(|label| label.value.as_str())
        };
        let alike = objects.iter().find(|other| {
            let named =
                || labels().next().is_some() && labels().eq(other.labels.iter().map(|label| label.value.as_str()));
            other.block.name == nested.name && (occurs == Occurs::Once || named())
        });
        if let Some(first) = alike {
            self.found.push(repeated(written, &first.span, occurs));
            return;
        }
        objects.push(Arc::new(self.block(written, nested)));
    }

    /// The table of a nested block, by its name and kind.
    fn select(&mut self, written: &syntax::Block, table: &'static Block) -> Option<(&'static Block, Occurs)> {
        let name = written.kind.value.as_str();
        let mut candidates = table
            .blocks
            .iter()
            .filter(|nested| nested.block.name == name)
            .peekable();
        if candidates.peek().is_none() {
            self.found.push(unknown_block(written, table));
            return None;
        }
        let kind = written.labels.first();
        let supported = candidates.clone().filter(|nested| nested.block.unsupported.is_none());
        let known: Vec<&str> = supported.filter_map(|nested| nested.block.kind).collect();
        let chosen = candidates.find(|nested| {
            nested
                .block
                .kind
                .is_none_or(|wanted| kind.is_some_and(|label| label.value == wanted))
        });
        if chosen.is_none() {
            self.found.push(unknown_kind(written, &known));
        }
        chosen.map(|nested| (nested.block, nested.occurs))
    }
}

/// What became of a written argument.
enum Given {
    Value(Box<Resolved>),
    Null,
    Wrong,
}

/// `[description, publish.tags]`: names, not values; texts will do, too.
fn names(expression: &Expression) -> Result<Value, Diagnostic> {
    let wanted = |at: &Expression| {
        Diagnostic::error("a list of names of arguments is wanted").label(&at.span, "write [description, publish.tags]")
    };
    let ExpressionKind::Tuple(elements) = &expression.kind else {
        return Err(wanted(expression));
    };
    let all = elements
        .iter()
        .map(|one| name(one).map(Value::from).ok_or_else(|| wanted(one)));
    Ok(Value::list(Shape::String, all.collect::<Result<_, _>>()?))
}

fn name(expression: &Expression) -> Option<String> {
    match &expression.kind {
        ExpressionKind::Value(text) => text.as_str().map(str::to_owned),
        ExpressionKind::Variable(name) => Some(name.clone()),
        ExpressionKind::Attribute { of, name: last } => Some(format!("{}.{last}", name(of)?)),
        _ => None,
    }
}

fn header(table: &Block) -> String {
    let labels: String = table
        .labels
        .iter()
        .map(|label| format!(" \"{}\"", label.to_uppercase()))
        .collect();
    format!("{}{labels} {{ ... }}", table.title())
}

fn example(row: &Argument) -> String {
    match row.ty {
        Type::Text | Type::Path | Type::File | Type::Tree => "\"...\"".to_owned(),
        Type::TextList | Type::FileList | Type::Globs => "[\"...\"]".to_owned(),
        Type::Choices(choices) => format!("[\"{}\"]", choices.join("\", \"")),
        ty => format!("..., {}", ty.in_words()),
    }
}

fn known_when(is_build: bool, own: bool, image: &ImageAddress) -> String {
    match (is_build, own) {
        (true, _) => "while the image is built, in provision and hook blocks".to_owned(),
        (false, true) => "when all content is".to_owned(),
        (false, false) => format!("after {image}"),
    }
}
