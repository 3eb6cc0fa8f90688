//! The only unsafe code of the library: system calls that no crate offers in a safe form.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::libc;
use rustix::io::{Errno, Result};
use rustix::ioctl::{self, Ioctl, IoctlOutput, Opcode, Setter};

/// Marks every descriptor from `first` up to be closed by the next exec (close_range(2), Linux 5.11).
///
/// # Errors
/// `ENOSYS`, `EINVAL` on older kernels.
pub fn close_on_exec_from(first: u32) -> Result<()> {
    // SAFETY: the call takes three integers and touches no memory of ours. It closes nothing now, so no descriptor
    // that somebody owns becomes invalid.
    let answer = unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) };
    if answer == 0 { Ok(()) } else { Err(last_error()) }
}

/// Lets the kernel kill a child when this process dies, whatever kills it (PR_SET_PDEATHSIG, prctl(2)). The signal comes at
/// the end of the thread that starts the child: that must be one that lives as long as somebody waits for the child.
pub fn dies_with_us(command: &mut tokio::process::Command) {
    let us = rustix::process::getpid();
    let tie = move || {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))?;
        // We may be dead already.
        match rustix::process::getppid() == Some(us) {
            true => Ok(()),
            false => Err(Errno::SRCH.into()),
        }
    };
    // SAFETY: between fork and exec nothing may be called that takes a lock or memory; the closure makes two system
    // calls, and an `io::Error` of a number needs no memory.
    unsafe { command.pre_exec(tie) };
}

/// From now on fsync(2) and fdatasync(2) of this process, and of what it becomes, do nothing and say that all went well
/// (seccomp(2)); it gains no privileges any more (`PR_SET_NO_NEW_PRIVS`, prctl(2)).
///
/// # Errors
/// `ENOSYS`, `EINVAL` if the kernel has no filters.
pub fn forgo_flushes() -> Result<()> {
    rustix::thread::set_no_new_privs(true)?;
    let number = |call: libc::c_long| u32::try_from(call).unwrap_or(u32::MAX);
    let allow = libc::BPF_RET | libc::BPF_K;
    let load = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
    let equal = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
    let step = |code: u32, value, yes, no| libc::sock_filter {
        code: u16::try_from(code).unwrap_or_default(),
        jt: yes,
        jf: no,
        k: value,
    };
    // Of `struct seccomp_data` the number of the call comes first, then the architecture, whose numbers they are.
    let mut filter = [
        step(load, 4, 0, 0),
        step(equal, ARCHITECTURE, 0, 3),
        step(load, 0, 0, 0),
        step(equal, number(libc::SYS_fsync), 2, 0),
        step(equal, number(libc::SYS_fdatasync), 1, 0),
        step(allow, libc::SECCOMP_RET_ALLOW, 0, 0),
        step(allow, libc::SECCOMP_RET_ERRNO, 0, 0),
    ];
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len()).unwrap_or_default(),
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: the kernel copies the program and the `len` steps that it points to, which live until the call returns.
    let answer = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
    if answer == 0 { Ok(()) } else { Err(last_error()) }
}

/// `AUDIT_ARCH_*` (linux/audit.h).
#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xC000_00B7;

/// Says whether what was written to a file so far was written well, without making the kernel write the rest
/// (sync_file_range(2)).
///
/// # Errors
/// `EIO`, `ENOSPC`: what of it the disk did not take.
pub fn was_written_well(file: BorrowedFd<'_>) -> Result<()> {
    // SAFETY: the call takes integers, and a descriptor that is open for as long as it is borrowed.
    let answer = unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WAIT_BEFORE) };
    if answer == 0 { Ok(()) } else { Err(last_error()) }
}

fn last_error() -> Errno {
    Errno::from_raw_os_error(nix::errno::Errno::last_raw())
}

/// The number of a loop device that is free now (`LOOP_CTL_GET_FREE`, loop(4)); somebody else may take it first.
///
/// # Errors
/// As ioctl(2) on `/dev/loop-control`.
pub fn free_loop(control: BorrowedFd<'_>) -> Result<u32> {
    // SAFETY: `GetFree` passes no pointer; the answer is the call's return value.
    unsafe { ioctl::ioctl(control, GetFree) }
}

struct GetFree;

// SAFETY: LOOP_CTL_GET_FREE takes no argument and answers a number that is not negative.
unsafe impl Ioctl for GetFree {
    type Output = u32;
    const IS_MUTATING: bool = false;

    fn opcode(&self) -> Opcode {
        LOOP_CTL_GET_FREE
    }

    fn as_ptr(&mut self) -> *mut c_void {
        std::ptr::null_mut()
    }

    unsafe fn output_from_ptr(output: IoctlOutput, _: *mut c_void) -> Result<u32> {
        u32::try_from(output).map_err(|_| Errno::INVAL)
    }
}

