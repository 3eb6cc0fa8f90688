//! The seal: every file system of a reproducible image written anew, so that its bytes depend on its tree alone.
//!
//! It comes when all mounts are closed and before the snapshot. Of each file system the tree is freed of what the moment
//! and the machine left in it; a new one of the same identifiers is written into a file beside the volume, and compared
//! with the old one, name by name; then its bytes take the place of the old ones. What lies outside of file systems (table,
//! boot code, raw partitions) is not touched.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::filesystem::{find, head};
use super::partitions::device_size;
use super::work::{blocking, full, is_full};
use super::{Attachment, Context, Filesystem, Keeper, Kind, Lifetime, Need, NodeError, Ref, origins};
use crate::address::Address;
use crate::diagnostic::Diagnostic;
use crate::filesystems::seal::{Anew, ext4, fat, rules};
use crate::filesystems::{self, Found, Packed, Sealing};
use crate::host::command::Tool;
use crate::host::ext4::Reader;
use crate::host::helper::{Helper, Mount, PRIVATE, Place};
use crate::host::inside::{Attributes, Metadata};
use crate::host::temporary::Temporary;
use crate::host::trees::{self, Difference, Side};
use crate::host::{self, files, machine, sparse};
use crate::providers::Marker;
use crate::units::Size;

/// File systems to be sealed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Seal {
    /// In the order of the disks.
    pub filesystems: Vec<Sealed>,
    /// What stands for now: seconds after 1970.
    pub date: i64,
    /// The rules by which traces of the build are taken out.
    pub rules: Vec<String>,
    /// That all content is there, and the mounts are closed.
    pub after: Vec<Need>,
    /// The file in which it is noted which step touched which path last, if somebody wants to know.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origins: Option<PathBuf>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sealed {
    /// Which.
    pub filesystem: Ref<Filesystem>,
    /// The disk that it is on.
    pub attachment: Ref<Attachment>,
    /// Where it is mounted in the image.
    pub target: Option<String>,
    /// Further arguments of mkfs.
    pub options: Vec<String>,
}

impl Kind for Seal {
    type Handle = ();
    const LIFETIME: Lifetime = Lifetime::Effect;
    const KEEPER: Keeper = Keeper::Helper;

    fn needs(&self) -> Vec<Need> {
        let disks = self
            .filesystems
            .iter()
            .flat_map(|one| [one.filesystem.opened(), one.attachment.opened()]);
        disks.chain(self.after.iter().cloned()).collect()
    }

    async fn open(&self, _at: &Address, _marker: &Marker, cx: &Context) -> Result<(), NodeError> {
        let helper = cx.helper().await?;
        for one in &self.filesystems {
            let filesystem = cx.outputs.get(&one.filesystem)?;
            let device = &filesystem.device;
            let found = filesystem.packed().map_or_else(|| find(device), Ok)?;
            let work = Workplace::of(cx.outputs.get(&one.attachment)?.file.as_deref())?;
            let job = Job {
                seal: self,
                one,
                device,
                staged: filesystem.tree.as_deref(),
                found: &found,
                file: &work.file,
                helper: &helper,
                cx,
            };
            let done = job.run().await.map_err(|error| work.or_full(error));
            files::remove(&work.file)?;
            done?;
        }
        Ok(())
    }
}

/// Where the new file system is made: beside the volume, where there is room for another.
struct Workplace {
    file: PathBuf,
    /// Removed when this goes.
    temporary: Option<Temporary>,
}

impl Workplace {
    fn of(volume: Option<&Path>) -> Result<Workplace, NodeError> {
        if let Some(volume) = volume {
            return Ok(Workplace {
                file: volume.with_extension("seal"),
                temporary: None,
            });
        }
        let directory = Temporary::new()?;
        Ok(Workplace {
            file: directory.path().join("seal"),
            temporary: Some(directory),
        })
    }

