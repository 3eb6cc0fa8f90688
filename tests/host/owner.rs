//! What a bake that is killed leaves on the host: nothing.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use bake::host::helper::Input;
use bake::host::loops;

use crate::bench::{Bench, shell};

/// What the owner leaves running: a number that no other process has on its command line.
const MARK: &str = "72951";

/// Set for the process that is to be killed: this test again.
const ROLE: &str = "BAKE_TEST_OWNER";

/// What the process does that is killed: it is in the middle of a step until then.
#[allow(clippy::print_stdout)] // Its line is what the test waits for.
async fn own() {
    let bench = Bench::new().await;
    bench.rooted().await;
    let script = format!("exec 7>/held; (trap '' TERM HUP; setsid sleep {MARK}) & setsid sleep {MARK} & sleep {MARK}");
    let step = bench
        .helper
        .run(shell(&format!("echo begun; {script}")), Input::Nothing, |_, _| {
            println!("\nimage {}", bench.image.display());
        });
    step.await.expect("it is killed before");
}

#[tokio::test]
async fn a_bake_that_is_killed_leaves_nothing() {
    if std::env::var_os(ROLE).is_some() {
        return own().await;
    }
    let mut owner = start_owner();
    let output = BufReader::new(owner.stdout.take().expect("piped"));
    let image = output
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("image ").map(PathBuf::from));
    let image = image.expect("the owner says when its step runs");
    let attached = loops::holders(&image).expect("sysfs");
    assert_eq!(attached.len(), 1);
    assert!(processes().contains(MARK), "the step runs");
    owner.kill().expect("it lives");
    owner.wait().expect("it ends");
    for _ in 0..1000 {
        if loops::holders(&image).expect("sysfs").is_empty() && !processes().contains(MARK) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    assert_eq!(loops::holders(&image).expect("sysfs"), Vec::<String>::new());
    assert!(!processes().contains(MARK), "a process of the step lives");
    bake::host::files::remove_dir_all(image.parent().expect("its directory")).expect("removed");
}

#[allow(clippy::disallowed_methods)] // A test starts what it will kill.
fn start_owner() -> std::process::Child {
    Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "owner::a_bake_that_is_killed_leaves_nothing", "--nocapture"])
        .env(ROLE, "yes")
        .stdout(Stdio::piped())
        .spawn()
        .expect("started")
}

/// The command lines of all processes of the host.
fn processes() -> String {
    let entries = std::fs::read_dir("/proc").expect("proc").flatten();
    entries
        .filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok())
        .collect()
}
