//! Operators and conditionals.

use super::{Evaluator, Result1, held, shown, unknown};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::number::Number;
use crate::lang::syntax::{Expression, ExpressionKind, Operator};
use crate::lang::types::Type;
use crate::lang::value::{Kind, Value};
use crate::source::Span;

impl Evaluator<'_> {
    pub(super) fn not(&mut self, of: &Expression, span: &Span) -> Result1 {
        let value = operand(&self.value(of)?, &Type::Bool, "!", &of.span)?;
        match value.as_bool() {
            Some(answer) => Ok(Value::from(!answer).marked(value.is_sensitive())),
            None => unknown(Type::Bool, ExpressionKind::Not(Box::new(held(&value))), span),
        }
    }

    pub(super) fn negate(&mut self, of: &Expression, span: &Span) -> Result1 {
        let value = operand(&self.value(of)?, &Type::Number, "-", &of.span)?;
        match value.as_number() {
            Some(number) => Ok(Value::from(-number).marked(value.is_sensitive())),
            None => unknown(Type::Number, ExpressionKind::Negate(Box::new(held(&value))), span),
        }
    }

    pub(super) fn binary(&mut self, operator: Operator, left: &Expression, right: &Expression, span: &Span) -> Result1 {
        let (a, b) = self.pair(left, right)?;
        let wanted = match operator {
            Operator::Equal | Operator::NotEqual => Type::Any,
            Operator::And | Operator::Or => Type::Bool,
            _ => Type::Number,
        };
        let mut errors = Diagnostics::new();
        let a = errors.take(operand(&a, &wanted, operator.symbol(), &left.span));
        let b = errors.take(operand(&b, &wanted, operator.symbol(), &right.span));
        let (Some(a), Some(b)) = (a, b) else {
            return Err(errors);
        };
        let sensitive = a.contains_sensitive() || b.contains_sensitive();
        match apply(operator, &a, &b).map_err(|why| Diagnostic::error(why).at(span))? {
            Some(value) => Ok(value.marked(sensitive)),
            None => {
                let kind = ExpressionKind::Binary {
                    operator,
                    left: Box::new(held(&a)),
                    right: Box::new(held(&b)),
                };
                unknown(result_type(operator), kind, span)
            }
        }
    }

    pub(super) fn conditional(
        &mut self,
        condition: &Expression,
        then: &Expression,
        otherwise: &Expression,
        span: &Span,
    ) -> Result1 {
        let decides = operand(&self.value(condition)?, &Type::Bool, "? :", &condition.span)?;
        let (then_value, other_value) = (self.value(then), self.value(otherwise));
        let Some(answer) = decides.as_bool() else {
            let mut errors = Diagnostics::new();
            let (then_value, other_value) = (errors.take(then_value), errors.take(other_value));
            let (Some(a), Some(b)) = (then_value, other_value) else {
                return Err(errors);
            };
            let ty = common_type(&a, &b).ok_or_else(|| differ(&a, &b, then, otherwise))?;
            let kind = ExpressionKind::Conditional {
                condition: Box::new(held(&decides)),
                then: Box::new(held(&a)),
                otherwise: Box::new(held(&b)),
            };
            return unknown(ty, kind, span);
        };
        let (chosen, other) = if answer {
            (then_value, other_value)
        } else {
            (other_value, then_value)
        };
        let chosen = chosen?;
        // The branch that is not taken has a say in the type only if it can be evaluated.
        let Ok(other) = other else {
            return Ok(chosen.marked(decides.is_sensitive()));
        };
        let ty = common_type(&chosen, &other).ok_or_else(|| {
            let (a, b) = if answer { (&chosen, &other) } else { (&other, &chosen) };
            differ(a, b, then, otherwise)
        })?;
        let place = if answer { &then.span } else { &otherwise.span };
        let converted = chosen
            .convert(&ty)
            .map_err(|error| Diagnostic::error(error.to_string()).at(place))?;
        Ok(converted.marked(decides.is_sensitive()))
    }
}

/// The type of a conditional with these results; a bare `null` takes that of the other.
fn common_type(a: &Value, b: &Value) -> Option<Type> {
    match (a.type_of(), b.type_of()) {
        (Type::Any, other) if a.is_null() => Some(other),
        (other, Type::Any) if b.is_null() => Some(other),
        (a, b) => Type::unify(&[a, b]),
    }
}

fn differ(a: &Value, b: &Value, then: &Expression, otherwise: &Expression) -> Diagnostic {
    Diagnostic::error("the two results of this conditional have different types")
        .label(&then.span, a.type_of().in_words())
        .label(&otherwise.span, b.type_of().in_words())
        .help("convert one of them, so that both have one type")
}

