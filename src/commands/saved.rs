//! Plan files: read to be applied, or refused because something has moved since.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::plan::PlanArguments;
use super::session;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::Digest;
use crate::host::files;
use crate::lang::Value;
use crate::module::{self, Glance, Inputs, LoadOptions};
use crate::plan::observe::observe;
use crate::plan::{self, Plan};
use crate::providers;
use crate::ui::Terminal;

/// The plan in a file, whole again: with the secret variables that it does not hold, which are returned too.
///
/// # Errors
/// A file that is no plan; all that has moved since it was made; a secret that has no value.
pub fn read(
    file: &Path,
    expected: Option<&Digest>,
    planning: &PlanArguments,
    terminal: &Arc<Terminal>,
) -> Result<(Plan, Vec<Value>), Diagnostics> {
    let mut plan = plan::file::read(file, expected)?;
    let workspace = planning.module.workspace.as_ref();
    if let Some(other) = workspace.filter(|asked| **asked != plan.owner.workspace) {
        let error = Diagnostic::error(format!(
            "the plan is of workspace {}, and {other} was asked for",
            plan.owner.workspace
        ));
        return Err(error
            .help("plan again in that workspace, or leave -workspace and BAKE_WORKSPACE out")
            .into());
    }
    let providers = providers::open(
        &plan.providers,
        &session::contact(terminal, planning.input, session::saying(terminal)),
    )?;
    let world = session::runtime()?
        .block_on(observe(&plan.owner, &providers))
        .map_err(Diagnostic::from)?;
    let now = planning.module.with_options(terminal, false, |options| {
        let directory = plan.inputs.directory.clone();
        inputs_now(&plan.inputs, &LoadOptions { directory, ..options })
    })?;
    let moved = plan::file::moved(&plan, &now, &world);
    if moved.has_errors() {
        return Err(moved);
    }
    let secrets = planning.module.with_options(terminal, planning.input, |options| {
        let options = module::LoadOptions {
            directory: plan.inputs.directory.clone(),
            ..options
        };
        module::secrets(&options, &plan.inputs.secrets)
    })?;
    plan::file::reveal(&mut plan, &|name, _| secrets.get(name).cloned())?;
    Ok((plan, secrets.into_values().collect()))
}

/// What the plan was made from, as it is now. The module is not evaluated again: a variable has the value of the plan unless
/// another is given.
///
/// # Errors
/// A directory in which none of the plan's files stands; values for variables that cannot be read.
fn inputs_now(planned: &Inputs, options: &LoadOptions<'_>) -> Result<Inputs, Diagnostics> {
    let digest = |path: &Path| {
        files::read(&planned.directory.join(path))
            .ok()
            .map(|bytes| Digest::of(&bytes))
    };
    let found = planned
        .files
        .keys()
        .filter_map(|path| Some((path.clone(), digest(path)?)));
    let mut files: BTreeMap<PathBuf, Digest> = found.collect();
    if files.is_empty() && !planned.files.is_empty() {
        return Err(elsewhere(planned).into());
    }
    let glance = module::glance(options)?;
    let others = other_values(planned, &glance);
    files.extend(glance.files);
    match others.has_errors() {
        true => Err(others),
        false => Ok(Inputs {
            files,
            looks: planned
                .looks
                .iter()
                .filter_map(|look| look.again(&planned.directory))
                .collect(),
            ..planned.clone()
        }),
    }
}

/// Variables that are given another value than the plan was made with.
fn other_values(planned: &Inputs, now: &Glance) -> Diagnostics {
    let differs = |(name, (is, by)): (&String, &(serde_json::Value, String))| {
        let was = planned.variables.get(name).filter(|was| *was != is)?;
        let error = Diagnostic::error(format!("variable {name} is not what it was when the plan was made"));
        let error = error
            .note(format!("the plan has {was}"))
            .note(format!("{by} gives {is}"));
        Some(error.help("plan again, look at it, and apply that plan"))
    };
    now.given.iter().filter_map(differs).collect()
}

fn elsewhere(planned: &Inputs) -> Diagnostic {
    Diagnostic::error("the plan is not of the module in this directory")
        .note(format!(
            "none of the files that it was made from is in {}",
            planned.directory.display()
        ))
        .help("run it where the module is, such as with bake -chdir=DIR apply FILE")
}
