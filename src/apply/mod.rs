//! Doing what a plan says: the only module that changes the world.

mod again;
mod choice;
mod executor;
mod gc;
mod ledger;
mod leftovers;
mod logs;
mod opening;
pub mod recover;
pub mod report;
mod run;
pub mod signals;
mod task;

pub use choice::{Attendant, Choice, Failure, OnError};
pub use gc::{Debris, debris, remove};
pub use recover::{Recovered, recover};
pub use report::Report;
pub use run::{Settings, run};
pub use signals::Signals;

#[cfg(test)]
mod tests;
