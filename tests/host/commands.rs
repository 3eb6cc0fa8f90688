//! What a command in the root sees, what becomes of it, and what it leaves.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use bake::host::Kind;
use bake::host::helper::{Chroot, Command, Exit, HANDED, HandedFile, Input, Mount, Network, Place, Stream};

use crate::bench::{Bench, ROOT, shell};

/// A root without a disk: a tmpfs is enough to run in.
pub async fn room() -> Bench {
    let bench = Bench::new().await;
    bench.mount("room", "/", "tmpfs", &["mode=755"]).await;
    bench.fill().await;
    let chroot = Chroot {
        root: ROOT.into(),
        devices: Vec::new(),
    };
    bench.helper.enter_chroot(chroot).await.expect("entered");
    bench
}

#[tokio::test]
async fn a_daemon_dies_with_its_step_and_nobody_waits_for_it() {
    let room = room().await;
    let script =
        "(trap '' TERM HUP; setsid sleep 34217 & ) ; sleep 34217 & exec 5>/held; setsid sleep 34217 >&5 & echo on";
    let (exit, output) = room.sh(script).await;
    assert_eq!((exit, output.as_str()), (Exit::Code(0), "on\n"));
    let (_, processes) = room
        .sh("for one in /proc/[0-9]*; do cat $one/cmdline; echo; done")
        .await;
    assert!(!processes.contains("34217"), "{processes}");
    room.helper
        .leave_chroot(Path::new(ROOT))
        .await
        .expect("nothing is in use");
    room.helper.unmount(Place::root(ROOT)).await.expect("nothing is in use");
}

#[tokio::test]
async fn what_a_step_mounts_goes_with_it() {
    let room = room().await;
    let (exit, output) = room
        .sh("mount -t tmpfs x /etc; echo inner >/etc/inner; cat /etc/inner")
        .await;
    assert_eq!((exit, output.as_str()), (Exit::Code(0), "inner\n"));
    let (_, output) = room.sh("ls /etc").await;
    assert_eq!(output, "group\npasswd\n");
}

#[tokio::test]
async fn a_step_ends_as_it_ends() {
    let room = room().await;
    assert_eq!(room.sh("exit 3").await.0, Exit::Code(3));
    assert_eq!(room.sh("kill -9 $$").await.0, Exit::Signal(9));
    let slow = Command {
        timeout: Some(Duration::from_millis(100)),
        ..shell("trap '' TERM; sleep 1000")
    };
    assert_eq!(room.run(slow).await.0, Exit::TimedOut);
}

#[tokio::test]
async fn a_stop_ends_the_step_that_runs_and_no_later_one() {
    let room = room().await;
    let helper = room.helper.clone();
    let stopper = room.helper.clone();
    let mut seen = Vec::new();
    let exit = helper.run(shell("echo begun; sleep 1000"), Input::Nothing, |_, bytes| {
        seen.extend_from_slice(bytes);
        stopper.stop();
    });
    assert_eq!(exit.await.expect("it ran"), Exit::Stopped);
    assert_eq!(seen, b"begun\n");
    assert_eq!(room.sh("echo again").await, (Exit::Code(0), "again\n".into()));
}

#[tokio::test]
async fn a_run_that_nobody_waits_for_is_stopped() {
    let room = room().await;
    let run = room
        .helper
        .run(shell("while :; do echo on; sleep 1; done"), Input::Nothing, |_, _| {});
    assert!(tokio::time::timeout(Duration::from_millis(50), run).await.is_err());
    assert_eq!(room.sh("echo again").await, (Exit::Code(0), "again\n".into()));
}

#[tokio::test]
async fn output_comes_whole_and_by_stream() {
    let room = room().await;
    let (mut zeros, mut errors) = (0, Vec::new());
    let script = "dd if=/dev/zero bs=1M count=5 2>/dev/null; echo done >&2";
    let exit = room
        .helper
        .run(shell(script), Input::Nothing, |stream, bytes| match stream {
            Stream::Output => zeros += bytes.iter().filter(|&&byte| byte == 0).count(),
            Stream::Error => errors.extend_from_slice(bytes),
        });
    assert_eq!(exit.await.expect("it ran"), Exit::Code(0));
    assert_eq!((zeros, errors.as_slice()), (5 << 20, b"done\n".as_slice()));
}

#[tokio::test]
async fn input_is_what_is_given() {
    let room = room().await;
    let given = vec![7; 1 << 20];
    let mut got = Vec::new();
    let collect = |_: Stream, bytes: &[u8]| got.extend_from_slice(bytes);
    room.helper
        .run(shell("cat"), Input::Bytes(given.clone()), collect)
        .await
        .expect("it ran");
    assert_eq!(got, given);
}

#[tokio::test]
async fn nothing_of_bake_is_open_in_a_step() {
    // Whoever started bake may have left descriptors open: dup(2) makes one that every child inherits.
    let leaked = rustix::io::dup(std::io::stdin()).expect("a descriptor");
    let room = room().await;
    let (_, output) = room.sh("for one in /proc/self/fd/*; do echo ${one##*/}; done").await;
    drop(leaked);
    // The shell has the directory open while it looks.
    let inherited: Vec<_> = output
        .split_whitespace()
        .filter(|number| !matches!(*number, "0" | "1" | "2" | "3"))
        .collect();
    assert_eq!(inherited, Vec::<&str>::new(), "{output}");
}

#[tokio::test]
async fn the_environment_is_what_is_given() {
    let room = room().await;
    let command = Command {
        argv: vec!["env".into()],
        env: BTreeMap::from([("PATH".into(), "/bin".into()), ("TWO".into(), "a b".into())]),
        ..shell("")
    };
    let (_, output) = room.run(command).await;
    let mut lines: Vec<_> = output.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["HOME=/root", "PATH=/bin", "TWO=a b"]);
}

