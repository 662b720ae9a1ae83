//! The line for one key, and the rule that decides who is granted next.
//!
//! Every request for a key stands in the key's queue in order of arrival, from when it joins until it releases,
//! holders included. A request is *eligible* on a key when no earlier incompatible request is left in its queue
//! (clause L2). The eligible ones are always the front of the queue: either its first node, if that one is exclusive,
//! or the run of shared nodes that it begins with. So one mark, [`Queue::first_waiting`], divides the queue, and moving
//! it is the whole rule ([`Queue::advance`]).
//!
//! A request holds its keys when it is eligible on all of them; until then a key on which it is eligible is reserved
//! for it.
//!
//! **Solo.** The usual lock is one request for one key, exclusive, that nobody else asks for meanwhile. Its queue has no
//! nodes: the holder is noted in the queue itself ([`Queue::solo`]). Whoever comes to stand behind it first gives it a
//! node ([`Queues::found`]), so that no rule but this one knows the difference.

use foldhash::fast::FixedState;

use super::Mode;
use super::Origin;
use super::index::Index;
use super::places::Places;
use crate::Key;

/// No node.
pub(super) const NIL: u32 = u32::MAX;

/// The requests for one key, as a doubly linked list of nodes.
pub(super) struct Queue {
    pub(super) key: Key,
    pub(super) hash: u64,
    /// [`NIL`] while the holder is solo.
    pub(super) first: u32,
    last: u32,
    /// The first node that is not eligible.
    pub(super) first_waiting: u32,
    /// The mode of the eligible nodes, or of the solo holder.
    pub(super) mode: Mode,
    holder: Solo,
    /// How many nodes are not eligible.
    pub(super) waiting: u32,
    /// When those who wait were last told that a holder went away.
    marked: u64,
}

/// A holder that its queue notes itself: one key, exclusive, claimed. Its number is its token.
#[derive(Clone, Copy)]
pub(super) struct Solo {
    pub(super) number: u64,
    pub(super) origin: Origin,
    /// The record that it got when somebody came to stand behind it.
    pub(super) request: u32,
}

impl Queue {
    /// The holder, while it is solo.
    pub(super) fn solo(&self) -> Option<Solo> {
        (self.first == NIL).then_some(self.holder)
    }

    /// **Who is granted next.** The first node that waits becomes eligible when nobody is left before it, or when it
    /// and all before it are shared; then the one after it is looked at.
    fn advance(&mut self, nodes: &mut Places<Node>, mut admit: impl FnMut(u32)) {
        while self.first_waiting != NIL {
            let node = &mut nodes[self.first_waiting];
            if self.first_waiting == self.first {
                self.mode = node.mode;
            } else if self.mode == Mode::Exclusive || node.mode == Mode::Exclusive {
                break;
            }
            node.eligible = true;
            self.waiting -= 1;
            self.first_waiting = node.next;
            admit(node.request);
        }
    }
}

impl Solo {
    const NOBODY: Solo = Solo { number: 0, origin: Origin(0), request: NIL };
}

/// One request's place in one queue.
pub(super) struct Node {
    pub(super) queue: u32,
    pub(super) request: u32,
    pub(super) mode: Mode,
    pub(super) eligible: bool,
    prev: u32,
    pub(super) next: u32,
}

/// The queues of a table. A key has one only while somebody stands in it (clause L17).
#[derive(Default)]
pub(super) struct Queues {
    index: Index,
    queues: Places<Queue>,
    nodes: Places<Node>,
}

impl Queues {
    /// The queue of a key, if anyone stands in it.
    pub(super) fn find(&self, hash: u64, key: &Key) -> Option<u32> {
        self.index.find(&self.queues, hash, |queue| queue.key == *key)
    }

    /// Whether a request that joined now would be eligible.
    pub(super) fn admits(&self, queue: u32, mode: Mode) -> bool {
        let queue = &self.queues[queue];
        mode == Mode::Shared && queue.mode == Mode::Shared && queue.first_waiting == NIL
    }

    /// Makes a queue whose holder is solo. There must be none for the key.
    #[inline]
    pub(super) fn open_solo(&mut self, hash: u64, key: &Key, number: u64, origin: Origin) -> u32 {
        self.open(hash, key, Mode::Exclusive, NIL, Solo { number, origin, request: NIL })
    }

    /// Takes a solo holder out. Answers whether it was that one.
    #[inline]
    pub(super) fn remove_solo(&mut self, queue: u32, number: u64) -> bool {
        if self.solo(queue).is_none_or(|solo| solo.number != number) {
            return false;
        }
        self.close(queue);
        true
    }

