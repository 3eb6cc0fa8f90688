//! What people and other programs see. Reads data types and events, and decides nothing.

pub mod annotations;
mod canvas;
pub mod diagnostic;
pub mod diff;
pub mod images;
pub mod json;
pub mod paint;
pub mod plan;
pub mod printable;
pub mod progress;
pub mod summary;
pub mod table;
pub mod terminal;
pub mod timeline;
pub mod validation;
pub mod values;
pub mod waiting;

pub use terminal::Terminal;
