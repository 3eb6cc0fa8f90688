//! Loading: from the files of a directory to a [`Module`], with every error of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::blocks::{BAKE, Declared};
use super::conditions::Conditions;
use super::data::{self, Reader, Reading};
use super::images::Images;
use super::lock::{self, Lock};
use super::names::{Literals, Names};
use super::providers::{self, Providers};
use super::variables::{self, Variable};
use super::{Inputs, LoadOptions, Module, given, outputs, sources, version};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::digest::Digest;
use crate::lang::{FilesRead, Value};
use crate::providers::Owner;
use crate::schema::{Decoder, Files, Object};
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
    let mut variables = variables::evaluate_all(&read.declared, given, options, false, &mut Diagnostics::new());
    let (mut values, read) = (BTreeMap::new(), secrets_read(options, wanted)?);
    for (name, revision) in wanted {
        if let Some((value, _)) = read.get(name).filter(|(_, now)| now == revision) {
            values.insert(name.clone(), value.clone());
            continue;
        }
        let again = "plan again, and apply that plan";
        match variables.remove(name) {
            None if name.starts_with("data.") => {
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
/// If the directory holds no module, or cannot be read.
pub fn glance(options: &LoadOptions<'_>) -> Result<Glance, Diagnostics> {
    let options = LoadOptions {
        directory: options.directory.clone(),
        workspace: options.workspace.clone(),
        environment: options.environment.clone(),
        variables: options.variables.clone(),
        data: options.data.clone(),
        prompt: None,
    };
    let mut ignored = Diagnostics::new();
    let read = Read::new(&options, &mut ignored)?;
    let mut found = Diagnostics::new();
    let given = given::collect(&options, &read.automatic, &mut found);
    let by: BTreeMap<String, String> = given
        .iter()
        .map(|(name, one)| (name.clone(), one.in_words(name)))
        .collect();
    let variables = variables::evaluate_all(&read.declared, given, &options, false, &mut ignored);
    let plain = variables.into_iter().filter(|(_, one)| !one.sensitive);
    let value = |(name, one): (String, Variable)| {
        let by = by.get(&name)?.clone();
        Some((name, (one.value.ok()?.to_json(), by)))
    };
    let given = plain.filter_map(value).collect();
    let files = read.digests;
    found.into_result(Glance { files, given }).map(|(glance, _)| glance)
}

/// The secrets of data sources, read again, if some are wanted; with their revisions.
fn secrets_read(
    options: &LoadOptions<'_>,
    wanted: &BTreeMap<String, u64>,
) -> Result<BTreeMap<String, (Value, u64)>, Diagnostics> {
    if !wanted.keys().any(|name| name.starts_with("data.")) {
        return Ok(BTreeMap::new());
    }
    let module = load(options)?;
    Ok(module
        .data
        .iter()
        .flat_map(|reading| data::secrets(reading).1)
        .collect())
}

/// A module's files, read and sorted but not evaluated.
pub(super) struct Read {
    directory: PathBuf,
    pub(super) declared: Declared,
    digests: BTreeMap<PathBuf, Digest>,
    lock: Lock,
    pub(super) automatic: Vec<PathBuf>,
    pub(super) unreadable: Option<Diagnostic>,
}

impl Read {
    pub(super) fn new(options: &LoadOptions<'_>, found: &mut Diagnostics) -> Result<Read, Diagnostics> {
        let shown = match options.directory.as_os_str().is_empty() {
            true => Path::new("."),
            false => options.directory.as_path(),
        };
        let files = sources::find(shown)?;
        let directory = std::fs::canonicalize(shown)
            .map_err(|error| Diagnostic::error(format!("cannot read the directory {}: {error}", shown.display())))?;
        let (bodies, mut digests) = sources::parse(&files.modules, found);
        let unreadable = found.iter().next().cloned();
        let declared = Declared::of(bodies, found);
        let lock = found.take(Lock::read(shown)).unwrap_or_default();
        digests.extend(lock.digest.map(|digest| (lock::FILE.into(), digest)));
        Ok(Read {
            directory,
            declared,
            digests,
            lock,
            automatic: files.variables,
            unreadable,
        })
    }

    fn evaluate(&self, options: &LoadOptions<'_>, found: &mut Diagnostics) -> Option<Module> {
        let (read, files) = (FilesRead::new(), Files::new(&self.directory));
        let bake = self.bake(&files, found);
        let given = given::collect(options, &self.automatic, found);
        let complete = self.unreadable.is_none();
        let variables = variables::evaluate_all(&self.declared, given, options, complete, found);
        let owner = Owner {
            project: project_of(bake.as_ref()),
            workspace: options.workspace.clone(),
        };
        let reader = Reader::new(&owner, &files, &self.lock, &options.data);
        let (names, identities, readings) = self.with_data(&variables, &read, reader, found);
        names.evaluate_locals();
        let mut conditions = Conditions::default();
        conditions.of_data(&names, found);
        conditions.checks(&names, &files, found);
        let providers = Providers::decode(&names, &files, found);
        let (images, waiting) = Images {
            names: &names,
            identities: &identities,
            providers: &providers,
            files: &files,
        }
        .decode(&mut conditions, found);
        let outputs = outputs::outputs(&names, &identities, &files, &mut conditions, found);
        let addresses: Vec<_> = images
            .iter()
            .map(|image| image.address.clone())
            .chain(waiting.clone())
            .collect();
        let moved = outputs::moved(&names, &files, &addresses, found);
        found.extend(names.take_found());
        found.extend(identities.take_found());
        let providers = providers.into_settings();
        self.check_project(bake.as_ref(), &providers, found);
        let secrets = variables.iter().filter(|(_, one)| one.sensitive);
        let secrets = secrets.filter_map(|(name, one)| Some((name.clone(), one.value.clone().ok()?)));
        let read_secrets: BTreeMap<_, _> = readings.iter().flat_map(|reading| data::secrets(reading).1).collect();
        let mut inputs = self.inputs(&variables, &read, &files);
        inputs.secrets.extend(
            read_secrets
                .iter()
                .map(|(name, (_, revision))| (name.clone(), *revision)),
        );
        Some(Module {
            secrets: secrets
                .chain(read_secrets.into_iter().map(|(name, (value, _))| (name, value)))
                .collect(),
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

    /// What references mean once all data sources are read that can be.
    fn with_data<'a>(
        &'a self,
        variables: &BTreeMap<String, Variable>,
        read: &'a FilesRead,
        mut reader: Reader<'_>,
        found: &mut Diagnostics,
    ) -> (Names<'a>, Names<'a>, Vec<Reading>) {
        loop {
            let names = self.names(variables, read, &reader.known, found);
            let mut identities = names.with_identities(variables);
            identities.data = reader.identities();
            let files = reader.files;
            let settings = || Providers::decode(&names, files, &mut Diagnostics::new()).into_settings();
            let more = !self.declared.data.is_empty() && reader.layer(&names, &identities, &settings, found);
            if !more {
                let mut kept = names.with_identities(variables);
                kept.data = reader.identities();
                kept.ephemeral = variables
                    .iter()
                    .filter(|(_, one)| one.ephemeral)
                    .map(|(name, _)| name.clone())
                    .collect();
                return (names, kept, reader.readings);
            }
        }
    }

    /// What references mean; a variable whose value does not hold what it must is as good as none.
    pub(super) fn names<'a>(
        &'a self,
        variables: &BTreeMap<String, Variable>,
        read: &'a FilesRead,
        data: &BTreeMap<String, Result<Value, Diagnostic>>,
        found: &mut Diagnostics,
    ) -> Names<'a> {
        let mut names = Names::new(&self.declared, &self.directory, read);
        names.data = data.clone();
        names.variables = variables
            .iter()
            .map(|(name, one)| (name.clone(), one.value.clone()))
            .collect();
        names.providers = providers::keys(&self.declared);
        names.unreadable = self.unreadable.clone();
        for (name, variable) in variables.iter().filter(|(_, one)| one.value.is_ok()) {
            if let Err(errors) = validate(&names, name, variable) {
                let first = errors.iter().next().cloned();
                found.extend(errors);
                names.variables.extend(first.map(|first| (name.clone(), Err(first))));
            }
        }
        names
    }

    fn bake(&self, files: &Files, found: &mut Diagnostics) -> Option<Object> {
        let written = self.declared.bake.as_ref()?;
        let mut decoder = Decoder::new(&Literals, files, None);
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

    fn inputs(&self, variables: &BTreeMap<String, Variable>, read: &FilesRead, files: &Files) -> Inputs {
        let relative = |path: PathBuf| path.strip_prefix(&self.directory).map(Path::to_owned).unwrap_or(path);
        let by_expressions = read.all().into_iter().map(|(path, digest)| (relative(path), digest));
        let plain = variables.iter().filter(|(_, one)| !one.sensitive);
        Inputs {
            directory: self.directory.clone(),
            files: self
                .digests
                .clone()
                .into_iter()
                .chain(by_expressions)
                .chain(files.read())
                .collect(),
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

/// Whether a value holds what its variable asks of it.
fn validate(names: &Names<'_>, name: &str, variable: &Variable) -> Result<(), Diagnostics> {
    let mut found = Diagnostics::new();
    let within = names.at_top();
    for written in &variable.validations {
        let mut said = Diagnostics::new();
        let summary = format!("variable \"{name}\" has a bad value");
        Conditions::default().look(&within, written, summary, Severity::Error, &mut said);
        let given = |error: Diagnostic| match &variable.origin {
            Some(span) => error.label(span, "given here"),
            None => error,
        };
        found.extend(said.into_iter().map(given));
    }
    found.into_result(()).map(|_| ())
}

/// Drops what has been said already: several places that need the same broken thing say the same.
fn without_repeats(found: Diagnostics) -> Diagnostics {
    let mut said = BTreeSet::new();
    let key = |one: &Diagnostic| {
        let place = one.labels.first().map(|label| label.span.to_string());
        (place, one.summary.clone(), one.severity == Severity::Error)
    };
    found.into_iter().filter(|one| said.insert(key(one))).collect()
}
