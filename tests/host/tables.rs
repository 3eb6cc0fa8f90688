//! Partition tables as other programs see them.

use bake::host::command::Tool;
use bake::host::partitions::{Scheme, Wanted, grow, lay_out, write};
use bake::host::sparse;

const MIB: u64 = 1 << 20;

fn wanted(name: &str, kind: &str, size: Option<u64>) -> Wanted {
    Wanted {
        name: name.into(),
        kind: kind.into(),
        size,
        uuid: format!("4dc8e4a1-0001-4000-8000-{:012x}", name.len()),
    }
}

#[tokio::test]
async fn sfdisk_reads_what_bake_writes_and_finds_no_fault() {
    for (scheme, disk, label) in [
        (Scheme::Gpt, "01234567-89ab-4cde-8f01-23456789abcd", "gpt"),
        (Scheme::Mbr, "89abcdef", "dos"),
    ] {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("disk");
        sparse::create(&path, 64 * MIB).expect("a disk");
        let all = [wanted("esp", "esp", Some(MIB)), wanted("root", "linux-root", None)];
        write(&path, &lay_out(scheme, disk, "x86_64", 64 * MIB, &all).expect("room")).expect("written");
        sparse::resize(&path, 80 * MIB).expect("larger");
        grow(&path, 2).expect("grown");
        let image = path.display().to_string();
        Tool::new("sfdisk", &["--verify", &image])
            .run()
            .await
            .expect("sfdisk (package fdisk) finds no fault");
        let seen = Tool::new("sfdisk", &["--dump", &image])
            .run()
            .await
            .expect("it can be read");
        let seen = String::from_utf8(seen).expect("text").to_lowercase();
        assert!(seen.contains(&format!("label: {label}")), "{seen}");
        assert!(seen.contains("start=        2048, size=        2048"), "{seen}");
        assert!(seen.contains("start=        4096, size=      15"), "{seen}");
        assert!(seen.contains(disk), "{seen}");
    }
}
