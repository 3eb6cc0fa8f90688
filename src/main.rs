//! The program: become the helper process, or parse the arguments and run a command.

use std::ffi::{OsString, c_int, c_long};
use std::process::ExitCode;

/// A plan makes and drops millions of small values: with this allocator it takes two thirds of the time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// `mi_option_purge_delay` (mimalloc.h).
const PURGE_DELAY: c_int = 15;

/// Memory that has been free for so long, in milliseconds, goes back to the system. By default it is a second, in which a
/// plan of a thousand images takes an eighth more; at once takes a third more of the time.
const SOON: c_long = 100;

/// Sets how long free memory is kept.
#[allow(unsafe_code)]
fn give_memory_back() {
    // SAFETY: the allocator has this function, with these parameters, and it may be called at any time.
    unsafe extern "C" {
        safe fn mi_option_set(option: c_int, value: c_long);
    }
    mi_option_set(PURGE_DELAY, SOON);
}

fn main() -> ExitCode {
    give_memory_back();
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match bake::host::helper::main(&arguments) {
        Some(code) => ExitCode::from(code),
        None => bake::commands::main(arguments),
    }
}
