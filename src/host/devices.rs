//! Block devices that a cloud attaches: found by what they say of themselves, never by the order in which they come.

use std::fs;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::error::{Explain, HostError, Kind, Result};
use super::sys;

/// Links to NVMe namespaces by what they say of themselves (`/dev/disk/by-id/nvme-MODEL_SERIAL`).
const LINK: &str = "/dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_";
/// Between two looks, at first.
const PAUSE: Duration = Duration::from_millis(50);
/// Where Amazon's controllers say which volume a namespace is: in the vendor's area of Identify Namespace, behind a device
/// name of 32 bytes (amazon-ec2-utils, `ebsnvme-id`).
const NAMESPACE_VOLUME: std::ops::Range<usize> = 384 + 32..384 + 32 + 65;
/// PCI vendor of Amazon's controllers, as sysfs writes it.
const VENDOR: &str = "0x1d0f";

/// The device names that may be asked for, in the order in which they are tried: `/dev/sdf` to `/dev/sdp`, then
/// `/dev/xvdba` to `/dev/xvdcx` (EC2 user guide, "Device names": recommended for EBS volumes, and available).
pub fn names() -> impl Iterator<Item = String> {
    let letters = ('f'..='p').map(|letter| format!("/dev/sd{letter}"));
    let pairs = ('b'..='c').flat_map(|first| ('a'..='x').map(move |second| format!("/dev/xvd{first}{second}")));
    letters.chain(pairs)
}

/// Whether a device stands under a name; `/dev/sdf` and `/dev/xvdf` are one.
pub fn is_taken(name: &str) -> bool {
    let letters = name.trim_start_matches("/dev/sd").trim_start_matches("/dev/xvd");
    ["sd", "xvd"]
        .iter()
        .any(|prefix| fs::symlink_metadata(format!("/dev/{prefix}{letters}")).is_ok())
}

/// Finds the block device on which the kernel shows an attached EBS volume.
///
/// On Nitro the requested name is ignored: the device is the NVMe namespace that says that it is this volume in the vendor's
/// area of its identify data, or whose controller has the volume's id without its dash as serial number, or that a link by
/// such a serial number leads to. On Xen it is `xvdX` for the requested `sdX`. In each case its size must be the volume's.
/// Waits until it appears, up to `patience`.
///
/// # Errors
/// [`Kind::NotFound`] if it does not appear; [`Kind::Invalid`] if what appears is of another size.
pub async fn find(volume: &str, requested: &str, size: u64, patience: Duration) -> Result<PathBuf> {
    let begun = Instant::now();
    loop {
        if let Some(device) = by_identity(volume).or_else(|| by_name(requested)) {
            is_as_large(&device, size, volume)?;
            return Ok(device);
        }
        if begun.elapsed() >= patience {
            let reason = format!(
                "no device of this host says that it is {volume}, and there is none where {requested} was asked for"
            );
            return Err(
                HostError::new(Kind::NotFound, format!("find the device of {volume}"), reason)
                    .help("look at /dev and at the kernel's messages (dmesg)"),
            );
        }
        tokio::time::sleep(PAUSE.max(begun.elapsed() / 10).min(Duration::from_secs(1))).await;
    }
}

fn by_identity(volume: &str) -> Option<PathBuf> {
    let serial = volume.replace('-', "");
    namespaces()
        .into_iter()
        .find(|device| says(device, &serial))
        .or_else(|| linked(&serial))
}

/// The link that a device manager makes by the serial number; newer ones add the number of the namespace.
fn linked(serial: &str) -> Option<PathBuf> {
    let paths = [format!("{LINK}{serial}"), format!("{LINK}{serial}_1")];
    paths.iter().find_map(|path| block_device(Path::new(path)))
}

/// `/dev/xvdf`, or `/dev/sdf` where the kernel keeps that name.
fn by_name(requested: &str) -> Option<PathBuf> {
    let xen = requested.replace("/dev/sd", "/dev/xvd");
    [xen.as_str(), requested]
        .iter()
        .find_map(|path| block_device(Path::new(path)))
}