    /// A maker tells of a disk that is full in words of its own, and not which disk.
    fn or_full(&self, error: NodeError) -> NodeError {
        let Some(directory) = self.file.parent().filter(|directory| is_full(directory)) else {
            return error;
        };
        let what = match self.temporary {
            None => "a sealed file system is made beside the old one: the file system of the store",
            Some(_) => "a sealed file system is made in a file first: the file system of temporary files",
        };
        match error {
            NodeError::Failed(error) => full(*error, what, directory).into(),
            other => other,
        }
    }
}

/// What of a tree a new file system can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Looks {
    /// All.
    Same,
    /// All but holes, which are compressed.
    Packed,
    /// What a FAT holds.
    Plain,
}

/// One file system on its way.
struct Job<'a> {
    seal: &'a Seal,
    one: &'a Sealed,
    device: &'a Path,
    /// Where its tree stands, if the device does not hold it.
    staged: Option<&'a Path>,
    found: &'a Found,
    file: &'a Path,
    helper: &'a Helper,
    cx: &'a Context,
}

impl Job<'_> {
    async fn run(&self) -> Result<(), NodeError> {
        let sealing = sealing(&self.one.filesystem.at, self.found.kind)?;
        let old = directory("old");
        match (sealing, self.staged) {
            (Sealing::AsMade, _) => return Ok(()),
            (Sealing::Tree, Some(tree)) => self.tree(&Place::root(tree)).await?,
            (Sealing::Packed(packed), Some(tree)) => self.pack(packed, &Place::root(tree)).await?,
            (sealing, _) => {
                match sealing {
                    Sealing::Fat => self.tmpfs(&old).await?,
                    _ => self.mount(self.device, &old, &[]).await?,
                }
                let made = match sealing {
                    Sealing::Fat => self.fat(&old).await,
                    _ => self.tree(&old).await,
                };
                self.helper.unmount(old).await?;
                made?;
            }
        }
        let (from, to) = (self.file.to_owned(), self.device.to_owned());
        blocking(move || host::pour::pour(&from, &to, 0)).await
    }

    /// A file system whose maker takes a directory.
    async fn tree(&self, old: &Place) -> Result<(), NodeError> {
        let top = self.free(old).await?;
        sparse::create(self.file, device_size(self.device)?)?;
        let private = self.helper.root(Path::new(PRIVATE)).await?;
        private.write("/mke2fs.conf", ext4::CONFIG.as_bytes(), &Attributes::default())?;
        let config = Path::new(PRIVATE).join("mke2fs.conf").display().to_string();
        let maker = ext4::make(&self.anew(&old.root), &config);
        let tree = self.helper.root(&old.root).await?.open_dir("/")?;
        // The maker reads one file after the other, and is not kept waiting for each.
        let ahead = blocking(move || trees::prefetch(&tree));
        let (made, ahead) = tokio::join!(self.command(&maker), ahead);
        made.and(ahead)?;
        let several = self.settle(&top).await?;
        if self.in_order(several, old).await? {
            // Whoever writes to an inode writes to its times.
            self.settle(&top).await?;
        }
        let file = self.file.to_owned();
        let opening = move || host::ext4::forget_writes(&file).and_then(|()| Reader::open(&file));
        let new = blocking(opening).await?;
        self.compare(old, Side::Ext4(new), Looks::Same).await
    }

    /// Takes out what a sealed image does not keep; answers what is known of the top.
    async fn free(&self, old: &Place) -> Result<Metadata, NodeError> {
        let root = self.helper.root(&old.root).await?;
        let target = self.one.target.as_deref();
        if let Some(file) = &self.seal.origins {
            origins::note(&root, target.unwrap_or("/"), self.helper, file).await?;
        }
        target.map_or(Ok(()), |target| rules::apply(&root, target, &self.seal.rules))?;
        root.metadata("/")?.ok_or_else(|| self.cannot("its root is gone"))
    }

    /// A read-only file system.
    async fn pack(&self, packed: Packed, old: &Place) -> Result<(), NodeError> {
        self.free(old).await?;
        self.command(&(packed.make)(&self.anew(&old.root))).await?;
        let (needs, has) = (device_size(self.file)?, device_size(self.device)?);
        if needs > has {
            return Err(self.too_large(needs, has));
        }
        sparse::resize(self.file, has)?;
        let new = directory("new");
        if machine::has_devices() && machine::can_mount(self.found.kind) {
            let device = self.helper.attach(self.file, true).await?.path;
            let same = match self.mount(&device, &new, &["ro"]).await {
                Ok(()) => self.same_as(old, new).await,
                Err(error) => Err(error),
            };
            self.helper.detach(&device).await?;
            return same;
        }
        let unpack = packed
            .unpack
            .ok_or_else(|| self.cannot("this kernel cannot mount it to compare it"))?;
        self.staging(&new, 0).await?;
        match self.command(&unpack(self.file, &new.root)).await {
            Ok(()) => self.same_as(old, new).await,
            Err(error) => Err(error),
        }
    }

    /// Compares with what is mounted at a place, and unmounts that.
    async fn same_as(&self, old: &Place, new: Place) -> Result<(), NodeError> {
        let unpacked = self.helper.root(&new.root).await?.open_dir("/")?;
        let same = self.compare(old, Side::Directory(unpacked), Looks::Packed).await;
        self.helper.unmount(new).await?;
        same
    }

    fn too_large(&self, needs: u64, has: u64) -> NodeError {
        let what = format!("the {} of {} does not fit", self.found.kind, self.one.filesystem.at);
        let sizes = format!("it has {}, and its partition {}", Size::bytes(needs), Size::bytes(has));
        Diagnostic::error(what)
            .note(sizes)
            .help("give the partition or volume a larger size")
            .into()
    }

    async fn settle(&self, top: &Metadata) -> Result<Vec<u32>, NodeError> {
        let (file, date, top) = (self.file.to_owned(), self.seal.date, *top);
        blocking(move || host::ext4::settle(&file, date, &top)).await
    }

    /// Puts extended attributes into an order that depends on nothing but their names; answers whether anything was written.
    async fn in_order(&self, inodes: Vec<u32>, old: &Place) -> Result<bool, NodeError> {
        let file = self.file.to_owned();
        let several = blocking(move || host::ext4::several(&file, &inodes)).await?;
        if several.is_empty() {
            return Ok(false);
        }
        let directory = Temporary::new()?;
        let (tool, values) = ext4::in_order(&self.anew(&old.root), &several, directory.path());
        for (file, value) in values {
            files::replace(&file, value)?;
        }
        self.command(&tool).await?;
        Ok(true)
    }

    async fn fat(&self, old: &Place) -> Result<(), NodeError> {
        fat::unpack(self.helper, self.device, &old.root).await?;
        let geometry = fat::Geometry::of(&head(self.device)?);
        let geometry = geometry.ok_or_else(|| self.cannot("its first sector does not read"))?;
        sparse::create(self.file, device_size(self.device)?)?;
        let anew = self.anew(&old.root);
        self.command(&fat::make(&anew, &geometry)).await?;
        fat::fill(&anew, self.helper).await?;
        let new = directory("new");
        self.tmpfs(&new).await?;
        let same = match fat::unpack(self.helper, self.file, &new.root).await {
            Ok(()) => {
                let unpacked = self.helper.root(&new.root).await?.open_dir("/")?;
                self.compare(old, Side::Directory(unpacked), Looks::Plain).await
            }
            Err(error) => Err(error.into()),
        };
        self.helper.unmount(new).await?;
        same
    }

    fn anew<'b>(&'b self, tree: &'b Path) -> Anew<'b> {
        Anew {
            kind: self.found.kind,
            uuid: &self.found.uuid,
            label: self.found.label.as_deref(),
            options: &self.one.options,
            tree,
            file: self.file,
            date: self.seal.date,
        }
    }

    /// Runs the maker, which a stop ends. What it writes is read once and goes: a flush would write all of it to the disk for
    /// nothing.
    async fn command(&self, tool: &Tool) -> Result<(), NodeError> {
        let tool = Tool {
            unflushed: true,
            ..tool.clone()
        };
        tokio::select! {
            biased;
            () = self.cx.stop.stopped() => Err(NodeError::Stopped),
            done = tool.run_in(self.helper) => Ok(done.map(drop)?),
        }
    }

    async fn mount(&self, device: &Path, place: &Place, options: &[&str]) -> Result<(), NodeError> {
        self.helper.make_dir(&place.root).await?;
        let copy_options = filesystems::kind(self.found.kind).map_or(&[][..], |kind| kind.copy_options);
        let mount = Mount {
            source: device.display().to_string(),
            target: place.clone(),
            kind: self.found.kind.to_owned(),
            options: options
                .iter()
                .chain(copy_options)
                .map(|&option| option.to_owned())
                .collect(),
        };
        Ok(self.helper.mount(mount).await?)
    }

    async fn tmpfs(&self, place: &Place) -> Result<(), NodeError> {
        self.staging(place, device_size(self.device)?).await
    }

    /// A tmpfs that holds so many bytes; 0: as many as there are.
    async fn staging(&self, place: &Place, size: u64) -> Result<(), NodeError> {
        self.helper.make_dir(&place.root).await?;
        let mount = Mount {
            source: "bake".to_owned(),
            target: place.clone(),
            kind: "tmpfs".to_owned(),
            options: vec![format!("size={size}"), "mode=755".to_owned()],
        };
        Ok(self.helper.mount(mount).await?)
    }

    /// That nothing was lost on the way.
    async fn compare(&self, old: &Place, new: Side, looks: Looks) -> Result<(), NodeError> {
        let old = Side::Directory(self.helper.root(&old.root).await?.open_dir("/")?);
        let rules = trees::Rules {
            latest: Some(self.seal.date),
            holes: looks == Looks::Same,
            plain: looks == Looks::Plain,
        };
        let found = blocking(move || trees::compare(&old, &new, rules)).await?;
        match found.is_empty() {
            true => Ok(()),
            false => Err(self.lost(&found)),
        }
    }

    fn lost(&self, found: &[Difference]) -> NodeError {
        let what = format!(
            "sealing would change the {} file system of {}",
            self.found.kind, self.one.filesystem.at
        );
        let line = |one: &Difference| format!("{}: {} {}", one.path.display(), one.kind.name(), one.detail);
        let error = found
            .iter()
            .take(SHOWN)
            .map(line)
            .fold(Diagnostic::error(what), Diagnostic::note);
        let more = found.len().saturating_sub(SHOWN);
        let error = match more {
            0 => error,
            more => error.note(format!("and {more} more")),
        };
        error
            .help("its maker on this host does not take these over: a newer one may, or leave out reproducible")
            .into()
    }

    fn cannot(&self, why: &str) -> NodeError {
        cannot(&self.one.filesystem.at, self.found.kind, why).into()
    }
}

/// How a kind of file system is written anew.
///
/// # Errors
/// If there is no way: which one it is, and why.
pub(super) fn sealing(at: &Address, kind: &str) -> Result<Sealing, Diagnostic> {
    match filesystems::kind(kind).map(|kind| kind.sealing) {
        Some(Sealing::Never(why)) => Err(cannot(at, kind, why)),
        Some(sealing) => Ok(sealing),
        None => Err(cannot(at, kind, "bake has no maker for it")),
    }
}

fn cannot(at: &Address, kind: &str, why: &str) -> Diagnostic {
    Diagnostic::error(format!("{at} holds {kind}, which cannot be sealed"))
        .note(why)
        .help("use ext4, or leave out reproducible")
}

/// Most differences that are named.
const SHOWN: usize = 10;

fn directory(name: &str) -> Place {
    Place::root(Path::new(PRIVATE).join("seal").join(name))
}
