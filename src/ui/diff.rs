//! Two texts, line by line: what went, what came, and a little of what stands around it.

use similar::{ChangeTag, TextDiff};

use super::paint::{self, ADDED, GONE};

/// Lines of context before and after a change.
const CONTEXT: usize = 2;

/// The lines that differ, each with its number in the text that it is from, indented by so many blanks.
pub fn lines(before: &str, after: &str, indent: usize) -> String {
    let diff = TextDiff::from_lines(before, after);
    let last = before.lines().count().max(after.lines().count());
    let width = last.to_string().len().max(2);
    let mut text = String::new();
    for (index, group) in diff.grouped_ops(CONTEXT).iter().enumerate() {
        if index > 0 {
            text.push_str(&format!("{:indent$}{:>width$}\n", "", "..."));
        }
        for change in group.iter().flat_map(|operation| diff.iter_changes(operation)) {
            let (sign, style, at) = match change.tag() {
                ChangeTag::Delete => ('-', Some(GONE), change.old_index()),
                ChangeTag::Insert => ('+', Some(ADDED), change.new_index()),
                ChangeTag::Equal => (' ', None, change.new_index()),
            };
            let number = at.map_or(0, |at| at + 1);
            let line = change.value().trim_end_matches(['\n', '\r']);
            let line = format!("{number:>width$} {sign} {}", super::printable::clean(line));
            let line = line.trim_end();
            text.push_str(&format!(
                "{:indent$}{}\n",
                "",
                style.map_or(line.to_owned(), |style| paint::with(style, line))
            ));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_line_stands_between_its_neighbours() {
        let before = "1\n2\n3\n4\n5\n6\n7\n8\n";
        let after = "1\n2\n3\nfour\n5\n6\n7\n8\n";
        let shown = anstream::adapter::strip_str(&lines(before, after, 2)).to_string();
        assert_eq!(shown, "   2   2\n   3   3\n   4 - 4\n   4 + four\n   5   5\n   6   6\n");
    }

    #[test]
    fn far_changes_are_shown_apart() {
        let before: String = (1..=30).map(|n| format!("{n}\n")).collect();
        let after = before.replace("2\n3\n", "2\nthree\n").replace("28\n", "");
        let shown = lines(&before, &after, 0);
        assert!(shown.contains("...") && !shown.contains("15"), "{shown}");
    }
}