/// A value as an operand of this type.
fn operand(value: &Value, wanted: &Type, operator: &str, span: &Span) -> Result<Value, Diagnostic> {
    if value.is_null() && *wanted != Type::Any {
        return Err(Diagnostic::error(format!("null cannot be an operand of {operator}")).at(span));
    }
    value.convert(wanted).map_err(|error| {
        let what = shown(value);
        let error = Diagnostic::error(format!("{what} cannot be an operand of {operator}"))
            .at(span)
            .note(error.to_string());
        match operator == "+" && value.as_str().is_some() {
            true => error.help("to put texts together write \"${a}${b}\""),
            false => error,
        }
    })
}

fn result_type(operator: Operator) -> Type {
    match operator {
        Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide | Operator::Modulo => Type::Number,
        _ => Type::Bool,
    }
}

/// The result, or none if it is not known.
fn apply(operator: Operator, a: &Value, b: &Value) -> Result<Option<Value>, String> {
    Ok(match operator {
        Operator::Equal => equal(a, b).map(Value::from),
        Operator::NotEqual => equal(a, b).map(|same| Value::from(!same)),
        // One side may decide, whatever the other will be.
        Operator::And => match (a.as_bool(), b.as_bool()) {
            (Some(false), _) | (_, Some(false)) => Some(false.into()),
            (Some(true), Some(true)) => Some(true.into()),
            _ => None,
        },
        Operator::Or => match (a.as_bool(), b.as_bool()) {
            (Some(true), _) | (_, Some(true)) => Some(true.into()),
            (Some(false), Some(false)) => Some(false.into()),
            _ => None,
        },
        _ => match (a.as_number(), b.as_number()) {
            (Some(a), Some(b)) => Some(compute(operator, a, b)?),
            _ => None,
        },
    })
}

fn compute(operator: Operator, a: &Number, b: &Number) -> Result<Value, String> {
    let number = match operator {
        Operator::Less => return Ok((a < b).into()),
        Operator::LessOrEqual => return Ok((a <= b).into()),
        Operator::Greater => return Ok((a > b).into()),
        Operator::GreaterOrEqual => return Ok((a >= b).into()),
        Operator::Subtract => Some(a.minus(b)),
        Operator::Multiply => Some(a.times(b)),
        Operator::Divide => a.divided_by(b),
        Operator::Modulo => a.remainder(b),
        _ => Some(a.plus(b)),
    };
    match number {
        Some(number) if number.is_in_range() => Ok(number.into()),
        Some(_) => Err("the result is too large or too small for a number".into()),
        None => Err("division by zero".into()),
    }
}

/// Whether two values are the same, as `==` has it: also of the same type. None if that is not known.
pub(in crate::lang) fn equal(a: &Value, b: &Value) -> Option<bool> {
    match (&a.kind, &b.kind) {
        (Kind::Unknown(_), _) | (_, Kind::Unknown(_)) => None,
        _ if a.is_unordered() || b.is_unordered() => None,
        (Kind::Null(_), Kind::Null(_)) => Some(true),
        (Kind::Null(_), _) | (_, Kind::Null(_)) => Some(false),
        (Kind::Bool(a), Kind::Bool(b)) => Some(a == b),
        (Kind::Number(a), Kind::Number(b)) => Some(a == b),
        (Kind::String(a), Kind::String(b)) => Some(a == b),
        (Kind::List(x, _), Kind::List(y, _)) | (Kind::Set(x, _), Kind::Set(y, _)) if x != y => Some(false),
        (Kind::Map(x, _), Kind::Map(y, _)) if x != y => Some(false),
        (Kind::List(..), Kind::List(..)) | (Kind::Set(..), Kind::Set(..)) | (Kind::Tuple(_), Kind::Tuple(_)) => {
            let (a, b) = (a.elements()?, b.elements()?);
            all_equal(a.len() == b.len(), a.iter().zip(b))
        }
        (Kind::Map(..), Kind::Map(..)) | (Kind::Object(_), Kind::Object(_)) => {
            let (a, b) = (a.attributes()?, b.attributes()?);
            all_equal(a.keys().eq(b.keys()), a.values().zip(b.values()))
        }
        _ => Some(false),
    }
}

fn all_equal<'a>(alike: bool, pairs: impl Iterator<Item = (&'a Value, &'a Value)>) -> Option<bool> {
    if !alike {
        return Some(false);
    }
    let answers: Vec<Option<bool>> = pairs.map(|(a, b)| equal(a, b)).collect();
    match answers.contains(&Some(false)) {
        true => Some(false),
        false => answers.iter().all(Option::is_some).then_some(true),
    }
}
