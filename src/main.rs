//! bake.
fn main() {}
