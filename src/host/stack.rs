//! Room on the stack for what calls itself: a value may be built on hundreds of others, and a directory in an image may be
//! deeper than the stack of a thread is.

/// Bytes of the stack that one step may take before it asks again: an expression may have 64 levels, each some frames.
const ROOM: usize = 1 << 20;

/// What is added to the stack when less is left.
const MORE: usize = 16 << 20;

/// Does a step that calls itself, on a stack that has room for it.
pub fn roomy<T>(step: impl FnOnce() -> T) -> T {
    stacker::maybe_grow(ROOM, MORE, step)
}
