//! Plan files: a plan written down, read again, and refused when what it was made from has moved.
//!
//! A file is one line that says what it is, with the SHA-256 of what follows, and the plan as JSON. Equal plans give equal
//! bytes. Sensitive values are not in it; what they are computed from is, and they are put in again by [`reveal`].

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::observe::World;
use super::{Plan, Standing, assemble, place};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::Digest;
use crate::host::{HostError, files};
use crate::lang::value::Value;
use crate::module::{self, Inputs};

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
    let body = serde_json::to_vec(&place::without(plan)).expect("plans have text keys and no failing parts");
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

/// How a plan file begins, whatever its format.
const BEGINNING: &[u8] = b"{\"bake_plan\":";

/// Whether a plan may be written here.
///
/// # Errors
/// A file that is there and no plan; a name that modules read.
pub fn check_place(path: &Path) -> Result<(), Diagnostic> {
    module::check_output(path)?;
    let holds_something = std::fs::metadata(path).is_ok_and(|old| old.is_file() && old.len() > 0);
    if holds_something && !files::begins_with(path, BEGINNING) {
        let error = Diagnostic::error(format!("{} is there already, and no plan file", path.display()));
        return Err(error.help("choose another name, or remove it"));
    }
    Ok(())
}

/// Writes a plan file, over an older one too; answers the SHA-256 of the file, by which it can be approved.
///
/// # Errors
/// Those of [`check_place`] and of the file system.
pub fn write(path: &Path, plan: &Plan) -> Result<Digest, Diagnostic> {
    check_place(path)?;
    let bytes = to_bytes(plan);
    files::replace(path, &bytes)?;
    Ok(Digest::of(&bytes))
}

/// Reads a plan file, which must have this SHA-256 if one is given (`-expect`). Its module is that of the working directory.
///
/// # Errors
/// Those of the file system; a file that is no plan, of a newer version, damaged, or not the one that is expected.
pub fn read(path: &Path, expected: Option<&Digest>) -> Result<Plan, Diagnostic> {
    let bytes = files::read(path)?;
    let name = path.display().to_string();
    if let Some(expected) = expected {
        let is = Digest::of(&bytes);
        if is != *expected {
            return Err(Diagnostic::error(format!("{name} is not the plan that is expected"))
                .note(format!("expected {expected}"))
                .note(format!("it is     {is}"))
                .help("look at it with bake show, and expect the digest of the plan that you approve"));
        }
    }
    let mut plan = from_bytes(&bytes, &name)?;
    let directory = std::env::current_dir().map_err(|error| HostError::of_io("find the working directory", error))?;
    place::within(&mut plan, &directory);
    Ok(plan)
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
    let (theirs, ours) = (head.bake_plan, super::FORMAT);
    if theirs > ours || theirs == 0 {
        let (by, this) = (&head.bake, env!("CARGO_PKG_VERSION"));
        return Err(Diagnostic::error(format!(
            "{name} was written by bake {by}, which is newer than this bake {this}"
        ))
        .note(format!("its format is {theirs}; this bake reads 1 to {ours}"))
        .help(format!("apply it with bake {by}, or {again}")));
    }
    let body = &bytes[end + 1..];
    let damaged = |why: String| Diagnostic::error(format!("{name} is damaged")).note(why).help(again);
    if Digest::of(body) != head.digest {
        return Err(damaged("its SHA-256 is not the one in its first line".into()));
    }
    let plan: Plan = serde_json::from_slice(body).map_err(|why| damaged(why.to_string()))?;
    match plan.format == theirs {
        true => Ok(plan),
        false => Err(damaged(format!(
            "its first line says format {theirs}, and what follows is format {}",
            plan.format
        ))),
    }
}

/// What has moved since a plan was made: files, variables, images. Nothing, if it may be applied.
pub fn moved(plan: &Plan, inputs: &Inputs, world: &World) -> Diagnostics {
    let mut moved = changed_files(&plan.inputs, inputs);
    moved.extend(changed_looks(&plan.inputs, inputs));
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

fn changed_looks(planned: &Inputs, now: &Inputs) -> Diagnostics {
    let changed = planned.looks.iter().filter(|look| !now.looks.contains(look));
    let said = changed.map(|look| match look.pattern {
        Some(_) => refused(format!(
            "there are other files {} than when the plan was made",
            look.shown()
        )),
        None => refused(format!(
            "whether there is a file {} has changed since the plan was made",
            look.shown()
        )),
    });
    said.collect()
}

fn changed_variables(planned: &Inputs, now: &Inputs) -> Diagnostics {
    let mut all = Diagnostics::new();
    for (name, value) in &planned.variables {
        match now.variables.get(name) {
            Some(is) if is == value => {}
            Some(is) => all.push(refused(format!(
                "variable {name} is {is} now, and was {value} when the plan was made"
            ))),
            None => all.push(refused(format!("variable {name} is no longer declared"))),
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
        let name = named(was);
        let same = |is: &&Standing| is.id == was.id && is.provider == was.provider;
        match now.iter().find(same) {
            None => all.push(refused(format!("{name} is gone since the plan was made"))),
            Some(is) => {
                all.extend(what_changed(was, is).map(|what| refused(format!("{name}: {what} since the plan was made"))))
            }
        }
    }
    let known = |is: &&Standing| planned.iter().any(|was| was.id == is.id && was.provider == is.provider);
    all.extend(
        now.iter()
            .filter(|is| !known(is))
            .map(|is| refused(format!("{} was made after the plan", named(is)))),
    );
    all
}

/// `image.web release 3 (img-12, local)`
fn named(image: &Standing) -> String {
    format!(
        "{} release {} ({}, {})",
        image.address, image.release, image.id, image.provider
    )
}

/// What of an image is not as it was: `its tags have changed`.
fn what_changed(was: &Standing, is: &Standing) -> Option<String> {
    if was.digest != is.digest || was.release != is.release || was.address != is.address {
        return Some("it has become another release".to_owned());
    }
    if was.state == is.state {
        return None;
    }
    let names: BTreeSet<&String> = was.parts.keys().chain(is.parts.keys()).collect();
    let differ = names
        .into_iter()
        .filter(|name| was.parts.get(*name) != is.parts.get(*name));
    let differ: Vec<&str> = differ.map(String::as_str).collect();
    Some(match differ.is_empty() || was.parts.is_empty() {
        true => "something of it has changed".to_owned(),
        false => format!("its {} changed", differ.join(" and ")),
    })
}

/// Puts the values of sensitive variables into a plan that was read from a file; `variables` finds one by its name and
/// revision.
///
/// # Errors
/// A variable that has no value, or another revision.
pub fn reveal(plan: &mut Plan, variables: &dyn Fn(&str, u64) -> Option<Value>) -> Result<(), Diagnostic> {
    for node in &mut plan.nodes {
        let Some(arguments) = place::arguments_mut(&mut Arc::make_mut(node).data) else {
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
