//! Plan files: the same bytes wherever they are made, and refused when anything has moved.

use std::fs;

use bake::digest::Digest;

use super::project::{Project, module, text};

const FORMAT_1: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/plan-files/format-1.bakeplan");

fn planned() -> Project {
    let project = Project::copy(&module());
    project.out(0, &["plan", "-out", "p"]);
    project
}

/// What an apply of the file says that must not come to doing anything.
fn refusal(project: &Project, more: &[&str]) -> String {
    let said = project.refused(&[&["apply", "p", "-input=false"], more].concat());
    assert!(!project.path().join(".bake/journal").exists(), "nothing has begun");
    said
}

#[test]
fn a_hundred_plans_of_one_module_are_the_same_bytes() {
    let mut seen = Vec::new();
    let deep = "a/directory with blanks/ü";
    for number in 0..100 {
        let project = Project::copy(&module());
        let (inside, arguments) = match number % 3 {
            0 => (project.path().to_owned(), vec![]),
            1 => (project.path().parent().expect("it lies somewhere").to_owned(), {
                let name = project
                    .path()
                    .file_name()
                    .expect("it has a name")
                    .to_string_lossy()
                    .into_owned();
                vec![format!("-chdir={name}")]
            }),
            _ => {
                let inside = project.path().join(deep);
                fs::create_dir_all(&inside).expect("a new directory");
                for name in ["web.bake.hcl", "root.tar"] {
                    fs::rename(project.path().join(name), inside.join(name)).expect("it can be moved");
                }
                fs::rename(project.path().join("scripts"), inside.join("scripts")).expect("it can be moved");
                (inside, vec![])
            }
        };
        let file = project.path().join("kept");
        let mut bake = project.bake(&[]);
        bake.current_dir(inside).args(arguments).args(["plan", "-json"]);
        bake.arg(format!("-parallelism={}", number % 7 + 1))
            .arg("-out")
            .arg(&file);
        bake.env("LC_ALL", ["C", "tr_TR.UTF-8", "de_DE.UTF-8"][number % 3]);
        bake.env("TZ", ["UTC", "Asia/Kathmandu"][number % 2])
            .env("USER", format!("user{number}"));
        bake.env("HOME", format!("/home/user{number}"))
            .env("COLUMNS", format!("{}", 20 + number));
        let output = bake.output().expect("bake starts");
        assert!(output.status.success(), "{}", text(&output.stderr));
        let bytes = fs::read(&file).expect("the plan was kept");
        seen.push((Digest::of(&bytes), Digest::of(&output.stdout)));
        seen.dedup();
    }
    assert_eq!(seen.len(), 1, "{seen:?}");
}

#[test]
fn a_plan_that_is_not_the_approved_one_is_refused() {
    let project = planned();
    let digest = Digest::of(&fs::read(project.path().join("p")).expect("the plan was kept")).to_string();
    let other = Digest::of(b"another plan").to_string();
    let said = refusal(&project, &["-expect", &other]);
    assert!(
        said.contains("p is not the plan that is expected") && said.contains(&digest) && said.contains(&other),
        "{said}"
    );
    // The right one gets as far as the next thing that is wrong.
    project.change("scripts/web.sh", "one", "two");
    let said = refusal(&project, &["-expect", &digest]);
    assert!(
        said.contains("scripts/web.sh has changed since the plan was made"),
        "{said}"
    );
    let said = text(&project.run(&["plan", "-out", "q"]).stderr);
    assert!(said.contains("-expect sha256:"), "{said}");
}

#[test]
fn what_says_what_is_planned_does_not_go_with_a_plan_file() {
    let project = planned();
    for flag in [
        "-target=image.web",
        "-exclude=image.web",
        "-replace=image.web",
        "-destroy",
        "-refresh-only",
        "-refresh=false",
    ] {
        let said = refusal(&project, &[flag]);
        let name = flag.split("=image").next().expect("a flag");
        let wanted = format!("{name} does not go with a plan file");
        assert!(said.contains(&wanted), "{wanted:?} is not in:\n{said}");
    }
    let said = refusal(&project, &["-workspace=other"]);
    assert!(
        said.contains("the plan is of workspace default, and other was asked for"),
        "{said}"
    );
}

