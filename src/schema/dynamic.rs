//! `dynamic` blocks: blocks of one name, one for each element of a collection.
//!
//! Source: Terraform's language, "dynamic Blocks"; hashicorp/hcl, ext/dynblock. Unlike there, what decides how many
//! blocks there are must be known when planning.

use std::sync::Arc;

use super::decode::Decoder;
use super::object::Object;
use super::suggest::did_you_mean;
use super::{Block, Class, Type, argument, block};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::syntax::{self, Expression, ExpressionKind};
use crate::lang::types::Type as Shape;
use crate::lang::value::Value;
use crate::source::{Span, Spanned};

/// How many blocks may come of the `dynamic` blocks of one block.
const MOST: usize = 100_000;

/// The word in front.
pub const NAME: &str = "dynamic";

/// The table of a `dynamic` block, whose `content` is what may be written in the block that it makes.
pub static BLOCK: Block = block(NAME)
    .labels(&["block"])
    .doc("Blocks of the name in the label, one for each element. It may stand wherever such a block may.")
    .arguments(&[
        argument("for_each", Type::Expression, Class::Run).required().doc(
            "A list, set, map or object. It must be known before apply, and not be sensitive; its elements may be.",
        ),
        argument("iterator", Type::Syntax, Class::Run)
            .doc("What the element is called in content: NAME.key and NAME.value. Default: the label."),
        argument("labels", Type::Expression, Class::Run).doc(
            "The labels of each block, its kind included: [\"shell\", provision.key]. Needed where the block has some.",
        ),
    ]);

/// What stands for the element at hand in `content`.
#[derive(Debug, Clone)]
pub struct Iterator {
    /// `NAME` of `NAME.value`, with an object of `key` and `value`.
    pub plain: (String, Value),
    /// The same with what stands for secrets.
    pub identity: (String, Value),
}

/// A `dynamic` block as it is written.
struct Dynamic<'a> {
    /// Of the blocks that it makes.
    name: &'a Spanned<String>,
    for_each: &'a Expression,
    iterator: String,
    labels: Option<&'a Expression>,
    content: &'a syntax::Block,
}

/// One element, with what stands for it where it is secret.
struct Element {
    key: Value,
    value: Value,
    identity: Value,
}

impl Decoder<'_> {
    /// Adds the blocks that a `dynamic` block stands for. Answers whether they are known: not if they wait for a data
    /// source.
    pub(super) fn dynamic(
        &mut self,
        written: &syntax::Block,
        table: &'static Block,
        objects: &mut Vec<Arc<Object>>,
    ) -> bool {
        let Some(dynamic) = self.read_dynamic(written, table) else {
            return true;
        };
        let elements = match self.elements(dynamic.for_each) {
            Ok(Some(elements)) => elements,
            Ok(None) => return false,
            Err(errors) => {
                self.found.extend(errors);
                return true;
            }
        };
        let mut made = syntax::Block {
            kind: dynamic.name.clone(),
            labels: Vec::new(),
            ..dynamic.content.clone()
        };
        for element in elements {
            self.made += 1;
            if self.made > MOST {
                let error = Diagnostic::error(format!("more than {MOST} blocks come of dynamic blocks"));
                self.found.push(error.at(&written.span));
                return true;
            }
            self.iterators.push(element.bind(&dynamic.iterator));
            let labels = self.labels_of(&dynamic);
            if let Some(labels) = self.found.take(labels) {
                made.labels = labels;
                self.nested(&made, table, objects);
            }
            self.iterators.pop();
        }
        true
    }

    fn read_dynamic<'w>(&mut self, written: &'w syntax::Block, table: &'static Block) -> Option<Dynamic<'w>> {
        let before = self.found.len();
        self.labels(written, &BLOCK);
        self.arguments(written, &BLOCK);
        let name = written.labels.first()?;
        self.found.extend(refused(name, table));
        let mut content = None;
        for one in &written.body.blocks {
            let error = match (one.kind.value.as_str(), &content) {
                ("content", None) => {
                    content = Some(one);
                    continue;
                }
                ("content", Some(_)) => Diagnostic::error("block \"content\" may stand only once").at(&one.span),
                (other, _) => Diagnostic::error(format!("unknown block \"{other}\" in block \"{NAME}\""))
                    .at(&one.span)
                    .help("what each block holds is written in content { ... }"),
            };
            self.found.push(error);
        }
        if content.is_none() {
            let error = Diagnostic::error(format!("block \"{NAME}\" needs a block \"content\"")).at(&written.span);
            self.found
                .push(error.help("write what each block holds in content { ... }"));
        }
        if let Some(label) = content.and_then(|content| content.labels.first()) {
            let error = Diagnostic::error("block \"content\" takes no label").at(&label.span);
            self.found
                .push(error.help(format!("write labels = [...] in block \"{NAME}\"")));
        }
        let has_labels = |block: &Block| block.kind.is_some() || !block.labels.is_empty();
        let made = table.blocks.iter().find(|nested| nested.block.name == name.value);
        if made.is_some_and(|made| has_labels(made.block)) && written.body.attribute("labels").is_none() {
            let error = Diagnostic::error(format!("missing argument \"labels\" in block \"{NAME}\"")).at(&written.span);
            self.found
                .push(error.help(format!("write the labels of each {} block: labels = [...]", name.value)));
        }
        let iterator = match written.body.attribute("iterator").map(|one| &one.value) {
            None => name.value.clone(),
            Some(Expression {
                kind: ExpressionKind::Variable(name),
                ..
            }) => name.clone(),
            Some(other) => {
                let error = Diagnostic::error("argument \"iterator\" takes a name").at(&other.span);
                self.found.push(error.help("write a bare word: iterator = each_step"));
                name.value.clone()
            }
        };
        (self.found.len() == before).then_some(Dynamic {
            name,
            for_each: &written.body.attribute("for_each")?.value,
            iterator,
            labels: written.body.attribute("labels").map(|one| &one.value),
            content: content?,
        })
    }

    /// What is walked; none if that waits for a data source.
    fn elements(&mut self, for_each: &Expression) -> Result<Option<Vec<Element>>, Diagnostics> {
        let value = self.value(for_each)?;
        if !value.is_known() && value.unread().is_some() {
            return Ok(None);
        }
        let pairs = pairs(&value, &for_each.span)?;
        if !value.contains_sensitive() {
            let plain = |(key, value): (Value, Value)| Element {
                key,
                identity: value.clone(),
                value,
            };
            return Ok(Some(pairs.into_iter().map(plain).collect()));
        }
        let identity = Expression::value(self.identity_of(for_each)?, for_each.span.clone());
        let with_identity = |(key, value): (Value, Value)| {
            let of_element = ExpressionKind::Index {
                of: Box::new(identity.clone()),
                key: Box::new(Expression::value(key.clone(), for_each.span.clone())),
            };
            Ok(Element {
                identity: self.identity_of(&Expression::new(of_element, for_each.span.clone()))?,
                key,
                value,
            })
        };
        pairs.into_iter().map(with_identity).collect::<Result<_, _>>().map(Some)
    }

    fn labels_of(&self, dynamic: &Dynamic<'_>) -> Result<Vec<Spanned<String>>, Diagnostics> {
        let Some(labels) = dynamic.labels else {
            return Ok(Vec::new());
        };
        // Written as a list, each has a place of its own.
        if let ExpressionKind::Tuple(all) = &labels.kind {
            let each = all.iter().map(|one| Ok(label(&self.value(one)?, &one.span)?));
            return each.collect();
        }
        let value = self.value(labels)?;
        if value.elements().is_none() {
            let error = Diagnostic::error("argument \"labels\" takes a list of strings");
            let is = value.type_of().in_words();
            return Err(error.label(&labels.span, format!("this is {is}")).into());
        }
        let each = value.elements().into_iter().flatten();
        Ok(each
            .map(|one| label(one, &labels.span))
            .collect::<Result<_, Diagnostic>>()?)
    }
}

