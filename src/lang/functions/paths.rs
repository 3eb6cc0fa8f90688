//! Paths as texts: only their letters count, as in Go's `filepath`.

use super::{Answer, Fault, Function, STRING, takes, text};
use crate::lang::value::Value;

/// Functions of paths.
pub(super) const TABLE: &[Function] = &[
    Function::pure(
        "abspath",
        "An absolute path of it, from where bake runs.",
        &[takes("path", STRING)],
        STRING,
        abspath,
    ),
    Function::pure(
        "basename",
        "The last part of a path.",
        &[takes("path", STRING)],
        STRING,
        |all| Ok(basename(text(all, 0)).into()),
    ),
    Function::pure(
        "dirname",
        "A path without its last part.",
        &[takes("path", STRING)],
        STRING,
        |all| Ok(dirname(text(all, 0)).into()),
    ),
    Function::pure(
        "pathexpand",
        "A path with the home directory for a ~ at its beginning.",
        &[takes("path", STRING)],
        STRING,
        pathexpand,
    ),
];

fn abspath(arguments: &[Value]) -> Answer {
    let path = text(arguments, 0);
    if path.starts_with('/') {
        return Ok(clean(path).into());
    }
    let here = std::env::current_dir().map_err(|_| Fault::call("the directory in which bake runs is gone"))?;
    Ok(clean(&format!("{}/{path}", here.display())).into())
}

fn basename(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" if path.is_empty() => ".",
        "" => "/",
        trimmed => trimmed.rsplit('/').next().unwrap_or(trimmed),
    }
}

fn dirname(path: &str) -> String {
    clean(path.rfind('/').map_or("", |at| &path[..=at]))
}

/// The shortest path that says the same: without `.`, doubled slashes, and `x/..`.
fn clean(path: &str) -> String {
    let rooted = path.starts_with('/');
    let mut kept: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match (part, kept.last()) {
            ("" | ".", _) => {}
            ("..", Some(last)) if *last != ".." => drop(kept.pop()),
            ("..", None) if rooted => {}
            _ => kept.push(part),
        }
    }
    match (rooted, kept.is_empty()) {
        (true, _) => format!("/{}", kept.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => kept.join("/"),
    }
}

fn pathexpand(arguments: &[Value]) -> Answer {
    let path = text(arguments, 0);
    let Some(rest) = path.strip_prefix('~') else {
        return Ok(path.into());
    };
    if !rest.is_empty() && !rest.starts_with('/') {
        return Err(Fault::of(0, "the home directory of another user is not looked up"));
    }
    let home = std::env::home_dir().ok_or_else(|| Fault::call("there is no home directory"))?;
    let home = home.to_string_lossy();
    Ok(if rest.is_empty() {
        home.into_owned().into()
    } else {
        clean(&format!("{home}/{rest}")).into()
    })
}
