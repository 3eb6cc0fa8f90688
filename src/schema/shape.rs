//! A table as the reader of JSON sees it: what is an argument, and what a block with how many labels.

use super::{Block, Type, dynamic};
use crate::lang::syntax::{Blocks, Member, Shape};

/// What stands in a block of this table.
#[derive(Debug, Clone, Copy)]
pub struct Within(pub &'static Block);

/// The blocks of one name, whose tables these are: one, or one for each kind.
#[derive(Debug, Clone)]
pub struct Named(pub Vec<&'static Block>);

impl Shape for Within {
    fn member(&self, name: &str) -> Member<'_> {
        member(self.0, name)
    }
}

fn member(table: &'static Block, name: &str) -> Member<'static> {
    let nested = table.blocks.iter().map(|nested| nested.block);
    let tables: Vec<&'static Block> = nested.filter(|block| block.name == name).collect();
    match table.argument(name).map(|argument| argument.ty) {
        _ if !tables.is_empty() => Member::Blocks(Box::new(Named(tables))),
        Some(Type::Image | Type::Provider | Type::Addresses | Type::Syntax) => Member::Expression,
        Some(_) => Member::Argument,
        None if name == dynamic::NAME && !table.blocks.is_empty() => Member::Blocks(Box::new(Dynamic(table))),
        None => Member::Unknown,
    }
}

/// `dynamic` blocks in a block of this table: `{"dynamic": {"provision": {...}}}`.
struct Dynamic(&'static Block);

impl Blocks for Dynamic {
    fn labels(&self, _: &[&str]) -> usize {
        dynamic::BLOCK.labels.len()
    }

    fn body(&self, labels: &[&str]) -> Box<dyn Shape + '_> {
        let nested = self.0.blocks.iter().map(|nested| nested.block);
        let made = nested.filter(|block| labels.first() == Some(&block.name));
        Box::new(Content(made.collect()))
    }
}

/// What stands in a `dynamic` block, and in its `content`: the label that tells the kind of block is not known yet, so
/// what a kind takes any may take.
#[derive(Clone)]
struct Content(Vec<&'static Block>);

impl Shape for Content {
    fn member(&self, name: &str) -> Member<'_> {
        match name {
            "content" => Member::Blocks(Box::new(Inside(&self.0))),
            _ => member(&dynamic::BLOCK, name),
        }
    }
}

struct Inside<'a>(&'a [&'static Block]);

impl Blocks for Inside<'_> {
    fn labels(&self, _: &[&str]) -> usize {
        0
    }

    fn body(&self, _: &[&str]) -> Box<dyn Shape + '_> {
        Box::new(Inside(self.0))
    }
}

impl Shape for Inside<'_> {
    fn member(&self, name: &str) -> Member<'_> {
        let mut members = self.0.iter().map(|block| member(block, name));
        let known = members.find(|member| !matches!(member, Member::Unknown));
        known.unwrap_or(Member::Unknown)
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
