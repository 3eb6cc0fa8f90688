//! `bake init`.

use std::path::Path;

use super::exit::Exit;
use super::locking::Locking;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::host::files;
use crate::module::lock::{self, Lock};
use crate::ui::Terminal;

/// Write a starter module into this directory
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Write a starter module into this directory: a bootable Debian image from nothing. Files that stand \
                  already are never changed.",
    after_help = "\
bake init
bake -chdir=images/web init"
)]
pub struct Args {
    #[command(flatten)]
    locking: Locking,
}

const MODULE: &str = "image.bake.hcl";
const FILES: &[(&str, &str)] = &[
    (MODULE, include_str!("init/image.bake.hcl")),
    (".gitignore", ".bake/\n"),
];

impl Args {
    /// Writes the files and says what to do next.
    pub fn run(self, terminal: &Terminal) -> Result<Exit, Diagnostics> {
        let directory = Path::new(".");
        let _lock = self.locking.take(directory, terminal)?;
        if let Some(name) = module_in(directory) {
            let standing = Diagnostic::error(format!("this directory holds a module already: {name}"));
            return Err(standing.help("bake plan shows what it would build").into());
        }
        for (name, text) in FILES.iter().filter(|(name, _)| !directory.join(name).exists()) {
            files::replace(&directory.join(name), text.as_bytes())?;
            terminal.say(&format!("Wrote {name}."));
        }
        let mut lock = Lock::read(directory)?;
        if lock.date.is_none() {
            lock.date = jiff::Timestamp::from_second(jiff::Timestamp::now().as_second())
                .ok()
                .map(|now| now.to_string());
            lock.write(directory)?;
            terminal.say(&format!("Wrote {}.", lock::FILE));
        }
        terminal.say(&format!(
            "\nAn image of Debian, from nothing. Change {MODULE} to what you want, then:\n  bake plan      shows what \
             would be built\n  bake apply     builds it (as root)"
        ));
        Ok(Exit::Done)
    }
}

/// The first file of a module in a directory.
fn module_in(directory: &Path) -> Option<String> {
    let entries = std::fs::read_dir(directory).ok()?;
    let names = entries
        .flatten()
        .map(|entry| entry.file_name().to_string_lossy().into_owned());
    let is_module = |name: &String| name.ends_with(".bake.hcl") || name.ends_with(".bake.json");
    names.filter(is_module).min()
}
