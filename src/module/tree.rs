//! The files of a module and of the modules that it calls, read and sorted but not evaluated.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

use super::blocks::{Declared, MODULE};
use super::conditions::{Conditions, Guards, bad_value};
use super::lock::{self, Lock};
use super::names::Names;
use super::variables::Variable;
use super::within::Literals;
use super::{LoadOptions, sources};
use crate::address::ModulePath;
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::digest::Digest;
use crate::lang::syntax::Block as Written;
use crate::lang::{Noted, Value};
use crate::schema::{Decoder, Files};
use crate::source::{Span, Spanned};
use crate::spec::ProviderKey;

/// How deeply modules may call modules.
const DEEPEST: usize = 32;

/// Modules that are read at most, each as often as it is called: a few that call each other twice are millions.
const MOST: usize = 1000;

/// A module's files, read and sorted but not evaluated.
pub(super) struct Read {
    /// Without links.
    pub directory: PathBuf,
    pub declared: Declared,
    /// Of the module's own files, by name.
    digests: BTreeMap<PathBuf, Digest>,
    pub lock: Lock,
    pub automatic: Vec<PathBuf>,
    pub unreadable: Option<Diagnostic>,
    /// Files that its arguments name.
    pub files: Files,
    /// By the name of the block, each module that is called; or why it is not there.
    pub called: BTreeMap<String, Result<Read, Diagnostic>>,
    /// From its directory to that for which bake was started.
    pub way_up: PathBuf,
}

/// The modules that led to the one that is read.
#[derive(Clone, Copy)]
struct Above<'a> {
    directories: &'a [PathBuf],
    read: &'a Cell<usize>,
    /// What was said when there were too many; it is said once.
    too_many: &'a RefCell<Option<Diagnostic>>,
}

impl Read {
    /// The module in the directory of these options, with its lock file.
    ///
    /// # Errors
    /// If the directory cannot be read, or holds no module.
    pub fn new(options: &LoadOptions<'_>, found: &mut Diagnostics) -> Result<Read, Diagnostics> {
        let shown = match options.directory.as_os_str().is_empty() {
            true => Path::new("."),
            false => options.directory.as_path(),
        };
        let above = Above {
            directories: &[],
            read: &Cell::new(0),
            too_many: &RefCell::default(),
        };
        let mut read = Read::at(shown, above, found)?;
        read.lock = found.take(Lock::read(shown)).unwrap_or_default();
        // Also of one that does not read: a plan that was made without it is not the plan of this module.
        let digest = Lock::digest_in(shown);
        read.digests.extend(digest.map(|digest| (lock::FILE.into(), digest)));
        Ok(read)
    }

    fn at(shown: &Path, above: Above<'_>, found: &mut Diagnostics) -> Result<Read, Diagnostics> {
        let files = sources::find(shown)?;
        let directory = std::fs::canonicalize(shown)
            .map_err(|error| Diagnostic::error(format!("cannot read the directory {}: {error}", shown.display())))?;
        let mut said = Diagnostics::new();
        let (bodies, digests) = sources::parse(&files.modules, &mut said);
        let unreadable = said.iter().next().cloned();
        let declared = Declared::of(bodies, &mut said);
        found.extend(said);
        let directories: Vec<PathBuf> = above.directories.iter().cloned().chain([directory.clone()]).collect();
        let here = Above {
            directories: &directories,
            ..above
        };
        let calls = declared.modules.iter();
        let called = calls
            .map(|(name, written)| (name.clone(), called(shown, written, here, found)))
            .collect();
        Ok(Read {
            files: Files::new(&directory),
            way_up: way_up(&directory, &directories[0]),
            directory,
            declared,
            digests,
            lock: Lock::default(),
            automatic: files.variables,
            unreadable,
            called,
        })
    }

    /// Whether it declares this variable as ephemeral.
    pub(super) fn is_ephemeral(&self, variable: &str) -> bool {
        let written = self.declared.variables.get(variable);
        let says = written.and_then(|written| written.body.attribute("ephemeral"));
        says.is_some_and(|says| Literals::is_true(&says.value))
    }