const LOOP_CTL_GET_FREE: Opcode = 0x4C82;
const LOOP_CONFIGURE: Opcode = 0x4C0A;
const LO_FLAGS_READ_ONLY: u32 = 1;
const LO_FLAGS_AUTOCLEAR: u32 = 4;
const LO_FLAGS_PARTSCAN: u32 = 8;

/// `struct loop_info64` of `<linux/loop.h>`.
#[repr(C)]
struct LoopInfo {
    device: u64,
    inode: u64,
    rdevice: u64,
    offset: u64,
    size_limit: u64,
    number: u32,
    encrypt_type: u32,
    encrypt_key_size: u32,
    flags: u32,
    file_name: [u8; 64],
    crypt_name: [u8; 64],
    encrypt_key: [u8; 32],
    init: [u64; 2],
}

/// `struct loop_config` of `<linux/loop.h>`.
#[repr(C)]
struct LoopConfig {
    fd: u32,
    block_size: u32,
    info: LoopInfo,
    reserved: [u64; 8],
}

const _: () = assert!(
    size_of::<LoopConfig>() == 304,
    "the kernel's size of struct loop_config"
);

/// Ties a file to a loop device, to be let go by its last close, partitions included: without `PARTSCAN` they would
/// stay behind and show the next file under them at the old places.
///
/// # Errors
/// `EBUSY` if the device was taken meanwhile.
pub fn configure_loop(device: BorrowedFd<'_>, file: BorrowedFd<'_>, read_only: bool) -> Result<()> {
    let mut flags = LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN;
    if read_only {
        flags |= LO_FLAGS_READ_ONLY;
    }
    let info = LoopInfo {
        device: 0,
        inode: 0,
        rdevice: 0,
        offset: 0,
        size_limit: 0,
        number: 0,
        encrypt_type: 0,
        encrypt_key_size: 0,
        flags,
        file_name: [0; 64],
        crypt_name: [0; 64],
        encrypt_key: [0; 32],
        init: [0; 2],
    };
    let config = LoopConfig {
        fd: file.as_raw_fd().cast_unsigned(),
        block_size: 0,
        info,
        reserved: [0; 8],
    };
    // SAFETY: LOOP_CONFIGURE reads one `struct loop_config`, whose layout `LoopConfig` has (its size is checked above).
    unsafe { ioctl::ioctl(device, Setter::<LOOP_CONFIGURE, LoopConfig>::new(config)) }
}

/// `struct nvme_passthru_cmd` of `<linux/nvme_ioctl.h>`.
#[repr(C)]
#[derive(Default)]
struct NvmeCommand {
    opcode: u8,
    flags: u8,
    reserved: u16,
    namespace: u32,
    cdw2: u32,
    cdw3: u32,
    metadata: u64,
    address: u64,
    metadata_length: u32,
    data_length: u32,
    cdw10_to_15: [u32; 6],
    timeout_ms: u32,
    result: u32,
}

const _: () = assert!(
    size_of::<NvmeCommand>() == 72,
    "the kernel's size of struct nvme_passthru_cmd"
);

/// `NVME_IOCTL_ID`: `_IO('N', 0x40)`; `NVME_IOCTL_ADMIN_CMD`: `_IOWR('N', 0x41, struct nvme_passthru_cmd)`.
const NVME_ID: libc::c_ulong = 0x4E40;
const NVME_ADMIN: libc::c_ulong = 0xC048_4E41;
const NVME_IDENTIFY: u8 = 0x06;

/// What an NVMe namespace says of itself: the 4096 bytes of Identify Namespace (NVMe base specification, "Identify").
///
/// # Errors
/// `ENOTTY` of what is no NVMe namespace; `EACCES` without `CAP_SYS_ADMIN`.
pub fn identify_namespace(device: BorrowedFd<'_>) -> Result<Vec<u8>> {
    // SAFETY: NVME_IOCTL_ID takes no argument and answers the number of the namespace.
    let number = unsafe { libc::ioctl(device.as_raw_fd(), NVME_ID) };
    let namespace = u32::try_from(number).map_err(|_| last_error())?;
    let mut data = vec![0_u8; 4096];
    let mut command = NvmeCommand {
        opcode: NVME_IDENTIFY,
        namespace,
        address: data.as_mut_ptr() as u64,
        data_length: 4096,
        ..NvmeCommand::default()
    };
    // SAFETY: the command has the layout that the kernel reads (its size is checked above), and `data` has the 4096 bytes
    // that Identify writes and outlives the call.
    let answer = unsafe { libc::ioctl(device.as_raw_fd(), NVME_ADMIN, &mut command) };
    match answer {
        0 => Ok(data),
        answer if answer < 0 => Err(last_error()),
        _ => Err(Errno::IO),
    }
}

const BLKPG: Opcode = 0x1269;
const BLKPG_ADD_PARTITION: i32 = 1;
const BLKPG_DEL_PARTITION: i32 = 2;

