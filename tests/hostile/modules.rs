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

/// Each is refused in seconds; the memory is bounded by the bench.
#[test]
fn what_would_never_end_is_refused() {
    let begin = std::time::Instant::now();
    let mut wrong = Vec::new();
    let chain = |count: usize, line: &dyn Fn(usize) -> String| -> String { (1..count).map(line).collect() };
    for (module, said) in [
        ("locals {\n  a = range(1000000000)\n}\n".into(), "more than 1024 values"),
        (
            "locals {\n  a = local.b\n  b = local.c\n  c = local.a\n}\n".into(),
            "need each other in a circle",
        ),
        (
            "locals {\n  a = regex(\"(a{1000}){1000}\", \"a\")\n}\n".into(),
            "not a regular expression",
        ),
        (
            "locals {\n  r = range(1000)\n  t = join(\"\", [for i in local.r : format(\"%-60000s\", i)])\n  a = \
             join(local.t, local.r)\n}\n"
                .into(),
            "MiB",
        ),
        (
            "locals {\n  t = format(\"%60000s\", 1)\n  a = replace(local.t, \"\", local.t)\n}\n".into(),
            "MiB",
        ),
        (
            "locals {\n  t = format(\"%60000s\", 1)\n  a = replace(local.t, \"/./\", local.t)\n}\n".into(),
            "MiB",
        ),
        (
            format!(
                "locals {{\n  a0 = [1, 1]\n{}  b = jsonencode(local.a39)\n}}\n",
                chain(40, &|at| format!("  a{at} = [local.a{0}, local.a{0}]\n", at - 1))
            ),
            "more than 1000000 elements",
        ),
        (
            format!(
                "locals {{\n  a = yamldecode(\"a0: &a0 [x]\\n{}\")\n}}\n",
                chain(40, &|at| format!("a{at}: &a{at} [*a{0}, *a{0}]\\n", at - 1))
            ),
            "more than 1000000 values",
        ),
        (
            format!("locals {{\n  a = jsondecode(\"{}\")\n}}\n", "[".repeat(100_000)),
            "no deeper nesting",
        ),
        (
            format!("locals {{\n  a = yamldecode(\"{}\")\n}}\n", "[".repeat(50_000)),
            "recursion limit exceeded",
        ),
        (
            "locals {\n  a = 2 * 1e10000 * 1e10000 * 1e10000 * 1e10000 * 1e10000\n}\n".into(),
            "too large",
        ),
        (
            "locals {\n  a = bcrypt(\"x\", 31)\n}\noutput \"x\" {\n  value = { for k in [local.a] : k => 1 }\n}\n"
                .into(),
            "would take too long",
        ),
    ] {
        let bench = Bench::new(&module);
        let output = bench.bake(&["validate"]);
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.code() != Some(1) || !text.contains(said) {
            wrong.push(format!("{said}: {:?} {:.500}", output.status.code(), text));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(begin.elapsed().as_secs() < 240, "it took {:?}", begin.elapsed());
}

#[test]
fn links_that_lead_round_end_a_fileset() {
    let bench = Bench::new("output \"x\" {\n  value = fileset(\".\", \"**/x.txt\")\n}\n");
    std::fs::create_dir_all(bench.at("a/b")).expect("directories");
    bench.write("a/b/x.txt", b"");
    for (target, link) in [("../..", "a/b/up"), ("..", "a/same"), ("self", "self")] {
        std::os::unix::fs::symlink(target, bench.at(link)).expect("a link");
    }
    let output = bench.bake(&["validate"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn a_large_file_is_refused_before_it_is_held() {
    let bench = Bench::new("output \"x\" {\n  value = file(\"large\")\n}\n");
    let large = std::fs::File::create(bench.at("large")).expect("a file");
    large.set_len(100 << 20).expect("100 MiB");
    assert!(bench.refused().contains("more than 64 MiB"));
}

#[test]
fn modules_that_call_each_other_twice_are_not_read_for_ever() {
    let bench = Bench::new("");
    for at in 0..30 {
        let next = at + 1;
        let (own, up) = if at == 0 {
            (String::new(), "./")
        } else {
            (format!("m{at}/"), "../")
        };
        std::fs::create_dir_all(bench.path().join(format!("m{next}"))).unwrap();
        let call = |name: &str| format!("module \"{name}\" {{\n  source = \"{up}m{next}\"\n}}\n");
        let project = if at == 0 { PROJECT } else { "" };
        bench.write(
            &format!("{own}a.bake.hcl"),
            format!("{project}{}{}", call("a"), call("b")).as_bytes(),
        );
    }
    bench.write("m30/a.bake.hcl", b"locals {\n  a = 1\n}\n");
    let refused = bench.refused();
    assert_eq!(
        refused.matches("modules call modules too often").count(),
        1,
        "{refused}"
    );
}

#[test]
fn locals_of_modules_within_modules_do_not_use_up_the_stack() {
    let bench = Bench::new("");
    let locals = |last: &str| {
        let chain = (1..40).map(|at| format!("  l{at} = local.l{}\n", at - 1));
        format!("locals {{\n  l0 = {last}\n{}}}\n", chain.collect::<String>())
    };
    for at in 0..31 {
        let (own, up) = if at == 0 {
            (String::new(), "./")
        } else {
            (format!("m{at}/"), "../")
        };
        std::fs::create_dir_all(bench.path().join(format!("m{}", at + 1))).unwrap();
        let call = format!("module \"a\" {{\n  source = \"{up}m{}\"\n}}\n", at + 1);
        let output = "output \"x\" {\n  value = local.l39\n}\n";
        let project = if at == 0 { PROJECT } else { "" };
        let text = format!("{project}{call}{}{output}", locals("module.a.x"));
        bench.write(&format!("{own}a.bake.hcl"), text.as_bytes());
    }
    bench.write("m31/a.bake.hcl", b"output \"x\" {\n  value = \"end\"\n}\n");
    let refused = bench.refused();
    assert!(refused.contains("locals are built on locals too deeply"), "{refused}");
}

/// Values that are built on one another, each as deep as an expression may be: the stack grows.
#[test]
fn deep_expressions_of_many_locals_do_not_use_up_the_stack() {
    const DEEP: usize = 60;
    let deep = |inner: &str| {
        let (open, close) = ("[for a in [1] : ".repeat(DEEP), "]".repeat(DEEP));
        format!("{open}{inner}{close}{}", "[0]".repeat(DEEP))
    };
    let chain = (1..250).map(|at| format!("  l{at} = {}\n", deep(&format!("local.l{}", at - 1))));
    let chain: String = chain.collect();
    let bench = Bench::new(&format!(
        "locals {{\n  l0 = 1\n{chain}}}\noutput \"x\" {{\n  value = local.l249\n}}\n"
    ));
    let output = bench.bake(&["plan", "-no-color"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
