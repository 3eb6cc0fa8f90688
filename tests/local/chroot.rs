//! What steps see, what they leave running, and what stays of it.

use std::fs;
use std::path::PathBuf;

use crate::bench::*;
use crate::support::Traces;

/// A line that fails if this succeeds: `! command` alone never ends a script (`set -e`).
fn never(command: &str) -> String {
    format!("if {command}; then exit 1; fi")
}

#[test]
fn nothing_of_a_step_runs_on() {
    let steps = [
        shell(
            "sleeper",
            &[
                "sleep 100071 > /etc/held 2>&1 &",
                "sleep 100072 < /bin/busybox > /dev/null 2>&1 &",
            ],
        ),
        shell("looks", &[&never("ps | grep -q '1000[7]'")]),
        shell(
            "daemon",
            &["setsid sh -c 'trap \"\" TERM HUP; cd /srv; setsid sleep 100073; sleep 100074' > /srv/log 2>&1 &"],
        ),
        shell("mounts", &["mount -t tmpfs none /srv", "echo gone > /srv/in-tmpfs"]),
        shell(
            "sees",
            &[
                "test ! -e /srv/in-tmpfs",
                &never("ps | grep -q '1000[7]'"),
                &never("grep -q ' /srv ' /proc/mounts"),
            ],
        ),
    ];
    let project = project(&image("busy", &steps.concat()));
    apply(&project);
    for sleeper in ["100071", "100072", "100073", "100074"] {
        assert_eq!(
            running(&format!("sleep {sleeper}")),
            Vec::<PathBuf>::new(),
            "sleep {sleeper} runs on"
        );
    }
    Traces::wait_until_none(project.path());
    let disk = disk(&project, "image.busy", None);
    sh(&format!("e2fsck -fn {}", disk.display()), project.path());
    assert!(plan(&project).contains("No changes"));
}

#[test]
fn mounts_of_a_module_are_there_for_steps_and_not_in_the_image() {
    let mounts = r#"
  mounts {
    mount {
      source    = "./given"
      target    = "/srv/given"
      read_only = true
    }
    mount {
      type    = "tmpfs"
      target  = "/srv/scratch"
      options = ["size=1m"]
    }
  }
"#;
    let steps = shell(
        "uses",
        &[
            "cat /srv/given/file > /etc/copied",
            &never("touch /srv/given/new"),
            "grep -q ' /srv/scratch tmpfs .*size=1024k' /proc/mounts",
            "echo lost > /srv/scratch/file",
            "test -e /proc/self && test -e /sys/kernel && test -c /dev/null && test -d /run",
        ],
    );
    let project = project("");
    fs::create_dir(project.path().join("given")).expect("a directory");
    project.write("given/file", "from the host\n");
    let given = project.path().join("given").display().to_string();
    rewrite(
        &project,
        &image("mounted", &(mounts.replace("./given", &given) + &steps)),
    );
    apply(&project);
    assert_eq!(file_in(&project, "image.mounted", "/etc/copied"), "from the host\n");
    assert_eq!(file_in(&project, "image.mounted", "/srv/scratch/file"), "");
    assert_eq!(bytes(&project.path().join("given/file")), b"from the host\n");

    let bare = shell(
        "bare",
        &["test ! -e /proc/self && test ! -e /sys/kernel && test ! -e /dev/null"],
    );
    let without = "  mounts {\n    defaults = false\n  }\n";
    rewrite(&project, &image("bare", &(without.to_owned() + &bare)));
    apply(&project);
}

#[test]
fn the_network_of_steps_is_what_the_module_says() {
    let looks = |name: &str, network: &str, lines: &[&str]| image(name, &(network.to_owned() + &shell("look", lines)));
    let none = "  network {\n    mode = \"none\"\n  }\n";
    let unresolved = "  network {\n    resolv_conf = false\n    hosts = { \"build.test\" = \"192.0.2.7\" }\n  }\n";
    let module = [
        looks(
            "open",
            "",
            &["cat /etc/resolv.conf > /etc/seen", "ip -o link | grep -vq lo:"],
        ),
        looks("closed", none, &[&never("ip -o link | grep -v ' lo:'")]),
        looks(
            "unresolved",
            unresolved,
            &["test ! -s /etc/resolv.conf", "grep -q 192.0.2.7 /etc/hosts"],
        ),
    ];
    let project = project(&module.concat());
    apply(&project);
    let hosts = String::from_utf8(bytes("/etc/resolv.conf".as_ref())).expect("text");
    assert_eq!(file_in(&project, "image.open", "/etc/seen"), hosts);
    for image in ["image.open", "image.closed", "image.unresolved"] {
        assert_eq!(file_in(&project, image, "/etc/resolv.conf"), "", "{image}");
        assert_eq!(file_in(&project, image, "/etc/hosts"), "", "{image}");
    }
}
