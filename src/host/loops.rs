//! Loop devices, and the partitions that the kernel shows of a disk.

use std::fs::{self, File, OpenOptions};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use fs4::{FileExt, TryLockError};
use rustix::io::Errno;

use super::error::{Explain, HostError, Kind, Result};
use super::helper::Extent;
use super::holding::holders_of;
use super::sys;

/// How long a lock or a device may linger with somebody who is just letting go of it.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);
/// Bytes of the sectors in which sysfs counts, whatever the device's own are.
const SECTOR: u64 = 512;

/// A file attached as a loop device. Dropping it gives the device back without flushing or checking anything.
#[derive(Debug)]
pub struct Loop {
    device: File,
    number: u32,
    file: File,
    backing: PathBuf,
    read_only: bool,
}

impl Loop {
    /// Attaches a file. The device is given back by the kernel when the last descriptor of it is closed, so also when
    /// this process is killed.
    ///
    /// # Errors
    /// [`Kind::Busy`] if another loop device or another bake has the file.
    pub fn attach(file: &Path, read_only: bool) -> Result<Loop> {
        let operation = || format!("attach {}", file.display());
        let backing = file.canonicalize().doing(operation)?;
        let file = OpenOptions::new()
            .read(true)
            .write(!read_only)
            .open(&backing)
            .doing(operation)?;
        lock(&file, &backing)?;
        if let Some(other) = holders(&backing)?.first() {
            let reason = format!("/dev/{other} has it attached already");
            return Err(HostError::new(Kind::Busy, operation(), reason).help(format!("losetup -d /dev/{other}")));
        }
        let (device, number) = configure(&file, read_only).doing(operation)?;
        Ok(Loop {
            device,
            number,
            file,
            backing,
            read_only,
        })
    }

    /// 0 of `/dev/loop0`.
    pub fn number(&self) -> u32 {
        self.number
    }

    /// `/dev/loop0`.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/dev/loop{}", self.number))
    }

    /// Flushes everything, gives the device back, makes sure that the kernel has let go of the file, and flushes that.
    ///
    /// # Errors
    /// [`Kind::Busy`] if something still uses it; [`Kind::Io`] or [`Kind::Full`] if bytes could not be written.
    pub fn detach(self) -> Result<()> {
        let path = self.path();
        let flushed = if self.read_only { Ok(()) } else { flush(&path) };
        let forgotten = forget_partitions(&path, &self.device, &[]);
        drop(self.device);
        wait_until_free(&self.backing)?;
        flushed?;
        forgotten?;
        if !self.read_only {
            self.file
                .sync_all()
                .doing(|| format!("write {} back", self.backing.display()))?;
        }
        // By name: see `locks`.
        let _ = FileExt::unlock(&self.file);
        Ok(())
    }
}

/// Writes back what is in the page cache of a disk and of each of its partitions: what was written to a device directly
/// is in none of the files behind it before that.
///
/// # Errors
/// [`Kind::Io`] or [`Kind::Full`].
pub fn flush(disk: &Path) -> Result<()> {
    let partitions = shown(disk)?.into_iter().map(|number| partition_path(disk, number));
    for device in partitions.chain([disk.to_owned()]) {
        let synced = OpenOptions::new()
            .write(true)
            .open(&device)
            .and_then(|open| open.sync_all());
        synced.doing(|| format!("write {} back", device.display()))?;
    }
    Ok(())
}

/// Tells the kernel of these partitions of a disk, and to forget all others of it. What it knows already, because it
/// can read the table itself, stays.
///
/// # Errors
/// [`Kind::Busy`] if one of another extent is in use.
pub fn add_partitions(disk: &Path, wanted: &[Extent]) -> Result<Vec<PathBuf>> {
    let open = File::open(disk).doing(|| format!("open {}", disk.display()))?;
    let keep: Vec<u32> = wanted
        .iter()
        .filter(|extent| is_shown(disk, extent))
        .map(|extent| extent.number)
        .collect();
    forget_partitions(disk, &open, &keep)?;
    for extent in wanted.iter().filter(|extent| !keep.contains(&extent.number)) {
        match sys::add_partition(open.as_fd(), extent.number, extent.start, extent.size) {
            Ok(()) => {}
            Err(Errno::BUSY | Errno::EXIST) if is_shown(disk, extent) => {}
            other => other.doing(|| format!("add partition {} of {}", extent.number, disk.display()))?,
        }
    }
    let devices: Vec<_> = wanted
        .iter()
        .map(|extent| partition_path(disk, extent.number))
        .collect();
    devices.iter().try_for_each(|device| wait_for_node(device))?;
    Ok(devices)
}

/// `/dev/loop0p1`, `/dev/sda1`: a name that ends in a digit gets a `p`.
pub fn partition_path(disk: &Path, number: u32) -> PathBuf {
    let name = disk.display().to_string();
    let between = if name.ends_with(|last: char| last.is_ascii_digit()) {
        "p"
    } else {
        ""
    };
    PathBuf::from(format!("{name}{between}{number}"))
}

/// The numbers of the partitions that the kernel shows of a disk, in order.
fn shown(disk: &Path) -> Result<Vec<u32>> {
    let directory = Path::new("/sys/class/block").join(name_of(disk));
    let entries = fs::read_dir(&directory).doing(|| format!("look at {}", disk.display()))?;
    let mut numbers: Vec<u32> = entries
        .filter_map(|entry| {
            fs::read_to_string(entry.ok()?.path().join("partition"))
                .ok()?
                .trim()
                .parse()
                .ok()
        })
        .collect();
    numbers.sort_unstable();
    Ok(numbers)
}

