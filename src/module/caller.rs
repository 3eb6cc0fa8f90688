//! The variables of a module that is called: each is computed when it is first asked for, from what the `module` block gives
//! it, so that two modules may need outputs of each other as long as no value needs itself.

#[cfg(test)]
mod tests;

use std::rc::Weak;

use super::blocks::MODULE;
use super::given::Given;
use super::names::{Item, Names};
use super::tree::{Read, validate};
use super::variables::{self, Variable};
use super::within::Within;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::syntax::{Attribute, Block as Written};
use crate::lang::{Term, Type, Value};
use crate::source::Span;

/// The `module` block by which a module is called.
pub(super) struct Caller<'a> {
    /// Of the module in which the block stands; they outlive those of the module that it calls.
    pub names: Weak<Names<'a>>,
    pub written: &'a Written,
    /// The module that is called.
    pub read: &'a Read,
    /// Key and value under `for_each`.
    pub each: Option<(String, Value)>,
}

impl<'a> Caller<'a> {
    /// What the block gives to variables, declared or not.
    fn arguments(&self) -> impl Iterator<Item = &'a Attribute> {
        let all = self.written.body.attributes.iter();
        all.filter(|attribute| MODULE.argument(&attribute.name.value).is_none())
    }

    /// What is given to variables that the module does not have.
    fn superfluous(&self) -> impl Iterator<Item = &'a Attribute> {
        let declared = &self.read.declared.variables;
        self.arguments()
            .filter(|attribute| !declared.contains_key(&attribute.name.value))
    }

    /// An error for each of those, unless what is not declared may stand in a file that could not be read.
    pub fn undeclared(&self) -> Diagnostics {
        let complete = self.read.unreadable.is_none();
        let all = self.superfluous().filter(|_| complete);
        let error =
            |one: &Attribute| variables::undeclared_input(&one.name.value, &one.value.span, &self.read.declared);
        all.map(error).collect()
    }

    /// The value of an argument, as the calling module sees it.
    fn evaluate(&self, attribute: &Attribute) -> Result<Value, Diagnostics> {
        let names = self
            .names
            .upgrade()
            .expect("whoever asks a called module holds its caller");
        let within = Within {
            each: self.each.as_ref(),
            ..names.at_top()
        };
        within.evaluate(&attribute.value)
    }

    /// A variable with what the block gives it.
    fn variable(&self, stand_in: bool, name: &str, found: &mut Diagnostics) -> Result<Variable, Diagnostics> {
        let attribute = self.arguments().find(|attribute| attribute.name.value == name);
        let given = match attribute {
            None => None,
            Some(attribute) => {
                let value = match stand_in && self.read.is_ephemeral(name) {
                    // It may hold what is ephemeral: in what is kept it stands nowhere itself.
                    true => Value::unknown(Type::Any, Term::Withheld),
                    false => self.evaluate(attribute)?,
                };
                let span = attribute.value.span.clone();
                Some(Given::Value { value, span })
            }
        };
        let declared = &self.read.declared.variables[name];
        Ok(variables::of_call(name, declared, given, &self.written.span, found))
    }
}

impl<'a> Names<'a> {
    /// The value of a declared variable. While it is looked at whether that holds what it must, it is the value as it is.
    ///
    /// # Errors
    /// What is wrong with it, or that it needs itself; [`Names::take_found`] also has it.
    pub fn variable(&self, name: &str, asked: &Span) -> Result<Value, Diagnostic> {
        if let Some(known) = self.variables.borrow().get(name) {
            return known.clone();
        }
        let item = Item::Variable(name.to_owned());
        let computed = self.compute(item.clone(), asked, || self.input(name));
        if let Some(computed) = &computed {
            self.variables.borrow_mut().insert(name.to_owned(), computed.clone());
        }
        computed.unwrap_or_else(|| Err(self.circle(&item, asked)))
    }

    /// What the calling module gives to a variable, converted and validated.
    fn input(&self, name: &str) -> Result<Value, Diagnostics> {
        let caller = self
            .caller
            .as_ref()
            .expect("the variables of a module that nobody calls are all there");
        let mut found = Diagnostics::new();
        let variable = caller.variable(self.stand_in, name, &mut found)?;
        if self.stand_in {
            return Ok(variable.identity(&self.path.of(name))?);
        }
        found.extend(variable.value.as_ref().err().cloned());
        let Some(value) = variable.value.as_ref().ok().filter(|_| !found.has_errors()) else {
            return Err(found);
        };
        self.add_found(found);
        if variable.sensitive && !variable.ephemeral {
            let secret = (value.clone(), variable.revision);
            self.secrets.borrow_mut().insert(self.path.of(name), secret);
        }
        self.variables.borrow_mut().insert(name.to_owned(), Ok(value.clone()));
        validate(self, name, &variable)?;
        Ok(value.clone())
    }

    /// Whether a variable has a value in `plain` and none here, where things are kept: it is given what is ephemeral.
    pub fn withholds_more_than(&self, plain: &Names<'a>) -> bool {
        let (here, plain) = (self.variables.borrow(), plain.variables.borrow());
        let mut broken = here.iter().filter(|(_, value)| value.is_err());
        broken.any(|(name, _)| plain.get(name).is_none_or(Result::is_ok))
    }

    /// Computes every variable of all modules that are called, whether it is used or not, and what is given to none.
    pub fn evaluate_inputs(&self) {
        if let Some(caller) = &self.caller {
            for name in self.declared.variables.keys() {
                let _ = self.variable(name, &caller.written.span);
            }
            let wrong = caller.superfluous().filter_map(|one| caller.evaluate(one).err());
            wrong.for_each(|errors| self.add_found(errors));
        }
        self.called().iter().for_each(|below| below.evaluate_inputs());
    }
}
