//! A machine of QEMU in which a test of this executable runs, with disks behind controllers that this host may not have.
#![allow(dead_code, clippy::disallowed_methods)] // Each test file uses its own part; tests start processes themselves.

use std::env;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use bake::host::files;

/// Set inside the machine.
const INSIDE: &str = "BAKE_TEST_MACHINE";
/// The first process of the machine: it runs the test that the command line of the kernel names, and ends the machine.
const INIT: &str = "#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
cd /
BAKE_TEST_MACHINE=1 /test --exact --nocapture --test-threads 1 \"$TEST\"
echo \"the test ended with $?\"
/bin/busybox poweroff -f
";

/// Whether this process runs in the machine.
pub fn is_inside() -> bool {
    env::var_os(INSIDE).is_some()
}

/// Runs a test of this executable in a machine with these arguments of QEMU beside the usual ones; what its console said.
///
/// # Panics
/// If the machine does not start, or the test in it fails.
pub fn run(test: &str, arguments: &[String]) -> String {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let initrd = directory.path().join("initrd");
    pack(&directory.path().join("root"), &initrd);
    let output = Command::new("timeout")
        .args([
            "600",
            "qemu-system-x86_64",
            "-accel",
            "tcg",
            "-m",
            "1024",
            "-nographic",
            "-no-reboot",
            "-net",
            "none",
        ])
        .args(["-append", &format!("console=ttyS0 quiet panic=-1 TEST={test}")])
        .arg("-kernel")
        .arg(kernel())
        .arg("-initrd")
        .arg(&initrd)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("qemu-system-x86 is installed");
    let said = String::from_utf8_lossy(&output.stdout).replace('\r', "");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("the test ended with 0"),
        "in the machine:\n{said}\n{errors}"
    );
    said
}

fn kernel() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/kernel");
    let output = Command::new(script).stderr(Stdio::inherit()).output();
    let output = output.expect("the script starts");
    assert!(
        output.status.success(),
        "there is no kernel: what is wrong stands above"
    );
    PathBuf::from(String::from_utf8_lossy(&output.stdout).trim())
}

/// The initial file system: busybox, this executable, the libraries that it needs at the places where it looks for them.
fn pack(root: &Path, initrd: &Path) {
    let executable = env::current_exe().expect("this process has an executable");
    files::create_dir_all(&root.join("bin")).expect("a directory");
    files::replace(&root.join("init"), INIT.as_bytes()).expect("a file");
    let script = "chmod 755 init && mkdir -p proc sys dev tmp && cp /bin/busybox bin/busybox && cp \"$1\" test && strip test && \
                  ldd \"$1\" | grep -o '/[^ ]*' | while read -r file; do \
                    mkdir -p \".${file%/*}\" && cp -L \"$file\" \".$file\" || exit 1; \
                  done && find . | busybox cpio -o -H newc 2>/dev/null";
    let packed = Command::new("sh")
        .args(["-euc", script, "pack"])
        .arg(executable)
        .current_dir(root)
        .stdout(File::create(initrd).expect("a file"))
        .status();
    assert!(
        packed.expect("sh starts").success(),
        "busybox-static and binutils are installed"
    );
}
