//! A plan as one page for a browser: the images drawn as a graph, a lane each, then what becomes of each. It needs nothing
//! beside itself, runs no script, and is read by keyboard: lanes are links, and parts are opened with Enter.

use std::collections::BTreeMap;

use super::markdown::escaped;
use super::page::{Block, Line, Page};
use super::words;
use crate::address::ImageAddress;
use crate::plan::{Action, ImagePlan, Plan, StepChange};

/// Colours of the page, for light and dark.
const STYLE: &str = include_str!("page.css");

/// The page.
pub fn html(plan: &Plan) -> String {
    let page = Page::of(plan);
    let title = page.count.clone().unwrap_or_else(|| "No changes".to_owned());
    let head: String = page
        .head
        .iter()
        .map(|line| format!("<p>{}</p>\n", escaped(line)))
        .collect();
    let mut body = format!("<header><h1>{}</h1>\n{head}</header>\n<main>\n", escaped(&title));
    body.push_str(&graph(plan));
    if !page.drift.is_empty() {
        body.push_str("<h2>Changed outside of bake</h2>\n");
        body.extend(page.drift.iter().map(|block| part(block, "drift")));
    }
    body.push_str("<h2>Images</h2>\n");
    body.extend(page.images.iter().map(|block| part(block, "image")));
    if !page.outputs.is_empty() {
        let lines: String = page.outputs.iter().map(line).collect();
        body.push_str(&format!("<h2>Outputs</h2>\n<pre>{lines}</pre>\n"));
    }
    body.extend(
        page.temporary
            .iter()
            .map(|text| format!("<p class=dim>{}</p>\n", escaped(text))),
    );
    body.push_str("</main>\n");
    document(&title, &body)
}

/// A page with this title and body, in the colours of bake. Nothing may be loaded or run by it, whatever is in it.
pub fn document(title: &str, body: &str) -> String {
    format!(
        "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n<meta name=viewport content=\"width=device-width\">\n\
         <meta http-equiv=Content-Security-Policy content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=color-scheme content=\"light dark\">\n<title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n{body}</body>\n</html>\n",
        escaped(title)
    )
}

/// Space of one lane and of one step, in units of the drawing.
const LANE: usize = 44;
const STEP: usize = 26;
const NAMES: usize = 240;

/// A lane per image, bases above what is built on them: its steps as boxes in their colours, and a line from the base.
fn graph(plan: &Plan) -> String {
    if plan.images.is_empty() {
        return String::new();
    }
    let lanes: BTreeMap<String, usize> = plan
        .images
        .iter()
        .enumerate()
        .map(|(at, one)| (one.address.to_string(), at))
        .collect();
    let longest = plan.images.iter().map(|image| image.steps.len()).max().unwrap_or(0);
    let (width, height) = (NAMES + STEP * (longest + 1), LANE * plan.images.len());
    let drawn = plan.images.iter().enumerate().map(|(at, image)| lane(image, at));
    let edges = plan.images.iter().enumerate().filter_map(|(to, image)| {
        let from = *lanes.get(&words::base(image)?)?;
        let (y1, y2) = (from * LANE + LANE / 2, to * LANE + LANE / 2);
        Some(format!("<path class=edge d=\"M12 {y1} C-8 {y1} -8 {y2} 12 {y2}\"/>\n"))
    });
    let drawing: String = drawn.chain(edges).collect();
    format!(
        "<nav aria-label=\"Images of the plan\"><svg viewBox=\"-10 0 {} {height}\" width=\"{}\" height=\"{height}\" role=group>\n\
         {drawing}</svg></nav>\n",
        width + 10,
        width + 10
    )
}

fn lane(image: &ImagePlan, at: usize) -> String {
    let (top, middle) = (at * LANE, at * LANE + LANE / 2);
    let class = class_of(image.action);
    let steps: String = image
        .steps
        .iter()
        .enumerate()
        .map(|(index, step)| {
            let kind = match (image.action, step.change) {
                (Action::Build | Action::Replace, StepChange::Added) => "added",
                (_, StepChange::Removed) => "gone",
                (Action::Replace, StepChange::Changed | StepChange::Moved) => "changed",
                (Action::Replace, StepChange::Again) => "again",
                _ => "same",
            };
            let name = escaped(&crate::ui::printable::honest(&step.name));
            let x = NAMES + index * STEP;
            format!(
                "<rect class={kind} x={x} y={} width={} height=20 rx=4><title>{name}: {kind}</title></rect>\n",
                middle - 10,
                STEP - 6
            )
        })
        .collect();
    let name = escaped(&crate::ui::printable::honest(&image.address.to_string()));
    let text = format!(
        "<rect class=lane x=0 y={top} width=\"100%\" height={} rx=6 />\n<circle class={class} cx=12 cy={middle} r=7 />\n\
         <text x=28 y={}>{name}</text>\n{steps}",
        LANE - 4,
        middle + 5
    );
    match image.action {
        Action::None if image.retire.is_empty() => format!("<g>{text}</g>\n"),
        _ => format!(
            "<a href=\"#{}\" aria-label=\"{name}: {class}\">{text}</a>\n",
            anchor("image", &image.address)
        ),
    }
}

/// The colour of an action, by name.
fn class_of(action: Action) -> &'static str {
    match action {
        Action::Build => "build",
        Action::Replace => "replace",
        Action::Register => "register",
        Action::Update | Action::Promote | Action::Import => "update",
        Action::Destroy => "destroy",
        Action::None => "none",
    }
}

/// A fragment that nothing in a name can break.
fn anchor(kind: &str, address: &ImageAddress) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_string()
        } else {
            format!("-{:x}-", u32::from(c))
        }
    };
    format!("{kind}-{}", address.to_string().chars().map(plain).collect::<String>())
}

fn part(block: &Block, kind: &str) -> String {
    let title = match block.title.is_empty() {
        false => &block.title,
        true => block.gone.first().map_or(&block.label, |gone| &gone.title),
    };
    let causes: String = block
        .causes
        .iter()
        .map(|cause| format!("<p class=cause>{}</p>\n", escaped(cause)))
        .collect();
    let lines: String = block.lines.iter().map(line).collect();
    let gone = block.gone.iter().map(|gone| {
        format!(
            "<p><span class=gone>- {}</span><br>{}</p>\n",
            escaped(&gone.what),
            escaped(&gone.title)
        )
    });
    let body = if lines.is_empty() {
        String::new()
    } else {
        format!("<pre>{lines}</pre>\n")
    };
    format!(
        "<details open id=\"{}\"><summary><b class={}>{}</b> {}</summary>\n{causes}{body}{}</details>\n",
        anchor(kind, &block.address),
        class_of(block.action),
        escaped(block.sign),
        escaped(title),
        gone.collect::<String>()
    )
}

/// A line of a block; words that differ are marked.
fn line(line: &Line) -> String {
    let class = match (line.sign, line.dim) {
        (_, true) => "dim",
        ("+", _) => "added",
        ("-", _) => "gone",
        ("", _) => "same",
        _ => "changed",
    };
    let parts = line.parts.iter().map(|part| match part.marked {
        true => format!("<mark>{}</mark>", escaped(&part.text)),
        false => escaped(&part.text),
    });
    format!(
        "<span class={class}>{}{}</span>\n",
        escaped(&line.front()),
        parts.collect::<String>()
    )
}
