//! The lock file, `bake.lock.hcl`: what the data sources of a module found, so that everybody who plans sees the same
//! world. Only `bake update` and `bake init` write it.

mod text;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::sources;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::digest::Digest;
use crate::host::files;
use crate::lang::syntax::{self, Block as Written, Body};
use crate::lang::{Nothing, Scope, Value, evaluate};
use crate::source::{Source, Span};

/// Its name, beside the module.
pub const FILE: &str = "bake.lock.hcl";

/// The format that this bake writes, and the only one that it reads.
const FORMAT: u64 = 1;

/// What is pinned.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lock {
    /// RFC 3339: the moment that images are dated with (`SOURCE_DATE_EPOCH`).
    pub date: Option<String>,
    /// By the address of the source: `data.http.key`.
    pub entries: BTreeMap<String, Entry>,
    /// Comments over the first line that is none.
    comments: Vec<String>,
    /// Of the bytes of the file; none if there is no file.
    pub digest: Option<Digest>,
}

/// What one source found.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Over what it was asked with.
    pub arguments: Digest,
    /// Attributes by name.
    pub found: BTreeMap<String, Value>,
    /// Comments over its block.
    comments: Vec<String>,
}

impl Entry {
    /// A new one. What is found is kept as it will be read again: without types.
    pub fn new(arguments: Digest, found: BTreeMap<String, Value>) -> Entry {
        let plain = |(name, value): (String, Value)| (name, Value::from_json(&value.to_json()));
        Entry {
            arguments,
            found: found.into_iter().map(plain).collect(),
            comments: Vec::new(),
        }
    }
}

/// What an update does to one source.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Which source.
    pub address: String,
    /// What the file held.
    pub before: Option<BTreeMap<String, Value>>,
    /// What it holds now.
    pub after: Option<BTreeMap<String, Value>>,
}

impl Lock {
    /// That of a module in this directory, as messages name it. Without a file nothing is pinned.
    ///
    /// # Errors
    /// A file that cannot be read, has another format, or is damaged.
    pub fn read(directory: &Path) -> Result<Lock, Diagnostics> {
        let path = path(directory);
        if !path.exists() {
            return Ok(Lock::default());
        }
        Lock::parse(&sources::read(&path)?).map_err(|errors| errors.into_iter().map(advised).collect())
    }

    /// Of the file in this directory, whatever it holds; none without one.
    pub fn digest_in(directory: &Path) -> Option<Digest> {
        files::read(&path(directory)).ok().map(|text| Digest::of(&text))
    }

    fn parse(source: &Arc<Source>) -> Result<Lock, Diagnostics> {
        let body =
            syntax::parse(source).map_err(|errors| errors.sorted().into_iter().take(1).collect::<Diagnostics>())?;
        check_format(&body, source)?;
        let mut found = Diagnostics::new();
        let mut entries = BTreeMap::new();
        for written in &body.blocks {
            let Some((address, entry)) = found.take(entry(written)) else {
                continue;
            };
            if entries.insert(address.clone(), entry).is_some() {
                found.push(Diagnostic::error(format!("{address} is pinned twice")).at(&written.span));
            }
        }
        let date = found.take(date(&body)).flatten();
        let lock = Lock {
            date,
            entries,
            comments: text::comments_at_top(source.text()),
            digest: Some(Digest::of(source.text().as_bytes())),
        };
        found.into_result(lock).map(|(lock, _)| lock)
    }

    /// What is pinned of a source that is asked with these arguments.
    pub fn pinned(&self, address: &str, arguments: &Digest) -> Option<&Entry> {
        self.entries.get(address).filter(|entry| entry.arguments == *arguments)
    }

    /// Takes over what was found: pins the new, forgets what is not among `declared`. Comments stay with their blocks.
    pub fn update(&mut self, declared: &[String], found: BTreeMap<String, Entry>) -> Vec<Change> {
        let before = self.entries.clone();
        self.entries.retain(|address, _| declared.contains(address));
        for (address, mut entry) in found {
            if let Some(old) = self.entries.get(&address) {
                entry.comments = old.comments.clone();
            }
            self.entries.insert(address, entry);
        }
        let mut addresses: Vec<&String> = before.keys().chain(self.entries.keys()).collect();
        addresses.sort();
        addresses.dedup();
        let of = |all: &BTreeMap<String, Entry>, address: &String| all.get(address).map(|entry| entry.found.clone());
        let changes = addresses.into_iter().map(|address| Change {
            address: address.clone(),
            before: of(&before, address),
            after: of(&self.entries, address),
        });
        changes.filter(|change| change.before != change.after).collect()
    }

    /// Writes the file, whole or not at all; not if it says the same already.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn write(&self, directory: &Path) -> Result<(), Diagnostic> {
        let text = text::written(self);
        match self.digest == Some(Digest::of(text.as_bytes())) {
            true => Ok(()),
            false => Ok(files::replace(&path(directory), text.as_bytes())?),
        }
    }
}

fn path(directory: &Path) -> PathBuf {
    match directory == Path::new(".") || directory.as_os_str().is_empty() {
        true => PathBuf::from(FILE),
        false => directory.join(FILE),
    }
}

/// Whoever reads the error must know how to get out.
fn advised(error: Diagnostic) -> Diagnostic {
    match error.help.is_empty() {
        true => error.help(format!(
            "restore {FILE} from version control, or remove it and run bake update"
        )),
        false => error,
    }
}

