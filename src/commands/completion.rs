//! `bake completion`.

use clap::ValueEnum;

use super::exit::Exit;
use crate::diagnostic::Diagnostics;
use crate::ui::Terminal;

/// Print a completion script for a shell
#[derive(Debug, clap::Args)]
#[command(after_help = "\
source <(bake completion bash)                                 # for this shell
bake completion bash > /etc/bash_completion.d/bake             # for all, Debian
bake completion zsh > ~/.zfunc/_bake                           # with ~/.zfunc in fpath
bake completion fish > ~/.config/fish/completions/bake.fish")]
pub struct Args {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// A shell with completion.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    /// GNU bash.
    Bash,
    /// zsh.
    Zsh,
    /// fish.
    Fish,
}

impl Args {
    /// Prints the script.
    pub fn run(self, terminal: &Terminal) -> Result<Exit, Diagnostics> {
        terminal.data(&script(self.shell));
        Ok(Exit::Done)
    }
}

fn script(shell: Shell) -> String {
    let mut command = super::command();
    let mut script = Vec::new();
    let kind = match shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Zsh => clap_complete::Shell::Zsh,
        Shell::Fish => clap_complete::Shell::Fish,
    };
    clap_complete::generate(kind, &mut command, "bake", &mut script);
    let script = String::from_utf8(script).expect("the generator writes text");
    match shell {
        // Completed as they are written in this program's help: with one dash.
        Shell::Bash => one_dash(&script),
        // In fish an old-style flag (one dash, many letters) is declared with -o.
        Shell::Fish => script.replace(" -l ", " -o "),
        Shell::Zsh => script,
    }
}

/// `--json` becomes `-json`; a `--` that stands alone stays.
pub fn one_dash(text: &str) -> String {
    let pattern = regex::Regex::new(r"(^|[^-\w])--([a-z])").expect("the pattern is well formed");
    pattern.replace_all(text, "$1-$2").into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_know_commands_and_flags() {
        for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
            let script = script(shell);
            assert!(script.contains("version") && script.contains("json"), "{shell:?}");
        }
        let bash = script(Shell::Bash);
        assert!(!bash.contains(" --json"), "{bash}");
        assert!(bash.contains("-- \"${cur}\""), "{bash}");
    }
}
