//! A value behind a mutex, for the layers above, which name none; or without one, where one thread alone has it.

use std::cell::RefCell;

use crate::sync::Mutex;

/// A value that is changed through a shared reference.
pub(crate) trait Access<T> {
    /// Looks at the value, or changes it. What is done runs no caller's code, and drops no caller's value.
    fn with<R>(&self, what: impl FnOnce(&mut T) -> R) -> R;

    /// The value, where nobody else can reach it.
    fn get_mut(&mut self) -> &mut T;
}

/// A value that several threads change, one after the other.
#[derive(Default)]
pub(crate) struct Enclosed<T>(Mutex<T>);

impl<T> Enclosed<T> {
    #[inline(always)]
    pub(crate) fn new(value: T) -> Enclosed<T> {
        Enclosed(Mutex::new(value))
    }
}

impl<T> Access<T> for Enclosed<T> {
    fn with<R>(&self, what: impl FnOnce(&mut T) -> R) -> R {
        what(&mut self.0.lock())
    }

    #[inline]
    fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }
}

impl<T> Access<T> for RefCell<T> {
    #[inline]
    fn with<R>(&self, what: impl FnOnce(&mut T) -> R) -> R {
        what(&mut self.borrow_mut())
    }

    #[inline]
    fn get_mut(&mut self) -> &mut T {
        RefCell::get_mut(self)
    }
}
