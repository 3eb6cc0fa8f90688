//! A module that is asked questions: expressions in its scope, one after the other.

use std::path::Path;
use std::rc::Rc;

use super::blocks::Declared;
use super::names::Names;
use super::tree::Read;
use super::{LoadOptions, given, variables};
use crate::diagnostic::Diagnostics;
use crate::lang::{Noted, Value, parse_expression};
use crate::secrets::Secrets;
use crate::source::Source;

/// The names of a module, ready to be asked for.
pub struct Explorer<'a> {
    names: Rc<Names<'a>>,
    /// Values of sensitive variables.
    secrets: Vec<Value>,
}

/// How expressions that were typed are named in messages.
const TYPED: &str = "<console>";

/// Reads a module as far as it can be read and hands its names on, with what is wrong with it. Without a module there are
/// only functions.
///
/// # Errors
/// The directory cannot be read.
pub fn explore<T>(
    options: &LoadOptions<'_>,
    ask: impl FnOnce(&Explorer<'_>, Diagnostics) -> T,
) -> Result<T, Diagnostics> {
    let mut found = Diagnostics::new();
    let read = match Read::new(options, &mut found) {
        Ok(read) => read,
        Err(_) if holds_no_module(&options.directory) => return Ok(without_module(options, ask)),
        Err(errors) => return Err(errors),
    };
    let given = given::collect(options, &read.automatic, &mut found);
    let variables = variables::evaluate_all(
        &read.declared,
        given,
        options,
        read.unreadable.is_none(),
        None,
        &mut found,
    );
    let files = Noted::new();
    let names = read.names_with_data(&variables, &files, options, &mut found);
    let secrets = variables.values().filter(|one| one.sensitive);
    let secrets = secrets.filter_map(|one| one.value.clone().ok()).collect();
    let explorer = Explorer { names, secrets };
    let found = explorer.masks().mask_all(found.sorted());
    Ok(ask(&explorer, found))
}

fn holds_no_module(directory: &Path) -> bool {
    let entries = std::fs::read_dir(directory);
    entries.is_ok_and(|entries| {
        let names = entries
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned());
        names
            .filter(|name| name.ends_with(".bake.hcl") || name.ends_with(".bake.json"))
            .count()
            == 0
    })
}

fn without_module<T>(options: &LoadOptions<'_>, ask: impl FnOnce(&Explorer<'_>, Diagnostics) -> T) -> T {
    let (declared, files) = (Declared::default(), Noted::new());
    let directory = std::fs::canonicalize(&options.directory).unwrap_or_else(|_| options.directory.clone());
    let names = Names::new(&declared, &directory, &files).shared();
    let secrets = Vec::new();
    ask(&Explorer { names, secrets }, Diagnostics::new())
}

impl Explorer<'_> {
    /// The value of an expression. What waits for an image is not known.
    ///
    /// # Errors
    /// What is wrong with it, or with what it needs.
    pub fn evaluate(&self, text: &str) -> Result<Value, Diagnostics> {
        let expression = parse_expression(&Source::new(TYPED, text))?;
        let value = self.names.at_top().evaluate(&expression);
        // What was wrong with a local is part of the answer already.
        let _ = self.names.take_found();
        value.map_err(|errors| self.masks().mask_all(errors))
    }

    /// What must not be seen of the module, and of what has been typed so far.
    pub fn masks(&self) -> Secrets {
        let hidden = self.names.read.secrets();
        let of_data = self.names.data.values().flatten().flat_map(Value::secret_texts);
        let given = self.secrets.iter().chain(&hidden).flat_map(Value::texts);
        Secrets::new(given.chain(of_data))
    }

    /// What a reference may be, in the order of the alphabet.
    pub fn references(&self) -> Vec<String> {
        let declared = self.names.declared;
        let variables = declared.variables.keys().map(|name| format!("var.{name}"));
        let locals = declared.locals.keys().map(|name| format!("local.{name}"));
        let images = declared.images.keys().map(|name| format!("image.{name}"));
        let modules = declared.modules.keys().map(|name| format!("module.{name}"));
        let paths = ["cwd", "module", "root"].map(|name| format!("path.{name}"));
        let data = declared.data.keys().map(|(kind, name)| format!("data.{kind}.{name}"));
        let mut all: Vec<String> = variables
            .chain(locals)
            .chain(data)
            .chain(images)
            .chain(modules)
            .chain(paths)
            .collect();
        all.sort();
        all
    }
}
