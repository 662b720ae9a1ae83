//! The core's types for cells that hold bytes: what a codec makes of the values of a space.

use std::sync::Arc;

/// What a cell holds.
pub(crate) type Value = Arc<[u8]>;

/// A handle on a space.
pub(crate) type Space = latchwork::Space<Value>;

/// What speaks to a space for one loop, or for none.
pub(crate) type Port = latchwork::Port<Value>;
