//! What happens on the host during a build: real loop devices, file systems, mounts and steps. Runs as root.

#[path = "build/bench.rs"]
mod bench;

use bench::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_tiny_image_from_scratch() {
    let mut bench = Bench::new();
    bench.rooted().await;
    bench
        .shell(&["echo hello > /etc/motd", "cat /etc/motd"])
        .await
        .map_err(words)
        .unwrap();
    assert_eq!(bench.output(), "hello");
    let root = bench.root().await;
    assert_eq!(root.read("/etc/motd").unwrap(), b"hello\n");
    drop(root);
    bench.finish().await.map_err(words).unwrap();
}
