//! The way of an `update`, the same for futures and bindings: its cell is read, its function runs, and what that answers is
//! written if the cell is as it was.

use super::course::{Course, Go, Site};
use crate::commit::Write;
use crate::engine::MemoryCells;
use crate::entry::Told;
use crate::machine::{Doom, Rank};
use crate::shared::{Demand, Mailbox, Stored};
use crate::{Error, Key};

/// What was written: its version, and whether it is a new one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Written {
    pub(super) version: u64,
    pub(super) changed: bool,
}

impl Course {
    /// Begins with the cell of an update, which joins a queue that is there before it runs. `None`: it waits.
    pub(super) fn begin_update<V: Send + Sync + 'static>(
        &mut self,
        site: &Site<'_, V>,
        cell: &Key,
    ) -> Result<Option<Told<Stored<V>>>, Error> {
        self.note_cell(cell);
        let (told, queue) = site.engine.peek(cell)?;
        if !queue {
            return Ok(Some(told));
        }
        let go = self.take(site, Rank::Cells)?;
        read(go, site.engine, cell)
    }

    /// Writes what the function has answered, for a call that nothing has ended yet.
    ///
    /// # Errors
    ///
    /// What has ended it; `closed`, `fenced`. Inside: why it is not written, so that the function runs again.
    pub(super) fn write<V: Send + Sync + 'static>(
        &self,
        site: &Site<'_, V>,
        cell: &Key,
        answer: (u64, Option<Write<V>>),
    ) -> Result<Result<Written, Doom>, Error> {
        self.check_up(site)?;
        write(site.engine, cell, answer, (self.number(), self.guards()), site.teller.own())
    }
}

/// The cell of an update that runs; `None` for one that waits.
pub(super) fn read<V: Send + Sync + 'static>(
    go: Go,
    engine: &MemoryCells<V>,
    cell: &Key,
) -> Result<Option<Told<Stored<V>>>, Error> {
    match go {
        Go::Wait => Ok(None),
        Go::Run => Ok(Some(engine.peek(cell)?.0)),
    }
}

/// Writes a cell that still has the version that the function was given. Nothing to write: the guards are to be held, and
/// the handle open, all the same.
///
/// # Errors
///
/// `closed`, `fenced`.
#[inline]
pub(super) fn write<V: Send + Sync + 'static>(
    engine: &MemoryCells<V>,
    cell: &Key,
    (version, write): (u64, Option<Write<V>>),
    by: (u64, &[Demand]),
    own: Option<&Mailbox>,
) -> Result<Result<Written, Doom>, Error> {
    let Some(write) = write else {
        engine.check_guards(by.1)?;
        engine.check_open()?;
        return Ok(Ok(Written { version, changed: false }));
    };
    let exchanged = engine.exchange(cell, (version, write), by, own)?;
    Ok(exchanged.map(|version| Written { version, changed: true }))
}
