//! bake builds machine images the way Terraform builds infrastructure.
//!
//! One way for data to flow, and a module for each stage:
//!
//! ```text
//!  *.bake.hcl ──lang──▶ values ──module──▶ ImageSpec ──graph──▶ nodes + digests ──plan──▶ Plan (actions + steps) ──apply──▶ Report
//!                        ▲                    ▲                                    ▲                                 │
//!                      schema               schema                       providers (read)           providers (write), host
//!                                                                                                                     │
//!  diagnostics, plan text, progress  ◀────────────────────────────── ui ◀───────────────────────── Event ◀────────────┘
//! ```

// words
pub mod address;
pub mod diagnostic;
pub mod digest;
pub mod event;
pub mod secrets;
pub mod source;
pub mod units;

// ground
pub mod host;
pub mod lang;
pub mod schema;

// describing
pub mod bootstrap;
pub mod data;
pub mod filesystems;
pub mod nodes;
pub mod providers;
pub mod spec;
pub mod steps;

// deciding
pub mod graph;
pub mod module;
pub mod plan;

// doing
pub mod apply;
pub mod journal;

// edge
pub mod commands;
pub mod ui;
