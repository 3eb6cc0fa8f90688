//! Loading: from the files of a directory to a [`Module`], with every error of a run.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use super::blocks::BAKE;
use super::calls::{names_instance, of_instance};
use super::conditions::Conditions;
use super::data::{self, Reader, Reading};
use super::images::{Images, ImagesHere};
use super::names::Names;
use super::providers::{self, Providers};
use super::tree::{Read, validate_all, visit};
use super::variables::{self, Variable};
use super::within::Literals;
use super::{Data, Inputs, LoadOptions, Module, given, outputs, version};
use crate::address::ModulePath;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::digest::Digest;
use crate::lang::{Look, Noted, Value};
use crate::providers::Owner;
use crate::schema::{Decoder, Object};
use crate::secrets::Secrets;
use crate::spec::ProviderSettings;

/// The project of a module that names none.
const DEFAULT_PROJECT: &str = "default";

/// Reads and evaluates the module in a directory.
///
/// # Errors
/// All that is wrong with it, in file order; of a file that is no HCL, the first error.
pub fn load(options: &LoadOptions<'_>) -> Result<Module, Diagnostics> {
    let mut found = Diagnostics::new();
    let read = Read::new(options, &mut found)?;
    let module = read.evaluate(options, &mut found);
    let found = without_repeats(found.sorted());
    match module {
        Some(module) if !found.has_errors() => Ok(Module {
            warnings: found,
            ..module
        }),
        _ => Err(found),
    }
}

/// The values of the sensitive variables that a plan was made with, asked for again.
///
/// # Errors
/// One that is not declared any more, has no value, or has another revision than the plan was made with.
pub fn secrets(
    options: &LoadOptions<'_>,
    wanted: &BTreeMap<String, u64>,
) -> Result<BTreeMap<String, Value>, Diagnostics> {
    if wanted.is_empty() {
        return Ok(BTreeMap::new());
    }
    let mut found = Diagnostics::new();
    let read = Read::new(options, &mut found)?;
    let given = given::collect(options, &read.automatic, &mut found);
    // A secret that nobody gives is missing, however little else is asked for.
    let asked = LoadOptions {
        data: Data::Follow,
        prompt: options.prompt,
        ..LoadOptions::default()
    };
    let mut variables = variables::evaluate_all(&read.declared, given, &asked, false, None, &mut Diagnostics::new());
    let (mut values, read) = (BTreeMap::new(), secrets_read(options, wanted)?);
    for (name, revision) in wanted {
        if let Some((value, _)) = read.get(name).filter(|(_, now)| now == revision) {
            values.insert(name.clone(), value.clone());
            continue;
        }
        let again = "plan again, and apply that plan";
        match variables.remove(name) {
            None if !is_own(name) => {
                let error = Diagnostic::error(format!("{name} is not what the plan was made with"));
                found.push(
                    error
                        .note("a newer version of it is there, or what it is asked has changed")
                        .help(again),
                );
            }
            None => found.push(
                Diagnostic::error(format!("the plan needs variable \"{name}\", which is not declared")).help(again),
            ),
            Some(variable) if variable.revision != *revision => {
                let summary = format!("variable \"{name}\" has another revision than the plan was made with");
                let error = Diagnostic::error(summary)
                    .note(format!("revision {} now, {revision} in the plan", variable.revision));
                found.push(error.help(again));
            }
            Some(variable) => {
                values.extend(found.take(variable.value).map(|value| (name.clone(), value)));
            }
        }
    }
    found.into_result(values).map(|(values, _)| values)
}

/// What an apply of a plan file looks at before it believes the plan, without evaluating the module.
#[derive(Debug, Default)]
pub struct Glance {
    /// The files of the module, by their paths relative to it.
    pub files: BTreeMap<PathBuf, Digest>,
    /// Variables that are not sensitive and are given a value now (by the environment, a file, the command line): the value
    /// as plain JSON, and by what it is given.
    pub given: BTreeMap<String, (serde_json::Value, String)>,
}

