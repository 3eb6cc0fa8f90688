//! Several hosts, projects and workspaces in one account: what is the same is made once, what is another's is left alone.

use std::process::{Child, Command, Output, Stdio};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::bench::{Bench, HEAD, both, from_scratch, on_ami, on_host, project};
use crate::lab::{Lab, REGION};

const DEBIAN: &str = "debian-12-amd64-20261115-2015";
const APPLY: &[&str] = &["apply", "-auto-approve"];

/// Starts it, with all that it writes kept.
fn start(mut command: Command) -> Child {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.spawn().expect("unshare starts")
}

fn end(child: Child) -> Output {
    child.wait_with_output().expect("bake ends")
}

/// Two hosts that apply a module each, of which both have come as far as the registration before one of them may go on.
fn registering_at_once(bench: &Bench, first: &str, second: &str) -> [Output; 2] {
    let other = project(second);
    bench.project.write("main.bake.hcl", first);
    bench
        .lab
        .fault(json!({ "action": "RegisterImage", "kind": "hold_before", "times": 2 }));
    let mut elsewhere = other.bake(APPLY);
    bench.lab.environment(&mut elsewhere);
    let running = [
        start(on_host("builder-a", &bench.bake(APPLY))),
        start(on_host("builder-b", &elsewhere)),
    ];
    bench.lab.until_struck(2);
    bench.lab.release();
    running.map(end)
}

#[test]
fn two_hosts_that_build_the_same_end_with_one_image() {
    let bench = Bench::new(Lab::xen(), "");
    let module = on_ami(&bench.lab.image(DEBIAN));
    let ended = registering_at_once(&bench, &module, &module);
    let texts = ended.each_ref().map(both);
    for (output, text) in ended.iter().zip(&texts) {
        assert_eq!(output.status.code(), Some(0), "{text}");
        assert!(text.contains("Nothing is left running."), "{text}");
    }
    bench.assert_standing(1, 1);
    let image = bench.lab.inventory()["images"][0]["id"]
        .as_str()
        .expect("an id")
        .to_owned();
    assert!(texts.iter().all(|text| text.contains(&image)), "{texts:#?}");
    let gave_way = texts
        .iter()
        .filter(|text| text.contains("stands already: another host"));
    assert_eq!(gave_way.count(), 1, "{texts:#?}");
    assert_eq!(bench.lab.count("RegisterImage"), 2);
    assert_eq!(
        (bench.effects("CreateSnapshot"), bench.effects("DeleteSnapshot")),
        (2, 1)
    );
    assert!(bench.done(&["plan"]).contains("No changes"));
    bench.done(&["destroy", "-auto-approve"]);
    bench.assert_standing(0, 0);
}

/// The name is the same, the content is not.
#[test]
fn two_hosts_that_want_one_name_for_two_contents_do_not_mix_them_up() {
    let bench = Bench::new(Lab::xen(), "");
    let module = on_ami(&bench.lab.image(DEBIAN)).replace("provision", "name = \"web\"\n  provision");
    let ended = registering_at_once(&bench, &module, &module.replace("hello", "good morning"));
    let codes = ended.each_ref().map(|output| output.status.code());
    assert!(codes.contains(&Some(0)) && codes.contains(&Some(1)), "{codes:?}");
    let lost = ended
        .iter()
        .find(|output| !output.status.success())
        .expect("one of them");
    let text = both(lost);
    assert!(text.contains("the name \"web\" is taken by ami-"), "{text}");
    // Its snapshot is kept, and named.
    assert!(text.contains("Kept: image.web.snapshot"), "{text}");
    bench.assert_standing(1, 2);
}

#[test]
fn gc_and_applies_of_another_host_leave_a_running_build_alone() {
    let bench = Bench::new(Lab::xen(), &from_scratch());
    bench.lab.fault(json!([
        { "action": "DetachVolume", "kind": "hold_before" },
        { "action": "RegisterImage", "kind": "hold_before" },
    ]));
    let running = start(on_host("builder-a", &bench.bake(APPLY)));
    bench.lab.until_struck(1);
    assert_eq!((bench.standing("volumes"), bench.standing("snapshots")), (1, 1));
    let elsewhere = project(&from_scratch());
    let on_another = |host: &str, arguments: &[&str]| {
        let mut command = elsewhere.bake(arguments);
        bench.lab.environment(&mut command);
        let output = on_host(host, &command).output().expect("bake starts");
        assert!(output.status.success(), "{}", both(&output));
        both(&output)
    };
    let text = on_another("builder-b", &["gc", "-auto-approve"]);
    assert!(text.contains("stays: made on builder-a, younger than"), "{text}");
    assert!(!text.contains("removed"), "{text}");
    // Of the same host, in another directory: the lock of the image says that somebody works on it.
    elsewhere.write(
        "main.bake.hcl",
        &from_scratch().replace("image \"base\"", "image \"other\""),
    );
    on_another("builder-b", APPLY);
    assert_eq!(
        (bench.standing("images"), bench.standing("snapshots")),
        (1, 2),
        "its own"
    );
    bench.lab.release();
    let output = end(running);
    assert!(output.status.success(), "{}", both(&output));
    bench.assert_standing(2, 2);
}

