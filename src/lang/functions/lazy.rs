//! `try` and `can`: what may fail.

use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::eval::Evaluator;
use crate::lang::syntax::Expression;
use crate::lang::value::Value;
use crate::source::Span;

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
