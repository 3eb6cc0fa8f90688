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
    let extended = format!(
        "hash_seed={},lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0,nodiscard",
        anew.uuid
    );
    let (tree, file) = (anew.tree.display().to_string(), anew.file.display().to_string());
    let mut words = vec![
        "-q", "-F", "-t", anew.kind, "-U", anew.uuid, "-E", &extended, "-d", &tree,
    ];
    words.extend(anew.label.into_iter().flat_map(|label| ["-L", label]));
    words.extend(anew.options.iter().map(String::as_str));
    words.push(&file);
    Tool::new("mke2fs", &words)
        .env("MKE2FS_CONFIG", config)
        .env("E2FSPROGS_FAKE_TIME", &anew.date.to_string())
        .env("TZ", "UTC")
}
