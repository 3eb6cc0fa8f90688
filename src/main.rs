//! The program: become the helper process, or parse the arguments and run a command.

fn main() -> std::process::ExitCode {
    bake::commands::main(std::env::args_os().skip(1).collect())
}
