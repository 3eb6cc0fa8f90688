//! Mistakes that people make often, recognised by the line on which the parser gave up. The parser knows only what it would
//! have taken next; here stands what was meant.

use std::ops::Range;

/// A mistake: where it is, what it is, and what to do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Usual {
    /// Bytes of the text.
    pub at: Range<usize>,
    pub summary: &'static str,
    pub label: &'static str,
    pub help: String,
}

/// The first rule that fits.
pub(super) fn usual(text: &str, at: usize, message: &str) -> Option<Usual> {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let place = Place {
        text,
        at,
        message,
        start,
        line,
    };
    RULES.iter().find_map(|rule| rule(&place))
}

/// Where the parser gave up.
struct Place<'a> {
    text: &'a str,
    at: usize,
    message: &'a str,
    /// Where the line begins.
    start: usize,
    line: &'a str,
}

const RULES: &[fn(&Place<'_>) -> Option<Usual>] = &[
    merge_conflict,
    json,
    markup,
    typographic_quotes,
    single_quotes,
    quoted_name,
    name_with_digit,
    two_equals,
    thin_arrow,
    heredoc,
    directive,
    bare_interpolation,
    empty_interpolation,
    shell_variable,
    no_name_behind_dot,
    several_lines,
    words,
    comma_behind,
    list,
    call,
    conditional,
    every,
    labelled_argument,
    brace_apart,
];

impl<'a> Place<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn before(&self) -> &'a str {
        &self.text[self.start..self.at.max(self.start)]
    }

    fn trimmed(&self) -> &'a str {
        self.line.trim()
    }

    /// Where the text of the line begins.
    fn first(&self) -> usize {
        self.start + (self.line.len() - self.line.trim_start().len())
    }

    /// Whether the next line that is not empty is indented further, or begins with a brace.
    fn goes_deeper(&self) -> bool {
        let behind = self.text[self.start..].lines().skip(1);
        let depth = |line: &str| line.len() - line.trim_start().len();
        let mut lines = behind.filter(|line| !line.trim().is_empty());
        lines
            .next()
            .is_some_and(|next| depth(next) > depth(self.line) || next.trim_start().starts_with('{'))
    }

    fn expects(&self, what: &str) -> bool {
        self.message.contains(what)
    }

    fn here(&self, summary: &'static str, label: &'static str, help: impl Into<String>) -> Option<Usual> {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let length = self.rest().find(|c| !word(c)).unwrap_or(self.rest().len());
        let length = length.max(self.rest().chars().next().map_or(0, char::len_utf8));
        self.at(self.at, length, summary, label, help)
    }

    fn at(
        &self,
        at: usize,
        length: usize,
        summary: &'static str,
        label: &'static str,
        help: impl Into<String>,
    ) -> Option<Usual> {
        let length = if self.text[at..].starts_with('\n') { 0 } else { length };
        Some(Usual {
            at: at..at + length,
            summary,
            label,
            help: help.into(),
        })
    }
}

/// `<<<<<<< HEAD`, which version control left.
fn merge_conflict(place: &Place<'_>) -> Option<Usual> {
    let marks = ["<<<<<<< ", ">>>>>>> "];
    let is_mark = marks.iter().any(|mark| place.line.starts_with(mark)) || place.line == "=======";
    is_mark.then(|| Usual {
        at: place.start..place.start + place.line.len(),
        summary: "a merge conflict is not resolved",
        label: "this is a mark of version control",
        help: "choose one of the two sides and remove the marks".to_owned(),
    })
}

fn json(place: &Place<'_>) -> Option<Usual> {
    let whole = place.text.trim_start();
    (whole.starts_with('{') && place.text[..place.at].trim().is_empty())
        .then(|| place.here("this is JSON", "", "a module in JSON is called *.bake.json"))?
}

fn markup(place: &Place<'_>) -> Option<Usual> {
    let wrong = ["<!--", "--", ";"].iter().any(|mark| place.trimmed().starts_with(mark));
    wrong.then(|| {
        place.at(
            place.first(),
            1,
            "neither an argument nor a block",
            "",
            "a comment begins with #",
        )
    })?
}