impl Element {
    fn bind(self, name: &str) -> Iterator {
        let object = |key: Value, value: Value| {
            let both = [("key".to_owned(), key), ("value".to_owned(), value)];
            (name.to_owned(), Value::object(both.into()))
        };
        Iterator {
            plain: object(self.key.clone(), self.value),
            identity: object(self.key, self.identity),
        }
    }
}

/// Whether a `dynamic` block may make such blocks: not those that are looked at before it is.
pub fn makes(block: &Block) -> bool {
    block.unsupported.is_none() && !block.is_condition() && block.name != "lifecycle"
}

/// Why such a block may not be made here.
fn refused(name: &Spanned<String>, table: &Block) -> Option<Diagnostic> {
    let mut candidates = table.blocks.iter().map(|nested| nested.block);
    let Some(found) = candidates.clone().find(|one| one.name == name.value) else {
        let summary = format!("unknown block \"{}\" in block \"{}\"", name.value, table.name);
        let meant = did_you_mean(&name.value, candidates.by_ref().map(|one| one.name));
        return Some(Diagnostic::error(summary).label(&name.span, meant));
    };
    if found.unsupported.is_none() && !makes(found) {
        let error = Diagnostic::error(format!("block \"{}\" may not be dynamic", found.name)).at(&name.span);
        return Some(error.help("write it out; a condition may walk a collection: alltrue([for ...])"));
    }
    None
}

fn pairs(value: &Value, span: &Span) -> Result<Vec<(Value, Value)>, Diagnostic> {
    let wrong = |why: &str| Err(Diagnostic::error("for_each takes a list, a set, a map or an object").label(span, why));
    if value.is_sensitive() {
        let error = Diagnostic::error("for_each may not be sensitive");
        let error = error.label(span, "this is computed from a sensitive value");
        return Err(error.note("how many blocks there are would say something of it"));
    }
    if value.is_null() {
        return wrong("this is null");
    }
    if !value.is_known() {
        let error = Diagnostic::error("for_each must be known before apply");
        let when = value.term().map(|term| format!("this is known only after {term}"));
        return Err(error.label(span, when.unwrap_or_default()));
    }
    if let Some(attributes) = value.attributes() {
        let each = attributes.iter();
        return Ok(each.map(|(key, value)| (key.as_str().into(), value.clone())).collect());
    }
    let Some(elements) = value.elements() else {
        return wrong(&format!("this is {}", value.type_of().in_words()));
    };
    let is_set = matches!(value.type_of(), Shape::Set(_));
    let each = elements.iter().enumerate().map(|(at, element)| match is_set {
        true => (element.clone(), element.clone()),
        false => (Value::from(at), element.clone()),
    });
    Ok(each.collect())
}

fn label(value: &Value, span: &Span) -> Result<Spanned<String>, Diagnostic> {
    let wrong = |why: String| Diagnostic::error("a label takes a string").label(span, why);
    if value.contains_sensitive() {
        return Err(wrong("this is sensitive".to_owned()));
    }
    if !value.is_known() {
        let when = value.term().map(|term| format!("this is known only after {term}"));
        return Err(wrong(when.unwrap_or_default()));
    }
    let text = value
        .convert(&Shape::String)
        .map_err(|_| wrong(format!("this is {}", value.type_of().in_words())))?;
    match text.as_str() {
        Some(text) => Ok(Spanned::new(text.to_owned(), span.clone())),
        None => Err(wrong("this is null".to_owned())),
    }
}
