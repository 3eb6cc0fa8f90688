//! What most commands begin with: the module of this directory, its providers, and what stands there.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use clap::builder::NonEmptyStringValueParser;

use super::assignments::Assignments;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::event::{Event, Events};
use crate::host::HostError;
use crate::module::{self, LoadOptions, Module};
use crate::plan::observe::{self, World, observe};
use crate::plan::{Plan, closer};
use crate::providers::{self, Contact, ObservedImage, Owner, ProviderError, Providers};
use crate::schema::suggest;
use crate::ui::Terminal;
use crate::ui::printable::clean;

/// Flags of all that reads a module.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ModuleArguments {
    #[command(flatten)]
    pub(super) variables: Assignments,
    /// Whose images: the workspace; BAKE_WORKSPACE, else "default".
    #[arg(long, value_name = "NAME", env = "BAKE_WORKSPACE", hide_env = true, value_parser = NonEmptyStringValueParser::new())]
    pub(super) workspace: Option<String>,
    /// With readonly: a data source that the lock file does not pin is an error.
    #[arg(long, value_name = "MODE")]
    lockfile: Option<LockFile>,
}

/// `-lockfile`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum LockFile {
    /// What is not pinned is an error.
    Readonly,
}

impl ModuleArguments {
    /// Reads and evaluates the module of this directory. A person who can be asked is asked for missing variables.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load(&self, terminal: &Arc<Terminal>) -> Result<Module, Diagnostics> {
        self.load_asking(terminal, true)
    }

    /// The same, asking only if that is wanted.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load_asking(&self, terminal: &Arc<Terminal>, input: bool) -> Result<Module, Diagnostics> {
        self.with_options(terminal, input, |options| module::load(&options))
    }

    /// The same without reading data sources: of what the lock file does not pin nothing is known.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load_offline(&self, terminal: &Arc<Terminal>) -> Result<Module, Diagnostics> {
        let data = module::Data::Offline;
        self.with_options(terminal, false, |options| {
            module::load(&LoadOptions { data, ..options })
        })
    }

    /// Hands on how the module is read.
    pub fn with_options<T>(&self, terminal: &Arc<Terminal>, input: bool, read: impl FnOnce(LoadOptions<'_>) -> T) -> T {
        let ask = |name: &str, description: Option<&str>, sensitive: bool| ask(terminal, name, description, sensitive);
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        read(LoadOptions {
            directory: PathBuf::from("."),
            workspace: self.workspace.clone().unwrap_or_else(|| "default".to_owned()),
            environment: std::env::vars_os().filter_map(text).collect(),
            variables: self.variables.0.clone(),
            data: match self.lockfile {
                Some(LockFile::Readonly) => module::Data::Readonly,
                None => module::Data::Follow,
            },
            prompt: (input && terminal.can_ask()).then_some(&ask),
            contact: contact(terminal, input, saying(terminal)),
        })
    }
}

/// Asks for the value of a variable.
fn ask(terminal: &Arc<Terminal>, name: &str, description: Option<&str>, sensitive: bool) -> Option<String> {
    let description = description.map(|text| format!("  {text}\n")).unwrap_or_default();
    let question = format!("var.{name}\n{description}  Its value: ");
    let _lent = terminal.lend();
    match sensitive {
        true => terminal.ask_secret(&question),
        false => terminal.ask(&question),
    }
}

/// Whom the providers may ask, a person unless that is not wanted, and tell.
pub fn contact(terminal: &Arc<Terminal>, input: bool, events: Events) -> Contact {
    match input && terminal.can_ask() {
        false => Contact::silent(events),
        true => Contact::person(events, {
            let terminal = Arc::clone(terminal);
            move |question| {
                let _lent = terminal.lend();
                terminal.ask_secret(question)
            }
        }),
    }
}

/// Says messages as they come; before there is an apply, there are no other events.
pub fn saying(terminal: &Arc<Terminal>) -> Events {
    let terminal = Arc::clone(terminal);
    Events::to(move |event| {
        if let Event::Message { text } = event {
            terminal.say(&clean(&text));
        }
    })
}

/// A module with its providers.
pub struct Session {
    /// The module.
    pub module: Module,
    /// Its providers.
    pub providers: Providers,
    /// Whom they ask and tell.
    pub contact: Contact,
    /// What waits for the world.
    pub runtime: tokio::runtime::Runtime,
}

impl Session {
    /// Reads the module and opens its providers. Warnings are shown.
    ///
    /// # Errors
    /// All that is wrong with the module; a provider that cannot be opened.
    pub fn open(arguments: &ModuleArguments, terminal: &Arc<Terminal>) -> Result<Session, Diagnostics> {
        let module = arguments.load(terminal)?;
        terminal.diagnostics(&module.warnings);
        Session::of(module, &contact(terminal, true, saying(terminal)))
    }

    /// Opens the providers of a module.
    ///
    /// # Errors
    /// A provider that cannot be opened.
    pub fn of(module: Module, contact: &Contact) -> Result<Session, Diagnostics> {
        Ok(Session {
            providers: providers::open(&module.providers, contact)?,
            contact: contact.clone(),
            runtime: runtime()?,
            module,
        })
    }

