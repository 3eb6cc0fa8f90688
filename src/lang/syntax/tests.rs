use super::*;
use crate::diagnostic::Diagnostics;
use crate::source::Source;

fn errors(text: &str) -> Diagnostics {
    parse(&Source::new("a.hcl", text)).expect_err(text)
}

/// What the first error says, and where.
fn first(text: &str) -> (String, String) {
    let errors = errors(text);
    let first = errors.iter().next().expect("an error");
    (first.summary.clone(), first.labels[0].span.to_string())
}

#[test]
fn what_cannot_be_read_is_explained() {
    let cases = [
        ("a = \"abc\nb = 1\n", "a text has no closing quote", "a.hcl:1:5"),
        (
            "x = 1\na = <<EOT\nfoo\nb = 1\n",
            "the heredoc EOT has no end",
            "a.hcl:2:5",
        ),
        ("a = 1\n/* foo\na = 1\n", "a comment has no end", "a.hcl:2:1"),
        ("a = [1,\nb = 2\n", "[ has no closing ]", "a.hcl:1:5"),
        ("image \"x\" {\n  a = 1\n", "{ has no closing }", "a.hcl:1:11"),
        ("a = foo(1, 2\nb = 3\n", "( has no closing )", "a.hcl:1:8"),
        ("a = [1, 2)\n", ") where ] is expected", "a.hcl:1:10"),
        ("a = 1\n}\n", "} closes nothing", "a.hcl:2:1"),
        ("a = 1 b = 2\n", "a new line is missing", "a.hcl:1:7"),
        ("a = 1;\n", "there are no semicolons", "a.hcl:1:6"),
        ("size 1\n", "neither an argument nor a block", "a.hcl:1:6"),
        (
            "i {\n  size \"8GiB\"\n}\n",
            "neither an argument nor a block",
            "a.hcl:2:14",
        ),
        ("a: 1\n", "neither an argument nor a block", "a.hcl:1:2"),
        ("a = 1\na = 2\n", "argument \"a\" is written twice", "a.hcl:2:1"),
        ("x = { a = 1, a = 2 }\n", "key \"a\" is written twice", "a.hcl:1:14"),
        (
            "a { b = 1, c = 2 }\n",
            "a block on one line holds one argument at most",
            "a.hcl:1:10",
        ),
        (
            "a { b {} }\n",
            "a block on one line holds one argument, and no block",
            "a.hcl:1:7",
        ),
        ("a =\nb = 2\n", "a value is missing", "a.hcl:1:4"),
        ("a = 'x'\n", "a text stands in double quotes", "a.hcl:1:5"),
        ("a = @\n", "this is no value", "a.hcl:1:5"),
        (
            "\"a\" = 1\n",
            "the name of an argument or block has no quotes",
            "a.hcl:1:1",
        ),
        (
            "image \"x ${y}\" {\n}\n",
            "a label is a plain text, without ${ }",
            "a.hcl:1:7",
        ),
        (
            "a = \"%{ if x }\"\n",
            "a directive in this text is not complete",
            "a.hcl:1:6",
        ),
        ("a = \"x\\q\"\n", "an unknown escape in a quoted text", "a.hcl:1:9"),
        ("a = \"${\"x\ny\"}\"\n", "a line break in a quoted text", "a.hcl:1:8"),
        ("a = x.0.1\n", "two indexes without brackets in a row", "a.hcl:1:5"),
        ("a = { x.y = 1 }\n", "it is not clear what this key means", "a.hcl:1:7"),
    ];
    for (text, summary, place) in cases {
        assert_eq!(first(text), (summary.to_owned(), place.to_owned()), "{text}");
    }
}

#[test]
fn an_empty_heredoc_swallows_nothing() {
    let text = "a = <<EOT\nEOT\nb = 1\nc = <<EOT\nx\nEOT\n";
    assert_eq!(
        first(text).0,
        "an empty heredoc whose marker is used again further down"
    );
    let body = parse(&Source::new("a.hcl", "a = <<EOT\nEOT\nb = 1\n")).unwrap();
    assert_eq!(body.attributes[0].value.kind, ExpressionKind::Value("".into()));
    assert_eq!(body.attributes.len(), 2);
}