/// What a dead run left is taken by the next apply of its host, although there is no journal and nothing to be built.
#[test]
fn without_a_journal_and_without_a_change_the_next_apply_clears_up() {
    let bench = Bench::new(Lab::xen(), &from_scratch());
    bench.lab.set(json!({ "detach": 3 }));
    let running = start(bench.bake(APPLY));
    while bench.standing("images") == 0 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    kill(Pid::from_raw(running.id() as i32), Signal::SIGKILL).expect("bake runs");
    end(running);
    assert_eq!(bench.standing("volumes"), 1);
    std::fs::remove_dir_all(bench.project.path().join(".bake")).expect("it was there");
    let text = bench.apply();
    assert!(
        text.contains("image.base.volume[\"root\"]") && text.contains("removed"),
        "{text}"
    );
    bench.assert_standing(1, 1);
}

/// The labels and the digests are the same: what one project or workspace has kept is of no use to another, and not its to
/// remove.
#[test]
fn what_another_project_or_workspace_keeps_is_neither_used_nor_removed() {
    let bench = Bench::new(Lab::xen(), &from_scratch());
    let denied = json!({ "action": "RegisterImage", "kind": "error", "code": "UnauthorizedOperation", "times": null });
    bench.lab.fault(denied);
    let output = bench.run(APPLY);
    assert_eq!(output.status.code(), Some(1), "{}", both(&output));
    bench.lab.no_faults();
    bench.assert_standing(0, 1);
    let others = [
        (from_scratch(), &["-workspace", "ci"][..]),
        (from_scratch().replace("acme/images", "other"), &[][..]),
    ];
    for (images, (module, workspace)) in others.iter().enumerate() {
        bench.project.write("main.bake.hcl", module);
        let plan = bench.done(&[&["plan"], *workspace].concat());
        assert!(plan.contains("1 to build"), "{plan}");
        bench.done(&[APPLY, workspace].concat());
        bench.assert_standing(images + 1, images + 2);
    }
    let gc = bench.done(&["gc", "-auto-approve"]);
    assert!(gc.contains("Nothing is left over of project other"), "{gc}");
    bench.done(&["destroy", "-auto-approve"]);
    // The one that kept it goes on from it.
    bench.project.write("main.bake.hcl", &from_scratch());
    let before = bench.lab.calls().len();
    bench.apply();
    assert!(!bench.calls_since(before).contains(&"CreateVolume".to_owned()));
    bench.assert_standing(2, 2);
    assert!(bench.done(&["plan", "-workspace", "ci"]).contains("No changes"));
}

/// What copies left is found by its tags in the regions that the module and the records name; what others make is left alone.
#[test]
fn gc_finds_what_copies_left_in_every_region_and_leaves_running_ones_alone() {
    let module = from_scratch().replace("provision", "publish { regions = [\"us-east-1\"] }\n  provision");
    let bench = Bench::new(Lab::xen(), &module);
    bench.lab.set(json!({ "copy": 600 }));
    let running = start(on_host("builder-a", &bench.bake(APPLY)));
    bench.until(|| bench.lab.count("CopyImage") == 1);
    let elsewhere = project(&module);
    let gc = |host: &str, more: &[&str]| {
        let mut command = elsewhere.bake(&[&["gc", "-auto-approve"], more].concat());
        bench.lab.environment(&mut command);
        let output = on_host(host, &command).output().expect("bake starts");
        assert!(output.status.success(), "{}", both(&output));
        both(&output)
    };
    // A copy under way is of an image that stands, however old it is.
    for more in [&[][..], &["-older-than", "0s"]] {
        let text = gc("builder-b", more);
        assert!(text.contains("Nothing is left over"), "{text}");
    }
    bench.assert_standing(2, 2);
    // Somebody removes the image by hand; its copy is nobody's then, and perhaps its run still lives.
    let images = bench.lab.inventory()["images"].clone();
    let home = images
        .as_array()
        .into_iter()
        .flatten()
        .find(|one| one["region"] == REGION);
    let home = home.expect("an image at home")["id"].clone();
    bench.lab.ec2(REGION, &format!("deregister_image(ImageId={home})"));
    let text = gc("builder-b", &[]);
    assert!(
        text.contains("in us-east-1") && text.contains("stays: made on builder-a"),
        "{text}"
    );
    assert!(!text.contains("removed"), "{text}");
    kill(Pid::from_raw(running.id() as i32), Signal::SIGKILL).expect("bake runs");
    end(running);
    bench.lab.advance(700);
    let text = gc("builder-a", &[]);
    assert!(text.contains("in us-east-1: removed"), "{text}");
    bench.assert_standing(0, 0);
}