    /// Gives a solo holder, whose record is `request` from now on, a node.
    pub(super) fn found(&mut self, queue: u32, request: u32) -> u32 {
        let node = Node { queue, request, mode: Mode::Exclusive, eligible: true, prev: NIL, next: NIL };
        let at = self.nodes.insert(node);
        let queue = &mut self.queues[queue];
        (queue.first, queue.last) = (at, at);
        queue.holder.request = request;
        at
    }

    /// The solo holder of a queue, if there is that queue.
    pub(super) fn solo(&self, queue: u32) -> Option<Solo> {
        self.queues.get(queue).and_then(Queue::solo)
    }

    /// The record of what was a solo holder, if `number` named it.
    pub(super) fn founded(&self, queue: u32, number: u64) -> Option<u32> {
        let holder = self.queues.get(queue)?.holder;
        (holder.number == number && holder.request != NIL).then_some(holder.request)
    }

    /// Puts a request at the end of the line for a key. `found` is what [`find`](Queues::find) answered; its holder is
    /// not solo.
    pub(super) fn append(&mut self, hash: u64, key: &Key, mode: Mode, found: Option<u32>, request: u32) -> u32 {
        if let Some(queue) = found {
            return self.append_to(queue, mode, request);
        }
        let node = Node { queue: NIL, request, mode, eligible: true, prev: NIL, next: NIL };
        let at = self.nodes.insert(node);
        self.nodes[at].queue = self.open(hash, key, mode, at, Solo::NOBODY);
        at
    }

    /// Puts a request at the end of a line, whose holder is not solo.
    #[inline]
    pub(super) fn append_to(&mut self, at: u32, mode: Mode, request: u32) -> u32 {
        let eligible = self.admits(at, mode);
        let queue = &mut self.queues[at];
        let node = self.nodes.insert(Node { queue: at, request, mode, eligible, prev: queue.last, next: NIL });
        let last = std::mem::replace(&mut queue.last, node);
        if !eligible {
            queue.waiting += 1;
            if queue.first_waiting == NIL {
                queue.first_waiting = node;
            }
        }
        self.nodes[last].next = node;
        node
    }

    /// Puts a request before all others in the line for a key that has a queue, as if it had been the first there. Answers
    /// its node; the holders are to be taken out next. Calls `put_off` with each request behind it that was eligible and is
    /// not any more: those that `holds` does not accept.
    pub(super) fn prepend(
        &mut self,
        at: u32,
        request: u32,
        holds: impl Fn(u32) -> bool,
        mut put_off: impl FnMut(u32),
    ) -> u32 {
        let next = self.queues[at].first;
        let node = Node { queue: at, request, mode: Mode::Exclusive, eligible: true, prev: NIL, next };
        let front = self.nodes.insert(node);
        self.nodes[next].prev = front;
        let queue = &mut self.queues[at];
        (queue.first, queue.mode) = (front, Mode::Exclusive);
        let mut behind = next;
        let mut first_waiting = queue.first_waiting;
        let mut found = false;
        while behind != NIL && behind != queue.first_waiting {
            let node = &mut self.nodes[behind];
            if !holds(node.request) {
                node.eligible = false;
                queue.waiting += 1;
                if !std::mem::replace(&mut found, true) {
                    first_waiting = behind;
                }
                put_off(node.request);
            }
            behind = node.next;
        }
        queue.first_waiting = first_waiting;
        front
    }

    /// Takes a node out of its line, then calls `admit` with the request of each node that became eligible by it, in
    /// order.
    #[inline]
    pub(super) fn remove(&mut self, node: u32, admit: impl FnMut(u32)) {
        let Node { queue: at, prev, next, eligible, .. } = self.nodes[node];
        self.nodes.discard(node);
        if prev == NIL && next == NIL {
            return self.close(at);
        }
        let Queues { queues, nodes, .. } = self;
        let queue = &mut queues[at];
        queue.waiting -= u32::from(!eligible);
        if queue.first_waiting == node {
            queue.first_waiting = next;
        }
        match prev {
            NIL => queue.first = next,
            _ => nodes[prev].next = next,
        }
        match next {
            NIL => queue.last = prev,
            _ => nodes[next].prev = prev,
        }
        queue.advance(nodes, admit);
    }

    /// Makes a node that is eligible alone a shared one, then calls `admit` as [`remove`](Queues::remove) does.
    pub(super) fn share(&mut self, node: u32, admit: impl FnMut(u32)) {
        let Queues { queues, nodes, .. } = self;
        let Node { queue, mode, .. } = &mut nodes[node];
        *mode = Mode::Shared;
        let queue = &mut queues[*queue];
        queue.mode = Mode::Shared;
        queue.advance(nodes, admit);
    }

