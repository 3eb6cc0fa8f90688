//! ext4 (ext2, ext3) by mke2fs(8): it takes names in bytewise order, and what is random in it is given.

use super::Anew;
use crate::host::command::Tool;

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
    use std::path::Path;

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
