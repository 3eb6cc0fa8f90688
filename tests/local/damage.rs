//! A store out of which somebody took something.

use std::fs::{self, OpenOptions};
use std::path::PathBuf;

use crate::bench::*;
use crate::support::Project;

fn bytes_of_the_snapshot(project: &Project) -> PathBuf {
    let names = project.shelf("snapshots");
    let newest = names.iter().filter(|name| name.ends_with(".raw"));
    let newest = newest.max_by_key(|name| {
        let path = project.path().join(".bake/store/snapshots").join(name);
        fs::metadata(path).expect("it stands").modified().expect("a time")
    });
    project
        .path()
        .join(".bake/store/snapshots")
        .join(newest.expect("a snapshot"))
}

#[test]
fn a_snapshot_that_is_gone_or_cut_short_is_built_again() {
    let project = project(&image("tiny", &shell("one", &["true"])));
    apply(&project);
    for cut in [false, true] {
        let raw = bytes_of_the_snapshot(&project);
        match cut {
            true => OpenOptions::new()
                .write(true)
                .open(&raw)
                .and_then(|file| file.set_len(1 << 20)),
            false => fs::remove_file(&raw),
        }
        .expect("the store can be written");
        let output = project.run(&["plan", "-detailed-exitcode", "-no-color"]);
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("because its snapshot is damaged"), "{said}");
        let why = if cut {
            "it has 1048576 bytes of 67108864"
        } else {
            "it is gone"
        };
        assert!(
            said.contains(&raw.display().to_string()) && said.contains(why),
            "{said}"
        );
        let believed = project.done(&["plan", "-refresh=false", "-no-color"]);
        assert!(believed.contains("No changes"), "{believed}");
        apply(&project);
        assert!(plan(&project).contains("No changes"), "{}", plan(&project));
    }
}

/// An older release that cannot be used is not promoted to: the image is built.
#[test]
fn a_damaged_release_is_no_way_back() {
    let module = |text: &str| image("tiny", &shell("one", &[&format!("echo {text} > /one")]));
    let project = project(&module("one"));
    apply(&project);
    let raw = bytes_of_the_snapshot(&project);
    rewrite(&project, &module("two"));
    apply(&project);
    fs::remove_file(raw).expect("the store can be written");
    rewrite(&project, &module("one"));
    let text = plan(&project);
    assert!(text.contains("1 to replace") && !text.contains("promote"), "{text}");
    apply(&project);
    assert_eq!(file_in(&project, "image.tiny", "/one"), "one\n");
}
