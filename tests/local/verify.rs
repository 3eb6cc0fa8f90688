//! `bake verify`: what a disk was is known, and what became of it is said.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use crate::bench::*;

#[test]
fn a_stored_disk_that_changed_is_noticed_and_its_blocks_are_named() {
    let project = project(&image("tiny", ""));
    apply(&project);
    let same = project.run(&["verify", "-blocks", "image.tiny"]);
    assert!(same.status.success());
    let listed = project.done(&["images", "-json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let root = listed["images"][0]["manifest"]["volumes"][0]["blocks"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(root.starts_with("sha256:"));
    assert!(project.done(&["images"]).contains(&root[7..19]));

    let name = project
        .shelf("snapshots")
        .into_iter()
        .find(|name| name.ends_with(".raw"))
        .unwrap();
    let path = project.path().join(".bake/store/snapshots").join(&name);
    let disk = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    disk.write_all_at(&[0x5A], (40 << 20) + 17).unwrap();
    let differs = project.run(&["verify", "-blocks"]);
    assert_eq!(differs.status.code(), Some(3));
    let said = String::from_utf8(differs.stderr).unwrap();
    assert!(
        said.contains("image.tiny release 1, volume \"root\" is not what was registered"),
        "{said}"
    );
    assert!(said.contains("block 80: 40 MiB to 40.5 MiB of the disk"), "{said}");
    let document = project.run(&["verify", "-blocks", "-json"]);
    assert_eq!((document.status.code(), &*document.stderr), (Some(3), &b""[..]));
    let document: serde_json::Value = serde_json::from_slice(&document.stdout).unwrap();
    let volume = serde_json::json!({
        "image": "image.tiny", "release": 1, "volume": "root", "verdict": "differs", "root": root, "blocks": [80], "files": [],
    });
    assert_eq!(document["volumes"], serde_json::json!([volume]));

    // A list that was changed is no witness.
    disk.write_all_at(&[0], (40 << 20) + 17).unwrap();
    assert!(project.run(&["verify", "-blocks"]).status.success());
    disk.write_all_at(&[1], 0).unwrap();
    let list = path.with_extension("blocks");
    std::fs::write(&list, "bake blocks 1 5 524288\n").unwrap();
    assert_eq!(project.run(&["verify", "-blocks"]).status.code(), Some(1));
}
