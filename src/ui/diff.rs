//! Two texts, line by line and word by word: what went, what came, and a little of what stands around it.

use similar::{ChangeTag, TextDiff};

use super::plan::page::{Line, Number, Part};
use super::printable::clean;

/// Lines of context before and after a change.
const CONTEXT: usize = 2;

/// The lines that differ, each with its number in the text that it is from; words that differ are marked where lines
/// stand for each other.
pub fn lines(before: &str, after: &str, depth: usize) -> Vec<Line> {
    let diff = TextDiff::from_lines(before, after);
    let last = before.lines().count().max(after.lines().count());
    let width = last.to_string().len().max(2);
    let mut lines = Vec::new();
    for (index, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if index > 0 {
            lines.push(numbered(depth, "", Number { line: 0, width }, Vec::new()));
        }
        for change in group.iter().flat_map(|operation| diff.iter_inline_changes(operation)) {
            let (sign, at) = match change.tag() {
                ChangeTag::Delete => ("-", change.old_index()),
                ChangeTag::Insert => ("+", change.new_index()),
                ChangeTag::Equal => ("", change.new_index()),
            };
            let line = at.map_or(0, |at| at + 1);
            let pieces = change
                .values()
                .iter()
                .map(|(marked, text)| part(text, *marked && !sign.is_empty()));
            lines.push(numbered(depth, sign, Number { line, width }, pieces.collect()));
        }
    }
    lines
}

fn part(text: &str, marked: bool) -> Part {
    Part {
        text: clean(text.trim_end_matches(['\n', '\r'])).into_owned(),
        marked,
    }
}

fn numbered(depth: usize, sign: &'static str, number: Number, parts: Vec<Part>) -> Line {
    Line {
        number: Some(number),
        parts,
        ..Line::new(depth, sign, "")
    }
}

/// The change of a file, as diff -u shows it and patch(1) takes it.
pub fn unified(name: &str, before: &str, after: &str) -> String {
    let diff = TextDiff::from_lines(before, after);
    let mut unified = diff.unified_diff();
    unified
        .header(&format!("old/{name}"), &format!("new/{name}"))
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(before: &str, after: &str) -> String {
        lines(before, after, 0)
            .iter()
            .map(|line| line.drawn().trim_start().to_owned() + "\n")
            .collect()
    }

    #[test]
    fn words_that_differ_are_marked() {
        let all = lines("apt-get install nginx\n", "apt-get install nginx=1.22\n", 0);
        let marked: Vec<&str> = all
            .iter()
            .flat_map(|line| &line.parts)
            .filter(|part| part.marked)
            .map(|part| part.text.as_str())
            .collect();
        assert_eq!(marked, ["nginx", "nginx=1.22"]);
    }

    #[test]
    fn a_changed_line_stands_between_its_neighbours() {
        let before = "1\n2\n3\n4\n5\n6\n7\n8\n";
        let after = "1\n2\n3\nfour\n5\n6\n7\n8\n";
        assert_eq!(drawn(before, after), "2   2\n3   3\n4 - 4\n4 + four\n5   5\n6   6\n");
    }

    #[test]
    fn far_changes_are_shown_apart() {
        let before: String = (1..=30).map(|n| format!("{n}\n")).collect();
        let after = before.replace("2\n3\n", "2\nthree\n").replace("28\n", "");
        let shown = drawn(&before, &after);
        assert!(shown.contains("...") && !shown.contains("15"), "{shown}");
    }
}
