//! `provision "ansible"`: a playbook, run from the builder host over a chroot connection, or inside the image.
//!
//! Ansible works in a copy of the declared directory that only the build sees, checked byte for byte against the plan: a
//! role or a file that the digest does not cover is not there.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use serde_json::{Value as Json, json};

use super::copy::{Copy, Ownership};
use super::script::{Ready, run_all};
use super::{Every, Output, Site, Step, StepError, StepKind, every, guests};
use crate::host::command;
use crate::host::helper::{Command, HANDED, HandedFile, Mount, PRIVATE, Place};
use crate::host::inside::{Attributes, Root};
use crate::schema::{Block, Class, Default, Given, GivenFile, Holds, Type, argument, block};

/// Its table.
pub static BLOCK: Block = block("provision")
    .kind("ansible")
    .labels(&["name"])
    .doc(
        "Runs a playbook against the image: over a chroot connection from the builder host, or inside the image. \
         The image needs Python.",
    )
    .holds(Holds::SecretsAndBuild)
    .arguments(&[
        argument("directory", Type::Tree, Class::Bytes)
            .required()
            .doc("The directory on the builder host that holds playbook, roles and variables. Ansible sees no other."),
        argument("playbook", Type::Text, Class::Bytes)
            .default(Default::Text("site.yml"))
            .doc("The playbook, in that directory."),
        argument("mode", Type::Choice(&["chroot", "inside"]), Class::Bytes)
            .default(Default::Text("chroot"))
            .doc(
                "\"chroot\": Ansible runs on the builder host. \"inside\": it runs in the image, which has to hold it.",
            ),
        argument("host", Type::Text, Class::Bytes)
            .default(Default::Text("default"))
            .doc("What the image is called in the inventory."),
        argument("groups", Type::TextList, Class::Bytes).doc("Groups of the inventory in which it is."),
        argument("extra_vars", Type::TextMap, Class::Bytes).doc("Variables that win over all others."),
        argument("arguments", Type::TextList, Class::Bytes)
            .doc("Further arguments of ansible-playbook: [\"--tags\", \"web\"]."),
        argument("env", Type::TextMap, Class::Bytes).doc("Environment variables of ansible-playbook."),
        argument("inputs", Type::Globs, Class::Bytes).doc(
            "Patterns of files that lookups read outside of the directory; when one changes, the step runs again.",
        ),
        every::TIMEOUT,
        every::RETRIES,
        every::PAUSE_BEFORE,
        every::WHEN,
        every::ALLOW_FAILURE,
        every::CHECKPOINT,
    ]);

/// `provision "ansible"`.
pub const KIND: StepKind = StepKind {
    block: &BLOCK,
    decode: |given| Box::new(Ansible::of(given)),
};

/// Where the helper keeps the copy of the directory.
const COPY: &str = "ansible";

/// Names of the files that are handed over.
const INVENTORY: &str = "inventory.json";
const VARIABLES: &str = "variables.json";
const ENTER: &str = "enter";

/// The connection of Debian's `ansible` package that works in a chroot, its modules' temporary files, and the program
/// with which it enters.
const CONNECTION: &str = "community.general.chroot";

/// A playbook.
#[derive(Debug)]
struct Ansible {
    directory: Vec<GivenFile>,
    playbook: String,
    is_inside: bool,
    host: String,
    groups: Vec<String>,
    extra_vars: BTreeMap<String, String>,
    arguments: Vec<String>,
    env: BTreeMap<String, String>,
    every: Every,
}

impl Ansible {
    fn of(given: &Given) -> Ansible {
        Ansible {
            directory: given.files("directory").to_vec(),
            playbook: given.text("playbook").unwrap_or_default(),
            is_inside: given.text("mode").as_deref() == Some("inside"),
            host: given.text("host").unwrap_or_default(),
            groups: given.texts("groups"),
            extra_vars: given.map("extra_vars"),
            arguments: given.texts("arguments"),
            env: given.map("env"),
            every: Every::of(given),
        }
    }

    /// ansible-playbook in the image, where the copy of the directory is mounted beside the handed files.
    fn inside(&self, site: &Site) -> Result<Command, StepError> {
        let directory = format!("{HANDED}/{COPY}");
        let connection = json!({
            "ansible_connection": "local",
            "ansible_remote_tmp": format!("{HANDED}/remote"),
            "ansible_python_interpreter": "auto_silent",
        });
        let bind = Mount {
            source: copy_path().display().to_string(),
            target: Place::new(&site.root, directory.as_str()),
            kind: "bind".to_owned(),
            options: Vec::new(),
        };
        Ok(Command {
            argv: [site.wrapper.as_slice(), &self.argv("ansible-playbook")].concat(),
            env: site.image_environment(&self.environment()),
            directory: Some(directory),
            root: Some(site.root.clone()),
            files: self
                .handed(connection)
                .into_iter()
                .chain(guests::handed(&site.chroot)?)
                .collect(),
            mounts: vec![bind],
            ..self.base(site)
        })
    }

