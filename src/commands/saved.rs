//! Plan files: read to be applied, or refused because something has moved since.

use std::path::Path;
use std::sync::Arc;

use super::plan::PlanArguments;
use super::session;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::Digest;
use crate::lang::Value;
use crate::module::{self, Inputs};
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
    planning: &PlanArguments,
    terminal: &Arc<Terminal>,
) -> Result<(Plan, Vec<Value>), Diagnostics> {
    let mut plan = plan::file::read(file)?;
    let providers = providers::open(&plan.providers)?;
    let world = session::runtime()?
        .block_on(observe(&plan.owner, &providers))
        .map_err(Diagnostic::from)?;
    let moved = plan::file::moved(&plan, &inputs_now(&plan.inputs), &world);
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

/// What the plan was made from, as it is now. The module is not evaluated again: the variables are those of the plan.
fn inputs_now(planned: &Inputs) -> Inputs {
    let digest = |path: &Path| {
        std::fs::read(planned.directory.join(path))
            .ok()
            .map(|bytes| Digest::of(&bytes))
    };
    let files = planned
        .files
        .keys()
        .filter_map(|path| Some((path.clone(), digest(path)?)));
    Inputs {
        files: files.collect(),
        ..planned.clone()
    }
}
