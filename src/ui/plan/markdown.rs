//! A plan as Markdown for a comment: the count first, then a part per image that can be folded, what cannot be taken back
//! first and open.
//!
//! Whatever comes from elsewhere stands in code, in a fence longer than any in it or between escaped tags: there it is no
//! markup, no mention, and no link.

use super::page::{Block, Page};
use crate::plan::{Action, Mode, Plan};

/// What GitHub takes as the text of a comment, in characters.
pub const LONGEST: usize = 65_536;

/// By which a later run finds the comment of an earlier one.
pub const MARK: &str = "<!-- bake plan -->";

/// Kept free for the note that something was left out.
const NOTE: usize = 400;

/// The text, at most so many characters long ([`LONGEST`]); what is left out is said.
pub fn markdown(plan: &Plan, longest: usize) -> String {
    let page = Page::of(plan);
    let mut text = format!("{MARK}\n### bake: {}\n\n", headline(plan, &page));
    let room = longest.saturating_sub(NOTE);
    let head = page.head.iter().map(|line| cut(line, 2_000)).collect::<Vec<_>>();
    text.push_str(&fenced("text", &head));
    let mut blocks: Vec<(&Block, &str)> = page.images.iter().map(|block| (block, "")).collect();
    blocks.sort_by_key(|(block, _)| risk(block));
    let drift = page.drift.iter().map(|block| (block, "drift: "));
    let all: Vec<(&Block, &str)> = drift.chain(blocks).collect();
    let tail = tail(&page);
    let mut left = room.saturating_sub(length(&text) + length(&tail));
    let (mut shortened, mut left_out) = (0, 0);
    for (block, kind) in &all {
        let (part, whole) = fitting(block, kind, left);
        left -= length(&part);
        text.push_str(&part);
        shortened += usize::from(!whole && !part.is_empty());
        left_out += usize::from(part.is_empty());
    }
    text.push_str(&tail);
    if shortened + left_out > 0 {
        text.push_str(&format!(
            "\n**This comment is not the whole plan**: of {} parts {shortened} are shortened and {left_out} left out, since a \
             comment has at most {longest} characters. `bake show` of the plan file shows everything.\n",
            all.len()
        ));
    }
    text
}

fn headline(plan: &Plan, page: &Page) -> String {
    match (&page.count, plan.mode) {
        (Some(count), _) => count.trim_end_matches('.').to_owned(),
        (None, Mode::RefreshOnly) if !page.drift.is_empty() => "changed outside of bake".to_owned(),
        (None, _) => "no changes".to_owned(),
    }
}

/// What cannot be taken back comes first.
fn risk(block: &Block) -> u8 {
    match (block.action, block.sign) {
        (Action::Destroy, _) => 0,
        (_, "-/+") => 1,
        (Action::Replace, _) => 2,
        (Action::None, _) => 3,
        (Action::Build, _) => 4,
        (Action::Register, _) => 5,
        (Action::Promote | Action::Update | Action::Import, _) => 6,
    }
}

/// What a reviewer must see without a click.
fn is_open(block: &Block) -> bool {
    risk(block) <= 2
}

/// A part that is at most so long, and whether it is whole; nothing if not even its title fits.
fn fitting(block: &Block, kind: &str, left: usize) -> (String, bool) {
    let lines = lines(block);
    let whole = part(block, kind, &lines);
    if length(&whole) <= left {
        return (whole, true);
    }
    let mut kept = lines.len();
    while kept > 0 {
        kept /= 2;
        let gone = lines.len() - kept;
        let mut some: Vec<String> = lines[..kept].iter().map(|line| cut(line, 500)).collect();
        some.push(format!("  ... {gone} more lines are left out"));
        let short = part(block, kind, &some);
        if length(&short) <= left {
            return (short, false);
        }
    }
    (String::new(), false)
}

