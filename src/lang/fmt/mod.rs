//! The canonical form of a file: the one that `terraform fmt` gives it.
//!
//! A file is cut into tokens, a few of which are rewritten (`rewrite`); then the white space between them is decided anew,
//! line by line (`lines`). Comments and line ends are tokens like others, so nothing is lost. Where Terraform drops or
//! damages something, the text is left as it was written; `testdata/fmt/differences` has these cases.

mod lines;
mod rewrite;
mod spaces;
mod tokens;

use std::sync::Arc;

use crate::diagnostic::Diagnostics;
use crate::source::Source;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// Formats a file. What is formatted already comes back as it is.
///
/// # Errors
/// As [`super::parse`]: of a file that is no HCL nothing is formatted.
pub fn format(source: &Arc<Source>) -> Result<String, Diagnostics> {
    super::parse(source)?;
    let text = source.text();
    let (mark, text) = match text.strip_prefix(BYTE_ORDER_MARK) {
        Some(rest) => (BYTE_ORDER_MARK, rest),
        None => ("", text),
    };
    let arranged = mark.to_owned() + &arrange(text);
    // Where the parser and the tokens see a heredoc end in different places, the text is better left as it is.
    match super::parse(&Source::new(source.path(), arranged.as_str())) {
        Ok(_) => Ok(arranged),
        Err(_) => Ok(source.text().to_owned()),
    }
}

fn arrange(text: &str) -> String {
    let mut tokens = tokens::cut(text);
    rewrite::rewrite(&mut tokens);
    lines::arrange(&mut tokens);
    let mut text = String::with_capacity(text.len() + text.len() / 8);
    for token in &tokens {
        text.extend(std::iter::repeat_n(' ', token.blanks));
        text.push_str(&token.text);
    }
    text
}

#[cfg(test)]
mod tests;
