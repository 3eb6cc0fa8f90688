//! Steps with their arguments: what they see, how they end, and what they may not reach.

use std::os::unix::fs::symlink;

use super::bench::*;

use bake::host::inside::Type;
use bake::nodes::context::Secrets;

#[tokio::test(flavor = "multi_thread")]
async fn a_step_has_a_clean_environment_its_user_and_its_directory() {
    let mut bench = Bench::new();
    bench.rooted().await;
    let all = plain([
        ("inline", list(&["env", "id -u", "pwd"])),
        ("user", "app".into()),
        ("working_directory", "/tmp".into()),
        (
            "env",
            bake::lang::value::Value::object([("OWN".to_owned(), "x y".into())].into()),
        ),
    ]);
    bench.provision("shell", "all", all).await.map_err(words).unwrap();
    let output = bench.output();
    for line in [
        "BAKE_IMAGE=image.test",
        "BAKE_RUN_ID=0123abcd",
        "LANG=C.UTF-8",
        "OWN=x y",
        "HOME=/home/app",
        "1000",
        "/tmp",
    ] {
        assert!(output.lines().any(|one| one == line), "{line} in {output}");
    }
    assert!(!output.contains("CARGO"), "{output}");
    bench.finish().await.map_err(words).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn endings_of_steps() {
    let mut bench = Bench::new();
    bench.rooted().await;
    let codes = plain([("inline", list(&["exit 3"])), ("exit_codes", vec![3_i64.into()].into())]);
    bench.provision("shell", "codes", codes).await.map_err(words).unwrap();
    let allowed = plain([("inline", list(&["exit 4"])), ("allow_failure", true.into())]);
    bench
        .provision("shell", "allowed", allowed)
        .await
        .map_err(words)
        .unwrap();
    let twice = ["test -e /etc/tried || { touch /etc/tried; exit 1; }"];
    let retried = plain([("inline", list(&twice)), ("retries", 1_i64.into())]);
    bench
        .provision("shell", "retried", retried)
        .await
        .map_err(words)
        .unwrap();
    let slow = plain([("inline", list(&["sleep 1000"])), ("timeout", "200ms".into())]);
    let error = words(
        bench
            .provision("shell", "slow", slow)
            .await
            .expect_err("it takes too long"),
    );
    assert!(error.contains("killed after its timeout"), "{error}");
    bench.finish().await.map_err(words).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_step_leaves_running_or_mounted_does_not_keep_the_image() {
    let mut bench = Bench::new();
    bench.rooted().await;
    let lines = [
        "sleep 1000 > /etc/held &",
        "mount -t tmpfs none /tmp",
        "echo in the tmpfs > /tmp/file",
    ];
    bench.shell(&lines).await.map_err(words).unwrap();
    bench
        .shell(&["ls /tmp", "cat /proc/[0-9]*/cmdline"])
        .await
        .map_err(words)
        .unwrap();
    assert!(!bench.output().contains("1000"), "{}", bench.output());
    bench.finish().await.map_err(words).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_masked_in_output_and_errors() {
    let mut bench = Bench::new();
    bench.secrets = Secrets::new(["pass word".to_owned()]);
    bench.rooted().await;
    let error = words(
        bench
            .shell(&["echo '<pass word>'", "exit 1"])
            .await
            .expect_err("it fails"),
    );
    assert_eq!(bench.output(), "<(sensitive)>");
    assert!(!error.contains("pass word"), "{error}");
    bench.finish().await.map_err(words).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_copied_as_a_plan_says() {
    let mut bench = Bench::new();
    bench.rooted().await;
    let tree = bench.directory.path().join("conf");
    bake::host::files::create_dir_all(&tree.join("sub")).unwrap();
    put(&tree.join("run"), b"#!/bin/sh\n", 0o775);
    put(&tree.join("sub/plain"), b"text", 0o600);
    symlink("sub/plain", tree.join("link")).unwrap();
    let parts = ["", "link", "run", "sub", "sub/plain"].map(|part| planned(tree.join(part).as_path()));
    let arguments = arguments([
        ("source", "conf".into(), parts.to_vec()),
        ("destination", "/opt/app/".into(), Vec::new()),
        ("owner", "app".into(), Vec::new()),
    ]);
    bench.provision("file", "tree", arguments).await.map_err(words).unwrap();
    let root = bench.root().await;
    let seen = |path: &str| {
        root.link_metadata(path)
            .unwrap()
            .map(|data| (data.kind, data.mode, data.user))
    };
    assert_eq!(seen("/opt"), Some((Type::Directory, 0o755, 0)));
    assert_eq!(seen("/opt/app/conf"), Some((Type::Directory, 0o755, 1000)));
    assert_eq!(seen("/opt/app/conf/run"), Some((Type::File, 0o755, 1000)));
    assert_eq!(seen("/opt/app/conf/sub/plain"), Some((Type::File, 0o644, 1000)));
    assert_eq!(root.read_link("/opt/app/conf/link").unwrap(), "sub/plain");
    drop(root);
    bench.finish().await.map_err(words).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_in_the_image_leads_nowhere_else() {
    let mut bench = Bench::new();
    bench.rooted().await;
    let outside = bench.directory.path().join("outside");
    bake::host::files::create_dir_all(&outside).unwrap();
    put(&outside.join("secret"), b"of the host", 0o644);
    let target = outside.display().to_string();
    bench
        .shell(&[&format!(
            "ln -s {target} /etc/out; ln -s ../../../../../..{target} /etc/up"
        )])
        .await
        .map_err(words)
        .unwrap();
    for name in ["out", "up"] {
        let write = plain([
            ("content", "x".into()),
            ("destination", format!("/etc/{name}/new").into()),
        ]);
        // It fails, or it is written below the root: never outside.
        let _ = bench.provision("file", name, write).await;
        assert!(!outside.join("new").exists());
        let to = bench.directory.path().join("got").display().to_string();
        let read = plain([
            ("source", format!("/etc/{name}/secret").into()),
            ("destination", to.into()),
            ("direction", "download".into()),
        ]);
        let error = words(
            bench
                .provision("file", "read", read)
                .await
                .expect_err("there is nothing in the image"),
        );
        assert!(error.contains("does not exist"), "{error}");
    }
    bench.finish().await.map_err(words).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_that_were_not_planned_never_reach_the_image() {
    let mut bench = Bench::new();
    bench.rooted().await;
    let file = bench.directory.path().join("file");
    put(&file, b"planned", 0o644);
    let files = vec![planned(&file)];
    put(&file, b"changed", 0o644);
    let all = arguments([
        ("source", "file".into(), files.clone()),
        ("destination", "/etc/file".into(), Vec::new()),
    ]);
    let error = words(bench.provision("file", "file", all).await.expect_err("it has changed"));
    assert!(error.contains("file is not what was planned with"), "{error}");
    assert!(bench.root().await.link_metadata("/etc/file").unwrap().is_none());
    let script = arguments([("script", "file".into(), files)]);
    let error = words(
        bench
            .provision("shell", "script", script)
            .await
            .expect_err("it has changed"),
    );
    assert!(error.contains("not what was planned with"), "{error}");
    bench.finish().await.map_err(words).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn transient_files_are_taken_out_before_the_snapshot() {
    let mut bench = Bench::new();
    bench.rooted().await;
    let transient = plain([
        ("content", "key".into()),
        ("destination", "/opt/build/key".into()),
        ("transient", true.into()),
    ]);
    bench.provision("file", "key", transient).await.map_err(words).unwrap();
    bench.shell(&["cat /opt/build/key"]).await.map_err(words).unwrap();
    assert_eq!(bench.output(), "key");
    bench.finish().await.map_err(words).unwrap();
    let image = bench.file("root").await.display().to_string();
    let listing = bake::host::command::Tool::new("debugfs", &["-R", "ls -p /", &image])
        .run()
        .await
        .unwrap();
    let listing = String::from_utf8_lossy(&listing).into_owned();
    assert!(listing.contains("/etc/") && !listing.contains("/opt/"), "{listing}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_image_is_named_as_such() {
    let mut bench = Bench::new();
    bench.rooted().await;
    let error = words(bench.shell(&["yes > /big"]).await.expect_err("there is no room"));
    assert!(error.contains("the image's own file system on / is full"), "{error}");
    bench.finish().await.map_err(words).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_step_sees_the_mounted_image() {
    let mut bench = Bench::new();
    bench.rooted().await;
    let lines = [
        "test -b $BAKE_DEVICE",
        "echo local > $BAKE_ROOT/etc/local",
        "echo $BAKE_IMAGE",
    ];
    bench
        .provision("local", "local", inline(&lines))
        .await
        .map_err(words)
        .unwrap();
    assert_eq!(bench.output(), "image.test");
    assert_eq!(bench.root().await.read("/etc/local").unwrap(), b"local\n");
    bench.finish().await.map_err(words).unwrap();
}
