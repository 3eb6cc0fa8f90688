//! Files in a root that means harm: no path in it leads to the host.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use bake::host::inside::{Attributes, Root, Type};
use bake::host::{Kind, files};
use rustix::fs::{CWD, RenameFlags};

/// A root beside a directory of the host that must stay as it is.
struct Yard {
    directory: tempfile::TempDir,
    root: Root,
}

impl Yard {
    fn new() -> Yard {
        let directory = tempfile::tempdir().expect("a directory");
        for name in ["root/inner", "outside"] {
            files::create_dir_all(&directory.path().join(name)).expect("a directory");
        }
        files::replace(&directory.path().join("outside/secret"), b"of the host").expect("written");
        let root = Root::open(&directory.path().join("root")).expect("opened");
        Yard { directory, root }
    }

    fn outside(&self) -> String {
        self.directory.path().join("outside").display().to_string()
    }

    fn assert_untouched(&self) {
        let outside = self.directory.path().join("outside");
        assert_eq!(
            std::fs::read(outside.join("secret")).expect("it is there"),
            b"of the host"
        );
        assert_eq!(
            std::fs::read_dir(&outside).expect("it is there").count(),
            1,
            "something was written outside"
        );
    }
}

#[test]
fn links_end_inside() {
    let yard = Yard::new();
    let (root, outside) = (&yard.root, yard.outside());
    root.symlink(outside.as_ref(), "/absolute").expect("a link");
    root.symlink("../../../../../../../..".as_ref(), "/up").expect("a link");
    root.symlink(format!("{outside}/secret").as_ref(), "/file")
        .expect("a link");
    root.symlink("/proc/self/root".as_ref(), "/magic").expect("a link");
    for path in [
        "/absolute/secret",
        "/file",
        &format!("/up{outside}/secret"),
        &format!("/magic{outside}/secret"),
    ] {
        assert_eq!(root.read(path).expect_err("outside").kind, Kind::NotFound, "{path}");
        assert!(root.write(path, b"harm", &Attributes::default()).is_err(), "{path}");
        assert!(
            root.set_attributes(
                path,
                &Attributes {
                    mode: Some(0),
                    ..Attributes::default()
                }
            )
            .is_err(),
            "{path}"
        );
    }
    root.remove("/absolute").expect("the link goes, not what it names");
    yard.assert_untouched();
    root.make_dirs(&outside).expect("the same path, inside");
    root.write(&format!("/up{outside}/made"), b"inside", &Attributes::default())
        .expect("inside");
    assert_eq!(root.read(&format!("{outside}/made")).expect("inside"), b"inside");
    yard.assert_untouched();
}

#[test]
fn dots_are_refused() {
    let yard = Yard::new();
    for path in ["/inner/../..", "../outside/secret", "/.."] {
        assert_eq!(
            yard.root.remove(path).expect_err("refused").kind,
            Kind::Invalid,
            "{path}"
        );
        assert_eq!(
            yard.root.make_dirs(path).expect_err("refused").kind,
            Kind::Invalid,
            "{path}"
        );
    }
    assert_eq!(yard.root.remove("/").expect_err("refused").kind, Kind::Invalid);
}

#[test]
fn only_plain_files_are_opened() {
    let yard = Yard::new();
    let fifo = yard.directory.path().join("root/fifo");
    let mode = rustix::fs::Mode::from_bits_truncate(0o600);
    rustix::fs::mknodat(CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).expect("a fifo");
    assert_eq!(yard.root.read("/fifo").expect_err("a fifo").kind, Kind::WrongType);
    assert!(yard.root.write("/fifo", b"", &Attributes::default()).is_err());
    assert_eq!(yard.root.read("/inner").expect_err("a directory").kind, Kind::WrongType);
    let data = yard.root.metadata("/fifo").expect("a look").expect("there");
    assert_eq!(data.kind, Type::Special);
}

#[test]
fn attributes_are_set_and_trees_removed() {
    let yard = Yard::new();
    let root = &yard.root;
    let wanted = Attributes {
        mode: Some(0o4751),
        user: Some(7),
        group: Some(8),
    };
    root.make_dirs("/a/b/c").expect("made");
    root.write("/a/b/c/file", b"x", &wanted).expect("written");
    root.symlink(yard.outside().as_ref(), "/a/b/out").expect("a link");
    let data = root.metadata("/a/b/c/file").expect("a look").expect("there");
    assert_eq!((data.mode, data.user, data.group, data.size), (0o4751, 7, 8, 1));
    root.set_modified("/a/b/c/file", 12345).expect("set");
    assert_eq!(
        root.metadata("/a/b/c/file").expect("a look").expect("there").modified,
        12345
    );
    assert_eq!(root.list("/a/b").expect("a list"), ["c", "out"]);
    root.rename("/a/b/c", "/a/d").expect("renamed");
    root.remove("/a").expect("removed");
    root.remove("/a").expect("removing nothing is no error");
    assert_eq!(root.list("/").expect("a list"), ["inner"]);
    yard.assert_untouched();
}

/// Somebody in the image swaps a directory with a link to the host while bake works in it.
#[test]
fn a_race_cannot_be_won() {
    let yard = Yard::new();
    let (root, inside) = (&yard.root, yard.directory.path().join("root"));
    root.symlink(yard.outside().as_ref(), "/swap").expect("a link");
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                swap(&inside);
            }
        });
        for round in 0..20_000 {
            // Each may fail, because the link leads nowhere inside; none may reach the host.
            let name = format!("/inner/{}", round % 10);
            let _ = root.write(&name, b"harm", &Attributes::default());
            let _ = root.make_dirs(&format!("/inner/dir{}/deep", round % 3));
            assert!(root.read("/inner/secret").is_err(), "the host was read");
            let _ = root.remove(&format!("/inner/dir{}", round % 3));
            let _ = root.remove("/inner/secret");
            let _ = root.rename(&name, "/inner/other");
        }
        over.store(true, Ordering::Relaxed);
    });
    yard.assert_untouched();
}

fn swap(inside: &Path) {
    let (one, other) = (inside.join("inner"), inside.join("swap"));
    rustix::fs::renameat_with(CWD, &one, CWD, &other, RenameFlags::EXCHANGE).expect("both are there");
}
