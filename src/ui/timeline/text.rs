//! The chain that the time of an apply hung on, as text.

use super::{End, Timeline, shown};
use crate::ui::printable;

/// A line of what ran, then each node of the critical path with when it began and how long it took. `name` is the file.
pub fn text(timeline: &Timeline, name: &str) -> String {
    let mut text = format!(
        "{}\n\nCritical path, with when each began and how long it took:\n",
        super::chart::headline(timeline)
    );
    for bar in timeline.critical.iter().map(|at| &timeline.bars[*at]) {
        let end = match &bar.end {
            End::Done(_) => "",
            End::Failed(_) => ", failed",
            End::Open => ", cut off",
        };
        let (began, took) = (shown(bar.began), shown(bar.took()));
        text.push_str(&format!(
            "  {began:>8}  {took:>8}  {}{end}
",
            bar.title()
        ));
    }
    let name = printable::honest(name);
    text.push_str(&format!(
        "\nAll of it, drawn: bake show -format html {name} > timeline.html\n"
    ));
    text
}
