//! `bootstrap "debian"`: a Debian system from its packages, by mmdebstrap or debootstrap.

mod tree;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;

use super::{Bootstrap, BootstrapKind, run};
use crate::data::packages::{VARIANTS, dpkg_architecture, packages};
use crate::digest::{ContentHasher, Digest};
use crate::host::apt::Pool;
use crate::host::apt::sources::Archives;
use crate::host::helper::{Command, HANDED, HandedFile, Input};
use crate::host::inside::{Attributes, Root};
use crate::schema::{Block, Class, Default, Given, GivenFile, Holds, Type, argument, block};
use crate::steps::script::read_planned;
use crate::steps::{Output, Site, StepError};

/// Its table.
pub static BLOCK: Block = block("bootstrap")
    .kind("debian")
    .doc("Fills the root with a Debian system. Name resolution, hostname and machine id of the builder host do not stay.")
    .holds(Holds::Secrets)
    .arguments(&[
        argument("suite", Type::Text, Class::Bytes)
            .required()
            .doc("Suite or code name: \"bookworm\"."),
        argument("packages", Type::TextList, Class::Bytes).doc("Packages beside those of the variant."),
        argument("exclude", Type::TextList, Class::Bytes).doc("Packages of the variant that are left out."),
        argument("variant", Type::Choice(VARIANTS), Class::Bytes)
            .default(Default::Text("minbase"))
            .doc("Which packages come without being named. debootstrap knows only \"minbase\", \"buildd\" and \"standard\"."),
        argument("recommends", Type::Bool, Class::Bytes)
            .default(Default::Bool(false))
            .doc("Whether recommended packages are installed, too (mmdebstrap)."),
        argument("mirror", Type::Text, Class::Bytes)
            .doc("URL of the archive. Default: the apt sources of the builder host."),
        argument("sources", Type::TextList, Class::Bytes)
            .doc("Further apt source lines (mmdebstrap): \"deb URL bookworm-updates main\"."),
        argument("components", Type::TextList, Class::Bytes)
            .default(Default::List(&["main"]))
            .doc("Components of the archive."),
        argument("keyring", Type::File, Class::Bytes)
            .doc("Keys that sign the archive. Default: those of the builder host."),
        argument("tool", Type::Choice(&["mmdebstrap", "debootstrap"]), Class::Bytes)
            .default(Default::Text("mmdebstrap"))
            .doc("The program that does it."),
        argument("set", Type::TextMap, Class::Bytes).doc(
            "The exact packages, as a data source finds and the lock file keeps them: data.packages.NAME.set. Others cannot \
             be installed; a tree that was made of the same ones is taken from the cache of the builder host (mmdebstrap).",
        ),
        argument("options", Type::TextList, Class::Bytes).doc("Further options of that program, each one word."),
        argument("hostname", Type::Text, Class::Bytes)
            .default(Default::Text("localhost"))
            .doc("What /etc/hostname holds."),
        argument("timeout", Type::Duration, Class::Run).doc("How long it may take before it is killed."),
        argument("retries", Type::Integer(0, 100), Class::Run)
            .default(Default::Integer(0))
            .doc("How often it is begun again after it failed."),
    ])
    .at_most_one(&["set", "tool"]);

/// `bootstrap "debian"`.
pub const KIND: BootstrapKind = BootstrapKind {
    block: &BLOCK,
    decode: |given, architecture| Box::new(Debian::of(given, architecture)),
};

/// Name of the keyring among the files that the program finds.
const KEYRING: &str = "keyring";

/// What mmdebstrap and debootstrap leave of the builder host, or of themselves.
const LEFT_BEHIND: &[&str] = &[
    "/etc/resolv.conf",
    "/etc/apt/apt.conf.d/99mmdebstrap",
    "/var/lib/dbus/machine-id",
    "/var/cache/apt/pkgcache.bin",
    "/var/cache/apt/srcpkgcache.bin",
    "/var/log/bootstrap.log",
];

/// A Debian system.
#[derive(Debug)]
struct Debian {
    suite: String,
    packages: Vec<String>,
    exclude: Vec<String>,
    variant: String,
    recommends: bool,
    mirror: Option<String>,
    sources: Vec<String>,
    components: Vec<String>,
    keyring: Option<GivenFile>,
    is_debootstrap: bool,
    set: BTreeMap<String, String>,
    options: Vec<String>,
    hostname: String,
    architecture: String,
    timeout: Option<Duration>,
    retries: u64,
}

