//! Which step touched a file last, told from the times at which the file and the steps' marks changed.
//!
//! Behind each step of a reproducible image stands a mark in the helper's private directory. The kernel dates marks and
//! files by one clock, so a file belongs to the first step whose mark is not older. Such notes are wanted only when two
//! builds differ.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use super::Context;
use crate::host::helper::{Helper, PRIVATE};
use crate::host::inside::{Attributes, Root, Type};
use crate::host::stack::roomy;
use crate::host::{HostError, Result, files};

/// The directory of the marks, in the private one.
const MARKS: &str = "/steps";

/// Longer than the clock of files stands still (a tick of the kernel, at least 100 in a second).
const TICK: Duration = Duration::from_millis(12);

/// Marks the end of a step of a reproducible image.
///
/// # Errors
/// If the private directory cannot be written.
pub async fn mark(date: Option<i64>, cx: &Context) -> Result<()> {
    if date.is_none() {
        return Ok(());
    }
    let private = cx
        .helper()
        .await
        .map_err(|error| HostError::of_io("mark a step", std::io::Error::other(error)))?;
    let private = private.root(Path::new(PRIVATE)).await?;
    private.make_dir(MARKS)?;
    let number = private.list(MARKS)?.len();
    private.write(
        &format!("{MARKS}/{number:04}"),
        cx.at.to_string().as_bytes(),
        &Attributes::default(),
    )?;
    tokio::time::sleep(TICK).await;
    Ok(())
}

/// Writes down which step touched each path of a file system last; `target` is where it is mounted in the image.
///
/// # Errors
/// If the tree cannot be read, or the file not be written.
pub async fn note(root: &Root, target: &str, helper: &Helper, file: &Path) -> Result<()> {
    let private = helper.root(Path::new(PRIVATE)).await?;
    let mut origins = read(file)?;
    let marks = marks(&private)?;
    walk(root, "", target.trim_end_matches('/'), &marks, &mut origins)?;
    let text =
        serde_json::to_vec(&origins).map_err(|error| HostError::of_io("note origins", std::io::Error::other(error)))?;
    files::replace(file, &text)
}

/// Reads what [`note`] wrote: the address of a step by path in the image; nothing if there is no file.
///
/// # Errors
/// As read(2).
pub fn read(file: &Path) -> Result<BTreeMap<String, String>> {
    match files::read(file) {
        Err(error) if error.is_not_found() => Ok(BTreeMap::new()),
        Err(error) => Err(error),
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).unwrap_or_default()),
    }
}

type Moment = (i64, u64);

fn marks(private: &Root) -> Result<Vec<(Moment, String)>> {
    let names = match private.list(MARKS) {
        Err(error) if error.is_not_found() => Vec::new(),
        other => other?,
    };
    let mut marks = Vec::new();
    for name in names {
        let path = format!("{MARKS}/{}", name.to_string_lossy());
        if let Some(found) = private.metadata(&path)? {
            marks.push((
                found.changed,
                String::from_utf8_lossy(&private.read(&path)?).into_owned(),
            ));
        }
    }
    Ok(marks)
}

fn walk(
    root: &Root,
    directory: &str,
    prefix: &str,
    marks: &[(Moment, String)],
    into: &mut BTreeMap<String, String>,
) -> Result<()> {
    for name in root.list(if directory.is_empty() { "/" } else { directory })? {
        // A name that is no text could not be asked for either.
        let Some(name) = name.to_str() else { continue };
        let path = format!("{directory}/{name}");
        let Some(found) = root.link_metadata(&path)? else {
            continue;
        };
        if let Some((_, step)) = marks.iter().find(|(end, _)| found.changed <= *end) {
            into.insert(format!("{prefix}{path}"), step.clone());
        }
        if found.kind == Type::Directory {
            roomy(|| walk(root, &path, prefix, marks, into))?;
        }
    }
    Ok(())
}
