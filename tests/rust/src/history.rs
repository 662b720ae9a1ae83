//! Judges a history of transactions: whether some order of all of them explains what each has seen, and fits when each
//! began and ended.
//!
//! Versions tell which write a read has seen, so the order of the writes of each cell is known. What is left to look for is
//! a circle: of writes that follow each other, reads that follow what they saw and come before what overwrote it, and calls
//! that began after others had ended.

use std::collections::BTreeMap;

/// What one transaction, or update, did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// When it was called, and when it had answered: numbers from one count.
    pub began: u64,
    /// See `began`.
    pub ended: u64,
    /// The cells that it read, with the versions and values that it saw; version 0 of a cell that nobody had written.
    pub reads: Vec<Seen>,
    /// The cells that it wrote.
    pub writes: Vec<Seen>,
}

/// A cell as it was seen or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Which cell.
    pub cell: usize,
    /// Its version.
    pub version: u64,
    /// Its value.
    pub value: u64,
}

/// What is wrong with a history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wrong {
    /// Two writes of a cell have one version.
    SameVersion(usize, usize),
    /// A call saw what nobody committed, or another value than was committed.
    NeverWritten(usize),
    /// No order explains these: each must come before the next, and the last before the first.
    Circle(Vec<usize>),
}

/// Looks for what is wrong. The calls are named by their places.
///
/// # Errors
///
/// The first thing that is.
pub fn judge(history: &[Call]) -> Result<(), Wrong> {
    let mut writers: BTreeMap<(usize, u64), (usize, u64)> = BTreeMap::new();
    for (call, write) in history.iter().enumerate().flat_map(|(at, call)| call.writes.iter().map(move |w| (at, w))) {
        if let Some((other, _)) = writers.insert((write.cell, write.version), (call, write.value)) {
            return Err(Wrong::SameVersion(other, call));
        }
    }
    let mut after: Vec<Vec<usize>> = vec![Vec::new(); history.len()];
    let mut edge = |from: usize, to: usize| {
        if from != to {
            after[from].push(to);
        }
    };
    let next = |cell: usize, version: u64| writers.range((cell, version + 1)..(cell + 1, 0)).next();
    for (&(cell, version), &(writer, _)) in &writers {
        if let Some((_, &(later, _))) = next(cell, version) {
            edge(writer, later);
        }
    }
    for (reader, read) in history.iter().enumerate().flat_map(|(at, call)| call.reads.iter().map(move |r| (at, r))) {
        match writers.get(&(read.cell, read.version)) {
            Some(&(writer, value)) if value == read.value => edge(writer, reader),
            None if read.version == 0 && read.value == 0 => {}
            _ => return Err(Wrong::NeverWritten(reader)),
        }
        if let Some((_, &(later, _))) = next(read.cell, read.version) {
            edge(reader, later);
        }
    }
    for (at, call) in history.iter().enumerate() {
        for (other, _) in history.iter().enumerate().filter(|(_, other)| call.ended < other.began) {
            edge(at, other);
        }
    }
    circle(&after).map_or(Ok(()), |circle| Err(Wrong::Circle(circle)))
}

/// A circle of a graph, if there is one.
fn circle(after: &[Vec<usize>]) -> Option<Vec<usize>> {
    // 0: not seen, 1: on the path, 2: done.
    let mut state = vec![0_u8; after.len()];
    for start in 0..after.len() {
        let mut path = vec![(start, 0)];
        if state[start] != 0 {
            continue;
        }
        state[start] = 1;
        while let Some((at, next)) = path.last_mut() {
            let Some(&to) = after[*at].get(*next) else {
                state[*at] = 2;
                path.pop();
                continue;
            };
            *next += 1;
            match state[to] {
                0 => {
                    state[to] = 1;
                    path.push((to, 0));
                }
                1 => return Some(path.iter().map(|(at, _)| *at).skip_while(|at| *at != to).collect()),
                _ => {}
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(cell: usize, version: u64, value: u64) -> Seen {
        Seen { cell, version, value }
    }

    fn call(began: u64, ended: u64, reads: &[Seen], writes: &[Seen]) -> Call {
        Call { began, ended, reads: reads.to_vec(), writes: writes.to_vec() }
    }

    /// What makes a history wrong.
    type Corrupt = fn(&mut Vec<Call>);

    fn good() -> Vec<Call> {
        vec![
            call(1, 4, &[seen(0, 0, 0)], &[seen(0, 1, 10)]),
            call(2, 6, &[seen(0, 1, 10), seen(1, 0, 0)], &[seen(0, 2, 20), seen(1, 2, 20)]),
            call(3, 5, &[seen(1, 0, 0)], &[seen(2, 1, 30)]),
            call(7, 8, &[seen(0, 2, 20), seen(1, 2, 20), seen(2, 1, 30)], &[]),
        ]
    }

    #[test]
    fn what_some_order_explains_is_accepted() {
        assert_eq!(judge(&good()), Ok(()));
        assert_eq!(judge(&[]), Ok(()));
    }

    #[test]
    fn every_corruption_is_found() {
        let corrupt: [(&str, Corrupt); 9] = [
            ("lost update", |all| all[1].reads[0] = seen(0, 0, 0)),
            ("one version twice", |all| all[1].writes[0].version = 1),
            ("aborted read", |all| all[3].reads[0] = seen(0, 7, 7)),
            ("intermediate read", |all| all[3].reads[0].value = 19),
            ("stale read after the end", |all| all[3].reads[2] = seen(2, 0, 0)),
            ("read skew", |all| all[3].reads[1] = seen(1, 0, 0)),
            ("write skew", |all| {
                all[2] = call(2, 6, &[seen(1, 0, 0), seen(2, 0, 0)], &[seen(2, 1, 30)]);
                all[1].reads.push(seen(2, 0, 0));
            }),
            ("order of calls", |all| all[0] = call(9, 10, &[seen(0, 0, 0)], &[seen(0, 1, 10)])),
            ("dirty write", |all| {
                all[0] = call(1, 4, &[], &[seen(0, 1, 10), seen(1, 3, 10)]);
                all[1] = call(2, 6, &[], &[seen(0, 2, 20), seen(1, 2, 20)]);
                all[3].reads.clear();
            }),
        ];
        for (name, corrupt) in corrupt {
            let mut history = good();
            corrupt(&mut history);
            assert!(judge(&history).is_err(), "{name}");
        }
    }
}