impl Debian {
    fn of(given: &Given, architecture: &str) -> Debian {
        Debian {
            suite: given.text("suite").unwrap_or_default(),
            packages: given.texts("packages"),
            exclude: given.texts("exclude"),
            variant: given.text("variant").unwrap_or_default(),
            recommends: given.flag("recommends"),
            mirror: given.text("mirror"),
            sources: given.texts("sources"),
            components: given.texts("components"),
            keyring: given.files("keyring").first().cloned(),
            is_debootstrap: given.text("tool").as_deref() == Some("debootstrap"),
            set: given.map("set"),
            options: given.texts("options"),
            hostname: given.text("hostname").unwrap_or_default(),
            architecture: architecture.to_owned(),
            timeout: given.duration("timeout").map(crate::units::Duration::as_std),
            retries: given.whole("retries").unwrap_or(0),
        }
    }

    /// Where packages come from: the mirror of the spec, or what the builder host itself uses for this suite.
    fn archives(&self) -> Result<Vec<String>, StepError> {
        let archives = Archives {
            suite: self.suite.clone(),
            mirror: self.mirror.clone(),
            components: self.components.clone(),
            sources: self.sources.clone(),
            keyring: None,
        };
        let mut lines = archives.lines().ok_or_else(|| StepError::Unfit {
            what: format!(
                "the builder host has no apt source from which {:?} could come",
                self.suite
            ),
            help: "write mirror = \"...\" in the bootstrap block, with the address of a Debian mirror".to_owned(),
        })?;
        if self.keyring.is_some() {
            lines.iter_mut().for_each(|line| *line = without_keys(line));
        }
        Ok(lines)
    }

    fn command(&self, root: &Path, archives: &[String]) -> Result<Command, StepError> {
        let mut argv = match self.is_debootstrap {
            true => self.debootstrap(),
            false => self.mmdebstrap(),
        };
        let mut files = Vec::new();
        if let Some(keyring) = &self.keyring {
            let ending = keyring
                .absolute
                .extension()
                .map(|ending| format!(".{}", ending.display()));
            let name = format!("{KEYRING}{}", ending.unwrap_or_default());
            argv.push(format!("--keyring={HANDED}/{name}"));
            files.push(HandedFile {
                name,
                content: read_planned(keyring)?,
                mode: 0o644,
            });
        }
        argv.extend(self.options.clone());
        argv.extend([self.suite.clone(), root.display().to_string()]);
        match self.is_debootstrap {
            true => argv.extend(archives.first().and_then(|line| uri_of(line))),
            false => argv.extend(archives.iter().cloned()),
        }
        let env = [("DEBIAN_FRONTEND", "noninteractive"), ("LC_ALL", "C.UTF-8")];
        Ok(Command {
            argv,
            files,
            env: env
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into_iter()
                .collect::<BTreeMap<_, _>>(),
            timeout: self.timeout,
            ..Command::default()
        })
    }

    fn mmdebstrap(&self) -> Vec<String> {
        // In the root there are mount points of further file systems already.
        let mut argv: Vec<String> = ["mmdebstrap", "--mode=root", "--format=directory", "--skip=check/empty"]
            .map(str::to_owned)
            .to_vec();
        argv.push(format!("--variant={}", self.variant));
        argv.push(format!("--architectures={}", dpkg_architecture(&self.architecture)));
        let left_out = self.exclude.iter().map(|package| format!("{package}-"));
        let packages: Vec<String> = self.packages.iter().cloned().chain(left_out).collect();
        if !packages.is_empty() {
            argv.push(format!("--include={}", packages.join(",")));
        }
        if self.recommends {
            argv.push("--aptopt=APT::Install-Recommends \"true\"".to_owned());
        }
        argv
    }

    fn debootstrap(&self) -> Vec<String> {
        let mut argv = vec![
            "debootstrap".to_owned(),
            format!("--arch={}", dpkg_architecture(&self.architecture)),
        ];
        if ["minbase", "buildd"].contains(&self.variant.as_str()) {
            argv.push(format!("--variant={}", self.variant));
        }
        argv.push(format!("--components={}", self.components.join(",")));
        for (option, packages) in [("include", &self.packages), ("exclude", &self.exclude)] {
            if !packages.is_empty() {
                argv.push(format!("--{option}={}", packages.join(",")));
            }
        }
        argv
    }

