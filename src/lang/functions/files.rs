//! Functions that read files: relative to the module, and noted as its inputs.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512};

use super::fileset::Look;
use super::hashes::hex;
use super::{ANY, Answer, BOOL, Fault, Function, Run, STRING, takes, text};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::eval::{Evaluator, held, unknown};
use crate::lang::syntax::{Expression, ExpressionKind, parse_template};
use crate::lang::types::Type;
use crate::lang::value::Value;
use crate::source::{Source, Span};

/// Functions that read files.
pub(super) const TABLE: &[Function] = &[
    Function::reading("file", "The text in a file.", &[takes("path", STRING)], STRING, file),
    Function::of_file("filebase64", "What is in a file, in base64.", |content| {
        STANDARD.encode(content)
    }),
    Function::of_file("filebase64sha256", "The SHA-256 of a file, in base64.", |content| {
        STANDARD.encode(Sha256::digest(content))
    }),
    Function::of_file("filebase64sha512", "The SHA-512 of a file, in base64.", |content| {
        STANDARD.encode(Sha512::digest(content))
    }),
    Function::reading(
        "fileexists",
        "Whether a file stands at a path.",
        &[takes("path", STRING)],
        BOOL,
        fileexists,
    ),
    Function::of_file("filemd5", "The MD5 of a file, in hexadecimal.", hex::<Md5>),
    Function::of_file("filesha1", "The SHA-1 of a file, in hexadecimal.", hex::<Sha1>),
    Function::of_file("filesha256", "The SHA-256 of a file, in hexadecimal.", hex::<Sha256>),
    Function::of_file("filesha512", "The SHA-512 of a file, in hexadecimal.", hex::<Sha512>),
    Function::reading(
        "templatefile",
        "A file as a template, with these variables.",
        &[takes("path", STRING), takes("vars", ANY)],
        ANY,
        templatefile,
    )
    .at_the_top(),
    Function::new(
        "templatestring",
        "A text as a template, with these variables; the text is named: local.greeting.",
        &[takes("template", STRING), takes("vars", ANY)],
        ANY,
        Run::Lazy(templatestring),
    ),
];
/// Bytes of a file whose content becomes a value.
const LARGEST: u64 = 64 << 20;
/// How deep templates may call templates.
const DEEPEST: usize = 200;

pub(super) fn file(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let content = read(evaluator, text(arguments, 0))?;
    let text = String::from_utf8(content).map_err(|_| Fault::of(0, "the file is not UTF-8 text"))?;
    Ok(text.into())
}

/// What a function of bytes says of a file.
pub(in crate::lang) fn of_file(evaluator: &Evaluator<'_>, arguments: &[Value], run: fn(&[u8]) -> String) -> Answer {
    Ok(run(&read(evaluator, text(arguments, 0))?).into())
}

pub(super) fn fileexists(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let path = locate(evaluator, text(arguments, 0))?;
    let is_there = match std::fs::metadata(&path) {
        Ok(found) if found.is_dir() => return Err(Fault::of(0, "it is a directory, not a file")),
        Ok(_) => true,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => false,
        Err(error) => return Err(Fault::of(0, format!("{} cannot be looked at: {error}", path.display()))),
    };
    if let Some(noted) = evaluator.notes_files() {
        noted.looked(Look::file(path, is_there));
    }
    Ok(is_there.into())
}

/// A file as a template, with these variables and no other references.
pub(super) fn templatefile(evaluator: &mut Evaluator<'_>, arguments: &[Value]) -> Answer {
    let path = text(arguments, 0);
    if arguments[1].attributes().is_none() {
        return Err(Fault::of(1, "a map is required"));
    }
    if evaluator.depth() > DEEPEST {
        return Err(Fault::call("templates call each other too deeply"));
    }
    let content = read(evaluator, path)?;
    let content = String::from_utf8(content).map_err(|_| Fault::of(0, "the file is not UTF-8 text"))?;
    let source = Source::new(locate(evaluator, path)?, content);
    expand(evaluator, &source, &arguments[1]).map_err(Fault::Said)
}

