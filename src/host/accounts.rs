//! Users and groups of an image, as its own passwd and group files name them.

use super::error::{HostError, Kind, Result};
use super::inside::Root;

impl Root {
    /// A user's id and group id: by number, or by name in the image's `/etc/passwd`.
    ///
    /// # Errors
    /// [`Kind::NotFound`] for a name that is not there.
    pub fn user(&self, name: &str) -> Result<(u32, Option<u32>)> {
        if let Ok(number) = name.parse() {
            return Ok((number, None));
        }
        let entry = self.entry("/etc/passwd", name)?;
        entry
            .and_then(|fields| Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok())))
            .ok_or_else(|| unknown("user", name, "/etc/passwd"))
    }

    /// A group's id: by number, or by name in the image's `/etc/group`.
    ///
    /// # Errors
    /// [`Kind::NotFound`] for a name that is not there.
    pub fn group(&self, name: &str) -> Result<u32> {
        if let Ok(number) = name.parse() {
            return Ok(number);
        }
        let entry = self.entry("/etc/group", name)?;
        entry
            .and_then(|fields| fields.get(2)?.parse().ok())
            .ok_or_else(|| unknown("group", name, "/etc/group"))
    }

    /// The groups that name a user as a member (group(5)), in the order of the file.
    ///
    /// # Errors
    /// If there is a group file that cannot be read.
    pub fn memberships(&self, name: &str) -> Result<Vec<u32>> {
        let member = |fields: Vec<String>| {
            let members = fields.get(3)?.split(',').any(|one| one == name);
            members.then(|| fields.get(2)?.parse().ok()).flatten()
        };
        Ok(self.entries("/etc/group")?.into_iter().filter_map(member).collect())
    }

    /// The home directory of a user by name or number (passwd(5)); `None` for one that the file does not name.
    ///
    /// # Errors
    /// If there is a passwd file that cannot be read.
    pub fn home(&self, name: &str) -> Result<Option<String>> {
        let is_meant = |fields: &Vec<String>| [fields.first(), fields.get(2)].contains(&Some(&name.to_owned()));
        let found = self.entries("/etc/passwd")?.into_iter().find(is_meant);
        Ok(found.and_then(|fields| fields.into_iter().nth(5)))
    }

    fn entry(&self, table: &str, name: &str) -> Result<Option<Vec<String>>> {
        let mut entries = self.entries(table)?.into_iter();
        Ok(entries.find(|fields| fields.first().is_some_and(|first| first == name)))
    }

    /// The lines of a table by their fields; none if there is no such file.
    fn entries(&self, table: &str) -> Result<Vec<Vec<String>>> {
        let bytes = match self.read(table) {
            Err(error) if error.is_not_found() => Vec::new(),
            other => other?,
        };
        let text = String::from_utf8_lossy(&bytes);
        Ok(text
            .lines()
            .map(|line| line.split(':').map(str::to_owned).collect())
            .collect())
    }
}

fn unknown(what: &str, name: &str, table: &str) -> HostError {
    HostError::new(
        Kind::NotFound,
        format!("find {what} {name}"),
        format!("it is not in {table} of the image"),
    )
    .help(format!("make the {what} in an earlier step, or write its number"))
}
