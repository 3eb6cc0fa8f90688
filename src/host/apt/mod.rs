//! Debian's package archives: where they are, which packages a list of names comes to, and packages on disk.

mod pool;
mod resolve;
pub mod sources;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::digest::Digest;

pub use pool::Pool;
pub use resolve::{Wanted, resolve};

/// A package of one version, as an archive has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Package {
    /// `3.0.15-1~deb12u1`, with its epoch.
    pub version: String,
    /// Of the `.deb` file.
    pub sha256: Digest,
    /// Where the file lies.
    pub url: String,
}

/// Packages by name: all that are needed, each in one version.
pub type Packages = BTreeMap<String, Package>;

/// As lock files have it: `3.0.15-1 sha256:... http://...`.
impl fmt::Display for Package {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.version, self.sha256, self.url)
    }
}

/// Why a text is no [`Package`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a version, a sha256:... and a url are wanted, with a blank between them")]
pub struct NotAPackage;

impl FromStr for Package {
    type Err = NotAPackage;

    fn from_str(text: &str) -> Result<Package, NotAPackage> {
        let words: Vec<&str> = text.split(' ').collect();
        let [version, sha256, url] = words[..] else {
            return Err(NotAPackage);
        };
        // A version becomes part of a file's name.
        let plain = |c: char| c.is_ascii_alphanumeric() || ".+-~:".contains(c);
        if version.is_empty() || !version.chars().all(plain) || url.is_empty() {
            return Err(NotAPackage);
        }
        Ok(Package {
            version: version.to_owned(),
            sha256: sha256.parse().map_err(|_| NotAPackage)?,
            url: url.to_owned(),
        })
    }
}

/// Whether this may be the name of a package (deb-control(5), "Package").
pub fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "+-.".contains(c);
    text.len() >= 2 && text.chars().all(plain) && text.starts_with(|c: char| c.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_read_as_they_are_written() {
        let hex = "ab".repeat(32);
        let text = format!("1:2.38.1-5+deb12u3 sha256:{hex} http://d.example/pool/b/x_1%3a2.deb");
        assert_eq!(text.parse::<Package>().unwrap().to_string(), text);
        for wrong in [
            "",
            "1",
            "1 2 3",
            &format!("../x sha256:{hex} u"),
            &format!("1 sha256:{hex} "),
            &format!("1 sha256:{hex} u more"),
        ] {
            assert_eq!(wrong.parse::<Package>(), Err(NotAPackage), "{wrong}");
        }
        assert!(is_name("libstdc++6") && !is_name("../x") && !is_name("-x") && !is_name("a") && !is_name("a/b"));
    }
}
