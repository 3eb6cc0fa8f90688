//! A panic is a bug in bake, and is said to be one: in two lines, without a backtrace unless one is asked for.

use std::io::Write;
use std::panic::PanicHookInfo;

/// Replaces the message that Rust prints.
pub fn report_as_bugs() {
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        // Nothing can be done about a stderr that is gone.
        let _ = writeln!(std::io::stderr(), "{}", message(info));
        if std::env::var_os("RUST_BACKTRACE").is_some() {
            default(info);
        }
    }));
}

fn message(info: &PanicHookInfo<'_>) -> String {
    let what = info.payload_as_str().unwrap_or("no message");
    let place = info
        .location()
        .map(|place| format!(" ({}:{})", place.file(), place.line()));
    format!(
        "error: this is a bug in bake {}: {what}{}\n = help: please report this line with the command that you ran; \
         RUST_BACKTRACE=1 shows more\n = help: if an apply was running, bake recover finishes its teardown",
        env!("CARGO_PKG_VERSION"),
        place.unwrap_or_default()
    )
}
