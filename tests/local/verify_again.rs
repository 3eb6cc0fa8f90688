//! `bake verify`: an image is built again with everything varied that must not matter, and what differs is named.

use crate::bench::*;
use crate::support::Traces;

fn sealed(blocks: &str) -> String {
    image("tiny", blocks).replacen("scratch {}", "scratch {}\n  reproducible = true", 1)
}

#[test]
fn an_image_that_depends_on_nothing_else_is_built_again_with_the_same_bytes() {
    let steps = shell("quiet", &["cat /etc/passwd > /etc/copy", "umask > /etc/umask"]);
    let project = project(&sealed(&steps));
    apply(&project);
    let output = project.run(&["verify", "image.tiny"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(
        said.contains("image.tiny release 1, volume \"root\": the same bytes again, sha256:"),
        "{said}"
    );
    assert_eq!(
        project.shelf("images").len(),
        1,
        "the other build is nowhere in the store"
    );
    assert!(!project.path().join(".bake/verify").exists());
    Traces::wait_until_none(project.path());
}

#[test]
fn each_kind_of_dependence_is_caught_and_its_step_named() {
    let names = (0..60)
        .map(|number| format!("x{}", number * 7919 % 60))
        .collect::<Vec<_>>()
        .join(" ");
    let make = format!("mkdir /srv/many; cd /srv/many; for name in {names}; do echo > $name; done");
    let steps = [
        shell("quiet", &["echo the same > /srv/same"]),
        shell("clock", &["date +%s > /srv/clock"]),
        shell("random", &["head -c 16 /dev/urandom > /srv/random"]),
        shell("host", &["cat /proc/sys/kernel/hostname > /srv/host"]),
        shell("many", &[&make]),
        "  provision \"local\" \"order\" {\n    inline = [\"ls -U $BAKE_ROOT/srv/many > $BAKE_ROOT/srv/order\"]\n  }\n".to_owned(),
        "  provision \"local\" \"place\" {\n    inline = [\"pwd > $BAKE_ROOT/srv/place\", \"umask > $BAKE_ROOT/srv/umask\"]\n  }\n".to_owned(),
    ];
    let project = project(&sealed(&steps.concat()));
    apply(&project);
    let output = project.run(&["verify"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    for step in ["clock", "random", "host", "order", "place"] {
        let begins = format!("/srv/{step}: content (");
        let line = said
            .lines()
            .find(|line| line.contains(&begins))
            .unwrap_or_else(|| panic!("{step}\n{said}"));
        assert!(
            line.ends_with(&format!("last touched by provision[\"{step}\"]")),
            "{line}"
        );
    }
    for same in ["/srv/same", "/srv/many", "/srv/umask", "/etc/passwd"] {
        assert!(!said.contains(&format!("{same}: ")), "{same}\n{said}");
    }
    for_programs(&project);
    Traces::wait_until_none(project.path());
}

/// The same as a document, with the same exit code.
fn for_programs(project: &crate::support::Project) {
    let output = project.run(&["verify", "-json"]);
    assert_eq!(output.status.code(), Some(3));
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let volume = &found["volumes"][0];
    let of_volume = ["image", "release", "volume", "verdict"].map(|key| volume[key].to_string());
    assert_eq!(of_volume, ["\"image.tiny\"", "1", "\"root\"", "\"differs\""]);
    assert!(!volume["blocks"].as_array().unwrap().is_empty());
    let files = volume["files"].as_array().unwrap();
    let clock = files.iter().find(|file| file["path"] == "/srv/clock").unwrap();
    assert_eq!(
        (clock["kind"].as_str(), clock["step"].as_str()),
        (Some("content"), Some("provision[\"clock\"]"))
    );
    assert!(clock["detail"].as_str().unwrap().starts_with("from byte "), "{clock}");
}

#[test]
fn what_cannot_be_compared_is_an_error() {
    let loose = image("tiny", "").replacen("scratch {}", "scratch {}\n  reproducible = false", 1);
    let project = project(&loose);
    apply(&project);
    assert!(refused(&project, &["verify", "image.tiny"]).contains("image.tiny is not reproducible"));
    rewrite(&project, &sealed(""));
    let said = refused(&project, &["verify", "image.tiny"]);
    assert!(
        said.contains("image.tiny release 1 was built from another module than this"),
        "{said}"
    );
}

#[test]
fn the_minimal_example_is_the_same_bytes_wherever_it_is_built() {
    let project = crate::support::Project::new("");
    copy_example("minimal", project.path());
    std::fs::remove_file(project.path().join("main.bake.hcl")).unwrap();
    sh("./make-root", project.path());
    apply(&project);
    let said = project.run(&["verify", "image.minimal"]);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
}