#[test]
fn places_survive_a_byte_order_mark_and_dos_line_ends() {
    let body = parse(&Source::new(
        "a.hcl",
        "\u{feff}a = 1\r\nb \"x\" {\r\n  c = \"d\"\r\n}\r\n",
    ))
    .unwrap();
    assert_eq!(body.attributes[0].name.span.text(), "a");
    let block = &body.blocks[0];
    assert_eq!((block.span.text(), block.labels[0].span.text()), ("b \"x\"", "\"x\""));
    assert_eq!(block.body.attributes[0].value.span.to_string(), "a.hcl:3:7");
    assert_eq!(block.whole.end().line, 4);
}

#[test]
fn references_are_found_without_variables_of_for() {
    let text = "var.x.y[0][\"k\"] + [for x in local.all : x.name if var.on == x][var.z].a + image.web[each.key].id";
    let expression = parse_expression(&Source::new("a.hcl", text)).unwrap();
    let all: Vec<String> = expression.references().iter().map(Reference::to_string).collect();
    assert_eq!(
        all,
        [
            "var.x.y[0][\"k\"]",
            "local.all",
            "var.on",
            "var.z",
            "image.web",
            "each.key"
        ]
    );
    let reference = &expression.references()[0];
    let parts: Vec<&str> = reference.parts.iter().map(|part| part.span.text()).collect();
    assert_eq!(parts, ["var", "x", "y", "[0]", "[\"k\"]"]);
}

#[test]
fn deep_nesting_is_an_error() {
    let deep = [
        format!("a = {}1\n", "!".repeat(200_000)),
        format!("a = {}1{}\n", "(".repeat(10_000), ")".repeat(10_000)),
        format!("a = {}1{}\n", "[".repeat(10_000), "]".repeat(10_000)),
        format!("a = x{}\n", ".a".repeat(10_000)),
        format!("a = x{}\n", "[0]".repeat(10_000)),
        format!("a = 1{}\n", " + 1".repeat(10_000)),
        format!("a = {}1\n", "true ? 1 : ".repeat(10_000)),
        format!("{}{}", "a {\n".repeat(10_000), "}\n".repeat(10_000)),
        format!("a = {}x{}\n", "\"${".repeat(1_000), "}\"".repeat(1_000)),
        format!("a = {}1{}\n", "upper(".repeat(10_000), ")".repeat(10_000)),
    ];
    for text in deep {
        assert!(errors(&text).has_errors());
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "[a-c =\\[\\](){}\"$%~<>EOT\\-\n\\\\.,:?!&|*+0-9if for in éx#/\\r\t]{0,80}") {
        let _ = parse(&Source::new("a.hcl", text.clone()));
        let _ = parse_expression(&Source::new("a.hcl", text.clone()));
        let _ = parse_template(&Source::new("a.hcl", text));
    }

    #[test]
    fn nor_do_unusual_characters(text in "\\PC{0,60}") {
        let _ = parse(&Source::new("a.hcl", text.clone()));
        let _ = parse_template(&Source::new("a.hcl", text));
    }

    #[test]
    fn pieces_of_hcl_are_read_or_refused(pieces in proptest::collection::vec(proptest::sample::select(&[
        "a = ", "\"", "${", "}", "%{ if x }", "%{ endif }", "%{ for x in y ~}", "%{ endfor }", "<<EOT\n", "<<-EOT\n", "EOT\n",
        "\n", "  ", "[", "]", "{", "(", ")", "x.y", "[*]", ".*", "1", "-", "b \"c\" {\n", "}\n", "for x in y :", "=>", "...", "?",
        ":", ",", "null", "$${", "~", "é", "\\n", "/*", "*/", "# c\n", "\r\n", "\u{feff}",
    ][..]), 0..24)) {
        let text = pieces.concat();
        if let Ok(body) = parse(&Source::new("a.hcl", text.clone())) {
            for one in &body.attributes {
                let _ = crate::lang::evaluate(&one.value, &crate::lang::Scope::new(&crate::lang::Nothing));
            }
        }
    }
}
