//! Where a value that is not known yet will come from.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::functions;
use super::syntax::{Expression, ExpressionKind};
use super::value::Value;
use crate::address::Address;

/// How to get at a value once its node has been opened. Holds no source text and no scope: all that was known when it
/// was made (also what `file()` read) is in it as values.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Term {
    /// An output of a node.
    Output {
        /// The node.
        of: Address,
        /// The name of its output.
        attribute: String,
    },
    /// Computed from values of which at least one is unknown.
    Computed(Box<Expression>),
    /// A sensitive variable, in what stands for a secret where that may not be written down.
    Variable {
        /// Its name.
        name: String,
        /// Its revision.
        revision: u64,
    },
    /// An attribute of a data source that has not been read, or a variable that has no value yet. It stands in no plan.
    Data {
        /// `data.http.key`, `var`
        of: String,
        /// The name of the attribute.
        attribute: String,
    },
    /// A sensitive value that was not written down.
    Withheld,
}

/// Outputs by node and name.
pub type Leaves = BTreeSet<(Address, String)>;

impl Term {
    /// The outputs that it is computed from, each once, in the order of their addresses.
    pub fn leaves(&self) -> Leaves {
        let mut found = Leaves::new();
        self.collect(&mut found);
        found
    }

    pub(super) fn size(&self) -> (usize, usize) {
        let (mut weight, mut depth) = (1_usize, 1);
        if let Term::Computed(expression) = self {
            expression.each_value(&mut |value| {
                let (more, deeper) = value.term_size();
                weight = weight.saturating_add(more);
                depth = depth.max(deeper + 1);
            });
        }
        (weight, depth)
    }

    fn collect(&self, found: &mut Leaves) {
        match self {
            Term::Output { of, attribute } => {
                found.insert((of.clone(), attribute.clone()));
            }
            Term::Computed(expression) => expression.each_value(&mut |value| value.collect_leaves(found)),
            Term::Variable { .. } | Term::Data { .. } | Term::Withheld => {}
        }
    }
}

impl Value {
    /// The function by which it changes each time (`timestamp`), if it does: then only apply can say what it is.
    pub fn volatile(&self) -> Option<&'static str> {
        match self.term() {
            Some(Term::Computed(expression)) => volatile_call(expression),
            Some(_) => None,
            None => self.children().find_map(Value::volatile),
        }
    }

    /// The node outputs that this value waits for, in it or in its elements.
    pub fn leaves(&self) -> Leaves {
        let mut found = Leaves::new();
        self.collect_leaves(&mut found);
        found
    }

    fn collect_leaves(&self, found: &mut Leaves) {
        if let Some(term) = self.term() {
            term.collect(found);
        }
        self.children().for_each(|child| child.collect_leaves(found));
    }
}

fn volatile_call(expression: &Expression) -> Option<&'static str> {
    let mut found = match &expression.kind {
        ExpressionKind::Value(value) => value.volatile(),
        ExpressionKind::Call { name, .. } => functions::find(name)
            .filter(|one| one.is_volatile())
            .map(|one| one.name),
        _ => None,
    };
    expression.each_child(&mut |child| found = found.or_else(|| volatile_call(child)));
    found
}

impl Term {
    /// The attribute of a data source that has not been read: `data.http.key.body`.
    fn unread(&self) -> Option<String> {
        match self {
            Term::Data { of, attribute } => Some(format!("{of}.{attribute}")),
            Term::Computed(expression) => {
                let mut found = None;
                expression.each_value(&mut |value| found = found.take().or_else(|| value.unread()));
                found
            }
            _ => None,
        }
    }
}

impl Value {
    /// What of a data source it waits for that has not been read.
    pub fn unread(&self) -> Option<String> {
        let own = self.term().and_then(Term::unread);
        own.or_else(|| self.children().find_map(Value::unread))
    }
}

/// What it waits for: `image.base.volume["root"].device`, several with commas.
impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(unread) = self.unread() {
            return f.write_str(&unread);
        }
        let leaves = self.leaves();
        if leaves.is_empty() {
            return f.write_str("a sensitive value");
        }
        let all: Vec<String> = leaves.iter().map(|(of, name)| format!("{of}.{name}")).collect();
        f.write_str(&all.join(", "))
    }
}
