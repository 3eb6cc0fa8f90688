//! Functions that read files: relative to the module, and noted as its inputs.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::{Answer, Fault, text};
use crate::diagnostic::Diagnostic;
use crate::digest::Digest;
use crate::lang::eval::Evaluator;
use crate::lang::syntax::parse_template;
use crate::lang::value::Value;
use crate::source::Source;

/// Bytes of a file whose content becomes a value.
const LARGEST: u64 = 64 << 20;
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
    let content = plain(&path).map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::NotFound => "no such file".to_owned(),
            std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
            std::io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
            std::io::ErrorKind::InvalidInput => "it is no plain file".to_owned(),
            std::io::ErrorKind::FileTooLarge => format!("it has more than {} MiB", LARGEST >> 20),
            _ => error.to_string(),
        };
        Fault::of(0, format!("{} cannot be read: {why}", path.display()))
    })?;
    if let Some(files) = evaluator.scope().files {
        files.record(&path, &content);
    }
    Ok(content)
}

/// A file of bounded size. Devices and fifos, which may have no end, are not even opened.
fn plain(path: &Path) -> std::io::Result<Vec<u8>> {
    let found = std::fs::metadata(path)?;
    if found.is_dir() {
        return Err(std::io::ErrorKind::IsADirectory.into());
    }
    if !found.is_file() {
        return Err(std::io::ErrorKind::InvalidInput.into());
    }
    let mut content = Vec::new();
    // Some files of the kernel's say that they are empty, and are not.
    std::fs::File::open(path)?.take(LARGEST + 1).read_to_end(&mut content)?;
    match content.len() as u64 > LARGEST {
        true => Err(std::io::ErrorKind::FileTooLarge.into()),
        false => Ok(content),
    }
}