    /// Notes that those who wait are told at `clock` that a holder went away. `false` when they were told then already.
    pub(super) fn mark(&mut self, queue: u32, clock: u64) -> bool {
        std::mem::replace(&mut self.queues[queue].marked, clock) != clock
    }

    pub(super) fn node(&self, node: u32) -> &Node {
        &self.nodes[node]
    }

    pub(super) fn queue(&self, queue: u32) -> &Queue {
        &self.queues[queue]
    }

    /// Every queue, for a query of everything.
    pub(super) fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.queues.iter().map(|(at, _)| at)
    }

    /// The nodes from `node` on, in order.
    pub(super) fn nodes_from(&self, node: u32) -> impl Iterator<Item = (u32, &Node)> + '_ {
        let mut at = node;
        std::iter::from_fn(move || {
            let node = self.nodes.get(at)?;
            let item = (at, node);
            at = node.next;
            Some(item)
        })
    }

    /// The nodes before one in its queue, the nearest first.
    pub(super) fn nodes_before<'q>(&'q self, node: &Node) -> impl Iterator<Item = &'q Node> + use<'q> {
        let mut at = node.prev;
        std::iter::from_fn(move || {
            let node = self.nodes.get(at)?;
            at = node.prev;
            Some(node)
        })
    }

    /// Whether a node is not the last of its queue.
    pub(super) fn is_followed(&self, node: u32) -> bool {
        self.nodes[node].next != NIL
    }

    /// How many queues there is room for.
    pub(super) fn room(&self) -> usize {
        self.queues.room()
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    #[inline]
    fn open(&mut self, hash: u64, key: &Key, mode: Mode, node: u32, holder: Solo) -> u32 {
        let queue = Queue {
            key: key.clone(),
            hash,
            first: NIL,
            last: NIL,
            first_waiting: NIL,
            mode: Mode::Exclusive,
            holder,
            waiting: 0,
            marked: 0,
        };
        let at = self.queues.insert(queue);
        // Once it is in its place: what was just written would not be read back at once, in wider pieces, to be moved there.
        let queue = &mut self.queues[at];
        (queue.first, queue.last, queue.mode) = (node, node, mode);
        self.index.added(&self.queues, hash, at);
        at
    }

    #[inline]
    fn close(&mut self, queue: u32) {
        self.index.removed(self.queues[queue].hash, queue);
        self.queues.discard(queue);
        if self.queues.is_empty() {
            // Forgets the vacant places of a past peak, which a search through few queues would have to pass.
            self.queues.clear();
        }
    }
}

/// The hash of a key: decides its table and its place in the index.
pub(crate) fn hash(seed: &FixedState, key: &Key) -> u64 {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = seed.build_hasher();
    key.add_to(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_is_found_among_few_and_among_many() {
        let mut queues = Queues::default();
        // Two keys of each hash, so that the keys decide.
        let hash = |at: u32| u64::from(at / 2).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let origin = Origin(1);
        for round in 0..3 {
            for count in [1, 7, 8, 9, 40] {
                let opened: Vec<_> =
                    (0..count).map(|at| queues.open_solo(hash(at), &Key::from(at), u64::from(at), origin)).collect();
                for at in 0..count {
                    let found = queues.find(hash(at), &Key::from(at));
                    assert_eq!(found, Some(opened[at as usize]), "round {round}");
                }
                assert_eq!(queues.find(hash(0), &Key::from(count)), None);
                for at in (0..count).rev() {
                    assert!(queues.remove_solo(opened[at as usize], u64::from(at)));
                    assert_eq!(queues.find(hash(at), &Key::from(at)), None);
                }
                assert!(queues.is_empty() && queues.nodes.is_empty() && queues.index.is_empty());
            }
        }
    }

    /// The table stays until there are no queues, so what is added while it is small again must be in it too.
    #[test]
    fn a_queue_added_after_many_became_few_is_found() {
        let mut queues = Queues::default();
        let origin = Origin(1);
        let open =
            |queues: &mut Queues, at: u32| queues.open_solo(u64::from(at), &Key::from(at), u64::from(at), origin);
        let many: Vec<_> = (0..20).map(|at| open(&mut queues, at)).collect();
        for at in 1..20_u32 {
            assert!(queues.remove_solo(many[at as usize], u64::from(at)));
        }
        let late = open(&mut queues, 99);
        assert_eq!(queues.find(99, &Key::from(99_u32)), Some(late));
        assert_eq!(queues.find(0, &Key::from(0_u32)), Some(many[0]));
    }
}