fn typographic_quotes(place: &Place<'_>) -> Option<Usual> {
    let quote = place.rest().chars().next().filter(|c| "“”„‘’«»".contains(*c))?;
    place.at(
        place.at,
        quote.len_utf8(),
        "a text stands in double quotes",
        "these are typographic ones",
        "write \"...\"",
    )
}

fn single_quotes(place: &Place<'_>) -> Option<Usual> {
    let inside = place.rest().strip_prefix('\'')?;
    let text = inside.split(['\'', '\n']).next().unwrap_or_default();
    place.at(
        place.at,
        text.len() + 2,
        "a text stands in double quotes",
        "",
        format!("write \"{text}\""),
    )
}

fn quoted_name(place: &Place<'_>) -> Option<Usual> {
    let inside = place.trimmed().strip_prefix('"')?;
    let name = inside.split('"').next()?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "_-".contains(c));
    let behind = inside[name.len()..].strip_prefix('"').is_some_and(|rest| {
        let rest = rest.trim_start();
        rest.starts_with(['=', '{', ':', '"'])
    });
    (is_name && behind && place.at <= place.first() + name.len() + 2).then(|| {
        let summary = "the name of an argument or block has no quotes";
        place.at(place.first(), name.len() + 2, summary, "", format!("write {name}"))
    })?
}

fn name_with_digit(place: &Place<'_>) -> Option<Usual> {
    let name = place.trimmed().split([' ', '=']).next()?;
    let digit = name.starts_with(|c: char| c.is_ascii_digit()) && place.at <= place.first() + name.len();
    let named = digit && place.trimmed()[name.len()..].trim_start().starts_with(['=', '{']);
    named.then(|| {
        place.at(
            place.first(),
            name.len(),
            "a name cannot begin with a digit",
            "",
            "begin it with a letter or _",
        )
    })?
}

fn two_equals(place: &Place<'_>) -> Option<Usual> {
    let name = place.trimmed().split(' ').next()?;
    let behind = place.trimmed()[name.len()..].trim_start().strip_prefix("==")?;
    let at = place.start + place.line.find("==")?;
    (place.at <= at + 2).then(|| {
        place.at(
            at,
            2,
            "one = gives an argument its value, == compares",
            "",
            format!("write {name} = {}", behind.trim()),
        )
    })?
}

fn thin_arrow(place: &Place<'_>) -> Option<Usual> {
    let dash = place.before().ends_with('-') && place.rest().starts_with('>');
    let at = if dash { place.at - 1 } else { place.at };
    place.text[at..].starts_with("->").then(|| {
        let help = "write key = value in an object, and for ... : key => value in a for expression";
        place.at(at, 2, "-> stands nowhere in HCL", "", help)
    })?
}

fn heredoc(place: &Place<'_>) -> Option<Usual> {
    let opening = place.before().rfind("<<")?;
    let behind = place.before()[opening + 2..].trim_start_matches('-');
    let at = place.start + opening;
    if behind.is_empty() && place.expects("identifier") {
        let summary = "the marker of a heredoc follows << at once, and has no quotes";
        return place.at(at, place.line.len() - opening, summary, "", "write <<EOT or <<-EOT");
    }
    let word = !behind.is_empty() && behind.chars().all(|c| c.is_alphanumeric() || c == '_');
    (word && place.expects("newline")).then(|| {
        let help = format!("end the line behind {behind}");
        place.here("the text of a heredoc begins on the next line", "", help)
    })?
}

fn directive(place: &Place<'_>) -> Option<Usual> {
    let count = |word: &str| {
        let words = place.line.split("%{").skip(1);
        words
            .filter(|inner| inner.trim_start_matches('~').trim_start().starts_with(word))
            .count()
    };
    let (opened, closed) = (count("if ") + count("for "), count("endif") + count("endfor"));
    let at = place.line.find("%{").filter(|_| opened > closed)?;
    let length = place.line[at..].find('}').map_or(2, |end| end + 1);
    let help = "every %{ if } needs its %{ endif }, every %{ for } its %{ endfor }";
    place.at(
        place.start + at,
        length,
        "a directive in this text is not complete",
        "it has no end",
        help,
    )
}

