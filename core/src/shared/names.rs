//! Which space a name stands for.

use std::collections::BTreeMap;
use std::fmt;

use super::Shared;
use crate::sync::{Arc, Mutex, Weak};

/// Spaces by name. It keeps none alive, and drops none while it is locked.
#[derive(Default)]
pub(crate) struct Names(Mutex<BTreeMap<String, Weak<Shared>>>);

impl Names {
    pub(crate) const fn new() -> Names {
        Names(Mutex::new(BTreeMap::new()))
    }

    /// The space of this name, if it is still there.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Shared>> {
        self.0.lock().get(name)?.upgrade()
    }

    /// Gives the name to `space`, if it still stands for what `find` answered.
    pub(crate) fn replace(&self, name: &str, found: Option<&Arc<Shared>>, space: &Arc<Shared>) -> bool {
        let there; // Declared before the lock, so that it is dropped after it.
        let mut names = self.0.lock();
        there = names.get(name).and_then(Weak::upgrade);
        if there.as_ref().map(Arc::as_ptr) != found.map(Arc::as_ptr) {
            return false;
        }
        names.retain(|_, space| space.strong_count() > 0);
        names.insert(name.to_owned(), Arc::downgrade(space));
        true
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.0.lock().keys().cloned().collect();
        f.debug_set().entries(names).finish()
    }
}
