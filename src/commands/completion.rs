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
        Shell::Bash => with_images(&one_dash(&script)),
        // In fish an old-style flag (one dash, many letters) is declared with -o.
        Shell::Fish => script.replace(" -l ", " -o "),
        Shell::Zsh => script,
    }
}

/// The images of the module in the current directory, as the flags and arguments take them that name one.
const IMAGES: &str = r#"_bake_images() {
    "${COMP_WORDS[0]}" graph -format json 2>/dev/null |
        sed -n 's/^ *"address": "\(image\.[A-Za-z0-9_-]*\)[^A-Za-z0-9_-].*/\1/p' | sort -u
}
"#;

/// The generator knows no values but files.
fn with_images(script: &str) -> String {
    let value = r#"(-(?:target|exclude|replace)\)\n\s*COMPREPLY=)\(\$\(compgen -f "\$\{cur\}"\)\)"#;
    let value = regex::Regex::new(value).expect("the pattern is well formed");
    let argument = r#"(bake__subcmd__(?:show|export|force__subcmd__unlock)\)\n\s*opts="[^"]*)""#;
    let argument = regex::Regex::new(argument).expect("the pattern is well formed");
    let script = value.replace_all(script, r#"$1($$(compgen -W "$$(_bake_images)" -- "$${cur}"))"#);
    IMAGES.to_owned() + &argument.replace_all(&script, r#"$1 $$(_bake_images)""#)
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
        let images = bash.matches("$(_bake_images)").count();
        assert!(images > 6, "flags of plan, apply and destroy, and arguments: {images}");
    }
}
