//! What these tests share: modules with a small root, and looks into the disks that come out.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::Project;

/// An image of one ext4 with busybox in it; the blocks follow its bootstrap.
pub fn image(name: &str, blocks: &str) -> String {
    format!(
        r#"
image "{name}" {{
  scratch {{}}
  volume "root" {{
    size            = "64MiB"
    partition_table = "none"
    filesystem      = "ext4"
    mount           = "/"
  }}
  bootstrap "tar" {{
    path = "root.tar"
  }}
{blocks}
}}
"#
    )
}

/// A shell step.
pub fn shell(name: &str, lines: &[&str]) -> String {
    format!("  provision \"shell\" \"{name}\" {{\n    inline = {lines:?}\n  }}\n")
}

/// A project with this module and busybox as `root.tar`.
pub fn project(module: &str) -> Project {
    let project = Project::new(module);
    make_root(&project.path().join("root.tar"));
    project
}

/// The archive that the README of `examples/minimal` makes, with a few programs more.
pub fn make_root(archive: &Path) {
    let applets = "sh cat chmod cp dd echo env grep head ip ln ls mkdir mount mv printf ps readlink rm setsid sleep stat sync \
                   test touch true umount yes";
    let pack = format!(
        "set -e; tree=$(mktemp -d); trap 'rm -rf $tree' EXIT; cd $tree; mkdir bin etc proc sys dev run tmp root srv
         cp /bin/busybox bin/busybox; for name in {applets}; do ln -s busybox bin/$name; done
         echo root:x:0:0:root:/root:/bin/sh > etc/passwd; echo root:x:0: > etc/group
         tar --owner=0 --group=0 -cf {} .",
        archive.display()
    );
    sh(&pack, Path::new("/"));
}

/// Copies an example of the repository into a directory.
pub fn copy_example(name: &str, to: &Path) {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let copy = format!(
        "mkdir -p {0} && tar --exclude=.bake -cf - -C {1}/{name} . | tar -xf - -C {0}",
        to.display(),
        examples.display()
    );
    sh(&copy, Path::new("/"));
}

/// Runs a script, which must succeed, in mount namespaces of its own; what it prints.
pub fn sh(script: &str, directory: &Path) -> String {
    let output = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "bash", "-ec", script])
        .current_dir(directory)
        .output()
        .expect("unshare starts");
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{script}\n{out}{err}");
    out
}

/// The disk of an image as a raw file.
pub fn disk(project: &Project, image: &str, volume: Option<&str>) -> PathBuf {
    let name = format!("{image}-{}.raw", volume.unwrap_or("root")).replace(['"', '[', ']'], "-");
    let path = project.path().join(name);
    let path_text = path.display().to_string();
    let mut arguments = vec!["export", image, "-force", "-out", &path_text];
    arguments.extend(volume.into_iter().flat_map(|name| ["-volume", name]));
    project.done(&arguments);
    path
}

/// A file of an image whose root is a bare ext4, as debugfs(8) reads it.
pub fn file_in(project: &Project, image: &str, path: &str) -> String {
    let disk = disk(project, image, None);
    sh(
        &format!("debugfs -R 'cat {path}' {} 2>/dev/null", disk.display()),
        project.path(),
    )
}

/// Puts another module into a project.
pub fn rewrite(project: &Project, module: &str) {
    project.write("main.bake.hcl", module);
}

/// Applies, which must succeed.
pub fn apply(project: &Project) -> String {
    project.done(&["apply", "-auto-approve", "-no-color"])
}

/// The text of a plan.
pub fn plan(project: &Project) -> String {
    project.done(&["plan", "-no-color"])
}

/// Runs bake, which must fail; what it says.
pub fn refused(project: &Project, arguments: &[&str]) -> String {
    let output = project.run(arguments);
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert_eq!(output.status.code(), Some(1), "bake {arguments:?}\n{said}");
    said
}

/// Processes of the whole host whose command line holds these words.
pub fn running(words: &str) -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").expect("proc is mounted").flatten();
    let commands = processes.map(|process| process.path().join("cmdline"));
    commands
        .filter(|command| fs::read_to_string(command).is_ok_and(|line| line.replace('\0', " ").contains(words)))
        .collect()
}

/// The bytes of a file.
pub fn bytes(path: &Path) -> Vec<u8> {
    fs::read(path).expect("it can be read")
}
