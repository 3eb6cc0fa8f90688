//! `boot_loader "grub"`: GRUB for BIOS, UEFI or both.

pub mod config;
pub mod core;
pub mod install;

use crate::schema::{Block, Class, Default, Given, Holds, Type, argument, block};
use crate::steps::StepError;

/// Its table.
pub static BLOCK: Block = block("boot_loader")
    .kind("grub")
    .doc("Puts GRUB into the declared partitions. The root is named by its PARTUUID, so no initramfs is needed to find it.")
    .holds(Holds::Secrets)
    .arguments(&[
        argument("targets", Type::Choices(&["bios", "uefi"]), Class::Bytes)
            .required()
            .doc("Firmwares that can start the image. \"bios\" needs a bios-boot partition or an mbr, \"uefi\" a vfat esp."),
        argument("serial", Type::Bool, Class::Bytes)
            .default(Default::Bool(false))
            .doc("Whether menu and kernel also use the first serial port, at 115200 baud."),
        argument("arguments", Type::TextList, Class::Bytes)
            .doc("Further arguments of the kernel: [\"net.ifnames=0\"]."),
        argument("timeout", Type::Duration, Class::Bytes)
            .default(Default::Text("1s"))
            .doc("How long the menu waits, in whole seconds."),
    ]);

/// GRUB, as a spec wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grub {
    /// `bios`, `uefi`.
    pub targets: Vec<String>,
    /// Whether loader and kernel use the first serial line, too.
    pub serial: bool,
    /// Further arguments of the kernel.
    pub arguments: Vec<String>,
    /// Seconds for which the menu waits.
    pub timeout: u64,
    /// `x86_64`, `aarch64`.
    pub architecture: String,
}

impl Grub {
    /// From its arguments.
    pub fn of(given: &Given, architecture: &str) -> Grub {
        Grub {
            targets: given.texts("targets"),
            serial: given.flag("serial"),
            arguments: given.texts("arguments"),
            timeout: given.duration("timeout").map_or(1, |time| time.as_std().as_secs()),
            architecture: architecture.to_owned(),
        }
    }
}

/// Why the pieces of GRUB cannot be put where they belong.
#[derive(Debug, thiserror::Error)]
enum NotPossible {
    #[error(transparent)]
    Core(#[from] core::CoreError),
    #[error(transparent)]
    Boot(#[from] core::NotGrub),
}

impl From<NotPossible> for StepError {
    fn from(error: NotPossible) -> StepError {
        StepError::Unfit {
            what: error.to_string(),
            help: "make the bios-boot partition larger (1MiB is enough), or install grub-pc-bin again".to_owned(),
        }
    }
}
