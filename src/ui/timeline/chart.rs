//! An apply as one page for a browser: a bar for each half of a node, drawn over its time, the critical path marked. Without
//! scripts; each bar is a link to the part that says more of it, which a click, Enter or Space folds.

use super::{Bar, End, Timeline, shown};
use crate::event::Half;
use crate::ui::plan::{document, escaped};

/// The drawing, in its own units: the height of a row, the width of the names, and that of the time.
const ROW: usize = 24;
const NAMES: usize = 380;
const TIME: usize = 640;
/// Below the bars stands the time.
const AXIS: usize = 24;
/// The longest name that fits.
const LETTERS: usize = 50;

/// The page.
pub fn html(timeline: &Timeline) -> String {
    let title = headline(timeline);
    let body = format!(
        "<header><h1>{}</h1>\n<p>Each bar is one node at work, from its beginning to its end. The strong ones, marked ◆, are the \
         critical path: each began when the one before it ended. A faster apply needs one of these to be faster. \
         Pale bars close what was opened.</p></header>\n<main>\n{}{}{}{}</main>\n",
        escaped(&title),
        chart(timeline),
        path(timeline),
        skipped(timeline),
        details(timeline),
    );
    document(&title, &body)
}

/// `Apply of run 4f2a: 31 steps in 12.3s`, and what did not go well.
pub fn headline(timeline: &Timeline) -> String {
    let count = |test: fn(&Bar) -> bool| timeline.bars.iter().filter(|bar| test(bar)).count();
    let failed = count(|bar| matches!(bar.end, End::Failed(_)));
    let cut = count(|bar| bar.end == End::Open);
    let more = [
        (failed, "failed"),
        (timeline.skipped.len(), "skipped"),
        (cut, "cut off"),
    ];
    let more = more.iter().filter(|(count, _)| *count > 0);
    let more: String = more.map(|(count, word)| format!(", {count} {word}")).collect();
    let steps = timeline.bars.len();
    let word = if steps == 1 { "step" } else { "steps" };
    format!(
        "Apply of run {}: {steps} {word} in {}{more}",
        timeline.run, timeline.took
    )
}

fn chart(timeline: &Timeline) -> String {
    let (width, bottom) = (NAMES + TIME + 80, ROW * timeline.bars.len());
    let height = bottom + AXIS;
    let bars = timeline.bars.iter().enumerate();
    let rows: String = bars.map(|(at, bar)| row(timeline, at, bar)).collect();
    let marks = [0_usize, 1, 2, 3, 4].map(|quarter| {
        let x = NAMES + TIME * quarter / 4;
        let time = crate::units::Duration::from(timeline.took.as_std() * quarter as u32 / 4);
        format!(
            "<path class=edge d=\"M{x} 0 V{bottom}\"/>\n<text class=dim x={x} y={} text-anchor=middle>{}</text>\n",
            bottom + 17,
            shown(time)
        )
    });
    format!(
        "<nav aria-label=\"Timeline of the apply\"><svg viewBox=\"0 0 {width} {height}\" width={width} height={height} role=group>\n\
         {}{rows}</svg></nav>\n",
        marks.concat()
    )
}

fn row(timeline: &Timeline, at: usize, bar: &Bar) -> String {
    let whole = timeline.took.as_std().as_secs_f64().max(f64::MIN_POSITIVE);
    let place = |time: crate::units::Duration| NAMES as f64 + TIME as f64 * time.as_std().as_secs_f64() / whole;
    let (x, width) = (place(bar.began), (place(bar.ended) - place(bar.began)).max(3.0));
    let on_path = timeline.critical.contains(&at);
    let class = match (&bar.end, bar.half, on_path) {
        (End::Failed(_) | End::Open, ..) => "bar gone",
        (_, Half::Open, true) => "bar changed",
        (_, Half::Close, true) => "bar changed pale",
        (_, Half::Open, false) => "bar again",
        (_, Half::Close, false) => "bar again pale",
    };
    let (name, mark) = (bar.name(), if on_path { "◆ " } else { "" });
    let said = if on_path { ", on the critical path" } else { "" };
    let top = ROW * at;
    format!(
        "<a href=\"#step-{at}\" aria-label=\"{}: {}{said}\"><rect class=row x=0 y={top} width=\"100%\" height={ROW} />\
         <text x=8 y={}>{mark}{}</text><rect class=\"{class}\" x={x:.1} y={} width={width:.1} height={} rx=3 />\
         <text class=dim x={:.1} y={}>{}</text></a>\n",
        escaped(&name),
        shown(bar.took()),
        top + 17,
        escaped(&shortened(&name)),
        top + 5,
        ROW - 10,
        x + width + 6.0,
        top + 17,
        shown(bar.took()),
    )
}

/// The end of a name says most.
fn shortened(name: &str) -> String {
    let letters = name.chars().count();
    match letters > LETTERS {
        true => format!("…{}", name.chars().skip(letters - LETTERS + 1).collect::<String>()),
        false => name.to_owned(),
    }
}

fn path(timeline: &Timeline) -> String {
    let steps = timeline.critical.iter().map(|at| {
        let bar = &timeline.bars[*at];
        format!(
            "<li><a href=\"#step-{at}\">{}</a>: {}</li>\n",
            escaped(&bar.title()),
            shown(bar.took())
        )
    });
    format!("<h2>Critical path</h2>\n<ol>\n{}</ol>\n", steps.collect::<String>())
}

fn skipped(timeline: &Timeline) -> String {
    if timeline.skipped.is_empty() {
        return String::new();
    }
    let nodes = timeline.skipped.iter();
    let nodes = nodes.map(|at| format!("<li>{}</li>\n", escaped(&super::printable::honest(&at.to_string()))));
    format!("<h2>Not begun</h2>\n<ul>\n{}</ul>\n", nodes.collect::<String>())
}

fn details(timeline: &Timeline) -> String {
    let parts = timeline.bars.iter().enumerate().map(|(at, bar)| {
        let end = match &bar.end {
            End::Done(None) => String::new(),
            End::Done(Some(id)) => format!("<p>made {}</p>\n", escaped(id)),
            End::Failed(why) => format!("<p class=gone>failed: {}</p>\n", escaped(why)),
            End::Open => "<p class=gone>the stream ends before it does</p>\n".to_owned(),
        };
        let after = bar.after.as_ref().and_then(|after| {
            let found = |other: &&Bar| other.address == after.address && other.half == after.half;
            let other = timeline.bars.iter().find(found)?;
            Some(format!("when {} had ended", escaped(&other.name())))
        });
        format!(
            "<details open id=\"step-{at}\"><summary>{}: {}</summary>\n<p>{}</p>\n<p class=dim>began at {}, {}</p>\n{end}</details>\n",
            escaped(&bar.name()),
            shown(bar.took()),
            escaped(&bar.summary),
            shown(bar.began),
            after.unwrap_or_else(|| "at the beginning".to_owned()),
        )
    });
    format!("<h2>Steps</h2>\n{}", parts.collect::<String>())
}
