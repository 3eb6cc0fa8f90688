//! `try` and `can`: what may fail.

use super::{ANY, BOOL, Function, Run, takes, takes_null};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::eval::Evaluator;
use crate::lang::syntax::Expression;
use crate::lang::type_expression;
use crate::lang::value::Value;
use crate::source::Span;

/// Functions that look at their arguments before these are computed, or at what is around them.
pub(super) const TABLE: &[Function] = &[
    Function::new(
        "can",
        "Whether an expression can be computed.",
        &[takes("expression", ANY)],
        BOOL,
        Run::Lazy(can),
    ),
    Function::new(
        "convert",
        "The value as one of a type: convert(x, list(string)). As Packer has it.",
        &[takes_null("value", ANY), takes("type", ANY)],
        ANY,
        Run::Lazy(convert),
    ),
    Function::new(
        "issensitive",
        "Whether the value is marked as a secret.",
        &[takes_null("value", ANY)],
        BOOL,
        Run::Lazy(issensitive),
    ),
    Function::new(
        "nonsensitive",
        "The value without the mark of a secret: only for what gives nothing away.",
        &[takes_null("value", ANY)],
        ANY,
        Run::Lazy(nonsensitive),
    ),
    Function::new(
        "try",
        "The first of the expressions that can be computed.",
        &[],
        ANY,
        Run::Lazy(try_each),
    )
    .variadic(takes_null("expressions", ANY)),
];

/// The first of its arguments that can be evaluated.
pub(super) fn try_each(
    evaluator: &mut Evaluator<'_>,
    arguments: &[Expression],
    span: &Span,
) -> Result<Value, Diagnostics> {
    let mut last = None;
    for argument in arguments {
        match evaluator.value(argument) {
            Ok(value) => return Ok(value),
            Err(errors) => last = Some(errors),
        }
    }
    let Some(last) = last else {
        return Err(Diagnostic::error("try takes at least 1 argument").at(span).into());
    };
    let mut error = Diagnostic::error("none of the expressions of try can be evaluated").at(span);
    for why in last.iter() {
        error = error.note(format!("the last: {}", why.summary));
    }
    Err(error.into())
}

/// Whether its argument can be evaluated.
pub(super) fn can(evaluator: &mut Evaluator<'_>, arguments: &[Expression], span: &Span) -> Result<Value, Diagnostics> {
    let [argument] = arguments else {
        return Err(Diagnostic::error("can takes 1 argument").at(span).into());
    };
    Ok(evaluator.value(argument).is_ok().into())
}

/// Its argument without any mark.
pub(super) fn nonsensitive(
    evaluator: &mut Evaluator<'_>,
    arguments: &[Expression],
    span: &Span,
) -> Result<Value, Diagnostics> {
    let [argument] = arguments else {
        return Err(Diagnostic::error("nonsensitive takes 1 argument").at(span).into());
    };
    Ok(evaluator.value(argument)?.revealed())
}

/// Whether its argument is marked; of what is not known yet and not marked, that is not known either.
pub(super) fn issensitive(
    evaluator: &mut Evaluator<'_>,
    arguments: &[Expression],
    span: &Span,
) -> Result<Value, Diagnostics> {
    let [argument] = arguments else {
        return Err(Diagnostic::error("issensitive takes 1 argument").at(span).into());
    };
    Ok(evaluator.value(argument)?.is_sensitive().into())
}

/// `convert(value, type)`
pub(super) fn convert(
    evaluator: &mut Evaluator<'_>,
    arguments: &[Expression],
    span: &Span,
) -> Result<Value, Diagnostics> {
    let [argument, ty] = arguments else {
        return Err(Diagnostic::error("convert takes a value and a type").at(span).into());
    };
    let wanted = type_expression::read(ty)?;
    let value = evaluator.value(argument)?;
    let converted = wanted.convert(&value);
    converted.map_err(|error| {
        Diagnostic::error("this value cannot be converted")
            .label(&argument.span, error.to_string())
            .into()
    })
}
