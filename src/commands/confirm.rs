//! Asking before something is done.

use crate::diagnostic::Diagnostic;
use crate::ui::Terminal;

/// Whether it may be done: `-auto-approve`, or a person who writes `yes`; `may_ask` is `-input`.
///
/// # Errors
/// If there is nobody to ask.
pub fn asked(terminal: &Terminal, auto_approve: bool, may_ask: bool, question: &str) -> Result<bool, Diagnostic> {
    if auto_approve {
        return Ok(true);
    }
    if !may_ask || !terminal.can_ask() {
        return Err(nobody());
    }
    let yes = terminal.ask(question).is_some_and(|answer| answer == "yes");
    if !yes {
        terminal.say("Nothing was done.");
    }
    Ok(yes)
}

fn nobody() -> Diagnostic {
    Diagnostic::error("this wants a yes, and there is nobody to ask").help("-auto-approve does it without asking")
}