fn bare_interpolation(place: &Place<'_>) -> Option<Usual> {
    let inside = place.rest().strip_prefix("${")?.split(['}', '\n']).next()?.trim();
    let help = format!("write {inside}");
    place.at(
        place.at,
        inside.len() + 3,
        "${ } is for references inside of a text",
        "this one is outside",
        help,
    )
}

fn empty_interpolation(place: &Place<'_>) -> Option<Usual> {
    let opening = place.before().trim_end();
    (opening.ends_with("${") && place.rest().trim_start().starts_with('}')).then(|| {
        let at = place.start + opening.len() - 2;
        place.at(
            at,
            place.at + 1 - at,
            "there is nothing in this ${ }",
            "",
            "write $${ where ${ is meant as it stands",
        )
    })?
}

fn shell_variable(place: &Place<'_>) -> Option<Usual> {
    let opening = place.before().rfind("${").filter(|_| place.expects("`}`"))?;
    let end = place.line[opening..]
        .find('}')
        .map_or(place.line.len(), |end| opening + end + 1);
    let written = &place.line[opening..end];
    let help = format!(
        "for a variable of the shell write $${}",
        written.trim_start_matches('$')
    );
    place.at(
        place.start + opening,
        written.len(),
        "this ${ } holds no expression",
        "",
        help,
    )
}

fn no_name_behind_dot(place: &Place<'_>) -> Option<Usual> {
    let before = place.text[..place.at].trim_end();
    (place.expects("traversal") && before.ends_with('.')).then(|| {
        place.at(
            before.len() - 1,
            1,
            "a name is missing behind the dot",
            "",
            "write NAME.NAME, or leave the dot out",
        )
    })?
}

/// An expression that goes on in the next line without brackets around it.
fn several_lines(place: &Place<'_>) -> Option<Usual> {
    const OPERATORS: &[&str] = &[
        "&&", "||", "==", "!=", "<=", ">=", "<", ">", "+", "-", "*", "/", "%", "?", ":",
    ];
    let help = "put ( ) around an expression of several lines";
    let trailing = place.before().trim_end();
    let ends = OPERATORS.iter().find(|operator| trailing.ends_with(**operator));
    if let (Some(operator), true) = (
        ends,
        place.rest().trim_start_matches([' ', '\t', '\r']).starts_with('\n'),
    ) {
        let at = place.start + trailing.len() - operator.len();
        return place.at(
            at,
            operator.len(),
            "an expression ends with its line",
            "it goes on behind this",
            help,
        );
    }
    let begins = OPERATORS
        .iter()
        .find(|operator| place.trimmed().starts_with(**operator))?;
    (place.at <= place.first() + begins.len()).then(|| {
        place.at(
            place.first(),
            begins.len(),
            "an expression ends with its line",
            "it goes on here",
            help,
        )
    })?
}

/// A text without quotes.
fn words(place: &Place<'_>) -> Option<Usual> {
    let (name, value) = place.line.split_once('=')?;
    let value = value.split(" #").next().unwrap_or_default().trim();
    let behind = place.at > place.start + name.len();
    if !behind || value.contains(['"', '{', '[', '(']) && !place.rest().starts_with('/') {
        return None;
    }
    if place.expects("newline or eof") {
        if place.rest().lines().next().is_some_and(|rest| rest.contains('=')) {
            return None; // another argument, on the same line
        }
        return match value.split(' ').collect::<Vec<_>>()[..] {
            ["if", ..] => place.here("there is no if in expressions", "", "write CONDITION ? THEN : ELSE"),
            [_, "and", ..] => place.here("there is no operator \"and\"", "", "write &&"),
            [_, "or", ..] => place.here("there is no operator \"or\"", "", "write ||"),
            _ if place
                .rest()
                .starts_with(|c: char| c.is_alphanumeric() || "_:.@/$%".contains(c))
                && !is_exponent(place) =>
            {
                place.here(
                    "a text stands in double quotes",
                    "the value ends before this",
                    quoted(name, value),
                )
            }
            _ => None,
        };
    }
    let path = place.rest().starts_with(['/', '~']) && place.expects("expression");
    let text = place.rest().split([',', ')', ' ', '\n']).next().unwrap_or_default();
    path.then(|| {
        place.at(
            place.at,
            text.len(),
            "a text stands in double quotes",
            "",
            format!("write \"{text}\""),
        )
    })?
}

