//! What means harm, and bad luck: modules that are too much, values that shall stay secret, files that are not what they
//! seem. Each ends with a clear error, in bounded time and memory, and leaves nothing.

#![allow(clippy::disallowed_methods)] // The rule is for the product.

mod bench;
mod modules;
mod secrets;
