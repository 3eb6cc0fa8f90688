//! A module in a directory of its own, and the program run on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The line that every module of these tests begins with.
pub const PROJECT: &str = "bake {\n  project = \"hostile\"\n}\n";

pub struct Bench {
    directory: tempfile::TempDir,
}

impl Bench {
    /// With this behind [`PROJECT`].
    pub fn new(module: &str) -> Bench {
        let directory = tempfile::tempdir().expect("a directory");
        let bench = Bench { directory };
        bench.write("a.bake.hcl", format!("{PROJECT}{module}").as_bytes());
        bench
    }

    /// An image whose root is a file that `root.tar` never becomes: enough to plan.
    pub fn with_image(inside: &str) -> Bench {
        let bench = Bench::new(&format!(
            "image \"m\" {{\n  scratch {{}}\n  volume \"root\" {{\n    size = \"64MiB\"\n    partition_table = \"none\"\n    \
             filesystem = \"ext4\"\n    mount = \"/\"\n  }}\n  bootstrap \"tar\" {{\n    path = \"root.tar\"\n  }}\n{inside}\n}}\n"
        ));
        bench.write("root.tar", b"");
        bench
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    pub fn at(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub fn write(&self, name: &str, bytes: &[u8]) {
        fs::write(self.at(name), bytes).expect("written");
    }

    /// With at most 2 GiB of memory, so that a slip of bake's is not one of the machine's.
    pub fn bake(&self, arguments: &[&str]) -> Output {
        Command::new("/bin/sh")
            .args([
                "-c",
                "ulimit -v 2097152; exec \"$0\" \"$@\"",
                env!("CARGO_BIN_EXE_bake"),
            ])
            .args(arguments)
            .current_dir(self.path())
            .env("BAKE_VAR_from_environment", "CANARY'4 env")
            .stdin(Stdio::null())
            .output()
            .expect("it can be run")
    }

    /// What `bake plan` refuses, in its words.
    pub fn refused(&self) -> String {
        let output = self.bake(&["plan"]);
        let said = String::from_utf8(output.stderr).expect("messages are text");
        assert_eq!(output.status.code(), Some(1), "{said}");
        said
    }
}