/// Looks at the files of a module and at what is given for its variables.
///
/// # Errors
/// If the directory holds no module, or cannot be read; values for variables that are not declared or take others.
pub fn glance(options: &LoadOptions<'_>) -> Result<Glance, Diagnostics> {
    let options = LoadOptions {
        directory: options.directory.clone(),
        workspace: options.workspace.clone(),
        environment: options.environment.clone(),
        variables: options.variables.clone(),
        data: options.data.clone(),
        ..LoadOptions::default()
    };
    let mut ignored = Diagnostics::new();
    let read = Read::new(&options, &mut ignored)?;
    let mut found = Diagnostics::new();
    let given = given::collect(&options, &read.automatic, &mut found);
    let by: BTreeMap<String, String> = given
        .iter()
        .map(|(name, one)| (name.clone(), one.in_words(name)))
        .collect();
    if read.unreadable.is_none() {
        found.extend(variables::without_variable(&given, &read.declared));
    }
    let variables = variables::evaluate_all(&read.declared, given, &options, false, None, &mut ignored);
    let bad = variables.iter().filter(|(name, _)| by.contains_key(*name));
    found.extend(bad.filter_map(|(_, one)| one.value.as_ref().err().cloned()));
    let plain = variables.into_iter().filter(|(_, one)| !one.sensitive);
    let value = |(name, one): (String, Variable)| {
        let by = by.get(&name)?.clone();
        Some((name, (one.value.ok()?.to_json(), by)))
    };
    let given = plain.filter_map(value).collect();
    let files = read.module_files();
    found.into_result(Glance { files, given }).map(|(glance, _)| glance)
}

/// The secrets of data sources, read again, if some are wanted; with their revisions.
fn secrets_read(
    options: &LoadOptions<'_>,
    wanted: &BTreeMap<String, u64>,
) -> Result<BTreeMap<String, (Value, u64)>, Diagnostics> {
    if wanted.keys().all(|name| is_own(name)) {
        return Ok(BTreeMap::new());
    }
    let module = load(options)?;
    let revisions = module.inputs.secrets;
    let with_revision = |(name, value)| Some((revisions.get(&name).copied().map(|revision| (value, revision))?, name));
    let read = module.secrets.into_iter().filter_map(with_revision);
    Ok(read.map(|(value, name)| (name, value)).collect())
}

/// Whether this is a variable of the module for which bake was started: others, and data sources, are told apart by the
/// dots in their addresses.
fn is_own(name: &str) -> bool {
    !name.contains('.')
}

impl Read {
    fn evaluate(&self, options: &LoadOptions<'_>, found: &mut Diagnostics) -> Option<Module> {
        let read = Noted::new();
        let files = &self.files;
        let bake = self.bake(found);
        let mut of_given = Diagnostics::new();
        let given = given::collect(options, &self.automatic, &mut of_given);
        let unread = of_given.iter().find(|one| one.severity == Severity::Error).cloned();
        found.extend(of_given);
        let complete = self.unreadable.is_none();
        let variables = variables::evaluate_all(&self.declared, given, options, complete, unread.as_ref(), found);
        let owner = Owner {
            project: project_of(bake.as_ref()),
            workspace: options.workspace.clone(),
        };
        let reader = Reader::new(&owner, files, &self.lock, options);
        let (names, identities, readings) = self.with_data(&variables, &read, reader, found);
        names.evaluate_inputs();
        identities.evaluate_inputs();
        names.evaluate_locals();
        let mut conditions = Conditions::default();
        let providers = Providers::decode(&names, files, found);
        let mut images = Images::default();
        visit(&names, &identities, &mut |names, identities| {
            let Some(files) = names.files() else { return };
            let all = &mut *found;
            let found = &mut Diagnostics::new();
            conditions.of_data(names, found);
            conditions.checks(names, files, found);
            if !names.path.is_root() {
                conditions.of_inputs(names, found);
            }
            let here = ImagesHere {
                names,
                identities,
                providers: &providers,
                files,
                date: self.lock.date.as_deref(),
            };
            here.decode(&mut images, &mut conditions, found);
            if !names.path.is_root() {
                outputs::outputs(names, identities, files, &mut conditions, found);
            }
            let found = std::mem::take(found).into_iter();
            all.extend(found.map(|one| of_instance(&names.path, one)));
        });
        let (images, waiting) = images.finish(&conditions, found);
        let outputs = outputs::outputs(&names, &identities, files, &mut conditions, found);
        let addresses: Vec<_> = images
            .iter()
            .map(|image| image.address.clone())
            .chain(waiting.clone())
            .collect();
        let mut moves = outputs::Moves::default();
        let mut below = BTreeMap::new();
        visit(&names, &identities, &mut |names, _| {
            if let Some(files) = names.files() {
                moves.of(names, files, &addresses, found);
            }
            below.extend(names.secrets.borrow().clone());
        });
        let moved = moves.settle(&addresses, found);
        // What stands for secrets has the errors of the secrets, found in another order.
        let wrong = names.take_found();
        let others = identities.take_found();
        found.extend(if wrong.has_errors() { Diagnostics::new() } else { others });
        found.extend(wrong);
        let providers = providers.into_settings();
        self.check_project(bake.as_ref(), &providers, found);
        let secrets = variables.iter().filter(|(_, one)| one.sensitive);
        let secrets = secrets.filter_map(|(name, one)| Some((name.clone(), one.value.clone().ok()?)));
        let read_secrets: BTreeMap<_, _> = readings.iter().flat_map(|reading| data::secrets(reading).1).collect();
        let mut inputs = self.inputs(&variables, &read);
        inputs
            .secrets
            .extend(below.iter().map(|(name, (_, revision))| (name.clone(), *revision)));
        inputs.secrets.extend(
            read_secrets
                .iter()
                .map(|(name, (_, revision))| (name.clone(), *revision)),
        );
        let read_secrets = read_secrets.into_iter().chain(below);
        let secrets: BTreeMap<String, Value> = secrets
            .chain(read_secrets.map(|(name, (value, _))| (name, value)))
            .collect();
        let hidden = read.secrets();
        let masks = Secrets::new(secrets.values().chain(&hidden).flat_map(Value::texts));
        *found = masks.mask_all(std::mem::take(found));
        Some(Module {
            secrets,
            hidden,
            owner: owner.clone(),
            conditions: conditions.waiting,
            data: readings,
            waiting,
            date: self.lock.date.clone(),
            providers,
            images: images.into_iter().map(Arc::new).collect(),
            outputs,
            moved,
            inputs,
            warnings: Diagnostics::new(),
        })
    }

