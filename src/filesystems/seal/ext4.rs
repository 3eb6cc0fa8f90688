//! ext4 (ext2, ext3) by mke2fs(8): it takes names in bytewise order, and what is random in it is given.

use std::path::{Path, PathBuf};

use super::Anew;
use crate::host::command::Tool;
use crate::host::ext4::Attributes;

/// What mke2fs reads instead of the host's own configuration: how a file system is laid out is no matter of the host.
/// Features are those of e2fsprogs 1.47 that GRUB 2.06 can read.
pub const CONFIG: &str = "\
[defaults]
  base_features = sparse_super,large_file,filetype,resize_inode,dir_index,ext_attr
  default_mntopts = acl,user_xattr
  enable_periodic_fsck = 0
  blocksize = 4096
  inode_size = 256
  inode_ratio = 16384
[fs_types]
  ext3 = {
    features = has_journal
  }
  ext4 = {
    features = has_journal,extent,huge_file,flex_bg,metadata_csum,64bit,dir_nlink,extra_isize
  }
  small = {
    blocksize = 1024
    inode_ratio = 4096
  }
  floppy = {
    blocksize = 1024
    inode_ratio = 8192
  }
  big = {
    inode_ratio = 32768
  }
  huge = {
    inode_ratio = 65536
  }
";

/// The command that fills the file; `config` is where [`CONFIG`] stands. The times of its inodes are settled afterwards
/// ([`crate::host::ext4::settle`]).
pub fn make(anew: &Anew<'_>, config: &str) -> Tool {
    let (extended, options) = split(anew.options);
    let own = format!(
        "hash_seed={},lazy_itable_init=0,lazy_journal_init=0,nodiscard",
        anew.uuid
    );
    // The last value of one name counts.
    let extended = extended.into_iter().chain([own]).collect::<Vec<_>>().join(",");
    let (tree, file) = (anew.tree.display().to_string(), anew.file.display().to_string());
    let mut words = vec![
        "-q", "-F", "-t", anew.kind, "-U", anew.uuid, "-E", &extended, "-d", &tree,
    ];
    words.extend(anew.label.into_iter().flat_map(|label| ["-L", label]));
    words.extend(options);
    words.push(&file);
    Tool::new("mke2fs", &words)
        .env("MKE2FS_CONFIG", config)
        .env("E2FSPROGS_FAKE_TIME", &anew.date.to_string())
        .env("TZ", "UTC")
}

/// The command that puts the extended attributes of inodes into bytewise order, for which it reads their values from files
/// (the second part of the answer, below `directory`). mke2fs takes them in the order in which the tree's own file system
/// lists them, and another one lists them otherwise.
pub fn in_order<'a>(
    anew: &Anew<'_>,
    inodes: &'a [(u32, Attributes)],
    directory: &Path,
) -> (Tool, Vec<(PathBuf, &'a [u8])>) {
    let (mut script, mut values) = (String::new(), Vec::new());
    for (number, attributes) in inodes {
        let names: Vec<_> = attributes.keys().map(|name| name.to_string_lossy()).collect();
        for name in &names {
            script += &format!("ea_rm <{number}> \"{name}\"\n");
        }
        for (name, value) in names.iter().zip(attributes.values()) {
            let file = directory.join(values.len().to_string());
            script += &format!("ea_set -f \"{}\" <{number}> \"{name}\"\n", file.display());
            values.push((file, value.as_slice()));
        }
    }
    let file = anew.file.display().to_string();
    let tool = Tool::new("debugfs", &["-w", "-f", "-", &file])
        .env("E2FSPROGS_FAKE_TIME", &anew.date.to_string())
        .input(script);
    (tool, values)
}

/// Extended options (`-E a,b`), of which mke2fs takes only the last lot, and all others.
fn split(options: &[String]) -> (Vec<String>, Vec<&str>) {
    let (mut extended, mut others) = (Vec::new(), Vec::new());
    let mut words = options.iter();
    while let Some(word) = words.next() {
        match word.strip_prefix("-E") {
            Some("") => extended.extend(words.next().cloned()),
            Some(joined) => extended.push(joined.to_owned()),
            None => others.push(word.as_str()),
        }
    }
    (extended, others)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn extended_options_are_one_and_what_is_random_stays_given() {
        let options = ["-O", "quota", "-E", "stride=4", "-Ehash_seed=random"].map(str::to_owned);
        let anew = Anew {
            kind: "ext4",
            uuid: "U",
            label: Some("root"),
            options: &options,
            tree: Path::new("/t"),
            file: Path::new("/f"),
            date: 0,
        };
        let line = make(&anew, "/c").arguments.join(" ");
        let extended = "stride=4,hash_seed=random,hash_seed=U,lazy_itable_init=0,lazy_journal_init=0,nodiscard";
        assert_eq!(
            line,
            format!("-q -F -t ext4 -U U -E {extended} -d /t -L root -O quota /f")
        );
    }
}
