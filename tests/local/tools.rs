//! What a build is given and may use: limits of a step, the other tool of a bootstrap, a lock that is taken away.

use crate::bench::*;
use crate::support::Traces;

/// Each limit as the kernel tells it to the step, and one that is run into.
#[test]
fn limits_of_a_step_are_those_of_its_processes() {
    let step = |name: &str, limits: &str, line: &str| {
        shell(name, &[line]).replacen("\n", &format!("\n    limits {{\n{limits}\n    }}\n"), 1)
    };
    let all = "      memory     = \"512MiB\"\n      file_size  = \"1MiB\"\n      open_files = 33\n      processes  = 77\n      \
               cpu_time   = \"90s\"";
    let project = project(&image("tiny", &step("look", all, "cat /proc/self/limits > /limits")));
    apply(&project);
    let limits = file_in(&project, "image.tiny", "/limits");
    for (name, most) in [
        ("Max address space", "536870912"),
        ("Max file size", "1048576"),
        ("Max open files", "33"),
        ("Max processes", "77"),
        ("Max cpu time", "90"),
    ] {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).expect(name);
        let soft_and_hard: Vec<_> = line.split_whitespace().take(2).collect();
        assert_eq!(soft_and_hard, [most, most], "{name}");
    }

    let large = step(
        "large",
        "      file_size = \"1MiB\"",
        "dd if=/dev/zero of=/large bs=1M count=2",
    );
    rewrite(&project, &image("tiny", &large));
    let said = refused(&project, &["apply", "-auto-approve"]);
    assert!(said.contains("provision[\"large\"] failed"), "{said}");
    Traces::wait_until_none(project.path());
}

/// The same system as mmdebstrap makes, with the tool that everybody knows. Wants Debian's mirror.
#[test]
fn debootstrap_fills_a_root() {
    let module = image(
        "debian",
        &shell(
            "look",
            &["dpkg --print-architecture > /architecture; test -e /etc/debian_version"],
        ),
    );
    let module = module.replace("64MiB", "1GiB").replace(
        "bootstrap \"tar\" {\n    path = \"root.tar\"",
        "bootstrap \"debian\" {\n    suite   = \"bookworm\"\n    tool    = \"debootstrap\"\n    variant = \"minbase\"",
    );
    let project = project(&module);
    apply(&project);
    assert_eq!(file_in(&project, "image.debian", "/architecture"), "amd64\n");
    assert_eq!(file_in(&project, "image.debian", "/etc/hostname"), "localhost\n");
    assert!(plan(&project).contains("No changes"));
    Traces::wait_until_none(project.path());
}

/// A lock that a host holds which is gone: of a store on a file system that several hosts share, so that the kernel here
/// says that it is held, and its file names another host.
#[test]
fn a_lock_of_a_host_that_is_gone_can_be_taken_away() {
    let project = project(&image("tiny", ""));
    apply(&project);
    let locks = project.path().join(".bake/store/locks");
    let names = std::fs::read_dir(&locks).expect("a store has locks").flatten();
    let lock = names
        .map(|entry| entry.path())
        .find(|path| {
            path.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("image-tiny"))
        })
        .expect("the lock of the image");
    let free = project.run(&["force-unlock", "image.tiny", "-auto-approve"]);
    assert!(String::from_utf8_lossy(&free.stderr).contains("Nobody holds the lock of image.tiny"));

    let holder = r#"{"process":{"pid":71,"start_time":1},"host":"gone.example.com","since":1,"command":"bake apply"}"#;
    std::fs::write(&lock, holder).expect("the store can be written");
    let elsewhere = std::fs::File::open(&lock).expect("it was written above");
    elsewhere.try_lock().expect("nobody has it");

    rewrite(&project, &image("tiny", &shell("one", &["true"])));
    let waiting = refused(&project, &["apply", "-auto-approve", "-lock-timeout", "0"]);
    assert!(waiting.contains("process 71 on gone.example.com"), "{waiting}");
    let unlocked = project.run(&["force-unlock", "image.tiny", "-auto-approve"]);
    let said = String::from_utf8_lossy(&unlocked.stderr).into_owned();
    assert!(
        unlocked.status.success() && said.contains("The lock of image.tiny is free."),
        "{said}"
    );
    apply(&project);
    drop(elsewhere);
}
