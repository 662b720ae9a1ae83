//! Rounds: every side in turn, again and again, so that what disturbs the machine disturbs all sides.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

/// One way of doing a case's job.
pub struct Side {
    name: String,
    run: Box<dyn FnMut(u64) -> Duration>,
    runs: Option<Rc<Cell<Runs>>>,
}

/// How often bodies ran in so many calls, and in the worst of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Runs {
    calls: u64,
    bodies: u64,
    most: u32,
}

impl Side {
    /// `run` does the job as often as it is told, and answers how long that took.
    pub fn new(name: impl Into<String>, run: impl FnMut(u64) -> Duration + 'static) -> Side {
        Side { name: name.into(), run: Box::new(run), runs: None }
    }

    /// A side whose bodies may run several times for each call, as it notes there.
    #[must_use]
    pub fn noting(self, runs: &Rc<Cell<Runs>>) -> Side {
        Side { runs: Some(runs.clone()), ..self }
    }

    /// How often bodies ran so far, where that is noted.
    pub fn runs(&self) -> Option<Runs> {
        self.runs.as_ref().map(|runs| runs.get())
    }

    /// The name in tables and plots.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Does the job `operations` times: nanoseconds for each.
    pub fn cost(&mut self, operations: u64) -> f64 {
        (self.run)(operations).as_nanos() as f64 / operations as f64
    }
}

impl Runs {
    /// One more call, whose body ran so often.
    #[must_use]
    pub fn and(self, bodies: u32) -> Runs {
        let Runs { calls, bodies: before, most } = self;
        Runs { calls: calls + 1, bodies: before + u64::from(bodies), most: most.max(bodies) }
    }

    /// How often the body ran for each call.
    pub fn each(self) -> f64 {
        self.bodies as f64 / self.calls.max(1) as f64
    }

    /// How often it ran in the worst case.
    pub fn most(self) -> u32 {
        self.most
    }
}

impl std::fmt::Debug for Side {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Side").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What each side cost in each round: `costs[side][round]`, in nanoseconds per operation.
///
/// The first round warms up and is left out. Each round begins with another side.
pub fn interleave(sides: &mut [Side], operations: u64, rounds: usize) -> Vec<Vec<f64>> {
    let mut costs = vec![Vec::with_capacity(rounds); sides.len()];
    for round in 0..=rounds {
        for turn in 0..sides.len() {
            let side = (round + turn) % sides.len();
            let cost = sides[side].cost(operations);
            if round > 0 {
                costs[side].push(cost);
            }
        }
    }
    costs
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn runs_are_counted_for_each_call_and_in_the_worst() {
        let runs = [1, 4, 1].into_iter().fold(Runs::default(), Runs::and);
        assert_eq!((runs.each(), runs.most()), (2.0, 4));
        assert_eq!(Runs::default().each(), 0.0);
    }

    #[test]
    fn sides_take_turns_and_the_first_round_is_left_out() {
        let order = Rc::new(RefCell::new(String::new()));
        let mut sides: Vec<Side> = [("a", 10), ("b", 20)]
            .into_iter()
            .map(|(name, nanoseconds)| {
                let order = order.clone();
                Side::new(name, move |operations| {
                    order.borrow_mut().push_str(name);
                    Duration::from_nanos(nanoseconds * operations)
                })
            })
            .collect();
        let costs = interleave(&mut sides, 1000, 3);
        assert_eq!(*order.borrow(), "abbaabba");
        assert_eq!(costs, [[10.0; 3], [20.0; 3]]);
    }
}
