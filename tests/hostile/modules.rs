//! Modules that are too much, and names that could become paths or reach the terminal.

use crate::bench::{Bench, PROJECT};

#[test]
fn what_would_fill_the_memory_is_refused() {
    let doubling: String = (1..40)
        .map(|number| format!("  a{number} = \"${{local.a{0}}}${{local.a{0}}}\"\n", number - 1))
        .collect();
    for (module, said) in [
        (
            format!("locals {{\n  a0 = \"xxxxxxxxxxxxxxxx\"\n{doubling}}}\n"),
            "becomes too long",
        ),
        (
            "locals {\n  a = [for i in range(1024) : [for j in range(1024) : [for k in range(1024) : k]]]\n}\n".into(),
            "more than 1000000 elements",
        ),
        (
            "locals {\n  r = range(1000)\n  a = setproduct(local.r, local.r, local.r)\n}\n".into(),
            "setproduct",
        ),
        (
            "output \"x\" {\n  value = file(\"/dev/zero\")\n}\n".into(),
            "it is no plain file",
        ),
        (format!("locals {{\n  a = {}\n}}\n", "[".repeat(100_000)), "too deeply"),
    ] {
        let refused = Bench::new(&module).refused();
        assert!(refused.contains(said), "{said}: {refused}");
    }
}

#[test]
fn a_module_file_has_an_end() {
    let bench = Bench::new("");
    let long = format!("{PROJECT}# {}\n", "x".repeat(17 << 20));
    bench.write("a.bake.hcl", long.as_bytes());
    assert!(bench.refused().contains("16 are read"));
}

#[test]
fn a_fifo_is_not_waited_for() {
    let mode = rustix::fs::Mode::from_bits_truncate(0o600);
    for (name, module) in [
        ("fifo", "output \"x\" {\n  value = file(\"fifo\")\n}\n"),
        ("b.bake.hcl", ""),
        ("a.auto.bakevars.hcl", ""),
    ] {
        let bench = Bench::new(module);
        rustix::fs::mknodat(rustix::fs::CWD, bench.at(name), rustix::fs::FileType::Fifo, mode, 0).expect("a fifo");
        let refused = bench.refused();
        assert!(refused.contains("it is no plain file"), "{name}: {refused}");
    }
}

#[test]
fn characters_that_end_texts_or_move_the_cursor_are_refused() {
    for inside in [
        "provision \"shell\" \"a\\u0000b\" {\n  inline = [\"true\"]\n}",
        "provision \"shell\" \"a\\u001b[31m\" {\n  inline = [\"true\"]\n}",
        "provision \"shell\" \"a\" {\n  inline = [\"true\\u0000\"]\n}",
        "provision \"shell\" \"a\" {\n  inline = [\"true\"]\n  env = { A = \"x\\u0000y\" }\n}",
        "provision \"shell\" \"a\" {\n  inline = [\"true\"]\n  env = { \"\" = \"x\" }\n}",
        "publish {\n  tags = { \"a\\u0000\" = \"b\" }\n}",
        "provision \"file\" \"a\" {\n  content = \"x\"\n  destination = \"/../x\"\n}",
        "provision \"file\" \"a\" {\n  content = \"x\"\n  destination = \"/a\\u0000b\"\n}",
    ] {
        let refused = Bench::with_image(inside).refused();
        assert!(!refused.contains(['\0', '\u{1b}']), "{refused:?}");
    }
}

#[test]
fn a_name_never_becomes_a_path() {
    for name in ["..", "../../etc/x", "a/b", "a\\nb", ""] {
        let refused = Bench::new(&format!("image \"{name}\" {{\n  scratch {{}}\n}}\n")).refused();
        assert!(refused.contains("name"), "{refused}");
    }
}

#[test]
fn a_plan_file_that_is_none_is_refused() {
    let bench = Bench::new("");
    bench.bake(&["plan", "-out", "kept"]);
    let kept = std::fs::read(bench.at("kept")).expect("a plan file");
    bench.write("empty", b"");
    bench.write("short", &kept[..kept.len() - 20]);
    bench.write("changed", &[&kept[..kept.len() - 2], b" \n"].concat());
    for file in ["empty", "short", "changed", "/dev/zero", "."] {
        let output = bench.bake(&["apply", file]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{file}: {said}");
    }
}
