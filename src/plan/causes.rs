//! What of an image's content differs from a release that stands, step by step, and why.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::compare::Change;
use super::{Cause, StepChange, StepPlan, written};
use crate::graph::{Compiled, ContentNode};
use crate::nodes::Node;
use crate::providers::manifest::{BuiltNode, Manifest};
use crate::spec::Source;

/// The content nodes of an image as a plan shows them: all but where its volumes come from.
pub fn steps(compiled: &Compiled, before: Option<&Manifest>) -> Vec<StepPlan> {
    let old = by_name(before);
    let moved = moved(compiled, before);
    let mut steps: Vec<StepPlan> = Vec::new();
    for content in shown(compiled) {
        let name = content.name();
        let change = match old.get(name.as_str()) {
            None => StepChange::Added,
            Some(old) if old.content != content.content => StepChange::Changed,
            Some(_) if moved.contains(&name) => StepChange::Moved,
            Some(old) if old.digest != content.digest => StepChange::Again,
            Some(_) => StepChange::Same,
        };
        let node = node_of(compiled, content);
        steps.push(StepPlan {
            took: old.get(name.as_str()).and_then(|old| old.took),
            name,
            summary: node.map(|node| node.summary.clone()).unwrap_or_default(),
            change,
            span: node.and_then(|node| node.span.clone()),
        });
    }
    steps.extend(removed(compiled, before).map(|old| StepPlan {
        name: old.name.clone(),
        summary: String::new(),
        change: StepChange::Removed,
        span: None,
        took: old.took,
    }));
    steps
}

/// Why the content differs, in the order of the steps: first the base, then each step that is not as it was.
pub fn causes(compiled: &Compiled, before: &Manifest, changes: &[Change]) -> Vec<Cause> {
    let old = by_name(Some(before));
    let mut causes = Vec::new();
    causes.extend(source_cause(compiled, &old));
    let of_image = changes
        .iter()
        .filter(|change| !change.path.contains('.') && change.class.is_content());
    causes.extend(of_image.map(|change| Cause::Content {
        node: change.path.clone(),
        what: change.in_words(),
        span: written::place(&compiled.spec.object, &change.path).or_else(|| Some(compiled.spec.span.clone())),
    }));
    causes.extend(shown(compiled).filter_map(|content| step_cause(compiled, content, &old, changes)));
    causes.extend(removed(compiled, Some(before)).map(|old| Cause::Content {
        node: old.name.clone(),
        what: "removed".into(),
        span: None,
    }));
    causes.extend(moved(compiled, Some(before)).into_iter().map(|node| {
        let content = shown(compiled).find(|content| content.name() == node);
        let span = content.and_then(|content| node_of(compiled, content)?.span.clone());
        Cause::Content {
            node,
            what: "moved".into(),
            span,
        }
    }));
    causes
}

fn by_name(manifest: Option<&Manifest>) -> BTreeMap<&str, &BuiltNode> {
    manifest
        .into_iter()
        .flat_map(|manifest| &manifest.nodes)
        .map(|node| (node.name.as_str(), node))
        .collect()
}

fn shown(compiled: &Compiled) -> impl Iterator<Item = &ContentNode> {
    compiled.content.iter().filter(|content| !is_origin(&content.name()))
}

fn is_origin(name: &str) -> bool {
    name.starts_with("volume[")
}

fn removed<'a>(compiled: &'a Compiled, before: Option<&'a Manifest>) -> impl Iterator<Item = &'a BuiltNode> {
    let old = before
        .into_iter()
        .flat_map(|manifest| &manifest.nodes)
        .filter(|old| !is_origin(&old.name));
    old.filter(|old| !compiled.content.iter().any(|content| content.name() == old.name))
}

fn node_of<'a>(compiled: &'a Compiled, content: &ContentNode) -> Option<&'a Node> {
    compiled
        .nodes
        .iter()
        .find(|node| node.address == content.address)
        .map(Arc::as_ref)
}