    /// What stands.
    ///
    /// # Errors
    /// Those of a provider that cannot say.
    pub fn world(&self) -> Result<World, Diagnostics> {
        let world = self.runtime.block_on(observe(&self.module.owner, &self.providers));
        world.map_err(|error| Diagnostic::from(error).into())
    }

    /// What stands, what the images of the module are built on, and the keys that they name.
    ///
    /// # Errors
    /// Those of a provider that cannot say; what the providers cannot do of what the module asks for.
    pub fn world_to_plan(&self) -> Result<World, Diagnostics> {
        observe::check(&self.module, &self.providers)?;
        let mut world = self.world()?;
        let sources = observe::sources(&self.module, &self.providers, &mut world);
        self.runtime.block_on(sources).map_err(Diagnostic::from)?;
        let publications = observe::publications(&self.module, &self.providers, &mut world);
        self.runtime.block_on(publications)?;
        let keys = observe::keys(&self.module, &self.providers, &mut world);
        self.runtime.block_on(keys).map_err(Diagnostic::from)?;
        Ok(world)
    }

    /// Asks what is to be known only because this plan makes or shares something. Whether there was anything to ask: then the
    /// plan is to be made again.
    ///
    /// # Errors
    /// Those of a provider that cannot say.
    pub fn look_closer(&self, plan: &Plan, world: &mut World) -> Result<bool, Diagnostics> {
        let questions = closer::questions(plan, &self.module, world);
        let asking = questions.ask(&self.providers, world);
        self.runtime.block_on(asking).map_err(Diagnostic::from)?;
        Ok(!questions.is_empty())
    }

    /// As whom the providers are asked, in words.
    ///
    /// # Errors
    /// Those of a provider that lets nobody in.
    pub fn who(&self) -> Result<Vec<String>, Diagnostics> {
        let asking = async {
            let mut all = Vec::new();
            for (_, provider) in self.providers.iter() {
                all.extend(provider.images().who().await?);
            }
            Ok::<_, ProviderError>(all)
        };
        self.runtime
            .block_on(asking)
            .map_err(|error| Diagnostic::from(error).into())
    }

    /// The images that stand, by address, the newest release first.
    ///
    /// # Errors
    /// Those of a provider that cannot say.
    pub fn images(&self) -> Result<Vec<ObservedImage>, Diagnostics> {
        Ok(self.world()?.images.into_values().flatten().collect())
    }

    /// `project acme/images, workspace default`.
    pub fn whose(&self) -> String {
        whose(&self.module.owner)
    }
}

/// `project acme/images, workspace default`.
pub fn whose(owner: &Owner) -> String {
    format!("project {}, workspace {}", owner.project, owner.workspace)
}

/// What runs the asynchronous side.
///
/// # Errors
/// If the kernel gives no thread.
pub fn runtime() -> Result<tokio::runtime::Runtime, Diagnostics> {
    let built = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build();
    built.map_err(|error| HostError::of_io("start the runtime", error).into())
}

/// The image of this address or id, of a release or the current one: images come newest first.
///
/// # Errors
/// That no such image stands, and which do that may be meant.
pub fn chosen<'a>(
    all: &'a [ObservedImage],
    named: &str,
    release: Option<u64>,
    whose: &str,
) -> Result<&'a ObservedImage, Diagnostic> {
    let mut found = all.iter().filter(|image| is_called(image, named)).peekable();
    let (Some(_), Some(number)) = (found.peek(), release) else {
        return found.next().ok_or_else(|| no_image(all, named, whose));
    };
    let mut numbers = Vec::new();
    for image in found {
        if image.manifest.release == number {
            return Ok(image);
        }
        numbers.push(image.manifest.release.to_string());
    }
    let error = Diagnostic::error(format!("no release {number} of {named} stands in {whose}"));
    Err(error.note(format!("there stand {}", numbers.join(", "))))
}

/// Whether this is its id or its address.
pub fn is_called(image: &ObservedImage, name: &str) -> bool {
    image.id.0 == name || image.manifest.address.to_string() == name
}

/// That no such image stands, and which do that may be meant.
pub fn no_image(all: &[ObservedImage], what: &str, whose: &str) -> Diagnostic {
    let error = Diagnostic::error(format!("no image {what} stands in {whose}"));
    let mut standing: Vec<String> = all.iter().map(|image| image.manifest.address.to_string()).collect();
    standing.dedup();
    let bare = |address: &str| address.replace('"', "");
    let instances = standing
        .iter()
        .filter(|address| address.starts_with(&format!("{what}[")));
    let quoted = standing.iter().filter(|address| bare(address) == what);
    let meant: Vec<String> = quoted.chain(instances).map(|address| format!("'{address}'")).collect();
    match (meant.as_slice(), suggest(what, standing.iter().map(String::as_str))) {
        ([], Some(close)) => error.help(format!("did you mean {close}?")),
        ([], None) => error.help("bake images lists those that stand"),
        (meant, _) => error.help(format!(
            "did you mean {}? The shell wants the quotes",
            meant.join(" or ")
        )),
    }
}