/// Killed between a copy and its snapshot: the next apply, and another host's gc, finds the snapshot.
#[test]
fn a_snapshot_of_a_copy_that_is_gone_goes_as_well() {
    let publishing =
        |publish: &str| from_scratch().replace("provision", &format!("publish {{ {publish} }}\n  provision"));
    let bench = Bench::new(Lab::xen(), &publishing("regions = [\"us-east-1\"]"));
    for with_apply in [true, false] {
        bench
            .project
            .write("main.bake.hcl", &publishing("regions = [\"us-east-1\"]"));
        bench.apply();
        bench.assert_standing(2, 2);
        // The region goes.
        bench.project.write("main.bake.hcl", &publishing("regions = []"));
        bench
            .lab
            .fault(json!({ "action": "DeleteSnapshot", "region": "us-east-1", "kind": "hold_before" }));
        let running = start(bench.bake(APPLY));
        bench.lab.until_struck(1);
        kill(Pid::from_raw(running.id() as i32), Signal::SIGKILL).expect("bake runs");
        end(running);
        bench.lab.no_faults();
        bench.assert_standing(1, 2);
        std::fs::remove_dir_all(bench.project.path().join(".bake")).expect("it was there");
        let text = match with_apply {
            true => bench.apply(),
            false => bench.done(&["gc", "-auto-approve"]),
        };
        assert!(text.contains("removed"), "{text}");
        bench.assert_standing(1, 1);
    }
}

/// `delete_snapshots = false`: they outlive their image and its copies, and no run takes them for leftovers.
#[test]
fn snapshots_that_are_kept_on_purpose_stay() {
    let module = from_scratch().replace(
        "provision",
        "publish { regions = [\"us-east-1\"] }\n  lifecycle {\n    keep_releases    = 1\n    delete_snapshots = false\n  }\n  provision",
    );
    let bench = Bench::new(Lab::xen(), &module);
    bench.apply();
    bench.project.write("main.bake.hcl", &module.replace("hello", "again"));
    bench.apply();
    bench.assert_standing(2, 4);
    assert!(bench.apply().contains("No changes"));
    let text = bench.done(&["gc", "-auto-approve", "-older-than", "0s"]);
    assert!(text.contains("Nothing is left over"), "{text}");
    bench.assert_standing(2, 4);
}

/// A destroy of one image leaves alone what is kept for another.
#[test]
fn a_target_keeps_a_destroy_from_what_is_kept_for_other_images() {
    let other = from_scratch()
        .replace("image \"base\"", "image \"other\"")
        .replacen(HEAD, "", 1);
    let bench = Bench::new(Lab::xen(), &format!("{}{other}", from_scratch()));
    bench.done(&["apply", "-auto-approve", "-target", "image.other"]);
    bench
        .lab
        .fault(json!({ "action": "RegisterImage", "kind": "error", "code": "UnauthorizedOperation", "times": null }));
    let output = bench.run(&["apply", "-auto-approve", "-target", "image.base"]);
    assert_eq!(output.status.code(), Some(1), "{}", both(&output));
    bench.lab.no_faults();
    bench.assert_standing(1, 2);
    for flags in [&["-target", "image.other"][..], &["-exclude", "image.base"]] {
        bench.done(&[&["destroy", "-auto-approve"], flags].concat());
        bench.assert_standing(0, 1);
        bench.done(&[APPLY, flags].concat());
        bench.assert_standing(1, 2);
    }
    // The next apply goes on from it.
    let before = bench.lab.calls().len();
    bench.apply();
    assert!(!bench.calls_since(before).contains(&"CreateVolume".to_owned()));
    bench.assert_standing(2, 2);
    bench.done(&["destroy", "-auto-approve"]);
    bench.assert_standing(0, 0);
}
