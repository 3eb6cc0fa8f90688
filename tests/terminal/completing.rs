//! Completion in an interactive bash, with the keys that a person presses: Debian's bash-completion is loaded, as on any
//! desktop, and bake's script on top of it.

use crate::project;
use crate::pty::Pty;

/// A bash that has loaded everything, and shows no colours and no bell.
fn bash(project: &crate::support::Project) -> Pty {
    let mut bash = Pty::shell(
        project,
        "stty cols 200 rows 24; exec env TERM=dumb INPUTRC=/dev/null PS1='>' bash --norc --noprofile -i",
    );
    let bin = std::path::Path::new(env!("CARGO_BIN_EXE_bake"));
    let bin = bin.parent().expect("a program lies in a directory").display();
    bash.keys("bind 'set bell-style none'; bind 'set enable-bracketed-paste off'; set +o history\n");
    bash.keys(". /usr/share/bash-completion/bash_completion\n");
    bash.keys(&format!(
        "PATH={bin}:$PATH; source <(bake completion bash); echo lo\\aded\n"
    ));
    bash.wait_for("loaded");
    bash
}

/// Presses Tab once behind each line; readline writes what it adds.
#[test]
fn tab_completes_commands_flags_images_and_files() {
    let project = project("");
    project.write("kept.bakeplan", "");
    let mut bash = bash(&project);
    for (typed, becomes) in [
        ("bake pl\t", "bake plan "),
        ("bake force-\t", "bake force-unlock "),
        ("bake plan -det\t", "bake plan -detailed-exitcode "),
        ("bake apply -on-error ke\t", "bake apply -on-error keep "),
        ("bake graph -format me\t", "bake graph -format mermaid "),
        ("bake plan -target im\t", "bake plan -target image.tiny "),
        ("bake export image.t\t", "bake export image.tiny "),
        ("bake apply ./ke\t", "bake apply ./kept.bakeplan "),
        ("bake plan -var-file ./ke\t", "bake plan -var-file ./kept.bakeplan "),
    ] {
        bash.keys(typed);
        bash.wait_for(becomes);
        // Ctrl-U takes the line away again.
        bash.keys("\u{15}");
    }
    bash.keys("exit\n");
    assert_eq!(bash.end().code, 0);
}
