//! Functions that read files: relative to the module, and noted as its inputs.

use std::path::PathBuf;

use super::{Answer, Fault, text};
use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::lang::eval::Evaluator;
use crate::lang::syntax::parse_template;
use crate::lang::value::Value;
use crate::source::Source;

/// How deep templates may call templates.
const DEEPEST: usize = 200;

pub(super) fn file(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let content = read(evaluator, text(arguments, 0))?;
    let text = String::from_utf8(content).map_err(|_| Fault::of(0, "the file is not UTF-8 text"))?;
    Ok(text.into())
}

pub(super) fn filesha256(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    Ok(Digest::of(&read(evaluator, text(arguments, 0))?).hex().into())
}

pub(super) fn fileexists(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let path = locate(evaluator, text(arguments, 0))?;
    match std::fs::metadata(&path) {
        Ok(found) if found.is_dir() => Err(Fault::of(0, "it is a directory, not a file")),
        Ok(_) => Ok(true.into()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false.into()),
        Err(error) => Err(Fault::of(0, format!("{} cannot be looked at: {error}", path.display()))),
    }
}

/// A file as a template, with these variables and no other references.
pub(super) fn templatefile(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let path = text(arguments, 0);
    let Some(variables) = arguments[1].attributes() else {
        return Err(Fault::of(1, "a map is required"));
    };
    if evaluator.depth() > DEEPEST {
        return Err(Fault::call("templates call each other too deeply"));
    }
    let content = read(evaluator, path)?;
    let content = String::from_utf8(content).map_err(|_| Fault::of(0, "the file is not UTF-8 text"))?;
    let source = Source::new(locate(evaluator, path)?, content);
    let template = parse_template(&source).map_err(Fault::Said)?;
    for reference in template.references() {
        if !variables.contains_key(reference.root()) {
            let error = Diagnostic::error(format!("no variable of this template is called {:?}", reference.root()))
                .at(&reference.span)
                .help("hand it over in the second argument of templatefile");
            return Err(Fault::Said(error.into()));
        }
    }
    let variables = variables.iter().map(|(name, value)| (name.clone(), value.clone()));
    let scope = *evaluator.scope();
    let mut inner = Evaluator::with_variables(&scope, variables.collect(), evaluator.depth() + 1);
    inner.value(&template).map_err(Fault::Said)
}

fn locate(evaluator: &Evaluator<'_>, path: &str) -> Result<PathBuf, Fault> {
    let directory = evaluator.scope().directory;
    let directory = directory.ok_or_else(|| Fault::call("no files can be read here"))?;
    let home = path.strip_prefix("~/").zip(std::env::home_dir());
    Ok(match home {
        Some((rest, home)) => home.join(rest),
        None => directory.join(path),
    })
}

fn read(evaluator: &Evaluator<'_>, path: &str) -> Result<Vec<u8>, Fault> {
    let path = locate(evaluator, path)?;
    let content = std::fs::read(&path).map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "no such file".to_owned(),
            std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            std::io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
            _ => error.to_string(),
        };
        Fault::of(0, format!("{} cannot be read: {why}", path.display()))
    })?;
    if let Some(files) = evaluator.scope().files {
        files.record(&path, &content);
    }
    Ok(content)
}