fn check_format(body: &Body, source: &Arc<Source>) -> Result<(), Diagnostic> {
    let Some(written) = body.attribute("format") else {
        let start = Span::new(source, 0..0);
        return Err(Diagnostic::error(format!("{FILE} does not say its format")).at(&start));
    };
    let span = &written.value.span;
    match literal(&written.value).ok().and_then(|value| value.as_u64()) {
        Some(FORMAT) => Ok(()),
        Some(newer) if newer > FORMAT => {
            let error = Diagnostic::error(format!("{FILE} was written by a newer bake"));
            let error = error.label(span, format!("this bake reads format {FORMAT}"));
            Err(error.help("use the bake that wrote it, or a later one"))
        }
        _ => Err(Diagnostic::error(format!("{FILE} has an unknown format")).label(span, format!("{FORMAT} is wanted"))),
    }
}

fn date(body: &Body) -> Result<Option<String>, Diagnostic> {
    let Some(written) = body.attribute("date") else {
        return Ok(None);
    };
    let value = literal(&written.value)?;
    let moment = value.as_str().filter(|text| text.parse::<jiff::Timestamp>().is_ok());
    let wrong = || Diagnostic::error("this is no date").label(&written.value.span, "such as \"2026-01-31T12:00:00Z\"");
    moment.map(|text| Some(text.to_owned())).ok_or_else(wrong)
}

fn literal(expression: &syntax::Expression) -> Result<Value, Diagnostic> {
    evaluate(expression, &Scope::new(&Nothing)).map_err(|errors| {
        let first = errors.into_iter().next();
        first.unwrap_or_else(|| Diagnostic::error("a value is wanted").at(&expression.span))
    })
}

fn entry(written: &Written) -> Result<(String, Entry), Diagnostic> {
    let wrong = |why: &str| Diagnostic::error(format!("{FILE} is not as bake writes it")).label(&written.span, why);
    let (label, body) = match written.labels.as_slice() {
        [label] if written.kind.value == "source" => (label, &written.body),
        _ => return Err(wrong("source \"ADDRESS\" { ... } is wanted")),
    };
    let value = |name: &str| {
        let attribute = body.attribute(name);
        attribute
            .ok_or_else(|| wrong(&format!("it has no {name}")))
            .map(|one| &one.value)
    };
    let arguments = literal(value("arguments")?)?;
    let arguments = arguments.as_str().and_then(|text| text.parse().ok());
    let found = literal(value("found")?)?;
    let found = found.attributes().cloned();
    let entry = Entry {
        arguments: arguments.ok_or_else(|| wrong("its arguments are no digest"))?,
        found: found.ok_or_else(|| wrong("what it found is no object"))?,
        comments: text::comments_over(&written.span),
    };
    Ok((label.value.clone(), entry))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Lock, Vec<String>> {
        let lock = Lock::parse(&Source::new(FILE, text));
        lock.map_err(|errors| errors.into_iter().map(|error| error.summary).collect())
    }

    fn entry(found: serde_json::Value) -> Entry {
        let found = Value::from_json(&found).attributes().cloned().unwrap();
        Entry::new(Digest::of(b"x"), found)
    }

    #[test]
    fn what_is_written_is_read() {
        let mut lock = Lock {
            date: Some("2026-01-31T12:00:00Z".into()),
            ..Lock::default()
        };
        let found = serde_json::json!({
            "body": "a \"b\" ${c} %{d} \u{1} $${e}\n\tü\\", "none": null, "n": 3, "x-y": ["a", true], "m": { "k.l": "v", "e": {} },
        });
        let all = [("data.http.b[\"x\"]", found), ("data.http.a", serde_json::json!({}))];
        let all: BTreeMap<String, Entry> = all
            .into_iter()
            .map(|(at, found)| (at.to_owned(), entry(found)))
            .collect();
        let declared: Vec<String> = all.keys().cloned().collect();
        assert_eq!(lock.update(&declared, all).len(), 2);
        let text = text::written(&lock);
        let read = parse(&text).unwrap();
        assert_eq!(read.entries, lock.entries, "{text}");
        assert_eq!(read.date, lock.date);
        assert_eq!(text::written(&read), text);
    }

    #[test]
    fn comments_stay_and_what_is_gone_goes() {
        let digest = Digest::of(b"x");
        let block = |name: &str| format!("source \"{name}\" {{\n  arguments = \"{digest}\"\n  found     = {{}}\n}}\n");
        let text = format!(
            "# mine\nformat = 1\n\n# of a\n# twice\n{}\n# of b\n{}",
            block("data.http.a"),
            block("data.http.b")
        );
        let mut lock = parse(&text).unwrap();
        let new = entry(serde_json::json!({ "body": "1" }));
        let changes = lock.update(&["data.http.a".into()], [("data.http.a".into(), new)].into());
        assert_eq!(changes.len(), 2);
        let text = text::written(&lock);
        assert!(
            text.starts_with("# mine\nformat = 1\n") && text.contains("\n# of a\n# twice\nsource \"data.http.a\""),
            "{text}"
        );
        assert!(!text.contains("of b"), "{text}");
    }

    #[test]
    fn what_bake_has_not_written_is_refused() {
        for (text, wanted) in [
            ("", "does not say its format"),
            ("format = 2\nnew = true\n", "newer bake"),
            ("format = \"x\"\n", "unknown format"),
            ("format = 1\ndate = \"today\"\n", "no date"),
            ("format = 1\nsource \"a\" {\n}\n", "not as bake writes it"),
            ("format = 1\nother {\n}\n", "not as bake writes it"),
            ("<<<<<<< HEAD\nformat = 1\n", ""),
        ] {
            let errors = parse(text).expect_err(text);
            assert!(errors[0].contains(wanted), "{text}: {errors:?}");
        }
    }
}
