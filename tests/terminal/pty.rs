//! bake on a terminal of its own: script(1) makes the terminal and hands keys and output on.

#![allow(dead_code)] // Each test file uses its own part.

use std::io::{Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::Project;

/// How long anything may take before the test is given up.
const PATIENCE: Duration = Duration::from_secs(60);

/// A command on a terminal.
pub struct Pty {
    script: Child,
    output: Receiver<Vec<u8>>,
    seen: Vec<u8>,
    /// How much of `seen` has been waited for.
    read: usize,
}

/// A command that is over.
pub struct Ended {
    /// Its exit status.
    pub code: i32,
    /// Everything that it wrote, as the terminal got it.
    pub output: String,
}

impl Pty {
    /// Runs bake in a project.
    pub fn bake(project: &Project, columns: u16, arguments: &[&str]) -> Pty {
        Pty::bake_with(project, columns, "", arguments)
    }

    /// The same with words before the program, such as assignments of variables to env(1).
    pub fn bake_with(project: &Project, columns: u16, before: &str, arguments: &[&str]) -> Pty {
        let line = format!(
            "stty cols {columns} rows 24; exec env {before} {} {}",
            env!("CARGO_BIN_EXE_bake"),
            arguments.join(" ")
        );
        Pty::shell(project, &line)
    }

    /// Runs a line of the shell in a project.
    pub fn shell(project: &Project, line: &str) -> Pty {
        let mut script = Command::new("script")
            .args(["-qefc", line, "/dev/null"])
            .current_dir(project.path())
            .env("SHELL", "/bin/sh")
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script(1) is installed");
        let mut from = script.stdout.take().expect("it was asked for above");
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(count @ 1..) = from.read(&mut chunk) {
                if sender.send(chunk[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Pty {
            script,
            output,
            seen: Vec::new(),
            read: 0,
        }
    }

    /// Waits until this has been written since the last time.
    pub fn wait_for(&mut self, text: &str) {
        loop {
            let fresh = &self.seen[self.read..];
            if let Some(at) = find(fresh, text.as_bytes()) {
                self.read += at + text.len();
                return;
            }
            match self.output.recv_timeout(PATIENCE) {
                Ok(bytes) => self.seen.extend(bytes),
                Err(why) => panic!("no {text:?} ({why}) in\n{}", String::from_utf8_lossy(&self.seen)),
            }
        }
    }

    /// Presses keys.
    pub fn keys(&mut self, keys: &str) {
        let keyboard = self.script.stdin.as_mut().expect("it was asked for at the start");
        keyboard.write_all(keys.as_bytes()).expect("script reads the keys");
    }

    /// Ctrl-C.
    pub fn interrupt(&mut self) {
        self.keys("\u{3}");
    }

    /// Sends bake a signal from elsewhere.
    pub fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(self.pid()), signal).expect("bake runs");
    }

    /// The process id of bake: the shell of script(1) has become it.
    fn pid(&self) -> i32 {
        let script = self.script.id();
        let children = std::fs::read_to_string(format!("/proc/{script}/task/{script}/children")).expect("proc(5)");
        children.trim().parse().expect("script has one child")
    }

    /// Gives the terminal another size.
    pub fn resize(&self, columns: u16, rows: u16) {
        let terminal = std::fs::read_link(format!("/proc/{}/fd/0", self.pid())).expect("bake's terminal");
        let (columns, rows) = (columns.to_string(), rows.to_string());
        let resized = Command::new("stty")
            .arg("-F")
            .arg(terminal)
            .args(["cols", &columns, "rows", &rows])
            .status();
        assert!(resized.expect("stty starts").success());
    }

    /// The terminal goes away.
    pub fn hang_up(mut self) {
        self.script.kill().expect("script runs");
        self.script.wait().expect("script ends");
    }

    /// Waits for the end.
    pub fn end(mut self) -> Ended {
        loop {
            match self.output.recv_timeout(PATIENCE) {
                Ok(bytes) => self.seen.extend(bytes),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(why) => panic!("no end ({why}) after\n{}", String::from_utf8_lossy(&self.seen)),
            }
        }
        let code = self.script.wait().expect("script ends").code();
        Ended {
            code: code.expect("script exits"),
            output: String::from_utf8_lossy(&self.seen).into_owned(),
        }
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // Of a test that failed.
        let _ = self.script.kill();
        let _ = self.script.wait();
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len()).position(|window| window == wanted)
}
