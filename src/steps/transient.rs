//! Files that are in the image only while it is built: noted in the helper's private directory, and taken out before the
//! root is unmounted.

use super::{Site, StepError};
use crate::host::helper::{Helper, PRIVATE};
use crate::host::inside::{Attributes, Root};

/// The list, in the helper's private directory: one path of the image a line, in the order in which they were made.
const LIST: &str = "/transient";

/// Notes that `destination` and those of its parents that are not there yet are to be taken out.
///
/// # Errors
/// [`StepError::Unfit`] if something is there already that no transient step put there.
pub async fn note(site: &Site, root: &Root, destination: &str) -> Result<(), StepError> {
    let private = site.helper.root(PRIVATE.as_ref()).await?;
    let mut paths = read(&private)?;
    if root.link_metadata(destination)?.is_some() && !paths.iter().any(|path| path == destination) {
        return Err(StepError::Unfit {
            what: format!("{destination} is in the image already, and transient would take it out"),
            help: "choose another destination, or leave transient out".to_owned(),
        });
    }
    for path in with_parents(destination) {
        if root.link_metadata(&path)?.is_none() && !paths.contains(&path) {
            paths.push(path);
        }
    }
    let text: String = paths.iter().map(|path| format!("{path}\n")).collect();
    Ok(private.write(LIST, text.as_bytes(), &Attributes::default())?)
}

/// Takes everything out that was noted. A parent in which something else stands by now stays.
///
/// # Errors
/// Those of the system.
pub async fn take_out(helper: &Helper, root: &Root) -> Result<(), StepError> {
    let private = helper.root(PRIVATE.as_ref()).await?;
    let paths = read(&private)?;
    let is_leaf = |path: &String| !paths.iter().any(|other| other.starts_with(&format!("{path}/")));
    for path in paths.iter().rev() {
        if is_leaf(path) || root.list(path).is_ok_and(|names| names.is_empty()) {
            root.remove(path)?;
        }
    }
    Ok(private.remove(LIST)?)
}

fn read(private: &Root) -> Result<Vec<String>, StepError> {
    match private.read(LIST) {
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error.into()),
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).lines().map(str::to_owned).collect()),
    }
}

/// `/a`, `/a/b`, `/a/b/c`.
fn with_parents(path: &str) -> Vec<String> {
    let ends = path.match_indices('/').map(|(at, _)| at).skip(1).chain([path.len()]);
    ends.map(|end| path[..end].to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_come_before_what_is_in_them() {
        assert_eq!(with_parents("/a/b/c"), ["/a", "/a/b", "/a/b/c"]);
        assert_eq!(with_parents("/a"), ["/a"]);
    }
}
