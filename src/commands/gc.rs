//! `bake gc`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use super::apply::BAKE_DIRECTORY;
use super::confirm;
use super::exit::Exit;
use super::session::{ModuleArguments, Session};
use crate::apply::{self, Debris};
use crate::diagnostic::Diagnostics;
use crate::host::machine;
use crate::module::Module;
use crate::providers::{Leftover, Publication, Resource};
use crate::spec::ProviderKey;
use crate::ui::Terminal;
use crate::ui::table::table;
use crate::units::Duration;

/// Remove volumes and snapshots that dead runs left
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Remove volumes and snapshots of this project that dead runs left, in every workspace, and what copies left in \
                  other regions, after showing them. What a running bake works on stays. What another host left is taken only when it is old.",
    after_help = "\
bake gc
bake gc -older-than 7d
bake gc -auto-approve"
)]
pub struct Args {
    /// From which age the leftovers of other hosts are taken.
    #[arg(long, value_name = "TIME", default_value = "24h")]
    older_than: Duration,
    /// Do not ask.
    #[arg(long)]
    auto_approve: bool,
    #[command(flatten)]
    module: ModuleArguments,
}

impl Args {
    /// Lists, asks, removes.
    pub fn run(self, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        let session = Session::open(&self.module, terminal)?;
        let directory = Path::new(BAKE_DIRECTORY);
        let project = &session.module.owner.project;
        let all = session.runtime.block_on(apply::debris(
            &session.providers,
            directory,
            project,
            None,
            &regions(&session.module),
        ))?;
        if all.is_empty() {
            terminal.say(&format!("Nothing is left over of project {project}."));
            return Ok(Exit::Done);
        }
        terminal.data(&self.list(&all));
        let dead: Vec<_> = all.iter().filter(|one| self.stays(one).is_none()).collect();
        if dead.is_empty() {
            return Ok(Exit::Done);
        }
        let question = format!("\nRemove {} of them? Only \"yes\" will do: ", dead.len());
        if !confirm::asked(terminal, self.auto_approve, true, &question)? {
            return Ok(Exit::Failed);
        }
        for one in dead {
            let removed = session
                .runtime
                .block_on(apply::remove(&session.providers, directory, one))?;
            let what = if removed {
                "removed"
            } else {
                "kept: somebody works on its image now"
            };
            terminal.say(&format!("{}: {what}", name(&one.leftover)));
        }
        Ok(Exit::Done)
    }

    fn list(&self, all: &[Debris]) -> String {
        let rows = all.iter().map(|one| {
            vec![
                name(&one.leftover),
                one.leftover.marker.address.to_string(),
                one.leftover.marker.run.to_string(),
                one.leftover.created.clone(),
                self.stays(one).unwrap_or_else(|| "to be removed".to_owned()),
            ]
        });
        table(&["WHAT", "NODE", "RUN", "CREATED", "FATE"], &rows.collect::<Vec<_>>())
    }

    /// Why it is not taken. On this host a free lock proves that its run is dead; of another host only age can tell.
    fn stays(&self, one: &Debris) -> Option<String> {
        if let Some(holder) = &one.held {
            return Some(format!("stays: {holder}"));
        }
        let here = one.leftover.marker.host == machine::hostname();
        let young = !here && age(&one.leftover.created).is_none_or(|age| age < self.older_than.as_std());
        young.then(|| {
            format!(
                "stays: made on {}, younger than {}",
                one.leftover.marker.host, self.older_than
            )
        })
    }
}

/// Where the module copies its images.
fn regions(module: &Module) -> BTreeMap<ProviderKey, BTreeSet<String>> {
    let mut all: BTreeMap<ProviderKey, BTreeSet<String>> = BTreeMap::new();
    for spec in &module.images {
        if let Some(block) = &spec.publish.object {
            let copies = Publication::of_block(&block.recorded(), "").copies;
            all.entry(spec.provider.clone()).or_default().extend(copies.into_keys());
        }
    }
    all
}

fn name(leftover: &Leftover) -> String {
    let what = match &leftover.resource {
        Resource::Volume(id) => format!("volume {id}"),
        Resource::Snapshot(id) => format!("snapshot {id}"),
        Resource::Image(id) => format!("image {id}"),
    };
    match &leftover.region {
        Some(region) => format!("{what} in {region}"),
        None => what,
    }
}

fn age(created: &str) -> Option<std::time::Duration> {
    let created: jiff::Timestamp = created.parse().ok()?;
    jiff::Timestamp::now().duration_since(created).try_into().ok()
}
