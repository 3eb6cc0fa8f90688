//! `boot_loader "grub"`: GRUB for BIOS, UEFI or both.

pub mod config;
pub mod core;

use crate::schema::{Block, Class, Default, Holds, Type, argument, block};

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
