//! A case: its modules in order, its flags, and what happened outside of bake before the last plan.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use bake::diagnostic::Diagnostics;
use bake::module::{self, LoadOptions, Module};
use bake::plan::observe::Kept;
use bake::plan::{self, Mode, Options, Plan, World};
use bake::providers::{Holder, SnapshotId};
use bake::ui::plan::View;
use bake::ui::terminal::Colour;
use bake::units::Size;
use serde::Deserialize;

use super::thought;

/// The last plan as people and programs see it.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub text: String,
    pub json: Option<String>,
    pub markdown: Option<String>,
}

/// `case.json`
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Flags {
    target: Vec<String>,
    exclude: Vec<String>,
    replace: Vec<String>,
    mode: Mode,
    now: Option<String>,
    concise: bool,
    /// Of the terminal.
    columns: Option<usize>,
    /// Tags of the current release, changed by somebody.
    tags: BTreeMap<String, BTreeMap<String, String>>,
    /// Names that images have which bake did not make.
    foreign: Vec<String>,
    /// Images whose current release has lost its snapshot.
    damaged: Vec<String>,
    /// Images that were built but could not be registered: their snapshots stand.
    unregistered: Vec<String>,
}

/// A directory below `testdata/plans`.
pub struct Case {
    directory: PathBuf,
    flags: Flags,
}

impl Case {
    pub fn read(directory: &Path) -> Case {
        let text = fs::read_to_string(directory.join("case.json")).unwrap_or_else(|_| "{}".into());
        let flags = serde_json::from_str(&text).unwrap_or_else(|why| panic!("{}: {why}", directory.display()));
        Case {
            directory: directory.to_owned(),
            flags,
        }
    }

    pub fn name(&self) -> String {
        self.directory.display().to_string()
    }

    /// Whether the plan leaves things undone on purpose.
    pub fn is_partial(&self) -> bool {
        !(self.flags.target.is_empty() && self.flags.exclude.is_empty())
    }

    pub fn now(&self) -> String {
        self.flags.now.clone().unwrap_or_else(|| "2026-11-20T12:00:00Z".into())
    }

    fn modules(&self) -> Vec<PathBuf> {
        let numbered = (1..).map(|number| self.directory.join(number.to_string()));
        numbered.take_while(|directory| directory.is_dir()).collect()
    }

    /// The last module, the world before it, and its plan, if it has one.
    pub fn planned(&self) -> Option<(Module, World, Plan)> {
        self.last().ok()
    }

    fn last(&self) -> Result<(Module, World, Plan), Diagnostics> {
        let mut world = World::default();
        let modules = self.modules();
        let (last, before) = modules.split_last().expect("a case has a module");
        for (index, directory) in before.iter().enumerate() {
            let module = load(directory, "default");
            let options = Options {
                now: self.now(),
                ..Options::default()
            };
            let plan = plan::make(&module, &world, &options)
                .unwrap_or_else(|errors| panic!("{}: {}", directory.display(), rendered(&errors)));
            thought::apply(&plan, &mut world, index + 1);
        }
        self.outside(&mut world);
        let module = try_load(last, "default")?;
        let plan = plan::make(&module, &world, &self.options())?;
        Ok((module, world, plan))
    }

    fn options(&self) -> Options {
        let addresses = |all: &[String]| all.iter().map(|one| one.parse().unwrap()).collect();
        Options {
            mode: self.flags.mode,
            targets: addresses(&self.flags.target),
            exclude: addresses(&self.flags.exclude),
            replace: addresses(&self.flags.replace),
            now: self.now(),
        }
    }

    fn outside(&self, world: &mut World) {
        for (address, tags) in &self.flags.tags {
            let images = world
                .images
                .get_mut(&address.parse().unwrap())
                .expect("the image stands");
            images[0].tags = tags.clone();
        }
        for address in &self.flags.damaged {
            let current = &world.releases(&address.parse().unwrap())[0];
            let why = "store/snapshots/snap-1.raw is damaged: it is gone".to_owned();
            world.damaged.insert(current.id.clone(), why);
        }
        for address in &self.flags.unregistered {
            let images = world
                .images
                .remove(&address.parse().unwrap())
                .expect("the image stands");
            world.kept.extend(images[0].manifest.volumes.iter().map(|volume| Kept {
                provider: images[0].provider.clone(),
                image: images[0].manifest.address.clone(),
                volume: volume.name.clone(),
                digest: images[0].manifest.digest,
                id: SnapshotId(format!("kept-{}", volume.name)),
                size: Size::mib(64),
            }));
        }
        thought::names(world);
        let holder = Holder {
            owner: None,
            address: None,
        };
        for name in &self.flags.foreign {
            let key = bake::spec::ProviderKey {
                kind: "local".into(),
                alias: None,
            };
            world
                .names
                .push((key, BTreeMap::from([(name.clone(), holder.clone())])));
        }
    }

    pub fn outcome(&self) -> Outcome {
        match self.last() {
            Err(errors) => Outcome {
                text: rendered(&errors),
                json: None,
                markdown: None,
            },
            Ok((_, _, plan)) => {
                let view = if self.flags.concise { View::Concise } else { View::Whole };
                let text =
                    anstream::adapter::strip_str(&bake::ui::plan::text(&plan, view, self.flags.columns)).to_string();
                let warnings = match plan.warnings.is_empty() {
                    true => String::new(),
                    false => rendered(&plan.warnings),
                };
                Outcome {
                    text: warnings + &text,
                    json: Some(bake::ui::plan::json(&plan)),
                    markdown: Some(bake::ui::plan::markdown(&plan, bake::ui::plan::LONGEST)),
                }
            }
        }
    }
}

fn rendered(all: &Diagnostics) -> String {
    bake::ui::diagnostic::render(all, Colour::Off, Some(100))
        .trim_end()
        .to_owned()
        + "\n"
}

/// The module of a directory.
pub fn load(directory: &Path, workspace: &str) -> Module {
    try_load(directory, workspace).unwrap_or_else(|errors| panic!("{}: {}", directory.display(), rendered(&errors)))
}

fn try_load(directory: &Path, workspace: &str) -> Result<Module, Diagnostics> {
    module::load(&LoadOptions {
        directory: directory.to_owned(),
        workspace: workspace.to_owned(),
        ..LoadOptions::default()
    })
}
