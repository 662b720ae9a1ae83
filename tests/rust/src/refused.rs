//! What the compiler refuses, where other languages have to look: the matrix of bad input counts these values as not
//! spelled. Each of these programs differs from this one, which compiles, in one argument:
//!
//! ```
//! # use latchwork::{Error, Guard, Mode, Space}; use std::time::Duration;
//! # async fn shown(space: Space) -> Result<(), Error> {
//! let guard = space.lock(["a", "b"]).shared("c").mode(Mode::Shared).label("l").timeout(Duration::from_secs(1)).await?;
//! # drop(guard);
//! space.with_lock("a", async |_guard: &Guard| 1).await?;
//! # Ok(()) }
//! ```
//!
//! No key is a fraction, nothing, a list in a list, a map, or a guard:
//!
//! ```compile_fail,E0277
//! # use latchwork::Space;
//! fn shown(space: Space) { let _ = space.lock(0.5); }
//! ```
//! ```compile_fail,E0277
//! # use latchwork::Space;
//! fn shown(space: Space) { let _ = space.lock(None::<&str>); }
//! ```
//! ```compile_fail,E0277
//! # use latchwork::Space;
//! fn shown(space: Space) { let _ = space.lock([["a"]]); }
//! ```
//! ```compile_fail,E0277
//! # use latchwork::Space;
//! fn shown(space: Space) { let _ = space.lock(std::collections::HashMap::<&str, i32>::new()); }
//! ```
//! ```compile_fail,E0277
//! # use latchwork::{Guard, Space};
//! fn shown(space: Space, guard: Guard) { let _ = space.lock(&guard); }
//! ```
//!
//! No mode is a text, no time-out a number, no label a number:
//!
//! ```compile_fail,E0308
//! # use latchwork::Space;
//! fn shown(space: Space) { let _ = space.lock("a").mode("shared"); }
//! ```
//! ```compile_fail,E0308
//! # use latchwork::Space;
//! fn shown(space: Space) { let _ = space.lock("a").timeout(-1); }
//! ```
//! ```compile_fail,E0277
//! # use latchwork::Space;
//! fn shown(space: Space) { let _ = space.lock("a").label(5); }
//! ```
//!
//! A try has no time-out, and a body is a function of the guard:
//!
//! ```compile_fail,E0599
//! # use latchwork::Space;
//! fn shown(space: Space) { let _ = space.try_lock("a").timeout(std::time::Duration::ZERO); }
//! ```
//! ```compile_fail,E0277
//! # use latchwork::Space;
//! async fn shown(space: Space) { let _ = space.with_lock("a", 5).await; }
//! ```
