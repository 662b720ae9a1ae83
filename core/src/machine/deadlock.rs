//! Who waits for whom, and whether a wait would close a circle (clause L12).
//!
//! A request that waits, waits for every earlier incompatible request in its queues, be it a holder or itself waiting.
//! Where such a request has an owner, it gives way only once that owner goes on: so whatever its owner waits for is
//! waited for too. A request of owner O is refused when, along these lines, it waits for a request of O.
//!
//! Of the earlier requests for a key only the nearest are looked at ([`LockTable::blocking`]): they wait for those before
//! them.
//!
//! The search looks at one table at a time, so what it finds may be gone when it is found. Whoever acts on a chain locks
//! all its tables first and looks at every link again ([`LockTable::still`]).

use super::queue::Node;
use super::{LockTable, Mode, Numbered, Recipient};
use crate::{Key, Ticket};

/// One request stands in the way of another on one key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// The request that waits.
    pub(crate) waiter: Ticket,
    /// Its part in the table of the key.
    pub(crate) part: Ticket,
    pub(crate) key: Key,
    /// The request that stands in its way.
    pub(crate) blocker: Ticket,
    /// The blocker's owner, 0 for none.
    pub(crate) owner: u64,
}

/// What a chain of waits is looked for to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target {
    /// A request of this owner.
    Owner(u64),
    /// This request.
    Request(Ticket),
}

/// Who waits for whom, as far as it can be seen from one table after another.
pub(crate) trait WaitGraph {
    /// What stands in the way of a request. Nothing, when it does not wait.
    fn blocking(&mut self, request: Ticket) -> Vec<Link>;

    /// The requests of an owner.
    fn requests(&mut self, owner: u64) -> Vec<Ticket>;
}

/// The shortest chain of waits from one of these requests to the target, first link first.
pub(crate) fn chain(graph: &mut impl WaitGraph, from: &[Ticket], target: Target) -> Option<Vec<Link>> {
    let mut links: Vec<(Link, Option<usize>)> = Vec::new();
    let (mut seen, mut seen_owners) = (Numbered::default(), Numbered::default());
    for &request in from {
        seen.insert(request, ());
    }
    // Breadth first: each with the link by which it was reached.
    let mut reached: Vec<(Ticket, Option<usize>)> = from.iter().map(|&request| (request, None)).collect();
    let mut next = 0;
    while let Some(&(request, via)) = reached.get(next) {
        next += 1;
        for link in graph.blocking(request) {
            let (blocker, owner) = (link.blocker, link.owner);
            links.push((link, via));
            let here = Some(links.len() - 1);
            let found = match target {
                Target::Owner(number) => owner == number,
                Target::Request(wanted) => blocker.identity() == wanted.identity(),
            };
            if found {
                return Some(unwind(&links, here));
            }
            if seen.insert(blocker, ()).is_none() {
                reached.push((blocker, here));
            }
            if owner != 0 && seen_owners.insert(owner, ()).is_none() {
                let others = graph.requests(owner).into_iter().filter(|&other| seen.insert(other, ()).is_none());
                reached.extend(others.map(|other| (other, here)));
            }
        }
    }
    None
}

/// The links that lead to the last one, in order.
fn unwind(links: &[(Link, Option<usize>)], last: Option<usize>) -> Vec<Link> {
    let mut chain = Vec::new();
    let mut at = last;
    while let Some((link, before)) = at.map(|at| &links[at]) {
        chain.push(link.clone());
        at = *before;
    }
    chain.reverse();
    chain
}

impl<R: Recipient> LockTable<R> {
    /// What stands in the way of the part of a request here: on each key, of the earlier incompatible requests the
    /// nearest, which are one exclusive or a run of shared ones.
    pub(crate) fn blocking(&mut self, part: Ticket) -> Vec<Link> {
        let mut links = Vec::new();
        let Some(slot) = self.slot(part) else { return links };
        let waiter = self.home(slot);
        for &own in &self.requests[slot].nodes {
            let node = self.queues.node(own);
            if node.eligible {
                continue;
            }
            let key = &self.queues.queue(node.queue).key;
            for earlier in self.nearest_incompatible(node) {
                let request = &self.requests[earlier.request];
                let owner = request.owner().map_or(0, |owner| owner.number);
                let blocker = self.home(earlier.request);
                links.push(Link { waiter, part, key: key.clone(), blocker, owner });
            }
        }
        links
    }

    /// Whether a link, found before, is still there.
    pub(crate) fn still(&mut self, link: &Link) -> bool {
        self.blocking(link.part).contains(link)
    }

    /// Whether anybody stands behind a request here.
    pub(crate) fn is_followed(&mut self, part: Ticket) -> bool {
        let Some(slot) = self.slot(part) else { return false };
        self.requests[slot].nodes.iter().any(|&node| self.queues.is_followed(node))
    }

    fn nearest_incompatible(&self, node: &Node) -> Vec<&Node> {
        let mut before = self.queues.nodes_before(node);
        match node.mode {
            Mode::Shared => before.find(|earlier| earlier.mode == Mode::Exclusive).into_iter().collect(),
            Mode::Exclusive => {
                let Some(first) = before.next() else { return Vec::new() };
                let run = before.take_while(|earlier| earlier.mode == Mode::Shared && first.mode == Mode::Shared);
                std::iter::once(first).chain(run).collect()
            }
        }
    }
}