    /// The files of the module and of those that it calls, by their paths from its directory, or absolute.
    pub fn module_files(&self) -> BTreeMap<PathBuf, Digest> {
        let relative = |path: &Path| {
            path.strip_prefix(&self.directory)
                .map_or(path.to_owned(), Path::to_owned)
        };
        let below = self.called.values().flatten();
        let below = below.flat_map(|read| {
            let files = read.module_files().into_iter();
            files.map(|(path, digest)| (relative(&read.directory.join(path)), digest))
        });
        self.digests.clone().into_iter().chain(below).collect()
    }

    /// Those, and the files that arguments name.
    pub fn all_files(&self) -> BTreeMap<PathBuf, Digest> {
        let relative = |path: &Path| {
            path.strip_prefix(&self.directory)
                .map_or(path.to_owned(), Path::to_owned)
        };
        let below = self.called.values().flatten();
        let below = below.flat_map(|read| {
            let files = read.all_files().into_iter();
            files.map(|(path, digest)| (relative(&read.directory.join(path)), digest))
        });
        let own = self.digests.clone().into_iter().chain(self.files.read());
        own.chain(below).collect()
    }

    /// The names of those variables that may not enter what is kept.
    pub(super) fn ephemeral(&self) -> BTreeSet<String> {
        let all = self.declared.variables.keys();
        all.filter(|name| self.is_ephemeral(name)).cloned().collect()
    }

    /// What references mean, but for variables.
    pub(super) fn names<'a>(
        &'a self,
        path: &ModulePath,
        read: &'a Noted,
        data: &BTreeMap<String, Result<Value, Diagnostic>>,
        providers: &[ProviderKey],
    ) -> Names<'a> {
        let mut names = Names::new(&self.declared, &self.directory, read);
        names.data = data.clone();
        names.providers = providers.to_vec();
        names.path = path.clone();
        names.module = Some(self);
        names.unreadable = self.unreadable.clone();
        names
    }
}

/// Looks whether variables hold what they must; one that does not is as good as none.
pub(super) fn validate_all(names: &Names<'_>, variables: &BTreeMap<String, Variable>, found: &mut Diagnostics) {
    for (name, variable) in variables.iter().filter(|(_, one)| one.value.is_ok()) {
        if let Err(errors) = validate(names, name, variable) {
            let first = errors.iter().next().cloned();
            found.extend(errors);
            let broken = first.map(|first| (name.clone(), Err(first)));
            names.variables.borrow_mut().extend(broken);
        }
    }
}

/// The module that a block calls.
fn called(shown: &Path, written: &Written, above: Above<'_>, found: &mut Diagnostics) -> Result<Read, Diagnostic> {
    let place = |error: Diagnostic, found: &mut Diagnostics| {
        found.push(error.clone());
        error
    };
    let files = Files::new("/");
    let mut decoder = Decoder::new(&Literals, &files, None);
    let object = decoder.block(written, &MODULE);
    let first = decoder.found.iter().next().cloned();
    found.extend(decoder.found);
    let Some(source) = object.spanned_text("source").filter(|_| first.is_none()) else {
        return Err(first.unwrap_or_else(|| Diagnostic::error("the module has no source").at(&written.span)));
    };
    if let Some(said) = above.too_many.borrow().clone() {
        return Err(said);
    }
    let read = directory_of(shown, &source, above)
        .map_err(Diagnostics::from)
        .and_then(|path| {
            above.read.set(above.read.get() + 1);
            Read::at(&path, above, found)
        });
    read.map_err(|errors| {
        let error = errors
            .into_iter()
            .next()
            .unwrap_or_else(|| Diagnostic::error("the module cannot be read"));
        let error = match error.labels.is_empty() {
            true => error.at(&source.span),
            false => error,
        };
        place(error, found)
    })
    .and_then(|read| {
        read.bake(found);
        match read.declared.providers.first() {
            Some(provider) => {
                let error = Diagnostic::error("a module that is called declares no providers").at(&provider.span);
                let error = error.label(&written.span, "it is called here");
                Err(place(
                    error.help("declare them in the module for which bake is started"),
                    found,
                ))
            }
            None => match reserved(&read, &written.span) {
                Some(error) => Err(place(error, found)),
                None => Ok(read),
            },
        }
    })
}

/// A variable that no `module` block could give a value, because the block itself has an argument of that name.
fn reserved(read: &Read, call: &Span) -> Option<Diagnostic> {
    let mut variables = read.declared.variables.iter();
    let (name, written) = variables.find(|(name, _)| MODULE.argument(name).is_some())?;
    let error = Diagnostic::error(format!(
        "no variable of a module that is called can be named \"{name}\""
    ));
    let error = error.at(&written.span).label(call, "it is called here");
    Some(error.help(format!(
        "a module block has an argument {name} of its own: choose another name"
    )))
}