/// Whether the volumes come from somewhere else, or from something that has other content now.
fn source_cause(compiled: &Compiled, old: &BTreeMap<&str, &BuiltNode>) -> Option<Cause> {
    let origins: Vec<_> = compiled
        .content
        .iter()
        .filter(|content| is_origin(&content.name()))
        .collect();
    let same = |content: &&ContentNode| {
        old.get(content.name().as_str())
            .is_some_and(|old| old.content == content.content)
    };
    let count = old.keys().filter(|name| is_origin(name)).count();
    if origins.len() == count && origins.iter().all(same) {
        return None;
    }
    let span = compiled.spec.source.span().unwrap_or(&compiled.spec.span).clone();
    Some(match &compiled.spec.source {
        Source::Image(base) if count > 0 => Cause::Base {
            image: base.value.clone(),
        },
        _ => Cause::Content {
            node: "source".into(),
            what: "changed".into(),
            span: Some(span),
        },
    })
}

fn step_cause(
    compiled: &Compiled,
    content: &ContentNode,
    old: &BTreeMap<&str, &BuiltNode>,
    changes: &[Change],
) -> Option<Cause> {
    let name = content.name();
    let before = old.get(name.as_str());
    if before.is_some_and(|before| before.content == content.content) {
        return None;
    }
    let block = block_of(&name);
    let own = changes
        .iter()
        .find(|change| change.class.is_content() && change.lies_in(&block));
    if own.is_none() && before.is_some_and(|before| before.recipe != content.recipe) {
        return Some(Cause::Recipe { node: name });
    }
    let what = match (before, own) {
        (None, _) => "added".to_owned(),
        (_, Some(change)) => change.in_words(),
        _ => "changed".to_owned(),
    };
    // Of a step that is new all of it is the cause; else the first argument that differs.
    let argument = own.filter(|_| before.is_some());
    let argument = argument.and_then(|change| written::place(&compiled.spec.object, &change.path));
    Some(Cause::Content {
        node: name,
        what,
        span: argument.or_else(|| node_of(compiled, content)?.span.clone()),
    })
}

/// The block from which a node comes: `volume["root"]` for `partitions["root"]`.
pub fn block_of(node: &str) -> String {
    let second = node
        .strip_suffix("\"]")
        .and_then(|node| node.strip_prefix("hook")?.rsplit_once('/'));
    match (node.strip_prefix("partitions"), second) {
        (Some(rest), _) => format!("volume{rest}"),
        (_, Some((point, number))) => format!("hook{point}\"]/{number}"),
        _ => node.to_owned(),
    }
}

/// Steps that stood there before and stand in another place among the others now: as few of them as explain the order.
fn moved(compiled: &Compiled, before: Option<&Manifest>) -> BTreeSet<String> {
    let old: Vec<&str> = before
        .into_iter()
        .flat_map(|manifest| &manifest.nodes)
        .map(|node| node.name.as_str())
        .collect();
    let known: BTreeSet<&str> = old.iter().copied().collect();
    let new: Vec<String> = shown(compiled)
        .map(ContentNode::name)
        .filter(|name| known.contains(name.as_str()))
        .collect();
    let kept: BTreeSet<&str> = new.iter().map(String::as_str).collect();
    let old: Vec<&str> = old.into_iter().filter(|name| kept.contains(name)).collect();
    let new: Vec<&str> = new.iter().map(String::as_str).collect();
    if old == new {
        return BTreeSet::new();
    }
    let inserted = |part: &similar::DiffOp| match part.tag() {
        similar::DiffTag::Insert | similar::DiffTag::Replace => part.new_range(),
        _ => 0..0,
    };
    let parts = similar::capture_diff_slices(similar::Algorithm::Myers, &old, &new);
    parts.iter().flat_map(inserted).map(|at| new[at].to_owned()).collect()
}
