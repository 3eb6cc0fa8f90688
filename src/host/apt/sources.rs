//! The builder host's own apt sources: where packages come from when a spec names no mirror.

use std::fmt;
use std::path::{Path, PathBuf};

/// One archive with one suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AptSource {
    /// Where.
    pub uri: String,
    /// `bookworm`, `bookworm-security`.
    pub suite: String,
    /// `main`, ...
    pub components: Vec<String>,
    /// Options in brackets that say whom to trust: `signed-by=/usr/share/keyrings/...`.
    pub options: Vec<String>,
}

/// As in `sources.list` (sources.list(5)).
impl fmt::Display for AptSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deb ")?;
        if !self.options.is_empty() {
            write!(f, "[{}] ", self.options.join(" "))?;
        }
        write!(f, "{} {} {}", self.uri, self.suite, self.components.join(" "))
    }
}

/// The archives of a suite: a mirror that was named, or those that the builder host itself uses.
#[derive(Debug, Clone, Default)]
pub struct Archives {
    /// Suite or code name: `bookworm`.
    pub suite: String,
    /// Of the archive.
    pub mirror: Option<String>,
    /// `main`, ...
    pub components: Vec<String>,
    /// Further lines as in `sources.list`.
    pub sources: Vec<String>,
    /// Keys that sign the archives, if it is not those that the host trusts.
    pub keyring: Option<PathBuf>,
}

impl Archives {
    /// Lines as in `sources.list`; none if nothing is named and the host has no source of this suite.
    pub fn lines(&self) -> Option<Vec<String>> {
        let mut found = match &self.mirror {
            Some(uri) => vec![AptSource {
                uri: uri.clone(),
                suite: self.suite.clone(),
                components: self.components.clone(),
                options: of_moment(uri),
            }],
            None => of_suite(
                &read(Path::new("/etc/apt")),
                &own_suite(),
                &self.suite,
                &self.components,
            ),
        };
        if let Some(keyring) = &self.keyring {
            for source in &mut found {
                source.options.retain(|option| !option.starts_with("signed-by="));
                source.options.push(format!("signed-by={}", keyring.display()));
            }
        }
        let lines = found.iter().map(ToString::to_string).chain(self.sources.clone());
        (!found.is_empty()).then(|| lines.collect())
    }
}

/// What a mirror of one moment needs, whose address holds that moment (`.../20260101T000000Z/`, as snapshot.debian.org
/// has it): it says of itself that it has expired (sources.list(5), "check-valid-until").
fn of_moment(uri: &str) -> Vec<String> {
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_moment = |part: &str| {
        let halves = part.strip_suffix('Z').and_then(|part| part.split_once('T'));
        halves.is_some_and(|(day, time)| digits(day, 8) && digits(time, 6))
    };
    match uri.split('/').any(is_moment) {
        true => vec!["check-valid-until=no".to_owned()],
        false => Vec::new(),
    }
}

/// The code name of the builder host's own system (os-release(5)).
fn own_suite() -> String {
    let text = std::fs::read_to_string("/etc/os-release").unwrap_or_default();
    let name = text.lines().find_map(|line| line.strip_prefix("VERSION_CODENAME="));
    name.unwrap_or_default().trim_matches('"').to_owned()
}

/// Reads `/etc/apt` of a root: `sources.list`, then the files of `sources.list.d` in the order of their names. What
/// cannot be read is passed over, as apt passes over what it does not know.
pub fn read(etc_apt: &Path) -> Vec<AptSource> {
    let mut files = vec![etc_apt.join("sources.list")];
    let parts = std::fs::read_dir(etc_apt.join("sources.list.d")).into_iter().flatten();
    let mut parts: Vec<_> = parts.flatten().map(|entry| entry.path()).collect();
    parts.sort();
    files.extend(parts);
    let read_one = |path: &std::path::PathBuf| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        match path.extension().and_then(|ending| ending.to_str()) {
            Some("list") => one_line_style(&text),
            Some("sources") => deb822_style(&text),
            _ => Vec::new(),
        }
    };
    files.iter().flat_map(read_one).collect()
}

/// The sources of a suite with its updates and security fixes. If the host has none of this suite, those of its own
/// suite are taken with the name changed. `components` replaces theirs, unless it is empty.
pub fn of_suite(sources: &[AptSource], own_suite: &str, suite: &str, components: &[String]) -> Vec<AptSource> {
    let named = |base: &str| -> Vec<AptSource> {
        let belongs = |source: &&AptSource| part_of(&source.suite, base).is_some();
        sources.iter().filter(belongs).cloned().collect()
    };
    let has_base = |found: &[AptSource], base: &str| found.iter().any(|source| source.suite == base);
    let mut found = named(suite);
    if !has_base(&found, suite) {
        found = named(own_suite);
        if !has_base(&found, own_suite) {
            return Vec::new();
        }
        // sid has neither updates nor security of its own.
        found.retain(|source| source.suite == own_suite || !["sid", "unstable", "experimental"].contains(&suite));
        for source in &mut found {
            let part = part_of(&source.suite, own_suite).unwrap_or_default().to_owned();
            source.suite = format!("{suite}{part}");
        }
    }
    if !components.is_empty() {
        found
            .iter_mut()
            .for_each(|source| source.components = components.to_vec());
    }
    found.dedup();
    found
}

/// What follows the code name in the name of a suite that belongs to it.
fn part_of<'a>(suite: &'a str, base: &str) -> Option<&'a str> {
    let part = suite.strip_prefix(base)?;
    ["", "-updates", "-security"].contains(&part).then_some(part)
}

