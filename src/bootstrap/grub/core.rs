//! GRUB's two BIOS pieces, put where a BIOS finds them: `boot.img` in the first sector of the disk, `core.img` in the
//! BIOS boot partition (GPT) or in the gap before the first partition (MBR).
//!
//! This is what `grub-bios-setup` does, without asking the system for its disks. Offsets are those of GRUB 2.06 and
//! 2.12, `include/grub/i386/pc/boot.h` and `include/grub/offsets.h`.

/// Bytes of a sector, as a BIOS counts.
pub const SECTOR: u64 = 512;

/// Where `boot.img` keeps the sector of `core.img` (`GRUB_BOOT_MACHINE_KERNEL_SECTOR`).
const KERNEL_SECTOR: usize = 0x5C;
/// A jump that `grub-bios-setup` replaces by two `nop`, so that the drive number of the BIOS is checked
/// (`GRUB_BOOT_MACHINE_DRIVE_CHECK`).
const DRIVE_CHECK: usize = 0x66;
/// Code ends here: the disk signature and the partition table of the disk follow (`GRUB_BOOT_MACHINE_WINDOWS_NT_MAGIC`).
const BOOT_CODE: usize = 440;
/// The first block list of `diskboot.img`, the first sector of `core.img` (`GRUB_BOOT_MACHINE_LIST_SIZE` before its end).
const BLOCK_LIST: usize = 0x1F4;
/// Segment into which the rest of `core.img` is read (`GRUB_BOOT_MACHINE_KERNEL_SEG`, plus its first sector).
const LOAD_SEGMENT: u16 = 0x820;

/// The boot code of the first sector: the 440 bytes before the disk signature.
///
/// # Errors
/// If `image` is no `boot.img`.
pub fn boot_code(image: &[u8], core_sector: u64) -> Result<Vec<u8>, NotGrub> {
    let mut code = image.get(..BOOT_CODE).ok_or(NotGrub("boot.img"))?.to_vec();
    code[KERNEL_SECTOR..KERNEL_SECTOR + 8].copy_from_slice(&core_sector.to_le_bytes());
    code[DRIVE_CHECK..DRIVE_CHECK + 2].copy_from_slice(&[0x90, 0x90]);
    Ok(code)
}

/// `core.img` with its block list set for a contiguous place that begins at `sector`, padded to whole sectors.
///
/// # Errors
/// If `image` is no `core.img`, or does not fit into `room` bytes.
pub fn core_image(image: &[u8], sector: u64, room: u64) -> Result<Vec<u8>, CoreError> {
    let mut core = image.to_vec();
    core.resize(core.len().next_multiple_of(SECTOR as usize), 0);
    if core.len() as u64 > room {
        return Err(CoreError::TooLarge {
            needed: core.len() as u64,
            room,
        });
    }
    let sectors = (core.len() as u64 / SECTOR).checked_sub(1).filter(|rest| *rest > 0);
    let rest = sectors
        .and_then(|rest| u16::try_from(rest).ok())
        .ok_or(NotGrub("core.img"))?;
    core[BLOCK_LIST..BLOCK_LIST + 8].copy_from_slice(&(sector + 1).to_le_bytes());
    core[BLOCK_LIST + 8..BLOCK_LIST + 10].copy_from_slice(&rest.to_le_bytes());
    core[BLOCK_LIST + 10..BLOCK_LIST + 12].copy_from_slice(&LOAD_SEGMENT.to_le_bytes());
    Ok(core)
}

/// A file of GRUB that is not what its name says.
#[derive(Debug, thiserror::Error)]
#[error("{0} of the installed GRUB is too short to be one")]
pub struct NotGrub(&'static str);

/// Why `core.img` cannot be placed.
#[derive(Debug, thiserror::Error)]
pub enum CoreError {
    /// The file is not what its name says.
    #[error(transparent)]
    NotGrub(#[from] NotGrub),
    /// There is too little room for it.
    #[error("GRUB needs {needed} bytes, and there are only {room}")]
    TooLarge {
        /// Bytes of `core.img`.
        needed: u64,
        /// Bytes of the BIOS boot partition, or of the gap before the first partition.
        room: u64,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boot_code_points_to_core_and_never_reaches_the_partition_table() {
        let code = boot_code(&[0xAB; 512], 2048).unwrap();
        assert_eq!(code.len(), 440);
        assert_eq!(code[0x5C..0x64], 2048_u64.to_le_bytes());
        assert_eq!(code[0x66..0x68], [0x90, 0x90]);
        assert!(boot_code(&[0; 100], 1).is_err());
    }

    #[test]
    fn core_names_the_sectors_behind_its_first() {
        let core = core_image(&[1; 1300], 2048, 1 << 20).unwrap();
        assert_eq!(core.len(), 1536);
        assert_eq!(core[0x1F4..0x200], [1, 8, 0, 0, 0, 0, 0, 0, 2, 0, 0x20, 0x08]);
        assert!(matches!(
            core_image(&[1; 1300], 1, 1024),
            Err(CoreError::TooLarge { needed: 1536, .. })
        ));
        assert!(matches!(core_image(&[1; 100], 1, 1024), Err(CoreError::NotGrub(_))));
    }
}
