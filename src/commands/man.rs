//! `bake man`.

use super::completion::one_dash;
use super::exit::Exit;
use super::help;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::host::HostError;
use crate::ui::Terminal;

/// Print the manual page
#[derive(Debug, clap::Args)]
#[command(after_help = "\
bake man | man -l -
bake man > /usr/local/share/man/man1/bake.1")]
pub struct Args {}

impl Args {
    /// Prints the page as roff.
    pub fn run(self, terminal: &Terminal) -> Result<Exit, Diagnostics> {
        let page = page().map_err(|error| Diagnostic::from(HostError::of_io("write the manual page", error)))?;
        terminal.data(&page);
        Ok(Exit::Done)
    }
}

fn page() -> std::io::Result<String> {
    let command = super::command();
    let page = clap_mangen::Man::new(command.clone());
    let mut roff = Vec::new();
    page.render_title(&mut roff)?;
    page.render_name_section(&mut roff)?;
    roff.extend_from_slice(b".SH SYNOPSIS\n.B bake\n[flags] COMMAND [flags] [arguments]\n");
    page.render_description_section(&mut roff)?;
    let mut text = String::from_utf8_lossy(&roff).into_owned();
    for command in command.get_subcommands().filter(|command| !command.is_hide_set()) {
        let name = command.get_name().to_owned();
        text += &format!(".SH \"bake {}\"\n{}", name, preformatted(&help::of(Some(name.clone()))));
    }
    text += CLOSING;
    Ok(one_dash(&text.replace("\\-\\-", "--")))
}

/// Text as it stands: no filling, no breaking, nothing read as a request.
fn preformatted(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let escaped = line.replace('\\', "\\e").replace('-', "\\-");
        match escaped.starts_with(['.', '\'']) {
            true => format!("\\&{escaped}\n"),
            false => escaped + "\n",
        }
    });
    format!(".nf\n{}.fi\n", lines.collect::<String>())
}

const CLOSING: &str = r#".SH "EXIT STATUS"
.TP
0
done
.TP
1
error, or something is left standing (and named)
.TP
2
there are changes (plan \-detailed\-exitcode)
.TP
3
something differs: a file is not in its form (fmt \-check), an image is not built again with the same bytes (verify)
.TP
130, 143
interrupted by Ctrl\-C or SIGHUP; by SIGTERM
.SH ENVIRONMENT
.TP
BAKE_WORKSPACE
the workspace, where \-workspace does not say
.TP
BAKE_VAR_name
the value of the variable "name"
.TP
NO_COLOR, CLICOLOR_FORCE
no colours; colours also in a pipe
.SH FILES
.TP
*.bake.hcl, *.bake.json
the module
.TP
*.auto.bakevars.hcl
values of variables
.TP
bake.lock.hcl
what data sources found, and the date of reproducible images
.TP
\&.bake/
journals, logs, locks, and the store of the local provider unless the module says otherwise
"#;