/// A text as a template, with these variables and no other references.
fn expand(evaluator: &Evaluator<'_>, source: &Arc<Source>, variables: &Value) -> Result<Value, Diagnostics> {
    let template = parse_template(source)?;
    let names = variables.attributes();
    if let Some(bad) = names
        .into_iter()
        .flatten()
        .map(|(name, _)| name)
        .find(|name| !is_name(name))
    {
        let error = Diagnostic::error(format!("no template can refer to a variable called {bad:?}"));
        return Err(error.note("a name begins with a letter or an underscore").into());
    }
    for reference in template.references() {
        if !names.is_some_and(|names| names.contains_key(reference.root())) {
            let error = Diagnostic::error(format!("no variable of this template is called {:?}", reference.root()))
                .at(&reference.span)
                .help("hand it over in the second argument");
            return Err(error.into());
        }
    }
    let own = names.into_iter().flatten();
    let own = own.map(|(name, value)| (name.clone(), value.clone().marked(variables.is_sensitive())));
    let scope = *evaluator.scope();
    Evaluator::with_variables(&scope, own.collect(), evaluator.depth() + 1).value(&template)
}

fn is_name(text: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
    text.starts_with(|c: char| c.is_alphabetic() || c == '_') && text.chars().all(inside)
}

/// `templatestring(local.text, { ... })`: the text is a reference, since a literal is a template already.
fn templatestring(evaluator: &mut Evaluator<'_>, arguments: &[Expression], span: &Span) -> Result<Value, Diagnostics> {
    let [template, variables] = arguments else {
        return Err(Diagnostic::error("templatestring takes a template and its variables")
            .at(span)
            .into());
    };
    let settling = matches!(template.kind, ExpressionKind::Value(_)) && evaluator.scope().known.is_some();
    if template.as_reference().is_none() && !settling {
        return Err(Diagnostic::error("the template of templatestring must be a reference")
            .label(&template.span, "this is none")
            .help("put the text into a local, and write local.NAME; text that stands here is a template without it")
            .into());
    }
    let (text, values) = (evaluator.value(template)?, evaluator.value(variables)?);
    let wrong = |place: &Span, why: &str| -> Diagnostics {
        Diagnostic::error("an argument of templatestring does not fit")
            .label(place, why)
            .into()
    };
    if text.is_null() {
        return Err(wrong(&template.span, "must not be null"));
    }
    if evaluator.depth() > DEEPEST {
        return Err(wrong(span, "templates call each other too deeply"));
    }
    if !matches!(text.type_of(), Type::String | Type::Any) {
        let why = format!("a text is required, not {}", text.type_of().in_words());
        return Err(wrong(&template.span, &why));
    }
    let secret = text.is_sensitive();
    let (Some(content), true) = (text.as_str(), values.is_known()) else {
        let kind = ExpressionKind::Call {
            name: "templatestring".to_owned(),
            arguments: vec![held(&text), held(&values)],
            expand: false,
        };
        return unknown(Type::String, kind, span);
    };
    if values.attributes().is_none() {
        return Err(wrong(&variables.span, "a map is required"));
    }
    let made = expand(evaluator, &Source::new(template.span.text(), content), &values).and_then(|made| {
        let converted = made.convert(&Type::String);
        converted.map_err(|error| Diagnostic::error(error.to_string()).at(span).into())
    });
    match made {
        Ok(made) => Ok(made.marked(secret)),
        // An excerpt of the template would show the secret.
        Err(_) if secret => Err(wrong(
            &template.span,
            "this sensitive text cannot be expanded as a template",
        )),
        Err(errors) => Err(errors),
    }
}

pub(super) fn locate(evaluator: &Evaluator<'_>, path: &str) -> Result<PathBuf, Fault> {
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
    if let Some(noted) = evaluator.notes_files() {
        noted.read(&path, &content);
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
