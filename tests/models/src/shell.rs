//! What a model asks of a shell, and a space as one.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use latchwork::{ErrorKind, Guard, Key, Space};

use crate::checker::block_on;

/// The handle that a request came through was closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed;

/// A request: joins at its first poll, is cancelled when it is dropped.
pub type Wait<G> = Pin<Box<dyn Future<Output = Result<G, Closed>> + Send>>;

/// A handle on a place where locks live. Clones are the same handle.
pub trait Shell: Clone + Send + Sync + 'static {
    /// What is held; released when it is dropped.
    type Guard: Send + 'static;

    /// Asks for `keys`, exclusively.
    fn lock(&self, keys: &[Key]) -> Wait<Self::Guard>;

    /// Another handle on the same place.
    fn attach(&self) -> Self;

    /// Ends what was asked for through this handle.
    fn close(&self);

    /// Whether a grant still stands.
    fn is_held(guard: &Self::Guard) -> bool;

    /// Whether nothing is held and nobody waits.
    fn is_empty(&self) -> bool;

    /// Takes keys that are free.
    fn take(&self, keys: &[Key]) -> Self::Guard {
        match poll(&mut self.lock(keys), Waker::noop()) {
            Poll::Ready(Ok(guard)) => guard,
            _ => panic!("the keys are free"),
        }
    }

    /// Joins the queues of keys that are held.
    fn join(&self, keys: &[Key]) -> Wait<Self::Guard> {
        let mut wait = self.lock(keys);
        assert!(poll(&mut wait, Waker::noop()).is_pending(), "the keys are held");
        wait
    }
}

/// Polls once.
pub fn poll<G>(wait: &mut Wait<G>, waker: &Waker) -> Poll<Result<G, Closed>> {
    wait.as_mut().poll(&mut Context::from_waker(waker))
}

impl Shell for Space {
    type Guard = Guard;

    fn lock(&self, keys: &[Key]) -> Wait<Guard> {
        let (space, keys) = (self.clone(), keys.to_vec());
        Box::pin(async move {
            space.lock(keys).await.map_err(|error| {
                assert_eq!(error.kind(), ErrorKind::Closed, "{error}");
                Closed
            })
        })
    }

    fn attach(&self) -> Space {
        Space::attach(self)
    }

    fn close(&self) {
        Space::close(self);
    }

    fn is_held(guard: &Guard) -> bool {
        guard.held()
    }

    fn is_empty(&self) -> bool {
        let query = block_on(self.query()).expect("a handle that is open");
        query.held.is_empty() && query.pending.is_empty()
    }
}

/// A space that is its own for each schedule.
pub fn space(shards: usize) -> Space {
    Space::builder().shards(shards).build()
}

/// Two keys that live in different shards of a space with two. To be asked inside a model, once, since it takes locks.
///
/// # Panics
///
/// When none are found: then a ticket no longer says where it is.
pub fn keys_in_two_shards() -> [Key; 2] {
    let space = space(2);
    let place = |key: &Key| space.take(std::slice::from_ref(key)).ticket().to_parts().0 >> 32;
    let keys: Vec<Key> = (0..64_i64).map(Key::from).collect();
    let other = keys.iter().find(|key| place(key) != place(&keys[0])).expect("keys in both shards");
    [keys[0].clone(), other.clone()]
}