fn part(block: &Block, kind: &str, lines: &[String]) -> String {
    let open = if is_open(block) { " open" } else { "" };
    let title = match block.title.is_empty() {
        false => block.title.clone(),
        true => block.gone.first().map(|gone| gone.title.clone()).unwrap_or_default(),
    };
    let title = escaped(&cut(&format!("{kind}{} {title}", block.sign), 500));
    let body = fenced("diff", lines);
    format!(
        "<details{open}><summary><code>{}</code></summary>\n\n{body}\n</details>\n\n",
        title.trim()
    )
}

/// The lines of a part as a diff: the sign in the first column, where it is coloured.
fn lines(block: &Block) -> Vec<String> {
    let mut lines: Vec<String> = block.causes.iter().map(|cause| format!("  # {cause}")).collect();
    if !block.lines.is_empty() {
        lines.push(signed(block.sign, &format!("{} {{", block.label)));
        lines.extend(block.lines.iter().map(|line| signed(line.sign, &line.drawn())));
        lines.push("  }".to_owned());
    }
    for gone in &block.gone {
        lines.push(format!("  # {}", gone.title));
        lines.push(format!("- {}", gone.what));
    }
    lines
}

fn signed(sign: &str, text: &str) -> String {
    let first = match sign {
        "" => ' ',
        "+" => '+',
        "-" => '-',
        _ => '!',
    };
    format!("{first} {text}").trim_end().to_owned()
}

fn tail(page: &Page) -> String {
    let mut text = String::new();
    if !page.outputs.is_empty() {
        let lines: Vec<String> = page
            .outputs
            .iter()
            .map(|line| cut(&signed(line.sign, &line.text()), 500))
            .collect();
        let shown = &lines[..lines.len().min(50)];
        let body = fenced("diff", shown);
        let more = match lines.len() - shown.len() {
            0 => String::new(),
            more => format!("\n{more} more outputs are left out.\n"),
        };
        text.push_str(&format!(
            "<details><summary>Outputs</summary>\n\n{body}{more}\n</details>\n\n"
        ));
    }
    if let Some(temporary) = &page.temporary {
        text.push_str(&format!("<sub>{}</sub>\n", escaped(temporary)));
    }
    text
}

/// Lines in a fence that nothing in them can close.
fn fenced(language: &str, lines: &[String]) -> String {
    let longest = lines.iter().map(|line| longest_run(line)).max().unwrap_or(0);
    let fence = "`".repeat(longest.max(2) + 1);
    let body: String = lines.iter().map(|line| format!("{line}\n")).collect();
    format!("{fence}{language}\n{body}{fence}\n")
}

fn longest_run(line: &str) -> usize {
    line.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// A text as HTML.
pub fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}

fn cut(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some((at, _)) => format!("{}...", &text[..at]),
    }
}

fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::ImageAddress;
    use crate::ui::plan::page::Line;

    fn block(lines: usize) -> Block {
        Block {
            address: ImageAddress::new("web", None),
            action: Action::Replace,
            sign: "+/-",
            title: "image.web </code><img src=x> `@someone` must be replaced".to_owned(),
            causes: vec!["because ```` changed".to_owned()],
            label: "image \"web\"".to_owned(),
            lines: (0..lines)
                .map(|number| Line::new(0, "+", format!("line {number}")))
                .collect(),
            gone: Vec::new(),
        }
    }

    #[test]
    fn a_fence_is_longer_than_any_in_it() {
        let (part, whole) = fitting(&block(3), "", 10_000);
        assert!(
            whole && part.contains("\n`````diff\n") && part.contains("\n`````\n"),
            "{part}"
        );
        assert!(!part.contains("<img") && part.contains("&lt;img"), "{part}");
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let (part, whole) = fitting(&block(1_000), "", 2_000);
        assert!(
            !whole && length(&part) <= 2_000 && part.contains("more lines are left out"),
            "{part}"
        );
        assert_eq!(fitting(&block(10), "", 20), (String::new(), false));
    }
}
