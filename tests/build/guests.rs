//! What is in an image only while a step runs, and what must not be left of it.

use super::bench::*;

use bake::nodes::NodeError;

/// What a package with a daemon does at its installation, by the rules of Debian (invoke-rc.d(8), policy-rc.d).
const POSTINST: &[&str] = &[
    "if [ -x /usr/sbin/policy-rc.d ] && ! /usr/sbin/policy-rc.d daemon start; then echo kept; exit 0; fi",
    "echo started; touch /etc/started",
];

#[tokio::test(flavor = "multi_thread")]
async fn services_are_kept_from_starting_without_a_trace() {
    let mut bench = Bench::new();
    bench.rooted().await;
    bench.shell(POSTINST).await.map_err(words).unwrap();
    assert_eq!(bench.output(), "kept");
    assert!(bench.root().await.list("/usr/sbin").unwrap().is_empty());
    bench.finish().await.map_err(words).unwrap();

    let mut open = Bench::new();
    open.chroot.services = true;
    open.rooted().await;
    open.shell(POSTINST).await.map_err(words).unwrap();
    assert_eq!(open.output(), "started", "the test above can fail");
    open.finish().await.map_err(words).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_of_the_image_comes_back() {
    let mut bench = Bench::new();
    bench.chroot.services = true;
    bench.rooted().await;
    bench
        .shell(&["echo own > /usr/sbin/policy-rc.d"])
        .await
        .map_err(words)
        .unwrap();
    bench.finish().await.map_err(words).unwrap();
    let snapshot = bench.snapshot("root").await;

    let mut copy = bench.again("copy");
    source(&mut copy, snapshot).await;
    copy.shell(&["cat /usr/sbin/policy-rc.d"]).await.map_err(words).unwrap();
    assert!(copy.output().contains("exit 101"));
    let root = copy.root().await;
    assert_eq!(root.read("/usr/sbin/policy-rc.d").unwrap(), b"own\n");
    assert_eq!(root.list("/usr/sbin").unwrap().len(), 1);
    drop(root);
    copy.finish().await.map_err(words).unwrap();
}

async fn source(bench: &mut Bench, snapshot: bake::providers::SnapshotId) {
    use bake::nodes::filesystem::{Action, On};
    use bake::nodes::partitions::Table;
    use bake::nodes::volume::Origin;
    let size = bake::units::Size::mib(64);
    bench.disk("root", size, Origin::Snapshot(snapshot), Table::None).await;
    bench
        .filesystem("root", "root", On::Whole, Action::Use { grow: false })
        .await
        .unwrap();
    bench.mount("root", "/", &[]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_resolver_of_the_host_is_seen_and_not_kept() {
    let mut bench = Bench::new();
    bench.rooted().await;
    bench.shell(&["cat /etc/resolv.conf"]).await.map_err(words).unwrap();
    let own = std::fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    assert_eq!(bench.output().trim(), own.trim());
    let etc = bench.root().await.list("/etc").unwrap();
    assert!(
        !etc.iter().any(|name| name.to_string_lossy().contains("resolv")),
        "{etc:?}"
    );

    // One that the image has of its own comes back; what is written through it while a step runs does not stay.
    put_in(&bench, "nameserver 192.0.2.1\n").await;
    bench
        .shell(&["echo nameserver 192.0.2.2 >> /etc/resolv.conf"])
        .await
        .map_err(words)
        .unwrap();
    assert_eq!(
        bench.root().await.read("/etc/resolv.conf").unwrap(),
        b"nameserver 192.0.2.1\n"
    );
    bench.finish().await.map_err(words).unwrap();
}

async fn put_in(bench: &Bench, text: &str) {
    let root = bench.root().await;
    root.write("/etc/resolv.conf", text.as_bytes(), &Default::default())
        .unwrap();
}

/// What the postinst of systemd-resolved does.
#[tokio::test(flavor = "multi_thread")]
async fn systemd_resolved_ends_with_its_own_link() {
    let install = [
        "mv /etc/resolv.conf /etc/.resolv.conf.systemd-resolved.bak",
        "ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf",
    ];
    for had in [None, Some("nameserver 192.0.2.1\n")] {
        let mut bench = Bench::new();
        bench.rooted().await;
        if let Some(text) = had {
            put_in(&bench, text).await;
        }
        bench.shell(&install).await.map_err(words).unwrap();
        let root = bench.root().await;
        assert_eq!(
            root.read_link("/etc/resolv.conf").unwrap(),
            "../run/systemd/resolve/stub-resolv.conf"
        );
        let kept = root.read("/etc/.resolv.conf.systemd-resolved.bak").ok();
        assert_eq!(kept.as_deref(), had.map(str::as_bytes));
        assert!(root.link_metadata("/etc/.resolv.conf.bake").unwrap().is_none());
        drop(root);
        bench.finish().await.map_err(words).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn further_hosts_are_there_for_a_step_and_gone_after_it() -> Result<(), NodeError> {
    let mut bench = Bench::new();
    bench
        .chroot
        .network
        .hosts
        .insert("mirror.test".to_owned(), "192.0.2.7".to_owned());
    bench.rooted().await;
    bench
        .shell(&["grep -c mirror.test /etc/hosts", "echo 192.0.2.8 own >> /etc/hosts"])
        .await?;
    assert_eq!(bench.output(), "1");
    assert_eq!(bench.root().await.read("/etc/hosts").unwrap(), b"192.0.2.8 own\n");
    bench.finish().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_failing_step_finds_is_taken_out_all_the_same() {
    let mut bench = Bench::new();
    bench.rooted().await;
    let error = words(bench.shell(&["echo last words", "exit 3"]).await.expect_err("it fails"));
    assert!(
        error.contains("ended with exit code 3") && error.contains("last words"),
        "{error}"
    );
    let root = bench.root().await;
    assert!(root.list("/usr/sbin").unwrap().is_empty());
    assert!(root.link_metadata("/etc/resolv.conf").unwrap().is_none());
    drop(root);
    bench.finish().await.map_err(words).unwrap();
}
