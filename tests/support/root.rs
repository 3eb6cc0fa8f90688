//! What small images are made of: busybox, packed where a module's `bootstrap "tar"` finds it.

use std::path::Path;
use std::process::Command;

/// Puts `root.tar` into a directory.
pub fn pack(directory: &Path) {
    let pack = "mkdir -p root/bin root/etc root/tmp && cp /bin/busybox root/bin/busybox && \
                for name in sh cat echo ls sleep stty; do ln -sf busybox root/bin/$name; done && \
                tar -cf root.tar -C root . && rm -r root";
    let packed = Command::new("sh").args(["-c", pack]).current_dir(directory).status();
    assert!(packed.expect("sh starts").success(), "busybox-static is installed");
}
