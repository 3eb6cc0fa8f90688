//! What the tests of a build share: an image whose nodes are opened one by one, as an apply opens them.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bake::address::{Address, ImageAddress};
use bake::digest::Digest;
use bake::event::{Event, Events};
use bake::host::command::Tool;
use bake::host::files;
use bake::host::helper::Helper;
use bake::host::inside::Root;
use bake::lang::value::Value;
use bake::nodes::context::{Helpers, Outputs, Secrets, StepLog, StopSwitch};
use bake::nodes::filesystem::{Action, On};
use bake::nodes::mount::Chroot;
use bake::nodes::partitions::{Entry, Table};
use bake::nodes::volume::Origin;
use bake::nodes::*;
use bake::providers::local::Local;
use bake::providers::{Marker, Owner, Provider, Providers, RunId, SnapshotId};
use bake::schema::InputKind;
use bake::spec::{Architecture, Mounts, Network, NetworkMode, PartitionTable, ProviderKey, ProviderSettings};
use bake::units::Size;

/// An image under construction.
pub struct Bench {
    pub directory: tempfile::TempDir,
    pub handles: BTreeMap<Address, Arc<Handle>>,
    pub lines: Arc<Mutex<Vec<String>>>,
    pub stop: StopSwitch,
    pub secrets: Secrets,
    pub chroot: Chroot,
    order: Vec<Address>,
    helpers: Helpers,
    providers: Providers,
    last: Option<Address>,
    image: ImageAddress,
}

impl Bench {
    pub fn new() -> Bench {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let store = directory.path().join("store");
        Bench::with_store(directory, &store)
    }

    pub fn with_store(directory: tempfile::TempDir, store: &Path) -> Bench {
        let settings = ProviderSettings {
            key: key(),
            store: Some(store.to_owned()),
            ignore_publish: false,
            aws: None,
        };
        let local: Box<dyn Provider> = Box::new(Local::open(&settings).expect("a store"));
        Bench {
            directory,
            handles: BTreeMap::new(),
            lines: Arc::default(),
            stop: StopSwitch::new(),
            secrets: Secrets::default(),
            chroot: chroot(),
            order: Vec::new(),
            helpers: Helpers::new(Some(env!("CARGO_BIN_EXE_bake").into())),
            providers: Providers::new(BTreeMap::from([(key(), local)])),
            last: None,
            image: ImageAddress::new("test", None),
        }
    }