/// Where a called module is, as messages name it.
fn directory_of(shown: &Path, source: &Spanned<String>, above: Above<'_>) -> Result<PathBuf, Diagnostic> {
    let text = &source.value;
    let local = [".", ".."]
        .iter()
        .any(|up| text == up || text.starts_with(&format!("{up}/")));
    if !local {
        let error = Diagnostic::error(format!("{text:?} is no directory beside this one")).at(&source.span);
        return Err(
            error.help("a source begins with ./ or ../; modules are not fetched, so keep them in the repository")
        );
    }
    let (joined, short) = (shown.join(text), tidy(&shown.join(text)));
    // Behind a link `..` leads elsewhere than the text of the path says.
    let same = || std::fs::canonicalize(&joined).ok() == std::fs::canonicalize(&short).ok();
    let path = if same() { short } else { joined };
    let directory = std::fs::canonicalize(&path).map_err(|error| {
        let error = match error.kind() {
            std::io::ErrorKind::NotFound => Diagnostic::error(format!("there is no directory {}", path.display())),
            _ => Diagnostic::error(format!("cannot read the directory {}: {error}", path.display())),
        };
        error.at(&source.span)
    })?;
    if let Some(at) = above.directories.iter().position(|one| *one == directory) {
        let error = match above.directories.len() - at {
            1 => Diagnostic::error("a module calls itself"),
            2 => Diagnostic::error("a module calls itself by way of another"),
            more => Diagnostic::error(format!("a module calls itself by way of {} others", more - 1)),
        };
        return Err(error.label(&source.span, "this leads back to it"));
    }
    if above.directories.len() >= DEEPEST || above.read.get() >= MOST {
        let error = Diagnostic::error("modules call modules too often").at(&source.span);
        let error = error.note(format!("at most {MOST} calls, {DEEPEST} deep, are read"));
        above.too_many.replace(Some(error.clone()));
        return Err(error);
    }
    Ok(path)
}

/// `a/b` of `a/c/../b` and `./a/./b`.
fn tidy(path: &Path) -> PathBuf {
    let mut tidy = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir if matches!(tidy.components().next_back(), Some(Component::Normal(_))) => {
                tidy.pop();
            }
            other => tidy.push(other),
        }
    }
    match tidy.as_os_str().is_empty() {
        true => PathBuf::from("."),
        false => tidy,
    }
}

/// `../..`; where the directories have nothing to do with each other the absolute path.
fn way_up(from: &Path, root: &Path) -> PathBuf {
    match from.strip_prefix(root) {
        Ok(below) if below.as_os_str().is_empty() => PathBuf::from("."),
        Ok(below) => below.components().map(|_| Component::ParentDir).collect(),
        Err(_) => root.to_owned(),
    }
}

/// Goes through a module and all modules that are called, each with the names that stand for secrets. One that is given what may
/// not be kept is left out: that is said of its call.
pub(super) fn visit<'a>(names: &Names<'a>, identities: &Names<'a>, each: &mut dyn FnMut(&Names<'a>, &Names<'a>)) {
    each(names, identities);
    let stand_ins = identities.called();
    for below in names.called() {
        let stand_in = stand_ins.iter().find(|one| one.path == below.path);
        if let Some(stand_in) = stand_in.filter(|one| !one.withholds_more_than(&below)) {
            visit(&below, stand_in, each);
        }
    }
}

/// Whether a value holds what its variable asks of it.
///
/// # Errors
/// What it does not hold.
pub(super) fn validate(names: &Names<'_>, name: &str, variable: &Variable) -> Result<(), Diagnostics> {
    let mut found = Diagnostics::new();
    let within = names.at_top();
    for written in &variable.validations {
        let mut said = Diagnostics::new();
        let about = (Severity::Error, Guards::Nothing);
        Conditions::default().look(&within, written, bad_value(name), about, &mut said);
        let given = |error: Diagnostic| match &variable.origin {
            Some(span) => error.label(span, "given here"),
            None => error,
        };
        found.extend(said.into_iter().map(given));
    }
    found.into_result(()).map(|_| ())
}
