//! Which packages a list of names comes to: apt decides, in a directory of its own that knows no installed package.

use std::path::Path;

use super::sources::Archives;
use super::{Package, Packages};
use crate::host::command::Tool;
use crate::host::error::{HostError, Kind, Result};
use crate::host::files;
use crate::host::temporary::Temporary;

/// Debian's own keys. Who names a mirror and no keyring means Debian.
const DEBIAN_KEYS: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

/// Packages that are wanted, with all that they depend on.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Where they come from.
    pub archives: Archives,
    /// As dpkg calls it: `amd64`.
    pub architecture: String,
    /// Which come without being named, as mmdebstrap(1) calls it: `minbase`.
    pub variant: String,
    /// By name.
    pub packages: Vec<String>,
    /// Left out, by name.
    pub exclude: Vec<String>,
    /// Whether what they recommend comes, too.
    pub recommends: bool,
}

/// The packages. Needs the network, and no root.
///
/// # Errors
/// No archive; an archive that cannot be read, or is not signed by whom it should be; a package that it does not have.
pub async fn resolve(wanted: &Wanted) -> Result<Packages> {
    let lines = wanted.archives.lines().ok_or_else(|| {
        let suite = &wanted.archives.suite;
        let error = HostError::new(
            Kind::NotFound,
            format!("find packages of {suite:?}"),
            "the builder host has no apt source from which they could come",
        );
        error.help("write mirror = \"...\", with the address of a Debian mirror")
    })?;
    let directory = Temporary::new()?;
    let at = directory.path();
    for name in ["etc/apt.conf.d", "etc/preferences.d", "etc/sources.list.d"] {
        files::create_dir_all(&at.join(name))?;
    }
    for name in ["state/lists/partial", "cache/archives/partial"] {
        files::create_dir_all(&at.join(name))?;
    }
    files::replace(&at.join("state/status"), b"")?;
    files::replace(&at.join("etc/sources.list"), (lines.join("\n") + "\n").as_bytes())?;
    apt(at, wanted, &["--quiet", "update"]).run().await.map_err(refused)?;
    let mut arguments = vec![
        "--print-uris".to_owned(),
        "--yes".to_owned(),
        "install".to_owned(),
        "--".to_owned(),
    ];
    arguments.extend(wanted.all());
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = apt(at, wanted, &arguments).run().await.map_err(refused)?;
    read(&String::from_utf8_lossy(&output))
}

impl Wanted {
    /// What apt-get install is told: names, and patterns (apt-patterns(7)) for what comes without being named
    /// (mmdebstrap(1), "VARIANTS").
    fn all(&self) -> Vec<String> {
        let of_variant: &[&str] = match self.variant.as_str() {
            "extract" => &[],
            "essential" => &["?essential"],
            "apt" => &["?essential", "apt"],
            "buildd" => &["?essential", "?priority(required)", "apt", "build-essential"],
            "important" => &["?essential", "?priority(required)", "?priority(important)", "apt"],
            "standard" => &[
                "?essential",
                "?priority(required)",
                "?priority(important)",
                "?priority(standard)",
                "apt",
            ],
            _ => &["?essential", "?priority(required)", "apt"],
        };
        let of_variant = of_variant.iter().map(|&one| one.to_owned());
        let left_out = self.exclude.iter().map(|name| format!("{name}-"));
        of_variant.chain(self.packages.clone()).chain(left_out).collect()
    }
}

/// apt-get with everything of its own under a directory; of the host only proxies and the like are taken, and whom it
/// trusts.
fn apt(at: &Path, wanted: &Wanted, arguments: &[&str]) -> Tool {
    let option = |name: &str, value: &str| ["-o".to_owned(), format!("{name}={value}")];
    let path = |name: &str| at.join(name).display().to_string();
    let options = [
        ("Dir::Etc", path("etc")),
        ("Dir::Etc::Trusted", DEBIAN_KEYS.to_owned()),
        ("Dir::Etc::TrustedParts", "/etc/apt/trusted.gpg.d".to_owned()),
        ("Dir::State", path("state")),
        ("Dir::State::status", path("state/status")),
        ("Dir::Cache", path("cache")),
        ("APT::Architecture", wanted.architecture.clone()),
        ("APT::Architectures", wanted.architecture.clone()),
        ("APT::Install-Recommends", wanted.recommends.to_string()),
        ("APT::Sandbox::User", String::new()),
        // Without it a mirror that does not answer is only a warning.
        ("APT::Update::Error-Mode", "any".to_owned()),
        ("Acquire::ForceHash", "SHA256".to_owned()),
        ("Acquire::Languages", "none".to_owned()),
        ("Debug::NoLocking", "true".to_owned()),
    ];
    let mut words: Vec<String> = options.iter().flat_map(|(name, value)| option(name, value)).collect();
    words.extend(arguments.iter().map(|&word| word.to_owned()));
    Tool {
        program: "apt-get".to_owned(),
        arguments: words,
        ..Tool::default()
    }
    .env("LC_ALL", "C.UTF-8")
}

/// What apt complained of, without the options that it was run with.
fn refused(error: HostError) -> HostError {
    if error.kind != Kind::Failed {
        return error;
    }
    let complaints = |line: &&str| line.starts_with("E: ") || line.starts_with("W: ");
    let lines: Vec<&str> = error.reason.lines().map(str::trim).filter(complaints).collect();
    let reason = match lines.is_empty() {
        true => error.reason.clone(),
        false => lines.join("\n"),
    };
    let error = HostError::new(Kind::Failed, "find the packages", reason);
    error.help("look at mirror, suite, keyring and the names of the packages")
}

/// Reads what `--print-uris` writes: `'URL' NAME_VERSION_ARCHITECTURE.deb SIZE SHA256:HEX`.
fn read(output: &str) -> Result<Packages> {
    let lines = output.lines().filter(|line| line.starts_with('\''));
    lines
        .map(|line| {
            package(line).ok_or_else(|| {
                HostError::new(
                    Kind::Unsupported,
                    "read what apt-get answers",
                    format!("{line:?} names no package with a SHA-256"),
                )
            })
        })
        .collect()
}

fn package(line: &str) -> Option<(String, Package)> {
    let mut words = line.split(' ');
    let url = words.next()?.trim_matches('\'').to_owned();
    let file = words.next()?.strip_suffix(".deb")?;
    let sha256 = words.nth(1)?.strip_prefix("SHA256:")?;
    let mut parts = file.split('_');
    let (name, version) = (parts.next()?, parts.next()?);
    let package = Package {
        version: version.replace("%3a", ":"),
        sha256: sha256.parse().ok()?,
        url,
    };
    super::is_name(name).then(|| (name.to_owned(), package))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_apt_prints_is_read() {
        let hex = "0d".repeat(32);
        let text = format!(
            "Reading package lists...\nThe following\n  libx y\n\
             'http://d.example/pool/main/u/util-linux/bsdutils_2.38.1-5%2bdeb12u3_amd64.deb' \
             bsdutils_1%3a2.38.1-5+deb12u3_amd64.deb 86972 SHA256:{hex}\n"
        );
        let packages = read(&text).unwrap();
        let package = &packages["bsdutils"];
        assert_eq!(package.version, "1:2.38.1-5+deb12u3");
        assert_eq!(package.sha256.hex(), hex);
        assert!(package.url.ends_with("bsdutils_2.38.1-5%2bdeb12u3_amd64.deb"));
        assert!(read("'http://x/y_1_all.deb' y_1_all.deb 3 MD5Sum:00\n").is_err());
    }
}
