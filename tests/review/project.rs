//! A module in a directory of its own, whose images stand without having been built: their records are written as the
//! provider writes them, from the plan of the real binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The module that plan files are tried with.
pub fn module() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/plan-files/module")
}

/// A directory with a module in it.
pub struct Project(tempfile::TempDir);

impl Project {
    /// With a copy of a directory.
    pub fn copy(from: &Path) -> Project {
        let project = Project(tempfile::tempdir().expect("a temporary directory"));
        copy(from, project.path());
        project
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).expect("the module can be written");
    }

    /// Changes a text in a file of it.
    pub fn change(&self, name: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path().join(name)).expect("the file is there");
        assert!(text.contains(from), "{name} holds {from}");
        self.write(name, &text.replace(from, to));
    }

    pub fn bake(&self, arguments: &[&str]) -> Command {
        let mut bake = Command::new(env!("CARGO_BIN_EXE_bake"));
        bake.args(arguments).current_dir(self.path()).env("NO_COLOR", "1");
        bake
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        self.bake(arguments).output().expect("bake starts")
    }

    /// Standard output of a run that must end with this code.
    pub fn out(&self, code: i32, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let (out, err) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "bake {arguments:?}\n{out}{err}");
        out
    }

    /// Standard error of a run that must fail.
    pub fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(
            output.status.code(),
            Some(1),
            "bake {arguments:?}\n{}",
            text(&output.stdout)
        );
        text(&output.stderr)
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("bake writes UTF-8")
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).expect("the module is there") {
        let entry = entry.expect("an entry");
        let target = to.join(entry.file_name());
        match entry.path().is_dir() {
            true => {
                fs::create_dir(&target).expect("a new directory");
                copy(&entry.path(), &target);
            }
            false => drop(fs::copy(entry.path(), &target).expect("the file can be copied")),
        }
    }
}
