//! A whole Debian, built once: booted, and built on. Wants Debian's mirror.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use crate::bench::*;
use crate::support::{Project, Traces};

/// Images on the example: one has another file on its ESP and a package with a daemon, one lets daemons start.
const BUILT_ON: &str = r#"
image "changed" {
  source {
    image = image.debian
  }
  provision "shell" "esp" {
    inline = ["test -s /boot/efi/EFI/BOOT/BOOTX64.EFI", "echo 'changed by a step' > /boot/efi/changed.txt"]
  }
  provision "file" "package" {
    source      = "daemon.deb"
    destination = "/root/daemon.deb"
    transient   = true
  }
  provision "shell" "install" {
    inline = ["dpkg -i /root/daemon.deb", "test ! -e /var/tmp/started"]
  }
}

image "started" {
  source {
    image = image.debian
  }
  build {
    services = true
  }
  provision "file" "package" {
    source      = "daemon.deb"
    destination = "/root/daemon.deb"
  }
  provision "shell" "install" {
    inline = ["dpkg -i /root/daemon.deb", "test -e /var/tmp/started"]
  }
}
"#;

/// A package whose installation starts a daemon unless it may not, as invoke-rc.d(8) does where a chroot has no systemd.
const PACKAGE: &str = r#"
mkdir -p tree/DEBIAN tree/etc/init.d
cat > tree/DEBIAN/control <<'END'
Package: bake-daemon
Version: 1
Architecture: all
Maintainer: nobody <nobody@example.com>
Description: a daemon
END
cat > tree/etc/init.d/bake-daemon <<'END'
#!/bin/sh
touch /var/tmp/started
sleep 100081 >/dev/null 2>&1 &
END
cat > tree/DEBIAN/postinst <<'END'
#!/bin/sh
set -e
code=0
[ ! -x /usr/sbin/policy-rc.d ] || /usr/sbin/policy-rc.d bake-daemon start || code=$?
[ "$code" = 101 ] || /etc/init.d/bake-daemon start
END
chmod 755 tree/DEBIAN/postinst tree/etc/init.d/bake-daemon
dpkg-deb --build --root-owner-group tree daemon.deb
rm -r tree
"#;

#[test]
fn the_debian_example_boots_and_so_does_an_image_built_on_it() {
    let project = Project::new(BUILT_ON);
    copy_example("debian", project.path());
    sh(PACKAGE, project.path());
    apply(&project);
    assert!(plan(&project).contains("No changes. 3 images"));
    Traces::wait_until_none(project.path());
    assert_eq!(
        running("sleep 100081"),
        Vec::<PathBuf>::new(),
        "the daemon that was allowed to start"
    );

    let (example, changed) = (
        disk(&project, "image.debian", None),
        disk(&project, "image.changed", None),
    );
    boots_under_both(&example);
    boots_under_both(&changed);
    let text = sh(
        &format!("mtype -i {}@@2M ::changed.txt", changed.display()),
        project.path(),
    );
    assert_eq!(text, "changed by a step\n");
    for image in [&example, &changed] {
        assert!(!holds(image, "/var/tmp/started"));
        assert!(!holds(image, "/usr/sbin/policy-rc.d"), "the protection leaves no trace");
        assert!(!holds(image, "/etc/resolv.conf"), "nor does the name resolution");
    }
    assert!(holds(&changed, "/etc/init.d/bake-daemon") && !holds(&changed, "/root/daemon.deb"));
    let started = disk(&project, "image.started", None);
    assert!(
        holds(&started, "/var/tmp/started"),
        "the package does start its daemon where it may"
    );
}

/// Whether the root of the example, its third partition, has such a file.
fn holds(disk: &Path, path: &str) -> bool {
    let stat = format!(
        "debugfs -R 'stat {path}' '{}?offset={}' 2>&1 || true",
        disk.display(),
        66 << 20
    );
    sh(&stat, Path::new("/")).contains("Inode:")
}

fn boots_under_both(disk: &Path) {
    thread::scope(|both| {
        for firmware in ["bios", "uefi"] {
            both.spawn(move || boots(disk, firmware));
        }
    });
}

/// The login prompt comes on the serial console.
fn boots(disk: &Path, firmware: &str) {
    let output = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/boot"))
        .args([disk.as_os_str(), firmware.as_ref()])
        .output()
        .expect("sh starts");
    let console = String::from_utf8_lossy(&output.stdout);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{}, {firmware}:\n{console}{said}",
        disk.display()
    );
}
