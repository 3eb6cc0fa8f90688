//! An image built again, with everything varied that must not matter.
//!
//! bake starts itself in a helper: there the host has another name, and the module lies in another directory. That bake
//! plans the image and what it is built on against an empty store, and applies the plan.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use super::super::assignments::Assignments;
use super::super::exit::Exit;
use super::super::rights::Rights;
use super::super::session::{ModuleArguments, Session};
use super::super::{apply, ending};
use super::differences;
use crate::address::ImageAddress;
use crate::apply::{OnError, Settings, Signals};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::Digest;
use crate::graph::ids;
use crate::host::helper::{Command, Exit as Ended, Helper, Input, Mount, Place, Stream};
use crate::host::locks::Lock;
use crate::host::{HostError, files};
use crate::module::Assignment;
use crate::nodes::context::Secrets;
use crate::nodes::filesystem::Action;
use crate::nodes::{Node, NodeData};
use crate::plan::{self, Options, Plan};
use crate::providers::{Contact, ObservedImage};
use crate::spec::{ProviderKey, ProviderSettings};
use crate::ui::Terminal;
use crate::ui::progress::{Progress, Style};

/// What is different around the other build. It begins later, too.
const VARIED: &[(&str, &str)] = &[
    ("TZ", "Pacific/Kiritimati"),
    ("LANG", "tr_TR.UTF-8"),
    ("LC_ALL", "C"),
    ("USER", "somebody-else"),
    ("LOGNAME", "somebody-else"),
];

/// Sets the name of the host and the permission bits of new files, then becomes bake.
const SCRIPT: &str = "hostname verify-elsewhere && umask 0077 && exec \"$@\"";

/// Builds an image again and compares its volumes.
///
/// # Errors
/// If it cannot be built, or the disks not be read.
pub fn compare(
    session: &Session,
    image: &ObservedImage,
    module: &ModuleArguments,
    terminal: &Arc<Terminal>,
) -> Result<Vec<differences::Volume>, Diagnostics> {
    let bake = std::path::absolute(apply::BAKE_DIRECTORY);
    let bake = bake.map_err(|error| Diagnostic::from(HostError::of_io("find this directory", error)))?;
    let into = bake.join("verify");
    let lock = bake.join("verify.lock");
    let taking = Lock::take(&lock, "bake verify", None, |held| {
        terminal.say(&format!("Waiting for another bake verify, {held}"));
    });
    let _lock = session.runtime.block_on(taking).map_err(Diagnostic::from)?;
    files::remove_dir_all(&into).map_err(Diagnostic::from)?;
    files::create_dir_all(&into).map_err(Diagnostic::from)?;
    let address = &image.manifest.address;
    terminal.say(&format!(
        "Building {address} again: another host name, user, directory, time zone, language, umask, order of directories, moment."
    ));
    let compared = session.runtime.block_on(async {
        another_second(&image.created).await;
        let helper = Helper::start(None).await?;
        let done = run(&helper, address, &into, module, terminal).await;
        helper.end().await;
        done?;
        differences::find(session, image, &into).await
    });
    files::remove_dir_all(&into).map_err(Diagnostic::from)?;
    Ok(compared?)
}

/// Waits until the clock shows another second than when the image was made: a step that writes the time is found by that.
async fn another_second(created: &str) {
    let Ok(created) = created.parse::<jiff::Timestamp>() else {
        return;
    };
    let later = created.as_second().saturating_add(2);
    let wait = later.saturating_sub(jiff::Timestamp::now().as_second()).clamp(0, 2);
    tokio::time::sleep(std::time::Duration::from_secs(wait.unsigned_abs())).await;
}

async fn run(
    helper: &Helper,
    address: &ImageAddress,
    into: &Path,
    module: &ModuleArguments,
    terminal: &Arc<Terminal>,
) -> Result<(), Diagnostic> {
    let unknown = |error: std::io::Error| Diagnostic::from(HostError::of_io("find this directory or program", error));
    let directory = std::env::current_dir().map_err(unknown)?;
    let program = std::env::current_exe().map_err(unknown)?;
    // Where the whole file system is seen again, so that every path is another.
    let root = into.join("elsewhere").display().to_string();
    let fixed = ["/bin/sh", "-c", SCRIPT, "sh"].map(str::to_owned);
    let call = [program.display().to_string(), "verify".to_owned(), address.to_string()];
    let target = ["--rebuild-into".to_owned(), into.display().to_string()];
    let given = module.as_flags();
    let varied = VARIED
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let command = Command {
        argv: fixed.into_iter().chain(call).chain(target).chain(given).collect(),
        env: std::env::vars().chain(varied).collect(),
        directory: Some(format!("{root}{}", directory.display())),
        mounts: vec![Mount {
            source: "/".to_owned(),
            target: Place::new("/", root),
            kind: "bind".to_owned(),
            options: Vec::new(),
        }],
        ..Command::default()
    };
    let mut rest = Vec::new();
    let shown = |_: Stream, bytes: &[u8]| {
        rest.extend_from_slice(bytes);
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = rest.drain(..=end).collect();
            terminal.say(&format!("  {}", String::from_utf8_lossy(&line).trim_end()));
        }
    };
    match helper.run(command, Input::Nothing, shown).await? {
        Ended::Code(0) => Ok(()),
        ended => Err(
            Diagnostic::error(format!("{address} could not be built again: {ended}"))
                .note("its messages stand above")
                .help("a step that needs what was varied is not reproducible"),
        ),
    }
}