fn quoted(name: &str, value: &str) -> String {
    format!("write {} = \"{value}\"", name.trim())
}

/// `1e999`, of which the parser says the same.
fn is_exponent(place: &Place<'_>) -> bool {
    let digits = place.rest().get(1..).unwrap_or_default();
    place.rest().starts_with(['e', 'E']) && digits.starts_with(|c: char| c.is_ascii_digit() || c == '-' || c == '+')
}

fn comma_behind(place: &Place<'_>) -> Option<Usual> {
    let comma = place.rest().starts_with(',') && place.expects("newline or eof");
    comma.then(|| place.here("there is no comma between arguments", "", "a new line ends an argument"))?
}

fn list(place: &Place<'_>) -> Option<Usual> {
    if !place.expects("`]`") {
        return None;
    }
    let inside_text = place.before().ends_with('"') && place.rest().starts_with(|c: char| c.is_alphanumeric());
    match inside_text {
        true => place.here(
            "a quote is missing, or one too many",
            "a text ended before this",
            "write \\\" for a quote in a text",
        ),
        false => place.here(
            "a comma is missing in a list",
            "before this",
            "elements are parted by commas, also over several lines",
        ),
    }
}

fn call(place: &Place<'_>) -> Option<Usual> {
    place.expects("`)`").then(|| {
        let help = "arguments of a function are parted by commas, and a ) stands behind the last";
        place.here("a comma or ) is missing", "before this", help)
    })?
}

fn conditional(place: &Place<'_>) -> Option<Usual> {
    let missing = place.expects("`:`") && place.before().contains('?') && !place.before().contains("for ");
    missing.then(|| {
        place.here(
            "the other half of a conditional is missing",
            "",
            "write CONDITION ? THEN : ELSE",
        )
    })?
}

fn every(place: &Place<'_>) -> Option<Usual> {
    let wrong = (place.expects("`:`") || place.expects("`in`")) && place.before().contains("for ");
    let help = "write [for x in list : x], or {for k, v in map : k => v}";
    wrong.then(|| place.here("this for expression is not complete", "", help))?
}

/// `volume "root" = {`
fn labelled_argument(place: &Place<'_>) -> Option<Usual> {
    let header = place.before().trim();
    (header.ends_with('"') && place.rest().starts_with('=') && place.trimmed().ends_with('{'))
        .then(|| place.here("a block has no =", "", format!("write {header} {{")))?
}

/// A header without its brace, or with the brace on the next line.
fn brace_apart(place: &Place<'_>) -> Option<Usual> {
    let header = place.trimmed().trim_end_matches(':');
    let ends = place
        .rest()
        .trim_start_matches([':', ' ', '\t', '\r'])
        .starts_with('\n')
        || place.rest().is_empty();
    let mut words = header.split(' ').filter(|word| !word.is_empty());
    let name = words
        .next()
        .is_some_and(|word| word.chars().all(|c| c.is_alphanumeric() || "_-".contains(c)));
    let labels = words.all(|word| word.len() > 1 && word.starts_with('"') && word.ends_with('"'));
    let structure =
        place.expects("expected `{`") || place.expects("invalid structure") || place.expects("invalid attribute");
    (name && labels && ends && structure && place.goes_deeper()).then(|| {
        let at = place.start + place.line.trim_end().len();
        place.at(
            at,
            0,
            "a block is missing its {",
            "it stands on this line",
            format!("write {header} {{"),
        )
    })?
}
