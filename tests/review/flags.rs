//! Flags of planning, with the real binary.

use super::project::{Project, module, text};

const SECOND: &str = "image \"site\" {\n  source {\n    image = image.web\n  }\n}\n";

fn two_images() -> Project {
    let project = Project::copy(&module());
    project.write("site.bake.hcl", SECOND);
    project
}

#[test]
fn the_exit_code_tells_of_changes_only_when_asked() {
    let project = two_images();
    project.out(0, &["plan"]);
    project.out(2, &["plan", "-detailed-exitcode"]);
    project.out(1, &["plan", "-detailed-exitcode", "-var", "nobody=1"]);
    project.out(0, &["plan", "-detailed-exitcode", "-destroy"]);
}

#[test]
fn a_target_brings_what_it_needs_and_an_excluded_image_takes_what_needs_it() {
    let project = two_images();
    assert!(
        project
            .out(0, &["plan", "-target=image.site"])
            .contains("Plan: 2 to build")
    );
    assert!(
        project
            .out(0, &["plan", "-target=image.web"])
            .contains("Plan: 1 to build")
    );
    assert!(
        project
            .out(0, &["plan", "-exclude", "image.site"])
            .contains("Plan: 1 to build")
    );
    assert!(project.out(0, &["plan", "-exclude=image.web"]).contains("No changes."));
    let said = project.refused(&["plan", "-replace=image.nobody"]);
    assert!(
        said.contains("there is no such image") && said.contains("image.site, image.web"),
        "{said}"
    );
}

#[test]
fn of_compact_warnings_only_the_first_line_is_shown() {
    let project = two_images();
    let said = |more: &[&str]| text(&project.run(&[&["plan", "-target=image.web"], more].concat()).stderr);
    let (whole, short) = (said(&[]), said(&["-compact-warnings"]));
    assert!(
        whole.contains("the plan is partial") && whole.contains("help:"),
        "{whole}"
    );
    assert!(
        short.contains("the plan is partial") && !short.contains("help:") && !short.contains("note:"),
        "{short}"
    );
}

#[test]
fn variables_come_from_the_command_line_before_all_else() {
    let project = two_images();
    project.write("two.bakevars.hcl", "release = \"two\"\n");
    let digest = |more: &[&str]| {
        let json = project.out(0, &[&["plan", "-json"], more].concat());
        let plan: serde_json::Value = serde_json::from_str(&json).expect("a plan is JSON");
        plan["variables"]["release"]["value"]
            .as_str()
            .expect("a text")
            .to_owned()
    };
    assert_eq!(digest(&[]), "one");
    assert_eq!(digest(&["-var-file=two.bakevars.hcl"]), "two");
    assert_eq!(
        digest(&["-var-file", "two.bakevars.hcl", "-var", "release=three"]),
        "three"
    );
    project.change("web.bake.hcl", "  default = \"one\"\n", "");
    let said = project.refused(&["plan", "-input=false"]);
    assert!(said.contains("variable \"release\" has no value"), "{said}");
}

#[test]
fn concise_is_the_first_lines_and_the_count() {
    let project = two_images();
    let (whole, short) = (project.out(0, &["plan"]), project.out(0, &["plan", "-concise"]));
    let first: Vec<&str> = whole.lines().take(3).collect();
    let count = whole.lines().last().expect("a plan has lines");
    assert_eq!(short, format!("{}\n\n{count}\n", first.join("\n")));
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    let project = two_images();
    for (arguments, code) in [(["plan", "-parallelism=0"], 1), (["apply", "-lock-timeout=soon"], 1)] {
        let output = project.run(&arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}");
        assert!(text(&output.stderr).starts_with("error: "), "{}", text(&output.stderr));
    }
}
