//! Which space a name stands for.

use std::fmt;

use super::Shared;
use crate::sync::{Arc, Mutex, Weak};

/// Spaces by name; there are few. It keeps none alive, and drops none while it is locked.
#[derive(Default)]
pub(crate) struct Names(Mutex<Vec<(String, Weak<Shared>)>>);

impl Names {
    pub(crate) const fn new() -> Names {
        Names(Mutex::new(Vec::new()))
    }

    /// The space of this name, if it is still there.
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Shared>> {
        of_name(&self.0.lock(), name)
    }

    /// Gives the name to `space`, if it still stands for what `find` answered.
    pub(crate) fn replace(&self, name: &str, found: Option<&Arc<Shared>>, space: &Arc<Shared>) -> bool {
        let there; // Declared before the lock, so that it is dropped after it.
        let mut names = self.0.lock();
        there = of_name(&names, name);
        if there.as_ref().map(Arc::as_ptr) != found.map(Arc::as_ptr) {
            return false;
        }
        names.retain(|(other, space)| other != name && space.strong_count() > 0);
        names.push((name.to_owned(), Arc::downgrade(space)));
        true
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<String> = self.0.lock().iter().map(|(name, _)| name.clone()).collect();
        f.debug_set().entries(names).finish()
    }
}

fn of_name(names: &[(String, Weak<Shared>)], name: &str) -> Option<Arc<Shared>> {
    names.iter().find(|(other, _)| other == name)?.1.upgrade()
}
