//! The events of an apply, kept beside its logs, so that it can be looked at afterwards: `bake show -last`.
//!
//! The lines are those of `bake apply -json`, without what steps wrote, which stands in their logs, and without
//! percentages: so the file grows with the number of nodes alone. It is written as things happen, so that an apply that was
//! killed has one, too.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::event::{Event, Events};
use crate::host::files;
use crate::host::log::Log;
use crate::secrets::Secrets;

use crate::ui::json;

/// Passes events on, and keeps them.
pub fn keeping(events: Events, secrets: Secrets) -> Events {
    let log: Arc<Mutex<Option<Log>>> = Arc::default();
    Events::to(move |event| {
        let mut log = log.lock().unwrap_or_else(PoisonError::into_inner);
        if let Event::Started {
            run, logs: Some(logs), ..
        } = &event
        {
            *log = open(logs, run);
        }
        // A disk that is full must not fail the build.
        if let Some(log) = log.as_mut().filter(|_| is_kept(&event)) {
            let line = secrets.mask(json::event(&event).trim_end());
            let _ = log.append(line.as_bytes());
        }
        drop(log);
        events.send(event);
    })
}

fn is_kept(event: &Event) -> bool {
    !matches!(event, Event::Output { .. } | Event::NodeProgress { .. })
}

/// Two runs that begin in one second have one directory of logs, and a file each.
fn open(logs: &Path, run: &str) -> Option<Log> {
    files::create_dir_all(logs).ok()?;
    let mut log = Log::open(&logs.join(format!("events.{run}.jsonl"))).ok()?;
    log.append(json::version().trim_end().as_bytes()).ok()?;
    Some(log)
}

fn is_record(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
    name.is_some_and(|name| name.starts_with("events.") && name.ends_with(".jsonl"))
}

/// The newest of those that are kept in a `.bake` directory: directories of logs are named by the time of their run.
pub fn newest(bake_directory: &Path) -> Option<PathBuf> {
    let runs = std::fs::read_dir(bake_directory.join("log")).ok()?.flatten();
    let files = runs.filter_map(|run| std::fs::read_dir(run.path()).ok()).flatten();
    let kept = files.flatten().map(|file| file.path()).filter(|path| is_record(path));
    kept.max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_a_stream_without_what_steps_wrote() {
        let directory = tempfile::tempdir().unwrap();
        let logs = directory.path().join("log/2026-11-23T12-03-09");
        let passed: Arc<Mutex<usize>> = Arc::default();
        let count = passed.clone();
        let events = keeping(
            Events::to(move |_| *count.lock().unwrap() += 1),
            Secrets::new(["hunter2".to_owned()]),
        );
        let address = crate::address::ImageAddress::new("web", None).itself();
        events.message("before it begins");
        events.send(Event::Started {
            run: "r".into(),
            nodes: 1,
            logs: Some(logs.clone()),
        });
        events.send(Event::Output {
            address: address.clone(),
            line: "written".into(),
        });
        events.send(Event::NodeSkipped { address });
        events.message("with hunter2 in it");
        assert_eq!(*passed.lock().unwrap(), 5, "all are passed on");
        let kept = newest(directory.path()).unwrap();
        assert_eq!(kept, logs.join("events.r.jsonl"));
        let text = std::fs::read_to_string(kept).unwrap();
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(crate::ui::timeline::is_stream(text.as_bytes()), "{text}");
        assert!(!text.contains("written") && !text.contains("hunter2"), "{text}");
        assert_eq!(newest(&logs), None);
    }
}
