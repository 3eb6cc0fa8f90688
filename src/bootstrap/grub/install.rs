//! GRUB put into the declared partitions, by `grub-mkimage` and by writing the pieces to where firmwares look for them.
//! No mounted ESP, no udev and no `grub-install` is needed.

use std::path::{Path, PathBuf};

use super::config::{Config, Links, newest_kernel};
use super::core::{SECTOR, boot_code, core_image};
use super::{Grub, NotPossible};
use crate::host::command::Tool;
use crate::host::files;
use crate::host::inside::{Attributes, Root};
use crate::host::temporary::Temporary;
use crate::steps::{Site, StepError};

/// GUID (GPT) of a BIOS boot partition; types of an ESP in both tables (Discoverable Partitions Specification, sfdisk(8)).
const BIOS_BOOT: &str = "21686148-6449-6e6f-744e-656564454649";
const ESP: &[&str] = &["c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "ef"];

/// Where the pieces of the installed GRUB are.
const GRUB: &str = "/usr/lib/grub";

/// What every loader holds: all that `grub.cfg` needs, be it bake's or one of `update-grub`, which then asks for no file
/// that is not there.
const MODULES: &[&str] = &[
    "part_gpt",
    "part_msdos",
    "search",
    "search_fs_uuid",
    "search_fs_file",
    "search_label",
    "normal",
    "linux",
    "serial",
    "terminal",
    "echo",
    "configfile",
    "boot",
    "test",
    "true",
    "ls",
    "cat",
    "regexp",
    "minicmd",
    "sleep",
    "halt",
    "reboot",
    "loadenv",
    "gzio",
    "all_video",
    "gfxterm",
    "font",
    "gettext",
    "fat",
];

/// The disk on which it is put.
#[derive(Debug, Clone)]
pub struct Disk {
    /// The whole disk.
    pub device: PathBuf,
    /// Whether it has an MBR.
    pub is_mbr: bool,
    /// Its partitions.
    pub partitions: Vec<Partition>,
}

/// One of them.
#[derive(Debug, Clone)]
pub struct Partition {
    /// GUID, or two hex digits.
    pub kind: String,
    /// Its device.
    pub device: PathBuf,
    /// First byte.
    pub start: u64,
    /// Bytes.
    pub size: u64,
    /// Where it is mounted in the image.
    pub mount: Option<String>,
}

/// A file system as the loader finds it.
#[derive(Debug, Clone)]
pub struct Filesystem {
    /// `ext4`, ...
    pub kind: String,
    /// Its UUID.
    pub uuid: String,
}

/// Where things are.
#[derive(Debug, Clone)]
pub struct Layout {
    /// The disk of the root.
    pub disk: Disk,
    /// What the kernel gets as `root=`.
    pub root: String,
    /// The file system with `/boot`.
    pub boot: Filesystem,
    /// Whether that is one of its own.
    pub own_boot: bool,
}

impl Grub {
    /// Writes `grub.cfg` and the loader of each target.
    ///
    /// # Errors
    /// [`StepError::Unfit`] if there is no kernel, or no partition for a target.
    pub async fn install(&self, layout: &Layout, site: &Site) -> Result<(), StepError> {
        let root = site.helper.root(&site.root).await?;
        let config = self.config(layout, &root)?;
        root.make_dirs("/boot/grub")?;
        root.write("/boot/grub/grub.cfg", config.text().as_bytes(), &Attributes::default())?;
        let work = Temporary::new()?;
        let early = work.path().join("early.cfg");
        files::replace(&early, config.early().as_bytes())?;
        let image = Image {
            early,
            prefix: format!("{}/grub", config.boot_prefix),
            file_system: &layout.boot.kind,
        };
        for target in &self.targets {
            match target.as_str() {
                "bios" => self.bios(layout, &image, work.path()).await?,
                _ => self.uefi(layout, &image, work.path(), site, &root).await?,
            }
        }
        Ok(())
    }

    fn config(&self, layout: &Layout, root: &Root) -> Result<Config, StepError> {
        let names = match root.list("/boot") {
            Err(error) if error.is_not_found() => Vec::new(),
            other => other?,
        };
        let names: Vec<String> = names.into_iter().filter_map(|name| name.into_string().ok()).collect();
        let (kernel, initrd) = newest_kernel(&names).ok_or_else(|| {
            unfit(
                "there is no kernel in /boot",
                "let the bootstrap bring one: packages = [\"linux-image-cloud-amd64\"]",
            )
        })?;
        let is_there = |path: &str| matches!(root.metadata(path), Ok(Some(_)));
        let links = (!layout.own_boot && is_there("/vmlinuz")).then(|| Links {
            initrd: is_there("/initrd.img"),
        });
        Ok(Config {
            boot_uuid: layout.boot.uuid.clone(),
            boot_prefix: if layout.own_boot {
                String::new()
            } else {
                "/boot".to_owned()
            },
            root: layout.root.clone(),
            kernel,
            initrd,
            links,
            serial: self.serial,
            arguments: self.arguments.clone(),
            timeout: self.timeout,
        })
    }

    async fn bios(&self, layout: &Layout, image: &Image<'_>, work: &Path) -> Result<(), StepError> {
        if self.architecture != "x86_64" {
            let what = format!("an {} machine has no BIOS", self.architecture);
            return Err(unfit(&what, "write targets = [\"uefi\"]"));
        }
        let place = BiosPlace::of(&layout.disk)?;
        let boot = files::read(&Path::new(GRUB).join("i386-pc/boot.img"))
            .map_err(|error| error.help("install GRUB's pieces for a BIOS: apt install grub-pc-bin"))?;
        let core = image
            .make("i386-pc", &["biosdisk"], &work.join("core.img"), "grub-pc-bin")
            .await?;
        let core = core_image(&core, place.start / SECTOR, place.room).map_err(NotPossible::from)?;
        let code = boot_code(&boot, place.start / SECTOR).map_err(NotPossible::from)?;
        files::overwrite(&place.device, place.offset, &core)?;
        Ok(files::overwrite(&layout.disk.device, 0, &code)?)
    }

    async fn uefi(
        &self,
        layout: &Layout,
        image: &Image<'_>,
        work: &Path,
        site: &Site,
        root: &Root,
    ) -> Result<(), StepError> {
        let (format, name, package) = match self.architecture.as_str() {
            "aarch64" => ("arm64-efi", "BOOTAA64.EFI", "grub-efi-arm64-bin"),
            _ => ("x86_64-efi", "BOOTX64.EFI", "grub-efi-amd64-bin"),
        };
        let partitions = &layout.disk.partitions;
        let esp = partitions
            .iter()
            .find(|one| ESP.contains(&one.kind.as_str()))
            .ok_or_else(|| {
                unfit(
                    "there is no EFI system partition",
                    "declare one: type = \"esp\", filesystem = \"vfat\"",
                )
            })?;
        let loader = image.make(format, &[], &work.join(name), package).await?;
        match &esp.mount {
            Some(mount) => {
                let directory = format!("{}/EFI/BOOT", mount.trim_end_matches('/'));
                root.make_dirs(&directory)?;
                Ok(root.write(&format!("{directory}/{name}"), &loader, &Attributes::default())?)
            }
            None => Ok(copy_unmounted(esp, name, loader, site).await?),
        }
    }
}

/// Into an ESP that is not mounted, by mtools.
async fn copy_unmounted(esp: &Partition, name: &str, loader: Vec<u8>, site: &Site) -> Result<(), StepError> {
    let device = esp.device.display().to_string();
    let target = format!("::/EFI/BOOT/{name}");
    let tool = |program: &str, operands: &[&str]| {
        let arguments = [&["-i", &device], operands].concat();
        Tool::new(program, &arguments)
            .env("TZ", "UTC")
            .env("MTOOLS_SKIP_CHECK", "1")
    };
    for directory in ["::/EFI", "::/EFI/BOOT"] {
        if tool("mdir", &["-b", directory]).run_in(&site.helper).await.is_err() {
            tool("mmd", &[directory]).run_in(&site.helper).await?;
        }
    }
    tool("mcopy", &["-o", "-", &target])
        .input(loader)
        .run_in(&site.helper)
        .await?;
    Ok(())
}

/// Where `core.img` goes.
struct BiosPlace {
    /// What is written to.
    device: PathBuf,
    /// Where on that.
    offset: u64,
    /// First byte on the disk.
    start: u64,
    /// Bytes that there are.
    room: u64,
}

impl BiosPlace {
    fn of(disk: &Disk) -> Result<BiosPlace, StepError> {
        if let Some(partition) = disk.partitions.iter().find(|one| one.kind == BIOS_BOOT) {
            return Ok(BiosPlace {
                device: partition.device.clone(),
                offset: 0,
                start: partition.start,
                room: partition.size,
            });
        }
        let first = disk.partitions.iter().map(|partition| partition.start).min();
        match first.filter(|_| disk.is_mbr) {
            Some(first) => Ok(BiosPlace {
                device: disk.device.clone(),
                offset: SECTOR,
                start: SECTOR,
                room: first.saturating_sub(SECTOR),
            }),
            None => Err(unfit(
                "there is no place for GRUB's BIOS loader",
                "declare a partition of 1MiB with type = \"bios-boot\", or partition_table = \"mbr\"",
            )),
        }
    }
}

/// What all loaders of an image have in common.
struct Image<'a> {
    early: PathBuf,
    prefix: String,
    file_system: &'a str,
}

impl Image<'_> {
    async fn make(&self, format: &str, more: &[&str], to: &Path, package: &str) -> Result<Vec<u8>, StepError> {
        let modules = Path::new(GRUB).join(format);
        if !modules.is_dir() {
            let what = format!("this host has no GRUB for {format}");
            return Err(unfit(&what, &format!("install it: apt install {package}")));
        }
        let kind = crate::filesystems::kind(self.file_system).map_or("", |kind| kind.grub_module);
        if kind.is_empty() {
            let what = format!("GRUB cannot read kernels from {}", self.file_system);
            return Err(unfit(&what, "put /boot on ext4, xfs or btrfs"));
        }
        let (early, to_text) = (self.early.display().to_string(), to.display().to_string());
        let options = ["-O", format, "-p", &self.prefix, "-c", &early, "-o", &to_text, kind];
        Tool::new("grub-mkimage", &[&options, more, MODULES].concat())
            .run()
            .await?;
        Ok(files::read(to)?)
    }
}

fn unfit(what: &str, help: &str) -> StepError {
    StepError::Unfit {
        what: what.to_owned(),
        help: help.to_owned(),
    }
}
