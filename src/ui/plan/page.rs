//! One view of a plan, which every format draws: what is said of it, image by image and line by line. Text, Markdown and
//! HTML differ in how they draw a line, never in which lines there are.

use std::collections::BTreeMap;

use super::{head, image, outputs};
use crate::address::ImageAddress;
use crate::plan::{Action, ImagePlan, Mode, Plan};
use crate::ui::printable;

/// A plan as it is read.
#[derive(Debug, Clone, PartialEq)]
pub struct Page {
    /// What changes and why; what of it runs; what it costs.
    pub head: Vec<String>,
    /// What was changed outside of bake.
    pub drift: Vec<Block>,
    /// Each image that something happens to, in the order of the addresses.
    pub images: Vec<Block>,
    /// What becomes of the outputs that change.
    pub outputs: Vec<Line>,
    /// What exists only during the apply: `during apply: 1 volume comes and goes`.
    pub temporary: Option<String>,
    /// `2 to build, 0 to replace, ...`; none if there is nothing to do.
    pub count: Option<String>,
}

/// One image.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    /// Which.
    pub address: ImageAddress,
    /// What happens to it.
    pub action: Action,
    /// `+`, `+/-`, `~`, `-`; empty if only releases of it go.
    pub sign: &'static str,
    /// `image.web must be replaced: provision.nginx changed`; empty if only releases of it go.
    pub title: String,
    /// Each cause with its place, down to the first.
    pub causes: Vec<String>,
    /// `image "web"`
    pub label: String,
    /// What stands between the braces.
    pub lines: Vec<Line>,
    /// Releases that go.
    pub gone: Vec<Gone>,
}

/// A release that goes.
#[derive(Debug, Clone, PartialEq)]
pub struct Gone {
    /// `image.web release 6 will be retired (keep_releases = 2)`
    pub title: String,
    /// `img-12 web-1f0e, 2 snapshots`
    pub what: String,
}

/// One line of a block.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// How deep in blocks it lies.
    pub depth: usize,
    /// `+`, `-`, `~` or nothing.
    pub sign: &'static str,
    /// Of a line of a file or a script: its number.
    pub number: Option<Number>,
    /// What it says, in pieces.
    pub parts: Vec<Part>,
    /// Whether it is beside the point.
    pub dim: bool,
}

/// The number of a line of a text, with the columns that the longest one takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// From 1; 0 stands for lines that are left out.
    pub line: usize,
    /// Columns.
    pub width: usize,
}

/// A piece of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// Without line ends and control characters.
    pub text: String,
    /// Whether it is what differs between two lines that stand for each other.
    pub marked: bool,
}

impl Line {
    /// A line of the block.
    pub fn new(depth: usize, sign: &'static str, text: impl Into<String>) -> Line {
        let text = text.into();
        Line {
            depth,
            sign,
            number: None,
            parts: vec![Part { text, marked: false }],
            dim: false,
        }
    }

    /// The same, beside the point.
    pub fn dimmed(self) -> Line {
        Line { dim: true, ..self }
    }

    /// What it says.
    pub fn text(&self) -> String {
        self.parts.iter().map(|part| part.text.as_str()).collect()
    }

    /// The line with the blanks, the number and the sign in front of it, as all formats of fixed width draw it.
    pub fn drawn(&self) -> String {
        format!("{}{}", self.front(), self.text()).trim_end().to_owned()
    }

    /// What stands in front of the text.
    pub fn front(&self) -> String {
        let sign = if self.sign.is_empty() { " " } else { self.sign };
        match self.number {
            None => format!("{:1$}{sign} ", "", INDENT + 4 * self.depth),
            Some(Number { line: 0, width }) => format!("{:1$}{2:>width$} ", "", INDENT + 4 * self.depth, "..."),
            Some(Number { line, width }) => format!("{:1$}{line:>width$} {sign} ", "", INDENT + 4 * self.depth),
        }
    }
}

/// Blanks before the sign of a line directly in an image.
pub const INDENT: usize = 6;

impl Page {
    /// What there is to say of a plan. Names and texts in it are from elsewhere: they are made harmless here, for all formats.
    pub fn of(plan: &Plan) -> Page {
        let mut page = Page::raw(plan);
        page.each_text(&|text| {
            let honest = printable::honest(text);
            if honest != *text {
                *text = honest;
            }
        });
        page
    }

    fn each_text(&mut self, change: &dyn Fn(&mut String)) {
        self.head.iter_mut().for_each(change);
        for block in self.drift.iter_mut().chain(&mut self.images) {
            change(&mut block.title);
            change(&mut block.label);
            block.causes.iter_mut().for_each(change);
            block
                .gone
                .iter_mut()
                .flat_map(|gone| [&mut gone.title, &mut gone.what])
                .for_each(change);
        }
        let blocks = self.drift.iter_mut().chain(&mut self.images);
        let lines = blocks.flat_map(|block| &mut block.lines).chain(&mut self.outputs);
        lines
            .flat_map(|line| &mut line.parts)
            .for_each(|part| change(&mut part.text));
    }

    fn raw(plan: &Plan) -> Page {
        let drift = plan.images.iter().filter(|image| !image.drift.is_empty());
        let drift: Vec<Block> = drift.map(image::drifted).collect();
        if plan.mode == Mode::RefreshOnly {
            return Page {
                head: vec![head::drift(drift.len())],
                drift,
                images: Vec::new(),
                outputs: Vec::new(),
                temporary: None,
                count: None,
            };
        }
        let by_address: BTreeMap<&ImageAddress, &ImagePlan> =
            plan.images.iter().map(|one| (&one.address, one)).collect();
        let blocks = plan.images.iter().filter(|image| happens(image));
        Page {
            head: head::lines(plan),
            drift,
            images: blocks.map(|image| image::block(image, &by_address)).collect(),
            outputs: outputs::lines(plan),
            temporary: head::temporary(plan),
            count: (!plan.is_empty()).then(|| head::count(plan)),
        }
    }

    /// The first lines and the count alone (`-concise`).
    pub fn concise(self) -> Page {
        Page {
            drift: Vec::new(),
            images: Vec::new(),
            outputs: Vec::new(),
            temporary: None,
            ..self
        }
    }
}

/// Whether something happens to an image.
fn happens(image: &ImagePlan) -> bool {
    image.action != Action::None || !image.retire.is_empty()
}
