//! Plan files: a plan written down, read again, and refused when what it was made from has moved.
//!
//! A file is one line that says what it is, with the SHA-256 of what follows, and the plan as JSON. Equal plans give equal
//! bytes. Sensitive values are not in it; what they are computed from is, and they are put in again by [`reveal`].

use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::observe::World;
use super::{Plan, Standing, assemble};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::Digest;
use crate::host::files;
use crate::lang::value::Value;
use crate::module::Inputs;
use crate::nodes::{Arguments, NodeData};

/// The first line of a plan file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    /// [`super::FORMAT`].
    bake_plan: u32,
    /// The bake that wrote it.
    bake: String,
    /// Of all that follows the line.
    digest: Digest,
}

/// The bytes of a plan file.
pub fn to_bytes(plan: &Plan) -> Vec<u8> {
    let body = serde_json::to_vec(plan).expect("plans have text keys and no failing parts");
    let head = Head {
        bake_plan: plan.format,
        bake: plan.bake.clone(),
        digest: Digest::of(&body),
    };
    let mut bytes = serde_json::to_vec(&head).expect("a head has text keys");
    bytes.push(b'\n');
    bytes.extend(body);
    bytes
}

/// Writes a plan file.
///
/// # Errors
/// Those of the file system.
pub fn write(path: &Path, plan: &Plan) -> Result<(), Diagnostic> {
    Ok(files::replace(path, &to_bytes(plan))?)
}

/// Reads a plan file.
///
/// # Errors
/// Those of the file system; a file that is no plan, of another version, or damaged.
pub fn read(path: &Path) -> Result<Plan, Diagnostic> {
    from_bytes(&files::read(path)?, &path.display().to_string())
}

/// The plan in these bytes, which come from `name`.
///
/// # Errors
/// Bytes that are no plan, of another version, or damaged.
pub fn from_bytes(bytes: &[u8], name: &str) -> Result<Plan, Diagnostic> {
    let again = "make it again: bake plan -out FILE";
    let no_plan = || Diagnostic::error(format!("{name} is no plan file")).help(again);
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or_else(no_plan)?;
    let head: Head = serde_json::from_slice(&bytes[..end]).map_err(|_| no_plan())?;
    if head.bake_plan != super::FORMAT {
        let (theirs, ours) = (head.bake_plan, super::FORMAT);
        return Err(Diagnostic::error(format!("{name} was written by bake {}", head.bake))
            .note(format!("its format is {theirs}, this bake reads {ours}"))
            .help(again));
    }
    let body = &bytes[end + 1..];
    let damaged = |why: String| Diagnostic::error(format!("{name} is damaged")).note(why).help(again);
    if Digest::of(body) != head.digest {
        return Err(damaged("its SHA-256 is not the one in its first line".into()));
    }
    serde_json::from_slice(body).map_err(|why| damaged(why.to_string()))
}

/// What has moved since a plan was made: files, variables, images. Nothing, if it may be applied.
pub fn moved(plan: &Plan, inputs: &Inputs, world: &World) -> Diagnostics {
    let mut moved = changed_files(&plan.inputs, inputs);
    moved.extend(changed_variables(&plan.inputs, inputs));
    moved.extend(changed_images(&plan.world, &assemble::standing(world)));
    moved
}

fn refused(what: String) -> Diagnostic {
    Diagnostic::error(what).help("plan again, look at it, and apply that plan")
}

fn changed_files(planned: &Inputs, now: &Inputs) -> Diagnostics {
    let mut all = Diagnostics::new();
    for (path, digest) in &planned.files {
        let path_shown = path.display();
        match now.files.get(path) {
            Some(is) if is == digest => {}
            Some(_) => all.push(refused(format!("{path_shown} has changed since the plan was made"))),
            None => all.push(refused(format!("{path_shown} is no longer read by the module"))),
        }
    }
    let new = now.files.keys().filter(|path| !planned.files.contains_key(*path));
    all.extend(new.map(|path| refused(format!("{} was not there when the plan was made", path.display()))));
    all
}

fn changed_variables(planned: &Inputs, now: &Inputs) -> Diagnostics {
    let mut all = Diagnostics::new();
    for (name, value) in &planned.variables {
        if now.variables.get(name) != Some(value) {
            all.push(refused(format!(
                "variable {name} had another value when the plan was made"
            )));
        }
    }
    for (name, revision) in &planned.secrets {
        if now.secrets.get(name) != Some(revision) {
            all.push(refused(format!(
                "variable {name} had revision {revision} when the plan was made"
            )));
        }
    }
    all
}

fn changed_images(planned: &[Standing], now: &[Standing]) -> Diagnostics {
    let mut all = Diagnostics::new();
    for was in planned {
        let name = format!("{} release {} ({})", was.address, was.release, was.id);
        let same = |is: &&Standing| is.id == was.id && is.provider == was.provider;
        match now.iter().find(same) {
            None => all.push(refused(format!("{name} is gone since the plan was made"))),
            Some(is) if is != was => all.push(refused(format!("{name} has changed since the plan was made"))),
            Some(_) => {}
        }
    }
    let known = |is: &&Standing| planned.iter().any(|was| was.id == is.id && was.provider == is.provider);
    all.extend(now.iter().filter(|is| !known(is)).map(|is| {
        refused(format!(
            "{} release {} ({}) was made after the plan",
            is.address, is.release, is.id
        ))
    }));
    all
}

/// Puts the values of sensitive variables into a plan that was read from a file; `variables` finds one by its name and
/// revision.
///
/// # Errors
/// A variable that has no value, or another revision.
pub fn reveal(plan: &mut Plan, variables: &dyn Fn(&str, u64) -> Option<Value>) -> Result<(), Diagnostic> {
    for node in &mut plan.nodes {
        let Some(arguments) = arguments(&mut Arc::make_mut(node).data) else {
            continue;
        };
        for argument in arguments.0.values_mut() {
            if let Some(identity) = argument.identity.as_ref().filter(|_| !argument.value.is_wholly_known()) {
                argument.value = identity.resolve_with(&|_, _| None, variables)?.sensitive();
            }
        }
    }
    Ok(())
}

fn arguments(data: &mut NodeData) -> Option<&mut Arguments> {
    match data {
        NodeData::Bootstrap(node) => Some(&mut node.arguments),
        NodeData::BootLoader(node) => Some(&mut node.arguments),
        NodeData::Provision(node) => Some(&mut node.arguments),
        NodeData::Hook(node) => Some(&mut node.arguments),
        _ => None,
    }
}
