use crate::address::Address;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::describe::inline;
use crate::lang::{Reference, Resolver, Scope, Term, Type, Value, evaluate, parse_expression, print};
use crate::source::Source;

/// `build.NAME` is an unknown text, `ids` an unknown list of texts, `any` unknown altogether, `secret` a secret.
struct World;

impl Resolver for World {
    fn resolve(&self, reference: &Reference) -> Result<(Value, usize), Diagnostic> {
        let term = |attribute: &str| Term::Output {
            of: device(),
            attribute: attribute.to_owned(),
        };
        match reference.root() {
            "build" => {
                let name = reference.name(1).unwrap_or("device");
                Ok((Value::unknown(Type::String, term(name)), 2))
            }
            "ids" => Ok((Value::unknown(Type::list(Type::String), term("ids")), 1)),
            "any" => Ok((Value::unknown(Type::Any, term("any")), 1)),
            "secret" => Ok((Value::from("hunter2").sensitive(), 1)),
            "three" => Ok((3_i64.into(), 1)),
            _ => Err(Diagnostic::error(format!("nothing is called {reference}")).at(&reference.span)),
        }
    }
}

fn device() -> Address {
    "image.web.attachment[\"root\"]".parse().expect("an address")
}

fn outputs(_: &Address, attribute: &str) -> Option<Value> {
    match attribute {
        "device" => Some("/dev/sdx".into()),
        "ids" => Some(Value::list(Type::String, vec!["b".into(), "a".into()])),
        "any" => Some(Value::from(vec![1_i64.into(), 2_i64.into()])),
        _ => None,
    }
}

fn value(text: &str) -> Result<Value, Diagnostics> {
    let expression = parse_expression(&Source::new("a.hcl", text))?;
    evaluate(&expression, &Scope::new(&World))
}

fn known(text: &str) -> Value {
    value(text).unwrap_or_else(|errors| panic!("{text}: {errors:?}"))
}

#[test]
fn what_is_unknown_is_computed_later() {
    let cases = [
        ("build.device", "\"/dev/sdx\""),
        ("\"${build.device}${three}\"", "\"/dev/sdx3\""),
        (
            "\"%{ if build.device == \"\" }none%{ else }some%{ endif }\"",
            "\"some\"",
        ),
        ("\"%{ for x in ids }${x}-%{ endfor }\"", "\"b-a-\""),
        ("upper(build.device)", "\"/DEV/SDX\""),
        ("length(ids) + three", "5"),
        ("ids[0]", "\"b\""),
        ("ids[length(ids) - 1]", "\"a\""),
        ("any[*]", "[\n  1,\n  2,\n]"),
        (
            "[for i, x in ids : \"${i}${x}${three}\" if x != \"a\"]",
            "[\n  \"0b3\",\n]",
        ),
        ("{ for x in ids : x => [for y in any : y * three] }[\"a\"][1]", "6"),
        ("join(\",\", sort(ids))", "\"a,b\""),
        ("max(any...)", "2"),
        ("build.device == \"\" ? 1 : \"x\"", "\"x\""),
        ("!(build.device == \"/dev/sdx\")", "false"),
        ("-length(ids)", "-2"),
        ("{ (build.device) = 1 }", "{\n  \"/dev/sdx\" = 1\n}"),
        ("[build.device, 1]", "[\n  \"/dev/sdx\",\n  1,\n]"),
        (
            "tolist([build.device, \"a\"])",
            "tolist([\n  \"/dev/sdx\",\n  \"a\",\n])",
        ),
        ("toset([build.device, \"/dev/sdx\"])", "toset([\n  \"/dev/sdx\",\n])"),
        ("merge({ a = 1 }, { b = build.device }).b", "\"/dev/sdx\""),
        ("jsonencode({ a = build.device })", "\"{\\\"a\\\":\\\"/dev/sdx\\\"}\""),
        ("format(\"%s-%d\", build.device, length(ids))", "\"/dev/sdx-2\""),
        ("flatten([[build.device], [\"x\"]])", "[\n  \"/dev/sdx\",\n  \"x\",\n]"),
        ("contains([\"x\", build.device], \"/dev/sdx\")", "true"),
        ("lookup({ a = build.device }, \"a\", \"d\")", "\"/dev/sdx\""),
        ("try(build.device, \"x\")", "\"/dev/sdx\""),
        ("tonumber(length(ids)) + 0.5", "2.5"),
    ];
    for (text, expected) in cases {
        let open = known(text);
        assert!(!open.is_wholly_known(), "{text} is known too early: {}", print(&open));
        let written = serde_json::to_string(&open).expect("values can be written down");
        let back: Value = serde_json::from_str(&written).expect("and read");
        assert_eq!(back, open, "{written}");
        assert_eq!(back.leaves().len(), open.leaves().len());
        let resolved = back
            .resolve(&outputs)
            .unwrap_or_else(|error| panic!("{text}: {error:?}"));
        assert_eq!(print(&resolved), expected, "{text}");
    }
}

