//! What is in a digest and what is not: one line of a module changed, and from which content node on the digests differ.
#![allow(clippy::disallowed_methods)] // the modules of these tests are written here, not by the product

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use bake::graph;
use bake::module::{self, LoadOptions};

const MODULE: &str = r#"
bake {
  project = "acme/images"
}

image "web" {
  architecture = "x86_64"

  scratch {}

  volume "root" {
    size            = "512MiB"
    partition_table = "gpt"

    partition "root" {
      filesystem = "ext4"
      mount      = "/"
      options    = ["noatime"]
    }
  }

  bootstrap "tar" {
    path = "root.tar"
  }

  provision "file" "unit" {
    source      = "site"
    destination = "/srv"
  }
  provision "shell" "nginx" {
    script  = "nginx.sh"
    env     = { VERSION = "1.22" }
    timeout = "10m"
  }

  publish {
    tags = { app = "web" }
  }
}
"#;

/// Name and digest of each content node, in order.
fn digests(text: &str, files: &[(&str, &str)]) -> Vec<(String, String)> {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    fs::create_dir(at("site")).unwrap();
    let usual = [
        ("root.tar", "root"),
        ("nginx.sh", "apt-get install nginx\n"),
        ("other.sh", "apt-get install nginx\n"),
    ];
    for (name, content) in usual.iter().chain(&[("site/index.html", "<p>")]).chain(files) {
        fs::write(at(name), content).unwrap();
    }
    fs::write(at("web.bake.hcl"), text).unwrap();
    let graph = graph::compile(&load(directory.path())).unwrap();
    let name = |node: &graph::ContentNode| node.name().split('[').next().unwrap().to_owned();
    graph.images[0]
        .content
        .iter()
        .map(|node| (name(node), node.digest.short()))
        .collect()
}

fn load(directory: &Path) -> module::Module {
    let options = LoadOptions {
        directory: directory.to_owned(),
        workspace: "default".into(),
        variables: Vec::new(),
        environment: BTreeMap::new(),
        prompt: None,
        ..LoadOptions::default()
    };
    module::load(&options).unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// The first node from which on the digests differ; none if all are equal. Behind it none may be equal.
fn first_difference(text: &str, files: &[(&str, &str)]) -> Option<String> {
    let (before, after) = (digests(MODULE, &[]), digests(text, files));
    let first = before.iter().zip(&after).position(|(a, b)| a.1 != b.1)?;
    let same_behind = before[first..].iter().zip(&after[first..]).any(|(a, b)| a.1 == b.1);
    assert!(!same_behind, "a node behind the changed one has its old digest");
    Some(after[first].0.clone())
}

#[test]
fn what_shapes_bytes_changes_the_digests_behind_it_and_nothing_else_does() {
    let cases: &[(&str, &str, Option<&str>)] = &[
        ("x86_64", "aarch64", Some("partitions")),
        ("512MiB", "96MiB", Some("partitions")),
        ("\"ext4\"", "\"xfs\"", Some("partitions")),
        ("\"noatime\"", "\"nodev\"", Some("partitions")),
        ("partition \"root\"", "partition \"system\"", Some("partitions")),
        (
            "path = \"root.tar\"",
            "path = \"root.tar\"\n    strip_components = 1",
            Some("bootstrap"),
        ),
        ("\"/srv\"", "\"/srv/www\"", Some("provision")),
        ("1.22", "1.23", Some("provision")),
        ("timeout = \"10m\"", "user = \"nobody\"", Some("provision")),
        ("script  = \"nginx.sh\"", "script = \"other.sh\"", None),
        ("\"10m\"", "\"20m\"", None),
        ("timeout = \"10m\"", "retries = 3", None),
        ("timeout = \"10m\"", "user = \"root\"", None),
        ("\"shell\" \"nginx\"", "\"shell\" \"server\"", None),
        ("image \"web\"", "image \"www\"", None),
        ("volume \"root\"", "volume \"disk\"", None),
        ("acme/images", "acme/other", None),
        ("app = \"web\"", "app = \"mail\"", None),
        ("scratch {}", "scratch {}\n  name = \"web-1\"", None),
        ("scratch {}", "scratch {}\n  description = \"words\"", None),
        (
            "scratch {}",
            "scratch {}\n  register {\n    boot_mode = \"uefi\"\n  }",
            None,
        ),
        ("scratch {}", "scratch {}\n  network {\n    mode = \"none\"\n  }", None),
        (
            "scratch {}",
            "scratch {}\n  lifecycle {\n    keep_releases = 5\n  }",
            None,
        ),
    ];
    for (from, to, wanted) in cases {
        let text = MODULE.replace(from, to);
        assert_ne!(text, MODULE, "{from}");
        assert_eq!(first_difference(&text, &[]).as_deref(), *wanted, "{from} -> {to}");
    }
}

#[test]
fn files_count_by_their_content_and_trees_by_their_names() {
    let changed = |name, content| first_difference(MODULE, &[(name, content)]);
    assert_eq!(changed("root.tar", "other").as_deref(), Some("bootstrap"));
    assert_eq!(changed("site/index.html", "<div>").as_deref(), Some("provision"));
    assert_eq!(changed("site/more.html", "").as_deref(), Some("provision"));
    assert_eq!(changed("nginx.sh", "true\n").as_deref(), Some("provision"));
    assert_eq!(changed("unread.txt", "x"), None);
}

#[test]
fn every_need_of_a_graph_is_a_node_of_it() {
    for case in ["build", "base-changed", "tree"] {
        let graph = graph::compile(&load(Path::new(&format!("testdata/plans/{case}/1")))).unwrap();
        let all: Vec<_> = graph.nodes().map(|node| &node.address).collect();
        for node in graph.nodes() {
            for need in node.data.needs() {
                assert!(
                    all.contains(&need.address()),
                    "{} needs {}",
                    node.address,
                    need.address()
                );
            }
        }
        let nodes: Vec<_> = graph.nodes().cloned().collect();
        let walk = graph::walk(&nodes);
        assert!(
            petgraph::algo::toposort(&walk, None).is_ok(),
            "{case}: the walk has a cycle"
        );
    }
}