    /// The output of steps so far.
    pub fn output(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    pub fn at(&self, kind: &str, label: &str) -> Address {
        self.image.node(kind, label)
    }

    pub async fn helper(&self) -> Helper {
        self.helpers.of(&self.image).await.expect("a helper")
    }

    /// The image's root, open in this process; let go of it before anything is closed.
    pub async fn root(&self) -> Root {
        self.helper()
            .await
            .root(Path::new("/run/bake/root"))
            .await
            .expect("the root")
    }

    pub fn context(&self, at: &Address) -> Context {
        let lines = self.lines.clone();
        let keep = move |event| {
            if let Event::Output { line, .. } = event {
                lines.lock().unwrap().push(line);
            }
        };
        Context {
            at: at.clone(),
            outputs: Outputs::new(self.handles.clone()),
            providers: self.providers.clone(),
            helpers: self.helpers.clone(),
            events: Events::to(keep),
            stop: self.stop.token(),
            log: StepLog::new("step.log", |_| ()),
            secrets: self.secrets.clone(),
            run: RunId("0123abcd".to_owned()),
            took: Arc::default(),
            now: "2026-01-01T00:00:00Z".to_owned(),
        }
    }

    /// Opens a node.
    pub async fn open(&mut self, kind: &str, label: &str, data: impl Into<NodeData>) -> Result<(), NodeError> {
        let at = self.at(kind, label);
        let marker = self.marker(&at);
        let handle = data.into().open(&at, &marker, &self.context(&at)).await?;
        self.handles.insert(at.clone(), Arc::new(handle));
        self.order.push(at);
        Ok(())
    }

    fn marker(&self, at: &Address) -> Marker {
        Marker {
            token: Digest::of(at.to_string().as_bytes()).hex()[..32].to_owned(),
            owner: owner(),
            address: at.clone(),
            run: RunId("0123abcd".to_owned()),
            host: "here".to_owned(),
            provider: Some(key()),
        }
    }

    /// Volume, attachment and table.
    pub async fn disk(&mut self, name: &str, size: Size, origin: Origin, table: Table) {
        let volume = Volume {
            wish: bake::providers::VolumeWish::default(),
            provider: key(),
            name: name.to_owned(),
            size: Some(size),
            origin,
            after: Vec::new(),
        };
        self.open("volume", name, volume).await.expect("a volume");
        let volume = Ref::new(self.at("volume", name));
        self.open("attachment", name, Attachment { volume })
            .await
            .expect("attached");
        let attachment = Ref::new(self.at("attachment", name));
        let partitions = Partitions {
            attachment,
            table,
            after: Vec::new(),
        };
        self.open("partitions", name, partitions).await.expect("partitions");
    }

    /// A file system on a disk.
    pub async fn filesystem(&mut self, disk: &str, label: &str, on: On, action: Action) -> Result<(), NodeError> {
        let partitions = Ref::new(self.at("partitions", disk));
        self.open(
            "filesystem",
            label,
            Filesystem {
                partitions,
                on,
                action,
                sealed: false,
                checked: false,
            },
        )
        .await
    }

    /// A mounted file system.
    pub async fn mount(&mut self, label: &str, target: &str, within: &[&str]) -> Result<(), NodeError> {
        let mount = Mount {
            filesystem: Ref::new(self.at("filesystem", label)),
            target: target.to_owned(),
            options: Vec::new(),
            within: within.iter().map(|outer| Ref::new(self.at("mount", outer))).collect(),
            after: Vec::new(),
            chroot: (target == "/").then(|| self.chroot.clone()),
            discard: true,
        };
        self.open("mount", target, mount).await
    }

    /// A root with busybox on the whole of a volume, mounted.
    pub async fn rooted(&mut self) {
        self.disk("root", Size::mib(64), Origin::Blank, Table::None).await;
        self.filesystem("root", "root", On::Whole, make("ext4"))
            .await
            .expect("mkfs");
        self.mount("root", "/", &[]).await.expect("mounted");
        self.fill().await;
    }

    /// Fills the root from a tar archive with busybox.
    pub async fn fill(&mut self) {
        let archive = busybox_tar(self.directory.path());
        let arguments = arguments([("path", "root.tar".into(), vec![planned(&archive)])]);
        self.bootstrap("tar", arguments).await.expect("filled");
    }

    pub async fn bootstrap(&mut self, kind: &str, arguments: Arguments) -> Result<(), NodeError> {
        let node = Bootstrap {
            kind: kind.to_owned(),
            architecture: Architecture::X86_64,
            arguments,
            within: self.surroundings(),
            anew: false,
        };
        self.open("bootstrap", "", node).await
    }

    pub async fn provision(&mut self, kind: &str, label: &str, arguments: Arguments) -> Result<(), NodeError> {
        let node = Provision {
            kind: kind.to_owned(),
            label: label.to_owned(),
            arguments,
            within: self.surroundings(),
            turned: false,
        };
        self.open("provision", label, node).await
    }

    /// Runs lines of shell in the image.
    pub async fn shell(&mut self, lines: &[&str]) -> Result<(), NodeError> {
        let label = format!("{}", self.order.len());
        self.provision("shell", &label, inline(lines)).await
    }

    pub fn surroundings(&self) -> Surroundings {
        let mounts = self
            .handles
            .keys()
            .filter(|at| at.node.as_ref().is_some_and(|node| node.kind == "mount"));
        let root = self.at("mount", "/");
        Surroundings {
            mounts: mounts.filter(|at| **at != root).cloned().map(Ref::new).collect(),
            root: Ref::new(root),
            after: self.last.iter().cloned().collect(),
            wrapper: Vec::new(),
            date: None,
        }
    }

    /// Closes everything but the volumes.
    pub async fn finish(&mut self) -> Result<(), NodeError> {
        for at in std::mem::take(&mut self.order).into_iter().rev() {
            let is_volume = at.node.as_ref().is_some_and(|node| node.kind == "volume");
            if let Some(handle) = self.handles.get(&at).filter(|_| !is_volume) {
                handle.close(&at, &self.context(&at)).await?;
            }
        }
        if let Some(helper) = self.helpers.take(&self.image).await {
            helper.end().await;
        }
        Ok(())
    }

    /// The disk of a volume as a file.
    pub async fn file(&self, name: &str) -> PathBuf {
        let handle = self.handles.get(&self.at("volume", name)).expect("a volume");
        let Handle::Volume { handle } = &**handle else {
            panic!("no volume")
        };
        let provider = self.providers.get(&key()).expect("the provider");
        match provider.volumes().backing(&handle.id).await.expect("a backing") {
            bake::providers::Backing::File(path) => path,
            bake::providers::Backing::Provider => panic!("a local volume is a file"),
        }
    }

    /// A snapshot of a volume at rest.
    pub async fn snapshot(&self, name: &str) -> SnapshotId {
        let handle = self.handles.get(&self.at("volume", name)).expect("a volume");
        let Handle::Volume { handle } = &**handle else {
            panic!("no volume")
        };
        let marker = self.marker(&self.at("snapshot", name));
        let provider = self.providers.get(&key()).expect("the provider");
        provider
            .snapshots()
            .create(
                &handle.id,
                &Digest::of(b"x"),
                &std::collections::BTreeMap::new(),
                &marker,
            )
            .await
            .expect("a snapshot")
    }

    /// Begins another image in the same store.
    pub fn again(self, name: &str) -> Bench {
        let store = self.directory.path().join("store");
        let mut next = Bench::with_store(self.directory, &store);
        next.image = ImageAddress::new(name, None);
        next
    }
}

pub fn key() -> ProviderKey {
    ProviderKey {
        kind: "local".to_owned(),
        alias: None,
    }
}

fn owner() -> Owner {
    Owner {
        project: "test".to_owned(),
        workspace: "default".to_owned(),
    }
}

pub fn chroot() -> Chroot {
    Chroot {
        mounts: Mounts {
            defaults: true,
            extra: Vec::new(),
        },
        network: Network {
            mode: NetworkMode::Host,
            resolv_conf: true,
            hosts: BTreeMap::new(),
        },
        services: false,
        mount_path: None,
    }
}

pub fn make(kind: &str) -> Action {
    Action::Make {
        kind: kind.to_owned(),
        label: None,
        uuid: "11111111-2222-8333-8444-555555555555".to_owned(),
        options: Vec::new(),
    }
}

/// A table of these partitions: name, type, MiB.
pub fn table(kind: PartitionTable, entries: &[(&str, &str, Option<u64>)]) -> Table {
    let entry = |(number, (name, kind, size)): (usize, &(&str, &str, Option<u64>))| Entry {
        name: (*name).to_owned(),
        kind: (*kind).to_owned(),
        size: size.map(Size::mib),
        uuid: format!("aaaaaaaa-0000-8000-8000-{number:012}"),
    };
    Table::Write {
        kind,
        disk: "dddddddd-0000-8000-8000-000000000000".to_owned(),
        entries: entries.iter().enumerate().map(entry).collect(),
    }
}

pub fn arguments<const N: usize>(all: [(&str, Value, Vec<PlannedFile>); N]) -> Arguments {
    let argument = |value, files| PlannedArgument {
        value,
        identity: None,
        files,
    };
    Arguments(
        all.into_iter()
            .map(|(name, value, files)| (name.to_owned(), argument(value, files)))
            .collect(),
    )
}

/// Arguments of a value each.
pub fn plain<const N: usize>(all: [(&str, Value); N]) -> Arguments {
    arguments(all.map(|(name, value)| (name, value, Vec::new())))
}

pub fn inline(lines: &[&str]) -> Arguments {
    plain([("inline", list(lines))])
}

pub fn list(texts: &[&str]) -> Value {
    texts.iter().map(|text| Value::from(*text)).collect::<Vec<_>>().into()
}

/// A file as a plan names it.
pub fn planned(path: &Path) -> PlannedFile {
    let metadata = fs::symlink_metadata(path).expect("a file");
    let (kind, content) = match metadata.file_type() {
        kind if kind.is_dir() => (InputKind::Directory, Vec::new()),
        kind if kind.is_symlink() => {
            let target = fs::read_link(path).expect("a link").into_os_string();
            (InputKind::Link, target.into_encoded_bytes())
        }
        _ if metadata.permissions().mode() & 0o111 != 0 => (InputKind::Executable, fs::read(path).expect("a file")),
        _ => (InputKind::File, fs::read(path).expect("a file")),
    };
    PlannedFile {
        path: path.file_name().expect("a name").into(),
        absolute: path.to_owned(),
        kind,
        digest: Digest::of(&content),
    }
}

/// A tar archive with busybox under the names of what the tests use.
pub fn busybox_tar(directory: &Path) -> PathBuf {
    let tree = directory.join("tree");
    let archive = directory.join("root.tar");
    if archive.exists() {
        return archive;
    }
    for name in ["bin", "etc", "tmp", "usr/sbin"] {
        files::create_dir_all(&tree.join(name)).expect("a directory");
    }
    put(
        &tree.join("bin/busybox"),
        &fs::read("/bin/busybox").expect("busybox-static is installed"),
        0o755,
    );
    for name in [
        "sh", "ls", "cat", "echo", "sleep", "mount", "ln", "mv", "rm", "dd", "mkdir", "grep", "sync", "env", "id",
        "chmod", "cp", "test", "head", "stat", "readlink", "yes", "touch", "true", "false", "pwd", "printf", "ip",
    ] {
        std::os::unix::fs::symlink("busybox", tree.join("bin").join(name)).expect("a link");
    }
    put(
        &tree.join("etc/passwd"),
        b"root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n",
        0o644,
    );
    put(&tree.join("etc/group"), b"root:x:0:\napp:x:1000:\n", 0o644);
    let tree = tree.display().to_string();
    let tar = Tool::new(
        "tar",
        &[
            "-C",
            &tree,
            "--owner=0",
            "--group=0",
            "-cf",
            &archive.display().to_string(),
            ".",
        ],
    );
    let runtime = tokio::runtime::Handle::current();
    tokio::task::block_in_place(|| runtime.block_on(tar.run())).expect("tar");
    archive
}

/// A file of the builder host.
pub fn put(path: &Path, content: &[u8], mode: u32) {
    files::replace(path, content).expect("written");
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("its mode");
}

/// The words of an error.
pub fn words(error: NodeError) -> String {
    let diagnostic = bake::diagnostic::Diagnostic::from(error);
    format!(
        "{}\n{}\n{}",
        diagnostic.summary,
        diagnostic.notes.join("\n"),
        diagnostic.help.join("\n")
    )
}