    /// Takes out what belongs to the builder host, and gives the image what is its own.
    fn tidy(&self, root: &Root, archives: &[String]) -> Result<(), StepError> {
        for path in LEFT_BEHIND {
            root.remove(path)?;
        }
        empty(root, "/var/cache/apt/archives", |name| name.ends_with(".deb"))?;
        empty(root, "/var/lib/apt/lists", |name| {
            !["auxfiles", "lock", "partial"].contains(&name)
        })?;
        root.write(
            "/etc/hostname",
            format!("{}\n", self.hostname).as_bytes(),
            &Attributes::default(),
        )?;
        if root.metadata("/etc/machine-id")?.is_some() || root.metadata("/lib/systemd/systemd")?.is_some() {
            // Empty: made anew at the first boot (machine-id(5)).
            let mode = Attributes {
                mode: Some(0o444),
                ..Attributes::default()
            };
            root.write("/etc/machine-id", b"", &mode)?;
        }
        if (self.is_debootstrap || !self.set.is_empty()) && root.metadata("/etc/apt")?.is_some() {
            let text: String = archives.iter().map(|line| format!("{line}\n")).collect();
            root.write("/etc/apt/sources.list", text.as_bytes(), &Attributes::default())?;
        }
        Ok(())
    }
}

#[async_trait]
impl Bootstrap for Debian {
    async fn fill(&self, site: &Site, output: &Output) -> Result<(), StepError> {
        let archives = self.archives()?;
        if self.set.is_empty() {
            return self.install(&archives, &archives, site, output).await;
        }
        let packages = packages(&self.set).map_err(StepError::Said)?;
        let kept = tree::Kept::of(self.key(&archives, site))?;
        if kept.stands() && !site.anew {
            output.say("bake: a tree of these packages is in the cache");
            return kept.unpack(site, output).await;
        }
        let pool = Pool::make(&packages, &self.suite).await?;
        let (all, fetched) = (packages.len(), pool.fetched);
        output.say(&format!(
            "bake: {all} packages, as they are pinned; {fetched} were fetched"
        ));
        self.install(&[pool.line()], &archives, site, output).await?;
        match site.anew {
            true => Ok(()),
            false => kept.store(site, output).await,
        }
    }
}

impl Debian {
    /// Installs from these archives; the image then uses `archives`.
    async fn install(
        &self,
        from: &[String],
        archives: &[String],
        site: &Site,
        output: &Output,
    ) -> Result<(), StepError> {
        let mut left = self.retries;
        loop {
            let command = self.command(&site.root, from)?;
            match run(site, command, Input::Nothing, output).await {
                Err(error @ StepError::Ended { .. }) if left > 0 => {
                    output.say(&format!("bake: {error}; trying again, {left} left"));
                    left -= 1;
                    clear(&site.helper.root(&site.root).await?)?;
                }
                other => break other?,
            }
        }
        self.tidy(&site.helper.root(&site.root).await?, archives)
    }

    /// What a tree of pinned packages depends on.
    fn key(&self, archives: &[String], site: &Site) -> Digest {
        let mut hasher = ContentHasher::new("debian tree", 1);
        for (name, value) in [
            ("suite", &self.suite),
            ("variant", &self.variant),
            ("hostname", &self.hostname),
            ("architecture", &self.architecture),
        ] {
            hasher.text(name, value);
        }
        let rest = serde_json::json!({
            "packages": self.packages, "exclude": self.exclude, "recommends": self.recommends, "options": self.options,
            "set": self.set, "archives": archives, "date": site.date,
        });
        hasher.json("rest", &rest).finish()
    }
}

/// A source line without what the builder host says of its keys: a keyring that was named counts alone.
fn without_keys(line: &str) -> String {
    match line.strip_prefix("deb [").and_then(|rest| rest.split_once("] ")) {
        Some((options, rest)) => {
            let kept: Vec<&str> = options
                .split(' ')
                .filter(|option| !option.starts_with("signed-by="))
                .collect();
            match kept.is_empty() {
                true => format!("deb {rest}"),
                false => format!("deb [{}] {rest}", kept.join(" ")),
            }
        }
        None => line.to_owned(),
    }
}

/// Empties a root for another attempt; mount points stay.
fn clear(root: &Root) -> Result<(), StepError> {
    for name in root.list("/")? {
        match root.remove(&format!("/{}", name.to_string_lossy())) {
            Err(error) if error.kind == crate::host::Kind::Busy => {}
            other => other?,
        }
    }
    Ok(())
}

fn empty(root: &Root, directory: &str, wanted: impl Fn(&str) -> bool) -> Result<(), StepError> {
    let names = match root.list(directory) {
        Err(error) if error.is_not_found() => return Ok(()),
        other => other?,
    };
    for name in names
        .iter()
        .filter_map(|name| name.to_str())
        .filter(|name| wanted(name))
    {
        root.remove(&format!("{directory}/{name}"))?;
    }
    Ok(())
}

fn uri_of(line: &str) -> Option<String> {
    let rest = line.strip_prefix("deb ")?.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(options) => options.split_once(']')?.1,
        None => rest,
    };
    rest.split_whitespace().next().map(str::to_owned)
}
