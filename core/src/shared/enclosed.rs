//! A value behind a mutex, for the layers above, which name none.

use crate::sync::Mutex;

/// A value that several threads change, one after the other.
#[derive(Default)]
pub(crate) struct Enclosed<T>(Mutex<T>);

impl<T> Enclosed<T> {
    #[inline(always)]
    pub(crate) fn new(value: T) -> Enclosed<T> {
        Enclosed(Mutex::new(value))
    }

    /// The value, where nobody else can reach it.
    #[inline]
    pub(crate) fn get_mut(&mut self) -> &mut T {
        self.0.get_mut()
    }

    /// Looks at the value, or changes it. What is done runs no caller's code, and drops no caller's value.
    pub(crate) fn with<R>(&self, what: impl FnOnce(&mut T) -> R) -> R {
        what(&mut self.0.lock())
    }
}