/// The device at the end of all links, if there is one.
fn block_device(path: &Path) -> Option<PathBuf> {
    let device = fs::canonicalize(path).ok()?;
    fs::metadata(&device)
        .ok()?
        .file_type()
        .is_block_device()
        .then_some(device)
}

/// Every NVMe namespace of Amazon's controllers: `/dev/nvme1n1`, `/dev/nvme1n2`.
fn namespaces() -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir("/sys/class/block") else {
        return Vec::new();
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut found: Vec<String> = names.filter(|name| is_namespace(name)).collect();
    found.sort();
    found
        .into_iter()
        .map(|name| PathBuf::from(format!("/dev/{name}")))
        .collect()
}

fn is_namespace(name: &str) -> bool {
    let numbers = name.strip_prefix("nvme").and_then(|rest| rest.split_once('n'));
    let is_number = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit());
    numbers.is_some_and(|(controller, namespace)| is_number(controller) && is_number(namespace))
}

/// Whether a namespace says that it is the volume of this serial number. Where the namespace itself says which volume it is,
/// its controller is not asked: one controller may have several.
fn says(device: &Path, serial: &str) -> bool {
    match (of_amazon(device), namespace_volume(device)) {
        (true, Some(volume)) => volume.replace('-', "") == serial,
        _ => controller_serial(device).as_deref() == Some(serial),
    }
}

fn sysfs(device: &Path, file: &str) -> Option<String> {
    let name = device.file_name()?.to_str()?;
    let text = fs::read_to_string(format!("/sys/class/block/{name}/device/{file}")).ok()?;
    Some(text.trim().to_owned())
}

/// The controller's PCI vendor; the serial number is believed of any.
fn of_amazon(device: &Path) -> bool {
    sysfs(device, "device/vendor").as_deref() == Some(VENDOR)
}

fn controller_serial(device: &Path) -> Option<String> {
    sysfs(device, "serial")
}

/// The volume id that stands in the namespace's identify data, if one does.
fn namespace_volume(device: &Path) -> Option<String> {
    let open = fs::File::open(device).ok()?;
    let data = sys::identify_namespace(open.as_fd()).ok()?;
    let text = data.get(NAMESPACE_VOLUME)?;
    let text: String = text
        .iter()
        .take_while(|byte| **byte != 0)
        .map(|byte| char::from(*byte))
        .collect();
    let text = text.trim().to_owned();
    text.starts_with("vol").then_some(text)
}

/// Before anything is written: a device of another size is another volume.
fn is_as_large(device: &Path, wanted: u64, volume: &str) -> Result<()> {
    let operation = || format!("use {} as {volume}", device.display());
    let mut open = fs::File::open(device).doing(operation)?;
    let has = std::io::Seek::seek(&mut open, std::io::SeekFrom::End(0)).doing(operation)?;
    if has == wanted {
        return Ok(());
    }
    let reason = format!("it has {has} bytes, and the volume {wanted}: it is another one");
    Err(HostError::new(Kind::Invalid, operation(), reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_are_told_from_controllers_and_partitions() {
        assert!(is_namespace("nvme1n1") && is_namespace("nvme10n2"));
        for other in ["nvme1", "nvme1n1p1", "nvme1c1n1", "sda", "nvme", "nvmen1"] {
            assert!(!is_namespace(other), "{other}");
        }
    }

    #[test]
    fn there_are_names_for_more_volumes_than_letters() {
        let all: Vec<String> = names().collect();
        assert_eq!((all[0].as_str(), all[10].as_str()), ("/dev/sdf", "/dev/sdp"));
        assert_eq!((all[11].as_str(), all[58].as_str()), ("/dev/xvdba", "/dev/xvdcx"));
        assert_eq!(all.len(), 59);
        assert!(!is_taken("/dev/xvdcx"));
    }

    #[tokio::test]
    async fn a_device_that_does_not_come_is_an_error() {
        let found = find("vol-0123", "/dev/sdzz", 1, Duration::from_millis(10)).await;
        assert_eq!(found.unwrap_err().kind, Kind::NotFound);
    }
}
