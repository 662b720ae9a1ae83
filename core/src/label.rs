//! Labels: what a caller calls its request; queries and errors show it.

use crate::sync::Arc;

/// A label, cheap to clone.
pub(crate) type Label = Arc<str>;
