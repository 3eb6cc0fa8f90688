//! Attach, mount, run, and leave nothing.

use bake::host::helper::Exit;

use crate::bench::Bench;

#[tokio::test]
async fn a_whole_build_leaves_nothing() {
    let bench = Bench::new().await;
    let disk = bench.rooted().await;
    let (exit, output) = bench.sh("echo hello; echo world >&2; touch /made").await;
    assert_eq!(exit, Exit::Code(0));
    assert!(output.contains("hello") && output.contains("world"));
    bench.put_away(&disk).await;
    bench.assert_gone();
    bench.helper.clone().end().await;
}