/// The other build: the image and what it is built on, into stores of their own.
///
/// # Errors
/// All that is wrong with the module; what kept the build from beginning.
pub fn build(
    image: &str,
    into: &Path,
    arguments: &ModuleArguments,
    terminal: &Arc<Terminal>,
) -> Result<Exit, Diagnostics> {
    let mut module = arguments.load_asking(terminal, false)?;
    for provider in &mut module.providers {
        *provider = elsewhere(&provider.key, into)?;
    }
    let session = Session::of(module, &Contact::nobody())?;
    let address: ImageAddress = image
        .parse()
        .map_err(|_| Diagnostic::error(format!("{image:?} is no address of an image")))?;
    let options = Options {
        targets: vec![address.into()],
        now: jiff::Timestamp::now().to_string(),
        ..Options::default()
    };
    let mut plan = plan::make(&session.module, &session.world()?, &options)?;
    Rights::obtain().check(&plan)?;
    plan.nodes = plan.nodes.iter().map(|node| Arc::new(vary(node, into))).collect();
    carry_out(&session, plan, into, terminal)
}

/// The store of a provider of the other build.
///
/// # Errors
/// If the provider is another than `local`.
pub fn elsewhere(key: &ProviderKey, into: &Path) -> Result<ProviderSettings, Diagnostic> {
    if key.kind != "local" {
        let error = Diagnostic::error(format!(
            "images of provider {key} cannot be built again by bake verify yet"
        ));
        return Err(error.help("declare the image with the local provider to verify it"));
    }
    Ok(ProviderSettings {
        key: key.clone(),
        store: Some(into.join(format!("store-{key}"))),
        ignore_publish: true,
        aws: None,
    })
}

/// Where the other build notes which step touched which file.
pub fn origins(into: &Path, image: &ImageAddress) -> PathBuf {
    into.join(format!("{}.origins", Digest::of(image.to_string().as_bytes()).short()))
}

/// Another order of the names in a directory, by another seed of an ext4 or by turning a tmpfs; and notes on who touched what.
fn vary(node: &Node, into: &Path) -> Node {
    let mut node = node.clone();
    match &mut node.data {
        NodeData::Filesystem(filesystem) => {
            if let Action::Make { kind, options, .. } = &mut filesystem.action
                && kind == "ext4"
            {
                let moment = Digest::of(into.to_string_lossy().as_bytes());
                options.extend([
                    "-E".to_owned(),
                    format!("hash_seed={}", ids::uuid(&moment, "verify", "seed")),
                ]);
            }
        }
        NodeData::Bootstrap(bootstrap) => bootstrap.anew = true,
        NodeData::Provision(provision) => provision.turned = true,
        NodeData::Seal(seal) => seal.origins = Some(origins(into, &node.address.image)),
        _ => {}
    }
    node
}

fn carry_out(session: &Session, plan: Plan, into: &Path, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
    let images: Vec<_> = plan.images.iter().map(|image| image.address.clone()).collect();
    let progress = Progress::begin(terminal, Style::People, &images);
    let begun = Instant::now();
    let signals = Signals::watch(progress.events(), || ())?;
    let settings = Settings {
        bake_directory: into.join("bake"),
        parallelism: apply::default_parallelism(),
        lock_timeout: None,
        on_error: OnError::Cleanup,
        secrets: {
            let hidden = session.module.hidden().chain(crate::plan::secrets(&plan));
            Secrets::new(hidden.flat_map(|one| one.texts()))
        },
        contact: Contact::silent(progress.events()),
        signals,
        executable: None,
        command: "bake verify".to_owned(),
        providers: None,
    };
    let report = session.runtime.block_on(crate::apply::run(plan.clone(), settings));
    progress.finish();
    let ending = ending::Ending {
        plan: &plan,
        took: begun.elapsed().into(),
        json: false,
    };
    Ok(ending.say(&report?, terminal))
}

impl ModuleArguments {
    /// The flags that give the same module again.
    fn as_flags(&self) -> Vec<String> {
        let Assignments(variables) = &self.variables;
        let each = variables.iter().flat_map(|one| match one {
            Assignment::Value { name, text } => ["--var".to_owned(), format!("{name}={text}")],
            Assignment::File(path) => ["--var-file".to_owned(), path.display().to_string()],
        });
        let workspace = self.workspace.iter().map(|name| format!("--workspace={name}"));
        each.chain(workspace).collect()
    }
}
