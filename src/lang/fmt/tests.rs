//! The form is Terraform's, no token is lost, and what is formatted stays as it is.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

fn formatted(text: &str) -> String {
    format(&Source::new("a.bake.hcl", text)).unwrap_or_else(|errors| panic!("{text:?} is no HCL: {errors:?}"))
}

fn corpus() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/fmt");
    let entries = fs::read_dir(folder).expect("the corpus stands");
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|ending| ending == "in"));
    files.sort();
    files
}

/// The cases of a file by name.
fn cases(path: &Path) -> BTreeMap<String, String> {
    let text = fs::read_to_string(path).expect("a list of cases is text");
    let text = text.strip_prefix("=== ").expect("it begins with a name");
    let parts = text.strip_suffix('\n').unwrap_or(text).split("\n=== ");
    let split = |part: &str| {
        let (name, text) = part.split_once('\n').unwrap_or((part, ""));
        let end = if part.contains('\n') { "\n" } else { "" };
        (name.to_owned(), format!("{text}{end}"))
    };
    parts.map(split).collect()
}

#[test]
fn the_form_is_that_of_terraform() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for path in corpus() {
        let expected = cases(&path.with_extension("out"));
        for (name, text) in cases(&path) {
            count += 1;
            let (got, wanted) = (formatted(&text), &expected[&name]);
            if got != *wanted {
                wrong.push(format!(
                    "{}: {name}\n--- wanted\n{wanted}--- got\n{got}",
                    path.display()
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count >= 200, "only {count} cases");
}

#[test]
fn what_is_formatted_stays_as_it_is() {
    for path in corpus() {
        for (name, text) in cases(&path) {
            let once = formatted(&text);
            assert_eq!(formatted(&once), once, "{}: {name}", path.display());
        }
    }
}

/// Where Terraform drops or damages something: what it makes of it stands beside.
#[test]
fn nothing_is_dropped_where_terraform_drops_something() {
    let differences = [
        // `a "b" "c" {}`
        ("a \"b\" /* x */ c {}\n", "a \"b\" /* x */ \"c\" {}\n"),
        // `a = # b` with `c` on the next line
        ("a=\"${ # b\nc }\"\n", "a = ( # b\nc)\n"),
        // `a = (b) +` with `(c)` on the next line
        ("a=\"${(b) +\n(c)}\"\n", "a = ((b) +\n(c))\n"),
        // `"${b}"`, which a second run makes `b`
        ("a=\"${\"${b}\"}\"\n", "a = b\n"),
        // An error
        ("\u{feff}a=1\n", "\u{feff}a = 1\n"),
        // `é`, which is the same label
        ("a \"\\u00e9\" {}\n", "a \"\\u00e9\" {}\n"),
    ];
    for (text, wanted) in differences {
        assert_eq!(formatted(text), wanted);
        assert_eq!(formatted(wanted), wanted);
    }
}

#[test]
fn the_last_line_needs_no_end() {
    assert_eq!(formatted("a=1"), "a = 1");
    assert_eq!(formatted("a=1 # b"), "a = 1 # b");
    assert_eq!(formatted("a {\nb=1\n  }"), "a {\n  b = 1\n}");
    assert_eq!(formatted("a=1\n   "), "a = 1\n");
    assert_eq!(formatted(""), "");
}

#[test]
fn a_file_that_is_no_hcl_is_an_error() {
    assert!(format(&Source::new("a.bake.hcl", "a = [\n")).is_err());
}

/// Expressions, written as badly as people do.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1".to_owned()),
        Just("-  2.5".to_owned()),
        Just("! true".to_owned()),
        Just("var . x [0]".to_owned()),
        Just("y.*.z".to_owned()),
        Just("\"a ${  b } # c\"".to_owned()),
        Just("\"${ d }\"".to_owned()),
        Just("\"é\"".to_owned()),
        Just("\"%{ if a }b%{ else }c%{ endif }\"".to_owned()),
    ];
    leaf.prop_recursive(3, 12, 3, |inner| {
        let gap = || prop_oneof![Just(""), Just(" "), Just("   "), Just("\t")];
        let end = || prop_oneof![Just("\n"), Just(" # c\n"), Just("// d\n"), Just("\r\n")];
        let one = inner.clone();
        prop_oneof![
            (
                one.clone(),
                gap(),
                prop_oneof![Just("+"), Just("-"), Just("&&"), Just("==")],
                gap(),
                one.clone()
            )
                .prop_map(|(a, b, c, d, e)| format!("{a}{b}{c}{d}{e}")),
            (gap(), one.clone(), gap()).prop_map(|(a, b, c)| format!("({a}{b}{c})")),
            (end(), one.clone(), gap()).prop_map(|(a, b, c)| format!("({a}{b}{c})")),
            (gap(), prop::collection::vec(one.clone(), 0..3)).prop_map(|(a, b)| format!("f{a}({})", b.join(" ,"))),
            (end(), gap(), prop::collection::vec(one.clone(), 1..3))
                .prop_map(|(a, b, c)| format!("[{a}{}{b}]", c.join(&format!(",{a}")))),
            (end(), gap(), one.clone(), one.clone())
                .prop_map(|(a, b, c, d)| format!("{{{a}k{b}={c}{a}long{b}={d}{a}}}")),
            (gap(), one.clone()).prop_map(|(a, b)| format!("\"${{{a}{b}{a}}}\"")),
            (end(), one.clone()).prop_map(|(a, b)| format!("\"${{{a}{b}{a}}}\"")),
            (gap(), one.clone(), one).prop_map(|(a, b, c)| format!("{b}{a}?{a}{c}{a}:{a}{b}")),
        ]
    })
}

fn body() -> impl Strategy<Value = String> {
    let end = || prop_oneof![3 => Just("\n"), 1 => Just(" # c\n"), 1 => Just("//d\n"), 1 => Just("\r\n")];
    let gap = || prop_oneof![Just(""), Just(" "), Just("    "), Just("\t")];
    let line = prop_oneof![
        5 => ((1_usize..9), gap(), expression(), end()).prop_map(|(n, a, b, c)| format!("{a}NAME{}{a}={a}{b}{c}", "e".repeat(n))),
        1 => Just("\n".to_owned()),
        1 => Just("  # note\n".to_owned()),
        1 => Just("/* a\n b */\n".to_owned()),
        1 => gap().prop_map(|a| format!("{a}NAME{a}=<<-EOT\n  x ${{{a}v{a}}}\n\n    EOT\n")),
    ];
    let lines = prop::collection::vec(line, 0..6).prop_map(|lines| lines.concat());
    lines.prop_recursive(2, 6, 3, move |inner| {
        let label = prop_oneof![Just(""), Just(" \"l\""), Just(" l"), Just(" \"a\"  b")];
        (inner.clone(), label, end(), inner).prop_map(|(a, b, c, d)| format!("{a}variable{b}{{{c}{a}}}{c}{d}"))
    })
}

/// Gives every argument a name of its own.
fn with_names(text: &str) -> String {
    let mut parts = text.split("NAME");
    let first = parts.next().unwrap_or_default().to_owned();
    parts
        .enumerate()
        .fold(first, |text, (at, part)| format!("{text}n{at}{part}"))
}

fn texts<'a>(tokens: &'a [tokens::Token<'_>]) -> Vec<&'a str> {
    tokens.iter().map(|token| token.text.as_ref()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn only_blanks_change_and_once(text in body().prop_map(|text| with_names(&text))) {
        prop_assume!(crate::lang::parse(&Source::new("a", text.as_str())).is_ok());
        let once = formatted(&text);
        prop_assert_eq!(formatted(&once), once.clone());
        let mut wanted = tokens::cut(&text);
        rewrite::rewrite(&mut wanted);
        let got = tokens::cut(&once);
        prop_assert_eq!(texts(&got), texts(&wanted));
    }
}