fn is_shown(disk: &Path, extent: &Extent) -> bool {
    let directory = Path::new("/sys/class/block").join(name_of(&partition_path(disk, extent.number)));
    let sectors = |name| {
        fs::read_to_string(directory.join(name))
            .ok()?
            .trim()
            .parse::<u64>()
            .ok()
    };
    sectors("start") == Some(extent.start / SECTOR) && sectors("size") == Some(extent.size / SECTOR)
}

fn forget_partitions(disk: &Path, open: &File, keep: &[u32]) -> Result<()> {
    for number in shown(disk)?.into_iter().filter(|number| !keep.contains(number)) {
        match retry_busy(|| sys::delete_partition(open.as_fd(), number)) {
            Ok(()) | Err(Errno::NXIO) => {}
            other => other.doing(|| format!("take partition {number} of {} away", disk.display()))?,
        }
    }
    Ok(())
}

/// Device managers look into new devices for a moment.
fn retry_busy(mut act: impl FnMut() -> rustix::io::Result<()>) -> rustix::io::Result<()> {
    let begun = Instant::now();
    loop {
        match act() {
            Err(Errno::BUSY) if begun.elapsed() < PATIENCE => sleep(PAUSE),
            other => return other,
        }
    }
}

fn wait_for_node(device: &Path) -> Result<()> {
    let begun = Instant::now();
    while !device.exists() {
        if begun.elapsed() > PATIENCE {
            let reason = "the kernel has the partition, but there is no node for it in /dev";
            return Err(HostError::new(
                Kind::NotFound,
                format!("find {}", device.display()),
                reason,
            ));
        }
        sleep(PAUSE);
    }
    Ok(())
}

/// Takes the lock of an image file: the kernel would attach one file to two devices without a word.
fn lock(file: &File, path: &Path) -> Result<()> {
    let begun = Instant::now();
    loop {
        match FileExt::try_lock(file) {
            Ok(()) => return Ok(()),
            Err(TryLockError::WouldBlock) if begun.elapsed() < Duration::from_secs(1) => sleep(PAUSE),
            Err(TryLockError::WouldBlock) => {
                let operation = format!("attach {}", path.display());
                return Err(HostError::new(Kind::Busy, operation, "another bake works on it"));
            }
            Err(TryLockError::Error(error)) => return Err(HostError::on_path("lock", path, error)),
        }
    }
}

fn configure(file: &File, read_only: bool) -> std::io::Result<(File, u32)> {
    let control = OpenOptions::new().read(true).write(true).open("/dev/loop-control")?;
    let begun = Instant::now();
    loop {
        let number = sys::free_loop(control.as_fd())?;
        let device = OpenOptions::new()
            .read(true)
            .write(!read_only)
            .open(format!("/dev/loop{number}"))?;
        match sys::configure_loop(device.as_fd(), file.as_fd(), read_only) {
            Ok(()) => return Ok((device, number)),
            // Somebody else took this one between the two calls.
            Err(Errno::BUSY) if begun.elapsed() < PATIENCE => sleep(Duration::from_millis(1)),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Waits until no loop device of the host has this file any more: of a process that was killed the kernel takes its
/// devices a moment after its death.
///
/// # Errors
/// [`Kind::Busy`] naming the devices and who holds them, after five seconds.
pub fn wait_until_free(file: &Path) -> Result<()> {
    let file = resolved(file);
    let begun = Instant::now();
    loop {
        let devices = holders(&file)?;
        if devices.is_empty() {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            return Err(still_held(&file, &devices));
        }
        sleep(PAUSE);
    }
}

/// The path without links, as the kernel names a backing file, whether or not the file itself is there.
fn resolved(file: &Path) -> PathBuf {
    let directory = file.parent().and_then(|directory| directory.canonicalize().ok());
    match (directory, file.file_name()) {
        (Some(directory), Some(name)) => directory.join(name),
        _ => file.to_owned(),
    }
}

fn still_held(file: &Path, devices: &[String]) -> HostError {
    let by: Vec<String> = devices
        .iter()
        .flat_map(|device| holders_of(&Path::new("/dev").join(device)))
        .collect();
    let by = match by.is_empty() {
        true => "something holds the device open or mounted".to_owned(),
        false => by.join(", "),
    };
    let operation = format!("detach {}", file.display());
    let reason = format!("{} still has it: {by}", devices.join(", "));
    HostError::new(Kind::Busy, operation, reason).help("end what holds it, then run bake recover")
}

/// The loop devices to which a file is attached, on the whole host (`/sys/block/loop*/loop/backing_file`), by number.
///
/// # Errors
/// If sysfs is not there.
pub fn holders(file: &Path) -> Result<Vec<String>> {
    let attached = attached()?;
    Ok(attached
        .into_iter()
        .filter(|(_, backing)| backing == file)
        .map(|(name, _)| name)
        .collect())
}

/// Every loop device in use with the file behind it, in order of their names.
///
/// # Errors
/// If sysfs is not there.
pub fn attached() -> Result<Vec<(String, PathBuf)>> {
    let entries = fs::read_dir("/sys/block").doing(|| "look at the host's disks".into())?;
    let mut found = Vec::new();
    for entry in entries.flatten() {
        if let Ok(backing) = fs::read_to_string(entry.path().join("loop/backing_file")) {
            let backing = backing.trim_end_matches('\n');
            let backing = backing.strip_suffix(" (deleted)").unwrap_or(backing);
            found.push((entry.file_name().to_string_lossy().into_owned(), PathBuf::from(backing)));
        }
    }
    found.sort();
    Ok(found)
}

fn name_of(device: &Path) -> &str {
    device.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}
