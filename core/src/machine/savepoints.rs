//! The savepoints of an attempt (clause C7). While one is open, what a write replaces is kept too, so that leaving it by an
//! error puts it back.

use super::attempt::{Attempt, Pending, Refused};

/// A savepoint that is open.
pub(super) struct Savepoint {
    scope: u64,
    /// The scope around it.
    outer: Option<u64>,
    /// How much there was of `replaced` and of `callbacks` when it was opened.
    replaced: usize,
    callbacks: usize,
}

/// How a savepoint is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inner {
    /// What it wrote stays.
    Keep,
    /// What it wrote goes.
    Undo,
}

impl<T> Attempt<T> {
    /// Opens a savepoint. Answers its scope.
    pub(crate) fn enter(&mut self) -> u64 {
        self.last_scope += 1;
        let (scope, outer) = (self.last_scope, self.scope.replace(self.last_scope));
        let rare = self.rare();
        let (replaced, callbacks) = (rare.replaced.len(), rare.callbacks.len());
        rare.savepoints.push(Savepoint { scope, outer, replaced, callbacks });
        scope
    }

    /// Why what comes through the handle of this scope is refused, which is not the innermost that is open.
    #[cold]
    pub(super) fn refused(&self, scope: u64) -> Refused {
        let mut open = self.rare.iter().flat_map(|rare| &rare.savepoints);
        match open.any(|savepoint| savepoint.outer == Some(scope)) {
            true => Refused::Outside,
            false => Refused::Ended,
        }
    }

    /// Leaves a savepoint, and undoes those inside it that are still open. Answers what is to be dropped.
    ///
    /// # Errors
    ///
    /// `Ended` when it is not open; the others with the savepoint left all the same: its attempt is over, or it was aborted
    /// itself, so that its writes are undone.
    pub(crate) fn leave(&mut self, scope: u64, how: Inner) -> (Vec<T>, Result<(), Refused>) {
        let mut dropped = Vec::new();
        let open = self.rare.as_ref().is_some_and(|rare| rare.savepoints.iter().any(|open| open.scope == scope));
        if !open {
            return (dropped, Err(Refused::Ended));
        }
        loop {
            let aborted = self.rare().aborted.take();
            let Some(left) = self.rare().savepoints.pop() else { return (dropped, Err(Refused::Ended)) };
            self.scope = left.outer;
            let keep = left.scope == scope && how == Inner::Keep && aborted.is_none();
            if !keep {
                self.undo(&left, &mut dropped);
            }
            if left.scope != scope {
                continue;
            }
            return match (&self.rare().mark, aborted) {
                (Some(_), _) => (dropped, Err(Refused::Doomed)),
                (None, Some(reason)) => (dropped, Err(Refused::Aborted(reason))),
                (None, None) => (dropped, Ok(())),
            };
        }
    }

    /// Undoes all savepoints that are open: the body has ended. Adds what is to be dropped.
    #[inline]
    pub(crate) fn close_savepoints(&mut self, left: &mut impl Extend<T>) {
        while let Some(rare) = &mut self.rare
            && let Some(open) = rare.savepoints.pop()
        {
            (self.scope, rare.aborted) = (open.outer, None);
            self.undo(&open, left);
        }
    }

    /// Marks the innermost scope as aborted by its body.
    pub(crate) fn abort(&mut self, reason: &str) {
        self.rare().aborted = Some(reason.to_owned());
    }

    /// The reason, if the body has aborted the whole attempt: asked when no savepoint is open.
    pub(crate) fn aborted(&self) -> Option<&str> {
        self.rare.as_ref()?.aborted.as_deref()
    }

    fn undo(&mut self, open: &Savepoint, left: &mut impl Extend<T>) {
        let Some(rare) = &mut self.rare else { return };
        rare.callbacks.truncate(open.callbacks);
        for (at, before) in rare.replaced.drain(open.replaced..).rev() {
            let undone = std::mem::replace(&mut self.touched[at as usize].write, before);
            left.extend(undone.and_then(Pending::into_value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::attempt::tests::write;
    use super::*;
    use crate::Key;
    use crate::machine::{Doom, Mark};

    fn written(attempt: &Attempt<u32>, key: u64) -> Option<u32> {
        match &attempt.touched[attempt.find(key, &Key::from(key))?].write {
            Some(Pending::Set { value, .. }) => Some(*value),
            _ => None,
        }
    }

    #[test]
    fn a_savepoint_takes_its_own_writes_back_and_keeps_its_reads() {
        let mut attempt = Attempt::new();
        let (body, _) = attempt.begin();
        write(&mut attempt, 1, 1);
        let outer = attempt.enter();
        attempt.add_callback(7);
        write(&mut attempt, 1, 2);
        let inner = attempt.enter();
        write(&mut attempt, 1, 3);
        write(&mut attempt, 2, 4);
        attempt.note_read(None, (3, &Key::from(3_u64)), 9, None);
        attempt.add_callback(8);
        assert_eq!(attempt.check(outer), Err(Refused::Outside));
        assert_eq!(attempt.check(body), Err(Refused::Outside));
        assert_eq!(attempt.check(inner), Ok(()));
        // What is kept inside is undone with what is around it.
        assert_eq!(attempt.leave(inner, Inner::Keep).1, Ok(()));
        assert_eq!(attempt.check(inner), Err(Refused::Ended));
        let (dropped, left) = attempt.leave(outer, Inner::Undo);
        assert_eq!((dropped.len(), left), (3, Ok(())));
        assert_eq!((written(&attempt, 1), written(&attempt, 2)), (Some(1), None));
        assert!(!attempt.has_read_nothing());
        assert_eq!(attempt.check(body), Ok(()));
        assert!(attempt.take_callbacks().is_empty());
    }

    #[test]
    fn an_abort_belongs_to_its_savepoint_and_a_mark_to_the_attempt() {
        let mut attempt: Attempt<u32> = Attempt::new();
        let (body, _) = attempt.begin();
        let inner = attempt.enter();
        write(&mut attempt, 1, 1);
        attempt.abort("no");
        assert_eq!(attempt.check(inner), Err(Refused::Aborted("no".into())));
        assert_eq!(attempt.leave(inner, Inner::Keep).1, Err(Refused::Aborted("no".into())));
        assert!(attempt.is_read_only() && attempt.aborted().is_none());
        assert_eq!(attempt.check(body), Ok(()));
        let inner = attempt.enter();
        attempt.mark(Mark::Retry);
        attempt.mark(Mark::Doomed(Doom::default()));
        assert_eq!(attempt.check(inner), Err(Refused::Doomed));
        assert_eq!(attempt.leave(inner, Inner::Keep).1, Err(Refused::Doomed));
        assert!(matches!(attempt.take_mark(), Some(Mark::Retry)));
        let (next, _) = attempt.begin();
        assert_eq!(attempt.check(body), Err(Refused::Ended));
        assert_eq!(attempt.check(next), Ok(()));
    }
}
