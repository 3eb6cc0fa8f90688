//! The person at the terminal when a node fails: `-on-error ask` and `shell`.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;

use crate::apply::{Attendant, Choice, Failure};
use crate::diagnostic::Diagnostic;
use crate::host::helper::Command;
use crate::host::terminal;
use crate::ui::Terminal;

const QUESTION: &str = "clean up, keep what stands, or open a shell in the image? [c/k/s] ";
/// Where the shell finds programs.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Asks there.
pub struct AtTerminal {
    terminal: Arc<Terminal>,
    /// Whether a shell is opened before the first question.
    shell_first: bool,
    /// One question at a time.
    turn: tokio::sync::Mutex<()>,
}

impl AtTerminal {
    /// Only asks.
    pub fn asking(terminal: &Arc<Terminal>) -> AtTerminal {
        AtTerminal {
            terminal: Arc::clone(terminal),
            shell_first: false,
            turn: tokio::sync::Mutex::new(()),
        }
    }

    /// Opens a shell, then asks.
    pub fn with_shell(terminal: &Arc<Terminal>) -> AtTerminal {
        AtTerminal {
            shell_first: true,
            ..AtTerminal::asking(terminal)
        }
    }

    /// The answer, in lower case; at the end of input what a cautious person would say.
    async fn ask(&self) -> String {
        let terminal = Arc::clone(&self.terminal);
        let asked = tokio::task::spawn_blocking(move || terminal.ask(QUESTION)).await;
        asked.ok().flatten().unwrap_or_else(|| "c".to_owned()).to_lowercase()
    }

    /// Asks until there is an answer that ends it, with a shell wherever one is wanted.
    async fn consult(&self, failure: &Failure) -> Choice {
        let mut shell = self.shell_first;
        loop {
            if std::mem::take(&mut shell) {
                self.shell(failure).await;
            }
            match self.ask().await.as_str() {
                "c" | "clean up" | "cleanup" => return Choice::Cleanup,
                "k" | "keep" => return Choice::Keep,
                "s" | "shell" => shell = true,
                _ => {}
            }
        }
    }

    async fn shell(&self, failure: &Failure) {
        let (Some(helper), Some(root)) = (&failure.helper, &failure.root) else {
            return self.tell("The image is not mounted; there is nothing to open a shell in.");
        };
        self.tell("A shell in the image; exit leaves it.");
        if let Err(error) = terminal::run(helper, login(root)).await {
            self.tell(&Diagnostic::from(error).summary);
        }
    }

    /// Says it now, although the terminal is lent.
    fn tell(&self, text: &str) {
        self.terminal.tell(&format!("{text}\n"));
    }
}

/// A shell in the image.
fn login(root: &Path) -> Command {
    let term = std::env::var("TERM").unwrap_or_else(|_| "linux".to_owned());
    let environment = [("PATH", PATH), ("HOME", "/root"), ("LANG", "C.UTF-8"), ("TERM", &term)];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Command {
        argv: vec!["/bin/sh".to_owned(), "-i".to_owned()],
        env: environment.into(),
        root: Some(root.to_owned()),
        ..Command::default()
    }
}

#[async_trait]
impl Attendant for AtTerminal {
    async fn failed(&self, failure: &Failure) -> Choice {
        let _turn = self.turn.lock().await;
        self.terminal.diagnostics(&failure.diagnostic.clone().into());
        let _lent = self.terminal.lend();
        self.consult(failure).await
    }
}
