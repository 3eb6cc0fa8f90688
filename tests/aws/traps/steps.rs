//! What steps and hooks see.

use std::collections::BTreeSet;
use std::fs;

use super::{DEBIAN, file, refused, running, with};
use crate::bench::{Bench, both, on_ami};
use crate::lab::Lab;

#[test]
fn a_hook_runs_on_failure_and_what_is_kept_is_ended() {
    let bench = Bench::new(Lab::xen(), "");
    let module = running(&bench, &["exit 3"]).replace(
        "  provision",
        "  hook \"on_failure\" {\n    inline = [\"echo ${build.device} > failed.txt\"]\n  }\n  provision",
    );
    bench.project.write("main.bake.hcl", &module);
    let output = bench.run(&["apply", "-auto-approve", "-on-error", "keep"]);
    assert_eq!(output.status.code(), Some(1), "{}", both(&output));
    let told = fs::read_to_string(bench.project.path().join("failed.txt")).expect("the hook ran");
    assert!(told.starts_with("/dev/"), "{told}");
    assert_eq!((bench.standing("volumes"), bench.standing("attachments")), (1, 1));
    bench.done(&["recover"]);
    bench.assert_standing(0, 0);
}

#[test]
fn steps_see_neither_credentials_nor_disks_of_the_host() {
    let bench = Bench::new(Lab::nvme(), "");
    let lines = [
        "env > /seen",
        "ls /dev > /devices",
        "ls /proc/sys/fs/binfmt_misc > /binfmt 2>&1 || true",
        "ps > /processes",
    ];
    bench.project.write("main.bake.hcl", &running(&bench, &lines));
    bench.apply();
    let seen = file(&bench, "seen");
    assert!(
        seen.contains("BAKE_IMAGE=image.web") && !seen.contains("AWS_"),
        "{seen}"
    );
    let devices = file(&bench, "devices");
    let loops = devices.lines().filter_map(|name| name.strip_prefix("loop"));
    let disks: BTreeSet<&str> = loops.filter_map(|number| number.split('p').next()).collect();
    assert!(disks.len() <= 1, "the image's own disk and its partitions: {devices}");
    assert!(
        !devices
            .lines()
            .any(|name| name.starts_with("vd") || name.starts_with("nvme")),
        "{devices}"
    );
    assert!(
        !file(&bench, "binfmt").contains("register"),
        "{}",
        file(&bench, "binfmt")
    );
    assert!(
        !file(&bench, "processes").contains("bake apply"),
        "{}",
        file(&bench, "processes")
    );
}

#[test]
fn texts_reach_a_step_as_they_are_written() {
    let bench = Bench::new(Lab::xen(), "");
    let module = on_ami(&bench.lab.image(DEBIAN)).replace(
        "inline = [\"echo hello > /greeting\"]",
        r#"env = { TEXT = "$HOME `id` \"quoted\"\ntwo" }
    inline = ["echo \"$TEXT\" > /greeting", "echo '{{timestamp}} {{ .Vars }}' > /template"]"#,
    );
    let module = module.replace(
        "provision \"shell\" \"greet\" { env",
        "provision \"shell\" \"greet\" {\n    env",
    );
    let module = module.replace("/template\"] }", "/template\"]\n  }");
    bench.project.write("main.bake.hcl", &module);
    bench.apply();
    assert_eq!(file(&bench, "greeting"), "$HOME `id` \"quoted\"\ntwo\n");
    assert_eq!(file(&bench, "template"), "{{timestamp}} {{ .Vars }}\n");
}

#[test]
fn a_mount_target_is_a_path_in_the_image() {
    let bench = Bench::new(Lab::xen(), "");
    let block = "mounts {\n    mount {\n      type   = \"tmpfs\"\n      source = \"none\"\n      target = \"srv/cache\"\n    }\n  }";
    refused(&bench, &with(&bench, block), &["main.bake.hcl:", "srv/cache"]);
}

#[test]
fn a_step_reads_what_is_known_of_its_source() {
    let bench = Bench::new(Lab::xen(), "");
    let data = "data \"ami\" \"debian\" {\n  owners      = [\"136693071363\"]\n  most_recent = true\n  filters     = { name = \"debian-12-amd64-*\" }\n}\n";
    let module = running(
        &bench,
        &["echo ${data.ami.debian.name} ${data.ami.debian.owner} > /greeting"],
    );
    bench.project.write("main.bake.hcl", &format!("{data}{module}"));
    bench.apply();
    assert_eq!(file(&bench, "greeting"), format!("{DEBIAN} 136693071363\n"));
}
