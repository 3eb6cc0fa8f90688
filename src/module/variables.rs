//! Variables: what is declared, what is given, and the value that comes of it.

use std::collections::BTreeMap;

use super::blocks::{Declared, VARIABLE};
use super::given::{Given, Origin};
use super::within::Literals;
use super::{Data, LoadOptions};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::lang::syntax::Block as Written;
use crate::lang::{Constraint, Nothing, Scope, Term, Value, evaluate, parse_expression, type_expression};
use crate::schema::{Decoder, Files, suggest};
use crate::source::{Source, Span};

/// A declared variable with its value.
#[derive(Debug, Clone)]
pub(super) struct Variable {
    /// Its value, marked if it is sensitive; or what is wrong with it.
    pub value: Result<Value, Diagnostic>,
    /// Whether it is sensitive.
    pub sensitive: bool,
    /// Whether it may enter nothing that is kept; it is sensitive then, too.
    pub ephemeral: bool,
    /// Its revision.
    pub revision: u64,
    /// Where the value was given, for messages about it.
    pub origin: Option<Span>,
    /// What must hold of it.
    pub validations: Vec<Written>,
}

impl Variable {
    /// What stands for the value in digests and files.
    pub fn identity(&self, name: &str) -> Result<Value, Diagnostic> {
        let value = self.value.clone()?;
        if !self.sensitive {
            return Ok(value);
        }
        if matches!(value.term(), Some(Term::Variable { .. })) && !self.ephemeral {
            // The module that gives it has put something in place of all of it already, with a revision of its own.
            return Ok(value.revealed());
        }
        if self.ephemeral {
            return Ok(Value::unknown(value.type_of(), Term::Withheld));
        }
        let term = Term::Variable {
            name: name.to_owned(),
            revision: self.revision,
        };
        Ok(Value::unknown(value.type_of(), term))
    }
}

/// Who gives variables their values.
#[derive(Clone, Copy)]
enum Giver<'a> {
    /// Whoever runs bake; and the error that explains why there is no value, if there is one: a file of values that was not
    /// read, or another name that was given instead.
    Person(&'a LoadOptions<'a>, Option<&'a Diagnostic>),
    /// The `module` block that calls the module, with its place.
    Call(&'a Span),
}

/// Every declared variable of the module for which bake is started. What is wrong is added to `found`.
pub(super) fn evaluate_all(
    declared: &Declared,
    mut given: BTreeMap<String, Given>,
    options: &LoadOptions<'_>,
    complete: bool,
    unread: Option<&Diagnostic>,
    found: &mut Diagnostics,
) -> BTreeMap<String, Variable> {
    let mut variables = BTreeMap::new();
    let misspelt = if complete {
        misspelt(&given, declared)
    } else {
        BTreeMap::new()
    };
    for (name, written) in &declared.variables {
        let giver = Giver::Person(options, unread.or_else(|| misspelt.get(name.as_str())));
        let variable = Declaration::read(name, written, found).value(given.remove(name), giver);
        if let Err(error) = &variable.value {
            found.push(error.clone());
        }
        variables.insert(name.clone(), variable);
    }
    if complete {
        found.extend(without_variable(&given, declared));
    }
    variables
}

/// Variables that are meant by values which are given to none, with what is said of those: they have no other mistake.
fn misspelt<'a>(given: &BTreeMap<String, Given>, declared: &'a Declared) -> BTreeMap<&'a str, Diagnostic> {
    let others = given.iter().filter(|(name, _)| !declared.variables.contains_key(*name));
    let errors = others.filter_map(|(name, given)| {
        let error = undeclared(name, given, declared).filter(|one| one.severity == Severity::Error)?;
        Some((suggest(name, declared.variables.keys().map(String::as_str))?, error))
    });
    errors.collect()
}

/// What is to be said of values that are given to variables which are not declared.
pub(super) fn without_variable(given: &BTreeMap<String, Given>, declared: &Declared) -> Diagnostics {
    let others = given.iter().filter(|(name, _)| !declared.variables.contains_key(*name));
    others
        .filter_map(|(name, given)| undeclared(name, given, declared))
        .collect()
}

