//! The locks of Latchwork beside those of its peers.
//!
//! `latchwork-bench` times them in interleaved rounds, `latchwork-bench-memory` counts what they allocate. Both print
//! one JSON object per finding, for `cargo xtask bench` to judge; other lines are for whoever watches. What is measured,
//! and how, is described in `bench/README.md`.

pub mod cases;
pub mod finding;
pub mod key_names;
pub mod rounds;
pub mod section;
pub mod settings;