#[test]
fn what_is_known_does_not_wait() {
    assert_eq!(known("[build.device, 1][1]"), Value::from(1_i64));
    assert_eq!(known("length([build.device, 1])"), Value::from(2_i64));
    assert_eq!(known("false && build.device == \"\""), Value::from(false));
    assert_eq!(known("keys({ a = build.device })[0]"), Value::from("a"));
    assert_eq!(known("contains([\"x\", build.device], \"x\")"), Value::from(true));
    assert_eq!(known("true ? 1 : length(ids)"), Value::from(1_i64));
}

#[test]
fn an_unknown_knows_its_type_and_what_it_waits_for() {
    assert_eq!(known("length(ids)").type_of(), Type::Number);
    assert_eq!(known("ids[0]").type_of(), Type::String);
    assert_eq!(known("ids[*]").type_of(), Type::list(Type::String));
    assert_eq!(known("build.a == \"\" ? 1 : \"x\"").type_of(), Type::String);
    let leaves: Vec<String> = known("\"${build.b}${build.a}${build.b}\"")
        .leaves()
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    assert_eq!(leaves, ["a", "b"]);
    assert_eq!(
        inline(&known("upper(build.a)")),
        "(known after image.web.attachment[\"root\"].a)"
    );
}

#[test]
fn files_are_not_read_at_apply() {
    for text in [
        "file(build.device)",
        "[for x in ids : file(x)]",
        "fileexists(\"/x${build.device}\")",
    ] {
        let errors = value(text).expect_err(text);
        assert!(
            errors
                .iter()
                .next()
                .expect("an error")
                .summary
                .contains("known when planning"),
            "{text}"
        );
    }
}

#[test]
fn terms_cannot_grow_without_end() {
    let mut value = known("build.device");
    let mut steps = 0;
    let errors = loop {
        let parts = crate::lang::ExpressionKind::Template(vec![super::held(&value), super::held(&value)]);
        match super::unknown(Type::String, parts, &crate::source::Span::nowhere()) {
            Ok(next) => value = next,
            Err(errors) => break errors,
        }
        steps += 1;
        assert!(steps < 200);
    };
    assert!(errors.has_errors());
}

#[test]
fn independent_errors_are_all_found() {
    let errors = value("[missing, upper([]), three + \"x\", { a = gone }]").expect_err("four errors");
    let places: Vec<String> = errors.iter().map(|one| one.labels[0].span.to_string()).collect();
    assert_eq!(places, ["a.hcl:1:2", "a.hcl:1:17", "a.hcl:1:30", "a.hcl:1:41"]);
}

#[test]
fn errors_do_not_tell_secrets() {
    for text in [
        "secret + 1",
        "tonumber(secret)",
        "upper([secret])",
        "[1][secret]",
        "{ a = 1 }[secret]",
        "regex(secret, \"x\")",
        "secret ? 1 : 2",
        "secret.x",
        "format(secret, 1)",
        "lookup({}, secret)",
        "jsondecode(secret)",
        "try(tonumber(secret))",
        "merge(secret)",
        "range(secret)",
        "[for x in secret : x]",
        "{ for x in [secret, secret] : x => 1 }",
        "!secret",
        "{ (secret) = 1 }.x",
        "tobool(secret)",
        "convert(secret)",
        "\"x${[secret]}\"",
        "tomap({ a = secret, b = [] })",
        "file(secret)",
        "element([1], secret)",
        "sensitive([\"hunter2\"]) + 1",
        "tomap(sensitive({ hunter2 = [1], b = 2 }))",
        "tonumber([secret][0])",
        "max(sensitive([\"hunter2\"])...)",
        "join(\",\", sensitive([[\"hunter2\"]]))",
        "sensitive({ hunter2 = 1 }).b",
        "sensitive({ hunter2 = 1 })[\"b\"]",
        "true ? tonumber(secret) : 1",
        "[for x in sensitive([\"hunter2\"]) : x + 1]",
        "sensitive([\"hunter2\"])[*] + 1",
        "[for x in sensitive([\"hunter2\"]) : x.y]",
    ] {
        let errors = value(text).expect_err(text);
        let said = serde_json::to_string(&errors).expect("errors can be written down");
        assert!(!said.contains("hunter2"), "{text}: {said}");
    }
}

#[test]
fn unknown_functions_are_suggested() {
    let errors = value("uper(\"x\")").expect_err("no such function");
    assert_eq!(
        errors.iter().next().expect("an error").labels[0].text,
        "did you mean \"upper\"?"
    );
}
