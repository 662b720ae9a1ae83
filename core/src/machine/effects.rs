//! What follows from one step, in the order decided.

use super::Effect;

/// What follows from one step for others. Usually nothing, or one thing, which is written where it stays.
#[must_use]
pub(crate) struct Effects<R> {
    first: Option<Effect<R>>,
    /// Empty while there is no first one.
    others: Vec<Effect<R>>,
}

impl<R> Effects<R> {
    #[inline]
    pub(crate) const fn new() -> Effects<R> {
        Effects { first: None, others: Vec::new() }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.first.is_none()
    }

    /// The only one.
    #[inline]
    pub(crate) fn sole(&self) -> Option<&Effect<R>> {
        self.first.as_ref().filter(|_| self.others.is_empty())
    }

    /// As `sole`, to be changed.
    #[inline]
    pub(crate) fn sole_mut(&mut self) -> Option<&mut Effect<R>> {
        self.first.as_mut().filter(|_| self.others.is_empty())
    }

    /// Takes out the only one.
    #[inline]
    pub(crate) fn take_sole(&mut self) -> Option<Effect<R>> {
        match self.others.is_empty() {
            true => self.first.take(),
            false => None,
        }
    }

    pub(crate) fn push(&mut self, effect: Effect<R>) {
        self.push_with(|| effect);
    }

    /// As `push`; made in its place.
    #[inline(always)]
    pub(super) fn push_with(&mut self, effect: impl FnOnce() -> Effect<R>) {
        match self.first {
            None => self.first = Some(effect()),
            Some(_) => self.others.push(effect()),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Effect<R>> {
        self.first.iter().chain(&self.others)
    }

    pub(crate) fn into_all(self) -> impl Iterator<Item = Effect<R>> {
        self.first.into_iter().chain(self.others)
    }
}

impl<R> Default for Effects<R> {
    fn default() -> Effects<R> {
        Effects::new()
    }
}

impl<R> Extend<Effect<R>> for Effects<R> {
    fn extend<I: IntoIterator<Item = Effect<R>>>(&mut self, effects: I) {
        effects.into_iter().for_each(|effect| self.push(effect));
    }
}

impl<R> FromIterator<Effect<R>> for Effects<R> {
    fn from_iter<I: IntoIterator<Item = Effect<R>>>(effects: I) -> Effects<R> {
        let mut all = Effects::new();
        all.extend(effects);
        all
    }
}