/// A variable of a module that is called by a `module` block with this place.
pub(super) fn of_call(
    name: &str,
    written: &Written,
    given: Option<Given>,
    call: &Span,
    found: &mut Diagnostics,
) -> Variable {
    Declaration::read(name, written, found).value(given, Giver::Call(call))
}

/// What a `variable` block says.
struct Declaration<'a> {
    name: &'a str,
    span: &'a Span,
    ty: Option<Constraint>,
    default: Option<Value>,
    description: Option<String>,
    sensitive: bool,
    ephemeral: bool,
    nullable: bool,
    revision: u64,
    validations: Vec<Written>,
    /// What is wrong with the block, said already.
    broken: Option<Diagnostic>,
}

impl<'a> Declaration<'a> {
    fn read(name: &'a str, written: &'a Written, found: &mut Diagnostics) -> Declaration<'a> {
        let files = Files::new("/");
        let mut decoder = Decoder::new(&Literals, &files, None);
        let object = decoder.block(written, &VARIABLE);
        let sensitive = object.is_on("sensitive") || object.is_on("ephemeral");
        let mut errors = decoder.found;
        let body = &written.body;
        let ty = body
            .attribute("type")
            .and_then(|attribute| errors.take(type_expression::read(&attribute.value)));
        let wanted = ty.clone().unwrap_or_else(Constraint::any);
        let default = body.attribute("default").and_then(|attribute| {
            let value = errors.take(evaluate(&attribute.value, &Scope::new(&Nothing).with_environment()))?;
            let converted = wanted.convert(&value.marked(sensitive)).map_err(|error| {
                let summary = format!("the default of variable \"{name}\" is not of its type");
                // An excerpt would show it.
                let place = if sensitive {
                    &written.span
                } else {
                    &attribute.value.span
                };
                Diagnostic::error(summary).label(place, error.to_string())
            });
            errors.take(converted)
        });
        let validations = body.blocks_of("validation").cloned();
        let declaration = Declaration {
            name,
            span: &written.span,
            ty,
            default,
            description: object.text("description").map(str::to_owned),
            sensitive,
            ephemeral: object.is_on("ephemeral"),
            nullable: object.is_on("nullable"),
            revision: object
                .integer("revision")
                .and_then(|number| number.try_into().ok())
                .unwrap_or(1),
            validations: validations.collect(),
            broken: errors.iter().next().cloned(),
        };
        found.extend(errors);
        declaration
    }

    fn value(self, given: Option<Given>, giver: Giver<'_>) -> Variable {
        let origin = given.as_ref().and_then(|given| given.span());
        let value = match &self.broken {
            Some(broken) => Err(broken.clone()),
            None => self.settle(given, giver),
        };
        Variable {
            value: value.map(|value| value.marked(self.sensitive)),
            sensitive: self.sensitive,
            ephemeral: self.ephemeral,
            revision: self.revision,
            origin,
            validations: self.validations,
        }
    }

    fn settle(&self, given: Option<Given>, giver: Giver<'_>) -> Result<Value, Diagnostic> {
        let value = match given {
            Some(given) => self.typed(&given)?,
            None => match (&self.default, giver) {
                (Some(default), _) => default.clone(),
                (None, Giver::Call(span)) => return Err(self.left_out(span)),
                (None, Giver::Person(_, Some(unread))) => return Err(unread.clone()),
                (None, Giver::Person(options, None)) if options.data == Data::Offline && options.prompt.is_none() => {
                    self.unknown()
                }
                (None, Giver::Person(options, None)) => {
                    let ask = options.prompt.ok_or_else(|| self.missing())?;
                    let text = ask(self.name, self.description.as_deref(), self.sensitive);
                    let origin = Origin::Asked;
                    self.typed(
                        &text
                            .map(|text| Given::Text { text, origin })
                            .ok_or_else(|| self.missing())?,
                    )?
                }
            },
        };
        match (value.is_null() && !self.nullable, &self.default) {
            (false, _) => Ok(value),
            (true, Some(default)) if !default.is_null() => Ok(default.clone()),
            (true, _) => Err(Diagnostic::error(format!("variable \"{}\" may not be null", self.name)).at(self.span)),
        }
    }

    /// What stands for the value where the module is only looked at.
    fn unknown(&self) -> Value {
        let term = Term::Data {
            of: "var".to_owned(),
            attribute: self.name.to_owned(),
        };
        Value::unknown(self.ty.clone().unwrap_or_else(Constraint::any).ty, term)
    }

    /// A given value as one of the declared type.
    fn typed(&self, given: &Given) -> Result<Value, Diagnostic> {
        let wanted = self.ty.clone().unwrap_or_else(Constraint::any);
        let value = match given {
            Given::Value { value, .. } => value.clone(),
            Given::Text { text, .. } if wanted.ty.is_primitive() || self.ty.is_none() => Value::from(text.as_str()),
            Given::Text { text, origin } => self.expression(text, *origin)?,
        };
        wanted.convert(&value.marked(self.sensitive)).map_err(|error| {
            let error = Diagnostic::error(format!("variable \"{}\" takes {wanted}", self.name)).note(error.to_string());
            let error = error.label(self.span, "declared here");
            match self.sensitive {
                // An excerpt would show it.
                true => error.note(format!("it is given by {}", given.in_words(self.name))),
                false => given.place(error, self.name),
            }
        })
    }

    /// A text for a variable that is no plain text is an expression without references.
    fn expression(&self, text: &str, origin: Origin) -> Result<Value, Diagnostic> {
        let shown = if self.sensitive { "" } else { text };
        let source = Source::new(origin.in_words(self.name), text);
        let value = parse_expression(&source).and_then(|expression| evaluate(&expression, &Scope::new(&Nothing)));
        value.map_err(|errors| {
            let wanted = self.ty.clone().unwrap_or_else(Constraint::any);
            let first = errors.into_iter().next().map(|error| error.summary).unwrap_or_default();
            let error = Diagnostic::error(format!("variable \"{}\" takes {wanted}", self.name)).at(self.span);
            let error = error.note(format!("{} gives {shown:?}: {first}", origin.in_words(self.name)));
            match self.sensitive {
                true => Diagnostic {
                    notes: vec![format!("{} does not read as one", origin.in_words(self.name))],
                    ..error
                },
                false => error,
            }
        })
    }

    /// The call of its module says nothing of it.
    fn left_out(&self, call: &Span) -> Diagnostic {
        let name = self.name;
        let error = Diagnostic::error(format!("the module needs a value for its variable \"{name}\"")).at(call);
        error
            .label(self.span, "declared here, without a default")
            .help(format!("write {name} = ... in the module block"))
    }

    fn missing(&self) -> Diagnostic {
        let name = self.name;
        let error = Diagnostic::error(format!("variable \"{name}\" has no value")).at(self.span);
        error.help(format!(
            "give one with -var {name}=VALUE, BAKE_VAR_{name}, or in bake.auto.bakevars.hcl"
        ))
    }
}

