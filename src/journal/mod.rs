//! The crash-safe record of an apply in progress: what is about to be made, what stands, what is gone again.

pub mod backend;
pub mod record;
pub mod standing;

pub use backend::{Backend, Found, Journal};
pub use record::{Outcome, Record};
pub use standing::{Place, Standing};