    /// What references mean once all data sources are read that can be, for who wants nothing else of the module.
    pub(super) fn names_with_data<'a>(
        &'a self,
        variables: &BTreeMap<String, Variable>,
        read: &'a Noted,
        options: &LoadOptions<'_>,
        found: &mut Diagnostics,
    ) -> Rc<Names<'a>> {
        let owner = Owner {
            project: project_of(self.bake(found).as_ref()),
            workspace: options.workspace.clone(),
        };
        let reader = Reader::new(&owner, &self.files, &self.lock, options);
        self.with_data(variables, read, reader, found).0
    }

    /// What references mean once all data sources are read that can be.
    fn with_data<'a>(
        &'a self,
        variables: &BTreeMap<String, Variable>,
        read: &'a Noted,
        mut reader: Reader<'_>,
        found: &mut Diagnostics,
    ) -> (Rc<Names<'a>>, Rc<Names<'a>>, Vec<Reading>) {
        let providers = providers::keys(&self.declared);
        let root = ModulePath::default();
        loop {
            let mut names = self.names(&root, read, &reader.known, &providers);
            let values = variables.iter().map(|(name, one)| (name.clone(), one.value.clone()));
            names.variables = RefCell::new(values.collect());
            let names = names.shared();
            validate_all(&names, variables, found);
            let mut identities = names.with_identities(variables);
            identities.data = reader.identities();
            let identities = identities.shared();
            let files = reader.files;
            let settings = || Providers::decode(&names, files, &mut Diagnostics::new()).into_settings();
            let more = self.reads_data() && reader.layer(&names, &identities, &settings, found);
            if !more {
                let mut kept = names.with_identities(variables);
                kept.data = reader.identities();
                kept.ephemeral = self.ephemeral();
                return (names, kept.shared(), reader.readings);
            }
        }
    }

    /// Whether this module, or one that it calls, has data sources.
    fn reads_data(&self) -> bool {
        let below = || self.called.values().flatten();
        !self.declared.data.is_empty() || below().any(Read::reads_data)
    }

    pub(super) fn bake(&self, found: &mut Diagnostics) -> Option<Object> {
        let written = self.declared.bake.as_ref()?;
        let mut decoder = Decoder::new(&Literals, &self.files, None);
        let object = decoder.block(written, &BAKE);
        found.extend(decoder.found);
        if let Some(wanted) = object.spanned_text("required_version") {
            let own = env!("CARGO_PKG_VERSION");
            match version::fulfils(own, &wanted.value) {
                Ok(true) => {}
                Ok(false) => {
                    let error = Diagnostic::error("this module needs another version of bake");
                    found.push(error.label(&wanted.span, format!("this is bake {own}")));
                }
                Err(why) => {
                    found.push(
                        Diagnostic::error("argument \"required_version\" has a bad value").label(&wanted.span, why),
                    );
                }
            }
        }
        Some(object)
    }

    /// The project: must be named where images of several modules may meet.
    fn check_project(&self, bake: Option<&Object>, providers: &[ProviderSettings], found: &mut Diagnostics) {
        let named = bake.and_then(|bake| bake.spanned_text("project"));
        if let Some(project) = named {
            let text = &project.value;
            if text.trim().is_empty() || text.len() > 255 || text.contains(char::is_control) {
                let error = Diagnostic::error("argument \"project\" has a bad value");
                found.push(error.label(
                    &project.span,
                    "1 to 255 characters are wanted, none of them a control character",
                ));
            }
            return;
        }
        let outside = |one: &&ProviderSettings| {
            one.store
                .as_ref()
                .is_some_and(|store| !store.starts_with(&self.directory))
        };
        let complete = self.unreadable.is_none() && bake.is_none_or(|bake| bake.whole);
        let aws = self.declared.providers.iter().find(|written| {
            let kind = written.labels.first();
            kind.is_some_and(|kind| kind.value == "aws")
        });
        if let (Some(aws), true) = (aws, complete) {
            let error = Diagnostic::error("the module must name its project: an account may hold images of many");
            let help = "write bake { project = \"...\" }, so that its images are not taken for those of others";
            found.push(error.at(&aws.span).help(help));
        }
        if let (Some(provider), true) = (providers.iter().find(outside), complete) {
            let written = self.declared.providers.iter().find(|written| {
                written.body.attribute("store").is_some()
                    && written
                        .labels
                        .first()
                        .is_some_and(|kind| kind.value == provider.key.kind)
            });
            let error = Diagnostic::error("the module must name its project: its store lies outside of it");
            let error = written
                .into_iter()
                .fold(error, |error, written| error.at(&written.span));
            found.push(
                error.help("write bake { project = \"...\" }, so that its images are not taken for those of others"),
            );
        }
    }

    fn inputs(&self, variables: &BTreeMap<String, Variable>, read: &Noted) -> Inputs {
        let relative = |path: PathBuf| path.strip_prefix(&self.directory).map(Path::to_owned).unwrap_or(path);
        let by_expressions = read.files().into_iter().map(|(path, digest)| (relative(path), digest));
        let looks = read.looks().into_iter().map(|look| Look {
            path: relative(look.path),
            ..look
        });
        let files = self
            .all_files()
            .into_iter()
            .map(|(path, digest)| (relative(path), digest));
        let plain = variables.iter().filter(|(_, one)| !one.sensitive);
        Inputs {
            directory: self.directory.clone(),
            files: files.chain(by_expressions).collect(),
            looks: looks.collect(),
            variables: plain
                .filter_map(|(name, one)| Some((name.clone(), one.value.as_ref().ok()?.to_json())))
                .collect(),
            secrets: variables
                .iter()
                .filter(|(_, one)| one.sensitive && !one.ephemeral)
                .map(|(name, one)| (name.clone(), one.revision))
                .collect(),
        }
    }
}

fn project_of(bake: Option<&Object>) -> String {
    let named = bake.and_then(|bake| bake.text("project"));
    named.unwrap_or(DEFAULT_PROJECT).to_owned()
}

/// Drops what has been said already: several places that need the same broken thing say the same, and so do the modules of
/// one `for_each`, unless what they were given differs.
fn without_repeats(found: Diagnostics) -> Diagnostics {
    let mut said = BTreeSet::new();
    let key = |one: &Diagnostic| {
        let place = one.labels.first().map(|label| label.span.to_string());
        let notes = one.notes.iter().filter(|note| !names_instance(note));
        let notes: Vec<String> = notes.cloned().collect();
        (place, one.summary.clone(), notes, one.severity == Severity::Error)
    };
    found.into_iter().filter(|one| said.insert(key(one))).collect()
}
