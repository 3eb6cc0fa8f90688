//! EBS volumes behind NVMe controllers, for once real ones: QEMU has them, this host may not. The volume of a namespace is
//! told by the serial number of its controller.
//!
//! Needs qemu-system-x86, busybox-static, and Debian's package of the kernel for clouds.

#![allow(clippy::print_stdout)] // What is found in the machine is read from its console.

#[path = "support/machine.rs"]
mod machine;

use std::path::Path;

use bake::host::files;

/// Volumes and their sizes in MiB, in the order in which the kernel numbers them: neither is where its letter would be.
const VOLUMES: [(&str, u64); 3] = [
    ("vol-0fedcba9876543210", 48),
    ("vol-0123456789abcdef0", 32),
    ("vol-0123456789abcdef1", 64),
];
const MIB: u64 = 1 << 20;

#[test]
fn a_volume_is_told_by_the_serial_number_of_its_controller() {
    if machine::is_inside() {
        return in_the_machine();
    }
    let directory = files::temporary_dir().expect("a temporary directory");
    let mut arguments = Vec::new();
    for (volume, size) in VOLUMES {
        let disk = directory.path().join(volume);
        files::create_sparse(&disk, size * MIB).expect("a sparse file");
        arguments.extend(drive(volume, &disk));
    }
    let said = machine::run("a_volume_is_told_by_the_serial_number_of_its_controller", &arguments);
    for (number, (volume, size)) in VOLUMES.iter().enumerate() {
        let line = format!("{} of {size} MiB is /dev/nvme{number}n1", volume.replace('-', ""));
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

/// Says which namespace has which serial number, and that each is as large as its volume.
fn in_the_machine() {
    let entries = std::fs::read_dir("/sys/class/block").expect("sysfs is mounted");
    for entry in entries {
        let path = entry.expect("an entry").path();
        let Ok(serial) = std::fs::read_to_string(path.join("device/serial")) else {
            continue;
        };
        let sectors = std::fs::read_to_string(path.join("size")).expect("a block device has a size");
        let mib = sectors.trim().parse::<u64>().expect("a number") / 2048;
        let name = path.file_name().expect("a name").to_string_lossy();
        println!("{} of {mib} MiB is /dev/{name}", serial.trim());
    }
}
