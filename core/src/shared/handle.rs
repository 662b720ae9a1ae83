//! The openings of a space, and how they end.

use super::shard::Locked;
use super::{Mailbox, Shared, outcome};
use crate::Ticket;
use crate::machine::{Effects, Leave, Origin, sort_by};
use crate::sync::{Arc, AtomicBool, Mutex, Ordering, Weak};

/// One opening of a space: what came from it, or from one of its ports, ends with it.
pub(crate) struct Handle {
    origin: Origin,
    /// The origins of its ports.
    ports: Mutex<Vec<Origin>>,
    closed: AtomicBool,
    space: Weak<Shared>,
}

impl Shared {
    /// The handle of whoever made the space.
    pub(crate) fn first_handle(&self) -> Arc<Handle> {
        self.open_handles.fetch_add(1, Ordering::AcqRel);
        self.new_handle()
    }

    /// Whether the last handle is closed or gone.
    pub(crate) fn has_ended(&self) -> bool {
        self.open_handles.load(Ordering::Acquire) == 0
    }

    /// Another handle. `None` when the last one was closed: the space has ended.
    pub(crate) fn another_handle(&self) -> Option<Arc<Handle>> {
        let more = |open: u32| (open > 0).then_some(open + 1);
        self.open_handles.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(self.new_handle())
    }

    fn new_handle(&self) -> Arc<Handle> {
        let space = self.shards[0].weak_space().clone();
        let origin = self.new_origin();
        let handle = Arc::new(Handle { origin, ports: Mutex::default(), closed: AtomicBool::new(false), space });
        self.handles.lock().push((origin, Arc::downgrade(&handle)));
        handle
    }

    /// The handle with this origin, if it was not dropped.
    pub(crate) fn handle_from(&self, origin: Origin) -> Option<Arc<Handle>> {
        // Upgraded ones are dropped after the lock: the last reference to a handle takes it too.
        let all: Vec<Arc<Handle>> = self.handles.lock().iter().filter_map(|(_, handle)| handle.upgrade()).collect();
        all.into_iter().find(|handle| handle.origin == origin)
    }

    /// The origin of a new port of a handle.
    pub(crate) fn open_port(&self, handle: &Handle) -> Origin {
        let origin = self.new_origin();
        handle.ports.lock().push(origin);
        origin
    }

    /// Ends a port for good.
    pub(crate) fn close_port(&self, handle: &Handle, port: Origin, own: &Mailbox) {
        self.end(&[port], Leave::Close, Some(own));
        handle.ports.lock().retain(|&other| other != port);
    }

    /// Ends everything that came from these origins, by [`Leave::Close`] or [`Leave::Abandon`]: its waits fail with
    /// `closed`, its grants are released, its owners are closed.
    pub(crate) fn end(&self, origins: &[Origin], why: Leave, own: Option<&Mailbox>) {
        let all = self.shards.iter().flat_map(|shard| {
            let table = shard.lock();
            if table.is_vacant() {
                return Vec::new();
            }
            Locked::new(shard, table).of_origins(origins)
        });
        self.end_requests(all.collect(), Leave::Close, why, own);
        let owners = self.owners.lock().of_origins(origins);
        for owner in owners {
            self.close_owner(owner, own);
        }
    }

    /// Takes these requests out, those that wait by `wait` and the others by `hold`. Answers how many.
    pub(super) fn end_requests(&self, all: Vec<Ticket>, wait: Leave, hold: Leave, own: Option<&Mailbox>) -> usize {
        let (granted, mut waiting): (Vec<Ticket>, Vec<Ticket>) =
            all.into_iter().partition(|&ticket| self.is_granted(ticket));
        // What they give back must not go to one of those that wait on the way: waits first, the newest before the
        // others, and nobody is told before all is done.
        sort_by(&mut waiting, |a, b| b.number.cmp(&a.number));
        let mut effects = Effects::new();
        let waits = waiting.into_iter().filter_map(|ticket| self.take_out(ticket, wait, &mut effects)).count();
        let unseen = self.unseen(&granted);
        // Released meanwhile by its holder, or granted meanwhile by another: either way, it goes. Of which nothing was left
        // does not count.
        let holds = granted.into_iter().filter_map(|ticket| self.take_out(ticket, hold, &mut effects));
        let holds = holds.filter(|left| left.held || !left.granted).count();
        outcome::carry_out(self.shards[0].weak_space(), effects, own);
        drop(unseen);
        waits + holds
    }

    /// Closes a handle, by [`Leave::Close`] or [`Leave::Abandon`]: its waits fail, its grants are released, its calls that are
    /// to end before their bodies do are told.
    pub(crate) fn close(&self, handle: &Handle, why: Leave) {
        if self.retire(handle) {
            let mut origins = handle.ports.lock().clone();
            origins.push(handle.origin);
            let calls: [&dyn Fn(); 3] =
                [&|| self.end(&origins, why, None), &|| self.ring_all(&origins), &|| self.cells.end(None)];
            outcome::in_turn(calls.into_iter().map(|call| move || call()));
        }
    }

    /// Nothing comes through this handle any more. Answers whether it was open.
    fn retire(&self, handle: &Handle) -> bool {
        let open = !handle.closed.swap(true, Ordering::AcqRel);
        if open {
            let others = self.open_handles.fetch_sub(1, Ordering::AcqRel) - 1;
            if others == 0 {
                self.timers.wake_drivers();
            }
        }
        open
    }

    /// An origin that was never given before.
    fn new_origin(&self) -> Origin {
        Origin(self.last_origin.fetch_add(1, Ordering::Relaxed) + 1)
    }
}

impl Handle {
    /// Where requests come from that come through no port.
    pub(crate) fn origin(&self) -> Origin {
        self.origin
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }
}

impl Drop for Handle {
    /// A handle that is dropped leaves its grants to their guards.
    fn drop(&mut self) {
        if let Some(space) = self.space.upgrade() {
            space.handles.lock().retain(|(origin, _)| *origin != self.origin);
            space.retire(self);
        }
    }
}
