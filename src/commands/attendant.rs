//! The person at the terminal when a node fails: `-on-error ask` and `shell`.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use async_trait::async_trait;

use crate::apply::{Attendant, Choice, Failure};
use crate::diagnostic::Diagnostic;
use crate::host::HostError;
use crate::host::helper::Command;
use crate::ui::Terminal;

const QUESTION: &str = "clean up, keep what stands, or open a shell in the image? [c/k/s] ";

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

    async fn shell(&self, failure: &Failure) {
        let (Some(helper), Some(root)) = (&failure.helper, &failure.root) else {
            self.terminal
                .say("The image is not mounted; there is nothing to open a shell in.");
            return;
        };
        let environment = [
            ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            ("HOME", "/root"),
        ];
        let term = std::env::var("TERM").unwrap_or_else(|_| "linux".to_owned());
        let mut env: BTreeMap<String, String> = environment
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        env.insert("TERM".to_owned(), term);
        let command = Command {
            argv: vec!["/bin/sh".to_owned(), "-i".to_owned()],
            env,
            root: Some(root.clone()),
            ..Command::default()
        };
        self.terminal.hide_live();
        self.terminal.say("A shell in the image; exit leaves it.");
        let ended = match own_terminal() {
            Ok(tty) => helper.run_on_terminal(command, tty).await.map(drop),
            Err(error) => Err(error),
        };
        if let Err(error) = ended {
            self.terminal.diagnostics(&Diagnostic::from(error).into());
        }
        self.terminal.show_live();
    }
}

#[async_trait]
impl Attendant for AtTerminal {
    async fn failed(&self, failure: &Failure) -> Choice {
        let _turn = self.turn.lock().await;
        self.terminal.diagnostics(&failure.diagnostic.clone().into());
        if self.shell_first {
            self.shell(failure).await;
        }
        loop {
            match self.ask().await.as_str() {
                "c" | "clean up" | "cleanup" => return Choice::Cleanup,
                "k" | "keep" => return Choice::Keep,
                "s" | "shell" => self.shell(failure).await,
                _ => {}
            }
        }
    }
}

/// The terminal that bake was started from.
fn own_terminal() -> Result<OwnedFd, HostError> {
    let path = std::path::Path::new("/dev/tty");
    let tty = std::fs::OpenOptions::new().read(true).write(true).open(path);
    tty.map(OwnedFd::from)
        .map_err(|error| HostError::on_path("open", path, error))
}
