//! EBS volumes behind NVMe: found by the serial number of a real controller, for once. QEMU has them; this host may not.
//!
//! Needs qemu-system-x86, busybox-static, and Debian's package of the kernel for clouds.

#![allow(clippy::print_stdout)] // What is found in the machine is read from its console.

#[path = "support/machine.rs"]
mod machine;

use std::path::Path;
use std::time::Duration;

use bake::host::{devices, sparse};

/// Volumes and their sizes in MiB, in the order in which the kernel numbers them: neither is where its letter would be.
const VOLUMES: [(&str, u64); 3] = [
    ("vol-0fedcba9876543210", 48),
    ("vol-0123456789abcdef0", 32),
    ("vol-0123456789abcdef1", 64),
];
const MIB: u64 = 1 << 20;

#[test]
fn volumes_are_found_by_the_serial_numbers_of_their_controllers() {
    if machine::is_inside() {
        return in_the_machine();
    }
    let directory = tempfile::tempdir().expect("a temporary directory");
    let mut arguments = Vec::new();
    for (volume, size) in VOLUMES {
        let disk = directory.path().join(volume);
        sparse::create(&disk, size * MIB).expect("a sparse file");
        arguments.extend(drive(volume, &disk));
    }
    let said = machine::run(
        "volumes_are_found_by_the_serial_numbers_of_their_controllers",
        &arguments,
    );
    for (number, (volume, _)) in VOLUMES.iter().enumerate() {
        let line = format!("{volume} is /dev/nvme{number}n1");
        assert!(said.contains(&line), "{line}:\n{said}");
    }
}

fn drive(volume: &str, disk: &Path) -> [String; 4] {
    let serial = volume.replace('-', "");
    [
        "-drive".to_owned(),
        format!("file={},if=none,format=raw,id={serial}", disk.display()),
        "-device".to_owned(),
        format!("nvme,drive={serial},serial={serial}"),
    ]
}

/// Finds all of them, none of another size, and none that is not there.
fn in_the_machine() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime");
    let find = |volume: &str, size: u64, seconds: u64| {
        runtime.block_on(devices::find(volume, "/dev/sdf", size, Duration::from_secs(seconds)))
    };
    for (volume, size) in VOLUMES {
        let device = find(volume, size * MIB, 10).expect("the volume is attached");
        println!("{volume} is {}", device.display());
        find(volume, (size + 1) * MIB, 10).expect_err("it is of another size");
    }
    find("vol-0123456789abcdef2", MIB, 1).expect_err("there is no such volume");
}
