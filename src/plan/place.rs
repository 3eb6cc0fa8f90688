//! Where the paths of a plan are taken from. In memory they are absolute; in a plan file they are relative to the directory
//! of the module, so that two clones of one repository write the same bytes, and one may apply what the other planned.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Plan;
use crate::lang::value::Value;
use crate::nodes::volume::Origin;
use crate::nodes::{Arguments, NodeData};

/// Stands for the directory of the module.
const HERE: &str = ".";

/// The plan with paths below the directory of its module made relative to it; others stay as they are.
pub fn without(plan: &Plan) -> Plan {
    let mut plan = plan.clone();
    let directory = std::mem::replace(&mut plan.inputs.directory, PathBuf::from(HERE));
    each_path(&mut plan, &|path| {
        path.strip_prefix(&directory).ok().map(Path::to_owned)
    });
    plan
}

/// Takes relative paths from this directory; absolute ones stay as they are, as they do in plans of format 1.
pub fn within(plan: &mut Plan, directory: &Path) {
    plan.inputs.directory = match plan.inputs.directory == Path::new(HERE) {
        true => directory.to_owned(),
        false => directory.join(&plan.inputs.directory),
    };
    let directory = plan.inputs.directory.clone();
    each_path(plan, &|path| path.is_relative().then(|| directory.join(path)));
}

/// Puts another path in the place of each that this answers one for.
fn each_path(plan: &mut Plan, change: &dyn Fn(&Path) -> Option<PathBuf>) {
    let mut replace = |path: &mut PathBuf| {
        if let Some(other) = change(path) {
            *path = other;
        }
    };
    plan.providers
        .iter_mut()
        .filter_map(|one| one.store.as_mut())
        .for_each(&mut replace);
    for node in plan.nodes.iter_mut().filter(|node| has_paths(&node.data)) {
        let data = &mut Arc::make_mut(node).data;
        if let NodeData::Volume(volume) = data
            && let Origin::File { path, .. } = &mut volume.origin
        {
            replace(path);
        }
        let files = arguments_mut(data).into_iter().flat_map(|all| all.0.values_mut());
        files
            .flat_map(|one| &mut one.files)
            .for_each(|file| replace(&mut file.absolute));
    }
}

fn has_paths(data: &NodeData) -> bool {
    match data {
        NodeData::Volume(volume) => matches!(volume.origin, Origin::File { .. }),
        data => arguments(data).is_some_and(|all| all.0.values().any(|one| !one.files.is_empty())),
    }
}

/// What is sensitive in the arguments of steps, hooks and bootstraps, wherever it came from: a variable, a data source, or
/// `sensitive()` around the content of a file. It is what steps are given, so it is what they could show.
pub fn secrets(plan: &Plan) -> Vec<Value> {
    let arguments = plan.nodes.iter().filter_map(|node| arguments(&node.data));
    let mut all = Vec::new();
    for argument in arguments.flat_map(|all| all.0.values()) {
        gather(&argument.value, &mut all);
    }
    all
}

fn gather(value: &Value, all: &mut Vec<Value>) {
    match value.is_sensitive() {
        true if value.is_wholly_known() => all.push(value.clone()),
        _ => value.children().for_each(|child| gather(child, all)),
    }
}

/// The arguments of a node that acts on what was written.
pub(super) fn arguments(data: &NodeData) -> Option<&Arguments> {
    match data {
        NodeData::Bootstrap(node) => Some(&node.arguments),
        NodeData::BootLoader(node) => Some(&node.arguments),
        NodeData::Provision(node) => Some(&node.arguments),
        NodeData::Hook(node) => Some(&node.arguments),
        _ => None,
    }
}

/// The same, to be changed.
pub(super) fn arguments_mut(data: &mut NodeData) -> Option<&mut Arguments> {
    match data {
        NodeData::Bootstrap(node) => Some(&mut node.arguments),
        NodeData::BootLoader(node) => Some(&mut node.arguments),
        NodeData::Provision(node) => Some(&mut node.arguments),
        NodeData::Hook(node) => Some(&mut node.arguments),
        _ => None,
    }
}