#[tokio::test]
async fn a_user_is_looked_up_in_the_image() {
    let room = room().await;
    let command = |user: &str| Command {
        user: Some(user.into()),
        ..shell("id -u; id -g; id -G; echo $HOME")
    };
    assert_eq!(room.run(command("web")).await.1, "33\n34\n34 77\n/srv/web\n");
    assert_eq!(room.run(command("33:0")).await.1, "33\n0\n0\n/srv/web\n");
    let error = room
        .helper
        .run(command("nobody-here"), Input::Nothing, |_, _| {})
        .await
        .expect_err("no such user");
    assert_eq!(error.kind, Kind::NotFound, "{error}");
    assert!(error.to_string().contains("nobody-here"), "{error}");
}

#[tokio::test]
async fn a_program_that_is_missing_is_an_error_and_not_an_exit() {
    let room = room().await;
    let command = Command {
        argv: vec!["/bin/nothing".into()],
        ..shell("")
    };
    let error = room
        .helper
        .run(command, Input::Nothing, |_, _| {})
        .await
        .expect_err("no such program");
    assert_eq!(error.kind, Kind::NotFound, "{error}");
}

#[tokio::test]
async fn files_are_handed_over_outside_the_image() {
    let room = Bench::new().await;
    room.mount("room", "/", "tmpfs", &["mode=755"]).await;
    room.fill().await;
    let command = Command {
        files: vec![HandedFile {
            name: "script".into(),
            content: b"#!/bin/sh\necho ran $0; echo more >/run/made".to_vec(),
            mode: 0o755,
        }],
        argv: vec![format!("{HANDED}/script")],
        ..shell("")
    };
    let (exit, output) = room.run(command).await;
    assert_eq!((exit, output), (Exit::Code(0), format!("ran {HANDED}/script\n")));
    let root = room.helper.root(Path::new(ROOT)).await.expect("the root");
    assert_eq!(
        root.link_metadata("/run").expect("a look"),
        None,
        "made for the tmpfs, and removed again"
    );
}

#[tokio::test]
async fn a_step_without_network_has_loopback_only() {
    let room = room().await;
    let command = Command {
        network: Network::None,
        ..shell("cat /proc/net/dev; ip addr show lo")
    };
    let (_, output) = room.run(command).await;
    let interfaces: Vec<_> = output
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, _)| name.trim())
        .collect();
    assert!(output.contains("127.0.0.1"), "{output}");
    assert_eq!(output.matches("eth").count(), 0, "{interfaces:?}");
}

#[tokio::test]
async fn a_step_sees_its_own_mounts_read_only_where_asked() {
    let room = room().await;
    let command = Command {
        mounts: vec![Mount {
            source: "/etc".into(),
            target: Place::new("", "/host"),
            kind: "bind".into(),
            options: vec!["ro".into()],
        }],
        ..shell("cat /host/hostname; touch /host/bake-was-here")
    };
    let (exit, output) = room.run(command).await;
    assert_ne!(exit, Exit::Code(0));
    assert!(output.contains("Read-only file system"), "{output}");
}

#[tokio::test]
async fn limits_hold() {
    let room = room().await;
    let command = Command {
        limits: BTreeMap::from([("nofile".into(), 17)]),
        ..shell("ulimit -n")
    };
    assert_eq!(room.run(command).await, (Exit::Code(0), "17\n".into()));
}

#[tokio::test]
async fn the_private_dev_has_what_programs_expect_and_no_disk() {
    let room = room().await;
    let script = "echo x >/dev/null; ls /dev; readlink /dev/fd; test -c /dev/pts/ptmx; test -w /sys/kernel && touch /sys/kernel/x";
    let (exit, output) = room.sh(script).await;
    assert_ne!(exit, Exit::Code(0), "/sys is read-only");
    let names: Vec<_> = output.lines().take(13).collect();
    let expected = [
        "fd", "full", "null", "ptmx", "pts", "random", "shm", "stderr", "stdin", "stdout", "tty", "urandom", "zero",
    ];
    assert_eq!(names, expected, "{output}");
}

#[tokio::test]
async fn a_link_in_place_of_a_mount_point_is_refused() {
    for (target, round) in [("/proc", 0), ("/dev", 1), ("/sys", 0), ("/run", 1)] {
        let bench = Bench::new().await;
        bench.mount("room", "/", "tmpfs", &["mode=755"]).await;
        let root = bench.helper.root(Path::new(ROOT)).await.expect("the root");
        root.make_dir("/there").expect("a directory");
        root.symlink(["/there", "/missing"][round].as_ref(), target)
            .expect("a hostile link");
        drop(root);
        let chroot = Chroot {
            root: ROOT.into(),
            devices: Vec::new(),
        };
        let error = bench.helper.enter_chroot(chroot).await.expect_err("a link");
        assert_eq!(error.kind, Kind::WrongType, "{target}: {error}");
        bench
            .helper
            .unmount(Place::root(ROOT))
            .await
            .expect("nothing is left mounted");
    }
}

/// What cannot be flushed shows whether a flush was tried.
#[tokio::test]
async fn what_is_not_worth_a_flush_is_not_flushed() {
    let room = room().await;
    for (unflushed, wanted) in [(false, Exit::Code(1)), (true, Exit::Code(0))] {
        let command = Command {
            root: None,
            unflushed,
            ..shell("sync /dev/null && sync -d /dev/null")
        };
        assert_eq!(room.run(command).await.0, wanted);
    }
}
