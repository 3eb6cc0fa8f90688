//! Work on many things at once, on all processors.

use std::thread;

use super::machine;

/// What a thread may use of its stack: as much as the first one usually has, so that how deeply a text may be nested does
/// not depend on how many others are read beside it.
const STACK: usize = 8 << 20;

/// Does the same with each of these and answers in their order. A thread is started for as many of them as are worth one
/// (`worth`, at least 1); the caller's own takes part.
pub fn side_by_side<'a, T: Sync, R: Send>(items: &'a [T], worth: usize, one: impl Fn(&'a T) -> R + Sync) -> Vec<R> {
    let threads = machine::processors().min(items.len() / worth);
    if threads < 2 {
        return items.iter().map(one).collect();
    }
    let all = |part: &'a [T]| part.iter().map(&one).collect::<Vec<_>>();
    let (own, others) = items.split_at(items.len().div_ceil(threads));
    thread::scope(|scope| {
        let start = |part| {
            thread::Builder::new()
                .stack_size(STACK)
                .spawn_scoped(scope, move || all(part))
        };
        let running: Vec<_> = others.chunks(own.len()).map(|part| (part, start(part))).collect();
        let mut done = all(own);
        for (part, thread) in running {
            // One that the system does not start is the caller's own work.
            let joined = thread.map_or_else(|_| Ok(all(part)), thread::ScopedJoinHandle::join);
            done.extend(joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        done
    })
}
