//! A table as the reader of JSON sees it: what is an argument, and what a block with how many labels.

use super::{Block, Type};
use crate::lang::syntax::{Blocks, Member, Shape};

/// What stands in a block of this table.
#[derive(Debug, Clone, Copy)]
pub struct Within(pub &'static Block);

/// The blocks of one name, whose tables these are: one, or one for each kind.
#[derive(Debug, Clone)]
pub struct Named(pub Vec<&'static Block>);

impl Shape for Within {
    fn member(&self, name: &str) -> Member<'_> {
        let nested = self.0.blocks.iter().map(|nested| nested.block);
        let tables: Vec<&'static Block> = nested.filter(|block| block.name == name).collect();
        match self.0.argument(name).map(|argument| argument.ty) {
            _ if !tables.is_empty() => Member::Blocks(Box::new(Named(tables))),
            Some(Type::Image | Type::Provider | Type::Addresses | Type::Syntax) => Member::Expression,
            Some(_) => Member::Argument,
            None => Member::Unknown,
        }
    }
}

impl Named {
    /// The table that the first label selects, where there are kinds.
    fn table(&self, labels: &[&str]) -> Option<&'static Block> {
        let fits = |block: &&&'static Block| block.kind.is_none_or(|kind| labels.first() == Some(&kind));
        self.0.iter().find(fits).copied()
    }
}

impl Blocks for Named {
    fn labels(&self, so_far: &[&str]) -> usize {
        let count = |block: &Block| usize::from(block.kind.is_some()) + block.labels.len();
        let most = || self.0.iter().map(|block| count(block)).max().unwrap_or(0);
        self.table(so_far).map_or_else(most, count)
    }

    fn body(&self, labels: &[&str]) -> Box<dyn Shape + '_> {
        Box::new(Within(self.table(labels).unwrap_or(self.0[0])))
    }
}
