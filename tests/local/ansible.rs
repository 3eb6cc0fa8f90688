//! Playbooks: over a chroot connection, and by the Ansible of the image. Wants Debian's mirror and `ansible`.

use crate::bench::*;
use crate::support::{Project, Traces};

/// Built on the example: what a playbook sees, and what it cannot find.
const BUILT_ON: &str = r#"
variable "password" {
  type      = string
  sensitive = true
}

image "inside" {
  source {
    image = image.ansible
  }
  provision "shell" "install" {
    inline = ["apt-get update -qq", "apt-get install -y -qq --no-install-recommends ansible-core"]
  }
  provision "ansible" "look" {
    directory  = "look"
    mode       = "inside"
    host       = "looker"
    extra_vars = { password = var.password, how = "inside" }
  }
}

image "beside" {
  source {
    image = image.ansible
  }
  provision "ansible" "look" {
    directory  = "look"
    host       = "looker"
    extra_vars = { password = var.password, how = "beside" }
    arguments  = ["--diff"]
  }
}
"#;

const PLAYBOOK: &str = r#"
- hosts: looker
  gather_facts: false
  tasks:
    - ansible.builtin.debug:
        msg: "{{ password }}"
    - ansible.builtin.shell: |
        set -e
        env > /etc/seen.txt
        echo "{{ how }} {{ inventory_hostname }}" >> /etc/seen.txt
        ls /dev/sd* /dev/vd* /dev/nvme* >> /etc/seen.txt 2>/dev/null || true
        grep -c . /etc/resolv.conf > /dev/null
        test -x /usr/sbin/policy-rc.d
"#;

#[test]
fn playbooks_configure_images_and_see_what_steps_see() {
    let project = Project::new(BUILT_ON);
    copy_example("ansible", project.path());
    bake::host::files::create_dir_all(&project.path().join("look")).expect("a directory can be made");
    project.write("look/site.yml", PLAYBOOK);
    project.write("bake.auto.bakevars.hcl", "password = \"only4ansible\"\n");
    let apply = |arguments: &[&str]| {
        let mut bake = project.bake(arguments);
        bake.env("BAKE_VAR_password", "only4ansible")
            .env("HOST_SECRET", "of the host");
        let output = bake.output().expect("bake starts");
        let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{text}");
        assert!(!text.contains("only4ansible"), "{text}");
        text
    };
    apply(&["apply", "-auto-approve"]);
    assert_eq!(
        file_in(&project, "image.ansible", "/etc/motd"),
        "Hello from Ansible on Debian bookworm. Questions: web@example.com\n"
    );
    for how in ["inside", "beside"] {
        let image = format!("image.{how}");
        let seen = file_in(&project, &image, "/etc/seen.txt");
        assert!(seen.contains(&format!("{how} looker")), "{seen}");
        assert!(seen.contains(&format!("BAKE_IMAGE={image}")), "{seen}");
        for foreign in ["HOST_SECRET", "BAKE_VAR_", "/dev/"] {
            let lines = seen
                .lines()
                .filter(|line| !line.starts_with("PWD=") && !line.starts_with("OLDPWD="));
            assert!(
                !lines.into_iter().any(|line| line.contains(foreign)),
                "{foreign} in {seen}"
            );
        }
        let left = disk(&project, &image, None);
        let listed = sh(
            &format!(
                "for at in /run /etc /root /usr/sbin; do debugfs -R \"ls -p $at\" {} 2>/dev/null; done",
                left.display()
            ),
            project.path(),
        );
        for trace in ["ansible-tmp", "bake", "policy-rc.d", ".ansible"] {
            assert!(!listed.contains(trace), "{trace} in {listed}");
        }
    }
    assert!(apply(&["plan", "-no-color"]).contains("No changes"));
    project.write("look/site.yml", &PLAYBOOK.replace("set -e", "set -eu"));
    let changed = apply(&["plan", "-no-color"]);
    assert!(
        changed.contains("look/site.yml") && changed.contains("set -eu"),
        "{changed}"
    );
    Traces::wait_until_none(project.path());
}