fn one_line_style(text: &str) -> Vec<AptSource> {
    let lines = text
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim());
    lines.filter_map(one_line).collect()
}

fn one_line(line: &str) -> Option<AptSource> {
    let rest = line.strip_prefix("deb")?;
    let rest = rest.starts_with(char::is_whitespace).then(|| rest.trim_start())?;
    let (options, rest) = match rest.strip_prefix('[') {
        Some(bracket) => bracket.split_once(']')?,
        None => ("", rest),
    };
    let mut words = rest.split_whitespace().map(str::to_owned);
    Some(AptSource {
        uri: words.next()?,
        suite: words.next()?,
        components: words.collect(),
        options: options
            .split_whitespace()
            .filter(|option| is_trust(option))
            .map(str::to_owned)
            .collect(),
    })
}

fn is_trust(option: &str) -> bool {
    let name = option.split('=').next().unwrap_or_default();
    ["signed-by", "trusted", "check-valid-until"].contains(&name)
}

fn deb822_style(text: &str) -> Vec<AptSource> {
    let lines: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
    let stanzas = lines.split(|line| line.trim().is_empty());
    stanzas.flat_map(stanza).collect()
}

fn stanza(lines: &[&str]) -> Vec<AptSource> {
    let field = |name: &str| -> Vec<String> {
        let is_it = |line: &&str| {
            line.split_once(':')
                .is_some_and(|(found, _)| found.eq_ignore_ascii_case(name))
        };
        let Some(at) = lines.iter().position(is_it) else {
            return Vec::new();
        };
        let first = lines[at].split_once(':').map_or("", |(_, value)| value);
        let more = lines[at + 1..].iter().take_while(|line| line.starts_with([' ', '\t']));
        std::iter::once(first)
            .chain(more.copied())
            .flat_map(str::split_whitespace)
            .map(str::to_owned)
            .collect()
    };
    let disabled = field("Enabled")
        .first()
        .is_some_and(|answer| answer.eq_ignore_ascii_case("no"));
    if disabled || !field("Types").iter().any(|kind| kind == "deb") {
        return Vec::new();
    }
    // A key may stand in the field itself; only a file can be named in one line.
    let signed_by = field("Signed-By").into_iter().next().filter(|key| key.starts_with('/'));
    let trusted = field("Trusted")
        .into_iter()
        .next()
        .map(|answer| format!("trusted={answer}"));
    let options: Vec<String> = signed_by
        .map(|key| format!("signed-by={key}"))
        .into_iter()
        .chain(trusted)
        .collect();
    let (uris, suites) = (field("URIs"), field("Suites"));
    let pairs = uris.iter().flat_map(|uri| suites.iter().map(move |suite| (uri, suite)));
    let source = |(uri, suite): (&String, &String)| AptSource {
        uri: uri.clone(),
        suite: suite.clone(),
        components: field("Components"),
        options: options.clone(),
    };
    pairs.map(source).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODERN: &str = "# comment\nTypes: deb deb-src\nURIs: http://d.example/debian\nSuites: bookworm bookworm-updates\n\
        Components: main contrib\nSigned-By: /usr/share/keyrings/d.gpg\n\nTypes: deb\nURIs: http://d.example/security\n\
        Suites: bookworm-security\nComponents: main\n\nTypes: deb\nEnabled: no\nURIs: http://x\nSuites: bookworm\n";

    fn lines(sources: &[AptSource]) -> Vec<String> {
        sources.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn both_styles_are_read() {
        assert_eq!(
            lines(&deb822_style(MODERN)),
            [
                "deb [signed-by=/usr/share/keyrings/d.gpg] http://d.example/debian bookworm main contrib",
                "deb [signed-by=/usr/share/keyrings/d.gpg] http://d.example/debian bookworm-updates main contrib",
                "deb http://d.example/security bookworm-security main",
            ]
        );
        let old =
            "deb-src http://x y main\n# deb http://x y main\ndeb [arch=amd64 trusted=yes] http://x y main # why\n";
        assert_eq!(lines(&one_line_style(old)), ["deb [trusted=yes] http://x y main"]);
    }

    #[test]
    fn a_mirror_of_one_moment_may_have_expired() {
        let lines = |mirror: &str| {
            let archives = Archives {
                suite: "bookworm".into(),
                mirror: Some(mirror.into()),
                components: vec!["main".into()],
                sources: vec!["deb http://x y z".into()],
                keyring: None,
            };
            archives.lines().unwrap()
        };
        assert_eq!(
            lines("http://s.example/archive/debian/20260101T000000Z/"),
            [
                "deb [check-valid-until=no] http://s.example/archive/debian/20260101T000000Z/ bookworm main",
                "deb http://x y z"
            ]
        );
        assert_eq!(
            lines("http://d.example/debian")[0],
            "deb http://d.example/debian bookworm main"
        );
    }

    #[test]
    fn a_suite_comes_with_updates_and_security_and_without_strangers() {
        let mut sources = deb822_style(MODERN);
        sources.extend(one_line_style("deb http://cloud.example cloud-bookworm main\n"));
        let main = ["main".to_owned()];
        let found = of_suite(&sources, "bookworm", "bookworm", &main);
        assert_eq!(found.len(), 3);
        assert!(found.iter().all(|source| source.components == main));
        let other = of_suite(&sources, "bookworm", "trixie", &[]);
        let suites: Vec<&str> = other.iter().map(|source| source.suite.as_str()).collect();
        assert_eq!(suites, ["trixie", "trixie-updates", "trixie-security"]);
        assert_eq!(of_suite(&sources, "bookworm", "sid", &[]).len(), 1);
        assert!(of_suite(&sources, "jammy", "noble", &[]).is_empty());
    }
}
