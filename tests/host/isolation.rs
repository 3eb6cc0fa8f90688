//! A command in the root tries to reach the machine that builds it. `docs/isolation.md` says what it finds.

use std::path::Path;

use bake::host::Kind;
use bake::host::helper::{Chroot, Command, Exit, Network, Place};

use crate::bench::{Bench, ROOT, shell};
use crate::commands::room;

#[tokio::test]
async fn the_first_process_shows_nothing_of_the_host() {
    let room = room().await;
    let looks = "ls -A /proc/1/root/ /proc/1/cwd/; for one in /proc/1/fd/* /proc/1/ns/*; do readlink $one; done; readlink /proc/1/exe; readlink /proc/1/cwd; \
                 cat /proc/1/environ /proc/1/root/etc/hostname; echo end";
    // Once behind the cover, and once after taking it off: the step may mount, so it may unmount.
    for first in ["true", "busybox umount /proc/1"] {
        let (exit, output) = room.sh(&format!("set +e; {first}; {looks}")).await;
        let shown: Vec<_> = output
            .lines()
            .filter(|line| !is_refusal(line) && !line.is_empty() && !line.ends_with(":") && *line != "end")
            .collect();
        assert_eq!((exit, shown), (Exit::Code(0), Vec::<&str>::new()), "{output}");
    }
}

fn is_refusal(line: &str) -> bool {
    ["Permission denied", "No such file", "Operation not permitted"]
        .iter()
        .any(|words| line.contains(words))
}

#[tokio::test]
async fn programs_still_find_that_they_are_in_a_chroot() {
    let room = room().await;
    let (_, output) = room
        .sh("busybox stat -c %d:%i /proc/1/root/. /. | busybox uniq | busybox wc -l")
        .await;
    assert_eq!(output.trim(), "2", "systemctl compares the two");
}

#[tokio::test]
async fn the_first_process_cannot_be_stopped_or_killed_or_entered() {
    let room = room().await;
    let (_, output) = room
        .sh(
            "set +e; for one in KILL STOP TERM INT HUP; do kill -$one 1; done; busybox umount /proc/1; \
             busybox nsenter -t 1 -m cat /etc/hostname; echo on",
        )
        .await;
    assert!(output.ends_with("on\n") && is_refusal(&output), "{output}");
    assert_eq!(room.sh("echo again").await.1, "again\n");
}

#[tokio::test]
async fn the_kernel_is_not_set_from_a_step() {
    let room = room().await;
    // Each writes what is there already, so that a failure of this test does no harm.
    let script = "set +e; for one in kernel/core_pattern vm/swappiness kernel/printk; do \
                  read -r value </proc/sys/$one; (echo \"$value\" >/proc/sys/$one) 2>/dev/null && echo set $one; done; \
                  (echo >/proc/sysrq-trigger) 2>/dev/null && echo set sysrq; \
                  (echo 0 >/sys/block/loop0/queue/rotational) 2>/dev/null && echo set sys; \
                  busybox date -s \"$(busybox date '+%Y-%m-%d %H:%M:%S')\" 2>&1 | busybox grep -q \"can't set\" || echo set clock; \
                  busybox ip link set lo mtu 65536 2>/dev/null && echo set network; \
                  cat /proc/kcore 2>/dev/null | dd bs=1 count=1 2>/dev/null; echo end";
    let (_, output) = room.sh(script).await;
    assert_eq!(output, "end\n");
    let alone = Command {
        network: Network::None,
        ..shell("busybox ip link set lo mtu 65535 && echo its own")
    };
    assert_eq!(room.run(alone).await.1, "its own\n");
}

#[tokio::test]
async fn what_a_root_cannot_do_without_is_left_to_it() {
    let room = room().await;
    let script = "mkdir() { busybox mkdir \"$@\"; }; mkdir /work && cd /work && touch a && busybox chown 33:34 a && \
                  busybox chmod 4755 a && busybox mknod null c 1 3 && mkdir in && busybox mount -t tmpfs x in && \
                  busybox mount -o bind /etc in && busybox chroot / /bin/id && busybox hostname inner && \
                  busybox su web -s /bin/sh -c id && echo all";
    let (exit, output) = room.sh(script).await;
    assert_eq!((exit, output.contains("all")), (Exit::Code(0), true), "{output}");
}

#[tokio::test]
async fn a_second_chroot_does_not_lead_out() {
    let room = room().await;
    // The classic: a root below the working directory, then up.
    let script = "set +e; busybox mkdir /jail; cd /; up=; for one in 1 2 3 4 5 6 7 8; do up=../$up; done; \
                  busybox chroot /proc/self/cwd/${up} /bin/ls /; exec 9</; busybox chroot /proc/self/fd/9/$up /bin/ls /";
    let (_, output) = room.sh(script).await;
    let names: Vec<_> = output.split_whitespace().collect();
    assert!(
        names.contains(&"jail") && !names.contains(&"home") && !names.contains(&"usr"),
        "{output}"
    );
}

#[tokio::test]
async fn a_chroot_that_could_not_be_entered_is_left_without_an_error() {
    let bench = Bench::new().await;
    bench.mount("room", "/", "tmpfs", &["mode=755"]).await;
    let root = bench.helper.root(Path::new(ROOT)).await.expect("the root");
    root.symlink("/etc".as_ref(), "/proc").expect("a link");
    let chroot = Chroot {
        root: ROOT.into(),
        devices: Vec::new(),
    };
    let error = bench
        .helper
        .enter_chroot(chroot)
        .await
        .expect_err("a link is in the way");
    assert_eq!(error.kind, Kind::WrongType, "{error}");
    drop(root);
    bench
        .helper
        .leave_chroot(Path::new(ROOT))
        .await
        .expect("nothing to leave");
    bench.helper.unmount(Place::root(ROOT)).await.expect("unmounted");
}
