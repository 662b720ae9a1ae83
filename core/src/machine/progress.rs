//! How often a body runs, and when its call takes a turn (clauses C5, C6).
//!
//! Three attempts are free. After the third conflict, or at once when another call's turn is in the way, the call takes the
//! turn of its cells; a transaction that then conflicts over a cell outside, or that ever scanned, takes the turn of the
//! whole space. In a turn only writes that carry no function are in its way: it counts them as losses.

/// So many conflicts a call takes without a turn.
const FREE: u32 = 3;

/// So many losses end a call in its turn.
const LOSSES: u32 = 16;

/// What a call has for a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Rank {
    /// None.
    Free,
    /// That of its cells.
    Cells,
    /// That of the whole space.
    Space,
}

/// Why an attempt did not commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Clash {
    /// A cell or a range changed that its turn is not for.
    pub(crate) outside: bool,
    /// The turn of another call is in the way.
    pub(crate) met_turn: bool,
    /// It is a scan that makes the turn of cells of no use: this attempt, or one before, has scanned.
    pub(crate) scanned: bool,
}

/// What a call does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// It runs its body.
    Run,
    /// It gives back the turn that it has, and takes this one.
    Take(Rank),
    /// It ends with `conflict`.
    GiveUp,
}

/// How far a call has come.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Progress {
    /// The caller's limit of attempts.
    limit: Option<u32>,
    /// How often the body has run.
    runs: u32,
    /// Those of them that ended by waiting for a change: no conflicts.
    waited: u32,
    conflicts: u32,
    losses: u32,
    rank: Rank,
}

impl Progress {
    pub(crate) fn new(limit: Option<u32>) -> Progress {
        Progress { limit, runs: 0, waited: 0, conflicts: 0, losses: 0, rank: Rank::Free }
    }

    /// How often the body has run.
    pub(crate) fn runs(&self) -> u32 {
        self.runs
    }

    pub(crate) fn rank(&self) -> Rank {
        self.rank
    }

    /// The body runs. Answers the number of the attempt.
    pub(crate) fn run(&mut self) -> u32 {
        self.runs += 1;
        self.runs
    }

    /// It has taken a turn.
    pub(crate) fn taken(&mut self, rank: Rank) {
        self.rank = rank;
    }

    /// An attempt did not commit.
    pub(crate) fn clashed(&mut self, clash: Clash) -> Next {
        if self.limit.is_some_and(|limit| self.runs - self.waited >= limit) {
            return Next::GiveUp;
        }
        match self.rank {
            Rank::Free => {
                self.conflicts += 1;
                match (self.conflicts >= FREE || clash.met_turn, clash.scanned) {
                    (false, _) => Next::Run,
                    (true, false) => Next::Take(Rank::Cells),
                    (true, true) => Next::Take(Rank::Space),
                }
            }
            Rank::Cells if clash.outside || clash.met_turn => Next::Take(Rank::Space),
            Rank::Cells | Rank::Space => {
                self.losses += 1;
                if self.losses < LOSSES { Next::Run } else { Next::GiveUp }
            }
        }
    }

    /// An attempt ended by waiting for a change: what comes then begins anew, without a turn.
    pub(crate) fn wait(&mut self) {
        self.waited += 1;
        (self.conflicts, self.losses, self.rank) = (0, 0, Rank::Free);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Clash = Clash { outside: false, met_turn: false, scanned: false };

    #[test]
    fn the_fourth_run_is_in_the_turn() {
        let mut progress = Progress::new(None);
        for next in [Next::Run, Next::Run, Next::Take(Rank::Cells)] {
            progress.run();
            assert_eq!(progress.clashed(PLAIN), next);
        }
        progress.taken(Rank::Cells);
        for _ in 1..LOSSES {
            progress.run();
            assert_eq!(progress.clashed(PLAIN), Next::Run);
        }
        progress.run();
        assert_eq!(progress.clashed(PLAIN), Next::GiveUp);
        assert_eq!(progress.runs(), FREE + LOSSES);
    }

    #[test]
    fn a_turn_in_the_way_is_joined_at_once_and_a_cell_outside_leads_to_the_space() {
        let mut progress = Progress::new(None);
        progress.run();
        assert_eq!(progress.clashed(Clash { met_turn: true, ..PLAIN }), Next::Take(Rank::Cells));
        progress.taken(Rank::Cells);
        progress.run();
        assert_eq!(progress.clashed(Clash { outside: true, ..PLAIN }), Next::Take(Rank::Space));
        let mut progress = Progress::new(None);
        progress.run();
        assert_eq!(progress.clashed(Clash { met_turn: true, scanned: true, ..PLAIN }), Next::Take(Rank::Space));
    }

    #[test]
    fn the_callers_limit_counts_conflicts_and_no_waits() {
        let mut progress = Progress::new(Some(2));
        progress.run();
        progress.wait();
        progress.run();
        assert_eq!(progress.clashed(PLAIN), Next::Run);
        progress.run();
        assert_eq!(progress.clashed(PLAIN), Next::GiveUp);
        assert_eq!(progress.runs(), 3);
    }
}
