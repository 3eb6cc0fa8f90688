//! Where the output of a step goes: line by line to whoever watches, and its end into the message if the step fails.

use std::collections::VecDeque;
use std::sync::Arc;

use super::lines::Lines;
use crate::host::helper::Stream;
use crate::secrets::Secrets;

/// How many lines of a step's end a message shows.
const TAIL: usize = 10;

/// Takes the lines of a step; cheap to clone.
#[derive(Clone)]
pub struct Output {
    /// Masks a line, shows and keeps it, and gives it back as it was shown.
    show: Arc<dyn Fn(&str) -> String + Send + Sync>,
    secrets: Secrets,
}

impl Output {
    /// Lines go to `show`, which gives them back with these secrets masked.
    pub fn to(secrets: Secrets, show: impl Fn(&str) -> String + Send + Sync + 'static) -> Output {
        let show = Arc::new(show);
        Output { show, secrets }
    }

    /// A line of bake's own among those of the step.
    pub fn say(&self, line: &str) {
        (self.show)(line);
    }

    /// Cuts the streams of one command into lines.
    pub fn writer(&self) -> Writer {
        Writer {
            output: self.clone(),
            streams: [(); 2].map(|()| Lines::new(self.secrets.clone())),
            tail: VecDeque::new(),
        }
    }
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Output")
    }
}

/// The output of one command on its way to people.
#[derive(Debug)]
pub struct Writer {
    output: Output,
    streams: [Lines; 2],
    tail: VecDeque<String>,
}

impl Writer {
    /// Takes what a command wrote.
    pub fn write(&mut self, stream: Stream, bytes: &[u8]) {
        let Writer { output, streams, tail } = self;
        let lines = match stream {
            Stream::Output => &mut streams[0],
            Stream::Error => &mut streams[1],
        };
        lines.feed(bytes, |line| keep(tail, (output.show)(line)));
    }

    /// The last lines, when the command has ended.
    pub fn finish(mut self) -> Vec<String> {
        let Writer { output, streams, tail } = &mut self;
        streams
            .iter_mut()
            .for_each(|lines| lines.finish(|line| keep(tail, (output.show)(line))));
        std::mem::take(tail).into()
    }
}

fn keep(tail: &mut VecDeque<String>, line: String) {
    if tail.len() == TAIL {
        tail.pop_front();
    }
    tail.push_back(line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_do_not_cut_each_others_lines_and_the_tail_is_masked() {
        let mut writer = Output::to(Secrets::default(), |line| line.replace("secret", "*")).writer();
        writer.write(Stream::Output, b"half a ");
        writer.write(Stream::Error, b"whole\n");
        writer.write(Stream::Output, b"line\nsecret");
        assert_eq!(writer.finish(), ["whole", "half a line", "*"]);
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let mut writer = Output::to(Secrets::default(), str::to_owned).writer();
        for n in 0..50 {
            writer.write(Stream::Output, format!("{n}\n").as_bytes());
        }
        let tail = writer.finish();
        assert_eq!((tail.len(), tail[0].as_str()), (TAIL, "40"));
    }
}
