//! A plan as people and programs see it. Everything that is said of it is decided once, in [`mod@page`]; the formats draw that.

mod head;
mod html;
pub mod image;
mod json;
mod markdown;
mod outputs;
pub mod page;
mod text;
pub mod values;
pub mod words;

use crate::plan::Plan;
pub use html::{document, html};
pub use json::{events, json};
pub use markdown::{LONGEST, escaped, markdown};
pub use page::Page;

/// How much is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum View {
    /// Everything.
    #[default]
    Whole,
    /// `-concise`: what changes and why, and the line that counts.
    Concise,
}

/// What is shown of a plan.
pub fn page(plan: &Plan, view: View) -> Page {
    match view {
        View::Whole => Page::of(plan),
        View::Concise => Page::of(plan).concise(),
    }
}

/// The text of a plan, with escape sequences for colours, in so many columns if they are given.
pub fn text(plan: &Plan, view: View, columns: Option<usize>) -> String {
    text::draw(&page(plan, view), columns)
}
