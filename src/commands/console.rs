//! `bake console`.

mod history;
mod line;

use std::cell::OnceCell;
use std::io::{BufRead, IsTerminal};
use std::sync::Arc;

use self::line::{Line, Prompt};
use super::exit::Exit;
use super::output::known;
use super::session::{ModuleArguments, Session};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::host::{self, HostError};
use crate::lang::{Value, print, syntax};
use crate::module::{Explorer, explore};
use crate::plan::outputs::Known;
use crate::providers::Contact;
use crate::ui::Terminal;

/// Ask for the values of expressions
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Ask for the values of expressions: functions, and in a module its variables, locals, data sources and images. An expression \
                  ends with its line, unless a bracket is open. Tab completes names, the arrows bring back earlier lines; a \
                  line that begins with a blank is not kept. Ctrl-D or exit ends it. From a pipe, every expression is \
                  answered, and the exit code is 1 if one was wrong.",
    after_help = "\
bake console
echo 'cidrsubnet(\"10.0.0.0/8\", 8, 2)' | bake console
echo 'local.owners' | bake console -var release=trixie"
)]
pub struct Args {
    #[command(flatten)]
    module: ModuleArguments,
}

impl Args {
    /// Answers until there are no more questions.
    pub fn run(self, terminal: &Arc<Terminal>) -> Result<Exit, Diagnostics> {
        self.module.with_options(terminal, true, |options| {
            explore(&options, |module, found| {
                terminal.diagnostics(&found);
                let console = Console {
                    module,
                    images: OnceCell::new(),
                    look: &|| self.images(terminal),
                    terminal,
                };
                match std::io::stdin().is_terminal() && terminal.is_interactive() {
                    true => console.talk(),
                    false => console.answer_all(),
                }
            })
        })?
    }

    /// What the images that stand say of themselves, as far as they can be seen: an answer is worth more than none.
    fn images(&self, terminal: &Arc<Terminal>) -> Known {
        let module = self.module.load_asking(terminal, false);
        let world = module.and_then(|module| Session::of(module, &Contact::nobody())?.world());
        world.map(|world| known(&world)).unwrap_or_default()
    }
}

/// A module and who asks.
struct Console<'a, 'm> {
    module: &'a Explorer<'m>,
    /// What stands, once an expression has asked for it.
    images: OnceCell<Known>,
    look: &'a dyn Fn() -> Known,
    terminal: &'a Terminal,
}

impl Console<'_, '_> {
    /// With a person at a terminal. What is wrong ends nothing.
    fn talk(&self) -> Result<Exit, Diagnostics> {
        host::terminal::outlive_interrupts()?;
        let mut prompt = Prompt::new(self.module.references())?;
        loop {
            match prompt.read()? {
                Line::End => break,
                Line::Dropped => {}
                Line::Typed(text) => {
                    let leaves = matches!(text.trim(), "exit" | "quit");
                    match text.trim() {
                        _ if leaves => {}
                        "help" => self.terminal.say(HELP),
                        _ => drop(self.answer(&text)),
                    }
                    // Kept when it has been answered: only then is known what of it `sensitive(...)` hides.
                    prompt.keep(&text, self.module.masks().are_in(&text))?;
                    if leaves {
                        break;
                    }
                }
            }
        }
        Ok(Exit::Done)
    }

    /// One expression after the other, without a prompt.
    fn answer_all(&self) -> Result<Exit, Diagnostics> {
        let (mut all_good, mut text) = (true, String::new());
        for line in std::io::stdin().lock().lines() {
            let line = line.map_err(|error| Diagnostic::from(HostError::of_io("read standard input", error)))?;
            text.extend([line.as_str(), "\n"]);
            if syntax::is_incomplete(&text) {
                continue;
            }
            if text.trim() == "exit" {
                text.clear();
                break;
            }
            all_good &= self.answer(&text);
            text.clear();
        }
        all_good &= self.answer(&text);
        Ok(if all_good { Exit::Done } else { Exit::Failed })
    }

    /// The value with what is known of the images that stand.
    fn settled(&self, value: Value) -> Value {
        match value.is_wholly_known() {
            true => value,
            false => self.images.get_or_init(self.look).settle(&value),
        }
    }

    /// Prints the value of an expression; whether there was one.
    fn answer(&self, text: &str) -> bool {
        let text = text.trim();
        if text.is_empty() || text.starts_with('#') {
            return true;
        }
        match self.module.evaluate(text) {
            Ok(value) => self.terminal.data(&format!("{}\n", print(&self.settled(value)))),
            Err(errors) => {
                self.terminal.diagnostics(&errors);
                return false;
            }
        }
        true
    }
}

const HELP: &str = "\
Type an expression to see its value: upper(\"a\"), var.NAME, local.NAME, image.NAME.id.
Tab completes, the arrows bring back earlier lines, Ctrl-C drops a line, Ctrl-D or exit ends.";