#[test]
fn what_moved_is_named() {
    let project = planned();
    project.write("more.bake.hcl", "locals {\n  x = 1\n}\n");
    let said = refusal(&project, &[]);
    assert!(
        said.contains("more.bake.hcl was not there when the plan was made"),
        "{said}"
    );

    // The lock file is an input like the module's own files.
    let date = |day: &str| format!("format = 1\ndate   = \"2026-11-{day}T00:00:00Z\"\n");
    let project = planned();
    // Neither one that reads nor one that does not.
    for text in [date("01"), "nothing that a lock file says\n".to_owned()] {
        project.write("bake.lock.hcl", &text);
        let said = refusal(&project, &[]);
        assert!(
            said.contains("bake.lock.hcl was not there when the plan was made"),
            "{said}"
        );
    }
    project.write("bake.lock.hcl", &date("01"));
    project.out(0, &["plan", "-out", "p"]);
    project.write("bake.lock.hcl", &date("02"));
    let said = refusal(&project, &[]);
    assert!(
        said.contains("bake.lock.hcl has changed since the plan was made"),
        "{said}"
    );
    fs::remove_file(project.path().join("bake.lock.hcl")).expect("it was written above");
    let said = refusal(&project, &[]);
    assert!(said.contains("bake.lock.hcl is no longer read by the module"), "{said}");

    let said = refusal(&planned(), &["-var", "release=two"]);
    assert!(
        said.contains("variable release is not what it was when the plan was made"),
        "{said}"
    );
    assert!(
        said.contains("the plan has \"one\"") && said.contains("-var release gives \"two\""),
        "{said}"
    );

    let said = refusal(&planned(), &["-var", "releas=one"]);
    assert!(said.contains("no variable is called \"releas\""), "{said}");

    let project = planned();
    project.write("bake.auto.bakevars.hcl", "release = \"three\"\n");
    let said = refusal(&project, &[]);
    assert!(said.contains("bake.auto.bakevars.hcl:1 gives \"three\""), "{said}");

    let project = planned();
    fs::remove_file(project.path().join("root.tar")).expect("it was there");
    let said = refusal(&project, &[]);
    assert!(said.contains("root.tar is no longer"), "{said}");
}

/// A function saw which files are there, and not what is in them.
#[test]
fn names_that_moved_are_noticed() {
    let project = planned();
    let looks = "output \"n\" {\n  value = [fileset(\"d\", \"*\"), fileexists(\"nofile\")]\n}\n";
    project.write("looks.bake.hcl", looks);
    fs::create_dir(project.path().join("d")).expect("the project can be written");
    project.write("d/a", "a");
    project.out(0, &["plan", "-out", "p"]);
    for (name, said_of_it) in [
        ("d/b", "there are other files d/* than when the plan was made"),
        (
            "nofile",
            "whether there is a file nofile has changed since the plan was made",
        ),
    ] {
        project.write(name, "b");
        let said = refusal(&project, &[]);
        assert!(said.contains(said_of_it), "{said}");
        fs::remove_file(project.path().join(name)).expect("it was written above");
    }
    project.write("d/a", "other");
    // Nothing has moved; its archive is none.
    let said = project.refused(&["apply", "p"]);
    assert!(said.contains("bootstrap failed"), "{said}");
}

#[test]
fn a_plan_takes_the_place_of_no_other_file() {
    let project = planned();
    let said = project.refused(&["plan", "-out", "root.tar"]);
    assert!(said.contains("root.tar is there already, and no plan file"), "{said}");
    project.out(0, &["plan", "-out", "p"]);
    for name in ["new.bake.hcl", "bake.lock.hcl", "x.auto.bakevars.json"] {
        let said = project.refused(&["plan", "-out", name]);
        assert!(
            said.contains(&format!("{name} is a name that a module reads")),
            "{said}"
        );
        assert!(!project.path().join(name).exists());
    }
}

#[test]
fn a_plan_of_another_directory_is_refused_in_one_sentence() {
    let project = planned();
    let elsewhere = Project::copy(&module().join("scripts"));
    let file = project.path().join("p").display().to_string();
    let said = elsewhere.refused(&["apply", &file]);
    assert!(
        said.contains("the plan is not of the module in this directory"),
        "{said}"
    );
    assert_eq!(said.matches("error:").count(), 1, "{said}");
}

#[test]
fn plans_of_older_formats_are_read_and_newer_ones_refused_by_name() {
    let project = Project::copy(&module());
    // When that plan was made, no image was reproducible unless it said so.
    let written = project.path().join("web.bake.hcl");
    let text = fs::read_to_string(&written).expect("the module is there");
    let loose = text.replacen("scratch {}", "scratch {}\n  reproducible = false", 1);
    fs::write(&written, loose).expect("the directory takes it");
    let shown = project.out(0, &["show", FORMAT_1]);
    // The argument is in the digest, and so in the name.
    let but_digest = |text: &str| -> Vec<String> {
        let own = ["name ", "digest ", "reproducible "].map(|name| format!("      + {name}"));
        let rest = text
            .lines()
            .filter(|line| !own.iter().any(|own| line.starts_with(own.as_str())));
        rest.map(str::to_owned).collect()
    };
    let today = project.out(0, &["plan"]);
    assert_eq!(
        but_digest(&shown),
        but_digest(&today),
        "a plan of format 1 shows as one of today"
    );
    assert!(shown.contains("+ digest       = \"2b74c588354c\""), "{shown}");

    let file = fs::read_to_string(FORMAT_1).expect("the old plan is there");
    let newer =
        file.replacen("\"bake_plan\":1", "\"bake_plan\":99", 1)
            .replacen("\"bake\":\"0.1.0\"", "\"bake\":\"9.8.7\"", 1);
    project.write("newer", &newer);
    let said = project.refused(&["show", "newer"]);
    assert!(
        said.contains("newer was written by bake 9.8.7, which is newer than this bake"),
        "{said}"
    );

    project.write("damaged", &file.replacen("acme/images", "acme/imagez", 1));
    let said = project.refused(&["show", "damaged"]);
    assert!(said.contains("damaged is damaged"), "{said}");
}