/// Of a value that is given to a variable which is not declared.
fn undeclared(name: &str, given: &Given, declared: &Declared) -> Option<Diagnostic> {
    let summary = format!("no variable is called \"{name}\"");
    let error = match given {
        Given::Text {
            origin: Origin::Environment | Origin::Asked,
            ..
        } => return None,
        Given::Text { .. } => Diagnostic::error(summary),
        Given::Value { .. } => Diagnostic::warning(summary),
    };
    let placed = given.place(error, name);
    Some(meant(name, declared).into_iter().fold(placed, Diagnostic::help))
}

/// Of what a `module` block gives to a variable that its module does not have.
pub(super) fn undeclared_input(name: &str, span: &Span, declared: &Declared) -> Diagnostic {
    let error = Diagnostic::error(format!("the module has no variable called \"{name}\"")).label(span, "given here");
    let all: Vec<&str> = declared.variables.keys().map(String::as_str).collect();
    match (meant(name, declared), all.is_empty()) {
        (Some(meant), _) => error.help(meant),
        (None, true) => error.help("it has none"),
        (None, false) => error.help(format!("it has {}", all.join(", "))),
    }
}

fn meant(name: &str, declared: &Declared) -> Option<String> {
    let meant = suggest(name, declared.variables.keys().map(String::as_str))?;
    Some(format!("did you mean \"{meant}\"?"))
}
