//! The workflows of `docs/ci`: their shell steps run as they are written, with the real binary, against a stand-in for the
//! API of the forge.

#![allow(clippy::disallowed_methods)] // the tests lay out repositories

#[path = "ci/forge.rs"]
mod forge;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use forge::Forge;

const MODULE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/plan-files/module");

/// The shell steps of a workflow: what stands indented below `run: |` (GitHub) or `- |` (GitLab), in order.
fn steps(workflow: &str, opens: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ci").join(workflow);
    let text = fs::read_to_string(path).expect("the workflow is there");
    let lines: Vec<&str> = text.lines().collect();
    let mut steps = Vec::new();
    for (at, line) in lines.iter().enumerate().filter(|(_, line)| line.trim() == opens) {
        let depth = line.len() - line.trim_start().len();
        let inside = |line: &&&str| line.trim().is_empty() || line.len() - line.trim_start().len() > depth;
        let body: Vec<&str> = lines[at + 1..]
            .iter()
            .take_while(inside)
            .map(|line| line.trim())
            .collect();
        steps.push(body.join("\n"));
    }
    steps
}

/// A repository with a module in `images`, and the variables that a runner sets.
struct Runner {
    directory: tempfile::TempDir,
    environment: BTreeMap<&'static str, String>,
}

impl Runner {
    fn new(forge: &Forge) -> Runner {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let at = |name: &str| directory.path().join(name);
        for name in ["images/scripts", "temp", "bin", ".git"] {
            fs::create_dir_all(at(name)).expect("a new directory");
        }
        for name in ["web.bake.hcl", "root.tar", "scripts/web.sh"] {
            fs::copy(Path::new(MODULE).join(name), at("images").join(name)).expect("the module can be copied");
        }
        // The runner is root already where images can be built, and has no sudo where they cannot.
        write_tool(&at("bin/sudo"), "#!/bin/sh\nexec \"$@\"\n");
        let path = Path::new(env!("CARGO_BIN_EXE_bake"))
            .parent()
            .expect("it lies in a directory")
            .display();
        let path = format!(
            "{}:{path}:{}",
            at("bin").display(),
            std::env::var("PATH").unwrap_or_default()
        );
        let text = |path: PathBuf| path.display().to_string();
        let environment = [
            ("PATH", path),
            ("MODULE", "images".to_owned()),
            ("RUNNER_TEMP", text(at("temp"))),
            ("GITHUB_STEP_SUMMARY", text(at("temp/summary"))),
            ("GITHUB_API_URL", forge.url()),
            ("GITHUB_REPOSITORY", "acme/images".to_owned()),
            ("GITHUB_SHA", "merged".to_owned()),
            ("GITHUB_TOKEN", "token".to_owned()),
            ("PULL_REQUEST", "7".to_owned()),
            ("CI_API_V4_URL", forge.url()),
            ("CI_PROJECT_ID", "12".to_owned()),
            ("CI_PROJECT_DIR", text(directory.path().to_owned())),
            ("CI_COMMIT_SHA", "merged".to_owned()),
            ("CI_MERGE_REQUEST_IID", "7".to_owned()),
            ("GITLAB_TOKEN", "token".to_owned()),
        ];
        Runner {
            directory,
            environment: environment.into(),
        }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// A step as GitHub and GitLab run it: with `-e`, in the checkout.
    fn run(&self, step: &str) -> Output {
        let mut shell = Command::new("bash");
        shell
            .args(["-eo", "pipefail", "-c", step])
            .current_dir(self.directory.path())
            .envs(&self.environment);
        shell.output().expect("bash starts")
    }

    fn done(&self, step: &str) -> String {
        let output = self.run(step);
        let said = said(&output);
        assert!(output.status.success(), "{step}\n{said}");
        said
    }
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn write_tool(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, text).expect("it can be written");
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).expect("it is ours");
}

/// The reviewed plan is applied as far as it can be: refused if the checkout moved.
fn applies_only_what_was_reviewed(runner: &Runner, apply: &str) {
    let script = runner.at("images/scripts/web.sh");
    let reviewed = fs::read_to_string(&script).expect("it is there");
    fs::write(&script, "echo not reviewed\n").expect("it can be written");
    let output = runner.run(apply);
    let said = said(&output);
    assert!(
        !output.status.success() && said.contains("scripts/web.sh has changed since the plan was made"),
        "{said}"
    );
    fs::write(&script, reviewed).expect("it can be written");
}

#[test]
fn github() {
    let forge = Forge::start();
    let runner = Runner::new(&forge);
    let steps = steps("github.yml", "run: |");
    let [plan, comment, find, apply, drift] = &steps[..] else {
        panic!("{steps:?}")
    };

    runner.done(plan);
    runner.done(comment);
    let first = forge.comments();
    assert!(
        matches!(&first[..], [text] if text.starts_with("<!-- bake plan -->\n### bake: 1 to build")),
        "{first:?}"
    );
    fs::write(runner.at("images/scripts/web.sh"), "echo other\n").expect("it can be written");
    let text = fs::read_to_string(runner.at("images/web.bake.hcl")).expect("it is there");
    fs::write(
        runner.at("images/web.bake.hcl"),
        text.replace("\"web\" {", "\"site\" {"),
    )
    .expect("it can be written");
    runner.done(plan);
    runner.done(comment);
    let second = forge.comments();
    assert!(
        second.len() == 1 && second != first,
        "the comment is changed in place: {second:?}"
    );

    let zip = Command::new("python3")
        .args(["-m", "zipfile", "-c", "plan.zip", "plan.bakeplan"])
        .current_dir(runner.at("temp"))
        .status()
        .expect("python3 starts");
    assert!(zip.success());
    forge.keep(fs::read(runner.at("temp/plan.zip")).expect("it was made"));
    fs::remove_file(runner.at("temp/plan.bakeplan")).expect("it was there");
    runner.done(find);
    assert!(runner.at("temp/plan.bakeplan").exists(), "the kept plan was fetched");
    applies_only_what_was_reviewed(&runner, apply);

    let output = runner.run(drift);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("::error::what stands is not what the module says"));
}

#[test]
fn gitlab() {
    let forge = Forge::start();
    let runner = Runner::new(&forge);
    let steps = steps("gitlab.yml", "- |");
    let [plan, comment, find, apply, drift] = &steps[..] else {
        panic!("{steps:?}")
    };

    runner.done(plan);
    runner.done(comment);
    runner.done(comment);
    let comments = forge.comments();
    assert!(
        matches!(&comments[..], [text] if text.contains("1 to build")),
        "{comments:?}"
    );

    forge.keep(fs::read(runner.at("plan.bakeplan")).expect("it was made"));
    fs::remove_file(runner.at("plan.bakeplan")).expect("it was there");
    runner.done(find);
    applies_only_what_was_reviewed(&runner, apply);

    let output = runner.run(drift);
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
}
