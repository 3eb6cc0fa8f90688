//! Things that need each other: one error that shows every edge with its line.

use std::collections::BTreeMap;

use crate::address::ImageAddress;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::source::Span;

/// One needs another.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Edge {
    /// Who.
    pub from: String,
    /// Whom.
    pub to: String,
    /// Where that is written.
    pub span: Span,
}

/// The error of a circle; its edges in order, the last one leading back to the first.
pub(super) fn error(edges: &[Edge]) -> Diagnostic {
    let mut names: Vec<&str> = edges.iter().map(|edge| edge.from.as_str()).collect();
    names.dedup();
    let summary = match names.as_slice() {
        [one] => format!("{one} needs itself"),
        [one, other] => format!("{one} and {other} need each other"),
        [all @ .., last] => format!("{} and {last} need each other in a circle", all.join(", ")),
        [] => "something needs itself".to_owned(),
    };
    let label = |error: Diagnostic, edge: &Edge| error.label(&edge.span, format!("{} needs {}", edge.from, edge.to));
    edges.iter().fold(Diagnostic::error(summary), label)
}

/// What each image needs, with the place where that is written.
pub(super) type Needs = BTreeMap<ImageAddress, Vec<(ImageAddress, Span)>>;

/// The images in an order in which each comes after those that it needs; an error for every circle.
pub(super) fn order(needs: &Needs, found: &mut Diagnostics) -> Vec<ImageAddress> {
    let mut state: BTreeMap<&ImageAddress, bool> = BTreeMap::new();
    let mut order = Vec::new();
    for start in needs.keys() {
        // Who is being visited, and which of its needs comes next.
        let mut path: Vec<(&ImageAddress, usize)> = Vec::new();
        if !state.contains_key(start) {
            state.insert(start, false);
            path.push((start, 0));
        }
        while let Some((at, next)) = path.last_mut() {
            let Some((to, span)) = needs[*at].get(*next) else {
                state.insert(*at, true);
                order.push((*at).clone());
                path.pop();
                continue;
            };
            *next += 1;
            match (state.get(to), needs.contains_key(to)) {
                (Some(false), _) => found.push(circle(&path, needs, to, span)),
                (None, true) => {
                    state.insert(to, false);
                    path.push((to, 0));
                }
                _ => {}
            }
        }
    }
    order
}

fn circle(path: &[(&ImageAddress, usize)], needs: &Needs, to: &ImageAddress, span: &Span) -> Diagnostic {
    let first = path.iter().position(|(one, _)| *one == to).unwrap_or(0);
    let around = &path[first..];
    let mut edges: Vec<Edge> = around
        .windows(2)
        .filter_map(|pair| {
            let (from, next) = (pair.first()?, pair.get(1)?);
            let (_, span) = &needs[from.0][from.1 - 1];
            Some(Edge {
                from: from.0.to_string(),
                to: next.0.to_string(),
                span: span.clone(),
            })
        })
        .collect();
    let last = around.last().map_or(to, |(last, _)| *last);
    edges.push(Edge {
        from: last.to_string(),
        to: to.to_string(),
        span: span.clone(),
    });
    error(&edges).help("one of them must do without: an image can begin with scratch {} or a file")
}
