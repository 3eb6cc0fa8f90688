//! What a person types without showing it.

use std::io::stdin;

use nix::sys::termios::{LocalFlags, SetArg, tcgetattr, tcsetattr};

/// Does the work while the terminal behind standard input shows nothing of what is typed; just does it if there is none.
///
/// Source: termios(3), `ECHO` and `ECHONL`.
pub fn hidden<T>(work: impl FnOnce() -> T) -> T {
    let Ok(before) = tcgetattr(stdin()) else {
        return work();
    };
    let mut silent = before.clone();
    silent.local_flags.remove(LocalFlags::ECHO);
    silent.local_flags.insert(LocalFlags::ECHONL);
    // If the terminal does not listen, what is typed is seen: no reason not to read it.
    let _ = tcsetattr(stdin(), SetArg::TCSAFLUSH, &silent);
    let done = work();
    let _ = tcsetattr(stdin(), SetArg::TCSAFLUSH, &before);
    done
}