    /// ansible-playbook on the builder host. What its modules start in the image has a clean environment.
    fn beside(&self, site: &Site) -> Result<Command, StepError> {
        let program = command::find("ansible-playbook")?;
        let connection = json!({
            "ansible_connection": CONNECTION,
            "ansible_host": site.root,
            "ansible_chroot_exe": format!("{HANDED}/{ENTER}"),
            "ansible_remote_tmp": "/run/bake-ansible",
            "ansible_python_interpreter": "auto_silent",
        });
        let enter = HandedFile {
            name: ENTER.to_owned(),
            content: enter(site).into_bytes(),
            mode: 0o755,
        };
        Ok(Command {
            argv: self.argv(&program.display().to_string()),
            env: site.host_environment(&self.environment()),
            directory: Some(copy_path().display().to_string()),
            files: [self.handed(connection).as_slice(), &[enter]].concat(),
            ..self.base(site)
        })
    }

    fn base(&self, site: &Site) -> Command {
        Command {
            network: site.chroot.network,
            ..Command::default()
        }
    }

    fn argv(&self, program: &str) -> Vec<String> {
        let fixed = [program, "--inventory", &format!("{HANDED}/{INVENTORY}")].map(str::to_owned);
        let variables = ["--extra-vars", &format!("@{HANDED}/{VARIABLES}")].map(str::to_owned);
        let last = [self.playbook.clone()];
        [fixed.as_slice(), &variables, &self.arguments, &last].concat()
    }

    /// Collections and roles of the user who runs bake are not those of the image.
    fn environment(&self) -> BTreeMap<String, String> {
        let own = [
            ("ANSIBLE_HOME", format!("{HANDED}/home")),
            ("ANSIBLE_LOCAL_TEMP", format!("{HANDED}/temporary")),
            ("ANSIBLE_NOCOWS", "1".to_owned()),
        ];
        let own = own.map(|(name, value)| (name.to_owned(), value));
        own.into_iter().chain(self.env.clone()).collect()
    }

    /// Inventory and variables, as files: nothing of them is in the list of processes.
    fn handed(&self, connection: Json) -> Vec<HandedFile> {
        let file = |name: &str, content: Json| HandedFile {
            name: name.to_owned(),
            content: content.to_string().into_bytes(),
            mode: 0o600,
        };
        let member = |group: &String| (group.clone(), json!({"hosts": {&self.host: null}}));
        let groups: serde_json::Map<String, Json> = self.groups.iter().map(member).collect();
        let inventory = json!({"all": {"hosts": {&self.host: connection}, "children": groups}});
        vec![file(INVENTORY, inventory), file(VARIABLES, json!(self.extra_vars))]
    }

    async fn playbook(&self, site: &Site, output: &Output) -> Result<(), StepError> {
        let (command, resolver) = match self.is_inside {
            true => (self.inside(site)?, Resolver::nowhere()),
            false => (self.beside(site)?, Resolver::put_in(site).await?),
        };
        let ready = Ready {
            name: format!("playbook {}", self.playbook),
            command,
        };
        let run = run_all(&site.helper, vec![ready], &[0], self.every.timeout, output);
        let done = site.with_guests(run).await;
        done.and(resolver.take_out())
    }
}

#[async_trait]
impl Step for Ansible {
    async fn run(&self, site: &Site, output: &Output) -> Result<(), StepError> {
        let private = site.helper.root(Path::new(PRIVATE)).await?;
        let ownership = Ownership::of(&private, "root", "root", None)?;
        private.remove(COPY)?;
        Copy::of_files(&self.directory, "", &format!("/{COPY}"), ownership)?.run(&private)?;
        let done = self.playbook(site, output).await;
        done.and(private.remove(COPY).map_err(StepError::from))
    }
}

fn copy_path() -> PathBuf {
    Path::new(PRIVATE).join(COPY)
}

/// The script that stands in for chroot(8): it leaves the environment of the builder host behind.
fn enter(site: &Site) -> String {
    let environment = site.image_environment(&BTreeMap::from([("HOME".to_owned(), "/root".to_owned())]));
    let set = environment
        .iter()
        .map(|(name, value)| quoted(&format!("{name}={value}")));
    let wrapper = site.wrapper.iter().map(|word| quoted(word));
    let words = |all: &mut dyn Iterator<Item = String>| all.map(|word| format!(" {word}")).collect::<String>();
    format!(
        "#!/bin/sh\nroot=$1\nshift\nexec env -i{} chroot \"$root\"{} \"$@\"\n",
        words(&mut { set }),
        words(&mut { wrapper })
    )
}

/// As one word of a shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// The name resolution of modules in a chroot: where the image's link leads, which is a tmpfs of its own for other steps.
struct Resolver(Option<Root>);

impl Resolver {
    fn nowhere() -> Resolver {
        Resolver(None)
    }

    async fn put_in(site: &Site) -> Result<Resolver, StepError> {
        let Some(file) = guests::handed(&site.chroot)? else {
            return Ok(Resolver::nowhere());
        };
        let root = site.helper.root(&site.root).await?;
        root.make_dirs(HANDED)?;
        let attributes = Attributes {
            mode: Some(file.mode),
            ..Attributes::default()
        };
        root.write(&format!("{HANDED}/{}", file.name), &file.content, &attributes)?;
        Ok(Resolver(Some(root)))
    }

    fn take_out(self) -> Result<(), StepError> {
        self.0.map_or(Ok(()), |root| Ok(root.remove(PRIVATE)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_shell_stay_whole() {
        assert_eq!(quoted("A=it's $HOME"), r"'A=it'\''s $HOME'");
    }
}
