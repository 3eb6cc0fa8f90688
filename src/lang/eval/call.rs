//! Calls of functions: arguments converted to their parameters, what is unknown or secret passed through.

use super::{Evaluator, Result1, access, held, limits, unknown};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::functions::{self, Fault, Function, Looks, Parameter, Run};
use crate::lang::scope::{Noted, Scope};
use crate::lang::syntax::{Expression, ExpressionKind};
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::source::Span;

impl<'a> Evaluator<'a> {
    pub(super) fn call(&mut self, name: &str, arguments: &[Expression], expand: bool, span: &Span) -> Result1 {
        let Some(function) = functions::find(name) else {
            return Err(no_function(name, span).into());
        };
        if let Run::Lazy(run) = function.run {
            if expand {
                return Err(
                    Diagnostic::error(format!("{name} cannot take its arguments from a list"))
                        .at(span)
                        .into(),
                );
            }
            return run(self, arguments, span);
        }
        let (mut values, mut places) = (Vec::new(), Vec::new());
        self.hiding += usize::from(function.hides);
        let computed = self.all(arguments);
        self.hiding -= usize::from(function.hides);
        for (value, argument) in computed?.into_iter().zip(arguments) {
            values.push(value);
            places.push(argument.span.clone());
        }
        if expand && let Some(later) = self.expand(function, &mut values, &mut places, span)? {
            return Ok(later);
        }
        let values = function.accept(values, &places, span)?;
        self.run(function, &values, &places, span)
    }

    /// Puts the elements of the last argument in its place; answers the call as an unknown if they are not known.
    fn expand(
        &mut self,
        function: &Function,
        values: &mut Vec<Value>,
        places: &mut Vec<Span>,
        span: &Span,
    ) -> Result<Option<Value>, Diagnostics> {
        let (Some(last), Some(place)) = (values.pop(), places.pop()) else {
            return Ok(None);
        };
        if last.is_null() || !(last.type_of().is_sequence() || last.type_of() == Type::Any) {
            return Err(Diagnostic::error("what stands before ... is no list")
                .at(&place)
                .note(format!("it is {}", super::shown(&last)))
                .into());
        }
        let Some(elements) = last.elements().filter(|_| !last.is_unordered()) else {
            values.push(last);
            let kind = ExpressionKind::Call {
                name: function.name.to_owned(),
                arguments: values.iter().map(held).collect(),
                expand: true,
            };
            return unknown(function.returns.to_type(), kind, span).map(Some);
        };
        for one in elements {
            values.push(one.clone().marked(last.is_sensitive()));
            places.push(place.clone());
        }
        Ok(None)
    }

    fn run(&mut self, function: &Function, values: &[Value], places: &[Span], span: &Span) -> Result1 {
        let known = match function.looks {
            Looks::Through => values.iter().all(Value::is_wholly_known),
            Looks::AtTheTop => values.iter().all(|one| one.is_known() && !one.is_unordered()),
        };
        if !known {
            return later(function, values, span);
        }
        let sensitive = match function.looks {
            Looks::Through => values.iter().any(Value::contains_sensitive),
            Looks::AtTheTop => values.iter().any(Value::is_sensitive),
        };
        let given: Vec<Value> = match function.looks {
            Looks::Through => values.iter().map(Value::revealed).collect(),
            Looks::AtTheTop => values.iter().cloned().map(Value::unmarked).collect(),
        };
        if function.looks == Looks::Through {
            limits::given(&given, span)?;
        }
        let answer = match function.run {
            Run::Pure(run) => run(&given),
            Run::Scoped(run) => run(self, &given),
            Run::File(run) => functions::files::of_file(self, &given, run),
            // A plan keeps the call; apply computes it.
            Run::Volatile { check, .. } if self.scope.known.is_none() => check(&given).and(Err(Fault::NotKnown)),
            Run::Volatile { run, .. } => run(&given),
            Run::Lazy(_) => Ok(Value::null(Type::Any)),
        };
        match answer {
            Ok(value) => {
                limits::made(&value, span)?;
                if let Some(noted) = self.scope.noted.filter(|_| function.hides) {
                    noted.hide(&value);
                }
                Ok(value.marked(sensitive))
            }
            Err(Fault::NotKnown) => later(function, values, span),
            Err(fault) => Err(fault.explain(function, places, span, sensitive)),
        }
    }

    /// What it is evaluated in.
    pub(in crate::lang) fn scope(&self) -> &'a Scope<'a> {
        self.scope
    }

    /// Who wants to know which files are read; nobody within what hides what it is given.
    pub(in crate::lang) fn notes_files(&self) -> Option<&'a Noted> {
        self.scope.noted.filter(|_| self.hiding == 0)
    }

    /// How deep it is.
    pub(in crate::lang) fn depth(&self) -> usize {
        self.depth
    }
}

fn later(function: &Function, values: &[Value], span: &Span) -> Result1 {
    if function.reads_files {
        return Err(Diagnostic::error(format!(
            "{} needs arguments that are known when planning",
            function.name
        ))
        .at(span)
        .note("files are read when planning, so that the plan can say what is in them")
        .into());
    }
    let kind = ExpressionKind::Call {
        name: function.name.to_owned(),
        arguments: values.iter().map(held).collect(),
        expand: false,
    };
    unknown(function.returns.to_type(), kind, span)
}

impl Function {
    /// Checks the number of arguments and converts each to its parameter.
    fn accept(&self, values: Vec<Value>, places: &[Span], span: &Span) -> Result<Vec<Value>, Diagnostics> {
        let wanted = self.parameters.len();
        if values.len() < wanted || (values.len() > wanted && self.variadic.is_none()) {
            let least = if self.variadic.is_some() { "at least " } else { "" };
            let plural = if wanted == 1 { "" } else { "s" };
            return Err(
                Diagnostic::error(format!("{} takes {least}{wanted} argument{plural}", self.name))
                    .label(span, format!("{} given", values.len()))
                    .note(format!("{}({})", self.name, self.signature()))
                    .into(),
            );
        }
        let mut errors = Diagnostics::new();
        let mut accepted = Vec::with_capacity(values.len());
        for ((at, value), place) in values.into_iter().enumerate().zip(places) {
            let parameter = self.parameters.get(at).or(self.variadic.as_ref());
            let Some(parameter) = parameter else { continue };
            accepted.extend(errors.take(self.accept_one(parameter, &value, place)));
        }
        errors.into_result(accepted).map(|(accepted, _)| accepted)
    }

    fn accept_one(&self, parameter: &Parameter, value: &Value, place: &Span) -> Result<Value, Diagnostic> {
        let wrong = |why: String| {
            Diagnostic::error(format!("argument {:?} of {} does not fit", parameter.name, self.name)).label(place, why)
        };
        if value.is_null() && !parameter.nullable {
            return Err(wrong("must not be null".into()));
        }
        let wanted = parameter.ty.to_type();
        value.convert(&wanted).map_err(|error| wrong(error.to_string()))
    }
}

fn no_function(name: &str, span: &Span) -> Diagnostic {
    let error = Diagnostic::error(format!("no function is called {name:?}"));
    if let Some(why) = functions::reason_for_absence(name) {
        return error.at(span).note(why);
    }
    match access::nearest(name, functions::names()) {
        Some(near) => error.label(span, format!("did you mean {near:?}?")),
        None => error.at(span),
    }
}
