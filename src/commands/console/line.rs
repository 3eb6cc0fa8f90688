//! Reads an expression from a terminal: editing, completion, history, and further lines while a bracket is open.

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Config, Context, Editor, Helper, Highlighter, Hinter};

use super::history::History;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::lang::{functions, syntax};

/// What a person did.
pub enum Line {
    /// Typed an expression.
    Typed(String),
    /// Thought better of it: Ctrl-C.
    Dropped,
    /// Left: Ctrl-D.
    End,
}

/// The line that is being typed.
pub struct Prompt {
    editor: Editor<Names, MemHistory>,
    history: History,
}

impl Prompt {
    /// Begins, with the references that can be completed.
    ///
    /// # Errors
    /// If the terminal cannot be used.
    pub fn new(references: Vec<String>) -> Result<Prompt, Diagnostics> {
        let config = Config::builder()
            .auto_add_history(false)
            .history_ignore_space(true)
            .build();
        let history = MemHistory::with_config(&config);
        let mut editor = Editor::with_history(config, history).map_err(|error| failed(&error))?;
        let functions = functions::names().map(|name| format!("{name}("));
        editor.set_helper(Some(Names(references.into_iter().chain(functions).collect())));
        let history = History::open();
        for line in &history.lines {
            editor.add_history_entry(line).map_err(|error| failed(&error))?;
        }
        Ok(Prompt { editor, history })
    }

    /// Waits for an expression.
    ///
    /// # Errors
    /// If the terminal or the history cannot be used.
    pub fn read(&mut self) -> Result<Line, Diagnostics> {
        match self.editor.readline("> ") {
            Ok(text) => Ok(Line::Typed(text)),
            Err(ReadlineError::Interrupted) => Ok(Line::Dropped),
            Err(ReadlineError::Eof) => Ok(Line::End),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Keeps a line for this time and, unless it begins with a blank or holds a secret, for the next.
    ///
    /// # Errors
    /// If the history cannot be used.
    pub fn keep(&mut self, text: &str, holds_secret: bool) -> Result<(), Diagnostics> {
        let new = self.editor.add_history_entry(text).map_err(|error| failed(&error))?;
        if new && !holds_secret && !text.trim().is_empty() && !text.starts_with(' ') {
            self.history.keep(text)?;
        }
        Ok(())
    }
}

fn failed(error: &ReadlineError) -> Diagnostics {
    Diagnostic::error("cannot read from the terminal")
        .note(error.to_string())
        .into()
}

/// What Tab completes.
#[derive(Helper, Hinter, Highlighter)]
struct Names(Vec<String>);

impl Completer for Names {
    type Candidate = String;

    fn complete(&self, line: &str, at: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let part = |c: char| c.is_alphanumeric() || "_-.".contains(c);
        let start = line[..at]
            .rfind(|c| !part(c))
            .map_or(0, |end| end + line[end..].chars().next().map_or(1, char::len_utf8));
        let word = &line[start..at];
        let fitting = self.0.iter().filter(|name| !word.is_empty() && name.starts_with(word));
        Ok((start, fitting.cloned().collect()))
    }
}

impl Validator for Names {
    fn validate(&self, typed: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(match syntax::is_incomplete(typed.input()) {
            true => ValidationResult::Incomplete,
            false => ValidationResult::Valid(None),
        })
    }
}