/// `struct blkpg_partition` of `<linux/blkpg.h>`.
#[repr(C)]
struct BlkpgPartition {
    start: i64,
    length: i64,
    number: i32,
    device_name: [u8; 64],
    volume_name: [u8; 64],
}

/// `struct blkpg_ioctl_arg` of `<linux/blkpg.h>`.
#[repr(C)]
struct BlkpgArgument {
    operation: i32,
    flags: i32,
    length: i32,
    data: *mut BlkpgPartition,
}

/// Tells the kernel of a partition; start and size in bytes.
///
/// # Errors
/// `EBUSY` or `EEXIST` if it knows one of that number or at that place.
pub fn add_partition(disk: BorrowedFd<'_>, number: u32, start: u64, size: u64) -> Result<()> {
    let start = i64::try_from(start).map_err(|_| Errno::RANGE)?;
    let size = i64::try_from(size).map_err(|_| Errno::RANGE)?;
    blkpg(disk, BLKPG_ADD_PARTITION, number, start, size)
}

/// Makes the kernel forget a partition; the disk's bytes stay.
///
/// # Errors
/// `EBUSY` if it is in use, `ENXIO` if there is none.
pub fn delete_partition(disk: BorrowedFd<'_>, number: u32) -> Result<()> {
    blkpg(disk, BLKPG_DEL_PARTITION, number, 0, 0)
}

fn blkpg(disk: BorrowedFd<'_>, operation: i32, number: u32, start: i64, length: i64) -> Result<()> {
    let mut partition = BlkpgPartition {
        start,
        length,
        number: i32::try_from(number).map_err(|_| Errno::RANGE)?,
        device_name: [0; 64],
        volume_name: [0; 64],
    };
    let argument = BlkpgArgument {
        operation,
        flags: 0,
        length: size_of::<BlkpgPartition>() as i32,
        data: &raw mut partition,
    };
    // SAFETY: BLKPG reads one `struct blkpg_ioctl_arg` and through its pointer one `struct blkpg_partition`; both have
    // the kernel's layout (repr(C), the same fields), and `partition` lives until the call has returned.
    unsafe { ioctl::ioctl(disk, Setter::<BLKPG, BlkpgArgument>::new(argument)) }
}

const FITRIM: Opcode = 0xC018_5879;

/// `struct fstrim_range` of `<linux/fs.h>`.
#[repr(C)]
struct TrimRange {
    start: u64,
    length: u64,
    shortest: u64,
}

/// Lets a mounted file system tell its device which blocks it does not use (ioctl_fitrim(2)): all of them.
///
/// # Errors
/// `EOPNOTSUPP` if the device has nothing of it; `ENOTTY` if the file system has no device.
pub fn trim(mounted: BorrowedFd<'_>) -> Result<()> {
    let mut range = TrimRange {
        start: 0,
        length: u64::MAX,
        shortest: 0,
    };
    // SAFETY: FITRIM reads one `struct fstrim_range`, whose layout `TrimRange` has, and writes into it how much was
    // trimmed; `range` outlives the call.
    unsafe { ioctl::ioctl(mounted, ioctl::Updater::<FITRIM, TrimRange>::new(&mut range)) }
}

const SIOCSIFFLAGS: Opcode = 0x8914;
const IFF_UP: u16 = 1;

/// `struct ifreq` of `<linux/if.h>`, with the member of its union that SIOCSIFFLAGS reads.
#[repr(C)]
struct InterfaceFlags {
    name: [u8; 16],
    flags: u16,
    rest: [u8; 22],
}

const _: () = assert!(size_of::<InterfaceFlags>() == 40, "the kernel's size of struct ifreq");

/// Brings the loopback interface of this network namespace up.
///
/// # Errors
/// As netdevice(7).
pub fn loopback_up() -> Result<()> {
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None)?;
    let mut name = [0; 16];
    name[..2].copy_from_slice(b"lo");
    let request = InterfaceFlags {
        name,
        flags: IFF_UP,
        rest: [0; 22],
    };
    // SAFETY: SIOCSIFFLAGS reads one `struct ifreq`: a name that ends with a zero byte, and the flags behind it.
    unsafe { ioctl::ioctl(socket.as_fd(), Setter::<SIOCSIFFLAGS, InterfaceFlags>::new(request)) }
}

const TIOCSWINSZ: Opcode = 0x5414;

/// Sets the size of a terminal (ioctl_tty(2)).
///
/// # Errors
/// `ENOTTY` if it is none.
pub fn set_window_size(terminal: BorrowedFd<'_>, size: libc::winsize) -> Result<()> {
    // SAFETY: TIOCSWINSZ reads one `struct winsize`, which `libc::winsize` is.
    unsafe { ioctl::ioctl(terminal, Setter::<TIOCSWINSZ, libc::winsize>::new(size)) }
}
