//! What cannot be evaluated yet because it is done for each element of an unknown collection: everything else in it is
//! put in as values, so that it can be kept without its scope.

use super::{Evaluator, held};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::functions;
use crate::lang::syntax::{Expression, ExpressionKind, For};

impl Evaluator<'_> {
    /// The expression with all that does not depend on the variables in `bound` (or on the element of a splat)
    /// replaced by its value.
    ///
    /// # Errors
    /// Those of the parts that can be evaluated; a file whose name would only be known at apply.
    pub(super) fn bind(&mut self, expression: &Expression, bound: &mut Vec<String>) -> Result<Expression, Diagnostics> {
        if !depends(expression, bound) {
            return Ok(held(&self.value(expression)?));
        }
        let span = expression.span.clone();
        if let ExpressionKind::Call { name, .. } = &expression.kind
            && functions::find(name).is_some_and(|function| function.reads_files)
        {
            return Err(
                Diagnostic::error(format!("{name} needs a path that is known when planning"))
                    .at(&span)
                    .note("the collection that is walked here is known only at apply")
                    .into(),
            );
        }
        let kind = self.bind_parts(expression, bound)?;
        Ok(Expression::new(kind, span))
    }

    fn bind_parts(&mut self, expression: &Expression, bound: &mut Vec<String>) -> Result<ExpressionKind, Diagnostics> {
        match &expression.kind {
            ExpressionKind::For(one) => Ok(ExpressionKind::For(Box::new(self.bind_for(one, bound)?))),
            other => other.rebuilt(&mut |part| self.bind(part, bound)),
        }
    }

    fn bind_for(&mut self, one: &For, bound: &mut Vec<String>) -> Result<For, Diagnostics> {
        let collection = self.bind(&one.collection, bound)?;
        let before = bound.len();
        bound.extend(one.key.clone());
        bound.push(one.value.clone());
        let mut inside = |part: &Expression| self.bind(part, bound);
        let later = For {
            key: one.key.clone(),
            value: one.value.clone(),
            collection,
            output_key: one.output_key.as_ref().map(&mut inside).transpose()?,
            output: inside(&one.output)?,
            condition: one.condition.as_ref().map(&mut inside).transpose()?,
            group: one.group,
        };
        bound.truncate(before);
        Ok(later)
    }
}

/// Whether the expression needs one of these variables, or the element of a splat around it.
fn depends(expression: &Expression, bound: &[String]) -> bool {
    let mut found = false;
    match &expression.kind {
        ExpressionKind::Variable(name) => return bound.contains(name),
        ExpressionKind::Each => return true,
        _ => expression.each_child(&mut |child| found = found || depends(child, bound)),
    }
    found
}
