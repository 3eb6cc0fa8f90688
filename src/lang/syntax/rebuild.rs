//! An expression with other parts in the same places.

use super::{Expression, ExpressionKind, For};

impl ExpressionKind {
    /// The same with `part` of each direct part.
    ///
    /// # Errors
    /// The first of `part`.
    pub(crate) fn rebuilt<E>(
        &self,
        part: &mut dyn FnMut(&Expression) -> Result<Expression, E>,
    ) -> Result<ExpressionKind, E> {
        Ok(match self {
            ExpressionKind::Value(_) | ExpressionKind::Variable(_) | ExpressionKind::Each => self.clone(),
            ExpressionKind::Attribute { of, name } => ExpressionKind::Attribute {
                of: Box::new(part(of)?),
                name: name.clone(),
            },
            ExpressionKind::Convert { of, to } => ExpressionKind::Convert {
                of: Box::new(part(of)?),
                to: to.clone(),
            },
            ExpressionKind::Not(of) => ExpressionKind::Not(Box::new(part(of)?)),
            ExpressionKind::Negate(of) => ExpressionKind::Negate(Box::new(part(of)?)),
            ExpressionKind::Join(of) => ExpressionKind::Join(Box::new(part(of)?)),
            ExpressionKind::Parentheses(of) => ExpressionKind::Parentheses(Box::new(part(of)?)),
            ExpressionKind::Index { of, key } => ExpressionKind::Index {
                of: Box::new(part(of)?),
                key: Box::new(part(key)?),
            },
            ExpressionKind::Splat { of, each } => ExpressionKind::Splat {
                of: Box::new(part(of)?),
                each: Box::new(part(each)?),
            },
            ExpressionKind::Binary { operator, left, right } => ExpressionKind::Binary {
                operator: *operator,
                left: Box::new(part(left)?),
                right: Box::new(part(right)?),
            },
            ExpressionKind::Conditional {
                condition,
                then,
                otherwise,
            } => ExpressionKind::Conditional {
                condition: Box::new(part(condition)?),
                then: Box::new(part(then)?),
                otherwise: Box::new(part(otherwise)?),
            },
            ExpressionKind::Call {
                name,
                arguments,
                expand,
            } => ExpressionKind::Call {
                name: name.clone(),
                arguments: arguments.iter().map(&mut *part).collect::<Result<_, _>>()?,
                expand: *expand,
            },
            ExpressionKind::Tuple(all) => ExpressionKind::Tuple(all.iter().map(&mut *part).collect::<Result<_, _>>()?),
            ExpressionKind::Template(all) => {
                ExpressionKind::Template(all.iter().map(&mut *part).collect::<Result<_, _>>()?)
            }
            ExpressionKind::Object(all) => {
                let pairs = all.iter().map(|(key, value)| Ok((part(key)?, part(value)?)));
                ExpressionKind::Object(pairs.collect::<Result<_, E>>()?)
            }
            ExpressionKind::For(one) => ExpressionKind::For(Box::new(For {
                key: one.key.clone(),
                value: one.value.clone(),
                collection: part(&one.collection)?,
                output_key: one.output_key.as_ref().map(&mut *part).transpose()?,
                output: part(&one.output)?,
                condition: one.condition.as_ref().map(&mut *part).transpose()?,
                group: one.group,
            })),
        })
    }
}
